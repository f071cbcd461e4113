//! `std::sync::atomic`, explored: under loom by the C11 memory model, under shuttle sequentially
//! consistent.
//!
//! A checker's `compare_exchange_weak` fails only if the value is another one; the processor's may
//! fail without a reason.

use std::panic::Location;

pub use std::sync::atomic::Ordering;

use crate::dropin::Real;
use crate::journal::Object;
use crate::platform::{Identity, LoomAtomic, checker, interrupts, misuse};
use crate::search::supervise;
use crate::story;
use crate::verdict::Checker;

#[derive(Debug)]
enum Kind<R, L, S> {
    Real(Real<R>),
    Loom(LoomAtomic<L>),
    Shuttle(Sequential<S>),
}

impl<R, L, S> Kind<R, L, S> {
    fn object(&self) -> Option<Object> {
        match self {
            Kind::Real(_) => None,
            Kind::Loom(atomic) => Some(atomic.identity().object("atomic")),
            Kind::Shuttle(atomic) => Some(atomic.identity.object("atomic")),
        }
    }
}

/// For the story of the execution.
#[inline]
fn did(object: Option<Object>, what: impl FnOnce() -> String) {
    if let Some(object) = object {
        story::did(object, what);
    }
}

/// As [`did`], of a change.
#[inline]
fn changes(object: Option<Object>, what: impl FnOnce() -> String) {
    if let Some(object) = object {
        story::changes(object, what);
    }
}

/// One of shuttle's atomics, which belongs to an execution.
#[derive(Debug)]
struct Sequential<S> {
    atomic: S,
    identity: Identity,
}

impl<S> Sequential<S> {
    #[track_caller]
    fn new(atomic: S) -> Self {
        Sequential {
            atomic,
            identity: Identity::new(),
        }
    }

    fn get(&self) -> &S {
        self.identity.check();
        &self.atomic
    }
}

/// The checkers let orderings pass that the standard library refuses.
#[track_caller]
fn refuse(what: &str, ordering: Ordering, refused: [Ordering; 2]) {
    if checker().is_some() && refused.contains(&ordering) {
        misuse(format_args!(
            "there is no such thing as {what}, at {}",
            Location::caller()
        ));
    }
}

#[track_caller]
fn is_load(ordering: Ordering) {
    refuse(
        "a load that releases",
        ordering,
        [Ordering::Release, Ordering::AcqRel],
    );
}

#[track_caller]
fn is_store(ordering: Ordering) {
    refuse(
        "a store that acquires",
        ordering,
        [Ordering::Acquire, Ordering::AcqRel],
    );
}

/// The one of two that loom has to know of.
fn either(success: Ordering, failure: Ordering) -> Ordering {
    if failure == Ordering::SeqCst {
        failure
    } else {
        success
    }
}

/// Orders this thread's accesses before it and after it, as [`std::sync::atomic::fence`].
///
/// # Panics
///
/// If `ordering` is `Relaxed`.
///
/// ```
/// use wakeproof_explore::sync::atomic::{Ordering, fence};
///
/// fence(Ordering::SeqCst);
/// ```
#[track_caller]
pub fn fence(ordering: Ordering) {
    refuse("a relaxed fence", ordering, [Ordering::Relaxed; 2]);
    interrupts::before_step();
    match checker() {
        Some(Checker::Loom) => {
            supervise::step();
            loom::sync::atomic::fence(ordering);
        }
        // shuttle's atomics are sequentially consistent as they are.
        Some(Checker::Shuttle) => {}
        _ => std::sync::atomic::fence(ordering),
    }
}

macro_rules! modify {
    ($value:ty: $($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[track_caller]
        pub fn $name(&self, value: $value, ordering: Ordering) -> $value {
            story::here();
            let was = match &self.0 {
                Kind::Real(atomic) => atomic.get().$name(value, ordering),
                Kind::Loom(atomic) => {
                    atomic.swap(ordering, |atomic, ordering| atomic.$name(value, ordering))
                }
                Kind::Shuttle(atomic) => atomic.get().$name(value, ordering),
            };
            changes(self.object(), || {
                let name = stringify!($name);
                format!("{name}({value:?}, {ordering:?}) on {{}}: it was {was:?}")
            });
            was
        }
    )*};
}

macro_rules! atomic {
    ($name:ident $(<$t:ident>)?, $value:ty, $example:expr) => {
        #[doc = concat!("[`std::sync::atomic::", stringify!($name), "`], explored. Each operation panics under a checker if the atomic was made in another execution, or outside.")]
        ///
        /// ```
        #[doc = concat!("use wakeproof_explore::sync::atomic::{", stringify!($name), ", Ordering};\n")]
        #[doc = $example]
        /// ```
        #[derive(Debug)]
        pub struct $name $(<$t>)? (
            Kind<
                std::sync::atomic::$name $(<$t>)?,
                loom::sync::atomic::$name $(<$t>)?,
                shuttle::sync::atomic::$name $(<$t>)?,
            >,
        );

        impl $(<$t>)? $name $(<$t>)? {
            /// An atomic with this value.
            #[must_use]
            #[track_caller]
            pub fn new(value: $value) -> Self {
                $name(match checker() {
                    Some(Checker::Loom) => {
                        Kind::Loom(LoomAtomic::new(loom::sync::atomic::$name::new(value)))
                    }
                    Some(Checker::Shuttle) => {
                        Kind::Shuttle(Sequential::new(shuttle::sync::atomic::$name::new(value)))
                    }
                    _ => Kind::Real(Real::new(std::sync::atomic::$name::new(value))),
                })
            }

            /// What the story calls it.
            #[inline]
            pub(crate) fn object(&self) -> Option<Object> {
                self.0.object()
            }

            /// Reads the value.
            #[must_use]
            #[track_caller]
            pub fn load(&self, ordering: Ordering) -> $value {
                is_load(ordering);
                story::here();
                let value = match &self.0 {
                    Kind::Real(atomic) => atomic.get().load(ordering),
                    Kind::Loom(atomic) => {
                        atomic.access(ordering, |atomic, ordering| atomic.load(ordering))
                    }
                    Kind::Shuttle(atomic) => atomic.get().load(ordering),
                };
                did(self.object(), || {
                    format!("reads {value:?} from {{}} ({ordering:?})")
                });
                value
            }

            /// Writes the value.
            #[track_caller]
            pub fn store(&self, value: $value, ordering: Ordering) {
                is_store(ordering);
                story::here();
                match &self.0 {
                    Kind::Real(atomic) => atomic.get().store(value, ordering),
                    Kind::Loom(atomic) => atomic.store(
                        ordering,
                        |atomic, ordering| atomic.store(value, ordering),
                        |atomic, ordering| {
                            atomic.swap(value, ordering);
                        },
                    ),
                    Kind::Shuttle(atomic) => atomic.get().store(value, ordering),
                }
                changes(self.object(), || {
                    format!("writes {value:?} to {{}} ({ordering:?})")
                });
            }

            modify! { $value:
                /// Writes the value and returns what it was, in one step.
                swap;
            }

            /// Writes `new` if the value is `current`, in one step. Returns what it was.
            ///
            /// # Errors
            ///
            /// If the value is another one: which.
            #[track_caller]
            pub fn compare_exchange(
                &self,
                current: $value,
                new: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                is_load(failure);
                story::here();
                let exchanged = match &self.0 {
                    Kind::Real(atomic) => {
                        atomic.get().compare_exchange(current, new, success, failure)
                    }
                    Kind::Loom(atomic) => atomic.swap(either(success, failure), |atomic, _| {
                        atomic.compare_exchange(current, new, success, failure)
                    }),
                    Kind::Shuttle(atomic) => {
                        atomic.get().compare_exchange(current, new, success, failure)
                    }
                };
                match exchanged {
                    Ok(_) => changes(self.object(), || {
                        format!("changes {{}} from {current:?} to {new:?} ({success:?})")
                    }),
                    Err(was) => did(self.object(), || {
                        format!("does not change {{}}: it is {was:?}, not {current:?}")
                    }),
                }
                exchanged
            }

            /// As [`compare_exchange`](Self::compare_exchange), but outside of an exploration it may
            /// fail although the value is `current`.
            ///
            /// # Errors
            ///
            /// As [`compare_exchange`](Self::compare_exchange).
            #[track_caller]
            pub fn compare_exchange_weak(
                &self,
                current: $value,
                new: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                if let Kind::Real(atomic) = &self.0 {
                    return atomic
                        .get()
                        .compare_exchange_weak(current, new, success, failure);
                }
                self.compare_exchange(current, new, success, failure)
            }

            /// Reads the value and writes what `update` makes of it, until nobody has written in
            /// between or `update` returns `None`. Returns what it was.
            ///
            /// # Errors
            ///
            /// If `update` returns `None`: the value that it was given.
            #[track_caller]
            pub fn fetch_update(
                &self,
                set: Ordering,
                fetch: Ordering,
                mut update: impl FnMut($value) -> Option<$value>,
            ) -> Result<$value, $value> {
                let mut seen = self.load(fetch);
                while let Some(next) = update(seen) {
                    match self.compare_exchange_weak(seen, next, set, fetch) {
                        Ok(was) => return Ok(was),
                        Err(other) => seen = other,
                    }
                }
                Err(seen)
            }

            /// The value.
            #[must_use]
            pub fn into_inner(self) -> $value {
                match self.0 {
                    Kind::Real(atomic) => atomic.into_inner().into_inner(),
                    Kind::Loom(atomic) => atomic.into_inner().into_inner(),
                    Kind::Shuttle(atomic) => atomic.atomic.into_inner(),
                }
            }
        }

        impl $(<$t>)? From<$value> for $name $(<$t>)? {
            #[track_caller]
            fn from(value: $value) -> Self {
                $name::new(value)
            }
        }
    };
}

macro_rules! bits {
    ($name:ident, $value:ty) => {
        impl $name {
            modify! { $value:
                /// "And" with the value, in one step. Returns what it was.
                fetch_and;
                /// "Not and" with the value, in one step. Returns what it was.
                fetch_nand;
                /// "Or" with the value, in one step. Returns what it was.
                fetch_or;
                /// "Exclusive or" with the value, in one step. Returns what it was.
                fetch_xor;
            }
        }

        impl Default for $name {
            #[track_caller]
            fn default() -> Self {
                $name::new(<$value>::default())
            }
        }
    };
}

macro_rules! integer {
    ($($name:ident, $value:ty;)*) => {$(
        atomic!($name, $value, concat!(
            "let number = ", stringify!($name), "::new(1);\n",
            "assert_eq!(number.fetch_add(2, Ordering::Relaxed), 1);\n",
            "assert_eq!(number.load(Ordering::Relaxed), 3);"
        ));
        bits!($name, $value);

        impl $name {
            modify! { $value:
                /// Adds to the value, wrapping, in one step. Returns what it was.
                fetch_add;
                /// Subtracts from the value, wrapping, in one step. Returns what it was.
                fetch_sub;
                /// The larger of two, in one step. Returns what it was.
                fetch_max;
                /// The smaller of two, in one step. Returns what it was.
                fetch_min;
            }
        }
    )*};
}

atomic!(
    AtomicBool,
    bool,
    "let flag = AtomicBool::new(false);\nassert!(!flag.swap(true, Ordering::AcqRel));\nassert!(flag.into_inner());"
);
bits!(AtomicBool, bool);
atomic!(
    AtomicPtr<T>,
    *mut T,
    "let mut number = 1;\nlet pointer = AtomicPtr::new(&raw mut number);\nassert!(!pointer.load(Ordering::Acquire).is_null());"
);
integer! {
    AtomicI8, i8;
    AtomicI16, i16;
    AtomicI32, i32;
    AtomicI64, i64;
    AtomicIsize, isize;
    AtomicU8, u8;
    AtomicU16, u16;
    AtomicU32, u32;
    AtomicU64, u64;
    AtomicUsize, usize;
}

impl AtomicU32 {
    /// It is the word of a futex.
    pub(crate) fn of_futex(mut self) -> Self {
        match &mut self.0 {
            Kind::Real(_) => {}
            Kind::Loom(atomic) => atomic.identity_mut().is_futex(),
            Kind::Shuttle(atomic) => atomic.identity.is_futex(),
        }
        self
    }
}
