//! A futex.

use std::ops::Deref;

use crate::dropin::{Monitor, Woken};
use crate::story;
use crate::sync::atomic::{AtomicU32, Ordering};
use crate::time::Duration;

/// A 32-bit word that threads can wait for, as with Linux's futex: what mutexes and condvars are made of.
///
/// A wait looks at the word and begins to wait in one step, as seen by a thread that wakes. It may end for
/// no reason, if the environment admits [spurious wakeups](crate::Environment::spurious_wakeups). Neither a
/// wait nor a wakeup orders accesses to memory, except that whoever is woken sees what was written before.
///
/// loom lets a read-modify-write, such as a wait's look at the word, miss a store. So it proves nothing of a
/// futex that is stored to, if that makes a difference; of one that is changed by read-modify-writes alone,
/// it does.
///
/// ```
/// use wakeproof_explore::os::{Futex, FutexWait};
/// use wakeproof_explore::sync::Arc;
/// use wakeproof_explore::sync::atomic::Ordering;
/// use wakeproof_explore::thread;
///
/// let futex = Arc::new(Futex::new(0));
/// let other = futex.clone();
/// let thread = thread::spawn(move || {
///     other.store(1, Ordering::Release);
///     other.wake(1);
/// });
/// while futex.load(Ordering::Acquire) == 0 {
///     futex.wait(0);
/// }
/// assert_eq!(futex.wait(0), FutexWait::Changed);
/// thread.join().unwrap();
/// ```
#[derive(Debug)]
pub struct Futex {
    word: AtomicU32,
    waiters: Monitor<()>,
}

/// How a wait for a [`Futex`] has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FutexWait {
    /// Somebody has woken this thread, or nobody has, and it woke for no reason.
    Woken,
    /// It has not begun: the word was another one.
    Changed,
    /// The time was over.
    TimedOut,
}

impl Futex {
    /// A futex with that word.
    #[must_use]
    #[track_caller]
    pub fn new(word: u32) -> Self {
        let word = AtomicU32::new(word).of_futex();
        Futex {
            waiters: Monitor::new("futex", ()).told_as(word.object()),
            word,
        }
    }

    /// Waits to be woken, if the word is `expected`.
    ///
    /// # Panics
    ///
    /// Under a checker, if the futex was made in another execution, or outside.
    #[track_caller]
    pub fn wait(&self, expected: u32) -> FutexWait {
        self.wait_for(expected, None)
    }

    /// As [`wait`](Self::wait), for at most `timeout`.
    ///
    /// # Panics
    ///
    /// As [`wait`](Self::wait).
    #[track_caller]
    pub fn wait_timeout(&self, expected: u32, timeout: Duration) -> FutexWait {
        self.wait_for(expected, Some(timeout))
    }

    #[track_caller]
    fn wait_for(&self, expected: u32, timeout: Option<Duration>) -> FutexWait {
        // A read-modify-write: it sees the last value, as the kernel does.
        let has_changed = || {
            let look = || self.word.fetch_or(0, Ordering::Relaxed);
            let word = story::inside(look);
            if let Some(object) = self.word.object() {
                story::looks(object);
            }
            word != expected
        };
        match self.waiters.wait(timeout, has_changed) {
            Woken::Notified => FutexWait::Woken,
            Woken::TimedOut => FutexWait::TimedOut,
            Woken::NotAtAll => FutexWait::Changed,
        }
    }

    /// Wakes at most `most` of the threads that wait, and returns how many: those that have waited for
    /// longest, unless the environment has others [overtake](crate::Environment::overtakings) them.
    ///
    /// # Panics
    ///
    /// As [`wait`](Self::wait).
    #[track_caller]
    pub fn wake(&self, most: usize) -> usize {
        self.waiters.notify(most)
    }

    /// Wakes all threads that wait, and returns how many.
    ///
    /// # Panics
    ///
    /// As [`wait`](Self::wait).
    #[track_caller]
    pub fn wake_all(&self) -> usize {
        self.waiters.notify(usize::MAX)
    }
}

impl Deref for Futex {
    type Target = AtomicU32;

    /// The word.
    fn deref(&self) -> &AtomicU32 {
        &self.word
    }
}
