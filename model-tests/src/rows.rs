//! The rows of loom and shuttle in the main table.

use crate::explore::{Exploration, Limits, Outcome, Search};
use crate::faults::NoNotify;
use crate::models::{SPURIOUS, Subject, Submit};
use crate::report::{Row, Work};

/// Two threads submit to a loop that may be going to sleep, and a spurious wakeup may come: with the
/// wakeup and without it, under loom and under shuttle.
///
/// # Errors
///
/// If a checker cannot do its work.
pub fn rows() -> anyhow::Result<Vec<Row>> {
    type Model = Submit<2, 1>;
    let limits = Limits::default();
    let safe = Subject::correct::<Model>().in_environment(SPURIOUS);
    let without_wakeup = Subject::new::<Model, NoNotify>().in_environment(SPURIOUS);
    let every_schedule = Search::Exhaustive;
    Ok(vec![
        row("loom", Call::Safe, &safe.loom(&limits)?, "executions"),
        row(
            "loom",
            Call::Unsafe,
            &without_wakeup.loom(&limits)?,
            "executions",
        ),
        row(
            "shuttle",
            Call::Safe,
            &safe.shuttle(every_schedule, &limits),
            "schedules",
        ),
        row(
            "shuttle",
            Call::Unsafe,
            &without_wakeup.shuttle(every_schedule, &limits),
            "schedules",
        ),
    ])
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Call {
    Safe,
    Unsafe,
}

fn row(checker: &str, call: Call, exploration: &Exploration, unit: &str) -> Row {
    let (subject, expected) = match call {
        Call::Safe => ("call_soon_threadsafe from 2 threads", "no lost wakeup"),
        Call::Unsafe => ("call_soon from 2 threads", "a lost wakeup"),
    };
    let found = match &exploration.outcome {
        Outcome::Exhausted => "no lost wakeup, all explored".into(),
        Outcome::Found(found) => format!("a lost wakeup after {} steps", found.journal.steps()),
        Outcome::Sampled | Outcome::CutShort(_) => exploration.to_string(),
    };
    let as_expected = match call {
        Call::Safe => matches!(exploration.outcome, Outcome::Exhausted),
        Call::Unsafe => matches!(exploration.outcome, Outcome::Found(_)),
    };
    Row {
        checker: checker.into(),
        subject: subject.into(),
        expected: expected.into(),
        found,
        work: Work {
            count: exploration.executions,
            unit: unit.into(),
        },
        seconds: exploration.time.as_secs_f64(),
        as_expected,
    }
}
