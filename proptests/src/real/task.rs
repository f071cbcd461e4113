//! The real tasks: futures that follow a script.

use std::panic;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use wakeproof::platform::Platform;
use wakeproof::{Handle, SharedTask, Task};

use super::{PERFORMER, Perform, ScriptedPanic, Shared, Token, lock};
use crate::command::{Callback, Command, Id, SpawnThrough};
use crate::record::{End, Event};

/// A task's future.
pub(super) struct Body<P: Platform> {
    id: Id,
    through: SpawnThrough,
    script: Vec<Command>,
    /// How many commands have begun.
    begun: usize,
    panics: bool,
    /// What it waits for is with the loop's owner, since it need not be `Send`.
    waits: bool,
    token: Option<Token<P>>,
    shared: Arc<Shared<P>>,
}

impl<P: Platform> Body<P> {
    pub(super) fn new(
        id: Id,
        through: SpawnThrough,
        task: &Callback,
        shared: &Arc<Shared<P>>,
    ) -> Self {
        Body {
            id,
            through,
            script: task.script.clone(),
            begun: 0,
            panics: task.panics,
            waits: false,
            token: Some(Token::new(id, task.destructor, shared)),
            shared: shared.clone(),
        }
    }

    /// Lets the task wait, if it is to, until that is over.
    fn poll_wait(&mut self, performer: &dyn Perform, context: &mut Context<'_>) -> Poll<()> {
        if self.waits {
            let Poll::Ready(came) = performer.poll_wait(self.id, context) else {
                return Poll::Pending;
            };
            self.waits = false;
            self.shared.record(Event::GoesOn(self.id, came));
        }
        Poll::Ready(())
    }
}

impl<P: Platform> Future for Body<P> {
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
        let _token = this.token.take(); // dropped at the end of the poll, or by the panic
        this.shared.record(Event::Ended(this.id));
        if this.panics {
            panic::resume_unwind(Box::new(ScriptedPanic(this.id)));
        }
        Poll::Ready(())
    }
}

/// What it waits for goes first, as with the locals of an `async` block.
impl<P: Platform> Drop for Body<P> {
    fn drop(&mut self) {
        if self.waits {
            let performer = PERFORMER.with_borrow(Clone::clone);
            performer
                .iter()
                .for_each(|loop_| loop_.forget_wait(self.id));
        }
    }
}

/// Lets the other tasks have their turn once.
#[derive(Default)]
pub(super) struct Turn {
    has_waited: bool,
}

impl Future for Turn {
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

/// A handle that its owner is about to drop, or to await.
///
/// On a closed loop there is no exception handler left to hear of a panic. It would be printed, so
/// the result is taken first.
pub(super) struct Held<P: Platform> {
    handle: Option<TaskHandle>,
    event_loop: Handle<P>,
}

impl<P: Platform> Held<P> {
    pub(super) fn new(handle: TaskHandle, event_loop: &Handle<P>) -> Self {
        Held {
            handle: Some(handle),
            event_loop: event_loop.clone(),
        }
    }
}

impl<P: Platform> Future for Held<P> {
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

impl<P: Platform> Drop for Held<P> {
    fn drop(&mut self) {
        if self.handle.is_some() && self.event_loop.is_closed() {
            let _ = Pin::new(self).poll(&mut Context::from_waker(Waker::noop()));
        }
    }
}
