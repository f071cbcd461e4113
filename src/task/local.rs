//! Tasks of the loop's own thread.

use std::any::Any;
use std::cell::RefCell;
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;

use crate::error::SpawnError;
use crate::event_loop::{Entry, Shared};
use crate::handle::Local;
use crate::platform::Platform;
use crate::report::{CallbackPanic, Origin, Work};
use crate::task::join::{Join, JoinState, Joint, Promise, task_handle};
use crate::task::registry::TaskFuture;
use crate::task::supervise::supervise;

/// The cell of a [`Task`]. Never leaves the loop's thread.
struct LocalJoin<P: Platform, T> {
    state: RefCell<JoinState<T>>,
    shared: Arc<Shared<P>>,
    spawned_at: &'static Location<'static>,
}

impl<P: Platform, T: 'static> LocalJoin<P, T> {
    /// Uses the cell of an earlier task, if its result had the same type and its handle is gone.
    fn new(
        spare: Option<Rc<dyn Any>>,
        shared: &Arc<Shared<P>>,
        task: Waker,
        spawned_at: &'static Location<'static>,
    ) -> Rc<Self> {
        if let Some(Ok(mut spare)) = spare.map(Rc::downcast::<Self>)
            && let Some(join) = Rc::get_mut(&mut spare)
        {
            *join.state.get_mut() = JoinState::new(Some(task));
            join.spawned_at = spawned_at;
            return spare;
        }
        Rc::new(LocalJoin {
            state: RefCell::new(JoinState::new(Some(task))),
            shared: shared.clone(),
            spawned_at,
        })
    }
}

impl<P: Platform, T> Joint for LocalJoin<P, T> {
    type Output = T;

    fn update<R>(&self, update: impl FnOnce(&mut JoinState<T>) -> R) -> R {
        update(&mut self.state.borrow_mut())
    }

    fn report(&self, payload: Box<dyn Any + Send>) {
        let origin = Origin {
            work: Work::Task,
            scheduled_at: self.spawned_at,
        };
        self.shared.report(CallbackPanic { origin, payload });
    }
}

impl<P: Platform> Local<P> {
    /// Runs `future` on this thread, beside whatever else the loop does. asyncio's `create_task`.
    ///
    /// It need not be `Send`. It is polled for the first time in the loop's next iteration, in its
    /// turn among the callbacks, and after that whenever it is woken, and is dropped on this thread
    /// when it has completed, panicked or been cancelled, or when the loop is closed.
    ///
    /// The [`Task`] is there to await the result, or to cancel. Whoever drops it lets the task go
    /// on by itself.
    ///
    /// # Errors
    ///
    /// [`SpawnError`], with the future, if the loop is closed.
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
    pub fn spawn<F>(&self, future: F) -> Result<Task<F::Output>, SpawnError<F>>
    where
        F: Future + 'static,
    {
        if self.is_closed() {
            return Err(SpawnError { future });
        }
        let shared = &self.0.shared;
        let spawned_at = Location::caller();
        let mut handle = None;
        let number = shared.number();
        let id = self
            .0
            .tasks
            .insert(shared, number, spawned_at, |waker, spare| {
                let join = LocalJoin::new(spare, shared, Waker::from(waker.clone()), spawned_at);
                let promise = Promise::new(join.clone());
                let future: TaskFuture = Box::pin(supervise::<P, F, _>(future, promise));
                handle = Some(Task(join.clone()));
                (future, Some(join))
            });
        // Refused by a closed loop only, which this one is not.
        let _ = shared.inbox.call_soon(Entry::Task(id));
        Ok(handle.expect("the closure has run"))
    }
}

/// A task of the loop's thread, from [`Local::spawn`]. Awaiting it gives the future's output.
///
/// asyncio's `Task`. **Dropping it detaches**: the task runs on, and what it returns is dropped.
///
/// # Awaiting
///
/// By value, or by `&mut` to have it back if something else comes first. Gives
///
/// - `Ok` with the output when the future has completed,
/// - [`JoinError::Cancelled`] if the task was cancelled or its loop closed first,
/// - [`JoinError::Panicked`] if the future panicked. A panic that nobody can learn of in this way,
///   because the handle was dropped, goes to the loop's exception handler.
/// - [`JoinError::AwaitsItself`] in the task itself.
///
/// Not `Send`: it stays on the loop's thread. [`SharedTask`](crate::SharedTask) does not.
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
pub struct Task<T>(Rc<dyn Join<T>>);

impl<T> Task<T> {
    /// Asks for the end of the task: instead of being polled again, its future is dropped, in the
    /// loop's next iteration.
    ///
    /// - `true`: the task is going to end. Who awaits it gets [`JoinError::Cancelled`], unless it is
    ///   being polled at this moment and completes by that.
    /// - `false`: it has ended already, or is already asked to.
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
