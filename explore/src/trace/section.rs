//! What one thread does under one lock.

use std::ops::Range;

use serde::Serialize;

use super::acts::Notified;
use super::shared::Shared;
use super::step::{Kind, LOCKS, Told, UNLOCKS};

/// Steps of one thread that belong together, drawn as one box.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Section {
    /// Whose: an index into [`Trace::threads`](super::Trace::threads).
    pub thread: Option<usize>,
    /// Which of [`Trace::steps`](super::Trace::steps).
    pub steps: Range<usize>,
    /// How it stands to the mutex.
    pub lock: Lock,
    /// What it does.
    pub lines: Vec<Line>,
    /// What the threads share after it.
    pub shared: Shared,
    /// Whether one of its steps is the one that goes wrong.
    pub is_wrong: bool,
}

/// A line of a box.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// What the thread does.
    pub what: String,
    /// Whom it notifies.
    pub notifies: Option<Notified>,
    /// Whether this is what goes wrong.
    pub is_wrong: bool,
}

/// How a section stands to the mutex, where its lines do not say so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lock {
    /// It has nothing to do with it, or its lines say what.
    None,
    /// It is one critical section.
    Whole,
    /// It takes the mutex and keeps it.
    Takes,
    /// It has the mutex before and after it.
    Keeps,
    /// It gives the mutex back.
    GivesBack,
}

impl Lock {
    /// In a few words; nothing for [`Lock::None`].
    #[must_use]
    pub fn in_words(self) -> &'static str {
        match self {
            Lock::None => "",
            Lock::Whole => "under the lock",
            Lock::Takes => "takes the lock",
            Lock::Keeps => "has the lock",
            Lock::GivesBack => "gives it back",
        }
    }
}

pub(super) fn sections(steps: &[Told], wrong: Option<usize>) -> Vec<Section> {
    let mut sections: Vec<Range<usize>> = Vec::new();
    // A step that goes wrong outside of a lock is a box of its own.
    let is_alone = |index: usize| wrong == Some(index) && !is_under_a_lock(steps, index);
    for (index, step) in steps.iter().enumerate() {
        let belongs = |last: &Range<usize>| {
            let before = &steps[last.end - 1];
            before.thread == step.thread
                && !is_alone(index)
                && !is_alone(index - 1)
                && step.thread.is_some()
                && !matches!(before.kind, Kind::Unlocks | Kind::Waits)
                && (step.kind != Kind::Locks || before.kind == Kind::Wakes)
        };
        match sections.last_mut() {
            Some(last) if belongs(last) => last.end = index + 1,
            _ => sections.push(index..index + 1),
        }
    }
    // Who holds a mutex, so far.
    let mut holding: Vec<usize> = Vec::new();
    sections
        .into_iter()
        .map(|range| section(steps, wrong, range, &mut holding))
        .collect()
}

/// Whether its thread holds a mutex.
fn is_under_a_lock(steps: &[Told], index: usize) -> bool {
    let mut own = steps[..=index].iter().rev();
    let last = own.find(|step| step.thread == steps[index].thread && step.kind != Kind::Other);
    // An unlock is the end of what is under the lock.
    steps[index].kind != Kind::Other || last.is_some_and(|step| step.kind == Kind::Locks)
}

fn section(
    all: &[Told],
    wrong: Option<usize>,
    range: Range<usize>,
    holding: &mut Vec<usize>,
) -> Section {
    let steps = &all[range.clone()];
    let thread = steps[0].thread;
    let is_plain = |step: &&Told| step.what == LOCKS || step.what == UNLOCKS;
    let mut lines: Vec<Line> = steps
        .iter()
        .enumerate()
        .filter(|(_, step)| !is_plain(step))
        .map(|(index, step)| Line {
            what: step.what.clone(),
            notifies: step.notifies,
            is_wrong: wrong == Some(range.start + index),
        })
        .collect();
    let says_so = steps.iter().any(|step| {
        matches!(step.kind, Kind::Locks | Kind::Unlocks)
            && !is_plain(&step)
            && step.action.is_none()
    });
    if lines.is_empty() {
        // All that it can have done is to look.
        let what = match steps {
            [one] => &one.what,
            _ => "looks",
        };
        lines.push(Line {
            what: what.to_owned(),
            notifies: None,
            is_wrong: false,
        });
    }
    let before = thread.is_some_and(|thread| holding.contains(&thread));
    let mut after = before;
    let mut locks = before;
    for step in steps {
        match step.kind {
            Kind::Locks => (after, locks) = (true, true),
            Kind::Unlocks | Kind::Waits => after = false,
            Kind::Wakes | Kind::Other => {}
        }
    }
    if let Some(thread) = thread {
        holding.retain(|other| *other != thread);
        if after {
            holding.push(thread);
        }
    }
    let lock = match (before, after) {
        _ if says_so || !locks => Lock::None,
        (false, false) => Lock::Whole,
        (false, true) => Lock::Takes,
        (true, true) => Lock::Keeps,
        (true, false) => Lock::GivesBack,
    };
    Section {
        thread,
        lock,
        lines,
        shared: steps
            .last()
            .map(|step| step.shared.clone())
            .unwrap_or_default(),
        is_wrong: wrong.is_some_and(|step| range.contains(&step)),
        steps: range,
    }
}
