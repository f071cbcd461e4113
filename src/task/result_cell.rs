//! Where a task's result waits to be taken: what a task and its handle share.

use std::any::Any;
use std::ops::Deref;
use std::task::{Context, Poll, Waker};

use crate::error::JoinError;

/// How a task ended.
pub(crate) type Outcome<T> = Result<T, JoinError>;

/// The result, and what its arrival wakes.
pub(crate) struct ResultState<T> {
    pub(crate) is_finished: bool,
    /// There from the end of the task until it is taken.
    outcome: Option<Outcome<T>>,
    was_cancelled: bool,
    cancel_requested: bool,
    /// The handle is gone: nobody will ask for the result.
    detached: bool,
    /// Wakes the task, which then sees that it is cancelled. Known from the first poll on; a task that
    /// has not been polled is in the queue and needs no wakeup.
    task: Option<Waker>,
    /// Wakes the task that awaits the result.
    awaiter: Option<Waker>,
    /// A thread waits for the result.
    pub(crate) blocked: bool,
}

impl<T> ResultState<T> {
    pub(crate) fn new() -> Self {
        ResultState {
            is_finished: false,
            outcome: None,
            was_cancelled: false,
            cancel_requested: false,
            detached: false,
            task: None,
            awaiter: None,
            blocked: false,
        }
    }

    /// The result, if the task has ended. The first caller gets it.
    pub(crate) fn take(&mut self) -> Option<Outcome<T>> {
        let outcome = self.outcome.take();
        assert!(
            outcome.is_some() || !self.is_finished,
            "the task's result was taken before"
        );
        outcome
    }

    /// Has `waker` woken at the end. Returns the waker that it replaces.
    fn register(&mut self, waker: &Waker) -> Option<Waker> {
        match &self.awaiter {
            Some(known) if known.will_wake(waker) => None,
            _ => self.awaiter.replace(waker.clone()),
        }
    }
}

/// A cell for one result, for the loop's thread alone or for all threads: what a
/// [`Task`](crate::Task) and a [`SharedTask`](crate::SharedTask) point to.
pub(crate) trait ResultCell {
    type Output;

    /// Changes the state, with nobody else in between.
    fn update<R>(&self, change: impl FnOnce(&mut ResultState<Self::Output>) -> R) -> R;

    /// Sends a panic to the loop's exception handler, if nobody else will hear of it.
    fn report(&self, payload: Box<dyn Any + Send>);

    /// Called in the update that brings the result in.
    fn notify_blocked(&self, _state: &mut ResultState<Self::Output>) {}

    /// Asks for the end of the task. Returns whether that may come of it.
    fn cancel(&self) -> bool {
        self.request_cancel()
    }

    /// Has the task dropped at its next poll, and wakes it for that.
    fn request_cancel(&self) -> bool {
        let (accepted, task) = self.update(|state| {
            let accepted = !state.is_finished && !state.cancel_requested;
            state.cancel_requested |= accepted;
            (accepted, state.task.clone().filter(|_| accepted))
        });
        if let Some(task) = task {
            task.wake();
        }
        accepted
    }

    /// Called at each poll of the task: whether it has to end.
    fn is_cancel_requested(&self, context: &Context<'_>) -> bool {
        self.update(|state| {
            if state.task.is_none() {
                state.task = Some(context.waker().clone());
            }
            state.cancel_requested
        })
    }

    /// Brings the result in.
    fn finish(&self, outcome: Outcome<Self::Output>) {
        // Wakers and results are the user's code, and so without the lock.
        let (_task, awaiter, unwanted) = self.update(|state| {
            state.was_cancelled = matches!(outcome, Err(JoinError::Cancelled));
            state.is_finished = true;
            state.outcome = Some(outcome);
            let unwanted = state.outcome.take_if(|_| state.detached);
            self.notify_blocked(state);
            (state.task.take(), state.awaiter.take(), unwanted)
        });
        if let Some(awaiter) = awaiter {
            awaiter.wake();
        }
        self.discard(unwanted);
    }

    /// Drops a result that is not wanted. A panic is reported.
    fn discard(&self, outcome: Option<Outcome<Self::Output>>) {
        if let Some(Err(JoinError::Panicked(payload))) = outcome {
            self.report(payload);
        }
    }
}

/// What a handle needs of its cell, whose type it does not know.
pub(crate) trait HandleCell<T> {
    fn poll(&self, context: &Context<'_>) -> Poll<Outcome<T>>;
    /// Whether the task has ended; if not, its end wakes the context's waker.
    fn poll_finished(&self, context: &Context<'_>) -> bool;
    fn cancel(&self) -> bool;
    fn is_finished(&self) -> bool;
    fn was_cancelled(&self) -> bool;
    /// The handle is gone.
    fn detach(&self);
}

impl<C: ResultCell> HandleCell<C::Output> for C {
    fn poll(&self, context: &Context<'_>) -> Poll<Outcome<C::Output>> {
        let waker = context.waker();
        let (poll, _replaced) = self.update(|state| {
            if let Some(outcome) = state.take() {
                return (Poll::Ready(outcome), None);
            }
            let task = state.task.as_ref();
            if task.is_some_and(|task| task.will_wake(waker)) {
                return (Poll::Ready(Err(JoinError::AwaitsItself)), None);
            }
            (Poll::Pending, state.register(waker))
        });
        poll
    }

    fn poll_finished(&self, context: &Context<'_>) -> bool {
        let (is_finished, _replaced) = self.update(|state| {
            if state.is_finished {
                return (true, None);
            }
            (false, state.register(context.waker()))
        });
        is_finished
    }

    fn is_finished(&self) -> bool {
        self.update(|state| state.is_finished)
    }

    fn was_cancelled(&self) -> bool {
        self.update(|state| state.was_cancelled)
    }

    fn detach(&self) {
        let (outcome, _awaiter) = self.update(|state| {
            state.detached = true;
            (state.outcome.take(), state.awaiter.take())
        });
        self.discard(outcome);
    }

    fn cancel(&self) -> bool {
        ResultCell::cancel(self)
    }
}

/// The obligation to bring a result in, which is done where this is dropped. Without a result, the
/// task was cancelled.
pub(crate) struct Promise<C: Deref<Target: ResultCell>> {
    pub(crate) cell: C,
    pub(crate) outcome: Option<Outcome<<C::Target as ResultCell>::Output>>,
}

impl<C: Deref<Target: ResultCell>> Promise<C> {
    pub(crate) fn new(cell: C) -> Self {
        Promise {
            cell,
            outcome: None,
        }
    }
}

impl<C: Deref<Target: ResultCell>> Drop for Promise<C> {
    fn drop(&mut self) {
        let outcome = self.outcome.take().unwrap_or(Err(JoinError::Cancelled));
        self.cell.finish(outcome);
    }
}

/// What the handles have in common, on two kinds of pointer.
macro_rules! task_handle {
    ($handle:ident) => {
        impl<T> $handle<T> {
            /// Whether the task has ended, in whatever way. asyncio's `done`.
            #[must_use]
            pub fn is_finished(&self) -> bool {
                self.0.is_finished()
            }

            /// Whether the task has ended by being cancelled.
            #[must_use]
            pub fn is_cancelled(&self) -> bool {
                self.0.was_cancelled()
            }
        }

        impl<T> ::std::future::Future for $handle<T> {
            type Output = ::std::result::Result<T, $crate::JoinError>;

            fn poll(
                self: ::std::pin::Pin<&mut Self>,
                context: &mut ::std::task::Context<'_>,
            ) -> ::std::task::Poll<Self::Output> {
                self.0.poll(context)
            }
        }

        impl<T> $crate::wait::TaskHandle for $handle<T> {
            type Value = T;

            fn is_finished(&self) -> bool {
                self.0.is_finished()
            }

            fn poll_finished(&self, context: &::std::task::Context<'_>) -> bool {
                self.0.poll_finished(context)
            }
        }

        /// Detaches the task.
        impl<T> ::std::ops::Drop for $handle<T> {
            fn drop(&mut self) {
                self.0.detach();
            }
        }

        impl<T> ::std::fmt::Debug for $handle<T> {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.debug_struct(stringify!($handle))
                    .field("finished", &self.is_finished())
                    .field("cancelled", &self.is_cancelled())
                    .finish_non_exhaustive()
            }
        }
    };
}

pub(crate) use task_handle;
