//! Tasks spawned from any thread, and the results that any thread may wait for.

use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use crate::entry::{Entry, NewTask, Spawned};
use crate::error::{Closed, ResultError};
use crate::handle::Handle;
use crate::platform::Platform;
use crate::report::Work;
use crate::task::result_cell::{Promise, ResultCell, task_handle};
use crate::task::submission::{BlockingCell, Submission};
use crate::task::supervise::supervise;

/// A future on its way to the loop.
struct Numbered<F> {
    future: F,
    /// See [`NewTask`].
    number: u64,
}

impl<P: Platform, F: Future<Output: Send> + Send + 'static> Spawned
    for Submission<P, Numbered<F>, F::Output>
{
    fn start(self: Arc<Self>) -> Option<NewTask> {
        let Numbered { future, number } = self.take_work()?;
        let spawned_at = self.origin.scheduled_at;
        Some(NewTask {
            future: Box::pin(supervise::<P, F, _>(future, Promise::new(self))),
            number,
            spawned_at,
        })
    }
}

impl<P: Platform> Handle<P> {
    /// Runs `future` on the loop's thread, beside whatever else the loop does, and wakes the loop if
    /// it is asleep. For any thread. asyncio's `run_coroutine_threadsafe`.
    ///
    /// The future is polled and dropped on the loop's thread, even if another thread cancels it. Its
    /// first poll is in its turn among the submitted callbacks.
    ///
    /// Await the [`SharedTask`], on this loop or elsewhere, or let a thread wait for it.
    ///
    /// # Errors
    ///
    /// [`Closed`], with the future, if the loop is closed or gone.
    ///
    /// ```
    /// let event_loop = wakeproof::EventLoop::new();
    /// let handle = event_loop.handle();
    /// let worker = std::thread::spawn(move || {
    ///     let mut task = handle.spawn_threadsafe(async { 6 * 7 }).unwrap();
    ///     let answer = task.result().unwrap(); // blocks this thread
    ///     handle.stop();
    ///     answer
    /// });
    /// event_loop.run_forever()?;
    /// assert_eq!(worker.join().unwrap(), 42);
    /// # Ok::<(), wakeproof::RunError>(())
    /// ```
    #[track_caller]
    pub fn spawn_threadsafe<F>(&self, future: F) -> Result<SharedTask<F::Output>, Closed<F>>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let origin = Work::Task.scheduled_at(Location::caller());
        // Only the loop's thread may drop the future, so cancelling is a request to the task.
        let (number, cancel) = (self.0.number(), Submission::request_cancel as fn(&_) -> _);
        let submission =
            Submission::<P, _, _>::new(&self.0, origin, Numbered { future, number }, cancel);
        let entry = Entry::Spawn(submission.clone());
        match self.0.call_soon_threadsafe(entry) {
            Ok(()) => Ok(SharedTask(submission)),
            Err(_) => Err(Closed(submission.take_back().future)),
        }
    }
}

/// A task whose handle may go to any thread: from [`Handle::spawn_threadsafe`], or a job that
/// [`Local::run_in_executor`](crate::Local::run_in_executor) has given to a pool of threads.
///
/// Python's `concurrent.futures.Future`. **Dropping it detaches**: the task runs on, and what it
/// returns is dropped.
///
/// Awaiting it returns what awaiting a [`Task`](crate::Task) does, and works on any executor. A thread
/// without an executor calls [`result`](Self::result).
///
/// # Panics
///
/// Polling it, or asking for its result, after it has given its result panics.
///
/// ```
/// let event_loop = wakeproof::EventLoop::new();
/// let task = event_loop.handle().spawn_threadsafe(async { "hello" }).unwrap();
/// let outcome = event_loop.run_until_complete(task).unwrap();
/// assert_eq!(outcome.unwrap(), "hello");
/// ```
#[must_use = "dropping the handle lets the task run by itself; say so with `drop`"]
pub struct SharedTask<T>(pub(crate) Arc<dyn BlockingCell<T> + Send + Sync>);

impl<T> SharedTask<T> {
    /// Cancels the task, from any thread: its future is dropped instead of being polled again, on the
    /// loop's thread, which wakes for that if it is asleep. A job that has not been started is dropped
    /// at once, on the calling thread. A job that has been started cannot be cancelled.
    ///
    /// - `true`: the task will end. Awaiting it returns [`JoinError::Cancelled`], unless it is being
    ///   polled right now and this poll completes it.
    /// - `false`: it has ended, or has been cancelled before, or is a job that runs.
    ///
    /// [`JoinError::Cancelled`]: crate::JoinError::Cancelled
    #[expect(
        clippy::must_use_candidate,
        reason = "cancelling is all that most want of it"
    )]
    pub fn cancel(&self) -> bool {
        self.0.cancel()
    }

    /// Blocks this thread until the task has ended, and takes its result. `result()` of the future
    /// that asyncio's `run_coroutine_threadsafe` returns.
    ///
    /// # Errors
    ///
    /// - [`ResultError::Join`] if the task was cancelled, its loop closed, or its future panicked.
    /// - [`ResultError::Deadlock`], at once, if this is the thread of a loop that is not closed and the
    ///   task has not ended: while the thread waits, the loop cannot run. Await the task instead.
    ///
    /// ```
    /// use wakeproof::ResultError;
    ///
    /// let event_loop = wakeproof::EventLoop::new();
    /// let mut task = event_loop.handle().spawn_threadsafe(async { 42 }).unwrap();
    /// assert!(matches!(task.result(), Err(ResultError::Deadlock { .. })));
    ///
    /// event_loop.stop(); // the next run does one iteration
    /// event_loop.run_forever().unwrap();
    /// assert_eq!(task.result().unwrap(), 42);
    /// ```
    pub fn result(&mut self) -> Result<T, ResultError> {
        self.0.block(None)
    }

    /// As [`result`](Self::result), but waits for no longer than `timeout`. A task that takes longer
    /// runs on, and you can wait for it again.
    ///
    /// # Errors
    ///
    /// As for [`result`](Self::result), and [`ResultError::TimedOut`].
    ///
    /// ```
    /// use std::{future, thread, time::Duration};
    /// use wakeproof::{EventLoop, ResultError};
    ///
    /// let event_loop = EventLoop::new();
    /// let mut task = event_loop.handle().spawn_threadsafe(future::pending::<()>()).unwrap();
    /// let waiter = thread::spawn(move || task.result_timeout(Duration::from_millis(1)));
    /// assert!(matches!(waiter.join().unwrap(), Err(ResultError::TimedOut)));
    /// ```
    pub fn result_timeout(&mut self, timeout: Duration) -> Result<T, ResultError> {
        self.0.block(Some(timeout))
    }
}

task_handle!(SharedTask);
