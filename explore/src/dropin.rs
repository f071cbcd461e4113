//! What the drop-in's types have in common: which checker runs, and what was made outside of it.

use std::panic::Location;

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

/// Two values that belong together were made on different sides.
#[cold]
pub(crate) fn mixed() -> ! {
    panic!(
        "misuse: a value that was made outside of the execution is used with one that was made inside; make both in the body"
    )
}
