//! The rows of loom and shuttle in the main table.

use crate::explore::{Exploration, Limits, Outcome, Search};
use crate::faults::{CorrectSteps, NoNotify, SetWithoutWakeup};
use crate::models::{EventFromAnotherThread, SPURIOUS, Subject, Submit};
use crate::report::{Row, Work};
use crate::threads::Call;

/// Two threads submit to a loop that may be going to sleep, or one sets an event that a task waits
/// for, and a spurious wakeup may come: with the wakeup and without it, under loom and under shuttle.
///
/// # Errors
///
/// If a checker cannot do its work.
pub fn rows() -> anyhow::Result<Vec<Row>> {
    type Event<S> = EventFromAnotherThread<1, S>;
    let subjects = [
        (
            "call_soon_threadsafe from 2 threads",
            Call::Safe,
            Subject::correct::<Submit<2, 1>>(),
        ),
        (
            "call_soon from 2 threads",
            Call::Unsafe,
            Subject::new::<Submit<2, 1>, NoNotify>(),
        ),
        (
            Call::Safe.event_subject(),
            Call::Safe,
            Subject::correct::<Event<CorrectSteps>>(),
        ),
        (
            Call::Unsafe.event_subject(),
            Call::Unsafe,
            Subject::correct::<Event<SetWithoutWakeup>>(),
        ),
    ]
    .map(|(name, call, subject)| (name, call, subject.in_environment(SPURIOUS)));

    let limits = Limits::default();
    let mut rows = Vec::new();
    for (name, call, subject) in subjects {
        let exploration = subject.loom(&limits)?;
        rows.push(row("loom", name, call, &exploration, "executions"));
    }
    for (name, call, subject) in subjects {
        let exploration = subject.shuttle(Search::Exhaustive, &limits);
        rows.push(row("shuttle", name, call, &exploration, "schedules"));
    }
    Ok(rows)
}

fn row(checker: &str, subject: &str, call: Call, exploration: &Exploration, unit: &str) -> Row {
    let expected = match call {
        Call::Safe => "no lost wakeup",
        Call::Unsafe => "a lost wakeup",
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
