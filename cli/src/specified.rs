//! A counterexample of the specification, told as one of the code is.

use std::collections::BTreeMap;

use wakeproof_conform::spec::Finding;
use wakeproof_conform::spec::steps::{TraceStep, Values};
use wakeproof_explore::trace::{Kind, Notified, Shared, Told};

/// How somebody who waits ends.
const ASLEEP: &str = "ASLEEP FOR EVER";
/// asyncio's own callback that reads the pipe.
const READER: &str = "Loop#0";
/// The value of a set or a sequence without elements.
const NOTHING: [&str; 2] = ["empty", "nobody"];
/// The deadline of a wait that has none: `Never` in TimerLoop.tla.
const NEVER: &str = "3";

/// The steps of a counterexample, with a lane for each thread.
pub(crate) struct Specified {
    /// The threads.
    pub threads: Vec<String>,
    /// What they do.
    pub steps: Vec<Told>,
    /// How each of them ends.
    pub ends: Vec<String>,
    /// What is wrong at the end.
    pub end: String,
    /// What each thread is about to do.
    labels: BTreeMap<String, String>,
}

/// A state, by the names of its variables.
#[derive(Clone, Copy)]
struct State<'a>(&'a Values);

impl<'a> State<'a> {
    fn get(self, name: &str) -> Option<&'a str> {
        let found = self.0.iter().find(|(variable, _)| variable == name);
        found.map(|(_, value)| value.as_str())
    }

    fn is(self, name: &str) -> bool {
        self.get(name) == Some("yes")
    }

    /// The elements of a set or a sequence.
    fn elements(self, name: &str) -> Vec<&'a str> {
        let value = self.get(name).unwrap_or_default();
        if value.is_empty() || NOTHING.contains(&value) {
            return Vec::new();
        }
        let inside = value.trim_matches(|letter| "[]{}".contains(letter));
        inside.split(", ").collect()
    }

    /// The queue, which asyncio calls `ready`.
    fn queue(self) -> Vec<&'a str> {
        let name = if self.get("ready").is_some() {
            "ready"
        } else {
            "queue"
        };
        let mut queue = self.elements(name);
        // The reader of the pipe is the loop's own, and nobody has submitted it.
        queue.retain(|callback| *callback != READER);
        queue
    }
}

/// Tells a counterexample that the specification's checker has found.
pub(crate) fn tell(finding: &Finding) -> Option<Specified> {
    let trace = finding.trace.as_ref()?;
    let mut told = Specified {
        threads: Vec::new(),
        steps: Vec::new(),
        ends: Vec::new(),
        end: String::new(),
        labels: BTreeMap::new(),
    };
    let mut before = State(trace.first());
    for step in trace.steps() {
        let after = State(&step.after);
        told.step(step, before, after);
        before = after;
    }
    let waiting = told.waiting(before);
    told.ends = (0..told.threads.len())
        .map(|thread| {
            let label = told.labels.get(&told.threads[thread]);
            match label.map(String::as_str) {
                _ if waiting.contains(&thread) => ASLEEP.to_owned(),
                Some("done") => "ends".to_owned(),
                _ => "…".to_owned(),
            }
        })
        .collect();
    told.end = end(finding, before);
    Some(told)
}

impl Specified {
    fn thread(&mut self, name: &str) -> usize {
        let known = self.threads.iter().position(|thread| thread == name);
        known.unwrap_or_else(|| {
            self.threads.push(name.to_owned());
            self.threads.len() - 1
        })
    }

    fn step(&mut self, step: &TraceStep, before: State<'_>, after: State<'_>) {
        // The comment before an action calls the thread "the loop".
        let who = match step.who.as_str() {
            "the clock" | "the condvar" | "nobody" | "the environment" => None,
            "Loop" | "the loop" => Some("loop"),
            who => Some(who),
        };
        let thread = who.map(|who| self.thread(who));
        if let (Some(who), Some((_, label))) = (who, &step.labels) {
            self.labels.insert(who.to_owned(), label.clone());
        }
        let (kind, mut words, notifies) = self.words(step, before, after);
        if words.is_empty() {
            let first = step.what.split(',').next();
            words.push(first.unwrap_or_default().to_owned());
        }
        let who = if thread.is_none() {
            format!("{}: ", step.who)
        } else {
            String::new()
        };
        let words = words.join(", ").replace("Loop#", "loop#");
        let what = format!("{who}{}: {words}", step.action);
        self.steps.push(Told {
            thread,
            action: Some(step.action.clone()),
            at: step.at.clone(),
            what,
            kind,
            notifies,
            shared: self.shared(after),
        });
    }

    /// Who waits on the condvar, or in the selector.
    fn waiting(&self, state: State<'_>) -> Vec<usize> {
        let on_the_condvar = state.elements("waitSet");
        let is_in_the_selector = self.labels.get("loop").is_some_and(|at| at == "select")
            && state.is("mayBlock")
            && state.get("pipe") == Some("0");
        let is_waiting = |(_, name): &(usize, &String)| {
            let is_loop = name.as_str() == "loop";
            on_the_condvar.contains(&if is_loop { "Loop" } else { name })
                || (is_loop && is_in_the_selector)
        };
        let threads = self.threads.iter().enumerate();
        threads
            .filter(is_waiting)
            .map(|(thread, _)| thread)
            .collect()
    }

    fn shared(&self, state: State<'_>) -> Shared {
        let mut flags: Vec<String> = ["asleep", "signalled", "stopping", "closed"]
            .into_iter()
            .filter(|flag| state.is(flag))
            .map(str::to_owned)
            .collect();
        flags.extend(state.get("pipe").map(|bytes| format!("pipe {bytes}")));
        let timers = state.elements("timers");
        if !timers.is_empty() {
            flags.push(format!("timers {}", timers.len()));
        }
        if let Some(deadline) = state.get("deadline") {
            let deadline = if deadline == NEVER { "none" } else { deadline };
            flags.push(format!("deadline {deadline}"));
        }
        Shared {
            queue: Some(state.queue().len().to_string()),
            flags,
            mutex: state.get("holder").map(|holder| match holder {
                "Nobody" => "free".to_owned(),
                "Loop" => "loop".to_owned(),
                holder => holder.to_owned(),
            }),
            waiting: self.waiting(state),
            clock: state.get("now").map(str::to_owned),
        }
    }

    /// What a step is for the mutex, what it does in words, and whom it notifies.
    fn words(
        &mut self,
        step: &TraceStep,
        before: State<'_>,
        after: State<'_>,
    ) -> (Kind, Vec<String>, Option<Notified>) {
        let mut words: Vec<String> = Vec::new();
        let mut notifies = None;
        let changed = |name: &str| before.get(name) != after.get(name);
        let new = |name: &str| -> Vec<&str> {
            let old = before.elements(name);
            let now = after.elements(name);
            now.into_iter()
                .filter(|element| !old.contains(element))
                .collect()
        };
        let label = step.labels.as_ref().map(|(_, to)| to.as_str());
        let sleeps = new("waitSet");
        let woken: Vec<&str> = {
            let now = after.elements("waitSet");
            let old = before.elements("waitSet");
            old.into_iter()
                .filter(|thread| !now.contains(thread))
                .collect()
        };
        let kind = match (before.get("holder"), after.get("holder")) {
            _ if !sleeps.is_empty() => Kind::Waits,
            (Some("Nobody"), Some(holder)) if holder != "Nobody" => Kind::Locks,
            (Some(holder), Some("Nobody")) if holder != "Nobody" => Kind::Unlocks,
            _ => Kind::Other,
        };
        match kind {
            Kind::Locks => words.push("locks".to_owned()),
            Kind::Unlocks => words.push("unlocks".to_owned()),
            _ => {}
        }
        if changed("deadline")
            && after
                .get("deadline")
                .is_none_or(|deadline| deadline != NEVER)
            || step.action == "SleepByAnOldDeadline" && sleeps.is_empty()
        {
            let deadline = after.get("deadline").unwrap_or_default();
            let deadline = if deadline == NEVER { "none" } else { deadline };
            words.push(format!("works out the deadline: {deadline}"));
        }
        let (was, is) = (before.queue(), after.queue());
        let run = before.elements("batch");
        let left = after.elements("batch");
        if is.len() > was.len() {
            let new = is.last().copied().unwrap_or_default();
            words.push(format!(
                "enqueues {new}: queue {} → {}",
                was.len(),
                is.len()
            ));
        } else if is.len() < was.len() && changed("closed") {
            words.push(format!("closes, and drops {} callbacks", was.len()));
        } else if is.is_empty() && !was.is_empty() && changed("batch") {
            words.push(format!("takes the whole queue: {} → 0", was.len()));
        } else if is.len() < was.len() && after.get("ready").is_some() {
            words.push(format!(
                "runs {}: queue {} → {}",
                was[0],
                was.len(),
                is.len()
            ));
        } else if run.len() > left.len() && is.len() == was.len() {
            words.push(format!("runs {}", run[0]));
            if run.len() > left.len() + 1 {
                words.push(format!("and loses {}", run[1..].join(", ")));
            }
        } else if left.len() > run.len() && is.len() == was.len() {
            let new = left.last().copied().unwrap_or_default();
            words.push(format!("puts {new} into a queue of its own"));
        } else if changed("closed") {
            words.push("closes".to_owned());
        }
        match (before.get("pipe"), after.get("pipe")) {
            (Some(was), Some(is)) if was != is => {
                let does = if is == "0" {
                    "reads the pipe"
                } else {
                    "writes a byte"
                };
                words.push(format!("{does}: {was} → {is}"));
            }
            _ => {}
        }
        if changed("mayBlock") {
            words.push(if after.is("mayBlock") {
                "finds nothing ready: it may wait".to_owned()
            } else {
                "finds something ready: it may not wait".to_owned()
            });
        }
        match (before.is("asleep"), after.is("asleep")) {
            (false, true) => words.push("sets asleep".to_owned()),
            (true, false) => words.push("clears asleep".to_owned()),
            _ => {}
        }
        if !sleeps.is_empty() {
            words.push(match after.get("deadline") {
                None => "unlocks and waits".to_owned(),
                Some(NEVER) => "waits without a deadline".to_owned(),
                Some(deadline) => format!("waits until {deadline}"),
            });
        }
        match (before.is("stopping"), after.is("stopping")) {
            (false, true) => words.push("asks the loop to stop".to_owned()),
            (true, false) => words.push("honours the request to stop".to_owned()),
            _ => {}
        }
        match (before.get("now"), after.get("now")) {
            (Some(was), Some(is)) if was != is => words.push(format!("time passes: {was} → {is}")),
            _ => {}
        }
        let by_a_thread = !step.who.starts_with("the ") || step.who == "the loop";
        if let Some(woken) = woken.first() {
            let name = if *woken == "Loop" { "loop" } else { woken };
            let woken = self.thread(name);
            notifies = Some(Notified::Thread(woken));
            words.push(if by_a_thread {
                format!("notifies: wakes {name}")
            } else {
                format!("wakes {name}")
            });
        } else if step
            .labels
            .as_ref()
            .is_some_and(|(from, _)| from == "notify")
        {
            notifies = Some(Notified::Nobody);
            words.push(if before.elements("waitSet").is_empty() {
                "notifies: nobody is waiting".to_owned()
            } else {
                "notifies: the condvar wakes another waiter, for which there is nothing".to_owned()
            });
        }
        match label {
            Some("sleep") => words.push("finds nothing to do".to_owned()),
            Some("notify") => words.push("finds asleep set".to_owned()),
            Some("honour") => words.push("finds the request to stop".to_owned()),
            Some("append") if step.action == "Check" => {
                words.push("finds the loop open".to_owned())
            }
            Some("take") if step.action == "WakeWithoutLooking" => {
                words.push("takes it for a notification, and does not look".to_owned());
            }
            Some("begin") if step.action == "WakeToTakeNothing" => {
                words.push("begins an iteration, and takes nothing".to_owned());
            }
            Some("enqueue") if step.action == "EnqueueByAnOldFlag" => {
                words.insert(0, "finds asleep not set".to_owned());
            }
            Some("enqueue") if step.action == "EnqueueByAnOldCheck" => {
                words.insert(0, "finds the loop open".to_owned());
            }
            _ => {}
        }
        (kind, words, notifies)
    }
}

/// What is wrong in the last state, in words.
fn end(finding: &Finding, last: State<'_>) -> String {
    let queue = last.queue();
    let beside = match queue.as_slice() {
        [] => String::new(),
        [one] => format!(" beside a queue with {one} in it"),
        several => format!(" beside a queue with {} in it", several.join(", ")),
    };
    let said = match finding.fails.as_deref() {
        Some("NoWakeupLost") if queue.is_empty() && last.is("stopping") => {
            "the loop is asleep, and never hears that it was asked to stop".to_owned()
        }
        Some("NoWakeupLost") => {
            format!("the loop is asleep{beside}, and nobody is about to wake it")
        }
        Some("NoIdleIteration") => {
            "the loop begins an iteration for which there was no reason".to_owned()
        }
        Some("NothingLost") => {
            let is_accounted_for = |callback: &&str| {
                ["ran", "dropped", "cancelled", "batch", "queue"]
                    .iter()
                    .any(|place| last.elements(place).contains(callback))
            };
            let accepted = last.elements("accepted");
            let lost: Vec<&str> = accepted
                .into_iter()
                .filter(|callback| !is_accounted_for(callback))
                .collect();
            format!("{} was accepted, and is nowhere any more", lost.join(", "))
        }
        Some("FirstInFirstOut") => format!(
            "they ran in the order {}, and were accepted in the order {}",
            last.elements("ran").join(", "),
            last.elements("accepted").join(", ")
        ),
        Some("NothingAcceptedAfterClose") => {
            format!(
                "the loop is closed, and {} was accepted after that",
                queue.join(", ")
            )
        }
        Some("RefinesEventLoop") if !queue.is_empty() => format!(
            "the loop begins an iteration without {}, which was in the queue before",
            queue.join(", ")
        ),
        _ => return finding.in_words(),
    };
    format!("{}: {}", said.replace("Loop#", "loop#"), finding.in_words())
}
