//! Blocking work, on threads of its own: asyncio's `run_in_executor`.
//!
//! The threads know nothing of the loop. What brings a result back to it is
//! `call_soon_threadsafe`, in one place (`job`), so that nobody has to think of it.

use std::fmt;
use std::io;
use std::num::NonZero;
use std::sync::Arc;
use std::thread;

use crate::platform::{ParkingLot, Platform};

mod job;
mod pool;

pub use self::job::ExecutorError;
pub use self::pool::Worker;
use self::pool::{Join, Pool};

/// A pool of threads for work that would block the loop: files, computations, whatever waits.
///
/// asyncio's `ThreadPoolExecutor`. A thread is started when a job comes in and all threads that
/// there are have something to do, up to the pool's size; jobs that come in then wait in order.
/// Threads are named `executor-0`, `executor-1`, ..., and stay until the pool is dropped. One pool
/// may serve many loops.
///
/// **Dropping it** drops the jobs that have not been started, so that who awaits them learns that
/// they were cancelled, waits for those that run, and joins the threads. (A job that drops the pool
/// that it runs on does not wait for itself.)
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
    /// A pool with asyncio's size: four threads more than there are processors, and 32 at most.
    /// None is started yet.
    #[must_use]
    pub fn new() -> Self {
        let processors = thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN);
        let most = const { NonZero::new(32).unwrap() };
        Self::with_threads(processors.saturating_add(4).min(most))
    }

    /// A pool of up to so many threads. None is started yet.
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
            // Jobs do not panic: their panics are results.
            Ok(move || drop(thread.join()))
        })
    }
}

impl<P: Platform> Executor<P> {
    /// A pool of up to so many threads of your own making, or of any platform's.
    ///
    /// `start` starts a thread that calls [`Worker::run`], and returns what waits for its end. It is
    /// called by who submits a job, with the pool locked: it must not submit a job itself.
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
}

impl Default for Executor {
    fn default() -> Self {
        Self::new()
    }
}

/// Drops the jobs that have not been started, and waits for the others.
impl<P: Platform> Drop for Executor<P> {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl<P: Platform> fmt::Debug for Executor<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.describe(&mut f.debug_struct("Executor"))
    }
}
