//! The properties, each stated in words next to the code that checks it.
//!
//! A property is judged only by the records of a whole history, of one thread or of several. The
//! properties do not use the reference, so they find mistakes that it shares with the loop.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::command::Id;
use crate::record::{Call, End, Event, OWNER, Record, ReturnValue};

/// Everything recorded of a loop from its beginning to its end, in order.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// The records.
    pub records: Vec<Record>,
}

/// A property, and the function that checks it.
#[derive(Debug, Clone, Copy)]
pub struct Property {
    /// Its name.
    pub name: &'static str,
    /// The property in words.
    pub statement: &'static str,
    /// Returns an error that says where a history breaks the property.
    pub check: fn(&History) -> Result<(), String>,
}

/// Every property.
pub const ALL: [Property; 13] = [
    Property {
        name: "exactly once",
        statement: "an accepted callback runs once, unless it is cancelled or the loop is closed \
                    first; a refused callback never runs",
        check: exactly_once,
    },
    Property {
        name: "first in, first out",
        statement: "if one submission returns before another begins, its callback runs first or its \
                    task is polled first, unless it has a deadline and the other has none or an \
                    earlier one",
        check: first_in_first_out,
    },
    Property {
        name: "deadline",
        statement: "a timer runs at its deadline or later, and its deadline is the requested one",
        check: deadline,
    },
    Property {
        name: "sleep",
        statement: "a run sleeps only while there is nothing to run, and at most until the first \
                    deadline of a timer that has not run",
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
        statement: "a task's handles report its end once, after its future was dropped: returned or \
                    panicked if the task reached its end, and otherwise cancelled, which requires a \
                    request or a closed loop",
        check: result,
    },
    Property {
        name: "iteration snapshot",
        statement: "if a callback stops its run, the run executes nothing that was submitted after \
                    that callback began",
        check: iteration_snapshot,
    },
    Property {
        name: "stop",
        statement: "a run returns only if it is stopped, one stop ends one run, and a run leaves \
                    nothing over that was accepted before it and has no deadline",
        check: stop,
    },
    Property {
        name: "close",
        statement: "after a close, nothing begins to run and nothing is accepted",
        check: close,
    },
    Property {
        name: "cancel",
        statement: "a callback whose cancellation returns true never runs; if the cancellation \
                    returns false, the callback had started, or had been cancelled before, or the \
                    loop had been closed",
        check: cancel,
    },
    Property {
        name: "an error gives the callback back",
        statement: "a refused callback is dropped by its submitter, after the refusal",
        check: gives_back,
    },
    Property {
        name: "no callback on a foreign thread",
        statement: "callbacks and handlers run only on the loop's thread",
        check: own_thread,
    },
    Property {
        name: "destructors",
        statement: "what a callback owns is dropped exactly once: at its end if it runs, by the \
                    thread that cancels it, or by the close on the loop's thread",
        check: destructors,
    },
];

/// Checks every property.
///
/// # Errors
///
/// The first property that the history breaks, and where it breaks it.
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

/// What happened to one callback, as indices into the history's records.
#[derive(Debug, Default)]
struct Life {
    submitted: Option<usize>,
    accepted: Option<usize>,
    /// The deadline of a timer that was accepted.
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

/// The first turn of a callback or a task, as indices into the history's records.
struct FirstTurn {
    submitted: usize,
    accepted: usize,
    deadline: Option<Duration>,
    began: usize,
}

impl History {
    /// Pairs each call with its return: the index of the call, the call, the index of the return, and the
    /// value that was returned.
    fn calls(&self) -> Vec<(usize, Call, usize, &ReturnValue)> {
        let mut open: BTreeMap<usize, Vec<(usize, Call)>> = BTreeMap::new();
        let mut calls = Vec::new();
        for (at, Record { thread, event }) in self.records.iter().enumerate() {
            match event {
                Event::Call(call) => open.entry(*thread).or_default().push((at, *call)),
                Event::Return(returned) => {
                    if let Some((begin, call)) = open.get_mut(thread).and_then(Vec::pop) {
                        calls.push((begin, call, at, returned));
                    }
                }
                _ => {}
            }
        }
        calls.sort_by_key(|(begin, ..)| *begin);
        calls
    }

    /// The last time that was recorded before this record.
    fn clock_before(&self, record: usize) -> Duration {
        let seen = self.records[..record].iter().rev();
        seen.into_iter()
            .find_map(|Record { event, .. }| match event {
                Event::Began(_, now) | Event::Polled(_, now) | Event::Slept(now) => Some(*now),
                _ => None,
            })
            .unwrap_or_default()
    }

    /// The tasks that sleep when this record is written, and their deadlines.
    fn sleepers(&self, record: usize) -> BTreeSet<(Option<Duration>, Id)> {
        let mut sleepers: BTreeMap<Id, Option<Duration>> = BTreeMap::new();
        for Record { event, .. } in &self.records[..record] {
            match event {
                Event::Waits(id, Some(deadline)) => _ = sleepers.insert(*id, Some(*deadline)),
                Event::Resumes(id, _) | Event::Dropped(id) => _ = sleepers.remove(id),
                _ => {}
            }
        }
        sleepers.into_iter().map(|(id, when)| (when, id)).collect()
    }

    /// The callbacks that set an event. They write no records of their own.
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
        let tasks = calls.filter_map(|(_, call, _, returned)| match (call, returned) {
            (Call::Spawn(id, _), ReturnValue::Submitted(Ok(_))) => Some(id),
            _ => None,
        });
        tasks.collect()
    }

    fn lives(&self) -> BTreeMap<Id, Life> {
        let mut lives: BTreeMap<Id, Life> = BTreeMap::new();
        for (begin, call, end, returned) in self.calls() {
            match (call, returned) {
                (Call::Submit(id, _), ReturnValue::Submitted(submitted)) => {
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
                (Call::Cancel(id), ReturnValue::Cancelled(false)) => {
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
                |(submitted, call, accepted, returned)| match (call, returned) {
                    (
                        Call::Submit(id, _) | Call::Spawn(id, _),
                        ReturnValue::Submitted(Ok(deadline)),
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

    /// The first close that succeeded, from its beginning to its end.
    fn closed(&self) -> Option<(usize, usize)> {
        self.calls()
            .into_iter()
            .find_map(|(begin, call, end, returned)| match (call, returned) {
                (Call::Close, ReturnValue::Closed(Ok(()))) | (Call::DropLoop, _) => {
                    Some((begin, end))
                }
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
            (Some(_), _) if begun + cancelled > 1 => {
                "ran and was cancelled, or was cancelled twice"
            }
            (Some(_), _) if begun + cancelled == 0 => {
                // The close must have dropped it. Every history ends with a close.
                let by_close = history.closed().is_some_and(|(begin, end)| {
                    let dropped = life.dropped.first();
                    dropped.is_some_and(|at| (begin..end).contains(at))
                });
                match by_close {
                    true => continue,
                    false => "neither ran, nor was cancelled, nor was dropped by the close",
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
                && earlier.deadline <= later.deadline // no deadline is `None`, the least value
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
        // The clock never goes back behind a time recorded earlier.
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
                "timer {id} was requested for {asked:?}, not for {deadline:?}"
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
            Some((None, id)) => {
                return Err(format!("the loop slept while callback {id} was queued"));
            }
            Some((Some(first), id)) => {
                return Err(format!(
                    "the loop slept until {until:?}, and timer {id} was due at {first:?}"
                ));
            }
            None => return Err(format!("the loop slept until {until:?} without a timer")),
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
                    "task {id} was polled, although it was over or was never spawned"
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
        return Err(format!("task {id} neither ended nor was dropped"));
    }
    let accepted = history.calls().into_iter().find(|(_, call, _, returned)| {
        matches!((call, returned), (Call::Spawn(id, _), ReturnValue::Submitted(Ok(_))) if foreign_drops.contains(id))
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
    let mut reported = BTreeSet::new();
    for (begin, call, end, returned) in &calls {
        let (Call::Result(id), ReturnValue::Result(returned)) = (call, returned) else {
            continue;
        };
        let Some(returned) = returned else {
            match closed < *begin {
                true => return Err(format!("the loop is closed, but task {id} has not ended")),
                false => continue,
            }
        };
        if !reported.insert(*id) {
            return Err(format!("the end of task {id} was reported twice"));
        }
        let Some(dropped) = first(Event::Dropped(*id)).filter(|dropped| dropped < end) else {
            return Err(format!(
                "the end of task {id} was reported before its future was dropped"
            ));
        };
        let cancelled = calls.iter().any(|(at, call, _, returned)| {
            let accepted = **returned == ReturnValue::Cancelled(true);
            *call == Call::CancelTask(*id) && accepted && *at < dropped
        });
        let ended = first(Event::Ended(*id)).is_some();
        let is_so = match (first(Event::Panics(*id)), returned) {
            (None, End::Returned) | (Some(_), End::Panicked) => ended,
            (None, End::Cancelled) => !ended && (cancelled || close < dropped),
            _ => false,
        };
        if !is_so {
            return Err(format!(
                "the wrong end of task {id} was reported: {returned:?}"
            ));
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
                    "callback {stopper} stopped the loop, but {id}, submitted after it began, ran in the same run"
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
    for (begin, call, end, returned) in &calls {
        if (*call, *returned) != (Call::Run, &ReturnValue::Ran(Ok(()))) {
            continue;
        }
        runs += 1;
        let stops = calls
            .iter()
            .filter(|(at, call, ..)| *call == Call::Stop && at < end)
            .count();
        if runs > stops {
            return Err(format!("{runs} runs returned after {stops} stops"));
        }
        for (id, life) in &lives {
            let accepted = life.accepted.is_some_and(|at| at < *begin) && life.deadline.is_none();
            let dropped = life.dropped.first().is_some_and(|at| at < end);
            // Another thread may have cancelled the callback and not yet dropped it.
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
            // The loop may have started it and not yet recorded that.
            let started = !life.began.is_empty();
            let cancelled = life.cancelled.iter().any(|begin| begin < at);
            let closed = history.closed().is_some_and(|(begin, _)| begin < *at);
            if !started && !cancelled && !closed {
                return Err(format!(
                    "callback {id} could have been cancelled, but was not"
                ));
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
            // Between the call of `cancel` and its return, on the calling thread.
            let cancellation = calls.iter().find(|(at, ..)| at == begin);
            let canceller = history.records[*begin].thread;
            cancellation.is_some_and(|(begin, _, end, _)| (begin..end).contains(&&dropped))
                && thread == canceller
        } else if life.accepted.is_some() {
            thread == OWNER
        } else {
            true // It was refused, and its submitter drops it.
        };
        if !in_time {
            return Err(format!(
                "callback {id} was dropped at the wrong time, or on the wrong thread"
            ));
        }
    }
    Ok(())
}
