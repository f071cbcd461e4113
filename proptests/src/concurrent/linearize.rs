//! Is there an order of the calls in which the reference gives every answer that was given?
//!
//! Each call takes effect at one moment between its beginning and its end; one that wakes tasks, at
//! several, since other threads may come in between. The search, by Wing and Gong, tries every order
//! that this allows: whatever ended before something else began comes first. The loop's own steps,
//! which nobody calls and nobody sees, fit in where the reference can take them: to take the queue, to
//! see until when it may sleep, to fall asleep, to set an event for another thread, to drop a callback
//! or a task in `close`.

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};
use std::time::Duration;

use wakeproof::CloseError;

use super::execution::EVENT;
use crate::command::{Caller, Id, SpawnThrough, Through};
use crate::properties::History;
use crate::record::{Call, End, Event, OWNER, Outcome, Record};
use crate::reference::{Activity, Advance, Documented, Fate, Reference, Rules};

/// Searches for an order.
///
/// `spurious_wakeups` says whether a loop that nobody has woken may look at its queue.
///
/// # Errors
///
/// How far the best order came, and what it could not explain.
pub fn check(history: &History, spurious_wakeups: bool) -> Result<(), String> {
    check_against::<Documented>(history, spurious_wakeups)
}

/// As [`check`], with a reference that has these rules.
///
/// # Errors
///
/// How far the best order came, and what it could not explain.
pub fn check_against<R: Rules>(history: &History, spurious_wakeups: bool) -> Result<(), String> {
    let threads = threads(history);
    let mut search = Search {
        threads: &threads,
        setters: history.setters(),
        spurious_wakeups,
        visited: HashSet::new(),
        best: vec![0; threads.len()],
    };
    let begin = State::<R> {
        positions: vec![0; threads.len()],
        rests: vec![VecDeque::new(); threads.len()],
        reference: Reference::default(),
    };
    if search.goes_on(begin) {
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
    /// A task's turn comes.
    Poll(Id),
    /// It is not to be cancelled, and its future is polled, when the clock shows this.
    Polled(Id, Duration),
    /// It is to be cancelled.
    Cancel(Id),
    /// A task has ended.
    End(Id, End),
    /// The poll of a task has ended.
    EndPoll(Id),
    /// A run returns.
    Return,
    /// A close begins.
    Close(Result<(), CloseError>),
    /// Everything that was queued when the close began has been dropped.
    Closed,
}

/// What is left to do of a step that takes effect at several moments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Rest {
    /// A task is woken.
    Wake(Id),
    /// A task that was found to need it is put in the queue.
    EndWake(Id),
    /// A callback has ended.
    Finish(Id),
    /// The step is over, and the next one may begin.
    Over,
}

/// What each thread has done, one step after the other; the loop's thread first.
fn threads(history: &History) -> Vec<Vec<Step>> {
    let mut records: BTreeMap<usize, Vec<(usize, &Event)>> = BTreeMap::from([(OWNER, Vec::new())]);
    for (at, Record { thread, event }) in history.records.iter().enumerate() {
        records.entry(*thread).or_default().push((at, event));
    }
    let tasks = history.accepted_tasks();
    records
        .into_values()
        .map(|records| steps(&records, &tasks))
        .collect()
}

fn steps(records: &[(usize, &Event)], tasks: &BTreeSet<Id>) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut closing = false;
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
            Event::Polled(id, now) => {
                step(What::Poll(*id), previous, *at);
                step(What::Polled(*id, *now), previous, *at);
            }
            Event::Waits(id, _) => step(What::EndPoll(*id), *at, next),
            // A callback that ends drops what it owns, and is then over. So does a task.
            Event::Dropped(id) if index > 0 && *records[index - 1].1 == Event::Ended(*id) => {
                if tasks.contains(id) {
                    let panics = index > 1 && *records[index - 2].1 == Event::Panics(*id);
                    let end = if panics { End::Panicked } else { End::Returned };
                    step(What::End(*id, end), *at, next);
                    step(What::EndPoll(*id), *at, next);
                } else {
                    step(What::Finish(*id), *at, next);
                }
            }
            // A task that is dropped although it has not ended was cancelled, if not by a close.
            Event::Dropped(id) if tasks.contains(id) && !closing => {
                step(What::Poll(*id), previous, *at);
                step(What::Cancel(*id), previous, *at);
                step(What::End(*id, End::Cancelled), *at, next);
                step(What::EndPoll(*id), *at, next);
            }
            Event::Return(Outcome::Ran(Ok(()))) => step(What::Return, previous, *at),
            Event::Call(call) => {
                closing = matches!(call, Call::Close | Call::DropLoop);
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

struct Search<'a, R> {
    threads: &'a [Vec<Step>],
    /// The callbacks that set the event, which nobody sees run.
    setters: BTreeSet<Id>,
    spurious_wakeups: bool,
    visited: HashSet<State<R>>,
    /// The positions of the order that came furthest.
    best: Vec<usize>,
}

/// How far an order has come.
#[derive(Clone, PartialEq, Eq, Hash)]
struct State<R> {
    /// The next step of each thread.
    positions: Vec<usize>,
    /// What each thread has to do first.
    rests: Vec<VecDeque<Rest>>,
    reference: Reference<R>,
}

impl<R: Rules> Search<'_, R> {
    /// Whether what is left can be ordered.
    fn goes_on(&mut self, state: State<R>) -> bool {
        if !self.visited.insert(state.clone()) {
            return false;
        }
        let State { positions, .. } = &state;
        if positions.iter().sum::<usize>() > self.best.iter().sum() {
            self.best.clone_from(positions);
        }
        let next: Vec<_> = self
            .threads
            .iter()
            .zip(positions)
            .map(|(steps, at)| steps.get(*at))
            .collect();
        let Some(deadline) = next.iter().flatten().map(|step| step.before).min() else {
            return true;
        };
        for (thread, step) in next.iter().enumerate() {
            let after = match (state.rests[thread].is_empty(), step) {
                (false, _) => Some(state.goes_on_with_rest(thread)),
                // A step may be next if nothing else has to be over before it begins.
                (true, Some(step)) if step.after <= deadline => state.begins(thread, &step.what),
                _ => None,
            };
            if after.is_some_and(|after| self.goes_on(after)) {
                return true;
            }
        }
        // What the loop does by itself comes behind its last step that can be seen; and that has
        // been placed behind everything that was over when it began.
        self.by_itself(&state)
            .into_iter()
            .any(|state| self.goes_on(state))
    }

    /// The loop's next step, if it is one that cannot be seen: from a sleep, there may be two.
    fn by_itself(&self, state: &State<R>) -> Vec<State<R>> {
        let mut states = Vec::new();
        if !state.rests[OWNER].is_empty() {
            return states;
        }
        let mut woken = state.clone();
        if woken.reference.pass_deadline() {
            states.push(woken);
        }
        let reference = &state.reference;
        let is_awake = !reference.asleep || reference.activity == Activity::Waking;
        if is_awake || self.spurious_wakeups {
            let mut next = state.clone();
            match next.reference.advance() {
                Some(Advance::Took | Advance::Ended | Advance::Slept | Advance::Abandoned(_)) => {
                    states.push(next)
                }
                Some(Advance::AbandonedTask(id)) => {
                    next.reference.forget_wait(id);
                    next.reference.end(id, End::Cancelled);
                    states.push(next);
                }
                Some(Advance::Started(id)) if self.setters.contains(&id) => {
                    let released = next.reference.set_event(EVENT);
                    next.rests[OWNER].extend(released.into_iter().map(Rest::Wake));
                    next.rests[OWNER].push_back(Rest::Finish(id));
                    states.push(next);
                }
                _ => {}
            }
        }
        states
    }
}

impl<R: Rules> State<R> {
    /// The state behind the thread's next step, if the reference gives the same answer as the loop has
    /// given.
    fn begins(&self, thread: usize, what: &What) -> Option<State<R>> {
        let mut state = self.clone();
        let rest = explains(&mut state.reference, what)?;
        state.rests[thread].extend(rest);
        state.rests[thread].push_back(Rest::Over);
        state.is_over(thread);
        Some(state)
    }

    /// The state behind the first of what the thread has still to do.
    fn goes_on_with_rest(&self, thread: usize) -> State<R> {
        let mut state = self.clone();
        match state.rests[thread].pop_front() {
            Some(Rest::Wake(id)) => {
                if state.reference.begin_wake(id) {
                    state.rests[thread].push_front(Rest::EndWake(id));
                }
            }
            Some(Rest::EndWake(id)) => state.reference.end_wake(id),
            Some(Rest::Finish(id)) => state.reference.finish(id),
            Some(Rest::Over) | None => {}
        }
        state.is_over(thread);
        state
    }

    /// That a step is over is no step.
    fn is_over(&mut self, thread: usize) {
        if self.rests[thread].front() == Some(&Rest::Over) {
            self.rests[thread].clear();
            self.positions[thread] += 1;
        }
    }
}

/// Takes a step, if the reference gives the same answer as the loop has given, and says what is left
/// to do of it.
fn explains<R: Rules>(reference: &mut Reference<R>, what: &What) -> Option<Vec<Rest>> {
    let mut rest = Vec::new();
    let same = match what {
        What::Call(Call::Submit(id, through), outcome) => {
            let deadline = match outcome {
                Outcome::Submitted(submitted) => submitted.unwrap_or_default(),
                _ => None,
            };
            let submitted = reference.submit(*id, *through, deadline);
            Outcome::Submitted(submitted.map(|()| deadline)) == *outcome
        }
        What::Call(Call::SetThreadsafe(id, _), outcome) => {
            let through = Through::Threadsafe(Caller::Foreign);
            let submitted = reference.submit(*id, through, None);
            Outcome::Submitted(submitted.map(|()| None)) == *outcome
        }
        What::Call(Call::Spawn(id, through), outcome) => {
            let spawned = reference.spawn(*id, *through != SpawnThrough::Local);
            Outcome::Submitted(spawned.map(|()| None)) == *outcome
        }
        What::ReadClock(through, deadline) => through.deadline(reference.now) == Some(*deadline),
        What::Call(Call::Cancel(id), outcome) => {
            Outcome::Cancelled(reference.cancel(*id)) == *outcome
        }
        What::Call(Call::CancelTask(id), outcome) => {
            let cancelled = reference.cancel_task(*id);
            rest.extend(cancelled.then_some(Rest::Wake(*id)));
            Outcome::Cancelled(cancelled) == *outcome
        }
        What::Call(Call::Result(id), outcome) => {
            Outcome::Result(reference.tasks[id].end) == *outcome
        }
        What::Call(Call::Wake(id), _) => {
            let first = reference.begin_wake(*id);
            rest.extend(first.then_some(Rest::EndWake(*id)));
            true
        }
        What::Call(Call::Wait(id), outcome) => {
            let ready = match reference.tasks[id].wait {
                None => !reference.wait_for(*id, EVENT),
                Some(_) => reference.goes_on(*id).is_some(),
            };
            Outcome::Ready(ready) == *outcome
        }
        What::Call(Call::SetEvent(event), _) => {
            rest.extend(reference.set_event(*event).into_iter().map(Rest::Wake));
            true
        }
        What::Call(Call::ClearEvent(event), _) => {
            reference.clear_event(*event);
            true
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
        What::Poll(id) => reference.advance() == Some(Advance::Polled(*id)),
        What::Polled(id, now) => !reference.tasks[id].cancel_requested && reference.now == *now,
        What::Cancel(id) => reference.tasks[id].cancel_requested,
        What::End(id, end) => {
            if *end == End::Cancelled {
                reference.forget_wait(*id);
            }
            reference.end(*id, *end);
            true
        }
        What::EndPoll(id) => {
            reference.end_poll(*id);
            true
        }
        What::Return => reference.advance() == Some(Advance::Returned),
        What::Close(closed) => reference.close() == *closed,
        What::Closed => {
            reference.activity == Activity::Idle || reference.advance() == Some(Advance::Closed)
        }
    };
    same.then_some(rest)
}

fn as_text(history: &History) -> String {
    let mut text = String::new();
    for Record { thread, event } in &history.records {
        text.push_str(&format!("    thread {thread}: {event:?}\n"));
    }
    text
}
