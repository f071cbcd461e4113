//! A mutex.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{LockResult, PoisonError, TryLockError, TryLockResult};
use std::thread;

use crate::dropin::Real;
use crate::platform::{LoomGuard, LoomMutex, ShuttleGuard, ShuttleMutex, checker};
use crate::story;
use crate::verdict::Checker;

/// [`std::sync::Mutex`], explored. What it is made of is decided when it is made: under a checker, it
/// belongs to the execution.
///
/// `T` is sized, and `new` is not `const`: the standard library's are more general.
///
/// To unlock is a step of its own only for programs that look at whether a mutex is locked or poisoned
/// instead of waiting for it: a search that comes across such a look begins again with that step.
///
/// ```
/// use wakeproof_explore::sync::Mutex;
///
/// let mutex = Mutex::new(1);
/// *mutex.lock().unwrap() += 1;
/// assert_eq!(mutex.into_inner().unwrap(), 2);
/// ```
pub struct Mutex<T> {
    kind: Kind<T>,
    /// Of an explored mutex; the real one has its own.
    poisoned: AtomicBool,
}

enum Kind<T> {
    Real(Real<std::sync::Mutex<T>>),
    Loom(LoomMutex<T>),
    Shuttle(ShuttleMutex<T>),
}

impl<T> Mutex<T> {
    /// A mutex that nobody has locked.
    #[track_caller]
    pub fn new(value: T) -> Self {
        let kind = match checker() {
            Some(Checker::Loom) => Kind::Loom(LoomMutex::new(value)),
            Some(Checker::Shuttle) => Kind::Shuttle(ShuttleMutex::new(value)),
            _ => Kind::Real(Real::new(std::sync::Mutex::new(value))),
        };
        Mutex {
            kind,
            poisoned: AtomicBool::new(false),
        }
    }

    /// Waits until nobody holds the mutex, and locks it.
    ///
    /// # Errors
    ///
    /// If a thread has panicked while it held the mutex; the error has the guard.
    ///
    /// # Panics
    ///
    /// Under a checker: if this thread holds the mutex already, or if the mutex was made in another
    /// execution, or outside.
    #[track_caller]
    pub fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        story::here();
        let guard = match &self.kind {
            Kind::Real(mutex) => return MutexGuard::real(mutex.get().lock()),
            Kind::Loom(mutex) => Guard::Loom(mutex.lock()),
            Kind::Shuttle(mutex) => Guard::Shuttle(mutex.lock()),
        };
        MutexGuard::explored(&self.poisoned, guard)
    }

    /// Locks the mutex, unless somebody holds it.
    ///
    /// # Errors
    ///
    /// If somebody holds it, or if a thread has panicked while it held it; the second error has the
    /// guard.
    ///
    /// # Panics
    ///
    /// Under a checker: if the mutex was made in another execution, or outside.
    ///
    /// ```
    /// use wakeproof_explore::sync::Mutex;
    ///
    /// let mutex = Mutex::new(1);
    /// let guard = mutex.try_lock().unwrap();
    /// assert!(mutex.try_lock().is_err());
    /// # drop(guard);
    /// ```
    #[track_caller]
    pub fn try_lock(&self) -> TryLockResult<MutexGuard<'_, T>> {
        story::here();
        let guard = match &self.kind {
            Kind::Real(mutex) => {
                return match mutex.get().try_lock() {
                    Ok(guard) => Ok(MutexGuard::real(Ok(guard))?),
                    Err(TryLockError::Poisoned(poisoned)) => Ok(MutexGuard::real(Err(poisoned))?),
                    Err(TryLockError::WouldBlock) => Err(TryLockError::WouldBlock),
                };
            }
            Kind::Loom(mutex) => mutex.try_lock().map(Guard::Loom),
            Kind::Shuttle(mutex) => mutex.try_lock().map(Guard::Shuttle),
        };
        let guard = guard.ok_or(TryLockError::WouldBlock)?;
        Ok(MutexGuard::explored(&self.poisoned, guard)?)
    }

    /// Whether a thread has panicked while it held the mutex. Without the lock, that may change at any
    /// time.
    ///
    /// # Panics
    ///
    /// As [`try_lock`](Self::try_lock).
    #[must_use]
    pub fn is_poisoned(&self) -> bool {
        match &self.kind {
            Kind::Real(mutex) => return mutex.get().is_poisoned(),
            Kind::Loom(mutex) => mutex.look(),
            Kind::Shuttle(mutex) => mutex.look(),
        }
        self.poisoned.load(Ordering::Relaxed)
    }

    /// The mutex is not poisoned any more.
    ///
    /// # Panics
    ///
    /// As [`try_lock`](Self::try_lock).
    pub fn clear_poison(&self) {
        match &self.kind {
            Kind::Real(mutex) => return mutex.get().clear_poison(),
            Kind::Loom(mutex) => mutex.look(),
            Kind::Shuttle(mutex) => mutex.look(),
        }
        self.poisoned.store(false, Ordering::Relaxed);
    }

    /// What the mutex guards. Nobody else can have locked it.
    ///
    /// # Errors
    ///
    /// If a thread has panicked while it held the mutex; the error has the value.
    pub fn get_mut(&mut self) -> LockResult<&mut T> {
        let value = match &mut self.kind {
            Kind::Real(mutex) => return mutex.get_mut().get_mut(),
            Kind::Loom(mutex) => mutex.get_mut(),
            Kind::Shuttle(mutex) => mutex.get_mut(),
        };
        if *self.poisoned.get_mut() {
            Err(PoisonError::new(value))
        } else {
            Ok(value)
        }
    }

    /// What the mutex guards.
    ///
    /// # Errors
    ///
    /// If a thread has panicked while it held the mutex; the error has the value.
    pub fn into_inner(self) -> LockResult<T> {
        let value = match self.kind {
            Kind::Real(mutex) => return mutex.into_inner().into_inner(),
            Kind::Loom(mutex) => mutex.into_inner(),
            Kind::Shuttle(mutex) => mutex.into_inner(),
        };
        if self.poisoned.into_inner() {
            Err(PoisonError::new(value))
        } else {
            Ok(value)
        }
    }
}

impl<T: Default> Default for Mutex<T> {
    #[track_caller]
    fn default() -> Self {
        Mutex::new(T::default())
    }
}

impl<T> From<T> for Mutex<T> {
    #[track_caller]
    fn from(value: T) -> Self {
        Mutex::new(value)
    }
}

impl<T> fmt::Debug for Mutex<T> {
    /// Without the value: to look at it would be a step.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mutex").finish_non_exhaustive()
    }
}

/// Holds a [`Mutex`] locked until it is dropped.
#[must_use = "the mutex is unlocked when this is dropped"]
pub struct MutexGuard<'a, T> {
    // Dropped before the guard: the mutex is poisoned while it is locked.
    poison: Option<Poison<'a>>,
    guard: Guard<'a, T>,
}

pub(super) enum Guard<'a, T> {
    Real(std::sync::MutexGuard<'a, T>),
    Loom(LoomGuard<'a, T>),
    Shuttle(ShuttleGuard<'a, T>),
}

/// Poisons a mutex if its thread begins to unwind.
pub(super) struct Poison<'a> {
    poisoned: &'a AtomicBool,
    was_panicking: bool,
}

impl Drop for Poison<'_> {
    fn drop(&mut self) {
        if !self.was_panicking && thread::panicking() {
            self.poisoned.store(true, Ordering::Relaxed);
        }
    }
}

impl<'a, T> MutexGuard<'a, T> {
    fn real(locked: LockResult<std::sync::MutexGuard<'a, T>>) -> LockResult<Self> {
        let new = |guard| MutexGuard {
            poison: None,
            guard: Guard::Real(guard),
        };
        locked
            .map(new)
            .map_err(|poisoned| PoisonError::new(new(poisoned.into_inner())))
    }

    fn explored(poisoned: &'a AtomicBool, guard: Guard<'a, T>) -> LockResult<Self> {
        let poison = Some(Poison {
            poisoned,
            was_panicking: thread::panicking(),
        });
        let guard = MutexGuard { poison, guard };
        if poisoned.load(Ordering::Relaxed) {
            Err(PoisonError::new(guard))
        } else {
            Ok(guard)
        }
    }

    /// Has `wait` wait with the guard.
    pub(super) fn waits<R>(
        self,
        wait: impl FnOnce(Guard<'a, T>) -> (LockResult<Guard<'a, T>>, R),
    ) -> (LockResult<Self>, R) {
        let poisoned = self.poison.as_ref().map(|poison| poison.poisoned);
        drop(self.poison);
        let (guard, result) = wait(self.guard);
        let guard = match (poisoned, guard) {
            (Some(poisoned), Ok(guard)) => Self::explored(poisoned, guard),
            (_, guard) => {
                let new = |guard| MutexGuard {
                    poison: None,
                    guard,
                };
                guard
                    .map(new)
                    .map_err(|poisoned| PoisonError::new(new(poisoned.into_inner())))
            }
        };
        (guard, result)
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        match &self.guard {
            Guard::Real(guard) => guard,
            Guard::Loom(guard) => guard,
            Guard::Shuttle(guard) => guard,
        }
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        match &mut self.guard {
            Guard::Real(guard) => guard,
            Guard::Loom(guard) => guard,
            Guard::Shuttle(guard) => guard,
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: fmt::Display> fmt::Display for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
