//! The rows of the main table that come from checkers.

use std::time::Instant;

use wakeproof_conform::comparison::{Compared, Explorer, compare};
use wakeproof_conform::models;
use wakeproof_conform::program::Program;
use wakeproof_conform::relation::Source;
use wakeproof_conform::spec::proofs::Proofs;
use wakeproof_conform::spec::{Finding, Model, Specification, check_all};
use wakeproof_explore::platform::Environment;
use wakeproof_explore::{Exploration, Limits, Search, Verdict};
use wakeproof_faults::InboxFault;
use wakeproof_model_tests::faults::SetWithoutWakeup;
use wakeproof_model_tests::models::CorrectSteps;
use wakeproof_model_tests::models::{EventFromAnotherThread, Subject, Submit};

use crate::report::{Row, Work, grouped};
use crate::threads::Call;
use crate::{interrupt, specification};

/// Two threads submit to a loop that may be falling asleep, or one thread sets an event that a task waits
/// for. Each with and without the wakeup, in an environment, under loom and shuttle.
///
/// # Errors
///
/// If a checker cannot do its work.
pub(crate) fn explored(environment: Environment) -> anyhow::Result<Vec<Row>> {
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
            Subject::with::<Submit<2, 1>>(InboxFault::NoNotify),
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
    .map(|(name, call, subject)| (name, call, subject.in_environment(environment)));

    let limits = Limits::default();
    interrupt::ends(&limits.progress);
    let mut rows = Vec::new();
    for (name, call, subject) in subjects {
        let exploration = subject.loom(&limits)?;
        rows.push(explored_row("loom", name, call, &exploration, "executions"));
    }
    for (name, call, subject) in subjects {
        let exploration = subject.shuttle(Search::Exhaustive, &limits);
        rows.push(explored_row(
            "shuttle",
            name,
            call,
            &exploration,
            "schedules",
        ));
    }
    Ok(rows)
}

fn explored_row(
    checker: &str,
    subject: &str,
    call: Call,
    exploration: &Exploration,
    unit: &str,
) -> Row {
    let expected = match call {
        Call::Safe => "no lost wakeup",
        Call::Unsafe => "a lost wakeup",
    };
    let found = match &exploration.verdict {
        Verdict::Proved(_) => "no lost wakeup, proved".into(),
        Verdict::Found(found) => format!("a lost wakeup after {} steps", found.journal.steps()),
        Verdict::NotProved(_) | Verdict::CannotJudge(_) => exploration.to_string(),
    };
    let as_expected = match call {
        Call::Safe => exploration.is_proved(),
        Call::Unsafe => matches!(exploration.verdict, Verdict::Found(_)),
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
        as_expected: Some(as_expected),
    }
}

/// The rows of models of the specification.
///
/// # Errors
///
/// If the specification cannot be read or checked.
pub(crate) fn specified(names: &[&str]) -> anyhow::Result<Vec<Row>> {
    let specification = Specification::load(&specification::directory()?)?;
    let names: Vec<String> = names.iter().map(|&name| name.into()).collect();
    let models = specification.select(&names)?;
    let findings = check_all(&models, || ())?;
    let row = |(model, finding): (&&Model, &Finding)| Row {
        checker: "TLA+".to_owned(),
        subject: model.name.clone(),
        expected: model.expected.in_words(),
        found: finding.in_words(),
        work: Work {
            count: finding.distinct_states,
            unit: "distinct states".to_owned(),
        },
        seconds: finding.seconds,
        as_expected: Some(finding.differences(&model.expected).is_empty()),
    };
    Ok(models.iter().zip(&findings).map(row).collect())
}

/// The row of the proofs for any number of threads. tlapm, which cannot be had everywhere, has checked them
/// before; what is checked now is that no module has changed since.
///
/// # Errors
///
/// If a module or the record cannot be read.
pub(crate) fn proved() -> anyhow::Result<Vec<Row>> {
    /// The module whose theorem sums up all others.
    const WHOLE: &str = "CondvarLoopSafety";

    let started = Instant::now();
    let proofs = Proofs::load(&specification::directory()?)?;
    let problem = proofs.problems().into_iter().next();
    let checked = proofs.record().modules.get(WHOLE);
    let as_expected = problem.is_none() && checked.is_some();
    let found = match (problem, checked) {
        (Some(problem), _) => problem,
        (None, None) => format!("{WHOLE} was never checked"),
        (None, Some(checked)) => format!("proved {}, unchanged since", checked.date),
    };
    Ok(vec![Row {
        checker: "TLAPS".into(),
        subject: "CondvarLoop, any number of threads".into(),
        expected: "safety proved".into(),
        found,
        work: Work {
            count: proofs.obligations(WHOLE),
            unit: "obligations".into(),
        },
        seconds: started.elapsed().as_secs_f64(),
        as_expected: Some(as_expected),
    }])
}

/// The rows that compare code with `CondvarLoop` in one of the models of `wakeproof conform`: the correct code, and
/// code without the wakeup.
///
/// # Errors
///
/// If the specification cannot be read or evaluated.
pub(crate) fn followed(model: &str) -> anyhow::Result<Vec<Row>> {
    let safe = compared(model, None)?;
    let without_wakeup = compared(model, Some(InboxFault::NoNotify))?;
    let covered = safe.covered.as_ref();
    let shows_all = covered.is_some_and(|covered| covered.is_everything());
    let found = match (&safe.refused, covered) {
        (Some(refused), _) => format!("refused at {}", refused.what),
        (None, Some(covered)) => format!(
            "0 refused, shown {} of {} steps",
            grouped(covered.transitions as u64),
            grouped(covered.of_transitions as u64)
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
        followed_row(
            "code against CondvarLoop",
            "the same steps",
            found,
            &safe,
            is_right,
        ),
        followed_row(
            "code that does not notify",
            "refused",
            refused_at,
            &without_wakeup,
            is_refused,
        ),
    ])
}

fn compared(model: &str, fault: Option<InboxFault>) -> anyhow::Result<Compared> {
    let model = &models::select(&[model.into()])?[0];
    compare::<CorrectSteps>(
        fault,
        &Source::correct(&specification::directory()?),
        &Program::all(model.bounds, false),
        Explorer::ShuttleDepthFirst,
        &Limits::default(),
    )
}

fn followed_row(
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
        as_expected: Some(as_expected),
    }
}
