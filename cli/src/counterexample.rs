//! Finds a counterexample for a fault, with the requested checker.

use anyhow::Context;
use wakeproof_conform::spec::Specification;
use wakeproof_explore::Limits;
use wakeproof_explore::trace::{Told, Trace};
use wakeproof_model_tests::faults::{Checker, Fault};

use crate::specification;

/// Finds a counterexample: under shuttle the shortest, under loom the first with the fewest preemptions.
///
/// # Errors
///
/// If the checker cannot see the fault, or finds no counterexample.
pub(crate) fn find(fault: &Fault, checker: Checker, limits: &Limits) -> anyhow::Result<Trace> {
    if let Some(why) = fault.blindness(checker) {
        anyhow::bail!("{checker} cannot see {}: it {why}", fault.name);
    }
    match checker {
        Checker::Loom => with_few_preemptions(fault, limits),
        Checker::ShuttleDepthFirst => {
            let exploration = fault.faulty.shortest(limits);
            let executions = exploration.executions;
            let worth = if exploration.is_complete {
                format!("the shortest of all {executions} schedules")
            } else {
                format!("the shortest of the first {executions} schedules")
            };
            Ok(Trace::told(
                fault.name,
                fault.wrong,
                &exploration,
                &format!("{checker}: {worth}"),
            )?)
        }
        Checker::Tla => of_the_specification(fault),
        Checker::ShuttlePct | Checker::ShuttleRandom | Checker::Threads | Checker::Properties => {
            anyhow::bail!("{checker} has no trace to show; loom, shuttle and tla have")
        }
    }
}

fn with_few_preemptions(fault: &Fault, limits: &Limits) -> anyhow::Result<Trace> {
    const MOST: usize = 4;
    for preemptions in 0..=MOST {
        let limits = Limits {
            preemptions: Some(preemptions),
            ..limits.clone()
        };
        let exploration = fault.faulty.loom(&limits)?;
        anyhow::ensure!(
            !limits.progress.is_cancelled(),
            "interrupted after {} executions with {preemptions} preemptions",
            exploration.executions
        );
        if let Some(found) = exploration.counterexample() {
            let execution = found.execution;
            let worth = format!(
                "loom: execution {execution}, with at most {preemptions} preemptions; fewer do not suffice"
            );
            return Ok(Trace::told(fault.name, fault.wrong, &exploration, &worth)?);
        }
    }
    anyhow::bail!(
        "loom finds nothing wrong with {} in executions with at most {MOST} preemptions",
        fault.name
    )
}

/// The counterexample of the specification, with a lane for each thread.
fn of_the_specification(fault: &Fault) -> anyhow::Result<Trace> {
    let name = fault
        .specified_as
        .with_context(|| format!("the specification does not have {}", fault.name))?;
    let specification = Specification::load(&specification::directory()?)?;
    let finding = specification.model(name)?.check()?;
    let Some(found) = &finding.trace else {
        anyhow::bail!("the specification finds nothing wrong with {}", fault.name);
    };
    let mut threads: Vec<String> = Vec::new();
    let mut steps = Vec::new();
    for step in found.steps() {
        let thread = threads
            .iter()
            .position(|known| *known == step.who)
            .unwrap_or_else(|| {
                threads.push(step.who.clone());
                threads.len() - 1
            });
        let what = if step.what.is_empty() {
            step.action.clone()
        } else {
            format!("{}: {}", step.action, step.what)
        };
        steps.push(Told {
            thread,
            what,
            notifies: None,
        });
    }
    Ok(Trace {
        fault: fault.name.into(),
        wrong: fault.wrong.into(),
        found: format!(
            "TLA+, {name}: {} states explored breadth first, {} steps",
            finding.distinct_states,
            steps.len()
        ),
        schedule: None,
        ends: threads.iter().map(|_| "…".into()).collect(),
        threads,
        steps,
        end: finding.in_words(),
    })
}
