//! The programs of the yardstick fail, each of them that is small.

#[allow(dead_code, reason = "the table is printed by the example")]
#[path = "../../examples/yardstick/main.rs"]
mod example;

use wakeproof_explore::{Environment, Limits, Search, shuttle};

/// With more threads than that, a schedule that fails is rare.
const LARGE: [&str; 4] = [
    "CS.reorder_10",
    "CS.reorder_20",
    "CS.twostage_100",
    "safestack",
];

#[test]
fn every_small_program_fails() {
    let limits = Limits {
        executions: Some(10_000),
        ..Limits::default()
    };
    for (name, program, _) in example::PROGRAMS {
        if LARGE.contains(name) {
            continue;
        }
        let explored = shuttle(
            Environment::QUIET,
            Search::Random { seed: 1 },
            &limits,
            *program,
        );
        assert!(explored.counterexample().is_some(), "{name}: {explored}");
    }
}
