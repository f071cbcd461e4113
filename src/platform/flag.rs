//! An atomic flag on every platform.

use std::fmt::Debug;
use std::sync::atomic::{AtomicBool, Ordering};

/// An atomic boolean. Its orderings mean what they mean in the standard library.
///
/// ```
/// use std::sync::atomic::{AtomicBool, Ordering};
/// use wakeproof::platform::Flag;
///
/// let flag = <AtomicBool as Flag>::new();
/// assert!(!Flag::swap(&flag, true, Ordering::AcqRel));
/// assert!(Flag::load(&flag, Ordering::Acquire));
/// ```
pub trait Flag: Send + Sync + Debug + 'static {
    /// A flag that is not set.
    fn new() -> Self;
    /// Reads the flag.
    fn load(&self, ordering: Ordering) -> bool;
    /// Writes the flag.
    fn store(&self, value: bool, ordering: Ordering);
    /// Writes the flag and returns what it was, in one step.
    fn swap(&self, value: bool, ordering: Ordering) -> bool;
}

impl Flag for AtomicBool {
    fn new() -> Self {
        AtomicBool::new(false)
    }

    fn load(&self, ordering: Ordering) -> bool {
        self.load(ordering)
    }

    fn store(&self, value: bool, ordering: Ordering) {
        self.store(value, ordering);
    }

    fn swap(&self, value: bool, ordering: Ordering) -> bool {
        self.swap(value, ordering)
    }
}
