//! A counting semaphore.

use std::sync::atomic::Ordering;

use crate::dropin::{Monitor, Turn};
use crate::time::Duration;

/// A counting semaphore, which the standard library has not. Whoever asks for a permit when one comes back
/// may get it, however long others have waited.
///
/// ```
/// use wakeproof_explore::sync::Semaphore;
///
/// let semaphore = Semaphore::new(1);
/// semaphore.acquire();
/// assert!(!semaphore.try_acquire());
/// semaphore.release(1);
/// assert!(semaphore.try_acquire());
/// ```
#[derive(Debug)]
pub struct Semaphore(Monitor<usize>);

fn take(permits: &mut Turn<'_, usize>) -> Option<()> {
    let Some(left) = permits.checked_sub(1) else {
        permits.tells("finds no permit in {}");
        return None;
    };
    permits.tells("takes a permit of {}");
    **permits = left;
    Some(())
}

impl Semaphore {
    /// A semaphore with that many permits.
    #[must_use]
    #[track_caller]
    pub fn new(permits: usize) -> Self {
        Semaphore(Monitor::new("semaphore", permits))
    }

    /// Waits for a permit and takes it.
    ///
    /// # Panics
    ///
    /// Under a checker, if the semaphore was made in another execution, or outside.
    #[track_caller]
    pub fn acquire(&self) {
        self.0.until(Ordering::Acquire, take);
    }

    /// Takes a permit, if there is one, and returns whether there was.
    ///
    /// # Panics
    ///
    /// As [`acquire`](Self::acquire).
    #[must_use]
    #[track_caller]
    pub fn try_acquire(&self) -> bool {
        self.0.step(Ordering::Acquire, take).is_some()
    }

    /// Waits for a permit for at most `timeout`, and takes it. Returns whether it has.
    ///
    /// # Panics
    ///
    /// As [`acquire`](Self::acquire).
    #[must_use]
    #[track_caller]
    pub fn acquire_timeout(&self, timeout: Duration) -> bool {
        self.0
            .until_timeout(Ordering::Acquire, timeout, take)
            .is_some()
    }

    /// Gives permits back, or new ones.
    ///
    /// # Panics
    ///
    /// If there are more than `usize::MAX` then; and as [`acquire`](Self::acquire).
    #[track_caller]
    pub fn release(&self, permits: usize) {
        let is_done = self.0.step(Ordering::Release, |all| {
            all.tells("releases {}");
            let sum = all.checked_add(permits)?;
            **all = sum;
            if permits > 0 {
                all.wake_all();
            }
            Some(())
        });
        is_done.expect("overflow of a semaphore's permits");
    }
}
