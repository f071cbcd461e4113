//! A value that is made when it is first needed.

use std::fmt;
use std::ops::Deref;
use std::sync::{Mutex, OnceLock, PoisonError};

use super::Once;

/// [`std::sync::LazyLock`], explored. For a static, see [`statics!`](crate::statics).
///
/// ```
/// use wakeproof_explore::sync::LazyLock;
///
/// let lazy = LazyLock::new(|| 6 * 7);
/// assert_eq!(*lazy, 42);
/// ```
pub struct LazyLock<T, F = fn() -> T> {
    once: Once,
    make: Mutex<Option<F>>,
    value: OnceLock<T>,
}

impl<T, F: FnOnce() -> T> LazyLock<T, F> {
    /// Not made yet.
    #[track_caller]
    pub fn new(make: F) -> Self {
        LazyLock {
            once: Once::new(),
            make: Mutex::new(Some(make)),
            value: OnceLock::new(),
        }
    }

    /// The value, which is made if there is none. Waits for another thread that is making it.
    ///
    /// # Panics
    ///
    /// If what makes the value does, now or in an earlier call. Under a checker, also if this was made
    /// in another execution, or outside.
    #[track_caller]
    pub fn force(this: &Self) -> &T {
        this.once.call_once(|| {
            let make = this
                .make
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take();
            let make = make.expect("it is made once");
            let _ = this.value.set(make());
        });
        this.value.get().expect("it has been made")
    }
}

impl<T, F: FnOnce() -> T> Deref for LazyLock<T, F> {
    type Target = T;

    #[track_caller]
    fn deref(&self) -> &T {
        LazyLock::force(self)
    }
}

impl<T: Default> Default for LazyLock<T> {
    #[track_caller]
    fn default() -> Self {
        LazyLock::new(T::default)
    }
}

impl<T, F> fmt::Debug for LazyLock<T, F> {
    /// Without the value: to look at it would be a step.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LazyLock").finish_non_exhaustive()
    }
}
