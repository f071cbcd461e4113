//! What a task and its handle have in common.

use std::any::Any;
use std::mem;
use std::ops::Deref;
use std::task::{Context, Poll, Waker};

use crate::error::JoinError;

/// How a task came out.
pub(crate) type Outcome<T> = Result<T, JoinError>;

/// The result, and who waits for whom.
pub(crate) struct JoinState<T> {
    stage: Stage<T>,
    was_cancelled: bool,
    cancel_requested: bool,
    /// The handle is gone: nobody will ask for the result.
    detached: bool,
    /// Wakes the task, to hear that it is cancelled.
    task: Option<Waker>,
    /// Wakes who awaits the result.
    awaiter: Option<Waker>,
    /// A thread waits for the result.
    pub(crate) blocked: bool,
}

enum Stage<T> {
    Pending,
    Finished(Outcome<T>),
    Taken,
}

/// What is left to do when a result is in and the lock is not held any more. Wakers and results
/// are others' code.
#[must_use]
struct Aftermath<T> {
    task: Option<Waker>,
    awaiter: Option<Waker>,
    unwanted: Option<Outcome<T>>,
}

impl<T> JoinState<T> {
    pub(crate) fn new(task: Option<Waker>) -> Self {
        JoinState {
            stage: Stage::Pending,
            was_cancelled: false,
            cancel_requested: false,
            detached: false,
            task,
            awaiter: None,
            blocked: false,
        }
    }

    pub(crate) fn is_finished(&self) -> bool {
        !matches!(self.stage, Stage::Pending)
    }

    /// The result, for who comes first.
    pub(crate) fn take(&mut self) -> Option<Outcome<T>> {
        match mem::replace(&mut self.stage, Stage::Taken) {
            Stage::Pending => {
                self.stage = Stage::Pending;
                None
            }
            Stage::Finished(outcome) => Some(outcome),
            Stage::Taken => panic!("the task's result was taken before"),
        }
    }

    fn finish(&mut self, outcome: Outcome<T>) -> Aftermath<T> {
        self.was_cancelled = matches!(outcome, Err(JoinError::Cancelled));
        let mut unwanted = None;
        if self.detached {
            self.stage = Stage::Taken;
            unwanted = Some(outcome);
        } else {
            self.stage = Stage::Finished(outcome);
        }
        Aftermath {
            task: self.task.take(),
            awaiter: self.awaiter.take(),
            unwanted,
        }
    }

    /// Waits for the end. Gives back the waker that the new one replaces.
    fn register(&mut self, waker: &Waker) -> Option<Waker> {
        match &self.awaiter {
            Some(known) if known.will_wake(waker) => None,
            _ => self.awaiter.replace(waker.clone()),
        }
    }
}

/// A cell with a [`JoinState`], for one thread or for all.
pub(crate) trait Joint: Sized {
    type Output;

    /// Does something to the state, with nobody else in between.
    fn update<R>(&self, update: impl FnOnce(&mut JoinState<Self::Output>) -> R) -> R;

    /// Called in the update that brings the result in.
    fn finished(&self, _state: &mut JoinState<Self::Output>) {}

    /// A panic that nobody is left to hear of.
    fn report(&self, payload: Box<dyn Any + Send>);

    /// Asks for the end of what the cell is about. True if it may come to that.
    fn cancel(&self) -> bool {
        let (accepted, task) = self.update(|state| {
            let accepted = !state.is_finished() && !state.cancel_requested;
            state.cancel_requested |= accepted;
            (accepted, state.task.clone().filter(|_| accepted))
        });
        if let Some(task) = task {
            task.wake();
        }
        accepted
    }
}

/// Brings the result in.
pub(crate) fn finish<J: Joint>(joint: &J, outcome: Outcome<J::Output>) {
    let aftermath = joint.update(|state| {
        let aftermath = state.finish(outcome);
        joint.finished(state);
        aftermath
    });
    let Aftermath {
        task,
        awaiter,
        unwanted,
    } = aftermath;
    drop(task);
    if let Some(awaiter) = awaiter {
        awaiter.wake();
    }
    if let Some(outcome) = unwanted {
        discard(joint, outcome);
    }
}

/// Drops a result that nobody has asked for. A panic is not dropped but reported.
fn discard<J: Joint>(joint: &J, outcome: Outcome<J::Output>) {
    if let Err(JoinError::Panicked(payload)) = outcome {
        joint.report(payload);
    }
}

/// Asks a task's cell, at each poll of the task, whether to go on.
pub(crate) fn is_cancel_requested<J: Joint>(joint: &J, context: &Context<'_>) -> bool {
    joint.update(|state| {
        if state.task.is_none() {
            state.task = Some(context.waker().clone());
        }
        state.cancel_requested
    })
}

/// The handle's side of a [`Joint`] of whatever type.
pub(crate) trait Join<T> {
    fn poll(&self, context: &Context<'_>) -> Poll<Outcome<T>>;
    fn poll_finished(&self, context: &Context<'_>) -> bool;
    fn cancel(&self) -> bool;
    fn is_finished(&self) -> bool;
    fn was_cancelled(&self) -> bool;
    fn detach(&self);
}

impl<J: Joint> Join<J::Output> for J {
    fn poll(&self, context: &Context<'_>) -> Poll<Outcome<J::Output>> {
        let (poll, _replaced) = self.update(|state| {
            if let Some(outcome) = state.take() {
                return (Poll::Ready(outcome), None);
            }
            let waker = context.waker();
            if state
                .task
                .as_ref()
                .is_some_and(|task| task.will_wake(waker))
            {
                return (Poll::Ready(Err(JoinError::AwaitsItself)), None);
            }
            (Poll::Pending, state.register(waker))
        });
        poll
    }

    fn poll_finished(&self, context: &Context<'_>) -> bool {
        let (is_finished, _replaced) = self.update(|state| {
            if state.is_finished() {
                return (true, None);
            }
            (false, state.register(context.waker()))
        });
        is_finished
    }

    fn cancel(&self) -> bool {
        Joint::cancel(self)
    }

    fn is_finished(&self) -> bool {
        self.update(|state| state.is_finished())
    }

    fn was_cancelled(&self) -> bool {
        self.update(|state| state.was_cancelled)
    }

    fn detach(&self) {
        let (outcome, _awaiter) = self.update(|state| {
            state.detached = true;
            let outcome = match mem::replace(&mut state.stage, Stage::Taken) {
                Stage::Finished(outcome) => Some(outcome),
                Stage::Taken => None,
                Stage::Pending => {
                    state.stage = Stage::Pending;
                    None
                }
            };
            (outcome, state.awaiter.take())
        });
        if let Some(outcome) = outcome {
            discard(self, outcome);
        }
    }
}

/// The handles have this in common, on two kinds of pointer.
macro_rules! task_handle {
    ($handle:ident) => {
        impl<T> $handle<T> {
            /// Whether the task has come to its end, of whatever kind. asyncio's `done`.
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

        impl<T> $crate::wait::Joinable for $handle<T> {
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

/// The obligation to bring a result in. Dropped without one, it was cancelled.
pub(crate) struct Promise<D: Deref<Target: Joint>> {
    joint: D,
    is_kept: bool,
}

impl<D: Deref<Target: Joint>> Promise<D> {
    pub(crate) fn new(joint: D) -> Self {
        Promise {
            joint,
            is_kept: false,
        }
    }

    pub(crate) fn joint(&self) -> &D::Target {
        &self.joint
    }

    pub(crate) fn keep(mut self, outcome: Outcome<<D::Target as Joint>::Output>) {
        self.is_kept = true;
        finish(&*self.joint, outcome);
    }
}

impl<D: Deref<Target: Joint>> Drop for Promise<D> {
    fn drop(&mut self) {
        if !self.is_kept {
            finish(&*self.joint, Err(JoinError::Cancelled));
        }
    }
}
