//! Finds a counterexample for a fault, with the requested checker.

use std::sync::Arc;

use anyhow::Context;
use wakeproof_conform::spec::Specification;
use wakeproof_explore::trace::Trace;
use wakeproof_explore::{Exploration, Limits};
use wakeproof_model_tests::faults::{Checker, Fault};

use crate::report::grouped;
use crate::{specification, specified};

/// Finds a counterexample: under shuttle the shortest, under loom the first with the fewest preemptions. `None` if
/// the checker finds nothing wrong.
///
/// # Errors
///
/// If the checker cannot see the fault, or has no counterexamples to show.
pub(crate) fn find(
    fault: &Fault,
    checker: Checker,
    limits: &Limits,
) -> anyhow::Result<Option<Trace>> {
    if let Some(why) = fault.blindness(checker) {
        anyhow::bail!(
            "{checker} cannot show {}: {why}{}",
            fault.name,
            others(fault)
        );
    }
    match checker {
        Checker::Loom => with_few_preemptions(fault, limits),
        Checker::ShuttleDepthFirst => {
            let exploration = fault.faulty.shortest(limits);
            if exploration.counterexample().is_none() {
                return Ok(None);
            }
            let executions = grouped(exploration.executions);
            let worth = if exploration.is_complete {
                format!("the shortest of all {executions} schedules")
            } else {
                format!("the shortest of the first {executions} schedules")
            };
            told(fault, exploration, &format!("{checker}: {worth}"), limits).map(Some)
        }
        Checker::Tla => of_the_specification(fault),
        Checker::ShuttlePct | Checker::ShuttleRandom | Checker::Threads | Checker::Properties => {
            anyhow::bail!("{checker} has no trace to show; loom, shuttle and tla have")
        }
    }
}

/// Which checkers show it instead.
fn others(fault: &Fault) -> String {
    let all = [
        (Checker::Loom, "loom"),
        (Checker::ShuttleDepthFirst, "shuttle"),
        (Checker::Tla, "tla"),
    ];
    let able = all.iter().filter(|(checker, _)| {
        let is_specified = *checker != Checker::Tla || fault.specified_as.is_some();
        fault.blindness(*checker).is_none() && is_specified
    });
    let able: Vec<String> = able.map(|(_, name)| format!("--checker {name}")).collect();
    match able[..] {
        [] => String::new(),
        _ => format!("; {} can", able.join(" or ")),
    }
}

fn with_few_preemptions(fault: &Fault, limits: &Limits) -> anyhow::Result<Option<Trace>> {
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
            grouped(exploration.executions)
        );
        if let Some(found) = exploration.counterexample() {
            let execution = found.execution;
            let worth = format!(
                "loom: execution {execution}, with at most {preemptions} preemptions; fewer do not suffice"
            );
            return told(fault, exploration, &worth, &limits).map(Some);
        }
    }
    Ok(None)
}

/// Tells what was found. The execution is run again, so that it can be told in full.
pub(crate) fn told(
    fault: &Fault,
    exploration: Exploration,
    worth: &str,
    limits: &Limits,
) -> anyhow::Result<Trace> {
    let replay = exploration
        .counterexample()
        .and_then(|found| found.replay.clone());
    let told = match &replay {
        Some(replay) => {
            let limits = Limits {
                progress: Arc::new(limits.progress.of_another()),
                ..limits.clone()
            };
            fault.faulty.told(replay, &limits)?
        }
        None => exploration,
    };
    let trace = Trace::told(fault.name, fault.wrong, &told, worth)?;
    Ok(trace.goes_wrong_at(fault.wrong_step))
}
/// The counterexample of the specification, with a lane for each thread.
fn of_the_specification(fault: &Fault) -> anyhow::Result<Option<Trace>> {
    let name = fault.specified_as.with_context(|| {
        format!(
            "the specification does not have {}{}",
            fault.name,
            others(fault)
        )
    })?;
    let specification = Specification::load(&specification::directory()?)?;
    let finding = specification.model(name)?.check()?;
    let Some(found) = specified::tell(&finding) else {
        return Ok(None);
    };
    let trace = Trace {
        fault: fault.name.into(),
        wrong: fault.wrong.into(),
        found: format!(
            "TLA+, {name}: {} states explored breadth first, {} steps",
            grouped(finding.distinct_states),
            found.steps.len()
        ),
        schedule: None,
        threads: found.threads,
        steps: found.steps,
        wrong_step: None,
        ends: found.ends,
        end: found.end,
    };
    Ok(Some(match fault.wrong_action {
        Some(action) => trace.goes_wrong_at(action),
        None => trace,
    }))
}

#[cfg(test)]
mod tests {
    use wakeproof_conform::spec::in_parallel;
    use wakeproof_explore::trace::{Notified, Page};
    use wakeproof_model_tests::faults;

    use super::*;

    /// Each fault with each checker that can see it, and what it finds.
    fn drawings() -> Vec<(String, Trace)> {
        let checkers = [Checker::Tla, Checker::Loom, Checker::ShuttleDepthFirst];
        let faults = faults::catalogue();
        let pairs: Vec<(&Fault, Checker)> = faults
            .iter()
            .flat_map(|fault| checkers.map(|checker| (fault, checker)))
            .filter(|(fault, checker)| fault.blindness(*checker).is_none())
            .collect();
        assert!(pairs.len() > 2 * faults.len(), "most are seen by all three");
        let limits = Limits {
            executions: Some(100_000),
            ..Limits::default()
        };
        let drawn = in_parallel(&pairs, |(fault, checker)| {
            let limits = Limits {
                progress: Arc::default(),
                ..limits.clone()
            };
            let trace = find(fault, *checker, &limits)?.context("it finds nothing")?;
            Ok((format!("{} under {checker}", fault.name), trace))
        });
        drawn.unwrap_or_else(|why| panic!("{why:#}"))
    }

    #[test]
    fn every_drawing_names_the_step_that_goes_wrong_and_is_readable() {
        let drawings = drawings();
        for (name, trace) in &drawings {
            let sections = trace.sections();
            let wrong = sections.iter().filter(|section| section.is_wrong).count();
            assert_eq!(wrong, 1, "{name}:\n{}", trace.to_text());
            let mut threads = trace.threads.clone();
            threads.sort();
            threads.dedup();
            assert_eq!(
                threads.len(),
                trace.threads.len(),
                "{name}: one lane a thread"
            );
            assert_eq!(threads.len(), trace.ends.len(), "{name}");
            for (width, is_ascii) in [(40, false), (80, false), (80, true), (200, false)] {
                let page = Page {
                    width,
                    is_ascii,
                    has_colours: false,
                };
                let text = trace.to_page(&page);
                for line in text.lines() {
                    assert!(line.chars().count() <= width, "{name}:\n{text}");
                    assert!(!is_ascii || line.is_ascii(), "{name}:\n{text}");
                }
                assert!(text.contains("=> "), "{name}");
            }
            let svg = trace.to_svg();
            assert_eq!(svg.matches("class=\"bad\"").count(), 1, "{name}");
            let mermaid = trace.to_mermaid();
            assert_eq!(mermaid.matches("rect rgb").count(), 1, "{name}");
        }
        let of = |name: &str| {
            let found = drawings.iter().find(|(known, _)| known == name);
            found.map(|(_, trace)| trace).expect(name)
        };
        // The deadline of stale-deadline is in sight, and the clock.
        let stale = of("stale-deadline under shuttle depth-first").to_page(&Page {
            width: 120,
            ..Page::default()
        });
        for what in [
            "deadline: 60s",
            "waits until 60s",
            "time passes: 0s",
            "clock",
        ] {
            assert!(stale.contains(what), "{what}:\n{stale}");
        }
        // The steps of the loop have their lines.
        let plain = of("no-notify under shuttle depth-first");
        for (action, file) in [("Sleep", "src/inbox.rs:"), ("Enqueue", "src/inbox.rs:")] {
            let step = plain
                .steps
                .iter()
                .find(|step| step.action.as_deref() == Some(action));
            let at = step.and_then(|step| step.at.as_deref());
            assert!(
                at.is_some_and(|at| at.starts_with(file)),
                "{action}: {at:?}"
            );
        }
        // A notification is an arrow to the thread that it wakes, or to nobody.
        let without_lock = of("notify-without-lock under loom");
        let notifies = without_lock.steps.iter().find_map(|step| step.notifies);
        assert_eq!(notifies, Some(Notified::Nobody));
        let holder = &without_lock.steps[without_lock.wrong_step.expect("it goes wrong")];
        assert_eq!(
            holder.shared.mutex.as_deref(),
            Some("main"),
            "who looks holds the mutex"
        );
        let wrong_sleeper = of("wrong-sleeper under loom");
        let step = &wrong_sleeper.steps[wrong_sleeper.wrong_step.expect("it goes wrong")];
        assert_eq!(step.notifies, Some(Notified::Thread(2)), "the other taker");
    }
}
