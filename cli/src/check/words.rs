//! Records as an adapter's words, and an adapter's lines as records.
//!
//! An adapter counts callbacks from one.

use std::collections::BTreeMap;
use std::time::Duration;

use wakeproof::{CloseError, RunError};
use wakeproof_conform::judge::recording::{CallName, CallResult, Line};
use wakeproof_proptests::command::{Caller, Due, Id, SubmitCall};
use wakeproof_proptests::record::{Call, Event, OWNER, Record, Refusal, ReturnValue};

use crate::probe::adapter::Hello;

/// How callbacks were submitted.
pub(crate) type Ways = BTreeMap<Id, SubmitCall>;

/// The callback's number in words and lines.
pub(crate) fn number(id: Id) -> u64 {
    id as u64 + 1
}

/// The words for the calls of a thread that owns the loop.
pub(crate) fn word(call: &Call, hello: &Hello) -> Option<(String, CallName)> {
    let own = |word: &str| {
        if hello.has(&format!("{word} plain")) {
            "plain"
        } else {
            "safe"
        }
    };
    Some(match call {
        Call::Submit(id, SubmitCall::Timer(due)) => {
            let delay = match due {
                Due::Later(delay) => *delay,
                _ => return None,
            };
            let words = format!("timer {} {} {delay}", own("timer"), number(*id));
            (words, CallName::Submit)
        }
        Call::Submit(id, through) => {
            let how = if *through == SubmitCall::CallSoon {
                "plain"
            } else {
                "safe"
            };
            (format!("submit {how} {}", number(*id)), CallName::Submit)
        }
        Call::Cancel(id) => (format!("cancel {}", number(*id)), CallName::Cancel),
        Call::Stop => (format!("stop {}", own("stop")), CallName::Stop),
        Call::Run => ("run".to_owned(), CallName::Start),
        Call::Close => ("close".to_owned(), CallName::Close),
        _ => return None,
    })
}

/// What each callback does, as the reference predicts it: the calls that it makes, and at last whether it
/// fails.
pub(crate) fn scripts(plan: &[Record]) -> BTreeMap<Id, (Vec<Call>, bool)> {
    let mut scripts: BTreeMap<Id, (Vec<Call>, bool)> = BTreeMap::new();
    let mut running = None;
    for record in plan {
        match &record.event {
            Event::Began(id, _) => running = Some(*id),
            Event::Ended(_) => running = None,
            Event::Call(call) => {
                if let Some(id) = running {
                    scripts.entry(id).or_default().0.push(*call);
                }
            }
            Event::Reported(id, _) => scripts.entry(*id).or_default().1 = true,
            _ => {}
        }
    }
    scripts
}

/// The words that tell an adapter what callbacks will do.
pub(crate) fn whens(plan: &[Record], hello: &Hello) -> Vec<String> {
    let scripts = scripts(plan).into_iter();
    let whens = scripts.filter_map(|(id, (calls, fails))| {
        let words = calls.iter().filter_map(|call| Some(word(call, hello)?.0));
        let words: Vec<String> = words.chain(fails.then(|| "fail".to_owned())).collect();
        let number = number(id);
        (!words.is_empty()).then(|| format!("when {number} then {}", words.join(" ; ")))
    });
    whens.collect()
}

/// How the reference submits each callback.
pub(crate) fn ways(plan: &[Record]) -> Ways {
    let ways = plan.iter().filter_map(|record| match record.event {
        Event::Call(Call::Submit(id, through)) => Some((id, through)),
        _ => None,
    });
    ways.collect()
}

/// The record that a line is.
pub(crate) fn record(line: &Line, ways: &Ways) -> Option<Record> {
    let id = |callback: u64| usize::try_from(callback).unwrap_or(0).saturating_sub(1);
    let (thread, event) = match line {
        Line::Begins {
            thread,
            begins,
            callback,
            wakes,
            ..
        } => {
            let id = id(callback.unwrap_or(0));
            let call = match begins {
                CallName::Submit => {
                    let unknown = if *wakes == Some(true) {
                        SubmitCall::Threadsafe(Caller::Owner)
                    } else {
                        SubmitCall::CallSoon
                    };
                    Call::Submit(id, ways.get(&id).copied().unwrap_or(unknown))
                }
                CallName::Cancel => Call::Cancel(id),
                CallName::Stop => Call::Stop,
                CallName::Start => Call::Run,
                CallName::Close => Call::Close,
            };
            (thread, Event::Call(call))
        }
        Line::Ends {
            thread,
            ends,
            result,
            ..
        } => {
            let is_refused = *result == CallResult::Refused;
            let returned = match ends {
                CallName::Submit if is_refused => ReturnValue::Submitted(Err(Refusal::Closed)),
                CallName::Submit => ReturnValue::Submitted(Ok(None)),
                CallName::Start if is_refused => ReturnValue::Ran(Err(RunError::Closed)),
                CallName::Start => ReturnValue::Ran(Ok(())),
                CallName::Close if is_refused => ReturnValue::Closed(Err(CloseError::Running)),
                CallName::Close => ReturnValue::Closed(Ok(())),
                CallName::Cancel | CallName::Stop => ReturnValue::Nothing,
            };
            (thread, Event::Return(returned))
        }
        Line::Runs { thread, runs } => (thread, Event::Began(id(*runs), Duration::ZERO)),
        _ => return None,
    };
    let is_owner = matches!(thread.as_str(), "main" | "loop");
    let thread = if is_owner { OWNER } else { OWNER + 1 };
    Some(Record { thread, event })
}
