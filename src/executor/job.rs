//! A job of an [`Executor`], and the way of its result back to the loop.

use std::error::Error;
use std::fmt;
use std::io;
use std::panic::Location;
use std::sync::Arc;

use crate::error::JoinError;
use crate::executor::Executor;
use crate::executor::pool::Runnable;
use crate::handle::{Handle, Local};
use crate::platform::Platform;
use crate::report::{Origin, Work};
use crate::task::{Joins, Joint, Outcome, SharedJoin, SharedTask, catch, finish};

/// Something to call once, on another thread.
trait Function: Send + 'static {
    type Output: Send + 'static;

    fn call(self) -> Self::Output;
}

impl<T: Send + 'static, F: FnOnce() -> T + Send + 'static> Function for F {
    type Output = T;

    fn call(self) -> T {
        self()
    }
}

/// A job and the cell of its [`SharedTask`].
struct Job<P: Platform, F: Function> {
    /// Taken out by whoever is first: a thread to run it, or `cancel` to drop it.
    function: P::Mutex<Option<F>>,
    join: SharedJoin<P, F::Output>,
}

impl<P: Platform, F: Function> Runnable for Job<P, F> {
    fn run(self: Arc<Self>) {
        let function = P::lock(&self.function).take();
        let Some(function) = function else {
            return; // cancelled
        };
        let outcome = catch::<P, _>(|| function.call()).map_err(JoinError::Panicked);
        let handle = Handle(self.join.shared().clone());
        let delivery = Delivery {
            job: self,
            outcome: Some(outcome),
        };
        // The one line that makes this safe. A closed loop refuses it and drops it; so does one that
        // is closed before it gets to it. Either way the result is delivered.
        let _ = handle.call_soon_threadsafe(move || drop(delivery));
    }

    fn abandon(&self) {
        Joins::cancel(self);
    }
}

impl<P: Platform, F: Function> Joins for Job<P, F> {
    type Platform = P;
    type Value = F::Output;

    fn shared_join(&self) -> &SharedJoin<P, F::Output> {
        &self.join
    }

    fn cancel(&self) -> bool {
        let function = P::lock(&self.function).take();
        let Some(function) = function else {
            return false;
        };
        if let Err(payload) = catch::<P, _>(|| drop(function)) {
            self.report(payload);
        }
        finish(self, Err(JoinError::Cancelled));
        true
    }
}

/// A result on its way to the loop. Wherever it is dropped, it is delivered.
struct Delivery<P: Platform, F: Function> {
    job: Arc<Job<P, F>>,
    outcome: Option<Outcome<F::Output>>,
}

impl<P: Platform, F: Function> Drop for Delivery<P, F> {
    fn drop(&mut self) {
        if let Some(outcome) = self.outcome.take() {
            finish(&*self.job, outcome);
        }
    }
}

impl<P: Platform> Local<P> {
    /// Runs `job` on a thread of `executor`, where it may block without keeping the loop from
    /// anything. asyncio's `run_in_executor`.
    ///
    /// The result comes back through
    /// [`call_soon_threadsafe`](Handle::call_soon_threadsafe) and is there to await, or, on another
    /// thread, to wait for. A panic of the job surfaces there too, as
    /// [`JoinError::Panicked`](crate::JoinError::Panicked). A job that has not been started can be
    /// cancelled; one that has been started cannot.
    ///
    /// # Errors
    ///
    /// - [`ExecutorError::Closed`], with the job, if the loop is closed.
    /// - [`ExecutorError::NoThread`], with the job, if the operating system refuses to start the
    ///   pool's first thread.
    ///
    /// ```
    /// use std::thread;
    /// use wakeproof::Executor;
    ///
    /// let executor = Executor::new();
    /// let name = wakeproof::run(async |local| {
    ///     let job = || thread::current().name().map(str::to_owned);
    ///     local.run_in_executor(&executor, job).unwrap().await.unwrap()
    /// })?;
    /// assert_eq!(name.as_deref(), Some("executor-0"));
    /// # Ok::<(), wakeproof::RunError>(())
    /// ```
    #[track_caller]
    pub fn run_in_executor<T, F, E>(
        &self,
        executor: &Executor<E>,
        job: F,
    ) -> Result<SharedTask<T>, ExecutorError<F>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
        E: Platform,
    {
        self.handle().run_in_executor(executor, job)
    }
}

impl<P: Platform> Handle<P> {
    /// [`Local::run_in_executor`], for any thread.
    ///
    /// # Errors
    ///
    /// As for [`Local::run_in_executor`].
    ///
    /// ```
    /// use wakeproof::{EventLoop, Executor};
    ///
    /// let (event_loop, executor) = (EventLoop::new(), Executor::new());
    /// let job = event_loop.handle().run_in_executor(&executor, || 6 * 7).unwrap();
    /// let answer = event_loop.run_until_complete(job).unwrap();
    /// assert_eq!(answer.unwrap(), 42);
    /// ```
    #[track_caller]
    pub fn run_in_executor<T, F, E>(
        &self,
        executor: &Executor<E>,
        job: F,
    ) -> Result<SharedTask<T>, ExecutorError<F>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
        E: Platform,
    {
        if self.is_closed() {
            return Err(ExecutorError::Closed { job });
        }
        let origin = Origin {
            work: Work::Job,
            scheduled_at: Location::caller(),
        };
        let work = Arc::new(Job::<P, F> {
            function: P::mutex(Some(job)),
            join: SharedJoin::new(&self.0, origin),
        });
        match executor.0.submit(work.clone()) {
            Ok(()) => Ok(SharedTask(work)),
            Err(source) => {
                let job = P::lock(&work.function).take();
                Err(ExecutorError::NoThread {
                    source,
                    job: job.expect("nobody has started a job that was refused"),
                })
            }
        }
    }
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
    /// The loop is closed: nobody would hear of the result.
    Closed {
        /// The job, unharmed.
        job: F,
    },
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
            ExecutorError::Closed { job } | ExecutorError::NoThread { job, .. } => job,
        }
    }
}

impl<F> fmt::Display for ExecutorError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ExecutorError::Closed { .. } => f.write_str(
                "the event loop is closed; the job was not started and comes back in this error",
            ),
            ExecutorError::NoThread { .. } => f.write_str(
                "no thread could be started; the job was not started and comes back in this error",
            ),
        }
    }
}

impl<F> fmt::Debug for ExecutorError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ExecutorError::Closed { .. } => f.debug_struct("Closed").finish_non_exhaustive(),
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
            ExecutorError::Closed { .. } => None,
            ExecutorError::NoThread { source, .. } => Some(source),
        }
    }
}
