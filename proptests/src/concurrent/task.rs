//! The tasks of programs: futures that follow their instructions.

use std::collections::{BTreeMap, VecDeque};
use std::mem;
use std::panic;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use wakeproof::platform::{Deliberate, Platform};
use wakeproof::{Closed, ResultError, SharedTask};

use super::execution::{DropRecorder, Shared, ThreadContext, this_thread};
use super::program::Instruction;
use super::progress::Progress;
use crate::command::{Id, SpawnCall, nth};
use crate::record::{Call, End, Event, OWNER, ReturnValue};

/// A task's future.
struct ScriptedTask<P: Platform> {
    id: Id,
    instructions: VecDeque<Instruction>,
    /// Whether it waits for the event. Its `EventWait` is in the owner's state, since it is not `Send`.
    waits: bool,
    recorder: Option<DropRecorder<P>>,
    shared: Arc<Shared<P>>,
}

impl<P: Platform> Future for ScriptedTask<P> {
    type Output = Id;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Id> {
        let this = &mut *self;
        let id = this.id;
        let me = ThreadContext {
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
            match this.instructions.pop_front() {
                None => break false,
                Some(Instruction::Panic) => break true,
                Some(Instruction::Wait) => this.waits = true,
                Some(Instruction::Yield) => {
                    me.wake(id, context.waker());
                    me.record(Event::Waits(id, None));
                    return Poll::Pending;
                }
                Some(Instruction::KeepWaker) => {
                    let waker = context.waker().clone();
                    me.shared.registry().wakers.insert(id, waker);
                }
                Some(instruction) => me.perform(&instruction),
            }
        };
        if panics {
            me.record(Event::Panics(id));
        }
        me.record(Event::Ended(id));
        // Dropped here, and not by the panic: unwinding must not reach a scheduling point.
        this.recorder = None;
        if panics {
            panic::resume_unwind(Box::new(Deliberate));
        }
        Poll::Ready(id)
    }
}

/// Drops the `EventWait` first, as an `async` block drops its locals.
impl<P: Platform> Drop for ScriptedTask<P> {
    fn drop(&mut self) {
        if self.waits {
            let owner_state = self.shared.owner_state();
            let wait = owner_state.waits.borrow_mut().remove(&self.id);
            drop(wait);
        }
    }
}

impl<P: Platform> ThreadContext<P> {
    pub(super) fn spawn(&self, instructions: &[Instruction]) {
        let (id, future) = self.begin_spawn(SpawnCall::Threadsafe(self.caller()), instructions);
        match self.shared.handle.spawn_threadsafe(future) {
            Ok(task) => {
                self.shared.registry().tasks.insert(id, Arc::new(task));
                self.accepted(None);
            }
            Err(Closed(future)) => self.refused(future),
        }
    }

    pub(super) fn spawn_local(&self, instructions: &[Instruction]) {
        let (id, future) = self.begin_spawn(SpawnCall::Local, instructions);
        let owner_state = self.shared.owner_state();
        match owner_state.local.spawn(future) {
            Ok(task) => {
                owner_state.tasks.borrow_mut().insert(id, task);
                self.accepted(None);
            }
            Err(Closed(future)) => self.refused(future),
        }
    }

    fn begin_spawn(
        &self,
        through: SpawnCall,
        instructions: &[Instruction],
    ) -> (Id, ScriptedTask<P>) {
        let never_waits = !instructions.contains(&Instruction::Wait);
        let mut milestones = self.shared.milestones();
        // No scheduling point from here to the spawn, so that tasks have numbers in the order in which
        // they are spawned: `close` drops them in that order.
        let id = self.shared.registry().number();
        milestones.tasks.insert(
            id,
            Progress {
                never_waits,
                ..Progress::default()
            },
        );
        drop(milestones);
        self.record(Event::Call(Call::Spawn(id, through)));
        let script = ScriptedTask {
            id,
            instructions: instructions.iter().cloned().collect(),
            waits: false,
            recorder: Some(DropRecorder::new(id, &self.shared)),
            shared: self.shared.clone(),
        };
        (id, script)
    }

    /// Polls the task's wait for the event. Returns whether the wait is over.
    fn wait(&self, id: Id, context: &mut Context<'_>) -> bool {
        let owner_state = self.shared.owner_state();
        let wait = owner_state.waits.borrow_mut().remove(&id);
        let mut wait = wait.unwrap_or_else(|| owner_state.event.wait());
        let mut ready = false;
        self.during(Call::Wait(id), || {
            ready = Pin::new(&mut wait).poll(context).is_ready();
            ReturnValue::Ready(ready)
        });
        if !ready {
            owner_state.waits.borrow_mut().insert(id, wait);
        }
        ready
    }

    /// Wakes a task, which must then be polled once more.
    pub(super) fn wake(&self, id: Id, waker: &Waker) {
        let polls = self.shared.milestones().tasks[&id].polls;
        self.during(Call::Wake(id), || {
            waker.wake_by_ref();
            ReturnValue::Nothing
        });
        self.progress(id, |task| task.woken_at = task.woken_at.max(polls));
    }

    /// Sets the event with `set`, which returns whether this was accepted. If so, each task that waits
    /// for the event now must be polled once more.
    pub(super) fn set(&self, set: impl FnOnce() -> bool) {
        let waiting: Vec<(Id, usize)> = {
            let milestones = self.shared.milestones();
            let waiting = milestones.tasks.iter().filter(|(_, task)| task.waits);
            waiting.map(|(id, task)| (*id, task.polls)).collect()
        };
        if set() {
            self.shared.change(|milestones| {
                milestones.is_set = true;
                for (id, polls) in waiting {
                    if let Some(task) = milestones.tasks.get_mut(&id) {
                        task.woken_at = task.woken_at.max(polls);
                    }
                }
            });
        }
    }

    /// Cancels the n-th task among those that this thread can cancel.
    pub(super) fn cancel_task(&self, pick: usize) {
        let mut tasks: BTreeMap<Id, Option<Arc<SharedTask<Id>>>> = BTreeMap::new();
        for (id, task) in &self.shared.registry().tasks {
            tasks.insert(*id, Some(task.clone()));
        }
        if self.thread == OWNER {
            let owner_state = self.shared.owner_state();
            tasks.extend(owner_state.tasks.borrow().keys().map(|id| (*id, None)));
        }
        match nth(&tasks, pick) {
            None => {}
            Some((id, Some(task))) => self.cancel(id, || task.cancel()),
            Some((id, None)) => {
                let owner_state = self.shared.owner_state();
                self.cancel(id, || owner_state.tasks.borrow()[&id].cancel());
            }
        }
    }

    fn cancel(&self, id: Id, cancel: impl FnOnce() -> bool) {
        let mut cancelled = false;
        self.during(Call::CancelTask(id), || {
            cancelled = cancel();
            ReturnValue::Cancelled(cancelled)
        });
        if cancelled {
            self.progress(id, |task| task.is_cancelled = true);
        }
    }

    /// Waits for the end of the n-th task among those whose handle no thread is using.
    pub(super) fn result(&self, pick: usize) {
        let Some((id, mut task)) = self.shared.registry().remove_task_handle(pick) else {
            return;
        };
        if self.thread != OWNER && !self.is_bound_to_end(id) {
            self.cancel(id, || task.cancel());
        }
        let mut end = None;
        self.during(Call::Result(id), || {
            end = result(&mut task);
            ReturnValue::Result(end)
        });
        if end.is_none() {
            self.shared.registry().tasks.insert(id, Arc::new(task));
        }
    }

    fn is_bound_to_end(&self, id: Id) -> bool {
        let milestones = self.shared.milestones();
        let task = &milestones.tasks[&id];
        let stays_set = milestones.is_set && !self.shared.clears;
        task.never_waits || task.is_cancelled || stays_set
    }

    /// Asks every remaining handle how its task ended. Call it after the loop was dropped.
    pub(super) fn collect_results(&self) {
        let tasks = mem::take(&mut self.shared.registry().tasks);
        for (id, task) in tasks {
            let mut task = Arc::into_inner(task).expect("no thread is using the handle");
            self.during(Call::Result(id), || ReturnValue::Result(result(&mut task)));
        }
        for (id, mut task) in self.shared.owner_state().tasks.take() {
            let mut context = Context::from_waker(Waker::noop());
            self.during(Call::Result(id), || {
                ReturnValue::Result(match Pin::new(&mut task).poll(&mut context) {
                    Poll::Ready(outcome) => Some(End::of(outcome)),
                    Poll::Pending => None,
                })
            });
        }
    }

    fn progress(&self, id: Id, change: impl FnOnce(&mut Progress)) {
        self.shared.change(|milestones| {
            let task = milestones.tasks.get_mut(&id);
            change(task.expect("the task was spawned"));
        });
    }
}

/// Waits for the task to end. Returns `None` where waiting would be a deadlock.
fn result(task: &mut SharedTask<Id>) -> Option<End> {
    match task.result() {
        Ok(id) => Some(End::of(Ok(id))),
        Err(ResultError::Join(error)) => Some(End::of::<Id>(Err(error))),
        Err(ResultError::Deadlock { .. }) => None,
        Err(other) => panic!("{other}"),
    }
}
