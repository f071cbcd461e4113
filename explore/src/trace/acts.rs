//! What threads did with the drop-in's primitives, in words.

use std::panic::Location;

use serde::Serialize;

use crate::journal::{Act, Effect, Entry, Journal, Object, What, place};
use crate::story::{LOCKS, UNLOCKS};

/// How a thread that nobody wakes ends.
pub(super) const ASLEEP: &str = "ASLEEP FOR EVER";

/// Whom a notification reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Notified {
    /// This thread wakes: an index into [`Trace::threads`](super::Trace::threads).
    Thread(usize),
    /// One of several.
    Somebody,
    /// Nobody waits.
    Nobody,
}

/// What the primitives and the lines of an execution are called.
pub(super) struct Names<'a> {
    journal: &'a Journal,
    /// In the order in which they were first used.
    objects: Vec<Object>,
    /// Whether all lines are of one file, which then need not be named each time.
    is_one_file: bool,
}

impl<'a> Names<'a> {
    pub(super) fn of(journal: &'a Journal) -> Self {
        let mut objects: Vec<Object> = Vec::new();
        for act in acts(journal) {
            if !objects.contains(&act.object) {
                objects.push(act.object);
            }
        }
        let mut files = acts(journal).filter_map(|act| Some(act.at?.file()));
        let first = files.next();
        Names {
            journal,
            objects,
            is_one_file: files.all(|file| Some(file) == first),
        }
    }

    /// A primitive, or a thread by its own name.
    pub(super) fn name(&self, object: Object) -> String {
        if object.kind == "thread" {
            return self.thread(object);
        }
        let same: Vec<&Object> = self
            .objects
            .iter()
            .filter(|other| other.kind == object.kind)
            .collect();
        let index = same.iter().position(|other| **other == object);
        match index {
            Some(index) if same.len() > 1 => format!("{} {}", object.kind, index + 1),
            _ => format!("the {}", object.kind),
        }
    }

    fn thread(&self, object: Object) -> String {
        let is_its_own = |entry: &&Entry| match &entry.what {
            What::Act(act) => {
                act.object == object && matches!(act.effect, Effect::Begins | Effect::Sleeps)
            }
            _ => false,
        };
        let own = self.journal.entries.iter().find(is_its_own);
        own.map_or_else(
            || format!("thread of {}", place(object.made)),
            |entry| self.journal.threads[entry.thread].clone(),
        )
    }

    fn line(&self, at: &Location<'_>) -> String {
        if self.is_one_file {
            format!("line {}", at.line())
        } else {
            place(at)
        }
    }

    fn in_brackets(&self, at: Option<&Location<'_>>) -> String {
        at.map_or_else(String::new, |at| format!(" ({})", self.line(at)))
    }

    /// Where the lines are, and which primitive is which.
    pub(super) fn legend(&self) -> Option<String> {
        let file = acts(self.journal).find_map(|act| act.at)?.file();
        let mut legend = if self.is_one_file {
            format!("lines of {file}")
        } else {
            String::new()
        };
        for object in &self.objects {
            let name = self.name(*object);
            if object.kind != "thread" && !name.starts_with("the ") {
                let made = self.line(object.made);
                let comma = if legend.is_empty() { "" } else { "; " };
                legend.push_str(&format!("{comma}{name}: {made}"));
            }
        }
        (!legend.is_empty()).then_some(legend)
    }

    /// A step, in words, and whom it notifies. None if it is not worth telling.
    pub(super) fn tell(&self, index: usize, act: &Act) -> Option<(String, Option<Notified>)> {
        let thread = self.journal.entries[index].thread;
        let name = self.name(act.object);
        let line = match act.at {
            Some(at) if self.is_one_file => format!("{}: ", at.line()),
            Some(at) => format!("{}: ", self.line(at)),
            None => String::new(),
        };
        let words = |what: &str| format!("{line}{}", what.replace("{}", &name));
        match act.effect {
            Effect::Begins | Effect::Looks => None,
            Effect::MayBlock => self
                .after(index, thread)
                .is_none()
                .then(|| (words(&act.what), None)),
            Effect::Nothing if act.what == UNLOCKS => {
                let sleeps = self.after(index, thread).is_some_and(waits_on_condvar);
                (!sleeps).then(|| (format!("unlocks {name}"), None))
            }
            Effect::Nothing | Effect::Changes | Effect::Sleeps => Some((words(&act.what), None)),
            Effect::Wakes(_) if act.object.kind == "thread" => {
                let woken = self.journal.threads.iter().position(|other| *other == name);
                Some((words(&act.what), woken.map(Notified::Thread)))
            }
            Effect::Wakes(0) => {
                let told = words(&format!("{} on {{}}: nobody is waiting", act.what));
                Some((told, Some(Notified::Nobody)))
            }
            Effect::Wakes(number) => {
                let woken = match act.woken.as_slice() {
                    [one] => Notified::Thread(*one),
                    _ => Notified::Somebody,
                };
                let who = match woken {
                    Notified::Thread(thread) => self.journal.threads[thread].clone(),
                    _ if act.woken.len() == number => {
                        let threads = act.woken.iter().map(|woken| &*self.journal.threads[*woken]);
                        threads.collect::<Vec<_>>().join(" and ")
                    }
                    _ => format!("{number} threads"),
                };
                let told = if act.what.contains("{}") {
                    words(&format!("{}, which wakes {who}", act.what))
                } else {
                    words(&format!("{} on {{}} wakes {who}", act.what))
                };
                Some((told, Some(woken)))
            }
        }
    }

    /// The thread's first entry after that one.
    fn after(&self, index: usize, thread: usize) -> Option<&Entry> {
        let entries = self.journal.entries[index + 1..].iter();
        entries.into_iter().find(|entry| entry.thread == thread)
    }

    /// How a thread that cannot go on ends, if its last entry tells.
    pub(super) fn end(&self, last: &Entry) -> Option<String> {
        let What::Act(act) = &last.what else {
            return None;
        };
        let name = self.name(act.object);
        match act.effect {
            Effect::Sleeps => Some(ASLEEP.to_owned()),
            Effect::MayBlock if act.object.kind == "thread" => {
                Some(format!("waits for ever for {name} to end"))
            }
            Effect::MayBlock => Some(format!("waits for ever for {name}")),
            _ => None,
        }
    }

    /// On what a thread is asleep, and why nobody wakes it.
    pub(super) fn asleep(&self, thread: usize) -> Option<String> {
        let entries = &self.journal.entries;
        let last = entries.iter().rposition(|entry| entry.thread == thread)?;
        let What::Act(act) = &entries[last].what else {
            return None;
        };
        if act.effect != Effect::Sleeps {
            return None;
        }
        let sleeper = &self.journal.threads[thread];
        let line = self.in_brackets(act.at);
        let asleep = if act.object.kind == "thread" {
            format!("{sleeper} is parked{line}")
        } else {
            format!("{sleeper} is asleep on {}{line}", self.name(act.object))
        };
        let notification = entries.iter().rev().find_map(|entry| {
            let What::Act(other) = &entry.what else {
                return None;
            };
            let notifies = matches!(other.effect, Effect::Wakes(_)) && entry.thread != thread;
            (notifies && other.object == act.object).then_some((entry.thread, other))
        });
        let why = match notification {
            None => {
                let (wakes, is_told) = match act.object.kind {
                    "thread" => ("unparks it", true),
                    "condvar" => ("notifies it", true),
                    "futex" | "future" => ("wakes it", true),
                    "semaphore" => ("releases it", false),
                    "suspension" => ("resumes it", false),
                    _ => ("wakes it", false),
                };
                // Of a thread that waits for a state, there is nothing else to say.
                let though = is_told.then(|| self.though(thread, last));
                format!(", and nobody {wakes}{}", though.unwrap_or_default())
            }
            Some((notifier, other)) => {
                let notifier = &self.journal.threads[notifier];
                let line = self.in_brackets(other.at);
                let call = if other.what.contains("{}") {
                    format!("what {notifier} did with it{line}")
                } else {
                    format!("the {} of {notifier}{line}", other.what)
                };
                let why = match other.effect {
                    Effect::Wakes(0) => {
                        format!("{call} came before, and reached nobody")
                    }
                    _ if act.object.kind == "thread" => {
                        format!("{notifier} unparked it before{line}, which is used up")
                    }
                    _ => match other.woken.as_slice() {
                        [woken] if *woken != thread => {
                            format!("{call} woke {} instead", self.journal.threads[*woken])
                        }
                        _ => {
                            format!("{call} came before it slept again")
                        }
                    },
                };
                format!(": {why}")
            }
        };
        Some(format!("{asleep}{why}"))
    }

    /// Who should have woken a thread that sleeps: whoever has changed something since the thread has looked at it.
    fn though(&self, sleeper: usize, asleep: usize) -> String {
        let acts = |range: std::ops::Range<usize>| {
            let entries = self.journal.entries[range.clone()].iter();
            let acts = entries
                .zip(range)
                .filter_map(|(entry, index)| match &entry.what {
                    What::Act(act) => Some((index, entry.thread, act)),
                    _ => None,
                });
            acts.collect::<Vec<_>>()
        };
        let is_lock = |act: &Act| act.what == LOCKS;
        let mut known = Vec::new();
        for (look, thread, looked) in acts(0..asleep).into_iter().rev() {
            let looks =
                is_lock(looked) || looked.object.kind == "atomic" || looked.object.kind == "futex";
            if thread != sleeper || !looks || known.contains(&looked.object) {
                continue;
            }
            known.push(looked.object);
            let mut others: Vec<(usize, &Act)> = Vec::new();
            for (_, other, act) in acts(look + 1..self.journal.entries.len()) {
                let changes = act.effect == Effect::Changes || is_lock(act);
                if other != sleeper && act.object == looked.object && changes {
                    others.retain(|(known, _)| *known != other);
                    others.push((other, act));
                }
            }
            if others.is_empty() {
                continue;
            }
            let who = others.iter().map(|(other, act)| {
                format!(
                    "{}{}",
                    self.journal.threads[*other],
                    self.in_brackets(act.at)
                )
            });
            let who = who.collect::<Vec<_>>().join(" and ");
            let (name, sleeper) = (self.name(looked.object), &self.journal.threads[sleeper]);
            let line = self.in_brackets(looked.at);
            return if is_lock(looked) {
                format!(", though {who} locked {name} after {sleeper} had{line}")
            } else {
                format!(", though {who} changed {name} after {sleeper} had looked{line}")
            };
        }
        String::new()
    }

    /// Which mutex a thread waits for, and who holds it.
    pub(super) fn blocked(&self, thread: usize) -> Option<String> {
        let entries = &self.journal.entries;
        let last = entries.iter().rfind(|entry| entry.thread == thread)?;
        let What::Act(act) = &last.what else {
            return None;
        };
        if act.effect != Effect::MayBlock || act.object.kind == "thread" {
            return None;
        }
        let holder = entries.iter().rev().find_map(|entry| match &entry.what {
            What::Act(other) if other.object == act.object && other.what == UNLOCKS => {
                Some((entry.thread, true))
            }
            What::Act(other) if other.object == act.object && other.what == LOCKS => {
                Some((entry.thread, false))
            }
            _ => None,
        });
        let waits = format!(
            "{} waits for {}{}",
            self.journal.threads[thread],
            self.name(act.object),
            self.in_brackets(act.at)
        );
        Some(match holder {
            Some((holder, false)) => {
                format!("{waits}, which {} holds", self.journal.threads[holder])
            }
            _ => waits,
        })
    }
}

fn acts(journal: &Journal) -> impl Iterator<Item = &Act> {
    journal
        .entries
        .iter()
        .filter_map(|entry| match &entry.what {
            What::Act(act) => Some(act),
            _ => None,
        })
}

/// Whether a thread goes to sleep, which unlocks its mutex.
fn waits_on_condvar(entry: &Entry) -> bool {
    matches!(&entry.what, What::Act(act) if act.effect == Effect::Sleeps && act.object.kind == "condvar")
}
