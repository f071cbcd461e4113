//! The properties, each stated in words beside the code that checks it.
//!
//! They are judged on the records of a whole history alone, whether of one thread or of several,
//! and know nothing of the reference: what both get wrong in the same way is found here.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::command::Id;
use crate::record::{Call, End, Event, OWNER, Outcome, Record};

/// Everything that was seen of a loop from its beginning to its end, in the order in which it was
/// seen.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// What was seen.
    pub records: Vec<Record>,
}

/// A property: its name, what it says, and a function that says where a history breaks it.
#[derive(Debug, Clone, Copy)]
pub struct Property {
    /// A name to call it by.
    pub name: &'static str,
    /// The property in words.
    pub statement: &'static str,
    /// Says what is wrong with a history, if anything is.
    pub check: fn(&History) -> Result<(), String>,
}

/// All of them.
pub const ALL: [Property; 13] = [
    Property {
        name: "exactly once",
        statement: "an accepted callback runs once, unless it is cancelled or the loop is closed \
                    first; a refused one never runs",
        check: exactly_once,
    },
    Property {
        name: "first in, first out",
        statement: "if one submission returns before another begins, its callback runs first, or its \
                    task is polled first, unless it has a deadline, and the other has none or an \
                    earlier one",
        check: first_in_first_out,
    },
    Property {
        name: "deadline",
        statement: "a timer runs at its deadline or later, and its deadline is what was asked for",
        check: deadline,
    },
    Property {
        name: "sleep",
        statement: "a run sleeps only while there is nothing to run, and no longer than until the \
                    first deadline of the timers that are still to run",
        check: sleep,
    },
    Property {
        name: "task",
        statement: "a task is polled only while it has neither ended nor been dropped, and never on \
                    a closed loop; it is dropped once, on the loop's thread unless it was refused",
        check: task,
    },
    Property {
        name: "result",
        statement: "who asks how a task has ended is told so once, after its future was dropped: that \
                    it has returned or panicked if it came to its end, and otherwise that it was \
                    cancelled, because somebody has asked for that or closed the loop",
        check: result,
    },
    Property {
        name: "iteration snapshot",
        statement: "a run that is stopped by one of its callbacks runs nothing that was submitted \
                    after that callback began",
        check: iteration_snapshot,
    },
    Property {
        name: "stop",
        statement: "a run returns only if it is stopped, one stop ends one run, and what was \
                    accepted before the run, and has no deadline, is not left over behind it",
        check: stop,
    },
    Property {
        name: "close",
        statement: "behind a close, nothing begins to run and nothing is accepted",
        check: close,
    },
    Property {
        name: "cancel",
        statement: "a callback whose cancellation returns true never runs; if it returns false, \
                    the callback has been started, or has been cancelled by somebody else or by \
                    the close",
        check: cancel,
    },
    Property {
        name: "an error gives the callback back",
        statement: "a refused callback is dropped by its submitter, after the refusal",
        check: gives_back,
    },
    Property {
        name: "no callback on a foreign thread",
        statement: "callbacks run, and handlers are told of them, on the loop's thread only",
        check: own_thread,
    },
    Property {
        name: "destructors",
        statement: "what a callback owns is dropped exactly once: at its end if it runs, otherwise \
                    by who cancels it, or on the loop's thread by the close",
        check: destructors,
    },
];

/// Checks every property.
///
/// # Errors
///
/// The first property that the history breaks, and where.
pub fn check(history: &History) -> Result<(), String> {
    ALL.iter().try_for_each(|property| property.judge(history))
}

impl Property {
    /// Checks this property.
    ///
    /// # Errors
    ///
    /// The property in words, and where the history breaks it.
    pub fn judge(&self, history: &History) -> Result<(), String> {
        let Property {
            name,
            statement,
            check,
        } = self;
        check(history).map_err(|place| {
            format!("the history breaks the property {name:?} ({statement}): {place}")
        })
    }
}

/// What happened to one callback, as indices of the history's records.
#[derive(Debug, Default)]
struct Life {
    submitted: Option<usize>,
    accepted: Option<usize>,
    /// Of a timer that was accepted.
    deadline: Option<Duration>,
    refused: Option<usize>,
    began: Vec<usize>,
    ended: Vec<usize>,
    /// Cancellations that returned true, or that met the destructor's panic.
    cancelled: Vec<usize>,
    /// Cancellations that returned false.
    too_late: Vec<usize>,
    dropped: Vec<usize>,
}

/// The first turn of a callback or a task, as indices of the history's records.
struct FirstTurn {
    submitted: usize,
    accepted: usize,
    deadline: Option<Duration>,
    began: usize,
}

impl History {
    /// Pairs each call with its outcome: the record of the call, what was called, the record of the
    /// outcome, and the outcome.
    fn calls(&self) -> Vec<(usize, Call, usize, &Outcome)> {
        let mut open: BTreeMap<usize, Vec<(usize, Call)>> = BTreeMap::new();
        let mut calls = Vec::new();
        for (at, Record { thread, event }) in self.records.iter().enumerate() {
            match event {
                Event::Call(call) => open.entry(*thread).or_default().push((at, *call)),
                Event::Return(outcome) => {
                    if let Some((begin, call)) = open.get_mut(thread).and_then(Vec::pop) {
                        calls.push((begin, call, at, outcome));
                    }
                }
                _ => {}
            }
        }
        calls.sort_by_key(|(begin, ..)| *begin);
        calls
    }

    /// What the clock was last seen to show before this record.
    fn clock_before(&self, record: usize) -> Duration {
        let seen = self.records[..record].iter().rev();
        seen.into_iter()
            .find_map(|Record { event, .. }| match event {
                Event::Began(_, now) | Event::Polled(_, now) | Event::Slept(now) => Some(*now),
                _ => None,
            })
            .unwrap_or_default()
    }

    /// The tasks that sleep when this record is made, and until when.
    fn sleepers(&self, record: usize) -> BTreeSet<(Option<Duration>, Id)> {
        let mut sleepers: BTreeMap<Id, Option<Duration>> = BTreeMap::new();
        for Record { event, .. } in &self.records[..record] {
            match event {
                Event::Waits(id, Some(deadline)) => _ = sleepers.insert(*id, Some(*deadline)),
                Event::GoesOn(id, _) | Event::Dropped(id) => _ = sleepers.remove(id),
                _ => {}
            }
        }
        sleepers.into_iter().map(|(id, when)| (when, id)).collect()
    }

    /// The callbacks that set an event: they own nothing whose end could be seen.
    pub(crate) fn setters(&self) -> BTreeSet<Id> {
        let calls = self.calls().into_iter();
        let setters = calls.filter_map(|(_, call, ..)| match call {
            Call::SetThreadsafe(id, _) => Some(id),
            _ => None,
        });
        setters.collect()
    }

    /// The tasks that the loop has accepted.
    pub(crate) fn accepted_tasks(&self) -> BTreeSet<Id> {
        let calls = self.calls().into_iter();
        let tasks = calls.filter_map(|(_, call, _, outcome)| match (call, outcome) {
            (Call::Spawn(id, _), Outcome::Submitted(Ok(_))) => Some(id),
            _ => None,
        });
        tasks.collect()
    }

    fn lives(&self) -> BTreeMap<Id, Life> {
        let mut lives: BTreeMap<Id, Life> = BTreeMap::new();
        for (begin, call, end, outcome) in self.calls() {
            match (call, outcome) {
                (Call::Submit(id, _), Outcome::Submitted(submitted)) => {
                    let life = lives.entry(id).or_default();
                    life.submitted = Some(begin);
                    match submitted {
                        Ok(deadline) => {
                            life.accepted = Some(end);
                            life.deadline = *deadline;
                        }
                        Err(_) => life.refused = Some(end),
                    }
                }
                (Call::Cancel(id), Outcome::Cancelled(false)) => {
                    lives.entry(id).or_default().too_late.push(end);
                }
                (Call::Cancel(id), _) => lives.entry(id).or_default().cancelled.push(begin),
                _ => {}
            }
        }
        for (at, Record { event, .. }) in self.records.iter().enumerate() {
            match event {
                Event::Began(id, _) => lives.entry(*id).or_default().began.push(at),
                Event::Ended(id) => lives.entry(*id).or_default().ended.push(at),
                Event::Dropped(id) => lives.entry(*id).or_default().dropped.push(at),
                _ => {}
            }
        }
        for setter in self.setters() {
            lives.remove(&setter);
        }
        lives
    }

    /// The callbacks and tasks that were accepted and have had a turn.
    fn first_turns(&self) -> BTreeMap<Id, FirstTurn> {
        let mut began: BTreeMap<Id, usize> = BTreeMap::new();
        for (at, Record { event, .. }) in self.records.iter().enumerate() {
            if let Event::Began(id, _) | Event::Polled(id, _) = event {
                began.entry(*id).or_insert(at);
            }
        }
        let calls = self.calls().into_iter();
        let turns =
            calls.filter_map(
                |(submitted, call, accepted, outcome)| match (call, outcome) {
                    (
                        Call::Submit(id, _) | Call::Spawn(id, _),
                        Outcome::Submitted(Ok(deadline)),
                    ) => {
                        let turn = FirstTurn {
                            submitted,
                            accepted,
                            deadline: *deadline,
                            began: *began.get(&id)?,
                        };
                        Some((id, turn))
                    }
                    _ => None,
                },
            );
        turns.collect()
    }

    /// Where the loop has been closed, if it has: the close that succeeded first, from its begin to
    /// its end.
    fn closed(&self) -> Option<(usize, usize)> {
        self.calls()
            .into_iter()
            .find_map(|(begin, call, end, outcome)| match (call, outcome) {
                (Call::Close, Outcome::Closed(Ok(()))) | (Call::DropLoop, _) => Some((begin, end)),
                _ => None,
            })
    }
}

fn exactly_once(history: &History) -> Result<(), String> {
    for (id, life) in history.lives() {
        let (begun, cancelled) = (life.began.len(), life.cancelled.len());
        let what = match (life.accepted, life.refused) {
            (_, Some(_)) if begun > 0 => "was refused, and ran",
            (Some(_), _) if begun > 1 => "ran more than once",
            (Some(_), _) if begun + cancelled > 1 => "ran and was cancelled, or was so twice",
            (Some(_), _) if begun + cancelled == 0 => {
                // It must have been dropped by the close, which every history ends with.
                let by_close = history.closed().is_some_and(|(begin, end)| {
                    let dropped = life.dropped.first();
                    dropped.is_some_and(|at| (begin..end).contains(at))
                });
                match by_close {
                    true => continue,
                    false => "was neither run, nor cancelled, nor dropped by the close",
                }
            }
            _ => continue,
        };
        return Err(format!("callback {id} {what}"));
    }
    Ok(())
}

fn first_in_first_out(history: &History) -> Result<(), String> {
    let turns = history.first_turns();
    for (first, earlier) in &turns {
        for (second, later) in &turns {
            if earlier.accepted < later.submitted
                && earlier.deadline <= later.deadline // without one, it is none, which is least
                && earlier.began > later.began
            {
                return Err(format!(
                    "callback {first} was accepted before {second} was submitted, and ran after it"
                ));
            }
        }
    }
    Ok(())
}

fn deadline(history: &History) -> Result<(), String> {
    for (id, life) in history.lives() {
        let (Some(accepted), Some(deadline)) = (life.accepted, life.deadline) else {
            continue;
        };
        for at in &life.began {
            if let Event::Began(_, now) = history.records[*at].event
                && now < deadline
            {
                return Err(format!("timer {id} ran at {now:?}, not at {deadline:?}"));
            }
        }
        // The clock shows no less than what it was seen to show before.
        let seen = history.clock_before(life.submitted.unwrap_or(accepted));
        let asked = history
            .calls()
            .into_iter()
            .find_map(|(_, call, ..)| match call {
                Call::Submit(submitted, through) if submitted == id => through.deadline(seen),
                _ => None,
            });
        if let Some(asked) = asked
            && deadline < asked
        {
            return Err(format!(
                "timer {id} was to be due at {asked:?}, not at {deadline:?}"
            ));
        }
    }
    Ok(())
}

fn sleep(history: &History) -> Result<(), String> {
    let lives = history.lives();
    for (at, Record { event, .. }) in history.records.iter().enumerate() {
        let Event::Slept(until) = event else {
            continue;
        };
        let to_run: Vec<_> = lives
            .iter()
            .filter(|(_, life)| {
                let gone = life.dropped.first().is_some_and(|dropped| *dropped < at);
                life.accepted.is_some_and(|accepted| accepted < at) && !gone
            })
            .map(|(id, life)| (life.deadline, *id))
            .chain(history.sleepers(at))
            .collect();
        match to_run.into_iter().min() {
            Some((Some(first), _)) if first == *until => {}
            Some((None, id)) => return Err(format!("the loop slept beside callback {id}")),
            Some((Some(first), id)) => {
                return Err(format!(
                    "the loop slept until {until:?}, and timer {id} was due at {first:?}"
                ));
            }
            None => return Err(format!("the loop slept until {until:?} for nothing")),
        }
    }
    Ok(())
}

fn task(history: &History) -> Result<(), String> {
    let mut gone: BTreeMap<Id, bool> = BTreeMap::new();
    let mut foreign_drops = Vec::new();
    let closed = history.closed().map(|(begin, _)| begin);
    for (at, Record { thread, event }) in history.records.iter().enumerate() {
        match event {
            Event::Call(Call::Spawn(id, _) | Call::RunUntilComplete(id)) => {
                gone.insert(*id, false);
            }
            Event::Polled(id, _) if gone.get(id) != Some(&false) => {
                return Err(format!(
                    "task {id} was polled, and is over or was never spawned"
                ));
            }
            Event::Polled(id, _) if closed.is_some_and(|closed| closed < at) => {
                return Err(format!("task {id} was polled on a closed loop"));
            }
            Event::Ended(id) | Event::Dropped(id) if gone.contains_key(id) => {
                gone.insert(*id, true);
                if *thread != OWNER {
                    foreign_drops.push(*id);
                }
            }
            _ => {}
        }
    }
    if let Some((id, _)) = gone.iter().find(|(_, gone)| !**gone) {
        return Err(format!("task {id} was left behind"));
    }
    let accepted = history.calls().into_iter().find(|(_, call, _, outcome)| {
        matches!((call, outcome), (Call::Spawn(id, _), Outcome::Submitted(Ok(_))) if foreign_drops.contains(id))
    });
    match accepted {
        Some((_, Call::Spawn(id, _), ..)) => Err(format!("task {id} ended on a foreign thread")),
        _ => Ok(()),
    }
}

fn result(history: &History) -> Result<(), String> {
    let calls = history.calls();
    let first = |event| history.records.iter().position(|seen| seen.event == event);
    let Some((close, closed)) = history.closed() else {
        return Ok(());
    };
    let mut told = BTreeSet::new();
    for (begin, call, end, outcome) in &calls {
        let (Call::Result(id), Outcome::Result(outcome)) = (call, outcome) else {
            continue;
        };
        let Some(outcome) = outcome else {
            match closed < *begin {
                true => return Err(format!("the loop is closed, and task {id} goes on")),
                false => continue,
            }
        };
        if !told.insert(*id) {
            return Err(format!("it was told twice how task {id} has ended"));
        }
        let Some(dropped) = first(Event::Dropped(*id)).filter(|dropped| dropped < end) else {
            return Err(format!(
                "task {id} was said to have ended, and was still there"
            ));
        };
        let cancelled = calls.iter().any(|(at, call, _, outcome)| {
            let accepted = **outcome == Outcome::Cancelled(true);
            *call == Call::CancelTask(*id) && accepted && *at < dropped
        });
        let ended = first(Event::Ended(*id)).is_some();
        let is_so = match (first(Event::Panics(*id)), outcome) {
            (None, End::Returned) | (Some(_), End::Panicked) => ended,
            (None, End::Cancelled) => !ended && (cancelled || close < dropped),
            _ => false,
        };
        if !is_so {
            return Err(format!("task {id} was said to have this end: {outcome:?}"));
        }
    }
    Ok(())
}

fn iteration_snapshot(history: &History) -> Result<(), String> {
    let lives = history.lives();
    let calls = history.calls();
    let runs = calls.iter().filter(|(_, call, ..)| *call == Call::Run);
    for (run, _, returned, _) in runs {
        for (stopper, life) in &lives {
            let (Some(began), Some(ended)) = (life.began.first(), life.ended.first()) else {
                continue;
            };
            let stops = calls.iter().any(|(at, call, ..)| {
                let own = history.records[*at].thread == OWNER;
                *call == Call::Stop && own && (began..ended).contains(&at)
            });
            if !stops || !(run..returned).contains(&began) {
                continue;
            }
            let intruder = lives.iter().find(|(_, other)| {
                let ran = other.began.iter().any(|at| (began..returned).contains(&at));
                ran && other.submitted.is_some_and(|at| at > *began)
            });
            if let Some((id, _)) = intruder {
                return Err(format!(
                    "callback {stopper} stopped the loop, and {id}, submitted meanwhile, still ran"
                ));
            }
        }
    }
    Ok(())
}

fn stop(history: &History) -> Result<(), String> {
    let lives = history.lives();
    let calls = history.calls();
    let mut runs = 0;
    for (begin, call, end, outcome) in &calls {
        if (*call, *outcome) != (Call::Run, &Outcome::Ran(Ok(()))) {
            continue;
        }
        runs += 1;
        let stops = calls
            .iter()
            .filter(|(at, call, ..)| *call == Call::Stop && at < end)
            .count();
        if runs > stops {
            return Err(format!("{stops} stops have ended {runs} runs"));
        }
        for (id, life) in &lives {
            let accepted = life.accepted.is_some_and(|at| at < *begin) && life.deadline.is_none();
            let dropped = life.dropped.first().is_some_and(|at| at < end);
            // Another thread may still be about to drop what it has cancelled.
            let cancelled = life.cancelled.iter().any(|at| at < end);
            if accepted && !dropped && !cancelled {
                return Err(format!("callback {id} was left over by a run"));
            }
        }
    }
    Ok(())
}

fn close(history: &History) -> Result<(), String> {
    let Some((begin, end)) = history.closed() else {
        return Err("the history does not end with a close".to_owned());
    };
    for (id, life) in history.lives() {
        if life.began.iter().any(|at| *at > begin) {
            return Err(format!("callback {id} ran on a closed loop"));
        }
        if life.accepted.is_some() && life.submitted.is_some_and(|at| at > end) {
            return Err(format!("callback {id} was accepted by a closed loop"));
        }
    }
    Ok(())
}

fn cancel(history: &History) -> Result<(), String> {
    for (id, life) in history.lives() {
        if !life.cancelled.is_empty() && !life.began.is_empty() {
            return Err(format!("callback {id} was cancelled, and ran"));
        }
        for at in &life.too_late {
            // The loop may have started it and not come to the point of recording that.
            let started = !life.began.is_empty();
            let cancelled = life.cancelled.iter().any(|begin| begin < at);
            let closed = history.closed().is_some_and(|(begin, _)| begin < *at);
            if !started && !cancelled && !closed {
                return Err(format!("it was not too late to cancel callback {id}"));
            }
        }
    }
    Ok(())
}

fn gives_back(history: &History) -> Result<(), String> {
    for (id, life) in history.lives() {
        let Some(refused) = life.refused else {
            continue;
        };
        let submitter = history.records[refused].thread;
        let given_back = life.dropped.first().is_some_and(|dropped| {
            *dropped > refused && history.records[*dropped].thread == submitter
        });
        if !given_back {
            return Err(format!("callback {id} was refused and not given back"));
        }
    }
    Ok(())
}

fn own_thread(history: &History) -> Result<(), String> {
    for Record { thread, event } in &history.records {
        let callback = matches!(
            event,
            Event::Began(..)
                | Event::Polled(..)
                | Event::Ended(_)
                | Event::Reported(..)
                | Event::Slow(..)
        );
        if callback && *thread != OWNER {
            return Err(format!("{event:?} on thread {thread}"));
        }
    }
    Ok(())
}

fn destructors(history: &History) -> Result<(), String> {
    let calls = history.calls();
    for (id, life) in history.lives() {
        let [dropped] = life.dropped[..] else {
            let times = life.dropped.len();
            return Err(format!("callback {id} was dropped {times} times"));
        };
        let thread = history.records[dropped].thread;
        let in_time = if let Some(ended) = life.ended.first() {
            dropped > *ended && thread == OWNER
        } else if let Some(begin) = life.cancelled.first() {
            // Between the call of `cancel` and its return, on the thread that calls.
            let cancellation = calls.iter().find(|(at, ..)| at == begin);
            let canceller = history.records[*begin].thread;
            cancellation.is_some_and(|(begin, _, end, _)| (begin..end).contains(&&dropped))
                && thread == canceller
        } else if life.accepted.is_some() {
            thread == OWNER
        } else {
            true // Refused: for its submitter to drop.
        };
        if !in_time {
            return Err(format!(
                "callback {id} was dropped at the wrong time, or on the wrong thread"
            ));
        }
    }
    Ok(())
}
