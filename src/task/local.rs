//! Tasks of the loop's own thread.

use std::panic::Location;
use std::rc::Rc;

use crate::entry::{Entry, NewTask};
use crate::error::Closed;
use crate::handle::Local;
use crate::platform::Platform;
use crate::task::result_cell::{HandleCell, Promise, task_handle};
use crate::task::supervise::supervise;

impl<P: Platform> Local<P> {
    /// Runs `future` on this thread, beside whatever else the loop does. asyncio's `create_task`.
    ///
    /// The future need not be `Send`. Its first poll is in the loop's next iteration, in its turn among
    /// the callbacks; the others are whenever it is woken. It is dropped on this thread, when it has
    /// completed, panicked or been cancelled, or when the loop is closed.
    ///
    /// Await the [`Task`] for the result, or use it to cancel. If you drop it, the task runs on by
    /// itself.
    ///
    /// # Errors
    ///
    /// [`Closed`], with the future, if the loop is closed.
    ///
    /// ```
    /// use std::rc::Rc;
    ///
    /// let event_loop = wakeproof::EventLoop::new();
    /// let not_send = Rc::new(6);
    /// let task = event_loop.local().spawn(async move { *not_send * 7 }).unwrap();
    /// let answer = event_loop.run_until_complete(task).unwrap();
    /// assert_eq!(answer.unwrap(), 42);
    /// ```
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> Result<Task<F::Output>, Closed<F>>
    where
        F: Future + 'static,
    {
        if self.is_closed() {
            return Err(Closed(future));
        }
        let (shared, tasks) = (&self.0.shared, &self.0.tasks);
        let spawned_at = Location::caller();
        let cell = tasks.cell::<F::Output>(shared, spawned_at);
        let promise = Promise::new(cell.clone());
        let task = NewTask {
            future: Box::pin(supervise::<P, F, _>(future, promise)),
            number: shared.number(),
            spawned_at,
        };
        let id = tasks.insert(shared, task, Some(cell.clone()));
        // Only a closed loop refuses, and this one is open.
        let _ = shared.call_soon(Entry::Task(id));
        Ok(Task(cell))
    }
}

/// A task of the loop's thread, from [`Local::spawn`]. Awaiting it gives the future's output.
///
/// asyncio's `Task`. **Dropping it detaches**: the task runs on, and what it returns is dropped.
///
/// # Awaiting
///
/// Await it by value, or by `&mut` to keep it if something else comes first. The result is
///
/// - `Ok` with the output when the future has completed,
/// - [`JoinError::Cancelled`] if the task was cancelled or its loop closed first,
/// - [`JoinError::Panicked`] if the future panicked. If the handle was dropped, the panic goes to the
///   loop's exception handler instead.
/// - [`JoinError::AwaitsItself`] in the task itself.
///
/// Not `Send`: it stays on the loop's thread. A [`SharedTask`](crate::SharedTask) may leave it.
///
/// # Panics
///
/// Polling it again after it has given its result panics.
///
/// ```
/// let answer = wakeproof::run(async |local| {
///     let question = local.spawn(async { 6 }).unwrap();
///     local.spawn(async move { question.await.unwrap() * 7 }).unwrap().await
/// });
/// assert_eq!(answer.unwrap().unwrap(), 42);
/// ```
///
/// [`JoinError::Cancelled`]: crate::JoinError::Cancelled
/// [`JoinError::Panicked`]: crate::JoinError::Panicked
/// [`JoinError::AwaitsItself`]: crate::JoinError::AwaitsItself
#[must_use = "dropping the handle lets the task run by itself; say so with `drop`"]
pub struct Task<T>(Rc<dyn HandleCell<T>>);

impl<T> Task<T> {
    /// Cancels the task: in the loop's next iteration, its future is dropped instead of being polled.
    ///
    /// - `true`: the task will end. Awaiting it returns [`JoinError::Cancelled`], unless it is being
    ///   polled right now and this poll completes it.
    /// - `false`: it has ended, or has been cancelled before.
    ///
    /// ```
    /// let event_loop = wakeproof::EventLoop::new();
    /// let task = event_loop.local().spawn(std::future::pending::<()>()).unwrap();
    /// assert!(task.cancel() && !task.cancel());
    /// let outcome = event_loop.run_until_complete(task).unwrap();
    /// assert!(outcome.unwrap_err().is_cancelled());
    /// ```
    ///
    /// [`JoinError::Cancelled`]: crate::JoinError::Cancelled
    #[expect(
        clippy::must_use_candidate,
        reason = "cancelling is all that most want of it"
    )]
    pub fn cancel(&self) -> bool {
        self.0.cancel()
    }
}

task_handle!(Task);
