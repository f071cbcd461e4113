//! The two judges of a program of several threads: the contract, `EventLoop.tla`, and the search for an
//! order of the calls that the sequential reference explains.
//!
//! They know nothing of each other. The reference promises more than the contract: a callback takes time,
//! and no iteration begins in it; and a stop ends the run after the iteration that it meets. So what the
//! contract refuses, the reference must refuse, too. If it does not, one of the two is wrong.
//!
//! A loop that promises no order across threads may have a queue for each. Then the contract judges the
//! callbacks of each thread as if there were no others, and the reference, which has one queue, is not asked.

use std::collections::{BTreeMap, BTreeSet};

use wakeproof_conform::judge::Refusal;
use wakeproof_conform::judge::recording::{
    BLACK_BOX, CLOSED, CallName, CallResult, Header, Line, Order,
};
use wakeproof_proptests::command::{Caller, Id, SubmitCall};
use wakeproof_proptests::concurrent::linearize;
use wakeproof_proptests::properties::History;
use wakeproof_proptests::record::{Call, Event, OWNER, Record, ReturnValue};
use wakeproof_proptests::under_test::{Claims, Rule};

use super::words::{Ways, record};
use crate::specification;

/// What the judges say about a recording.
#[derive(Debug)]
pub(crate) struct Findings {
    /// What the contract does not allow, if anything.
    pub(crate) contract: Option<Box<Refusal>>,
    /// Why no order of the calls explains it, if none does. The reference is not asked about a loop that
    /// promises too little for it.
    pub(crate) reference: Option<Result<(), String>>,
}

/// How they find a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Finding {
    /// As it should be.
    Held,
    /// Each that was asked refuses it.
    Refuted,
    /// The reference refuses it, and the contract leaves it open.
    LeftOpen,
    /// Only the contract refuses it, so one of the two is wrong.
    Disagreement,
}

impl Findings {
    pub(crate) fn finding(&self) -> Finding {
        match (&self.contract, &self.reference) {
            (None, None | Some(Ok(()))) => Finding::Held,
            (None, Some(Err(_))) => Finding::LeftOpen,
            (Some(_), Some(Ok(()))) => Finding::Disagreement,
            (Some(_), None | Some(Err(_))) => Finding::Refuted,
        }
    }
}

/// Asks both. `threads_stop` says whether threads other than the loop's ask it to stop: such a stop can
/// meet the loop between two iterations, and the contract's prompt stop knows none there.
///
/// # Errors
///
/// If the lines are no recording.
pub(crate) fn judge(
    lines: &[Line],
    claims: &Claims,
    threads_stop: bool,
) -> anyhow::Result<Findings> {
    let mut header = Header::new(BLACK_BOX);
    let is_prompt = claims.promises.contains(&Rule::StopAfterIteration);
    header.prompt_stop = is_prompt && !threads_stop;
    if !claims.promises.contains(&Rule::OneOrder) {
        header.order = Order::Call;
    }
    let contract = match claims.promises.contains(&Rule::OrderAcrossThreads) {
        true => ask_contract(&header, lines)?,
        false => {
            let mut refusal = None;
            for thread in submitters(lines) {
                if refusal.is_none() {
                    refusal = ask_contract(&header, &submitted_by(lines, thread))?;
                }
            }
            refusal
        }
    };
    let reference = claims
        .has_reference_for_programs()
        .then(|| linearize::check_restless(&history(lines)?));
    Ok(Findings {
        contract,
        reference,
    })
}

/// What the contract does not allow, if anything.
fn ask_contract(header: &Header, lines: &[Line]) -> anyhow::Result<Option<Box<Refusal>>> {
    let mut text = format!("{header}\n");
    for line in lines {
        text.push_str(&format!("{line}\n"));
    }
    let end = Line::End {
        end: lines.len() as u64,
    };
    text.push_str(&format!("{end}\n"));
    let verdict = specification::judge().judge_again(|| Ok(text.as_bytes()))?;
    Ok(verdict.refusal.map(Box::new))
}

/// The threads that submit. Without any, there is still a recording to be judged.
fn submitters(lines: &[Line]) -> BTreeSet<&str> {
    let submitters = lines.iter().filter_map(|line| match line {
        Line::Begins {
            thread,
            begins: CallName::Submit,
            ..
        } => Some(thread.as_str()),
        _ => None,
    });
    let mut submitters: BTreeSet<&str> = submitters.collect();
    if submitters.is_empty() {
        submitters.insert("");
    }
    submitters
}

/// The lines without the submissions of other threads, and without the runs of what these submitted. A run
/// of what nobody has submitted stays.
fn submitted_by(lines: &[Line], thread: &str) -> Vec<Line> {
    let of_others: BTreeSet<u64> = lines
        .iter()
        .filter_map(|line| match line {
            Line::Begins {
                thread: by,
                begins: CallName::Submit,
                callback,
                ..
            } if by != thread => *callback,
            _ => None,
        })
        .collect();
    let is_kept = |line: &&Line| match line {
        Line::Begins {
            thread: by,
            begins: CallName::Submit,
            ..
        }
        | Line::Ends {
            thread: by,
            ends: CallName::Submit,
            ..
        } => by == thread,
        Line::Runs { runs, .. } => !of_others.contains(runs),
        _ => true,
    };
    lines.iter().filter(is_kept).cloned().collect()
}

/// The lines as a history. A callback has ended once its last call has.
fn history(lines: &[Line]) -> Result<History, String> {
    let owners: BTreeSet<&str> = lines
        .iter()
        .filter_map(|line| match line {
            Line::Begins {
                thread,
                begins: CallName::Start,
                ..
            } => Some(thread.as_str()),
            _ => None,
        })
        .collect();
    let mut names: Vec<&str> = Vec::new();
    let mut records: Vec<Record> = Vec::new();
    // What runs, and behind which record it has ended.
    let mut running: Option<(Id, usize)> = None;
    let mut ends: Vec<(Id, usize)> = Vec::new();
    for line in lines {
        let name = match line {
            Line::Begins { thread, .. } | Line::Ends { thread, .. } | Line::Runs { thread, .. } => {
                thread.as_str()
            }
            Line::Asleep { .. } => {
                let (thread, event) = (OWNER, Event::SleepsForEver);
                records.push(Record { thread, event });
                continue;
            }
            _ => continue,
        };
        let is_owner = owners.contains(name);
        let thread = if is_owner {
            OWNER
        } else {
            let place = names.iter().position(|known| *known == name);
            let place = place.unwrap_or_else(|| {
                names.push(name);
                names.len() - 1
            });
            OWNER + 1 + place
        };
        let Some(Record { mut event, .. }) = record(line, &Ways::new()) else {
            continue;
        };
        if let Event::Call(Call::Submit(_, SubmitCall::Threadsafe(caller))) = &mut event
            && !is_owner
        {
            *caller = Caller::Foreign;
        }
        if let Event::Began(id, _) = event
            && !is_owner
        {
            return Err(format!("callback {} runs on another thread", id + 1));
        }
        let ends_callback = matches!(
            &event,
            Event::Began(..)
                | Event::Return(ReturnValue::Ran(_))
                | Event::Call(Call::Close | Call::Run)
        );
        if is_owner && ends_callback {
            ends.extend(running.take());
        }
        records.push(Record { thread, event });
        if is_owner {
            let last = records.len() - 1;
            match (&records[last].event, &mut running) {
                (Event::Began(id, _), _) => running = Some((*id, last)),
                (_, Some((_, end))) => *end = last,
                _ => {}
            }
        }
    }
    ends.extend(running);
    for (id, behind) in ends.into_iter().rev() {
        let event = |event| Record {
            thread: OWNER,
            event,
        };
        records.insert(behind + 1, event(Event::Dropped(id)));
        records.insert(behind + 1, event(Event::Ended(id)));
    }
    Ok(History { records })
}

/// What was recorded of a loop of ours, as lines. It knows no calls but submissions, stops, runs and closes.
pub(crate) fn lines(history: &History) -> Vec<Line> {
    let mut open: BTreeMap<usize, Vec<CallName>> = BTreeMap::new();
    let mut lines = Vec::new();
    for Record { thread, event } in &history.records {
        let name = match *thread {
            OWNER => "loop".to_owned(),
            number => format!("w{number}"),
        };
        let line = match event {
            Event::Call(call) => {
                let (begins, callback, wakes, by) = match call {
                    Call::Submit(id, SubmitCall::CallSoon) => {
                        (CallName::Submit, Some(*id), Some(false), Some("call_soon"))
                    }
                    Call::Submit(id, _) => {
                        let by = Some("call_soon_threadsafe");
                        (CallName::Submit, Some(*id), Some(true), by)
                    }
                    Call::Stop => (CallName::Stop, None, Some(true), None),
                    Call::Run => (CallName::Start, None, None, None),
                    Call::Close | Call::DropLoop => (CallName::Close, None, None, None),
                    other => unreachable!("{other:?} is in no program of this kind"),
                };
                open.entry(*thread).or_default().push(begins);
                Line::Begins {
                    thread: name,
                    begins,
                    callback: callback.map(|id| id as u64 + 1),
                    wakes,
                    by: by.map(str::to_owned),
                    stops: false,
                }
            }
            Event::Return(returned) => {
                let ends = open.entry(*thread).or_default().pop();
                let ends = ends.expect("the call has begun");
                let (result, why) = match returned {
                    ReturnValue::Submitted(Ok(_)) => (CallResult::Accepted, None),
                    ReturnValue::Submitted(Err(_)) => (CallResult::Refused, Some(CLOSED)),
                    ReturnValue::Ran(Err(_)) => (CallResult::Refused, None),
                    _ => (CallResult::Returned, None),
                };
                Line::Ends {
                    thread: name,
                    ends,
                    result,
                    why: why.map(str::to_owned),
                }
            }
            Event::Began(id, _) => Line::Runs {
                thread: name,
                runs: *id as u64 + 1,
            },
            Event::SleepsForEver => Line::Asleep { asleep: true },
            _ => continue,
        };
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests;
