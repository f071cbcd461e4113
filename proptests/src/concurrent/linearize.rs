//! Searches for an order of the calls in which the reference returns what the loop returned.
//!
//! Each call takes effect at one moment between its beginning and its end. A call that wakes tasks takes
//! effect at several moments, since other threads may act in between. The search is Wing and Gong's: it
//! tries every order in which whatever ended before something else began comes first. The loop also
//! takes steps that no record shows: it takes the queue, determines how long it may sleep, falls asleep,
//! sets an event for another thread, and drops callbacks and tasks in `close`. The search inserts these
//! wherever the reference can take them.

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};
use std::time::Duration;

use wakeproof::CloseError;

use super::execution::EVENT;
use crate::command::{Caller, Id, SpawnCall, SubmitCall};
use crate::properties::History;
use crate::record::{Call, End, Event, OWNER, Record, ReturnValue};
use crate::reference::{Activity, Advance, Documented, Fate, Reference, Rules};

/// Searches for an order that explains the history.
///
/// `spurious_wakeups` says whether a sleeping loop may look at its queue without being woken.
///
/// # Errors
///
/// How far the best order wait_end, and what it could not explain.
pub fn check(history: &History, spurious_wakeups: bool) -> Result<(), String> {
    check_against::<Documented>(history, spurious_wakeups)
}

/// Like [`check`], for a loop that may begin an iteration whenever it likes, with nothing to run.
///
/// # Errors
///
/// How far the best order wait_end, and what it could not explain.
pub fn check_restless(history: &History) -> Result<(), String> {
    search::<Documented>(history, Wakeups::Iterations)
}

/// Like [`check`], with a reference that has these rules.
///
/// # Errors
///
/// How far the best order wait_end, and what it could not explain.
pub fn check_against<R: Rules>(history: &History, spurious_wakeups: bool) -> Result<(), String> {
    let wakeups = match spurious_wakeups {
        true => Wakeups::Looks,
        false => Wakeups::Needed,
    };
    search::<R>(history, wakeups)
}

/// What a loop does that nobody has woken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wakeups {
    /// It sleeps on.
    Needed,
    /// It may look at its queue.
    Looks,
    /// It may begin an iteration, even with nothing to run.
    Iterations,
}

fn search<R: Rules>(history: &History, wakeups: Wakeups) -> Result<(), String> {
    let threads = threads(history);
    let mut search = Search {
        threads: &threads,
        setters: history.setters(),
        wakeups,
        visited: HashSet::new(),
        best: vec![0; threads.len()],
    };
    let begin = State::<R> {
        positions: vec![0; threads.len()],
        remainders: vec![VecDeque::new(); threads.len()],
        reference: Reference::default(),
    };
    if search.can_be_ordered(begin) {
        return Ok(());
    }
    let stuck: Vec<_> = threads
        .iter()
        .zip(&search.best)
        .filter_map(|(effects, at)| Some(format!("{:?}", effects.get(*at)?.kind)))
        .collect();
    Err(format!(
        "no order of the calls explains the history; the best one ends before {}\n\n{}",
        stuck.join(" and "),
        as_text(history)
    ))
}

/// Something that takes effect at one moment, between two records of the history.
#[derive(Debug)]
struct Effect {
    kind: EffectKind,
    /// The effect comes after this record.
    after: usize,
    /// The effect comes before this record.
    before: usize,
}

#[derive(Debug)]
enum EffectKind {
    /// A whole call.
    Call(Call, ReturnValue),
    /// A submission reads the clock, which gives the timer this deadline. The submission itself takes
    /// effect later.
    ReadClock(SubmitCall, Duration),
    /// A run begins, or is refused.
    Run(ReturnValue),
    /// A callback starts at this time.
    Start(Id, Duration),
    /// A callback has ended.
    Finish(Id),
    /// A task's turn comes.
    Poll(Id),
    /// No cancellation was requested, and the task's future is polled at this time.
    Polled(Id, Duration),
    /// A cancellation was requested, and the task is dropped.
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
    /// Every thread sleeps, and nobody will wake the loop: so nothing may call for a step of it.
    Asleep,
}

/// What remains of a call that takes effect at several moments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Remainder {
    /// A task is woken.
    Wake(Id),
    /// A woken task goes into the queue.
    EndWake(Id),
    /// A callback has ended.
    Finish(Id),
    /// All effects have been taken, and the thread's next one may follow.
    Over,
}

/// The effects of each thread in order, beginning with the loop's thread.
fn threads(history: &History) -> Vec<Vec<Effect>> {
    let mut records: BTreeMap<usize, Vec<(usize, &Event)>> = BTreeMap::from([(OWNER, Vec::new())]);
    for (at, Record { thread, event }) in history.records.iter().enumerate() {
        records.entry(*thread).or_default().push((at, event));
    }
    let tasks = history.accepted_tasks();
    records
        .into_values()
        .map(|records| effects(&records, &tasks))
        .collect()
}

fn effects(records: &[(usize, &Event)], tasks: &BTreeSet<Id>) -> Vec<Effect> {
    let mut effects = Vec::new();
    let mut closing = false;
    for (index, (at, event)) in records.iter().enumerate() {
        let previous = records[..index].last().map_or(0, |(at, _)| *at);
        let next = records.get(index + 1).map_or(*at, |(at, _)| *at);
        let mut effect = |kind, after, before| {
            effects.push(Effect {
                kind,
                after,
                before,
            });
        };
        match event {
            Event::Began(id, now) => effect(EffectKind::Start(*id, *now), previous, *at),
            Event::Polled(id, now) => {
                effect(EffectKind::Poll(*id), previous, *at);
                effect(EffectKind::Polled(*id, *now), previous, *at);
            }
            Event::Waits(id, _) => effect(EffectKind::EndPoll(*id), *at, next),
            // When a callback or a task ends, it drops what it owns, and is over after that.
            Event::Dropped(id) if index > 0 && *records[index - 1].1 == Event::Ended(*id) => {
                if tasks.contains(id) {
                    let panics = index > 1 && *records[index - 2].1 == Event::Panics(*id);
                    let end = if panics { End::Panicked } else { End::Returned };
                    effect(EffectKind::End(*id, end), *at, next);
                    effect(EffectKind::EndPoll(*id), *at, next);
                } else {
                    effect(EffectKind::Finish(*id), *at, next);
                }
            }
            // A task that is dropped before it has ended was cancelled, unless `close` dropped it.
            Event::Dropped(id) if tasks.contains(id) && !closing => {
                effect(EffectKind::Poll(*id), previous, *at);
                effect(EffectKind::Cancel(*id), previous, *at);
                effect(EffectKind::End(*id, End::Cancelled), *at, next);
                effect(EffectKind::EndPoll(*id), *at, next);
            }
            Event::Return(ReturnValue::Ran(Ok(()))) => effect(EffectKind::Return, previous, *at),
            Event::Call(call) => {
                closing = matches!(call, Call::Close | Call::DropLoop);
                let Some((end, returned)) = returned(&records[index..]) else {
                    continue;
                };
                match (call, returned) {
                    (Call::Run, _) => effect(EffectKind::Run(returned.clone()), *at, next),
                    (Call::Close, ReturnValue::Closed(closed)) => {
                        effect(EffectKind::Close(*closed), *at, next);
                    }
                    (Call::DropLoop, _) => effect(EffectKind::Close(Ok(())), *at, next),
                    (call, returned) => {
                        if let (
                            Call::Submit(_, through),
                            ReturnValue::Submitted(Ok(Some(deadline))),
                        ) = (call, returned)
                        {
                            effect(EffectKind::ReadClock(*through, *deadline), *at, end);
                        }
                        effect(EffectKind::Call(*call, returned.clone()), *at, end);
                    }
                }
            }
            Event::Return(ReturnValue::Closed(Ok(()))) => effect(EffectKind::Closed, previous, *at),
            // No thread does anything at this moment.
            Event::SleepsForEver => effect(EffectKind::Asleep, *at, *at),
            _ => {}
        }
    }
    effects
}

/// Where the call at the beginning of these records returns, and what it returns.
fn returned<'a>(records: &[(usize, &'a Event)]) -> Option<(usize, &'a ReturnValue)> {
    let mut open = 0;
    for (at, event) in records {
        match event {
            Event::Call(_) => open += 1,
            Event::Return(returned) if open == 1 => return Some((*at, returned)),
            Event::Return(_) => open -= 1,
            _ => {}
        }
    }
    None
}

struct Search<'a, R> {
    threads: &'a [Vec<Effect>],
    /// The callbacks that set the event. No record shows them run.
    setters: BTreeSet<Id>,
    wakeups: Wakeups,
    visited: HashSet<State<R>>,
    /// The positions of the order that wait_end furthest.
    best: Vec<usize>,
}

/// How far an order has come.
#[derive(Clone, PartialEq, Eq, Hash)]
struct State<R> {
    /// The index of each thread's next effect.
    positions: Vec<usize>,
    /// What each thread must do before that.
    remainders: Vec<VecDeque<Remainder>>,
    reference: Reference<R>,
}

impl<R: Rules> Search<'_, R> {
    /// Whether the effects from here on can be ordered.
    fn can_be_ordered(&mut self, state: State<R>) -> bool {
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
            .map(|(effects, at)| effects.get(*at))
            .collect();
        let Some(deadline) = next.iter().flatten().map(|effect| effect.before).min() else {
            return true;
        };
        for (thread, effect) in next.iter().enumerate() {
            let after = match (state.remainders[thread].is_empty(), effect) {
                (false, _) => Some(state.after_remainder(thread)),
                // An effect may be next if nothing else must end before it can begin.
                (true, Some(effect)) if effect.after <= deadline => {
                    state.after_effect(thread, &effect.kind)
                }
                _ => None,
            };
            if after.is_some_and(|after| self.can_be_ordered(after)) {
                return true;
            }
        }
        // The loop's own steps come after its last recorded one, which comes after everything that
        // had ended when it began.
        self.after_unrecorded_step(&state)
            .into_iter()
            .any(|state| self.can_be_ordered(state))
    }

    /// The states after the loop's next unrecorded step, if it can take one. Out of a sleep, it may have
    /// two.
    fn after_unrecorded_step(&self, state: &State<R>) -> Vec<State<R>> {
        let mut states = Vec::new();
        if !state.remainders[OWNER].is_empty() {
            return states;
        }
        let mut woken = state.clone();
        if woken.reference.pass_deadline() {
            states.push(woken);
        }
        let reference = &state.reference;
        if self.wakeups == Wakeups::Iterations && reference.activity == Activity::Looking {
            let mut next = state.clone();
            next.reference.activity = Activity::Waking;
            states.push(next);
        }
        let is_awake = !reference.asleep || reference.activity == Activity::Waking;
        if is_awake || self.wakeups != Wakeups::Needed {
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
                    next.remainders[OWNER].extend(released.into_iter().map(Remainder::Wake));
                    next.remainders[OWNER].push_back(Remainder::Finish(id));
                    states.push(next);
                }
                _ => {}
            }
        }
        states
    }
}

impl<R: Rules> State<R> {
    /// The state after the thread's next effect, if the reference returns what the loop returned.
    fn after_effect(&self, thread: usize, kind: &EffectKind) -> Option<State<R>> {
        let mut state = self.clone();
        let remainder = explains(&mut state.reference, kind)?;
        state.remainders[thread].extend(remainder);
        state.remainders[thread].push_back(Remainder::Over);
        state.advance_if_done(thread);
        Some(state)
    }

    /// The state after the first remaining effect of the thread.
    fn after_remainder(&self, thread: usize) -> State<R> {
        let mut state = self.clone();
        match state.remainders[thread].pop_front() {
            Some(Remainder::Wake(id)) => {
                if state.reference.begin_wake(id) {
                    state.remainders[thread].push_front(Remainder::EndWake(id));
                }
            }
            Some(Remainder::EndWake(id)) => state.reference.end_wake(id),
            Some(Remainder::Finish(id)) => state.reference.finish(id),
            Some(Remainder::Over) | None => {}
        }
        state.advance_if_done(thread);
        state
    }

    /// Advances the thread if nothing remains.
    fn advance_if_done(&mut self, thread: usize) {
        if self.remainders[thread].front() == Some(&Remainder::Over) {
            self.remainders[thread].clear();
            self.positions[thread] += 1;
        }
    }
}

/// Applies an effect to the reference, and returns what remains of it. Returns `None` if the reference
/// does not return what the loop returned.
fn explains<R: Rules>(reference: &mut Reference<R>, kind: &EffectKind) -> Option<Vec<Remainder>> {
    let mut remainder = Vec::new();
    let same = match kind {
        EffectKind::Call(Call::Submit(id, through), returned) => {
            let deadline = match returned {
                ReturnValue::Submitted(submitted) => submitted.unwrap_or_default(),
                _ => None,
            };
            let submitted = reference.submit(*id, *through, deadline);
            ReturnValue::Submitted(submitted.map(|()| deadline)) == *returned
        }
        EffectKind::Call(Call::SetThreadsafe(id, _), returned) => {
            let through = SubmitCall::Threadsafe(Caller::Foreign);
            let submitted = reference.submit(*id, through, None);
            ReturnValue::Submitted(submitted.map(|()| None)) == *returned
        }
        EffectKind::Call(Call::Spawn(id, through), returned) => {
            let spawned = reference.spawn(*id, *through != SpawnCall::Local);
            ReturnValue::Submitted(spawned.map(|()| None)) == *returned
        }
        EffectKind::ReadClock(through, deadline) => {
            through.deadline(reference.now) == Some(*deadline)
        }
        EffectKind::Call(Call::Cancel(id), returned) => {
            ReturnValue::Cancelled(reference.cancel(*id)) == *returned
        }
        EffectKind::Call(Call::CancelTask(id), returned) => {
            let cancelled = reference.cancel_task(*id);
            remainder.extend(cancelled.then_some(Remainder::Wake(*id)));
            ReturnValue::Cancelled(cancelled) == *returned
        }
        EffectKind::Call(Call::Result(id), returned) => {
            ReturnValue::Result(reference.tasks[id].end) == *returned
        }
        EffectKind::Call(Call::Wake(id), _) => {
            let first = reference.begin_wake(*id);
            remainder.extend(first.then_some(Remainder::EndWake(*id)));
            true
        }
        EffectKind::Call(Call::Wait(id), returned) => {
            let ready = match reference.tasks[id].wait {
                None => !reference.wait_for(*id, EVENT),
                Some(_) => reference.resume(*id).is_some(),
            };
            ReturnValue::Ready(ready) == *returned
        }
        EffectKind::Call(Call::SetEvent(event), _) => {
            remainder.extend(reference.set_event(*event).into_iter().map(Remainder::Wake));
            true
        }
        EffectKind::Call(Call::ClearEvent(event), _) => {
            reference.clear_event(*event);
            true
        }
        EffectKind::Call(Call::Stop, _) => {
            reference.stop();
            true
        }
        EffectKind::Call(_, ReturnValue::Status(status)) => {
            status.queued == reference.queue.len()
                && status.asleep == reference.asleep
                && status.stopping == reference.stopping
                && status.closed == reference.closed
        }
        EffectKind::Call(..) => true,
        EffectKind::Run(returned) => ReturnValue::Ran(reference.run()) == *returned,
        EffectKind::Start(id, now) => {
            reference.advance() == Some(Advance::Started(*id)) && reference.now == *now
        }
        EffectKind::Finish(id) => {
            let running = reference.fates.get(id) == Some(&Fate::Started);
            reference.finish(*id);
            running
        }
        EffectKind::Poll(id) => reference.advance() == Some(Advance::Polled(*id)),
        EffectKind::Polled(id, now) => {
            !reference.tasks[id].cancel_requested && reference.now == *now
        }
        EffectKind::Cancel(id) => reference.tasks[id].cancel_requested,
        EffectKind::End(id, end) => {
            if *end == End::Cancelled {
                reference.forget_wait(*id);
            }
            reference.end(*id, *end);
            true
        }
        EffectKind::EndPoll(id) => {
            reference.end_poll(*id);
            true
        }
        EffectKind::Return => reference.advance() == Some(Advance::Returned),
        EffectKind::Close(closed) => reference.close() == *closed,
        EffectKind::Closed => {
            reference.activity == Activity::Idle || reference.advance() == Some(Advance::Closed)
        }
        EffectKind::Asleep => match reference.activity {
            Activity::Idle => true,
            Activity::Looking => reference.asleep,
            _ => false,
        },
    };
    same.then_some(remainder)
}

fn as_text(history: &History) -> String {
    let mut text = String::new();
    for Record { thread, event } in &history.records {
        text.push_str(&format!("    thread {thread}: {event:?}\n"));
    }
    text
}
