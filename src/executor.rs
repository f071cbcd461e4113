//! Blocking work, on threads of its own: asyncio's `run_in_executor`.
//!
//! The threads know nothing of the loop. `call_soon_threadsafe` brings each result back to it, in one
//! place (`job`), so that no user has to think of it.

use std::fmt;
use std::io;
use std::num::NonZero;
use std::panic::Location;
use std::sync::Arc;
use std::thread;

use crate::error::Closed;
use crate::handle::{Handle, Local};
use crate::platform::{ParkingLot, Platform};
use crate::report::Work;
use crate::task::SharedTask;
use crate::task::submission::Submission;

mod job;
mod pool;

pub use self::job::ExecutorError;
pub use self::pool::Worker;
use self::pool::{Join, Pool};

/// A pool of threads for work that would block the loop: files, computations, anything that waits.
///
/// Python's `ThreadPoolExecutor`. A thread starts when a job arrives while all threads are busy, up to
/// the pool's size; beyond that, jobs wait in order. Threads are named `executor-0`, `executor-1`, ...,
/// and stay until the pool is dropped. One pool may serve many loops.
///
/// **Dropping it** cancels the jobs that have not been started, waits for those that run, and joins the
/// threads. Two kinds of jobs are not waited for, since that might never end:
///
/// - a job that drops the pool it runs on,
/// - a job whose loop belongs to the thread that drops the pool, unless that loop is closed: the job may
///   be waiting for this very loop, which cannot run meanwhile. Its thread ends when the job does.
///
/// A job that waits in another way for the thread that drops the pool still hangs both: for a loop
/// other than the one that submitted it, or for a lock. To wait for no job at all, use
/// [`shutdown_without_waiting`](Self::shutdown_without_waiting).
///
/// ```
/// use wakeproof::Executor;
///
/// let executor = Executor::new();
/// let answer = wakeproof::run(async |local| {
///     let job = local.run_in_executor(&executor, || 6 * 7).unwrap(); // on another thread
///     job.await.unwrap()
/// })?;
/// assert_eq!(answer, 42);
/// # Ok::<(), wakeproof::RunError>(())
/// ```
pub struct Executor<P: Platform = ParkingLot>(Arc<Pool<P>>);

impl Executor {
    /// A pool of asyncio's size: four threads more than there are processors, but at most 32. Threads
    /// start when jobs arrive.
    #[must_use]
    pub fn new() -> Self {
        let processors = thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN);
        let most = const { NonZero::new(32).unwrap() };
        Self::with_threads(processors.saturating_add(4).min(most))
    }

    /// A pool of at most `size` threads. Threads start when jobs arrive.
    ///
    /// ```
    /// use std::num::NonZero;
    /// use wakeproof::Executor;
    ///
    /// let one_after_the_other = Executor::with_threads(NonZero::<usize>::MIN);
    /// # drop(one_after_the_other);
    /// ```
    #[must_use]
    pub fn with_threads(size: NonZero<usize>) -> Self {
        Self::starting_threads_with(size, |worker| {
            let builder = thread::Builder::new().name(format!("executor-{}", worker.number()));
            let thread = builder.spawn(move || worker.run())?;
            // Jobs do not panic here: their panics are results.
            Ok(move || drop(thread.join()))
        })
    }
}

impl<P: Platform> Executor<P> {
    /// A pool of at most `size` threads that you start yourself, or that a platform starts.
    ///
    /// `start` starts a thread that calls [`Worker::run`], and returns a function that waits for the
    /// thread's end. It runs on the thread that submits a job, with the pool locked, so it must not
    /// submit a job itself.
    ///
    /// ```
    /// use std::{num::NonZero, thread};
    /// use wakeproof::{EventLoop, Executor, Worker};
    ///
    /// let executor = Executor::starting_threads_with(NonZero::<usize>::MIN, |worker: Worker| {
    ///     let builder = thread::Builder::new().stack_size(64 << 20);
    ///     let thread = builder.spawn(move || worker.run())?;
    ///     Ok(move || thread.join().unwrap())
    /// });
    /// let event_loop = EventLoop::new();
    /// let job = event_loop.local().run_in_executor(&executor, || 6 * 7).unwrap();
    /// assert_eq!(event_loop.run_until_complete(job).unwrap().unwrap(), 42);
    /// ```
    #[must_use]
    pub fn starting_threads_with<J: FnOnce() + Send + 'static>(
        size: NonZero<usize>,
        start: impl Fn(Worker<P>) -> io::Result<J> + Send + Sync + 'static,
    ) -> Self {
        let start = Box::new(move |worker| Ok(Box::new(start(worker)?) as Join));
        Executor(Arc::new(Pool::new(size.get(), start)))
    }

    /// Cancels the jobs that have not been started, and does not wait for the others: each thread ends
    /// when its job does. Python's `shutdown(wait=False, cancel_futures=True)`.
    ///
    /// As with any thread, a job that still runs when `main` returns is cut off.
    ///
    /// ```
    /// use std::sync::mpsc;
    /// use wakeproof::{EventLoop, Executor};
    ///
    /// let (event_loop, executor) = (EventLoop::new(), Executor::new());
    /// let (started, is_started) = mpsc::channel();
    /// let (go, wait) = mpsc::channel();
    /// let job = event_loop.handle().run_in_executor(&executor, move || {
    ///     started.send(()).unwrap();
    ///     wait.recv().unwrap()
    /// });
    /// is_started.recv().unwrap();
    /// executor.shutdown_without_waiting();
    /// go.send(42).unwrap();
    /// let answer = event_loop.run_until_complete(job.unwrap()).unwrap();
    /// assert_eq!(answer.unwrap(), 42);
    /// ```
    pub fn shutdown_without_waiting(self) {
        self.0.close(|_| false);
    }
}

impl<P: Platform> Local<P> {
    /// Runs `job` on a thread of `executor`, where it may block without blocking the loop. asyncio's
    /// `run_in_executor`.
    ///
    /// The result comes back through [`call_soon_threadsafe`](Handle::call_soon_threadsafe). Await it,
    /// or wait for it on another thread. If the job panics, that is where you learn of it, as
    /// [`JoinError::Panicked`](crate::JoinError::Panicked). A job can be cancelled until it is started.
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
            return Err(ExecutorError::Closed(Closed(job)));
        }
        let origin = Work::Job.scheduled_at(Location::caller());
        let submission = Submission::<P, F, T>::new(&self.0, origin, job, job::cancel);
        match executor.0.submit(submission.clone()) {
            Ok(()) => Ok(SharedTask(submission)),
            Err(source) => Err(ExecutorError::NoThread {
                source,
                job: submission.take_back(),
            }),
        }
    }
}

impl Default for Executor {
    fn default() -> Self {
        Self::new()
    }
}

/// Cancels the jobs that have not been started, and waits for the others if that cannot hang.
impl<P: Platform> Drop for Executor<P> {
    fn drop(&mut self) {
        self.0.close(|job| !job.may_wait_for_this_thread());
    }
}

impl<P: Platform> fmt::Debug for Executor<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.describe(f)
    }
}
