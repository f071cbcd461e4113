//! loom and shuttle find every fault of the catalogue that they can see, and prove the model without the
//! fault.

use wakeproof_explore::{Exploration, Limits, Search, Stop, Verdict};
use wakeproof_model_tests::faults::{Checker, Fault, catalogue};
use wakeproof_model_tests::models::Subject;

use crate::watchdog;

/// Models with more schedules than a test has time for: three threads wait for each other in many ways, or
/// each step takes a lock of its own. loom proves them.
const TOO_MANY_SCHEDULES: [&str; 3] = [
    "wrong-sleeper",
    "asyncio-torn-append",
    "asyncio-blocking-write",
];

fn check(checker: Checker, explore: impl Fn(&Subject) -> Exploration) {
    let _watchdog = watchdog::guard();
    for fault in catalogue() {
        let Fault { name, blind, .. } = fault;
        let correct = explore(&fault.correct);
        println!("{name}, correct: {correct} ({:?})", correct.time);
        let may_be_cut_short =
            checker == Checker::ShuttleDepthFirst && TOO_MANY_SCHEDULES.contains(&name);
        match correct.stopped_by() {
            Some(Stop::Executions(_)) => assert!(may_be_cut_short, "{name}: {correct}"),
            _ => assert!(correct.is_proved(), "{name}: {correct}"),
        }
        let faulty = explore(&fault.faulty);
        println!("{name}: {faulty} ({:?})", faulty.time);
        let is_blind = blind.iter().any(|(blind, _)| *blind == checker);
        match faulty.verdict {
            Verdict::Found(_) => assert!(!is_blind, "{name}: found, although listed as invisible"),
            Verdict::Proved(_) => assert!(is_blind, "{name}: not found"),
            _ => panic!("{name}: {faulty}"),
        }
    }
}

/// More executions than any fault needs to show.
fn limits() -> Limits {
    Limits {
        executions: Some(30_000),
        ..Limits::default()
    }
}

#[test]
fn loom_finds_every_fault() {
    check(Checker::Loom, |subject| {
        subject.loom(&limits()).expect("few threads")
    });
}

#[test]
fn shuttle_finds_every_fault() {
    check(Checker::ShuttleDepthFirst, |subject| {
        subject.shuttle(Search::Exhaustive, &limits())
    });
}
