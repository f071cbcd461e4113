//! What can be refused, and why.

use std::error::Error;
use std::fmt;

/// The loop is closed: the callback was not scheduled, and comes back in `callback`.
///
/// ```
/// let event_loop = wakeproof::EventLoop::new();
/// let handle = event_loop.handle();
/// event_loop.close().unwrap();
///
/// let refused = handle.call_soon_threadsafe(|| println!("still mine")).unwrap_err();
/// (refused.callback)(); // prints "still mine"
/// ```
pub struct Closed<F> {
    /// The callback, unharmed.
    pub callback: F,
}

impl<F> fmt::Display for Closed<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the event loop is closed; the callback was not scheduled and comes back in this error",
        )
    }
}

impl<F> fmt::Debug for Closed<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Closed").finish_non_exhaustive()
    }
}

impl<F> Error for Closed<F> {}

/// Why a loop did not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RunError {
    /// The loop is closed, for good.
    Closed,
    /// The loop is running already: this call comes from one of its own callbacks.
    AlreadyRunning,
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RunError::Closed => "the event loop is closed; create a new one to run callbacks",
            RunError::AlreadyRunning => {
                "the event loop is running already; from a callback, schedule with call_soon instead of running the loop"
            }
        })
    }
}

impl Error for RunError {}

/// Why a loop was not closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseError {
    /// The loop is running: this call comes from one of its own callbacks.
    Running,
}

impl fmt::Display for CloseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CloseError::Running => f.write_str(
                "a running event loop cannot be closed; stop it, and close it when run_forever has returned",
            ),
        }
    }
}

impl Error for CloseError {}
