//! A lock that many may hold to read, or one to write.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::Ordering;
use std::sync::{LockResult, PoisonError, TryLockError, TryLockResult};

use crate::dropin::{Either, Monitor};
use crate::story;

/// [`std::sync::RwLock`], explored. As the standard library's on Linux, it lets no reader in while a
/// writer waits; so a thread that reads twice may block itself.
///
/// What a reader has written is visible, once it has unlocked, to everybody that locks later, as with the
/// standard library's; a program should not rely on that between readers.
///
/// ```
/// use wakeproof_explore::sync::RwLock;
///
/// let lock = RwLock::new(1);
/// assert_eq!(*lock.read().unwrap(), 1);
/// *lock.write().unwrap() += 1;
/// assert_eq!(lock.into_inner().unwrap(), 2);
/// ```
pub struct RwLock<T> {
    kind: Either<(), Held>,
    /// Under a checker, nobody waits for this one: the state says that it is free.
    lock: std::sync::RwLock<T>,
}

/// By whom a lock is held and wanted.
#[derive(Default)]
struct Held {
    readers: usize,
    is_written: bool,
    waiting_writers: usize,
}

impl Held {
    fn admits_a_reader(&self) -> bool {
        !self.is_written && self.waiting_writers == 0
    }

    fn admits_a_writer(&self) -> bool {
        !self.is_written && self.readers == 0
    }
}

/// The guard of a lock that the state says is free.
fn free<G>(locked: TryLockResult<G>) -> LockResult<G> {
    match locked {
        Ok(guard) => Ok(guard),
        Err(TryLockError::Poisoned(poisoned)) => Err(poisoned),
        Err(TryLockError::WouldBlock) => unreachable!("the state says that the lock is free"),
    }
}

fn map<G, H>(locked: LockResult<G>, new: impl Fn(G) -> H) -> LockResult<H> {
    match locked {
        Ok(guard) => Ok(new(guard)),
        Err(poisoned) => Err(PoisonError::new(new(poisoned.into_inner()))),
    }
}

impl<T> RwLock<T> {
    /// A lock that nobody holds.
    #[track_caller]
    pub fn new(value: T) -> Self {
        RwLock {
            kind: Either::new("rwlock", || (), Held::default()),
            lock: std::sync::RwLock::new(value),
        }
    }

    /// Waits until nobody writes or waits to write, and locks for reading.
    ///
    /// # Errors
    ///
    /// If a thread has panicked while it held the lock to write; the error has the guard.
    ///
    /// # Panics
    ///
    /// Under a checker, if the lock was made in another execution, or outside.
    #[track_caller]
    pub fn read(&self) -> LockResult<RwLockReadGuard<'_, T>> {
        match &self.kind {
            Either::Real(real) => {
                real.get();
                map(self.lock.read(), |guard| RwLockReadGuard::new(guard, None))
            }
            Either::Explored(held) => {
                held.until(Ordering::Acquire, |held| {
                    let admits = held.admits_a_reader();
                    held.tells(if admits { READS } else { WAITS_TO_READ });
                    admits.then(|| held.readers += 1)
                });
                self.reads(held)
            }
        }
    }

    #[track_caller]
    fn reads<'a>(&'a self, held: &'a Monitor<Held>) -> LockResult<RwLockReadGuard<'a, T>> {
        map(free(self.lock.try_read()), |guard| {
            RwLockReadGuard::new(guard, Some(held))
        })
    }

    /// Locks for reading, unless somebody writes or waits to write.
    ///
    /// # Errors
    ///
    /// If somebody does, or if a thread has panicked while it held the lock to write; the second
    /// error has the guard.
    ///
    /// # Panics
    ///
    /// As [`read`](Self::read).
    #[track_caller]
    pub fn try_read(&self) -> TryLockResult<RwLockReadGuard<'_, T>> {
        match &self.kind {
            Either::Real(real) => {
                real.get();
                match self.lock.try_read() {
                    Err(TryLockError::WouldBlock) => Err(TryLockError::WouldBlock),
                    locked => Ok(map(free(locked), |guard| {
                        RwLockReadGuard::new(guard, None)
                    })?),
                }
            }
            Either::Explored(held) => {
                let is_locked = held.step(Ordering::Acquire, |held| {
                    let admits = held.admits_a_reader();
                    held.tells(if admits { READS } else { story::IS_HELD });
                    held.readers += usize::from(admits);
                    admits
                });
                if is_locked {
                    Ok(self.reads(held)?)
                } else {
                    Err(TryLockError::WouldBlock)
                }
            }
        }
    }

    /// Waits until nobody holds the lock, and locks for writing.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    ///
    /// # Panics
    ///
    /// As [`read`](Self::read).
    #[track_caller]
    pub fn write(&self) -> LockResult<RwLockWriteGuard<'_, T>> {
        match &self.kind {
            Either::Real(real) => {
                real.get();
                map(self.lock.write(), |guard| {
                    RwLockWriteGuard::new(guard, None)
                })
            }
            Either::Explored(held) => {
                let mut waits = false;
                held.until(Ordering::Acquire, |held| {
                    let admits = held.admits_a_writer();
                    held.tells(if admits { WRITES } else { WAITS_TO_WRITE });
                    if admits {
                        held.is_written = true;
                        held.waiting_writers -= usize::from(waits);
                    } else if !waits {
                        waits = true;
                        held.waiting_writers += 1;
                    }
                    admits.then_some(())
                });
                self.writes(held)
            }
        }
    }

    #[track_caller]
    fn writes<'a>(&'a self, held: &'a Monitor<Held>) -> LockResult<RwLockWriteGuard<'a, T>> {
        map(free(self.lock.try_write()), |guard| {
            RwLockWriteGuard::new(guard, Some(held))
        })
    }

    /// Locks for writing, unless somebody holds the lock.
    ///
    /// # Errors
    ///
    /// As [`try_read`](Self::try_read).
    ///
    /// # Panics
    ///
    /// As [`read`](Self::read).
    #[track_caller]
    pub fn try_write(&self) -> TryLockResult<RwLockWriteGuard<'_, T>> {
        match &self.kind {
            Either::Real(real) => {
                real.get();
                match self.lock.try_write() {
                    Err(TryLockError::WouldBlock) => Err(TryLockError::WouldBlock),
                    locked => Ok(map(free(locked), |guard| {
                        RwLockWriteGuard::new(guard, None)
                    })?),
                }
            }
            Either::Explored(held) => {
                let is_locked = held.step(Ordering::Acquire, |held| {
                    let admits = held.admits_a_writer();
                    held.tells(if admits { WRITES } else { story::IS_HELD });
                    held.is_written |= admits;
                    admits
                });
                if is_locked {
                    Ok(self.writes(held)?)
                } else {
                    Err(TryLockError::WouldBlock)
                }
            }
        }
    }

    /// Whether a thread has panicked while it held the lock to write.
    ///
    /// # Panics
    ///
    /// As [`read`](Self::read).
    #[must_use]
    #[track_caller]
    pub fn is_poisoned(&self) -> bool {
        self.look();
        self.lock.is_poisoned()
    }

    /// The lock is not poisoned any more.
    ///
    /// # Panics
    ///
    /// As [`read`](Self::read).
    #[track_caller]
    pub fn clear_poison(&self) {
        self.look();
        self.lock.clear_poison();
    }

    #[track_caller]
    fn look(&self) {
        match &self.kind {
            Either::Real(real) => {
                real.get();
            }
            Either::Explored(held) => held.step(Ordering::Relaxed, |held| held.tells(story::LOOKS)),
        }
    }

    /// What the lock guards. Nobody else can hold it.
    ///
    /// # Errors
    ///
    /// If a thread has panicked while it held the lock to write; the error has the value.
    pub fn get_mut(&mut self) -> LockResult<&mut T> {
        self.lock.get_mut()
    }

    /// What the lock guards.
    ///
    /// # Errors
    ///
    /// As [`get_mut`](Self::get_mut).
    pub fn into_inner(self) -> LockResult<T> {
        self.lock.into_inner()
    }
}

impl<T: Default> Default for RwLock<T> {
    #[track_caller]
    fn default() -> Self {
        RwLock::new(T::default())
    }
}

impl<T> From<T> for RwLock<T> {
    #[track_caller]
    fn from(value: T) -> Self {
        RwLock::new(value)
    }
}

impl<T> fmt::Debug for RwLock<T> {
    /// Without the value: to look at it would be a step.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RwLock").finish_non_exhaustive()
    }
}

const LOCKED: &str = "a guard that is in use holds the lock";
/// What the story says of the lock.
const READS: &str = "locks {} to read";
const WRITES: &str = "locks {} to write";
const WAITS_TO_READ: &str = "waits to lock {} to read";
const WAITS_TO_WRITE: &str = "waits to lock {} to write";

macro_rules! guard {
    ($(#[$doc:meta])* $name:ident, $std:ident, $unlock:expr) => {
        $(#[$doc])*
        #[must_use = "the lock is unlocked when this is dropped"]
        pub struct $name<'a, T> {
            /// There until this is dropped.
            guard: Option<std::sync::$std<'a, T>>,
            held: Option<&'a Monitor<Held>>,
        }

        impl<'a, T> $name<'a, T> {
            fn new(guard: std::sync::$std<'a, T>, held: Option<&'a Monitor<Held>>) -> Self {
                $name {
                    guard: Some(guard),
                    held,
                }
            }
        }

        impl<T> Drop for $name<'_, T> {
            fn drop(&mut self) {
                let Some(held) = self.held else { return };
                let unlock: fn(&mut Held) = $unlock;
                let mut guard = self.guard.take();
                held.step_in_drop(Ordering::Release, |held| {
                    guard = None;
                    held.tells(story::UNLOCKS);
                    unlock(held);
                    held.wake_all();
                });
            }
        }

        impl<T> Deref for $name<'_, T> {
            type Target = T;

            fn deref(&self) -> &T {
                self.guard.as_ref().expect(LOCKED)
            }
        }

        impl<T: fmt::Debug> fmt::Debug for $name<'_, T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                (**self).fmt(f)
            }
        }

        impl<T: fmt::Display> fmt::Display for $name<'_, T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                (**self).fmt(f)
            }
        }
    };
}

guard! {
    /// Holds a [`RwLock`] locked for reading until it is dropped.
    RwLockReadGuard, RwLockReadGuard, |held| held.readers -= 1
}

guard! {
    /// Holds a [`RwLock`] locked for writing until it is dropped.
    RwLockWriteGuard, RwLockWriteGuard, |held| held.is_written = false
}

impl<T> DerefMut for RwLockWriteGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.guard.as_mut().expect(LOCKED)
    }
}
