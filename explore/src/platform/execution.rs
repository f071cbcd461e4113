//! The execution that runs on a thread of the operating system.

use std::cell::Cell;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::verdict::Checker;

static NEXT: AtomicU64 = AtomicU64::new(1);

thread_local! {
    /// The number of the execution that runs on this thread; 0 outside of a search.
    static EXECUTION: Cell<u64> = const { Cell::new(0) };
    /// The checker whose execution runs on this thread, if one does.
    static CHECKER: Cell<Option<Checker>> = const { Cell::new(None) };
}

/// A number that nothing else has.
pub(crate) fn next() -> u64 {
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// An execution of that number begins on this thread, under a checker or on threads of the operating system.
pub(super) fn begin(checker: Option<Checker>, number: u64) {
    CHECKER.set(checker);
    EXECUTION.set(number);
}

/// The checker whose execution runs on this thread: it makes the primitives. None outside of a search,
/// and on real threads.
#[inline]
pub(crate) fn checker() -> Option<Checker> {
    CHECKER.get()
}

/// The number of the execution that runs on this thread; 0 outside of a search.
#[inline]
pub(crate) fn number() -> u64 {
    EXECUTION.get()
}

/// A thread, by what its platform calls it.
pub(crate) fn key(thread: impl Hash) -> u64 {
    let mut hasher = Fold(0);
    thread.hash(&mut hasher);
    hasher.finish()
}

/// A hash of a few numbers, made at each lock.
struct Fold(u64);

impl Hasher for Fold {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
        self.0 = (self.0.rotate_left(23) ^ number).wrapping_mul(ODD);
    }

    fn write_usize(&mut self, number: usize) {
        self.write_u64(number as u64);
    }
}

/// What the checker calls the thread that runs; 0 if there is none.
pub(crate) fn this_thread() -> u64 {
    match checker() {
        Some(Checker::Loom) => key(loom::thread::current().id()),
        Some(Checker::Shuttle) => usize::from(shuttle::current::me()) as u64,
        _ => 0,
    }
}
