//! The tasks of programs: futures that follow their steps.

use std::collections::{BTreeMap, VecDeque};
use std::mem;
use std::panic;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use wakeproof::platform::{Deliberate, Platform};
use wakeproof::{Closed, ResultError, SharedTask};

use super::execution::{Me, Shared, Token, this_thread};
use super::program::Step;
use super::progress::Progress;
use crate::command::{Id, SpawnThrough, nth};
use crate::record::{Call, End, Event, OWNER, Outcome};

/// A task's future.
struct Script<P: Platform> {
    id: Id,
    steps: VecDeque<Step>,
    /// It waits for the event. By what is with the loop's owner, since that is not `Send`.
    waits: bool,
    token: Option<Token<P>>,
    shared: Arc<Shared<P>>,
}

impl<P: Platform> Future for Script<P> {
    type Output = Id;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Id> {
        let this = &mut *self;
        let id = this.id;
        let me = Me {
            thread: this_thread(),
            shared: this.shared.clone(),
        };
        me.record(Event::Polled(id, P::now()));
        me.progress(id, |task| {
            task.polls += 1;
            task.waits = false;
        });
        let panics = loop {
            if this.waits {
                if !me.wait(id, context) {
                    me.progress(id, |task| task.waits = true);
                    me.record(Event::Waits(id, None));
                    return Poll::Pending;
                }
                this.waits = false;
            }
            match this.steps.pop_front() {
                None => break false,
                Some(Step::Panic) => break true,
                Some(Step::Wait) => this.waits = true,
                Some(Step::Yield) => {
                    me.wake(id, context.waker());
                    me.record(Event::Waits(id, None));
                    return Poll::Pending;
                }
                Some(Step::KeepWaker) => {
                    let waker = context.waker().clone();
                    me.shared.seen().wakers.insert(id, waker);
                }
                Some(step) => me.perform(&step),
            }
        };
        if panics {
            me.record(Event::Panics(id));
        }
        me.record(Event::Ended(id));
        // Not while it unwinds: a thread that panics should meet no scheduling points.
        this.token = None;
        if panics {
            panic::resume_unwind(Box::new(Deliberate));
        }
        Poll::Ready(id)
    }
}

/// What it waits by goes first, as with the locals of an `async` block.
impl<P: Platform> Drop for Script<P> {
    fn drop(&mut self) {
        if self.waits {
            let owned = self.shared.owned();
            let wait = owned.waits.borrow_mut().remove(&self.id);
            drop(wait);
        }
    }
}

impl<P: Platform> Me<P> {
    pub(super) fn spawn(&self, steps: &[Step]) {
        let (id, future) = self.begin_spawn(SpawnThrough::Threadsafe(self.caller()), steps);
        match self.shared.handle.spawn_threadsafe(future) {
            Ok(task) => {
                self.shared.seen().tasks.insert(id, Arc::new(task));
                self.accepted(None);
            }
            Err(Closed(future)) => self.refused(future),
        }
    }

    pub(super) fn spawn_local(&self, steps: &[Step]) {
        let (id, future) = self.begin_spawn(SpawnThrough::Local, steps);
        let owned = self.shared.owned();
        match owned.local.spawn(future) {
            Ok(task) => {
                owned.tasks.borrow_mut().insert(id, task);
                self.accepted(None);
            }
            Err(Closed(future)) => self.refused(future),
        }
    }

    fn begin_spawn(&self, through: SpawnThrough, steps: &[Step]) -> (Id, Script<P>) {
        let never_waits = !steps.contains(&Step::Wait);
        let mut board = self.shared.board();
        // No scheduling point from here to the spawn: close drops tasks in the order of their numbers.
        let id = self.shared.seen().number();
        board.tasks.insert(
            id,
            Progress {
                never_waits,
                ..Progress::default()
            },
        );
        drop(board);
        self.record(Event::Call(Call::Spawn(id, through)));
        let script = Script {
            id,
            steps: steps.iter().cloned().collect(),
            waits: false,
            token: Some(Token::new(id, &self.shared)),
            shared: self.shared.clone(),
        };
        (id, script)
    }

    /// Polls the task's wait for the event, and says whether that is over.
    fn wait(&self, id: Id, context: &mut Context<'_>) -> bool {
        let owned = self.shared.owned();
        let wait = owned.waits.borrow_mut().remove(&id);
        let mut wait = wait.unwrap_or_else(|| owned.event.wait());
        let mut ready = false;
        self.during(Call::Wait(id), || {
            ready = Pin::new(&mut wait).poll(context).is_ready();
            Outcome::Ready(ready)
        });
        if !ready {
            owned.waits.borrow_mut().insert(id, wait);
        }
        ready
    }

    /// Wakes a task, which is then to be polled once more.
    pub(super) fn wake(&self, id: Id, waker: &Waker) {
        let polls = self.shared.board().tasks[&id].polls;
        self.during(Call::Wake(id), || {
            waker.wake_by_ref();
            Outcome::Nothing
        });
        self.progress(id, |task| task.woken_at = task.woken_at.max(polls));
    }

    /// Sets the event by `set`, if it is accepted. Who waits for it now is then to be polled once more.
    pub(super) fn set(&self, set: impl FnOnce() -> bool) {
        let waiting: Vec<(Id, usize)> = {
            let board = self.shared.board();
            let waiting = board.tasks.iter().filter(|(_, task)| task.waits);
            waiting.map(|(id, task)| (*id, task.polls)).collect()
        };
        if set() {
            self.shared.change(|board| {
                board.is_set = true;
                for (id, polls) in waiting {
                    if let Some(task) = board.tasks.get_mut(&id) {
                        task.woken_at = task.woken_at.max(polls);
                    }
                }
            });
        }
    }

    /// Cancels the n-th of the tasks that this thread can cancel.
    pub(super) fn cancel_task(&self, pick: usize) {
        let mut tasks: BTreeMap<Id, Option<Arc<SharedTask<Id>>>> = BTreeMap::new();
        for (id, task) in &self.shared.seen().tasks {
            tasks.insert(*id, Some(task.clone()));
        }
        if self.thread == OWNER {
            let owned = self.shared.owned();
            tasks.extend(owned.tasks.borrow().keys().map(|id| (*id, None)));
        }
        match nth(&tasks, pick) {
            None => {}
            Some((id, Some(task))) => self.cancel(id, || task.cancel()),
            Some((id, None)) => {
                let owned = self.shared.owned();
                self.cancel(id, || owned.tasks.borrow()[&id].cancel());
            }
        }
    }

    fn cancel(&self, id: Id, cancel: impl FnOnce() -> bool) {
        let mut cancelled = false;
        self.during(Call::CancelTask(id), || {
            cancelled = cancel();
            Outcome::Cancelled(cancelled)
        });
        if cancelled {
            self.progress(id, |task| task.is_cancelled = true);
        }
    }

    /// Waits for the end of the n-th of the tasks whose handle no thread is using.
    pub(super) fn result(&self, pick: usize) {
        let Some((id, mut task)) = self.shared.seen().take_task(pick) else {
            return;
        };
        if self.thread != OWNER && !self.is_bound_to_end(id) {
            self.cancel(id, || task.cancel());
        }
        let mut end = None;
        self.during(Call::Result(id), || {
            end = result(&mut task);
            Outcome::Result(end)
        });
        if end.is_none() {
            self.shared.seen().tasks.insert(id, Arc::new(task));
        }
    }

    fn is_bound_to_end(&self, id: Id) -> bool {
        let board = self.shared.board();
        let task = &board.tasks[&id];
        let stays_set = board.is_set && !self.shared.clears;
        task.never_waits || task.is_cancelled || stays_set
    }

    /// Asks every handle that is left how its task has ended. The loop is gone.
    pub(super) fn take_results(&self) {
        let tasks = mem::take(&mut self.shared.seen().tasks);
        for (id, task) in tasks {
            let mut task = Arc::into_inner(task).expect("no thread is using the handle");
            self.during(Call::Result(id), || Outcome::Result(result(&mut task)));
        }
        for (id, mut task) in self.shared.owned().tasks.take() {
            let mut context = Context::from_waker(Waker::noop());
            self.during(Call::Result(id), || {
                Outcome::Result(match Pin::new(&mut task).poll(&mut context) {
                    Poll::Ready(outcome) => Some(End::of(outcome)),
                    Poll::Pending => None,
                })
            });
        }
    }

    fn progress(&self, id: Id, change: impl FnOnce(&mut Progress)) {
        self.shared.change(|board| {
            let task = board.tasks.get_mut(&id);
            change(task.expect("the task was spawned"));
        });
    }
}

/// How the task has ended; nothing where waiting for that would be a deadlock.
fn result(task: &mut SharedTask<Id>) -> Option<End> {
    match task.result() {
        Ok(id) => Some(End::of(Ok(id))),
        Err(ResultError::Join(error)) => Some(End::of::<Id>(Err(error))),
        Err(ResultError::Deadlock { .. }) => None,
        Err(other) => panic!("{other}"),
    }
}
