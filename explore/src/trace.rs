//! Counterexamples that a person can read: one lane for each thread, time downwards.

use std::fmt;

use serde::Serialize;

pub use self::acts::Notified;
use self::acts::{ASLEEP, Names};
pub use self::section::{Line, Lock, Section};
pub use self::shared::Shared;
pub use self::step::{Kind, Told};
use self::telling::is_going_to_sleep;
pub use self::text::Page;
use crate::journal::{Journal, What};
use crate::verdict::{Counterexample, Exploration};

mod acts;
mod measure;
mod mermaid;
mod section;
mod shared;
mod step;
mod svg;
mod telling;
mod text;
mod wrap;

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
    /// The step that goes wrong, if one can be named: an index into [`Trace::steps`].
    pub wrong_step: Option<usize>,
    /// How each thread ends.
    pub ends: Vec<String>,
    /// What is wrong at the end.
    pub end: String,
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
        let steps = telling::tell(journal, &names);
        let legend = names.legend();
        let legend = legend.map_or_else(String::new, |legend| format!(" ({legend})"));
        Ok(Trace {
            fault: name.into(),
            wrong: wrong.into(),
            found: format!("{worth}, {} steps{legend}", steps.len()),
            schedule: counterexample.schedule().map(ToString::to_string),
            threads: journal.threads.clone(),
            wrong_step: is_deadlock(&counterexample.message)
                .then(|| woke_nobody(&steps))
                .flatten(),
            end: end(journal, &names, &ends, &steps, counterexample),
            steps,
            ends,
        })
    }

    /// Names the step that goes wrong: the last one that contains these words, or is this action.
    #[must_use]
    pub fn goes_wrong_at(self, words: &str) -> Self {
        let is_it = |step: &Told| {
            step.what.contains(words) || step.action.as_deref().is_some_and(|name| name == words)
        };
        Trace {
            wrong_step: self.steps.iter().rposition(is_it),
            ..self
        }
    }

    /// The steps as they are drawn: what one thread does under one lock, without another thread in between, is one
    /// section.
    #[must_use]
    pub fn sections(&self) -> Vec<Section> {
        section::sections(&self.steps, self.wrong_step)
    }

    /// For a terminal of 80 columns.
    #[must_use]
    pub fn to_text(&self) -> String {
        self.to_page(&Page::default())
    }

    /// For a terminal.
    #[must_use]
    pub fn to_page(&self, page: &Page) -> String {
        text::draw(self, page)
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
            let own = || {
                let entries = journal.entries.iter().rev();
                entries.filter(|entry| entry.thread == thread)
            };
            // A value is a part of another step.
            let last = own().find(|entry| !matches!(entry.what, What::Value { .. }));
            let told = match last {
                Some(entry) if entry.what == What::End => "ends",
                _ if !is_deadlock(message) => "…",
                Some(entry) if is_going_to_sleep(entry) => ASLEEP,
                other => {
                    let blocked = other.and_then(|entry| names.end(entry));
                    return blocked.unwrap_or_else(|| "does not go on".into());
                }
            };
            told.into()
        })
        .collect()
}

/// The last step that notifies nobody, or leaves something to a thread that sleeps.
fn woke_nobody(steps: &[Told]) -> Option<usize> {
    steps.iter().rposition(|step| {
        step.notifies == Some(Notified::Nobody) || step.what.ends_with(telling::WOKE_NOBODY)
    })
}

fn end(
    journal: &Journal,
    names: &Names<'_>,
    ends: &[String],
    steps: &[Told],
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
    // What is done with the platform's primitives has no lines of its own.
    let has_lines = journal.entries.iter().any(|entry| match &entry.what {
        What::Act(act) => act.at.is_some(),
        _ => false,
    });
    if has_lines {
        let asleep = threads.clone().filter_map(|thread| names.asleep(thread));
        let mut told: Vec<String> = asleep.collect();
        if told.is_empty() {
            told = threads.filter_map(|thread| names.blocked(thread)).collect();
        }
        if !told.is_empty() {
            return told.join("; ");
        }
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
    let beside = steps
        .last()
        .map_or_else(String::new, |step| step.shared.beside());
    let (who, are, them) = match sleepers.as_slice() {
        [] => return message.into(),
        [one] => ((*one).to_owned(), "is", "it"),
        several => (several.join(" and "), "are", "them"),
    };
    let beside = beside.trim_end_matches(',');
    format!("{who} {are} asleep{beside}, and nobody is left who would wake {them}")
}
