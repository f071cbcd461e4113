//! A step of a thread, as it is told.

use serde::Serialize;

use super::acts::Notified;
use super::shared::Shared;

/// A step, in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Told {
    /// Whose: an index into [`Trace::threads`](super::Trace::threads). None if it is not a thread's, such as the
    /// clock's.
    pub thread: Option<usize>,
    /// The specification's name for it, if it has one.
    pub action: Option<String>,
    /// Its line, with the file, if it is known.
    pub at: Option<String>,
    /// What it does.
    pub what: String,
    /// What that means for the mutex.
    pub kind: Kind,
    /// Whom it notifies.
    pub notifies: Option<Notified>,
    /// What the threads share after it.
    pub shared: Shared,
}

impl Told {
    /// A step of which only the words are known.
    #[must_use]
    pub fn new(thread: Option<usize>, what: impl Into<String>) -> Self {
        Told {
            thread,
            action: None,
            at: None,
            what: what.into(),
            kind: Kind::Other,
            notifies: None,
            shared: Shared::default(),
        }
    }
}

/// What a step means for the mutex.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// It takes the mutex.
    Locks,
    /// It gives it back.
    Unlocks,
    /// It gives it back and waits on the condvar.
    Waits,
    /// Its wait is over; it does not hold the mutex again yet.
    Wakes,
    /// Nothing.
    Other,
}

/// What a step says that only locks, and one that only unlocks: the box that they are in says it.
pub(super) const LOCKS: &str = "locks";
pub(super) const UNLOCKS: &str = "unlocks";
