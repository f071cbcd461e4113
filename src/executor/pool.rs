//! The threads of an [`Executor`](super::Executor), and the queue in front of them.
//!
//! They wait for jobs as the loop waits for callbacks: on a condvar, under the lock of the queue. So
//! here, too, the thread that enqueues a job has to wake one that can take it.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::sync::Arc;

use crate::platform::{ParkingLot, Platform};

/// A job of any type.
pub(crate) trait Runnable: Send + Sync {
    fn run(self: Arc<Self>);
    /// Cancels it, if no thread has started it.
    fn abandon(&self);
    /// Whether waiting for it, on the calling thread, may never end.
    fn may_wait_for_this_thread(&self) -> bool;
}

/// Waits for a thread to end.
pub(crate) type Join = Box<dyn FnOnce() + Send>;

/// Starts a thread that calls [`Worker::run`].
pub(crate) type Start<P> = Box<dyn Fn(Worker<P>) -> io::Result<Join> + Send + Sync>;

pub(crate) struct Pool<P: Platform> {
    /// The largest number of threads.
    size: usize,
    start: Start<P>,
    state: P::Mutex<State<P>>,
    /// There is a job, or the pool is closed.
    work: P::Condvar,
}

struct State<P: Platform> {
    queue: VecDeque<Arc<dyn Runnable>>,
    threads: Vec<Thread<P>>,
    /// How many threads wait for work.
    idle: usize,
    closed: bool,
}

impl<P: Platform> State<P> {
    fn set_job(&mut self, number: usize, job: Option<Arc<dyn Runnable>>) {
        // A pool that closes has taken the threads out.
        if let Some(thread) = self.threads.get_mut(number) {
            thread.job = job;
        }
    }
}

struct Thread<P: Platform> {
    /// Known once it has begun to work.
    id: Option<P::ThreadId>,
    /// What it runs.
    job: Option<Arc<dyn Runnable>>,
    join: Join,
}

impl<P: Platform> Pool<P> {
    pub(crate) fn new(size: usize, start: Start<P>) -> Self {
        Pool {
            size,
            start,
            state: P::mutex(State {
                queue: VecDeque::new(),
                threads: Vec::new(),
                idle: 0,
                closed: false,
            }),
            work: P::condvar(),
        }
    }

    /// Takes a job in. Refuses it if the pool has no thread and cannot start one.
    pub(crate) fn submit(self: &Arc<Self>, job: Arc<dyn Runnable>) -> io::Result<()> {
        let mut state = P::lock(&self.state);
        // A notified thread counts as idle, and its job as queued, until it gets the lock.
        let has_idle_thread = state.idle > state.queue.len();
        if !has_idle_thread && state.threads.len() < self.size {
            let worker = Worker {
                pool: self.clone(),
                number: state.threads.len(),
            };
            match (self.start)(worker) {
                Ok(join) => state.threads.push(Thread {
                    id: None,
                    job: None,
                    join,
                }),
                Err(error) if state.threads.is_empty() => return Err(error),
                Err(_) => {} // the others will get to it
            }
        }
        state.queue.push_back(job);
        P::notify_one(&self.work);
        Ok(())
    }

    /// The next job of the thread with this number.
    fn next_job(&self, number: usize) -> Option<Arc<dyn Runnable>> {
        let mut state = P::lock(&self.state);
        state.set_job(number, None);
        loop {
            if let Some(job) = state.queue.pop_front() {
                state.set_job(number, Some(job.clone()));
                return Some(job);
            }
            if state.closed {
                return None;
            }
            state.idle += 1;
            state = P::wait(&self.work, state);
            state.idle -= 1;
        }
    }

    /// Drops the jobs that have not been started. Waits for the threads, except this one and those
    /// whose job is not `worth_waiting_for`.
    pub(crate) fn close(&self, worth_waiting_for: impl Fn(&dyn Runnable) -> bool) {
        let mut state = P::lock(&self.state);
        state.closed = true;
        let jobs = std::mem::take(&mut state.queue);
        let threads = std::mem::take(&mut state.threads);
        drop(state);
        for _ in &threads {
            P::notify_one(&self.work);
        }
        for job in jobs {
            job.abandon();
        }
        let this_thread = Some(P::current_thread());
        for Thread { id, job, join } in threads {
            if id != this_thread && job.is_none_or(|job| worth_waiting_for(&*job)) {
                join();
            }
        }
    }

    pub(crate) fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = P::lock(&self.state);
        f.debug_struct("Executor")
            .field("size", &self.size)
            .field("threads", &state.threads.len())
            .field("idle", &state.idle)
            .field("queued", &state.queue.len())
            .finish()
    }
}

/// The work of one thread of an [`Executor`](crate::Executor), for
/// [`Executor::starting_threads_with`](crate::Executor::starting_threads_with).
#[must_use = "the jobs wait for this thread to run"]
pub struct Worker<P: Platform = ParkingLot> {
    pool: Arc<Pool<P>>,
    number: usize,
}

impl<P: Platform> Worker<P> {
    /// The thread's number in its executor: 0, 1, and so on, in the order in which they are started.
    #[must_use]
    pub fn number(&self) -> usize {
        self.number
    }

    /// Runs jobs on this thread, and sleeps while there are none, until the executor is dropped or
    /// shut down.
    pub fn run(self) {
        if let Some(thread) = P::lock(&self.pool.state).threads.get_mut(self.number) {
            thread.id = Some(P::current_thread());
        }
        while let Some(job) = self.pool.next_job(self.number) {
            job.run();
        }
    }
}

impl<P: Platform> fmt::Debug for Worker<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker")
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}
