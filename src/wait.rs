//! Waiting for several tasks: asyncio's `gather` and `wait`.

use std::future::poll_fn;
use std::task::{Context, Poll};

use crate::error::JoinError;

/// The handle of a task: [`Task`](crate::Task) or [`SharedTask`](crate::SharedTask), for [`gather`] and
/// [`wait`].
pub trait TaskHandle: Future<Output = Result<Self::Value, JoinError>> + Unpin {
    #[doc(hidden)]
    type Value;
    #[doc(hidden)]
    fn is_finished(&self) -> bool;
    /// Whether it has ended; if not, the context's waker is woken when it does.
    #[doc(hidden)]
    fn poll_finished(&self, context: &Context<'_>) -> bool;
}

/// Waits for all `tasks` and gives their results, in the order of the tasks. asyncio's `gather` with
/// `return_exceptions`: a task that fails ends nothing but itself.
///
/// If the returned future is dropped, the tasks run on.
///
/// ```
/// use std::time::Duration;
///
/// let answers = wakeproof::run(async |local| {
///     let mut tasks = Vec::new();
///     for i in 0..3 {
///         let sleep = local.sleep(Duration::from_millis(3 - i));
///         tasks.push(local.spawn(async move { sleep.await.unwrap(); i }).unwrap());
///     }
///     wakeproof::gather(tasks).await
/// })?;
/// let answers: Vec<u64> = answers.into_iter().map(Result::unwrap).collect();
/// assert_eq!(answers, [0, 1, 2]);
/// # Ok::<(), wakeproof::RunError>(())
/// ```
pub async fn gather<J: TaskHandle>(
    tasks: impl IntoIterator<Item = J>,
) -> Vec<Result<J::Value, JoinError>> {
    // One after the other: they run by themselves, so the order of waiting does not matter.
    let tasks: Vec<J> = tasks.into_iter().collect();
    let mut results = Vec::with_capacity(tasks.len());
    for task in tasks {
        results.push(task.await);
    }
    results
}

/// What [`wait`] waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReturnWhen {
    /// One task has ended, or there is none.
    FirstCompleted,
    /// All tasks have ended.
    AllCompleted,
}

/// The tasks that were waited for, with their results still in them. Each list keeps the order in which
/// the tasks were given.
#[derive(Debug)]
pub struct Waited<J> {
    /// The tasks that have ended.
    pub done: Vec<J>,
    /// The others. They run on, even if this is dropped.
    pub pending: Vec<J>,
}

/// Waits for one or all of several tasks, and tells those that have ended from the others. asyncio's
/// `wait`.
///
/// ```
/// use std::time::Duration;
/// use wakeproof::ReturnWhen;
///
/// wakeproof::run(async |local| {
///     let quick = local.spawn(local.sleep(Duration::from_millis(1))).unwrap();
///     let slow = local.spawn(local.sleep(Duration::MAX)).unwrap();
///     let tasks = wakeproof::wait([slow, quick], ReturnWhen::FirstCompleted).await;
///     assert_eq!((tasks.done.len(), tasks.pending.len()), (1, 1));
///     assert!(tasks.pending[0].cancel());
/// })?;
/// # Ok::<(), wakeproof::RunError>(())
/// ```
pub async fn wait<J: TaskHandle>(
    tasks: impl IntoIterator<Item = J>,
    return_when: ReturnWhen,
) -> Waited<J> {
    let tasks: Vec<J> = tasks.into_iter().collect();
    match return_when {
        ReturnWhen::FirstCompleted if tasks.is_empty() => {}
        ReturnWhen::FirstCompleted => {
            until(|context| tasks.iter().any(|task| task.poll_finished(context))).await;
        }
        ReturnWhen::AllCompleted => {
            for task in &tasks {
                until(|context| task.poll_finished(context)).await;
            }
        }
    }
    let (done, pending) = tasks.into_iter().partition(TaskHandle::is_finished);
    Waited { done, pending }
}

/// Waits until `condition` holds. It registers for the wakeups after which to look again.
async fn until(condition: impl Fn(&Context<'_>) -> bool) {
    poll_fn(|context| match condition(context) {
        true => Poll::Ready(()),
        false => Poll::Pending,
    })
    .await;
}
