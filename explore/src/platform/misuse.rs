//! The rules for the use of a mutex and a condvar, checked.
//!
//! Waiting without the lock cannot be written down: a wait takes a guard, and a guard does not leave
//! its thread.

use std::cell::RefCell;
use std::panic::Location;
use std::sync::atomic::{AtomicU64, Ordering};

use super::execution::{self, next};
use super::{interrupts, locals};
use crate::journal::Object;
use crate::verdict::Checker;
use crate::{observe, story};

thread_local! {
    /// The mutexes that are locked now, and by whom.
    static HELD: RefCell<Vec<(u64, u64)>> = const { RefCell::new(Vec::new()) };
}

/// The execution that begins on this thread has primitives of its own, and no mutex is locked in it.
pub(crate) fn begin_execution(checker: Checker) {
    execution::begin(Some(checker), next());
    HELD.with_borrow_mut(Vec::clear);
    locals::forget();
    interrupts::forget();
}

/// An execution on threads of the operating system, each of which [joins](join_execution) it.
pub(crate) fn new_execution() -> u64 {
    next()
}

/// This thread takes part in the execution.
pub(crate) fn join_execution(execution: u64) {
    execution::begin(None, execution);
    HELD.with_borrow_mut(Vec::clear);
}

/// A thread that unwinds has failed already.
pub(crate) fn misuse(what: impl std::fmt::Display) {
    assert!(std::thread::panicking(), "misuse: {what}");
}

/// How [`cannot_judge`] begins.
pub(crate) const CANNOT_JUDGE: &str = "cannot judge: ";

/// The checker that runs is not able to explore the program; the other one is.
#[cold]
pub(crate) fn cannot_judge(why: &str) -> ! {
    panic!("{CANNOT_JUDGE}{why}")
}

/// What tells a primitive apart from others.
#[derive(Debug)]
pub(crate) struct Identity {
    number: u64,
    execution: u64,
    made: &'static Location<'static>,
    /// Whether it is of a futex's word or its waiters, which the story calls by one name.
    is_futex: bool,
}

impl Identity {
    #[track_caller]
    pub(crate) fn new() -> Self {
        Identity {
            number: next(),
            execution: execution::number(),
            made: Location::caller(),
            is_futex: false,
        }
    }

    /// It is of a futex's word.
    pub(crate) fn is_futex(&mut self) {
        self.is_futex = true;
    }

    /// To the story, it is that primitive.
    pub(crate) fn is(&mut self, object: Object) {
        (self.number, self.made) = (object.number, object.made);
    }

    /// For the story of the execution.
    pub(crate) fn object(&self, kind: &'static str) -> Object {
        Object {
            kind: if self.is_futex { "futex" } else { kind },
            number: self.number,
            made: self.made,
        }
    }

    /// Whether this thread belongs to the execution that made it.
    pub(crate) fn is_of_this_execution(&self) -> bool {
        self.execution == execution::number()
    }

    /// A step begins. A primitive belongs to the execution that made it.
    pub(crate) fn check(&self) {
        interrupts::before_step();
        if self.execution == 0 && execution::number() != 0 {
            misuse(format_args!(
                "a primitive that was made outside of the execution, at {}, is used inside; make it in the body",
                self.made
            ));
        } else if self.execution != execution::number() {
            misuse(format_args!(
                "a primitive that was made in one execution, at {}, is used in another; make it in the body",
                self.made
            ));
        }
    }

    /// Before this thread locks the mutex. Returns whether it holds another.
    pub(crate) fn locks(&self, thread: u64) -> bool {
        self.check();
        let holder = (self.number, thread);
        if HELD.with_borrow(|held| held.contains(&holder)) {
            misuse("a thread locks a mutex that it holds already; it would wait for itself");
        }
        holds_a_mutex(thread)
    }

    /// When this thread has locked the mutex.
    pub(crate) fn locked(&self, thread: u64) {
        let holder = (self.number, thread);
        HELD.with_borrow_mut(|held| held.push(holder));
    }

    /// When this thread unlocks the mutex.
    pub(crate) fn unlocked(&self) {
        interrupts::before_step();
        HELD.with_borrow_mut(|held| held.retain(|(mutex, _)| *mutex != self.number));
    }
}

/// Whether the thread holds a mutex.
pub(crate) fn holds_a_mutex(thread: u64) -> bool {
    HELD.with_borrow(|held| held.iter().any(|(_, holder)| *holder == thread))
}

/// When a thread has come to its end: its thread-local values go, and it must hold no lock.
pub(crate) fn ends(thread: u64) {
    locals::end(thread);
    if holds_a_mutex(thread) {
        misuse("a guard was leaked: its thread has ended, and the mutex stays locked for ever");
    }
}

/// Which mutex a condvar belongs to: the one that it was first used with.
#[derive(Debug)]
pub(crate) struct Partner {
    identity: Identity,
    mutex: AtomicU64,
}

impl Partner {
    #[track_caller]
    pub(crate) fn new() -> Self {
        Partner {
            identity: Identity::new(),
            mutex: AtomicU64::new(0),
        }
    }

    /// Before the condvar is notified.
    pub(crate) fn check(&self) {
        self.identity.check();
    }

    /// This thread goes to sleep.
    pub(crate) fn sleeps(&self) {
        story::sleeps(self.identity.object("condvar"), "sleeps on {}");
    }

    /// This thread's sleep is over.
    pub(crate) fn wakes(&self, timed_out: bool) {
        story::did(self.identity.object("condvar"), || {
            if timed_out {
                story::TIME_IS_UP
            } else {
                "is woken"
            }
        });
    }

    /// This thread's wait ends before it has begun to sleep.
    pub(crate) fn wakes_for_no_reason(&self) {
        let what = "waits on {}, and wakes for no reason";
        story::did(self.identity.object("condvar"), || what);
    }

    /// This thread waits until a moment that is over.
    pub(crate) fn is_late(&self) {
        let what = "does not wait on {}: the time is up";
        story::did(self.identity.object("condvar"), || what);
    }

    /// This thread has notified that many others.
    pub(crate) fn notified(&self, what: &'static str, number: usize) {
        if !story::wakes(self.identity.object("condvar"), what, number) {
            observe::notified(number > 0);
        }
    }

    /// Before a thread waits on the condvar with a guard of `mutex`.
    pub(crate) fn waits_with(&self, mutex: &Identity) {
        self.check();
        let first =
            self.mutex
                .compare_exchange(0, mutex.number, Ordering::Relaxed, Ordering::Relaxed);
        if first.is_err_and(|first| first != mutex.number) {
            misuse(
                "one condvar is used with two mutexes; the guard belongs to another mutex than before",
            );
        }
    }
}
