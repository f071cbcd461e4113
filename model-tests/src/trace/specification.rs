//! A counterexample of the specification, in lanes.

use anyhow::Context;

use super::{Told, Trace};
use crate::faults::Fault;
use crate::spec::{self, Specification};

pub(super) fn trace(fault: &Fault) -> anyhow::Result<Trace> {
    let name = fault
        .specified_as
        .with_context(|| format!("the specification does not have {}", fault.name))?;
    let specification = Specification::load(&spec::default_directory())?;
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
            "TLA+, {name}: the nearest of {} states, {} steps",
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
