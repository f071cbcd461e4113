//! Statics that each execution has anew.

use std::fmt;
use std::marker::PhantomData;

use super::LazyLock;
use crate::platform::checker;
use crate::verdict::Checker;

/// Declares statics of which each execution has its own: they are made when they are first needed, and
/// gone at its end. Outside of a search, they are made once.
///
/// ```
/// use wakeproof_explore::statics;
/// use wakeproof_explore::sync::Mutex;
///
/// statics! {
///     static NUMBER: Mutex<u32> = Mutex::new(1);
/// }
///
/// *NUMBER.lock().unwrap() += 1;
/// assert_eq!(*NUMBER.lock().unwrap(), 2);
/// ```
#[macro_export]
macro_rules! statics {
    () => {};
    ($(#[$attribute:meta])* $visibility:vis static $name:ident: $type:ty = $make:expr $(; $($rest:tt)*)?) => {
        $(#[$attribute])*
        #[allow(non_camel_case_types, missing_docs, clippy::upper_case_acronyms)]
        $visibility struct $name {
            name: &'static str,
        }

        $(#[$attribute])*
        #[allow(missing_docs)]
        $visibility static $name: $name = $name { name: stringify!($name) };

        impl ::std::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.debug_struct(self.name).finish_non_exhaustive()
            }
        }

        impl ::std::ops::Deref for $name {
            type Target = $type;

            fn deref(&self) -> &$type {
                fn make() -> $type {
                    $make
                }
                fn lazy() -> $crate::sync::LazyLock<$type> {
                    $crate::sync::LazyLock::new(make)
                }
                static STATIC: $crate::sync::Static<$type> = $crate::sync::Static::of(make, lazy);
                STATIC.get()
            }
        }
        $($crate::statics! { $($rest)* })?
    };
}

/// For [`statics!`](crate::statics).
#[doc(hidden)]
pub struct Static<T: Send + Sync + 'static> {
    real: std::sync::OnceLock<T>,
    make: fn() -> T,
    loom: loom::lazy_static::Lazy<LazyLock<T>>,
    shuttle: shuttle::lazy_static::Lazy<LazyLock<T>>,
}

impl<T: Send + Sync + 'static> Static<T> {
    #[must_use]
    pub const fn of(make: fn() -> T, lazy: fn() -> LazyLock<T>) -> Self {
        Static {
            real: std::sync::OnceLock::new(),
            make,
            loom: loom::lazy_static::Lazy {
                init: lazy,
                _p: PhantomData,
            },
            shuttle: shuttle::lazy_static::Lazy::new(lazy),
        }
    }

    pub fn get(&'static self) -> &'static T {
        match checker() {
            Some(Checker::Loom) => LazyLock::force(self.loom.get()),
            Some(Checker::Shuttle) => LazyLock::force(self.shuttle.get()),
            _ => self.real.get_or_init(self.make),
        }
    }
}

impl<T: Send + Sync + 'static> fmt::Debug for Static<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Static").finish_non_exhaustive()
    }
}
