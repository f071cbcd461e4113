//! What the loop's queue holds.

use std::mem::ManuallyDrop;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;

use crate::call::{Call, Posted};
use crate::report::CallbackPanic;

/// One thing for the loop to do.
pub(crate) enum Entry {
    /// A callback from any thread, without a handle.
    Posted(Box<dyn Posted>),
    /// A call from any thread.
    Shared(Arc<dyn Call + Send + Sync>),
    /// A timer from any thread.
    Timer(Arc<dyn Call + Send + Sync>),
    /// A call from the loop's own thread, by its key: the callback has never left that thread.
    Local(usize),
    /// A timer from the loop's own thread, by its key.
    LocalTimer(usize),
    /// Poll a task: it is new, or it has been woken.
    Task(TaskId),
    /// A task from any thread.
    Spawn(Arc<dyn Spawned + Send + Sync>),
    /// Too many timers are cancelled: clear them up.
    Sweep,
    /// A panic that nobody but the exception handler will hear of.
    Report(Box<CallbackPanic>),
}

/// An entry in the queue, where nothing drops it: the loop takes out every one, at the latest to close.
///
/// The compiler builds an entry that it may have to drop in memory and copies it from there to the
/// queue, all under the lock. One that it need not drop goes there straight from the registers.
pub(crate) type Queued = ManuallyDrop<Entry>;

/// Which task: a place in the loop's slab, and a number that no other task of the loop has had. A
/// wakeup meant for a task that is gone does not reach the next task in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TaskId {
    pub(crate) place: usize,
    pub(crate) number: u64,
}

impl TaskId {
    /// The place of a future that is in no slab: `run_until_complete` holds it.
    pub(crate) const MAIN: usize = usize::MAX;
}

/// A task that another thread has spawned.
pub(crate) trait Spawned {
    /// Starts it on the loop's thread. `None`: its future is gone.
    fn start(self: Arc<Self>) -> Option<NewTask>;
}

/// A future under supervision.
pub(crate) type TaskFuture = Pin<Box<dyn Future<Output = ()>>>;

/// A task for the loop to take in.
pub(crate) struct NewTask {
    pub(crate) future: TaskFuture,
    /// The number that it got when it was spawned.
    pub(crate) number: u64,
    pub(crate) spawned_at: &'static Location<'static>,
}
