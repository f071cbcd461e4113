//! Executions compared with the specification, step by step, in both directions.
//!
//! The specification is `spec/CondvarLoop.tla`, evaluated from the file itself. An execution is a
//! list of steps, each with what it has led to: one that a model checker explores
//! ([`comparison`]), or a [`recording`] that this loop or any other program has made. A
//! [`follower::Follower`] keeps the set of the specification's states that the execution could be
//! in, and refuses the first step that leaves none. The other direction is [`coverage`]: which of
//! the specification's states and transitions some execution has gone through.
//!
//! Whether the link between the two is sharp is tried from both ends: [`faults`] puts wrong code
//! against it, [`mutants`] a wrong specification.

use wakeproof::inbox::{Correct, Protocol};

use crate::conform::comparison::{Compared, Explorer, compare};
use crate::conform::program::Program;
use crate::conform::relation::Source;
use crate::explore::Limits;
use crate::faults::{CorrectSteps, NoNotify};
use crate::report::{Row, Work};
use crate::spec::default_directory;

pub mod action;
pub mod comparison;
pub mod coverage;
pub mod event_task;
pub mod faults;
pub mod follower;
pub mod graph;
pub mod loop_models;
pub mod models;
mod module;
pub mod mutants;
pub mod outcome;
pub mod program;
pub mod recording;
pub mod relation;
pub mod timers;

/// The rows of the main table: the code as it is, and without the wakeup, against `CondvarLoop`.
///
/// # Errors
///
/// If the specification cannot be read or evaluated.
pub fn rows() -> anyhow::Result<Vec<Row>> {
    let safe = in_overview::<Correct>()?;
    let without_wakeup = in_overview::<NoNotify>()?;
    let covered = safe.covered.as_ref();
    let shows_all = covered.is_some_and(|covered| covered.is_everything());
    let found = match (&safe.refused, covered) {
        (Some(refused), _) => format!("refused at {}", refused.what),
        (None, Some(covered)) => format!(
            "0 refused, shown {} of {} steps",
            covered.transitions, covered.of_transitions
        ),
        (None, None) => "0 refused".into(),
    };
    let is_right = safe.refused.is_none() && safe.cut_short.is_none() && shows_all;
    let refused_at = match &without_wakeup.refused {
        Some(refused) => format!("refused at {}", refused.what),
        None => "0 refused".into(),
    };
    let is_refused = without_wakeup.refused.is_some();
    Ok(vec![
        row(
            "code against CondvarLoop",
            "the same steps",
            found,
            &safe,
            is_right,
        ),
        row(
            "code that does not notify",
            "refused",
            refused_at,
            &without_wakeup,
            is_refused,
        ),
    ])
}

/// The model in which a thread submits and another stops the loop.
fn in_overview<V: Protocol + std::fmt::Debug>() -> anyhow::Result<Compared> {
    let model = &models::select(&["stop".into()])?[0];
    compare::<V, CorrectSteps>(
        &Source::correct(&default_directory()),
        &Program::all(model.bounds, false),
        Explorer::ShuttleDepthFirst,
        &Limits::default(),
    )
}

fn row(
    subject: &str,
    expected: &str,
    found: String,
    compared: &Compared,
    as_expected: bool,
) -> Row {
    Row {
        checker: "TLA+ steps".into(),
        subject: subject.into(),
        expected: expected.into(),
        found,
        work: Work {
            count: compared.executions,
            unit: "executions".into(),
        },
        seconds: compared.seconds,
        as_expected,
    }
}
