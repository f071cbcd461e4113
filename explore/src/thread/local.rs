//! Values of which each thread has its own.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;

use crate::platform::{checker, locals, this_thread};

/// Declares values of which each thread has its own, as [`std::thread_local!`]. Under a checker, each
/// thread of each execution has its own, which is destroyed when the thread ends.
///
/// ```
/// use std::cell::Cell;
/// use wakeproof_explore::{thread, thread_local};
///
/// thread_local! {
///     static NUMBER: Cell<u32> = const { Cell::new(1) };
/// }
///
/// NUMBER.set(2);
/// assert_eq!(thread::spawn(|| NUMBER.get()).join().unwrap(), 1);
/// assert_eq!(NUMBER.get(), 2);
/// ```
#[macro_export]
macro_rules! thread_local {
    () => {};
    ($(#[$attribute:meta])* $visibility:vis static $name:ident: $type:ty = const $make:block $(; $($rest:tt)*)?) => {
        $crate::thread_local! { $(#[$attribute])* $visibility static $name: $type = $make; }
        $($crate::thread_local! { $($rest)* })?
    };
    ($(#[$attribute:meta])* $visibility:vis static $name:ident: $type:ty = $make:expr $(; $($rest:tt)*)?) => {
        $(#[$attribute])*
        $visibility static $name: $crate::thread::LocalKey<$type> = {
            fn make() -> $type {
                $make
            }
            ::std::thread_local! {
                static REAL: $type = make();
            }
            $crate::thread::LocalKey::of(&REAL, make)
        };
        $($crate::thread_local! { $($rest)* })?
    };
}

/// What [`thread_local!`](crate::thread_local!) declares, as [`std::thread::LocalKey`].
pub struct LocalKey<T: 'static> {
    real: &'static std::thread::LocalKey<T>,
    make: fn() -> T,
}

/// The thread's value has been destroyed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccessError;

impl fmt::Display for AccessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the thread's value has been destroyed")
    }
}

impl std::error::Error for AccessError {}

impl<T: 'static> LocalKey<T> {
    /// For [`thread_local!`](crate::thread_local!).
    #[doc(hidden)]
    pub const fn of(real: &'static std::thread::LocalKey<T>, make: fn() -> T) -> Self {
        LocalKey { real, make }
    }

    /// Has `look` look at this thread's value, which is made if there is none.
    ///
    /// # Panics
    ///
    /// If it has been destroyed.
    pub fn with<R>(&'static self, look: impl FnOnce(&T) -> R) -> R {
        let looked = self.try_with(look);
        looked.expect("cannot access a Thread Local Storage value during or after destruction")
    }

    /// As [`with`](Self::with).
    ///
    /// # Errors
    ///
    /// If the value has been destroyed.
    pub fn try_with<R>(&'static self, look: impl FnOnce(&T) -> R) -> Result<R, AccessError> {
        if checker().is_none() {
            return self.real.try_with(look).map_err(|_| AccessError);
        }
        let key = std::ptr::from_ref(self).addr();
        let value: Rc<dyn Any> = locals::get(this_thread(), key, self.make).ok_or(AccessError)?;
        value.downcast_ref().map(look).ok_or(AccessError)
    }
}

impl<T: 'static> LocalKey<Cell<T>> {
    /// Writes this thread's value.
    ///
    /// # Panics
    ///
    /// As [`with`](Self::with).
    pub fn set(&'static self, value: T) {
        self.with(|cell| cell.set(value));
    }

    /// This thread's value.
    ///
    /// # Panics
    ///
    /// As [`with`](Self::with).
    #[must_use]
    pub fn get(&'static self) -> T
    where
        T: Copy,
    {
        self.with(Cell::get)
    }

    /// This thread's value, in whose place the default is left.
    ///
    /// # Panics
    ///
    /// As [`with`](Self::with).
    #[must_use]
    pub fn take(&'static self) -> T
    where
        T: Default,
    {
        self.with(Cell::take)
    }

    /// Writes this thread's value, and returns what it was.
    ///
    /// # Panics
    ///
    /// As [`with`](Self::with).
    pub fn replace(&'static self, value: T) -> T {
        self.with(|cell| cell.replace(value))
    }
}

impl<T: 'static> LocalKey<RefCell<T>> {
    /// Has `look` look at this thread's value.
    ///
    /// # Panics
    ///
    /// If it is borrowed mutably, and as [`with`](Self::with).
    pub fn with_borrow<R>(&'static self, look: impl FnOnce(&T) -> R) -> R {
        self.with(|cell| look(&cell.borrow()))
    }

    /// Has `change` change this thread's value.
    ///
    /// # Panics
    ///
    /// If it is borrowed, and as [`with`](Self::with).
    pub fn with_borrow_mut<R>(&'static self, change: impl FnOnce(&mut T) -> R) -> R {
        self.with(|cell| change(&mut cell.borrow_mut()))
    }

    /// Writes this thread's value.
    ///
    /// # Panics
    ///
    /// As [`with_borrow_mut`](Self::with_borrow_mut).
    pub fn set(&'static self, value: T) {
        self.with(|cell| *cell.borrow_mut() = value);
    }

    /// This thread's value, in whose place the default is left.
    ///
    /// # Panics
    ///
    /// As [`with_borrow_mut`](Self::with_borrow_mut).
    #[must_use]
    pub fn take(&'static self) -> T
    where
        T: Default,
    {
        self.with(RefCell::take)
    }

    /// Writes this thread's value, and returns what it was.
    ///
    /// # Panics
    ///
    /// As [`with_borrow_mut`](Self::with_borrow_mut).
    pub fn replace(&'static self, value: T) -> T {
        self.with(|cell| cell.replace(value))
    }
}

impl<T: 'static> fmt::Debug for LocalKey<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalKey").finish_non_exhaustive()
    }
}
