//! The unsafe variant, on purpose: `call_soon` from any thread, without the wakeup, and what comes
//! of it for an [`Event`](crate::Event).
//!
//! For demonstrations and for tests that must fail. The ordinary API cannot express this mistake:
//! [`Local`](crate::Local), which has `call_soon`, does not leave the loop's thread.

use std::error::Error;
use std::fmt;

use crate::call::{CallHandle, SharedCall, Soon};
use crate::error::Closed;
use crate::event::EventHandle;
use crate::handle::Handle;
use crate::inbox::Inbox;
use crate::platform::Platform;
use crate::shared::Thread;

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
    if let Some((owner, caller)) = wrong_thread(handle) {
        return Err(HazardError::WrongThread {
            owner,
            caller,
            callback,
        });
    }
    let call = SharedCall::new(callback, Soon);
    let submitted = handle.submit(call, Inbox::call_soon);
    submitted
        .map(|call| CallHandle(call))
        .map_err(HazardError::Closed)
}

/// The loop's thread and the calling one, if they differ and the loop is in debug mode.
fn wrong_thread<P: Platform>(handle: &Handle<P>) -> Option<(String, String)> {
    let shared = &handle.0;
    (shared.is_debug() && shared.thread.id != P::current_thread()).then(|| {
        let caller = Thread::<P>::current();
        (shared.thread.to_string(), caller.to_string())
    })
}

/// Sets the event here and now, whatever the thread, and wakes nobody: what asyncio's `event.set()`
/// does when it is called from another thread than the loop's. **A loop that is asleep stays
/// asleep**, beside an event that is set, and so do the tasks that wait for it.
///
/// The flag is set at once; that those who wait are to be woken is enqueued as `call_soon` does. The
/// safe way is [`EventHandle::set_threadsafe`].
///
/// # Errors
///
/// - [`SetError::WrongThread`] if the loop is in debug mode and this is not its thread: what asyncio
///   does in debug mode. The flag is not set.
/// - [`SetError::Closed`] if the loop is closed or gone and somebody waits all the same. The flag is
///   set.
///
/// ```
/// use wakeproof::{Event, EventLoop, hazard};
///
/// let event_loop = EventLoop::new();
/// let event = Event::new(&event_loop.local());
/// let (handle, setter) = (event_loop.handle(), event.handle());
/// let worker = std::thread::spawn(move || {
///     while !handle.status().asleep {
///         std::thread::yield_now();
///     }
///     hazard::set_event_without_wakeup(&setter).unwrap();
///     let stranded = setter.is_set() && handle.status().is_stranded();
///     handle.call_soon_threadsafe(|| ()).unwrap(); // a wakeup, at last
///     stranded
/// });
/// event_loop.run_until_complete(event.wait()).unwrap();
/// assert!(worker.join().unwrap(), "the loop slept beside an event that was set");
/// ```
#[track_caller]
pub fn set_event_without_wakeup<P: Platform>(event: &EventHandle<P>) -> Result<(), SetError> {
    let handle = event.loop_handle();
    if let Some((owner, caller)) = wrong_thread(handle) {
        return Err(SetError::WrongThread { owner, caller });
    }
    let Some(wake_waiters) = event.set_here() else {
        return Ok(());
    };
    match handle.submit(SharedCall::new(wake_waiters, Soon), Inbox::call_soon) {
        Ok(_) => Ok(()),
        Err(_) => Err(SetError::Closed),
    }
}

/// Why an event was not set, or set in vain.
///
/// ```
/// use wakeproof::{Event, EventLoop, hazard};
///
/// let event_loop = EventLoop::new();
/// event_loop.set_debug(true);
/// let setter = Event::new(&event_loop.local()).handle();
/// let refusal = std::thread::spawn(move || hazard::set_event_without_wakeup(&setter));
/// let refusal = refusal.join().unwrap().unwrap_err();
/// assert!(refusal.to_string().contains("use set_threadsafe, which wakes it"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SetError {
    /// The loop is closed. The flag is set, and nobody will be woken.
    Closed,
    /// The loop is in debug mode, and belongs to another thread than the caller's.
    WrongThread {
        /// The loop's thread: name and id.
        owner: String,
        /// The calling thread: name and id.
        caller: String,
    },
}

impl fmt::Display for SetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SetError::Closed => {
                f.write_str("the event loop is closed; the event is set, and nobody is woken")
            }
            SetError::WrongThread { owner, caller } => write!(
                f,
                "event set on {caller}, but its event loop belongs to {owner}; use set_threadsafe, which wakes it"
            ),
        }
    }
}

impl Error for SetError {}

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
            HazardError::Closed(Closed(callback)) | HazardError::WrongThread { callback, .. } => {
                callback
            }
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
