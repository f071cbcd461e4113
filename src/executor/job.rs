//! A job of an [`Executor`](crate::Executor), and the way of its result back to the loop.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;

use crate::error::{Closed, JoinError};
use crate::executor::pool::Runnable;
use crate::handle::Handle;
use crate::platform::Platform;
use crate::report::catch;
use crate::task::result_cell::{Promise, ResultCell};
use crate::task::submission::Submission;

impl<P, F, T> Runnable for Submission<P, F, T>
where
    P: Platform,
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    fn run(self: Arc<Self>) {
        let Some(job) = self.take_work() else {
            return; // cancelled
        };
        let outcome = catch::<P, _>(job).map_err(JoinError::Panicked);
        let handle = Handle(self.shared.clone());
        let mut promise = Promise::new(self);
        promise.outcome = Some(outcome);
        // The one line that makes this safe. A closed loop refuses the callback and drops it; so does a
        // loop that is closed before it gets to it. Dropping the promise brings the result in.
        let _ = handle.call_soon_threadsafe(move || drop(promise));
    }

    fn abandon(&self) {
        ResultCell::cancel(self);
    }

    fn may_wait_for_this_thread(&self) -> bool {
        self.shared.needs_this_thread()
    }
}

/// Drops a job that no thread has started.
pub(crate) fn cancel<P, F, T>(job: &Submission<P, F, T>) -> bool
where
    P: Platform,
    F: Send + 'static,
    T: Send + 'static,
{
    let Some(function) = job.take_work() else {
        return false;
    };
    if let Err(payload) = catch::<P, _>(|| drop(function)) {
        job.report(payload);
    }
    job.finish(Err(JoinError::Cancelled));
    true
}

/// Why a job was not taken in.
///
/// ```
/// use wakeproof::{EventLoop, Executor};
///
/// let (event_loop, executor) = (EventLoop::new(), Executor::new());
/// event_loop.close().unwrap();
/// let refused = event_loop.local().run_in_executor(&executor, || "still mine").unwrap_err();
/// assert_eq!(refused.into_job()(), "still mine");
/// ```
#[non_exhaustive]
pub enum ExecutorError<F> {
    /// The loop is closed: nobody would hear of the result. With the job.
    Closed(Closed<F>),
    /// The pool has no thread, and the operating system does not start one.
    NoThread {
        /// The operating system's reason.
        source: io::Error,
        /// The job, unharmed.
        job: F,
    },
}

impl<F> ExecutorError<F> {
    /// The job that was not taken in.
    #[must_use]
    pub fn into_job(self) -> F {
        match self {
            ExecutorError::Closed(Closed(job)) | ExecutorError::NoThread { job, .. } => job,
        }
    }
}

impl<F> fmt::Display for ExecutorError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ExecutorError::Closed(closed) => closed.fmt(f),
            ExecutorError::NoThread { .. } => f.write_str(
                "no thread could be started; the job was not started and comes back in this error",
            ),
        }
    }
}

impl<F> fmt::Debug for ExecutorError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ExecutorError::Closed(closed) => f.debug_tuple("Closed").field(closed).finish(),
            ExecutorError::NoThread { source, .. } => f
                .debug_struct("NoThread")
                .field("source", source)
                .finish_non_exhaustive(),
        }
    }
}

impl<F> Error for ExecutorError<F> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            ExecutorError::Closed(_) => None,
            ExecutorError::NoThread { source, .. } => Some(source),
        }
    }
}
