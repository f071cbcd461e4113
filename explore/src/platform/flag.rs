//! shuttle's flag.

use std::sync::atomic::Ordering;

use shuttle::sync::atomic::AtomicBool;
use wakeproof::platform::Flag;

/// [`Shuttle`](super::Shuttle)'s flag. shuttle treats every ordering as sequentially consistent.
#[derive(Debug)]
pub struct ShuttleFlag(AtomicBool);

impl Flag for ShuttleFlag {
    fn new() -> Self {
        ShuttleFlag(AtomicBool::new(false))
    }

    fn load(&self, ordering: Ordering) -> bool {
        self.0.load(ordering)
    }

    fn store(&self, value: bool, ordering: Ordering) {
        self.0.store(value, ordering);
    }

    fn swap(&self, value: bool, ordering: Ordering) -> bool {
        self.0.swap(value, ordering)
    }
}
