//! Follows the models of the whole loop through the specification: callbacks that submit, stop, cancel and
//! panic, loops that are closed and dropped, tasks and events.
//!
//! [`comparison`](super::comparison) runs programs that are written for it, within the specification's
//! bounds. The models here are those that loom and shuttle check anyway. They are not written for the
//! specification, but it must allow each of their steps.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use wakeproof::inbox::Step;

use crate::action::Action;
use crate::comparison::{Checker, Compared, Execution, SEED, lock};
use crate::fates::CallbackFates;
use crate::follower::ObservedStep;
use crate::relation::{Cast, Observation, Source, Thread};
use wakeproof_explore::Ending;
use wakeproof_explore::journal::{Journal, What};
use wakeproof_explore::{Limits, Search, Verdict};
use wakeproof_model_tests::models::Subject;
use wakeproof_model_tests::pairs::{Pair, pairs};

/// The models that are not followed, and why.
pub const NOT_COMPARED: [(&str, &str); 5] = [
    (
        "two loops submit to each other",
        "the specification describes one inbox, and a step does not say which inbox it belongs to",
    ),
    ("an earlier timer from another thread", TIMERS),
    ("cancel races with a timer", TIMERS),
    ("a sleeper is woken before its time", TIMERS),
    ("an hour passes", TIMERS),
];

const TIMERS: &str =
    "CondvarLoop has no timers; the programs that are compared with TimerLoop have some";

/// The models that are followed.
#[must_use]
pub fn followed() -> Vec<Pair> {
    let is_elsewhere = |pair: &Pair| NOT_COMPARED.iter().any(|(name, _)| *name == pair.name);
    let pairs = pairs().into_iter();
    pairs.filter(|pair| !is_elsewhere(pair)).collect()
}

/// The most threads that a model of a loop has, in addition to the loop's own.
const MOST_THREADS: usize = 4;

/// Follows the executions of at most `schedules` random schedules of a model, up to the first that fails.
///
/// # Errors
///
/// If the specification cannot be read or evaluated, or if it accepts an execution in which the model
/// itself fails.
pub fn follow(source: &Source, model: &Subject, schedules: u64) -> anyhow::Result<Compared> {
    let started = Instant::now();
    let numbers = 1..=MOST_THREADS;
    let cast = Cast {
        submitters: numbers.clone().map(|i| format!("thread {i}")).collect(),
        stoppers: numbers.map(|i| format!("thread {i} as stopper")).collect(),
        timed_waits: model.environment.timeouts > 0,
    };
    let executions = Arc::new(Mutex::new(Vec::new()));
    let seen = executions.clone();
    let judge = move |journal: &Journal, ending: Ending| {
        lock(&seen).push(execution(journal));
        match ending {
            Ending::Finished => Ok(()),
            Ending::Deadlock => Err("deadlock".into()),
        }
    };
    let limits = Limits {
        executions: Some(schedules),
        ..Limits::default()
    };
    let search = Search::Random { seed: SEED };
    let explored = model.judged(search, &limits, Box::new(judge));
    let mut checker = Checker::of_steps(source, &cast)?;
    let executions = std::mem::take(&mut *lock(&executions));
    for execution in &executions {
        if checker.follow(execution).is_err() {
            break;
        }
    }
    let compared = checker.compared(started);
    if let Verdict::Found(found) = explored.verdict
        && compared.refused.is_none()
    {
        anyhow::bail!(
            "the model itself fails, and the specification accepts it: {}",
            found.message
        );
    }
    Ok(compared)
}

/// Converts a journal, and maps the model's threads to those of the specification. In the specification, a
/// thread either submits or stops the loop, so a thread of the model that does both becomes two. The
/// loop's own thread becomes another thread once it has closed the loop.
fn execution(journal: &Journal) -> Execution {
    let mut steps = Vec::new();
    let mut roles: Vec<Option<Thread>> = vec![None; journal.threads.len()];
    let mut is_closed = false;
    for (place, entry) in journal.entries.iter().enumerate() {
        let What::Step(step, status) = entry.what else {
            continue;
        };
        let role = roles[entry.thread].unwrap_or_else(|| {
            if journal.threads[entry.thread] == "loop" && !is_closed {
                return 0;
            }
            let next = journal.entries[place + 1..]
                .iter()
                .find_map(|next| match next.what {
                    What::Step(step, _) if next.thread == entry.thread => Some(step),
                    _ => None,
                });
            let number = entry.thread.max(1);
            let number = if next == Some(Step::Stop) {
                number + MOST_THREADS
            } else {
                number
            };
            Thread::try_from(number).expect("few threads")
        });
        steps.push(ObservedStep {
            thread: role,
            action: Action::from(step),
            observation: status.map(Observation::from).unwrap_or_default(),
        });
        is_closed |= step == Step::Close;
        // A thread keeps its role while it holds the mutex.
        roles[entry.thread] =
            (!matches!(step, Step::Unlock | Step::Run | Step::Sleep)).then_some(role);
        if role == 0 && !is_closed {
            roles[entry.thread] = None;
        }
    }
    Execution {
        steps,
        fates: CallbackFates::default(),
    }
}
