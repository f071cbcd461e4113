//! Runs programs under many random schedules.

use std::panic;

use wakeproof_explore::observe::{self, Watch};
use wakeproof_explore::{
    self as explore, DoesNotFit, Environment, Exploration, Limits, Schedule, Search, Verdict,
};
use wakeproof_faults::{FaultChoice, choose};

/// One search of each kind: each thread equally likely; threads with priorities that change at a few
/// points; and each schedule about equally likely.
#[must_use]
pub fn searches(seed: u64) -> [Search; 3] {
    [
        Search::Random { seed },
        Search::Pct { seed, depth: 3 },
        Search::RandomWalk { seed },
    ]
}

/// Runs `body` with this fault under at most `executions` schedules, until one fails.
///
/// # Errors
///
/// Why an execution failed, and its schedule. Panics and deadlocks are failures.
pub fn explore(
    search: Search,
    executions: u64,
    wrong: FaultChoice,
    body: impl Fn() -> Result<(), String> + Send + Sync + 'static,
) -> Result<(), (String, Schedule)> {
    let limits = Limits {
        executions: Some(executions),
        ..Limits::default()
    };
    let body = unwatched(wrong, body);
    failure(explore::shuttle(Environment::QUIET, search, &limits, body))
}

/// Runs `body` with this fault under one schedule.
///
/// # Errors
///
/// If the schedule is not one of `body`'s.
pub fn replay(
    schedule: &Schedule,
    wrong: FaultChoice,
    body: impl Fn() -> Result<(), String> + Send + Sync + 'static,
) -> Result<Result<(), (String, Schedule)>, DoesNotFit> {
    let body = unwatched(wrong, body);
    explore::replay(Environment::QUIET, schedule, body).map(failure)
}

/// Runs `body` without a journal: only its history counts.
fn unwatched(
    wrong: FaultChoice,
    body: impl Fn() -> Result<(), String> + Send + Sync + 'static,
) -> impl Fn() + Send + Sync + 'static {
    move || {
        observe::watch(Watch::NOBODY);
        choose(wrong);
        if let Err(reason) = body() {
            panic::resume_unwind(Box::new(reason));
        }
    }
}

fn failure(explored: Exploration) -> Result<(), (String, Schedule)> {
    match explored.verdict {
        Verdict::Found(found) => {
            let schedule = found.schedule().cloned().unwrap_or_default();
            Err((found.message, schedule))
        }
        Verdict::CannotJudge(cannot) => Err((cannot.why, Schedule::default())),
        Verdict::Proved(_) | Verdict::NotProved(_) => Ok(()),
    }
}
