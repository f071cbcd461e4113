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
use crate::platform::Platform;
use crate::shared::{Shared, Thread};

/// Enqueues `callback` as `call_soon` does, and wakes nobody. **A loop that is asleep stays
/// asleep**, and the callback waits until something else wakes it, or for ever.
///
/// Everything but the wakeup is the code of
/// [`Handle::call_soon_threadsafe`](crate::Handle::call_soon_threadsafe). A loop that is busy finds
/// the callback when it comes back to its queue, so this mistake can go unnoticed for long.
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
    let callback = check_thread(handle, callback)?;
    match handle.submit(SharedCall::shared(callback, Soon), Shared::call_soon) {
        Ok(call) => Ok(CallHandle(call)),
        Err(closed) => Err(HazardError::Closed(closed)),
    }
}

/// Sets the event here and now, whatever the thread, and wakes nobody: what asyncio's `event.set()`
/// does when it is called from another thread than the loop's. **A loop that is asleep stays
/// asleep**, beside an event that is set, and so do the tasks that wait for it.
///
/// The flag is set at once; the wakeup of the waiting tasks is enqueued as `call_soon` does. The safe
/// way is [`EventHandle::set_threadsafe`].
///
/// # Errors
///
/// - [`HazardError::WrongThread`] if the loop is in debug mode and this is not its thread: what
///   asyncio does in debug mode. The flag is not set.
/// - [`HazardError::Closed`] if the loop is closed or gone and a task waits all the same. The flag is
///   set, and nobody is woken.
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
pub fn set_event_without_wakeup<P: Platform>(event: &EventHandle<P>) -> Result<(), HazardError> {
    check_thread(&event.handle, ())?;
    let Some(wake_waiters) = event.set_here() else {
        return Ok(());
    };
    let call = SharedCall::shared(wake_waiters, Soon);
    match event.handle.submit(call, Shared::call_soon) {
        Ok(_) => Ok(()),
        Err(_) => Err(HazardError::Closed(Closed(()))),
    }
}

/// Gives `submitted` back in an error if the loop is in debug mode and belongs to another thread.
fn check_thread<P: Platform, T>(handle: &Handle<P>, submitted: T) -> Result<T, HazardError<T>> {
    let shared = &handle.0;
    if !shared.is_debug() || shared.thread.id == P::current_thread() {
        return Ok(submitted);
    }
    Err(HazardError::WrongThread {
        owner: shared.thread.to_string(),
        caller: Thread::<P>::current().to_string(),
        submitted,
    })
}

/// Why nothing was enqueued.
///
/// ```
/// use wakeproof::{Event, EventLoop, hazard};
///
/// let event_loop = EventLoop::new();
/// event_loop.set_debug(true);
/// let setter = Event::new(&event_loop.local()).handle();
/// let refusal = std::thread::spawn(move || hazard::set_event_without_wakeup(&setter));
/// let refusal = refusal.join().unwrap().unwrap_err();
/// assert!(refusal.to_string().contains("the _threadsafe call, which wakes it"));
/// ```
#[non_exhaustive]
pub enum HazardError<T = ()> {
    /// The loop is closed.
    Closed(Closed<T>),
    /// The loop is in debug mode, and belongs to another thread than the caller's.
    WrongThread {
        /// The loop's thread: name and id.
        owner: String,
        /// The calling thread: name and id.
        caller: String,
        /// The callback, unharmed; of an event, nothing.
        submitted: T,
    },
}

impl<T> HazardError<T> {
    /// What was not scheduled.
    #[must_use]
    pub fn into_submitted(self) -> T {
        match self {
            HazardError::Closed(Closed(submitted)) | HazardError::WrongThread { submitted, .. } => {
                submitted
            }
        }
    }
}

impl<T> fmt::Display for HazardError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HazardError::Closed(closed) => closed.fmt(f),
            HazardError::WrongThread { owner, caller, .. } => write!(
                f,
                "called on {caller}, but the event loop belongs to {owner}; use the _threadsafe call, which wakes it"
            ),
        }
    }
}

impl<T> fmt::Debug for HazardError<T> {
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

impl<T> Error for HazardError<T> {}
