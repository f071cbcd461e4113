//! The story of an execution: what its threads do with the drop-in's primitives, and at which line.
//!
//! It is told only while an execution is run again to be recorded; a search does not pay for it. Each act is told
//! where it takes effect, without a step of another thread in between.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::panic::Location;
use std::time::Duration;

use wakeproof::platform::Platform;

use crate::journal::{self, Act, Effect, Object};

/// What a thread does at the end of a critical section, at no line of its own.
pub(crate) const UNLOCKS: &str = "unlocks {}";
/// How a timed wait ends.
pub(crate) const TIME_IS_UP: &str = "wakes: the time is up";

/// Where this package's own sources are.
const OWN: &str = {
    let (folder, _) = file!().split_at(file!().len() - "story.rs".len());
    folder
};

thread_local! {
    static IS_TOLD: Cell<bool> = const { Cell::new(false) };
    /// Who writes down what the execution on this thread does, if it is told.
    static TELLER: Cell<Option<Teller>> = const { Cell::new(None) };
    /// Where each thread of the execution has called the drop-in last.
    static PLACES: RefCell<HashMap<usize, Option<&'static Location<'static>>>> = RefCell::default();
}

#[derive(Clone, Copy)]
struct Teller {
    /// This thread's number in the journal.
    thread: fn() -> usize,
    write_down: fn(Act),
    value: fn(&'static str, Duration),
}

/// How much of an execution is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Telling {
    /// Nothing: a search.
    Nothing,
    /// What threads do with the drop-in.
    DropIn,
    /// What threads do with the platform, too: [in full](journal::is_told_in_full).
    InFull,
}

/// How much is told of the executions that begin on this thread.
pub(crate) fn tell(telling: Telling) {
    IS_TOLD.set(telling != Telling::Nothing);
    journal::tell_in_full(telling == Telling::InFull);
}

/// How much is told of the executions on this thread.
pub(crate) fn telling() -> Telling {
    match (IS_TOLD.get(), journal::is_told_in_full()) {
        (false, _) => Telling::Nothing,
        (true, false) => Telling::DropIn,
        (true, true) => Telling::InFull,
    }
}

/// The execution that begins on the platform `P` has no story yet.
pub(crate) fn begin<P: Platform>() {
    PLACES.with_borrow_mut(HashMap::clear);
    TELLER.set(IS_TOLD.get().then_some(Teller {
        thread: journal::this_thread::<P>,
        write_down: journal::act::<P>,
        value: journal::moment::<P>,
    }));
}

/// What this thread does next is the act of whoever has called here.
#[track_caller]
#[inline]
pub(crate) fn here() {
    if let Some(teller) = TELLER.get() {
        let place = Location::caller();
        // A primitive that is made of others is called by its user.
        if place.file().starts_with(OWN) {
            return;
        }
        // The standard library calls for a line that it does not tell.
        let place = (!place.file().starts_with("/rustc/")).then_some(place);
        PLACES.with_borrow_mut(|places| places.insert((teller.thread)(), place));
    }
}

/// What this thread does next is at no line: a guard is dropped.
#[inline]
pub(crate) fn nowhere() {
    if let Some(teller) = TELLER.get() {
        PLACES.with_borrow_mut(|places| places.insert((teller.thread)(), None));
    }
}

/// This thread has done something with a primitive. `{}` in the words stands for the primitive.
#[inline]
pub(crate) fn did<W: Into<Cow<'static, str>>>(object: Object, what: impl FnOnce() -> W) {
    if let Some(teller) = TELLER.get() {
        record(teller, object, what().into(), Effect::Nothing);
    }
}

/// What this thread does next may block it.
#[inline]
pub(crate) fn may_block(object: Object, what: &'static str) {
    if let Some(teller) = TELLER.get() {
        record(teller, object, what.into(), Effect::MayBlock);
    }
}

/// This thread goes to sleep.
#[inline]
pub(crate) fn sleeps(object: Object, what: &'static str) {
    if let Some(teller) = TELLER.get() {
        record(teller, object, what.into(), Effect::Sleeps);
    }
}

/// This thread has woken that many others. Returns whether that was told.
#[inline]
pub(crate) fn wakes(object: Object, what: &'static str, number: usize) -> bool {
    TELLER
        .get()
        .is_some_and(|teller| record(teller, object, what.into(), Effect::Wakes(number)))
}

/// The moment of that name has come, or is another one: the clock's, or a deadline.
#[inline]
pub(crate) fn moment(name: &'static str, moment: Duration) {
    if let Some(teller) = TELLER.get()
        && !std::thread::panicking()
    {
        (teller.value)(name, moment);
    }
}

/// This thread begins, and is the one that the others know as that.
pub(crate) fn begins(thread: Object) {
    if let Some(teller) = TELLER.get() {
        PLACES.with_borrow_mut(|places| places.insert((teller.thread)(), None));
        record(teller, thread, "begins".into(), Effect::Begins);
    }
}

#[cold]
fn record(teller: Teller, object: Object, what: Cow<'static, str>, effect: Effect) -> bool {
    // A guard that is dropped while its thread unwinds: the execution is over.
    if std::thread::panicking() {
        return false;
    }
    // Code that is generic over its platform has no lines to tell here.
    let place = PLACES.with_borrow(|places| places.get(&(teller.thread)()).copied());
    let at = match place {
        Some(at) => at,
        None if journal::is_told_in_full() => None,
        None => return false,
    };
    (teller.write_down)(Act {
        object,
        what,
        at,
        effect,
    });
    true
}
