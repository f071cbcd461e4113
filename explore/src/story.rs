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

/// What a thread does that locks a mutex.
pub(crate) const LOCKS: &str = "locks {}";
/// What a thread does at the end of a critical section, at no line of its own.
pub(crate) const UNLOCKS: &str = "unlocks {}";
/// What a thread finds that does not wait for a mutex.
pub(crate) const IS_HELD: &str = "finds {} locked";
/// What a thread does that only looks.
pub(crate) const LOOKS: &str = "looks at {}";
/// What a step has done that is not worth telling.
pub(crate) const NOTHING: &str = "";
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
    static PLACES: RefCell<HashMap<usize, Place>> = RefCell::default();
    /// Who has woken whom, until that is told.
    static WOKEN: RefCell<Vec<(usize, usize)>> = const { RefCell::new(Vec::new()) };
    /// The threads that are asleep, each with how it was told.
    static ASLEEP: RefCell<HashMap<usize, Act>> = RefCell::default();
}

/// Where a thread is.
#[derive(Clone, Copy)]
enum Place {
    /// At a line of the body, or at none.
    At(Option<&'static Location<'static>>),
    /// In a part of a primitive that is not told.
    Inside,
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
    ASLEEP.with_borrow_mut(HashMap::clear);
    WOKEN.with_borrow_mut(Vec::clear);
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
        PLACES.with_borrow_mut(|places| {
            let known = places.entry((teller.thread)());
            let known = known.or_insert(Place::At(place));
            if matches!(known, Place::At(_)) {
                *known = Place::At(place);
            }
        });
    }
}

/// What this thread does next is at no line: a guard is dropped.
#[inline]
pub(crate) fn nowhere() {
    if let Some(teller) = TELLER.get() {
        PLACES.with_borrow_mut(|places| places.insert((teller.thread)(), Place::At(None)));
    }
}

/// What this thread does in `act` is a part of a primitive, and not told.
#[inline]
pub(crate) fn inside<R>(act: impl FnOnce() -> R) -> R {
    aside(Some(Place::Inside), act)
}

/// Between two steps, this thread does something else, at lines of its own.
#[inline]
pub(crate) fn in_between<R>(act: impl FnOnce() -> R) -> R {
    aside(None, act)
}

fn aside<R>(at: Option<Place>, act: impl FnOnce() -> R) -> R {
    let Some(teller) = TELLER.get() else {
        return act();
    };
    let thread = (teller.thread)();
    let before = PLACES.with_borrow_mut(|places| match at {
        Some(place) => places.insert(thread, place),
        None => places.get(&thread).copied(),
    });
    let result = act();
    PLACES.with_borrow_mut(|places| match before {
        Some(place) => places.insert(thread, place),
        None => places.remove(&thread),
    });
    result
}

/// This thread has done something with a primitive. `{}` in the words stands for the primitive.
#[inline]
pub(crate) fn did<W: Into<Cow<'static, str>>>(object: Object, what: impl FnOnce() -> W) {
    if let Some(teller) = TELLER.get() {
        record(teller, object, what().into(), Effect::Nothing);
    }
}

/// This thread has changed what others may wait for.
#[inline]
pub(crate) fn changes(object: Object, what: impl FnOnce() -> String) {
    if let Some(teller) = TELLER.get() {
        record(teller, object, what().into(), Effect::Changes);
    }
}

/// This thread has looked whether it has to wait. That is a part of the wait, and no step of its own.
#[inline]
pub(crate) fn looks(object: Object) {
    if let Some(teller) = TELLER.get() {
        record(teller, object, "looks at {}".into(), Effect::Looks);
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

/// A thread, as the story knows it, if one is told.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Told(Option<usize>);

/// This thread.
#[inline]
pub(crate) fn this() -> Told {
    Told(TELLER.get().map(|teller| (teller.thread)()))
}

impl Told {
    /// This thread wakes that one, and tells it next.
    #[inline]
    pub(crate) fn is_woken(self) {
        if let (Told(Some(woken)), Told(Some(by))) = (self, this()) {
            WOKEN.with_borrow_mut(|all| all.push((by, woken)));
        }
    }
}

/// How this thread has gone to sleep.
pub(crate) struct Sleep(Option<(Teller, Act)>);

/// This thread is asleep, and may do something in between.
pub(crate) fn sleep() -> Sleep {
    Sleep(TELLER.get().and_then(|teller| {
        let act = ASLEEP.with_borrow(|asleep| asleep.get(&(teller.thread)()).cloned());
        Some((teller, act?))
    }))
}

impl Sleep {
    /// This thread sleeps on, if it has done something in between.
    pub(crate) fn goes_on(&self) {
        let Some((teller, act)) = &self.0 else {
            return;
        };
        let thread = (teller.thread)();
        let is_told = ASLEEP.with_borrow_mut(|asleep| {
            let before = asleep.insert(thread, act.clone());
            before.is_some()
        });
        if !is_told {
            (teller.write_down)(act.clone());
        }
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
        PLACES.with_borrow_mut(|places| places.insert((teller.thread)(), Place::At(None)));
        record(teller, thread, "begins".into(), Effect::Begins);
    }
}

#[cold]
fn record(teller: Teller, object: Object, what: Cow<'static, str>, effect: Effect) -> bool {
    // A guard that is dropped while its thread unwinds: the execution is over.
    if what == NOTHING || std::thread::panicking() {
        return false;
    }
    let thread = (teller.thread)();
    let place = PLACES.with_borrow(|places| places.get(&thread).copied());
    let at = match place {
        Some(Place::At(at)) => at,
        Some(Place::Inside) => return true,
        // Code that is generic over its platform has no lines to tell here.
        None if journal::is_told_in_full() => None,
        None => return false,
    };
    let mut woken = Vec::new();
    if let Effect::Wakes(_) = effect {
        WOKEN.with_borrow_mut(|all| {
            let mine = all.extract_if(.., |(by, _)| *by == thread);
            woken.extend(mine.map(|(_, woken)| woken));
        });
    }
    let act = Act {
        object,
        what,
        at,
        effect,
        woken,
    };
    ASLEEP.with_borrow_mut(|asleep| {
        if effect == Effect::Sleeps {
            asleep.insert(thread, act.clone());
        } else {
            asleep.remove(&thread);
        }
    });
    (teller.write_down)(act);
    true
}
