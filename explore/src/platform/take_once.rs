//! A value that can be taken once, under the checkers.

use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};

use wakeproof::platform::{Flag, TakeOnce};

/// A value that whoever sets the flag `F` first gets: the same relaxed swap as in production, of which
/// the checker sees each.
pub struct FlaggedValue<F, T> {
    is_taken: F,
    /// Only the thread that has set the flag locks this.
    value: Mutex<Option<T>>,
}

impl<F: Flag, T: Send + 'static> TakeOnce<T> for FlaggedValue<F, T> {
    fn new(value: T) -> Self {
        FlaggedValue {
            is_taken: F::new(),
            value: Mutex::new(Some(value)),
        }
    }

    fn take(&self) -> Option<T> {
        if self.is_taken.swap(true, Ordering::Relaxed) {
            return None;
        }
        let mut value = self.value.lock().unwrap_or_else(PoisonError::into_inner);
        value.take()
    }

    fn is_taken(&self) -> bool {
        self.is_taken.load(Ordering::Relaxed)
    }
}

impl<F, T> fmt::Debug for FlaggedValue<F, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlaggedValue").finish_non_exhaustive()
    }
}
