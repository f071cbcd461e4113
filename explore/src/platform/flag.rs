//! An atomic flag on every platform.

use std::fmt::Debug;
use std::sync::atomic::Ordering;

/// An atomic boolean, of whose orderings loom explores what the C11 memory model allows.
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

macro_rules! flag {
    ($atomic:ty) => {
        impl Flag for $atomic {
            fn new() -> Self {
                <$atomic>::new(false)
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
    };
}

flag!(std::sync::atomic::AtomicBool);
flag!(shuttle::sync::atomic::AtomicBool);
