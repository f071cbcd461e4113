//! Work that one thread submits and another does: a task from any thread, or a job for an executor.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use crate::error::ResultError;
use crate::platform::Platform;
use crate::report::Origin;
use crate::shared::Shared;
use crate::task::result_cell::{HandleCell, ResultCell, ResultState};

/// Work on its way to the thread that does it, and from then on the cell of its result, for all
/// threads.
pub(crate) struct Submission<P: Platform, W: Send + 'static, T: Send + 'static> {
    /// The first to take it out does it, or drops it.
    work: P::Mutex<Option<W>>,
    cancel: fn(&Self) -> bool,
    state: P::Mutex<ResultState<T>>,
    /// At most one thread waits here: the one that has borrowed the handle.
    result_is_in: P::Condvar,
    pub(crate) shared: Arc<Shared<P>>,
    pub(crate) origin: Origin,
}

impl<P: Platform, W: Send + 'static, T: Send + 'static> Submission<P, W, T> {
    /// `cancel` is what [`ResultCell::cancel`] does.
    pub(crate) fn new(
        shared: &Arc<Shared<P>>,
        origin: Origin,
        work: W,
        cancel: fn(&Self) -> bool,
    ) -> Arc<Self> {
        Arc::new(Submission {
            work: P::mutex(Some(work)),
            cancel,
            state: P::mutex(ResultState::new()),
            result_is_in: P::condvar(),
            shared: shared.clone(),
            origin,
        })
    }

    pub(crate) fn take_work(&self) -> Option<W> {
        P::lock(&self.work).take()
    }

    /// Takes the work out of a submission that was refused, which nobody else has seen.
    pub(crate) fn take_back(&self) -> W {
        let work = self.take_work();
        work.expect("nobody has started work that was refused")
    }
}

impl<P: Platform, W: Send + 'static, T: Send + 'static> ResultCell for Submission<P, W, T> {
    type Output = T;

    fn update<R>(&self, change: impl FnOnce(&mut ResultState<T>) -> R) -> R {
        change(&mut P::lock(&self.state))
    }

    fn report(&self, payload: Box<dyn Any + Send>) {
        self.shared.report(self.origin, payload);
    }

    fn notify_blocked(&self, state: &mut ResultState<T>) {
        if state.blocked {
            P::notify_one(&self.result_is_in);
        }
    }

    fn cancel(&self) -> bool {
        (self.cancel)(self)
    }
}

/// A cell whose result a thread may wait for.
pub(crate) trait BlockingCell<T>: HandleCell<T> {
    /// Blocks until the result is there, or the time is up, and takes it.
    fn block(&self, timeout: Option<Duration>) -> Result<T, ResultError>;
}

impl<P: Platform, W: Send + 'static, T: Send + 'static> BlockingCell<T> for Submission<P, W, T> {
    fn block(&self, timeout: Option<Duration>) -> Result<T, ResultError> {
        let deadline = timeout.map(|timeout| P::now().saturating_add(timeout));
        let mut state = P::lock(&self.state);
        if !state.is_finished && self.shared.needs_this_thread() {
            return Err(ResultError::Deadlock {
                thread: self.shared.thread.to_string(),
            });
        }
        let mut timed_out = false;
        let outcome = loop {
            if let Some(outcome) = state.take() {
                break outcome;
            }
            if timed_out {
                return Err(ResultError::TimedOut);
            }
            state.blocked = true;
            match deadline {
                None => state = P::wait(&self.result_is_in, state),
                Some(deadline) => {
                    (state, timed_out) = P::wait_until(&self.result_is_in, state, deadline);
                }
            }
            state.blocked = false;
        };
        outcome.map_err(ResultError::Join)
    }
}
