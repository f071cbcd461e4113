//! Waking a task, from any thread.

use std::sync::Arc;
use std::task::Wake;

use crate::entry::{Entry, TaskId};
use crate::platform::Platform;
use crate::shared::Shared;
use crate::step::TaskStep;

/// Whether a task that is woken has to be put in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wakefulness {
    /// It waits for a wakeup.
    Idle,
    /// It is in the queue, or about to be put there by the first thread that woke it. More wakeups
    /// change nothing.
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
    /// For a task that is about to be put in the queue.
    pub(crate) fn new(shared: &Arc<Shared<P>>, id: TaskId) -> Arc<Self> {
        Arc::new(TaskWaker {
            shared: shared.clone(),
            id,
            wakefulness: P::mutex(Wakefulness::Scheduled),
        })
    }

    /// As [`new`](Self::new), in the place of a waker of the same loop.
    pub(crate) fn renew(&mut self, id: TaskId) {
        self.id = id;
        self.wakefulness = P::mutex(Wakefulness::Scheduled);
    }

    pub(crate) fn id(&self) -> TaskId {
        self.id
    }

    /// The task is about to be polled.
    ///
    /// Before the poll, not after it: what the poll has looked at may change while it runs, and the
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
            // A closed loop refuses, but it has dropped the task already.
            let _ = self.shared.call_soon_threadsafe(Entry::Task(self.id));
        }
    }
}
