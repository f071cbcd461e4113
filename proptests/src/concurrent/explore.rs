//! Running programs under many random schedules.

use std::panic;

use wakeproof_explore::observe::{self, Watch};
use wakeproof_explore::{self as explore, Environment, Exploration, Limits, Schedule, Search};
use wakeproof_faults::{Chosen, choose};

/// A search of each kind: any thread with equal probability; threads with priorities, which change at
/// few points; and all schedules with about the same probability.
#[must_use]
pub fn searches(seed: u64) -> [Search; 3] {
    [
        Search::Random { seed },
        Search::Pct { seed, depth: 3 },
        Search::RandomWalk { seed },
    ]
}

/// Runs `body` under `executions` schedules, with what was chosen to be wrong, until one fails.
///
/// # Errors
///
/// Why an execution failed, and its schedule. A panic is a failure, and so is a deadlock.
pub fn explore(
    search: Search,
    executions: u64,
    wrong: Chosen,
    body: impl Fn() -> Result<(), String> + Send + Sync + 'static,
) -> Result<(), (String, Schedule)> {
    let limits = Limits {
        executions: Some(executions),
        ..Limits::default()
    };
    let body = unwatched(wrong, body);
    failure(explore::shuttle(Environment::QUIET, search, &limits, body))
}

/// Runs `body` under one schedule.
///
/// # Errors
///
/// Why the execution failed, and its schedule.
pub fn replay(
    schedule: &Schedule,
    wrong: Chosen,
    body: impl Fn() -> Result<(), String> + Send + Sync + 'static,
) -> Result<(), (String, Schedule)> {
    let body = unwatched(wrong, body);
    failure(explore::replay(Environment::QUIET, schedule, body))
}

/// The steps are not written down: the history is what is judged.
fn unwatched(
    wrong: Chosen,
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
    match explored.outcome {
        explore::Outcome::Found(found) => Err((found.message, found.schedule.unwrap_or_default())),
        _ => Ok(()),
    }
}
