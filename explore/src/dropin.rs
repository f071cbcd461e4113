//! What the drop-in's types have in common: which checker runs, and what was made outside of it.

mod monitor;
mod platform;
mod real;

use std::fmt;
use std::panic::Location;

pub(crate) use self::monitor::{FOR_EVER, Monitor, Turn, Wanted, Woken};
pub use self::platform::DropIn;
use crate::platform::{checker, misuse};

/// A primitive of the standard library's, made while no checker ran on this thread.
#[derive(Debug)]
pub(crate) struct Real<R> {
    primitive: R,
    made: &'static Location<'static>,
}

impl<R> Real<R> {
    #[track_caller]
    pub(crate) fn new(primitive: R) -> Self {
        Real {
            primitive,
            made: Location::caller(),
        }
    }

    /// The primitive, unless an execution is explored, which must not depend on it.
    #[inline]
    pub(crate) fn get(&self) -> &R {
        if checker().is_some() {
            self.refuse();
        }
        &self.primitive
    }

    /// The primitive, for somebody who has it alone.
    #[inline]
    pub(crate) fn get_mut(&mut self) -> &mut R {
        if checker().is_some() {
            self.refuse();
        }
        &mut self.primitive
    }

    pub(crate) fn into_inner(self) -> R {
        self.primitive
    }

    #[cold]
    fn refuse(&self) {
        misuse(format_args!(
            "a primitive that was made outside of the execution, at {}, is used inside; make it in the body",
            self.made
        ));
    }
}

/// What a primitive is made of: the standard library's outside of a search, and a monitor of an execution.
pub(crate) enum Either<R, S> {
    Real(Real<R>),
    Explored(Monitor<S>),
}

impl<R: fmt::Debug, S> fmt::Debug for Either<R, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Either::Real(real) => real.fmt(f),
            Either::Explored(monitor) => monitor.fmt(f),
        }
    }
}

impl<R, S> Either<R, S> {
    #[track_caller]
    pub(crate) fn new(kind: &'static str, real: impl FnOnce() -> R, state: S) -> Self {
        match Monitor::of_the_execution(kind, state) {
            Ok(monitor) => Either::Explored(monitor),
            Err(_) => Either::Real(Real::new(real())),
        }
    }
}

/// Two values that belong together were made on different sides.
#[cold]
pub(crate) fn mixed() -> ! {
    panic!(
        "misuse: a value that was made outside of the execution is used with one that was made inside; make both in the body"
    )
}
