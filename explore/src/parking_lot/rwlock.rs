//! A lock for readers and a writer, without poisoning.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{PoisonError, TryLockError, TryLockResult};

use crate::dropin::Real;
use crate::platform::checker;
use crate::sync;

/// `parking_lot::RwLock`, explored. A panic of its holder unlocks it. It lets no reader in while a writer
/// waits.
///
/// ```
/// use wakeproof_explore::parking_lot::RwLock;
///
/// let lock = RwLock::new(1);
/// assert_eq!(*lock.read(), 1);
/// *lock.write() += 1;
/// assert_eq!(lock.into_inner(), 2);
/// ```
#[derive(Debug)]
pub struct RwLock<T>(Kind<T>);

#[derive(Debug)]
enum Kind<T> {
    Real(Real<Hidden<parking_lot::RwLock<T>>>),
    Explored(sync::RwLock<T>),
}

/// Without what is in it: to look at that would be a step.
struct Hidden<T>(T);

impl<T> fmt::Debug for Hidden<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RwLock")
    }
}

fn had<G>(locked: TryLockResult<G>) -> Option<G> {
    match locked {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

impl<T> RwLock<T> {
    /// A lock that nobody holds.
    #[track_caller]
    pub fn new(value: T) -> Self {
        RwLock(if checker().is_some() {
            Kind::Explored(sync::RwLock::new(value))
        } else {
            Kind::Real(Real::new(Hidden(parking_lot::RwLock::new(value))))
        })
    }

    /// Waits until nobody writes or waits to write, and locks for reading.
    ///
    /// # Panics
    ///
    /// Under a checker, if the lock was made in another execution, or outside.
    #[track_caller]
    pub fn read(&self) -> RwLockReadGuard<'_, T> {
        RwLockReadGuard(match &self.0 {
            Kind::Real(lock) => Read::Real(lock.get().0.read()),
            Kind::Explored(lock) => {
                Read::Explored(lock.read().unwrap_or_else(PoisonError::into_inner))
            }
        })
    }

    /// Locks for reading, unless somebody writes or waits to write.
    ///
    /// # Panics
    ///
    /// As [`read`](Self::read).
    #[track_caller]
    pub fn try_read(&self) -> Option<RwLockReadGuard<'_, T>> {
        Some(RwLockReadGuard(match &self.0 {
            Kind::Real(lock) => Read::Real(lock.get().0.try_read()?),
            Kind::Explored(lock) => Read::Explored(had(lock.try_read())?),
        }))
    }

    /// Waits until nobody holds the lock, and locks for writing.
    ///
    /// # Panics
    ///
    /// As [`read`](Self::read).
    #[track_caller]
    pub fn write(&self) -> RwLockWriteGuard<'_, T> {
        RwLockWriteGuard(match &self.0 {
            Kind::Real(lock) => Write::Real(lock.get().0.write()),
            Kind::Explored(lock) => {
                Write::Explored(lock.write().unwrap_or_else(PoisonError::into_inner))
            }
        })
    }

    /// Locks for writing, unless somebody holds the lock.
    ///
    /// # Panics
    ///
    /// As [`read`](Self::read).
    #[track_caller]
    pub fn try_write(&self) -> Option<RwLockWriteGuard<'_, T>> {
        Some(RwLockWriteGuard(match &self.0 {
            Kind::Real(lock) => Write::Real(lock.get().0.try_write()?),
            Kind::Explored(lock) => Write::Explored(had(lock.try_write())?),
        }))
    }

    /// What the lock guards. Nobody else can hold it.
    pub fn get_mut(&mut self) -> &mut T {
        match &mut self.0 {
            Kind::Real(lock) => lock.get_mut().0.get_mut(),
            Kind::Explored(lock) => lock.get_mut().unwrap_or_else(PoisonError::into_inner),
        }
    }

    /// What the lock guards.
    #[must_use]
    pub fn into_inner(self) -> T {
        match self.0 {
            Kind::Real(lock) => lock.into_inner().0.into_inner(),
            Kind::Explored(lock) => lock.into_inner().unwrap_or_else(PoisonError::into_inner),
        }
    }
}

impl<T: Default> Default for RwLock<T> {
    #[track_caller]
    fn default() -> Self {
        RwLock::new(T::default())
    }
}

/// Holds a [`RwLock`] locked for reading until it is dropped.
#[must_use = "the lock is unlocked when this is dropped"]
pub struct RwLockReadGuard<'a, T>(Read<'a, T>);

enum Read<'a, T> {
    Real(parking_lot::RwLockReadGuard<'a, T>),
    Explored(sync::RwLockReadGuard<'a, T>),
}

/// Holds a [`RwLock`] locked for writing until it is dropped.
#[must_use = "the lock is unlocked when this is dropped"]
pub struct RwLockWriteGuard<'a, T>(Write<'a, T>);

enum Write<'a, T> {
    Real(parking_lot::RwLockWriteGuard<'a, T>),
    Explored(sync::RwLockWriteGuard<'a, T>),
}

impl<T> Deref for RwLockReadGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        match &self.0 {
            Read::Real(guard) => guard,
            Read::Explored(guard) => guard,
        }
    }
}

impl<T> Deref for RwLockWriteGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        match &self.0 {
            Write::Real(guard) => guard,
            Write::Explored(guard) => guard,
        }
    }
}

impl<T> DerefMut for RwLockWriteGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        match &mut self.0 {
            Write::Real(guard) => guard,
            Write::Explored(guard) => guard,
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for RwLockReadGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: fmt::Debug> fmt::Debug for RwLockWriteGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
