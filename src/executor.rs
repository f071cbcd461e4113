//! Blocking work, on threads of its own: asyncio's `run_in_executor`.
//!
//! The threads know nothing of the loop. What brings a result back to it is
//! `call_soon_threadsafe`, here, in one place, so that nobody has to think of it.

use std::any::Any;
use std::collections::VecDeque;
use std::error::Error;
use std::fmt;
use std::io;
use std::num::NonZero;
use std::panic::Location;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use parking_lot::{Condvar, Mutex};

use crate::error::JoinError;
use crate::handle::{Handle, Local};
use crate::platform::Platform;
use crate::report::{Origin, Work};
use crate::task::{JoinState, Joins, Joint, Outcome, SharedJoin, SharedTask, catch, finish};

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
pub struct Executor {
    pool: Arc<Pool>,
    size: usize,
}

struct Pool {
    state: Mutex<PoolState>,
    /// There is a job, or the pool is closed.
    work: Condvar,
}

#[derive(Default)]
struct PoolState {
    queue: VecDeque<Arc<dyn Runnable>>,
    threads: Vec<JoinHandle<()>>,
    /// How many threads wait for work.
    idle: usize,
    closed: bool,
}

/// What a thread of the pool, which knows no types, can do with a job.
trait Runnable: Send + Sync {
    fn run(self: Arc<Self>);
    fn abandon(&self);
}

impl Executor {
    /// A pool with asyncio's size: four threads more than there are processors, and 32 at most.
    /// None is started yet.
    #[must_use]
    pub fn new() -> Self {
        let processors = thread::available_parallelism().map_or(1, NonZero::get);
        Self::of_size(processors.saturating_add(4).min(32))
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
        Self::of_size(size.get())
    }

    fn of_size(size: usize) -> Self {
        Executor {
            pool: Arc::new(Pool {
                state: Mutex::default(),
                work: Condvar::new(),
            }),
            size,
        }
    }

    /// Takes a job in; or not, if it would have to wait for a thread that cannot be started.
    fn submit(&self, job: Arc<dyn Runnable>) -> io::Result<()> {
        let mut state = self.pool.state.lock();
        // A thread that has been notified is idle until it has the lock, and its job in the queue.
        let has_idle_thread = state.idle > state.queue.len();
        if !has_idle_thread && state.threads.len() < self.size {
            let name = format!("executor-{}", state.threads.len());
            let pool = self.pool.clone();
            match thread::Builder::new().name(name).spawn(move || pool.work()) {
                Ok(thread) => state.threads.push(thread),
                Err(error) if state.threads.is_empty() => return Err(error),
                Err(_) => {} // the others will get to it
            }
        }
        state.queue.push_back(job);
        self.pool.work.notify_one();
        Ok(())
    }
}

impl Pool {
    /// The life of a thread.
    fn work(&self) {
        while let Some(job) = self.next_job() {
            job.run();
        }
    }

    fn next_job(&self) -> Option<Arc<dyn Runnable>> {
        let mut state = self.state.lock();
        loop {
            if let Some(job) = state.queue.pop_front() {
                return Some(job);
            }
            if state.closed {
                return None;
            }
            state.idle += 1;
            self.work.wait(&mut state);
            state.idle -= 1;
        }
    }
}

impl Default for Executor {
    fn default() -> Self {
        Self::new()
    }
}

/// Drops the jobs that have not been started, and waits for the others.
impl Drop for Executor {
    fn drop(&mut self) {
        let mut state = self.pool.state.lock();
        state.closed = true;
        let (jobs, threads) = (
            std::mem::take(&mut state.queue),
            std::mem::take(&mut state.threads),
        );
        drop(state);
        self.pool.work.notify_all();
        for job in jobs {
            job.abandon();
        }
        let this_thread = thread::current().id();
        for thread in threads {
            if thread.thread().id() != this_thread {
                // Jobs do not panic: their panics are results.
                let _ = thread.join();
            }
        }
    }
}

impl fmt::Debug for Executor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.pool.state.lock();
        f.debug_struct("Executor")
            .field("size", &self.size)
            .field("threads", &state.threads.len())
            .field("idle", &state.idle)
            .field("queued", &state.queue.len())
            .finish()
    }
}

/// A job and the cell of its [`SharedTask`].
struct Job<P: Platform, F: Send + 'static, T: Send + 'static> {
    /// Taken out by whoever is first: a thread to run it, or `cancel` to drop it.
    function: P::Mutex<Option<F>>,
    join: SharedJoin<P, T>,
}

impl<P, F, T> Runnable for Job<P, F, T>
where
    P: Platform,
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    fn run(self: Arc<Self>) {
        let function = P::lock(&self.function).take();
        let Some(function) = function else {
            return; // cancelled
        };
        let outcome = catch::<P, _>(function).map_err(JoinError::Panicked);
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
        self.cancel();
    }
}

impl<P, F, T> Joint for Job<P, F, T>
where
    P: Platform,
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    type Output = T;

    fn update<R>(&self, update: impl FnOnce(&mut JoinState<T>) -> R) -> R {
        self.join.update(update)
    }

    fn finished(&self, state: &mut JoinState<T>) {
        self.join.finished(state);
    }

    fn report(&self, payload: Box<dyn Any + Send>) {
        self.join.report(payload);
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

impl<P, F, T> Joins for Job<P, F, T>
where
    P: Platform,
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    type Platform = P;
    type Value = T;

    fn shared_join(&self) -> &SharedJoin<P, T> {
        &self.join
    }
}

/// A result on its way to the loop. Wherever it is dropped, it is delivered.
struct Delivery<P, F, T>
where
    P: Platform,
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    job: Arc<Job<P, F, T>>,
    outcome: Option<Outcome<T>>,
}

impl<P, F, T> Drop for Delivery<P, F, T>
where
    P: Platform,
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
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
    pub fn run_in_executor<T, F>(
        &self,
        executor: &Executor,
        job: F,
    ) -> Result<SharedTask<T>, ExecutorError<F>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
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
    pub fn run_in_executor<T, F>(
        &self,
        executor: &Executor,
        job: F,
    ) -> Result<SharedTask<T>, ExecutorError<F>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        if self.is_closed() {
            return Err(ExecutorError::Closed { job });
        }
        let origin = Origin {
            work: Work::Job,
            scheduled_at: Location::caller(),
        };
        let work = Arc::new(Job::<P, F, T> {
            function: P::mutex(Some(job)),
            join: SharedJoin::new(&self.0, origin),
        });
        match executor.submit(work.clone()) {
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
