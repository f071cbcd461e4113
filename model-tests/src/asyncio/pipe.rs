//! A pipe with a capacity, and a selector that waits for it: what the platforms lack, built from a mutex and
//! a condvar.
//!
//! The mutex is the kernel's, not the design's: a write, a read and the selector's look are one step each.
//! The selector is level-triggered: it reports the pipe as long as there is a byte in it.

use wakeproof_explore::journal::note;
use wakeproof_explore::platform::ModelPlatform;

use super::step::{Observed, Step};

/// A pipe that one thread reads.
pub struct BytePipe<P: ModelPlatform> {
    bytes: P::Mutex<usize>,
    capacity: usize,
    /// There is a byte in it. Only the reading thread waits here.
    readable: P::Condvar,
    /// There is room in it.
    writable: P::Condvar,
}

impl<P: ModelPlatform> BytePipe<P> {
    /// An empty pipe.
    pub(super) fn new(capacity: usize) -> Self {
        BytePipe {
            bytes: P::mutex(0),
            capacity,
            readable: P::condvar(),
            writable: P::condvar(),
        }
    }

    /// Writes a byte, or fails if there is no room for it: a socket that does not block.
    pub(crate) fn write(&self) {
        let mut bytes = P::lock(&self.bytes);
        let has_room = *bytes < self.capacity;
        if has_room {
            *bytes += 1;
        }
        Observed::of_the_pipe(Step::Write, *bytes).tell::<P>();
        if has_room {
            P::notify_one(&self.readable);
        }
    }

    /// Writes a byte as soon as there is room for it: a socket that blocks.
    pub(crate) fn write_and_block(&self) {
        let mut bytes = P::lock(&self.bytes);
        while *bytes == self.capacity {
            note::<P>("finds the pipe full, is about to sleep");
            bytes = P::wait(&self.writable, bytes);
        }
        *bytes += 1;
        Observed::of_the_pipe(Step::Write, *bytes).tell::<P>();
        P::notify_one(&self.readable);
        if *bytes < self.capacity {
            P::notify_one(&self.writable);
        }
    }

    /// Waits until there is a byte, if it may block. Returns whether there is one.
    pub(crate) fn select(&self, may_block: bool) -> bool {
        let mut bytes = P::lock(&self.bytes);
        while may_block && *bytes == 0 {
            Observed::of(Step::Wait).tell::<P>();
            bytes = P::wait(&self.readable, bytes);
        }
        Observed::of_the_pipe(Step::Select, *bytes).tell::<P>();
        *bytes > 0
    }

    /// Reads whatever there is.
    pub(crate) fn read_all(&self) {
        let mut bytes = P::lock(&self.bytes);
        *bytes = 0;
        Observed::of_the_pipe(Step::ReadFromSelf, *bytes).tell::<P>();
        P::notify_one(&self.writable);
    }
}

impl<P: ModelPlatform> std::fmt::Debug for BytePipe<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BytePipe").finish_non_exhaustive()
    }
}
