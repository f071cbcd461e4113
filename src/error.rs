//! What can be refused, and why.

use std::any::Any;
use std::error::Error;
use std::fmt;

use crate::report::{NO_MESSAGE, message};

/// The loop is closed, and what was submitted comes back: a callback, a future, or nothing, `()`.
///
/// ```
/// let event_loop = wakeproof::EventLoop::new();
/// let (local, handle) = (event_loop.local(), event_loop.handle());
/// event_loop.close().unwrap();
///
/// let wakeproof::Closed(callback) = handle.call_soon_threadsafe(|| println!("still mine")).unwrap_err();
/// callback();
///
/// let wakeproof::Closed(future) = local.spawn(async { "still mine" }).unwrap_err();
/// let other_loop = wakeproof::EventLoop::new();
/// assert_eq!(other_loop.run_until_complete(future), Ok("still mine"));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Closed<T = ()>(pub T);

impl<T> fmt::Display for Closed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the event loop is closed; nothing was scheduled, and what was submitted comes back in this error",
        )
    }
}

impl<T> fmt::Debug for Closed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Closed(..)")
    }
}

impl<T> Error for Closed<T> {}

/// Why a loop did not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RunError {
    /// The loop is closed, for good.
    Closed,
    /// The loop is running already: this call comes from one of its own callbacks.
    AlreadyRunning,
    /// The loop was stopped before the future completed.
    Stopped,
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RunError::Closed => "the event loop is closed; create a new one to run callbacks",
            RunError::AlreadyRunning => {
                "the event loop is running already; from a callback, schedule with call_soon instead of running the loop"
            }
            RunError::Stopped => {
                "the event loop was stopped before the future completed; run it without a stop to get the result"
            }
        })
    }
}

impl Error for RunError {}

/// Why a task has no result.
///
/// ```
/// let event_loop = wakeproof::EventLoop::new();
/// let task = event_loop.local().spawn(async { panic!("out of cheese") }).unwrap();
/// let outcome: Result<(), _> = event_loop.run_until_complete(task).unwrap();
/// assert_eq!(outcome.unwrap_err().to_string(), "the task panicked: out of cheese");
/// ```
#[non_exhaustive]
pub enum JoinError {
    /// The task was cancelled, by its handle or by the loop's `close`.
    Cancelled,
    /// The task panicked. With the panic's payload, as [`std::panic::catch_unwind`] returns it.
    Panicked(Box<dyn Any + Send>),
    /// The task awaits itself: it would wait for its own end, for ever.
    AwaitsItself,
}

impl JoinError {
    /// Whether the task was cancelled.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        matches!(self, JoinError::Cancelled)
    }

    /// The message of the task's panic, if it panicked with text.
    #[must_use]
    pub fn panic_message(&self) -> Option<&str> {
        match self {
            JoinError::Panicked(payload) => message(&**payload),
            JoinError::Cancelled | JoinError::AwaitsItself => None,
        }
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JoinError::Cancelled => f.write_str("the task was cancelled"),
            JoinError::Panicked(_) => {
                let message = self.panic_message().unwrap_or(NO_MESSAGE);
                write!(f, "the task panicked: {message}")
            }
            JoinError::AwaitsItself => {
                f.write_str("a task cannot await itself: it would wait for ever")
            }
        }
    }
}

impl fmt::Debug for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JoinError::Cancelled => f.write_str("Cancelled"),
            JoinError::Panicked(_) => f
                .debug_tuple("Panicked")
                .field(&self.panic_message())
                .finish(),
            JoinError::AwaitsItself => f.write_str("AwaitsItself"),
        }
    }
}

impl Error for JoinError {}

/// Why a thread that waited for a task has no result.
///
/// ```
/// let event_loop = wakeproof::EventLoop::new();
/// let mut task = event_loop.handle().spawn_threadsafe(async {}).unwrap();
/// let error = task.result().unwrap_err(); // on the loop's own thread
/// assert!(error.to_string().starts_with("deadlock: "));
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum ResultError {
    /// The task has ended without a result.
    Join(JoinError),
    /// The task has not ended in time.
    TimedOut,
    /// The wait would never end: the loop's own thread asked to wait for the loop.
    Deadlock {
        /// The thread: name and id.
        thread: String,
    },
}

impl fmt::Display for ResultError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ResultError::Join(error) => error.fmt(f),
            ResultError::TimedOut => f.write_str(
                "the task has not ended in time; it runs on, and can be waited for again",
            ),
            ResultError::Deadlock { thread } => write!(
                f,
                "deadlock: {thread} cannot wait for a task of its own event loop, which does not run meanwhile; await the task instead"
            ),
        }
    }
}

impl Error for ResultError {}

/// Why a future under a timeout has no result. It has been dropped.
///
/// ```
/// use std::{future, time::Duration};
///
/// let event_loop = wakeproof::EventLoop::new();
/// let never = event_loop.local().timeout(Duration::ZERO, future::pending::<()>());
/// let error = event_loop.run_until_complete(never).unwrap().unwrap_err();
/// assert_eq!(error.to_string(), "the future did not complete in time and was dropped");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TimeoutError {
    /// The future did not complete in time.
    Elapsed,
    /// The loop that measured the time was closed.
    Closed,
}

impl fmt::Display for TimeoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TimeoutError::Elapsed => "the future did not complete in time and was dropped",
            TimeoutError::Closed => {
                "the event loop that measured the time was closed, and the future was dropped"
            }
        })
    }
}

impl Error for TimeoutError {}

/// Why a loop was not closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseError {
    /// The loop is running: this call comes from one of its own callbacks.
    Running,
}

impl fmt::Display for CloseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a running event loop cannot be closed; stop it, and close it when run_forever has returned",
        )
    }
}

impl Error for CloseError {}
