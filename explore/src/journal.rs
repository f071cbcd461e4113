//! What happened in an execution: the steps that its threads took, in order.

use std::any::Any;
use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::fmt::{self, Debug};
use std::panic::Location;
use std::time::Duration;

use wakeproof::inbox::{Status, Step};
use wakeproof::platform::Platform;

use crate::observe::Watch;

/// The steps of one execution, from its beginning to its end or to its failure.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Journal {
    /// The threads' names, in the order in which they first did something.
    pub threads: Vec<String>,
    /// The steps, oldest first.
    pub entries: Vec<Entry>,
}

impl Journal {
    /// How many steps it has, without the ends of threads.
    #[must_use]
    pub fn steps(&self) -> usize {
        let is_step = |entry: &&Entry| match &entry.what {
            What::End | What::Value { .. } => false,
            What::Act(act) => !matches!(
                act.effect,
                Effect::Begins | Effect::MayBlock | Effect::Looks
            ),
            _ => true,
        };
        self.entries.iter().filter(is_step).count()
    }
}

/// One step of one thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Whose step: an index into [`Journal::threads`].
    pub thread: usize,
    /// What it did.
    pub what: What,
    /// At which line, of an execution that is [told in full](is_told_in_full).
    pub at: Option<&'static Location<'static>>,
}

/// What a thread did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A step of the loop's protocol, and what it led to if it was one under the lock.
    Step(Step, Option<Status>),
    /// The condvar was notified, and somebody was waiting or nobody was.
    Notified {
        /// Whether the notification reached a waiter.
        somebody: bool,
    },
    /// A step of another protocol, or of the model, in words.
    Note(Cow<'static, str>),
    /// What it did with a primitive of the drop-in, or of the platform if the execution is
    /// [told in full](is_told_in_full).
    Act(Act),
    /// A step of the model that has a name in the specification.
    Action {
        /// The action's name.
        name: &'static str,
        /// What it does, in words.
        what: Cow<'static, str>,
    },
    /// What it has changed: part of its next step.
    Value {
        /// What has another value now.
        name: &'static str,
        /// That value.
        value: String,
    },
    /// The thread has come to its end.
    End,
}

/// What a thread did with a primitive of the drop-in, recorded when the execution was run again to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Act {
    /// The primitive.
    pub object: Object,
    /// In words, with `{}` where the primitive's name belongs.
    pub what: Cow<'static, str>,
    /// The line that called, if it is one of the body's.
    pub at: Option<&'static Location<'static>>,
    /// What that means for the threads.
    pub effect: Effect,
    /// Whom it wakes: indices into [`Journal::threads`].
    pub woken: Vec<usize>,
}

/// A primitive of the drop-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Object {
    /// Such as "mutex".
    pub kind: &'static str,
    /// Tells it apart from others.
    pub number: u64,
    /// The line that made it.
    pub made: &'static Location<'static>,
}

/// What an act means for the threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Nothing.
    Nothing,
    /// The thread begins: the primitive is the thread itself.
    Begins,
    /// The thread is about to do something that may block it. If it has no later entry, it is blocked.
    MayBlock,
    /// What others may wait for is another now.
    Changes,
    /// The thread looks whether it has to wait, as a part of a wait.
    Looks,
    /// The thread goes to sleep.
    Sleeps,
    /// That many others wake.
    Wakes(usize),
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            What::Step(step, _) => write!(f, "{step:?}"),
            What::Notified { somebody: true } => f.write_str("notified the sleeper"),
            What::Notified { somebody: false } => f.write_str("notified nobody"),
            What::Note(note) => f.write_str(note),
            What::Act(act) => f.write_str(&act.what.replace("{}", act.object.kind)),
            What::Action { name, what } => write!(f, "{name}: {what}"),
            What::Value { name, value } => write!(f, "{name} is {value}"),
            What::End => f.write_str("ends"),
        }
    }
}

thread_local! {
    /// Whether the executions that begin on this thread are told in full.
    static IN_FULL: Cell<bool> = const { Cell::new(false) };
    /// The line of the step that is written down next.
    static LINE: Cell<Option<&'static Location<'static>>> = const { Cell::new(None) };
    // loom and shuttle run all threads of an execution on one of the operating system's.
    static JOURNAL: RefCell<Recording> = RefCell::default();
}

#[derive(Default)]
struct Recording {
    /// A `Platform::ThreadId` for each of [`Journal::threads`], in their order.
    identities: Vec<Box<dyn Any>>,
    /// The threads whose names are not written out yet, with the lines that started them.
    nameless: Vec<(usize, &'static Location<'static>)>,
    journal: Journal,
}

/// What a thread that starts is called.
pub(crate) enum Called {
    /// By a name that it was given.
    Named(String),
    /// By the line that started it. Few journals are read, so the name is written out when one is.
    StartedAt(&'static Location<'static>),
}

/// What a model calls its queue.
pub const QUEUE: &str = "queue";
/// The mutex, of which [`has_no_mutex`] speaks.
pub(crate) const MUTEX: &str = "mutex";
/// The clock.
pub(crate) const CLOCK: &str = "clock";
/// Until when a timed wait lasts that begins now.
pub(crate) const DEADLINE: &str = "deadline";

/// The first thread of an execution, until it turns out to be a loop's.
pub(crate) const MAIN: &str = "main";

/// Begins an empty journal, for the execution that begins.
pub fn begin() {
    JOURNAL.with_borrow_mut(|recording| {
        recording.identities.clear();
        recording.nameless.clear();
        recording.journal.threads.clear();
        recording.journal.entries.clear();
    });
}

/// Ends the journal and returns it.
#[must_use]
pub fn take() -> Journal {
    JOURNAL.with_borrow_mut(|recording| {
        recording.write_names();
        recording.identities.clear();
        std::mem::take(&mut recording.journal)
    })
}

/// Looks at the journal as it is.
pub fn with<T>(look: impl FnOnce(&Journal) -> T) -> T {
    JOURNAL.with(|recording| {
        // Somebody who looks, and panics, has the names already.
        if let Ok(mut recording) = recording.try_borrow_mut() {
            recording.write_names();
        }
    });
    JOURNAL.with_borrow(|recording| look(&recording.journal))
}

/// Gives the calling thread a name for the journal.
pub fn name_this_thread<P: Platform>(name: &str) {
    let id = P::current_thread();
    JOURNAL.with_borrow_mut(|recording| {
        let index = recording.index_of(id, |_| String::new());
        recording.journal.threads[index].replace_range(.., name);
    });
}

/// Gives the calling thread, which begins, what it is called in the journal.
pub(crate) fn call_this_thread<P: Platform>(called: Called) {
    match called {
        Called::Named(name) => name_this_thread::<P>(&name),
        Called::StartedAt(line) => JOURNAL.with_borrow_mut(|recording| {
            let index = recording.index_of(P::current_thread(), |_| String::new());
            recording.nameless.push((index, line));
        }),
    }
}

/// Notes a step that is none of the loop's protocol.
#[track_caller]
pub fn note<P: Platform>(note: impl Into<Cow<'static, str>>) {
    at(Location::caller());
    record::<P>(What::Note(note.into()));
}

/// Whether the execution is run again to be drawn: then the journal has its lines, what becomes of every mutex and
/// condvar of the platform, and what the model [says of itself](value). A search does not pay for that.
#[must_use]
pub fn is_told_in_full() -> bool {
    IN_FULL.get()
}

/// Notes what the model's thread reads, if the execution is told in full.
#[track_caller]
pub fn look<P: Platform>(what: impl Into<Cow<'static, str>>) {
    if is_told_in_full() {
        note::<P>(what);
    }
}

/// Notes a step that is an action of the specification, if the execution is told in full.
#[track_caller]
pub fn action<P: Platform>(name: &'static str, what: impl Into<Cow<'static, str>>) {
    if is_told_in_full() {
        at(Location::caller());
        let what = what.into();
        record::<P>(What::Action { name, what });
    }
}

/// Says what has another value by the calling thread's next step, if the execution is told in full. [`QUEUE`] is drawn
/// as the queue; what is `true` as a flag.
pub fn value<P: Platform>(name: &'static str, value: impl fmt::Display) {
    if is_told_in_full() {
        let value = value.to_string();
        record::<P>(What::Value { name, value });
    }
}

/// Says that the design has no mutex: those that it locks are how the model makes one step of one operation, and a
/// condvar is how something else wakes its thread. They are then left out of a drawing.
pub fn has_no_mutex<P: Platform>() {
    value::<P>(MUTEX, "none");
}

/// As [`value`], of a moment.
pub(crate) fn moment<P: Platform>(name: &'static str, moment: Duration) {
    value::<P>(name, format_args!("{moment:?}"));
}

/// Whether the executions that begin on this thread are told in full.
pub(crate) fn tell_in_full(is_told: bool) {
    IN_FULL.set(is_told);
}

/// The line of what is written down next.
#[inline]
pub(crate) fn at(line: &'static Location<'static>) {
    if IN_FULL.get() {
        LINE.set(Some(line));
    }
}

/// The calling thread's number in the journal.
pub(crate) fn this_thread<P: Platform>() -> usize {
    JOURNAL.with_borrow_mut(|recording| recording.index_of(P::current_thread(), in_debug))
}

/// Writes down what the calling thread did with a primitive of the drop-in.
pub(crate) fn act<P: Platform>(act: Act) {
    record::<P>(What::Act(act));
}

/// Notes that the calling thread has come to its end.
pub(crate) fn end<P: Platform>() {
    record::<P>(What::End);
}

fn record<P: Platform>(what: What) {
    let id = P::current_thread();
    JOURNAL.with_borrow_mut(|recording| {
        let thread = recording.index_of(id, in_debug);
        let name = &mut recording.journal.threads[thread];
        if name == MAIN && matches!(what, What::Step(..)) {
            "loop".clone_into(name);
        }
        let at = LINE.take();
        recording.journal.entries.push(Entry { thread, what, at });
    });
}

/// What a thread without a name is called.
fn in_debug(id: &impl Debug) -> String {
    format!("{id:?}")
}

impl Recording {
    fn write_names(&mut self) {
        for (thread, line) in self.nameless.drain(..) {
            self.journal.threads[thread] = format!("thread of {}", place(line));
        }
    }

    fn index_of<Id: Eq + Debug + 'static>(
        &mut self,
        id: Id,
        name: impl FnOnce(&Id) -> String,
    ) -> usize {
        let is_same = |known: &Box<dyn Any>| known.downcast_ref() == Some(&id);
        if let Some(index) = self.identities.iter().position(is_same) {
            return index;
        }
        self.journal.threads.push(name(&id));
        self.identities.push(Box::new(id));
        self.identities.len() - 1
    }
}

/// Writes the steps on the platform `P` into the journal.
#[must_use]
pub fn recorder<P: Platform>() -> Watch {
    Watch {
        step: |step, status| record::<P>(What::Step(step, status)),
        notified: |somebody| record::<P>(What::Notified { somebody }),
        ..Watch::NOBODY
    }
}

/// A file, without its folders, and a line.
pub(crate) fn place(location: &Location<'_>) -> String {
    let file = location.file().rsplit(['/', '\\']).next();
    format!("{}:{}", file.unwrap_or_default(), location.line())
}
