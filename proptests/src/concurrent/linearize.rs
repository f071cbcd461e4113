//! Is there an order of the calls in which the reference gives every answer that was given?
//!
//! Each call takes effect at one moment between its beginning and its end. The search, by Wing and
//! Gong, tries every order that this allows: whatever ended before something else began comes first.
//! The loop's own steps, which nobody calls and nobody sees, fit in where the reference can take
//! them: to take the queue, to fall asleep, to drop a callback in `close`.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use wakeproof::CloseError;

use crate::command::{Id, Through};
use crate::properties::History;
use crate::record::{Call, Event, OWNER, Outcome, Record};
use crate::reference::{Activity, Advance, Documented, Fate, Reference};

/// Searches for an order.
///
/// `spurious_wakeups` says whether a loop that nobody has woken may look at its queue.
///
/// # Errors
///
/// How far the best order came, and what it could not explain.
pub fn check(history: &History, spurious_wakeups: bool) -> Result<(), String> {
    let threads = threads(history);
    let mut search = Search {
        threads: &threads,
        spurious_wakeups,
        visited: HashSet::new(),
        best: vec![0; threads.len()],
    };
    if search.goes_on(vec![0; threads.len()], &Reference::<Documented>::default()) {
        return Ok(());
    }
    let stuck: Vec<_> = threads
        .iter()
        .zip(&search.best)
        .filter_map(|(steps, at)| Some(format!("{:?}", steps.get(*at)?.what)))
        .collect();
    Err(format!(
        "no order of the calls explains the history; the best one ends before {}\n\n{}",
        stuck.join(" and "),
        as_text(history)
    ))
}

/// Something that takes effect at one moment.
#[derive(Debug)]
struct Step {
    what: What,
    /// Not before this record.
    after: usize,
    /// Not behind this one.
    before: usize,
}

#[derive(Debug)]
enum What {
    /// A call, all at once.
    Call(Call, Outcome),
    /// The clock is read for a timer, which is to be due then: no part of the submission, which comes
    /// later.
    ReadClock(Through, Duration),
    /// A run begins. One that is refused ends there, too.
    Run(Outcome),
    /// A callback is started, when the clock shows this.
    Start(Id, Duration),
    /// A callback has ended.
    Finish(Id),
    /// A run returns.
    Return,
    /// A close begins.
    Close(Result<(), CloseError>),
    /// Everything that was queued when the close began has been dropped.
    Closed,
}

/// What each thread has done, one step after the other; the loop's thread first.
fn threads(history: &History) -> Vec<Vec<Step>> {
    let mut records: BTreeMap<usize, Vec<(usize, &Event)>> = BTreeMap::from([(OWNER, Vec::new())]);
    for (at, Record { thread, event }) in history.records.iter().enumerate() {
        records.entry(*thread).or_default().push((at, event));
    }
    records
        .into_values()
        .map(|records| steps(&records))
        .collect()
}

fn steps(records: &[(usize, &Event)]) -> Vec<Step> {
    let mut steps = Vec::new();
    for (index, (at, event)) in records.iter().enumerate() {
        let previous = records[..index].last().map_or(0, |(at, _)| *at);
        let next = records.get(index + 1).map_or(*at, |(at, _)| *at);
        let mut step = |what, after, before| {
            steps.push(Step {
                what,
                after,
                before,
            });
        };
        match event {
            Event::Began(id, now) => step(What::Start(*id, *now), previous, *at),
            // A callback that ends drops what it owns, and is then over.
            Event::Dropped(id) if index > 0 && *records[index - 1].1 == Event::Ended(*id) => {
                step(What::Finish(*id), *at, next);
            }
            Event::Return(Outcome::Ran(Ok(()))) => step(What::Return, previous, *at),
            Event::Call(call) => {
                let Some((end, outcome)) = outcome(&records[index..]) else {
                    continue;
                };
                match (call, outcome) {
                    (Call::Run, _) => step(What::Run(outcome.clone()), *at, next),
                    (Call::Close, Outcome::Closed(closed)) => {
                        step(What::Close(*closed), *at, next);
                    }
                    (Call::DropLoop, _) => step(What::Close(Ok(())), *at, next),
                    (call, outcome) => {
                        if let (Call::Submit(_, through), Outcome::Submitted(Ok(Some(deadline)))) =
                            (call, outcome)
                        {
                            step(What::ReadClock(*through, *deadline), *at, end);
                        }
                        step(What::Call(*call, outcome.clone()), *at, end);
                    }
                }
            }
            Event::Return(Outcome::Closed(Ok(()))) => step(What::Closed, previous, *at),
            _ => {}
        }
    }
    steps
}

/// The end of the call that these records begin with.
fn outcome<'a>(records: &[(usize, &'a Event)]) -> Option<(usize, &'a Outcome)> {
    let mut open = 0;
    for (at, event) in records {
        match event {
            Event::Call(_) => open += 1,
            Event::Return(outcome) if open == 1 => return Some((*at, outcome)),
            Event::Return(_) => open -= 1,
            _ => {}
        }
    }
    None
}

struct Search<'a> {
    threads: &'a [Vec<Step>],
    spurious_wakeups: bool,
    visited: HashSet<(Vec<usize>, Reference)>,
    /// The positions of the order that came furthest.
    best: Vec<usize>,
}

impl Search<'_> {
    /// Whether what is left behind these positions can be ordered, from this state of the loop.
    fn goes_on(&mut self, positions: Vec<usize>, reference: &Reference) -> bool {
        if !self.visited.insert((positions.clone(), reference.clone())) {
            return false;
        }
        if positions.iter().sum::<usize>() > self.best.iter().sum() {
            self.best.clone_from(&positions);
        }
        let next: Vec<_> = self
            .threads
            .iter()
            .zip(&positions)
            .map(|(steps, at)| steps.get(*at))
            .collect();
        let Some(deadline) = next.iter().flatten().map(|step| step.before).min() else {
            return true;
        };
        for (thread, step) in next.iter().enumerate() {
            let Some(step) = step else {
                continue;
            };
            // A step may be next if nothing else has to be over before it begins.
            if step.after > deadline {
                continue;
            }
            if let Some(reference) = explains(reference, &step.what) {
                let mut positions = positions.clone();
                positions[thread] += 1;
                if self.goes_on(positions, &reference) {
                    return true;
                }
            }
        }
        // What the loop does by itself comes behind its last step that can be seen; and that has
        // been placed behind everything that was over when it began.
        self.by_itself(reference)
            .into_iter()
            .any(|reference| self.goes_on(positions.clone(), &reference))
    }

    /// The loop's next step, if it is one that cannot be seen: from a sleep, there may be two.
    fn by_itself(&self, reference: &Reference) -> Vec<Reference> {
        let mut states = Vec::new();
        let mut woken = reference.clone();
        if woken.pass_deadline() {
            states.push(woken);
        }
        let is_awake = !reference.asleep || reference.activity == Activity::Waking;
        if is_awake || self.spurious_wakeups {
            let mut next = reference.clone();
            if let Some(Advance::Took | Advance::Slept | Advance::Abandoned(_)) = next.advance() {
                states.push(next);
            }
        }
        states
    }
}

/// The state behind the step, if the reference gives the same answer as the loop has given.
fn explains(before: &Reference, what: &What) -> Option<Reference> {
    let mut reference = before.clone();
    let same = match what {
        What::Call(Call::Submit(id, through), outcome) => {
            let deadline = match outcome {
                Outcome::Submitted(submitted) => submitted.unwrap_or_default(),
                _ => None,
            };
            let submitted = reference.submit(*id, *through, deadline);
            Outcome::Submitted(submitted.map(|()| deadline)) == *outcome
        }
        What::ReadClock(through, deadline) => through.deadline(reference.now) == Some(*deadline),
        What::Call(Call::Cancel(id), outcome) => {
            Outcome::Cancelled(reference.cancel(*id)) == *outcome
        }
        What::Call(Call::Stop, _) => {
            reference.stop();
            true
        }
        What::Call(_, Outcome::Status(status)) => {
            status.queued == reference.queue.len()
                && status.asleep == reference.asleep
                && status.stopping == reference.stopping
                && status.closed == reference.closed
        }
        What::Call(..) => true,
        What::Run(outcome) => Outcome::Ran(reference.run()) == *outcome,
        What::Start(id, now) => {
            reference.advance() == Some(Advance::Started(*id)) && reference.now == *now
        }
        What::Finish(id) => {
            let running = reference.fates.get(id) == Some(&Fate::Started);
            reference.finish(*id);
            running
        }
        What::Return => reference.advance() == Some(Advance::Returned),
        What::Close(closed) => reference.close() == *closed,
        What::Closed => {
            reference.activity == Activity::Idle || reference.advance() == Some(Advance::Closed)
        }
    };
    same.then_some(reference)
}

fn as_text(history: &History) -> String {
    let mut text = String::new();
    for Record { thread, event } in &history.records {
        text.push_str(&format!("    thread {thread}: {event:?}\n"));
    }
    text
}
