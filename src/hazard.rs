//! The unsafe variant, on purpose: `call_soon` from any thread, without the wakeup.
//!
//! For demonstrations and for tests that must fail. The ordinary API cannot express this mistake:
//! [`Local`](crate::Local), which has `call_soon`, does not leave the loop's thread.

use std::error::Error;
use std::fmt;

use crate::call::CallHandle;
use crate::error::Closed;
use crate::event_loop::Thread;
use crate::handle::Handle;
use crate::inbox::Inbox;
use crate::platform::Platform;

/// Enqueues `callback` as `call_soon` does, and wakes nobody. **A loop that is asleep stays
/// asleep**, and the callback waits until something else wakes it, or for ever.
///
/// Everything but the wakeup is the code of
/// [`Handle::call_soon_threadsafe`](crate::Handle::call_soon_threadsafe). A loop that is busy finds
/// the callback when it comes back to its queue, which is why this mistake goes unnoticed for long.
///
/// # Errors
///
/// - [`HazardError::WrongThread`], with the callback, if the loop is in debug mode and this is not
///   its thread: what asyncio does in debug mode.
/// - [`HazardError::Closed`], with the callback, if the loop is closed or gone.
///
/// ```
/// use wakeproof::{EventLoop, hazard};
///
/// let event_loop = EventLoop::new();
/// let handle = event_loop.handle();
/// let worker = std::thread::spawn(move || {
///     while !handle.status().asleep {
///         std::thread::yield_now();
///     }
///     hazard::call_soon_without_wakeup(&handle, || ()).unwrap();
///     let stranded = handle.status().is_stranded();
///     handle.stop(); // a wakeup, at last
///     stranded
/// });
/// event_loop.run_forever().unwrap();
/// assert!(worker.join().unwrap(), "the loop slept beside a callback");
/// ```
#[track_caller]
pub fn call_soon_without_wakeup<P, F>(
    handle: &Handle<P>,
    callback: F,
) -> Result<CallHandle, HazardError<F>>
where
    P: Platform,
    F: FnOnce() + Send + 'static,
{
    if handle.0.is_debug() && handle.0.thread.id != P::current_thread() {
        return Err(HazardError::WrongThread {
            owner: handle.0.thread.to_string(),
            caller: Thread::<P>::current().to_string(),
            callback,
        });
    }
    handle
        .submit(callback, Inbox::call_soon)
        .map_err(HazardError::Closed)
}

/// Why a callback was not enqueued.
#[non_exhaustive]
pub enum HazardError<F> {
    /// The loop is closed.
    Closed(Closed<F>),
    /// The loop is in debug mode, and belongs to another thread than the caller's.
    WrongThread {
        /// The loop's thread: name and id.
        owner: String,
        /// The calling thread: name and id.
        caller: String,
        /// The callback, unharmed.
        callback: F,
    },
}

impl<F> HazardError<F> {
    /// The callback that was not scheduled.
    #[must_use]
    pub fn into_callback(self) -> F {
        match self {
            HazardError::Closed(Closed { callback })
            | HazardError::WrongThread { callback, .. } => callback,
        }
    }
}

impl<F> fmt::Display for HazardError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HazardError::Closed(closed) => closed.fmt(f),
            HazardError::WrongThread { owner, caller, .. } => write!(
                f,
                "call_soon on {caller}, but the event loop belongs to {owner}; use call_soon_threadsafe, which wakes it"
            ),
        }
    }
}

impl<F> fmt::Debug for HazardError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HazardError::Closed(closed) => f.debug_tuple("Closed").field(closed).finish(),
            HazardError::WrongThread { owner, caller, .. } => f
                .debug_struct("WrongThread")
                .field("owner", owner)
                .field("caller", caller)
                .finish_non_exhaustive(),
        }
    }
}

impl<F> Error for HazardError<F> {}
