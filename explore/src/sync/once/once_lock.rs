//! A value that is written once.

use super::Once;

/// [`std::sync::OnceLock`], explored.
///
/// ```
/// use wakeproof_explore::sync::OnceLock;
///
/// let cell = OnceLock::new();
/// assert_eq!(cell.get(), None);
/// assert_eq!(*cell.get_or_init(|| 1), 1);
/// assert_eq!(cell.set(2), Err(2));
/// ```
#[derive(Debug)]
pub struct OnceLock<T> {
    once: Once,
    value: std::sync::OnceLock<T>,
}

impl<T> Default for OnceLock<T> {
    #[track_caller]
    fn default() -> Self {
        OnceLock::new()
    }
}

const MADE: &str = "it has been made";

impl<T> OnceLock<T> {
    /// Without a value.
    #[must_use]
    #[track_caller]
    pub fn new() -> Self {
        OnceLock {
            once: Once::new(),
            value: std::sync::OnceLock::new(),
        }
    }

    /// The value, if it has been written.
    ///
    /// # Panics
    ///
    /// Under a checker, if this was made in another execution, or outside.
    #[must_use]
    #[track_caller]
    pub fn get(&self) -> Option<&T> {
        self.once.is_completed().then(|| self.value.get()).flatten()
    }

    /// The value, for somebody who has it alone.
    pub fn get_mut(&mut self) -> Option<&mut T> {
        self.value.get_mut()
    }

    /// Writes the value. Waits for another thread that is making one.
    ///
    /// # Errors
    ///
    /// If there is one already: the one that was not written.
    ///
    /// # Panics
    ///
    /// As [`get`](Self::get).
    #[track_caller]
    pub fn set(&self, value: T) -> Result<(), T> {
        let mut value = Some(value);
        self.once.call_once_force(|_| {
            if let Some(value) = value.take() {
                let _ = self.value.set(value);
            }
        });
        value.map_or(Ok(()), Err)
    }

    /// The value, which is made if there is none. Waits for another thread that is making one.
    ///
    /// # Panics
    ///
    /// If `make` does, and then there is none; and as [`get`](Self::get).
    #[track_caller]
    pub fn get_or_init(&self, make: impl FnOnce() -> T) -> &T {
        self.once.call_once_force(|_| {
            let _ = self.value.set(make());
        });
        self.value.get().expect(MADE)
    }

    /// Waits until the value has been written.
    ///
    /// # Panics
    ///
    /// As [`get`](Self::get).
    #[must_use]
    #[track_caller]
    pub fn wait(&self) -> &T {
        self.once.wait_force();
        self.value.get().expect(MADE)
    }

    /// The value, of which this then has none.
    #[track_caller]
    pub fn take(&mut self) -> Option<T> {
        self.once = Once::new();
        self.value.take()
    }

    /// The value, if it has been written.
    #[must_use]
    pub fn into_inner(self) -> Option<T> {
        self.value.into_inner()
    }
}

impl<T> From<T> for OnceLock<T> {
    #[track_caller]
    fn from(value: T) -> Self {
        let cell = OnceLock::new();
        let _ = cell.set(value);
        cell
    }
}
