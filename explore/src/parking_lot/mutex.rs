//! A mutex without poisoning.

use std::fmt;
use std::ops::{Deref, DerefMut};

use crate::dropin::Real;
use crate::platform::{LoomGuard, LoomMutex, ShuttleGuard, ShuttleMutex, checker};
use crate::story;
use crate::verdict::Checker;

/// `parking_lot::Mutex`, explored. A panic of its holder unlocks it.
///
/// ```
/// use wakeproof_explore::parking_lot::Mutex;
///
/// let mutex = Mutex::new(1);
/// *mutex.lock() += 1;
/// assert_eq!(mutex.into_inner(), 2);
/// ```
pub struct Mutex<T>(Kind<T>);

enum Kind<T> {
    Real(Real<parking_lot::Mutex<T>>),
    Loom(LoomMutex<T>),
    Shuttle(ShuttleMutex<T>),
}

/// Holds a [`Mutex`] locked until it is dropped.
#[must_use = "the mutex is unlocked when this is dropped"]
pub struct MutexGuard<'a, T> {
    /// There unless the thread waits with it.
    pub(super) guard: Option<Guard<'a, T>>,
}

pub(super) enum Guard<'a, T> {
    Real(parking_lot::MutexGuard<'a, T>),
    Loom(LoomGuard<'a, T>),
    Shuttle(ShuttleGuard<'a, T>),
}

impl<T> Mutex<T> {
    /// A mutex that nobody has locked.
    #[track_caller]
    pub fn new(value: T) -> Self {
        Mutex(match checker() {
            Some(Checker::Loom) => Kind::Loom(LoomMutex::new(value)),
            Some(Checker::Shuttle) => Kind::Shuttle(ShuttleMutex::new(value)),
            _ => Kind::Real(Real::new(parking_lot::Mutex::new(value))),
        })
    }

    /// Waits until nobody holds the mutex, and locks it.
    ///
    /// # Panics
    ///
    /// Under a checker: if this thread holds the mutex already, or if the mutex was made in another
    /// execution, or outside.
    #[track_caller]
    pub fn lock(&self) -> MutexGuard<'_, T> {
        story::here();
        let guard = match &self.0 {
            Kind::Real(mutex) => Guard::Real(mutex.get().lock()),
            Kind::Loom(mutex) => Guard::Loom(mutex.lock()),
            Kind::Shuttle(mutex) => Guard::Shuttle(mutex.lock()),
        };
        MutexGuard { guard: Some(guard) }
    }

    /// Locks the mutex, unless somebody holds it.
    ///
    /// # Panics
    ///
    /// Under a checker, if the mutex was made in another execution, or outside.
    #[track_caller]
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        story::here();
        let guard = match &self.0 {
            Kind::Real(mutex) => Guard::Real(mutex.get().try_lock()?),
            Kind::Loom(mutex) => Guard::Loom(mutex.try_lock()?),
            Kind::Shuttle(mutex) => Guard::Shuttle(mutex.try_lock()?),
        };
        Some(MutexGuard { guard: Some(guard) })
    }

    /// What the mutex guards. Nobody else can have locked it.
    pub fn get_mut(&mut self) -> &mut T {
        match &mut self.0 {
            Kind::Real(mutex) => mutex.get_mut().get_mut(),
            Kind::Loom(mutex) => mutex.get_mut(),
            Kind::Shuttle(mutex) => mutex.get_mut(),
        }
    }

    /// What the mutex guards.
    #[must_use]
    pub fn into_inner(self) -> T {
        match self.0 {
            Kind::Real(mutex) => mutex.into_inner().into_inner(),
            Kind::Loom(mutex) => mutex.into_inner(),
            Kind::Shuttle(mutex) => mutex.into_inner(),
        }
    }
}

impl<T: Default> Default for Mutex<T> {
    #[track_caller]
    fn default() -> Self {
        Mutex::new(T::default())
    }
}

impl<T> fmt::Debug for Mutex<T> {
    /// Without the value: to look at it would be a step.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mutex").finish_non_exhaustive()
    }
}

const LOCKED: &str = "a guard that is in use holds the mutex";

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        match self.guard.as_ref().expect(LOCKED) {
            Guard::Real(guard) => guard,
            Guard::Loom(guard) => guard,
            Guard::Shuttle(guard) => guard,
        }
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        match self.guard.as_mut().expect(LOCKED) {
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
