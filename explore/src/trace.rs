//! Counterexamples that a person can read: one lane for each thread, time downwards.

use std::fmt;

use serde::Serialize;
use wakeproof::inbox::Step;

pub use self::acts::Notified;
use self::acts::{ASLEEP, Names};
use crate::journal::{Effect, Entry, Journal, What};
use crate::verdict::{Counterexample, Exploration};

mod acts;
mod mermaid;
mod svg;
mod text;

/// A counterexample, told step by step.
///
/// ```
/// use std::sync::Arc;
///
/// use wakeproof::inbox::Inbox;
/// use wakeproof_explore::platform::{Loom, ModelPlatform};
/// use wakeproof_explore::trace::Trace;
/// use wakeproof_explore::{self as explore, Environment, Limits};
///
/// let explored = explore::loom(Environment::QUIET, &Limits::default(), || {
///     let inbox = Arc::new(Inbox::<Loom, &str>::new());
///     let submitter = inbox.clone();
///     let thread = Loom::spawn("submitter", move || submitter.call_soon("work"));
///     inbox.first_batch(&mut Default::default(), None);
///     assert_eq!(Loom::join(thread), Ok(()));
/// });
/// let trace = Trace::told("call_soon", "nobody wakes the loop", &explored, "loom")?;
/// assert!(trace.end.contains("asleep"));
/// println!("{}", trace.to_text());
/// # Ok::<(), wakeproof_explore::trace::NothingToTell>(())
/// ```
#[derive(Debug, Clone, Serialize)]
pub struct Trace {
    /// The fault's name.
    pub fault: String,
    /// What goes wrong, in general.
    pub wrong: String,
    /// Who found it, and what it is worth.
    pub found: String,
    /// The choices to replay it with, where there are such.
    pub schedule: Option<String>,
    /// One lane for each.
    pub threads: Vec<String>,
    /// In the order of time.
    pub steps: Vec<Told>,
    /// How each thread ends.
    pub ends: Vec<String>,
    /// What is wrong at the end.
    pub end: String,
}

/// A step, in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Told {
    /// Whose: an index into [`Trace::threads`].
    pub thread: usize,
    /// What it does.
    pub what: String,
    /// Whom it notifies.
    pub notifies: Option<Notified>,
}

/// An exploration found no counterexample, so there is none to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NothingToTell(String);

impl fmt::Display for NothingToTell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NothingToTell {}

impl Trace {
    /// Tells what an exploration has found.
    ///
    /// # Errors
    ///
    /// If it has found nothing.
    pub fn told(
        name: &str,
        wrong: &str,
        exploration: &Exploration,
        worth: &str,
    ) -> Result<Self, NothingToTell> {
        let Some(counterexample) = exploration.counterexample() else {
            return Err(NothingToTell(format!(
                "nothing goes wrong with {name}: {exploration}"
            )));
        };
        let journal = &counterexample.journal;
        let names = Names::of(journal);
        let ends = ends(journal, &names, &counterexample.message);
        let steps = tell(journal, &names);
        let legend = names.legend();
        let legend = legend.map_or_else(String::new, |legend| format!(" ({legend})"));
        Ok(Trace {
            fault: name.into(),
            wrong: wrong.into(),
            found: format!("{worth}, {} steps{legend}", steps.len()),
            schedule: counterexample.schedule().map(ToString::to_string),
            threads: journal.threads.clone(),
            steps,
            end: end(journal, &names, &ends, counterexample),
            ends,
        })
    }

    /// For a terminal.
    #[must_use]
    pub fn to_text(&self) -> String {
        text::draw(self)
    }

    /// For markdown: a sequence diagram in mermaid's language.
    #[must_use]
    pub fn to_mermaid(&self) -> String {
        mermaid::draw(self)
    }

    /// A picture that needs nothing else.
    #[must_use]
    pub fn to_svg(&self) -> String {
        svg::draw(self)
    }
}

/// Each step in words; a notification is one with the step that caused it.
fn tell(journal: &Journal, names: &Names<'_>) -> Vec<Told> {
    let mut told: Vec<Told> = Vec::new();
    for (index, entry) in journal.entries.iter().enumerate() {
        let thread = entry.thread;
        let (what, notifies) = match &entry.what {
            What::End => continue,
            What::Act(act) => match names.tell(index, act) {
                Some(told) => told,
                None => continue,
            },
            What::Note(note) => (note.to_string(), None),
            What::Notified { somebody } => {
                let notifies = if *somebody {
                    woken(journal, index)
                } else {
                    Notified::Nobody
                };
                let what = match notifies {
                    Notified::Nobody => "notifies: nobody is waiting".into(),
                    Notified::Thread(woken) => {
                        format!("notifies: {} is to wake", journal.threads[woken])
                    }
                    Notified::Somebody => "notifies: one of the waiters is to wake".into(),
                };
                (what, Some(notifies))
            }
            What::Step(step, status) => {
                let queued = status.map_or(0, |status| status.queued);
                let what = match step {
                    Step::Lock => "locks".into(),
                    Step::Enqueue => format!("enqueues: {queued} in the queue"),
                    Step::Refuse => "is refused: the loop is closed".into(),
                    Step::Notify => "finds the loop asleep".into(),
                    Step::Stop => "asks the loop to stop".into(),
                    Step::Stopped => "stops, as it was asked to".into(),
                    Step::Sleep if queued == 0 => "finds nothing to do, sleeps and unlocks".into(),
                    Step::Sleep => format!("sleeps and unlocks, with {queued} in the queue"),
                    Step::Wake => "wakes and locks".into(),
                    Step::Take => "takes the whole queue".into(),
                    Step::Close => "closes: accepts nothing any more".into(),
                    Step::Unlock if wakes_nobody(journal, index) => {
                        "unlocks, and has woken nobody".into()
                    }
                    Step::Unlock => "unlocks".into(),
                    Step::Run => "runs a callback".into(),
                    other => format!("{other:?}"),
                };
                (what, None)
            }
        };
        told.push(Told {
            thread,
            what,
            notifies,
        });
    }
    told
}

/// Whether the thread that unlocks here leaves work, or a request to stop, to a loop that sleeps.
fn wakes_nobody(journal: &Journal, unlock: usize) -> bool {
    let thread = journal.entries[unlock].thread;
    let its_section = journal.entries[..unlock]
        .iter()
        .rev()
        .filter(|entry| entry.thread == thread)
        .take_while(|entry| !matches!(entry.what, What::Step(Step::Lock, _)));
    let mut leaves_something = false;
    for entry in its_section {
        match &entry.what {
            What::Step(Step::Enqueue | Step::Stop, _) => leaves_something = true,
            What::Notified { .. } | What::Step(Step::Sleep | Step::Wake, _) => return false,
            _ => {}
        }
    }
    let is_asleep = matches!(
        journal.entries[unlock].what,
        What::Step(_, Some(status)) if status.asleep
    );
    leaves_something && is_asleep
}

/// Whom a notification wakes: the one thread that sleeps, if it is one.
fn woken(journal: &Journal, notified: usize) -> Notified {
    let mut sleepers = (0..journal.threads.len()).filter(|thread| {
        let last = journal.entries[..notified]
            .iter()
            .rev()
            .find(|entry| entry.thread == *thread);
        last.is_some_and(is_going_to_sleep)
    });
    match (sleepers.next(), sleepers.next()) {
        (Some(sleeper), None) => Notified::Thread(sleeper),
        _ => Notified::Somebody,
    }
}

fn is_going_to_sleep(entry: &Entry) -> bool {
    match &entry.what {
        What::Step(Step::Sleep, _) => true,
        What::Note(note) => note.ends_with("is about to sleep"),
        What::Act(act) => act.effect == Effect::Sleeps,
        _ => false,
    }
}

/// What an assertion says, on one line and without its own words for it.
fn in_words(message: &str) -> String {
    let lines: Vec<&str> = message.lines().map(str::trim).collect();
    let part = |name: &str| lines.iter().find_map(|line| line.strip_prefix(name));
    let (Some(left), Some(right)) = (part("left: "), part("right: ")) else {
        return lines.join("; ");
    };
    let why = lines[0]
        .split_once("failed: ")
        .map_or_else(String::new, |(_, why)| format!("{why}: "));
    if lines[0].contains("left != right") {
        format!("{why}it is {left}, which it must not be")
    } else {
        format!("{why}it is {left}, not {right}")
    }
}

/// Whether the execution came to a state in which nobody can go on.
fn is_deadlock(message: &str) -> bool {
    message.starts_with("deadlock")
}

fn ends(journal: &Journal, names: &Names<'_>, message: &str) -> Vec<String> {
    (0..journal.threads.len())
        .map(|thread| {
            let last = journal
                .entries
                .iter()
                .rev()
                .find(|entry| entry.thread == thread);
            let told = match last {
                Some(entry) if entry.what == What::End => "ends",
                _ if !is_deadlock(message) => "…",
                Some(entry) if is_going_to_sleep(entry) => ASLEEP,
                other => {
                    let blocked = other.and_then(|entry| names.end(entry));
                    return blocked.unwrap_or_else(|| "waits for ever for a thread to end".into());
                }
            };
            told.into()
        })
        .collect()
}

fn end(
    journal: &Journal,
    names: &Names<'_>,
    ends: &[String],
    counterexample: &Counterexample,
) -> String {
    let message = &counterexample.message;
    if !is_deadlock(message) {
        let failed = in_words(message);
        return match &counterexample.at {
            Some(at) => format!("{at}: {failed}"),
            None => failed,
        };
    }
    let threads = 0..journal.threads.len();
    let mut told: Vec<String> = threads
        .clone()
        .filter_map(|thread| names.asleep(thread))
        .collect();
    if told.is_empty() {
        told = threads.filter_map(|thread| names.blocked(thread)).collect();
    }
    if !told.is_empty() {
        return told.join("; ");
    }
    let sleepers: Vec<&str> = journal
        .threads
        .iter()
        .zip(ends)
        .filter(|(_, end)| end.as_str() == ASLEEP)
        .map(|(thread, _)| match thread.as_str() {
            "loop" => "the loop",
            thread => thread,
        })
        .collect();
    let status = journal
        .entries
        .iter()
        .rev()
        .find_map(|entry| match entry.what {
            What::Step(_, status) => status,
            _ => None,
        });
    let beside = match status {
        Some(status) if status.queued == 1 => " beside a queue with 1 callback in it",
        Some(status) if status.queued > 1 => " beside a queue with callbacks in it",
        Some(status) if status.stopping => ", and never hears that it was asked to stop",
        _ => "",
    };
    let (who, are) = match sleepers.as_slice() {
        [] => return message.into(),
        [one] => ((*one).to_owned(), "is"),
        several => (several.join(" and "), "are"),
    };
    format!("{who} {are} asleep{beside}, and nobody is left who would wake it")
}
