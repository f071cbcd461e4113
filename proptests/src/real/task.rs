//! The tasks of a history on the real loop: futures that follow a script.

use std::panic;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use wakeproof::platform::Platform;
use wakeproof::{Closed, EventLoop, Handle, SharedTask, Task};

use super::shared::{
    DropRecorder, PERFORMER, Perform, ScriptedPanic, Shared, catch_scripted, lock,
};
use crate::command::{Callback, Command, Id, SpawnCall};
use crate::record::{Call, End, Event, Refusal, ReturnValue};

impl<P: Platform> Shared<P> {
    /// `Handle::spawn_threadsafe`.
    pub(super) fn spawn(self: &Arc<Self>, through: SpawnCall, task: &Callback) {
        let (id, body) = self.begin_spawn(through, task);
        match self.handle.spawn_threadsafe(body) {
            Ok(task) => {
                lock(&self.tasks).insert(id, through);
                lock(&self.shared_tasks).insert(id, task);
                self.record(Event::Return(ReturnValue::Submitted(Ok(None))));
            }
            Err(Closed(future)) => self.refused(Refusal::Closed, future),
        }
    }

    /// Records the call, and returns the task's number and its future.
    pub(super) fn begin_spawn(
        self: &Arc<Self>,
        through: SpawnCall,
        task: &Callback,
    ) -> (Id, ScriptedTask<P>) {
        let id = self.number();
        self.record(Event::Call(Call::Spawn(id, through)));
        (id, ScriptedTask::new(id, through, task, self))
    }

    /// `EventLoop::run_until_complete`.
    pub(super) fn run_until_complete(self: &Arc<Self>, event_loop: &EventLoop<P>, main: &Callback) {
        let id = self.number();
        self.during(Call::RunUntilComplete(id), || {
            let main = ScriptedTask::new(id, SpawnCall::Local, main, self);
            ReturnValue::Completed(
                match catch_scripted(|| event_loop.run_until_complete(main)) {
                    Ok(Ok(())) => Ok(End::Returned),
                    Ok(Err(error)) => Err(error),
                    Err(ScriptedPanic(_)) => Ok(End::Panicked),
                },
            )
        });
    }
}

/// A task's future.
pub(super) struct ScriptedTask<P: Platform> {
    id: Id,
    through: SpawnCall,
    script: Vec<Command>,
    /// How many commands have begun.
    begun: usize,
    panics: bool,
    /// Whether it waits. The future that it awaits is in the owner's state, since it need not be `Send`.
    waits: bool,
    recorder: Option<DropRecorder<P>>,
    shared: Arc<Shared<P>>,
}

impl<P: Platform> ScriptedTask<P> {
    pub(super) fn new(
        id: Id,
        through: SpawnCall,
        task: &Callback,
        shared: &Arc<Shared<P>>,
    ) -> Self {
        ScriptedTask {
            id,
            through,
            script: task.script.clone(),
            begun: 0,
            panics: task.panics,
            waits: false,
            recorder: Some(DropRecorder::new(id, task.destructor, shared)),
            shared: shared.clone(),
        }
    }

    /// Polls the task's wait, if it is waiting. Ready once it is not.
    fn poll_wait(&mut self, performer: &dyn Perform, context: &mut Context<'_>) -> Poll<()> {
        if self.waits {
            let Poll::Ready(wait_end) = performer.poll_wait(self.id, context) else {
                return Poll::Pending;
            };
            self.waits = false;
            self.shared.record(Event::Resumes(self.id, wait_end));
        }
        Poll::Ready(())
    }
}

impl<P: Platform> Future for ScriptedTask<P> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        this.shared.record(Event::Polled(this.id, P::now()));
        let performer = PERFORMER.with_borrow(Clone::clone);
        let performer = performer.expect("a task is polled on the loop's thread");
        loop {
            if this.poll_wait(&*performer, context).is_pending() {
                return Poll::Pending;
            }
            let Some(command) = this.script.get(this.begun) else {
                break;
            };
            this.begun += 1;
            match command {
                Command::Await(what) => {
                    this.waits = performer.begin_wait(this.id, *what, this.through);
                }
                Command::KeepWaker => {
                    lock(&this.shared.wakers).insert(this.id, context.waker().clone());
                }
                command => performer.perform(command),
            }
        }
        let _recorder = this.recorder.take(); // dropped at the end of the poll, or by the panic
        this.shared.record(Event::Ended(this.id));
        if this.panics {
            panic::resume_unwind(Box::new(ScriptedPanic(this.id)));
        }
        Poll::Ready(())
    }
}

/// Drops the awaited future first, as an `async` block drops its locals.
impl<P: Platform> Drop for ScriptedTask<P> {
    fn drop(&mut self) {
        if self.waits {
            let performer = PERFORMER.with_borrow(Clone::clone);
            performer
                .iter()
                .for_each(|loop_| loop_.forget_wait(self.id));
        }
    }
}

/// A future that yields once to the other tasks.
#[derive(Default)]
pub(super) struct YieldOnce {
    has_waited: bool,
}

impl Future for YieldOnce {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.has_waited {
            return Poll::Ready(());
        }
        self.has_waited = true;
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

/// The handle of a task, of either kind.
pub(super) enum TaskHandle {
    Local(Task<()>),
    Shared(SharedTask<()>),
}

/// A task handle that is about to be dropped or awaited.
///
/// A closed loop has no exception handler, so dropping the handle of a task that panicked prints the panic.
/// To keep the output clean, this takes the result before it drops the handle.
pub(super) struct TakenHandle<P: Platform> {
    handle: Option<TaskHandle>,
    event_loop: Handle<P>,
}

impl<P: Platform> TakenHandle<P> {
    pub(super) fn new(handle: TaskHandle, event_loop: &Handle<P>) -> Self {
        TakenHandle {
            handle: Some(handle),
            event_loop: event_loop.clone(),
        }
    }
}

impl<P: Platform> Future for TakenHandle<P> {
    type Output = End;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<End> {
        let outcome = match &mut self.handle {
            Some(TaskHandle::Local(task)) => Pin::new(task).poll(context),
            Some(TaskHandle::Shared(task)) => Pin::new(task).poll(context),
            None => return Poll::Pending,
        };
        let Poll::Ready(outcome) = outcome else {
            return Poll::Pending;
        };
        self.handle = None;
        Poll::Ready(End::of(outcome))
    }
}

impl<P: Platform> Drop for TakenHandle<P> {
    fn drop(&mut self) {
        if self.handle.is_some() && self.event_loop.is_closed() {
            let _ = Pin::new(self).poll(&mut Context::from_waker(Waker::noop()));
        }
    }
}
