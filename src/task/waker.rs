//! Waking a task, from any thread.

use std::sync::Arc;
use std::task::Wake;

use crate::event_loop::{Entry, Shared};
use crate::platform::Platform;
use crate::step::TaskStep;

/// Which task: a place in the loop's slab, and a number that no other task of the loop has had, so
/// that what was meant for a task that is gone does not reach the next one in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TaskId {
    pub(crate) place: usize,
    pub(crate) number: u64,
}

impl TaskId {
    /// The place of a future that is in no slab, since its owner waits for it.
    pub(crate) const MAIN: usize = usize::MAX;
}

/// Why a task is, or is not, to be put in the queue when it is woken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wakefulness {
    /// It waits for a wakeup.
    Idle,
    /// It is in the queue, or about to be put there by whoever was first. Wakeups are one.
    Scheduled,
    /// It is over. Wakeups mean nothing any more.
    Finished,
}

/// What a task's wakers are made of. No part of the task itself is in it.
pub(crate) struct TaskWaker<P: Platform> {
    shared: Arc<Shared<P>>,
    id: TaskId,
    wakefulness: P::Mutex<Wakefulness>,
}

impl<P: Platform> TaskWaker<P> {
    /// For a task that is about to be put in the queue. Uses the memory of the task before, if
    /// nobody has kept a waker of it.
    pub(crate) fn new(
        spare: Option<Arc<TaskWaker<P>>>,
        shared: &Arc<Shared<P>>,
        id: TaskId,
    ) -> Arc<Self> {
        if let Some(mut spare) = spare
            && let Some(waker) = Arc::get_mut(&mut spare)
        {
            waker.id = id;
            waker.wakefulness = P::mutex(Wakefulness::Scheduled);
            return spare;
        }
        Arc::new(TaskWaker {
            shared: shared.clone(),
            id,
            wakefulness: P::mutex(Wakefulness::Scheduled),
        })
    }

    pub(crate) fn id(&self) -> TaskId {
        self.id
    }

    /// The task is about to be polled.
    ///
    /// Before the poll, not after it: what the poll has looked at may change while it runs, and a
    /// wakeup that says so has to put the task in the queue again.
    pub(crate) fn begin_poll(&self) {
        let mut wakefulness = P::lock(&self.wakefulness);
        *wakefulness = Wakefulness::Idle;
        P::task_step(TaskStep::BeginPoll);
    }

    /// The task is over.
    pub(crate) fn finish(&self) {
        let mut wakefulness = P::lock(&self.wakefulness);
        *wakefulness = Wakefulness::Finished;
        P::task_step(TaskStep::Finish);
    }
}

impl<P: Platform> Wake for TaskWaker<P> {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut wakefulness = P::lock(&self.wakefulness);
        P::task_step(TaskStep::Schedule);
        if *wakefulness == Wakefulness::Idle {
            *wakefulness = Wakefulness::Scheduled;
            drop(wakefulness);
            // A closed loop has dropped the task already.
            let _ = self.shared.inbox.call_soon_threadsafe(Entry::Task(self.id));
        }
    }
}
