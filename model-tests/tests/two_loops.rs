//! The models on asyncio's design: those that hold fail if a step is wrong, and the one that does not hold is
//! found to fail.

use std::time::Duration;

use wakeproof_explore::{Exploration, Limits, Search, Stop};
use wakeproof_model_tests::models::Subject;
use wakeproof_model_tests::pairs::{Pair, pairs};
use wakeproof_model_tests::two_loops::{Body, OnAsyncio, asyncio_pairs, bodies};

use crate::models::{assert_found, assert_proved, with_a_spurious_wakeup};
use crate::watchdog;

fn at_most(executions: u64) -> Limits {
    Limits {
        executions: Some(executions),
        ..Limits::default()
    }
}

fn loom(subject: Subject, executions: u64) -> Exploration {
    subject.loom(&at_most(executions)).expect("few threads")
}

#[track_caller]
fn assert_cut_short(name: &str, exploration: &Exploration) {
    println!("{name}: {exploration} ({:?})", exploration.time);
    assert!(
        matches!(
            exploration.stopped_by(),
            Some(Stop::Executions(_) | Stop::Samples(_))
        ),
        "{name}: {exploration}"
    );
}

/// Each step of this design takes a lock of its own, so there are more executions than of the condvar loop.
/// The ignored test below goes to the end of these.
const TOO_MANY_EXECUTIONS: [&str; 3] = [
    "2 threads submit 1 callback each",
    "stop races with submit",
    "two loops submit to each other",
];
/// Models that a test has time for only without a spurious wakeup.
const TOO_MANY_WITH_A_SPURIOUS_WAKEUP: [&str; 2] =
    ["1 thread submits 2 callbacks", "stop behind a callback"];

#[test]
fn asyncio_under_loom() {
    let _watchdog = watchdog::guard();
    for Pair {
        name,
        correct,
        faulty,
    } in asyncio_pairs()
    {
        assert_found(&format!("{name}, faulty"), &loom(faulty, 10_000));
        if TOO_MANY_EXECUTIONS.contains(&name) {
            assert_cut_short(name, &loom(correct, 2_000));
            continue;
        }
        assert_proved(name, &loom(correct, 10_000));
        if !TOO_MANY_WITH_A_SPURIOUS_WAKEUP.contains(&name) {
            let hostile = with_a_spurious_wakeup(correct);
            let with = format!("{name}, spurious wakeup");
            assert_proved(&with, &loom(hostile, 10_000));
        }
    }
}

/// `cargo test -p wakeproof-model-tests --release --test main asyncio -- --ignored --nocapture`
#[test]
#[ignore = "explores every execution of the large models, which takes several minutes"]
fn asyncio_under_loom_to_the_end() {
    for Pair { name, correct, .. } in asyncio_pairs() {
        let limits = Limits::default();
        assert_proved(name, &correct.loom(&limits).expect("few threads"));
        let hostile = with_a_spurious_wakeup(correct).loom(&limits);
        let with = format!("{name}, spurious wakeup");
        assert_proved(&with, &hostile.expect("few threads"));
    }
}

/// The models with few enough schedules to try every one. The others are sampled.
const FEW_SCHEDULES: [&str; 3] = [
    "1 thread submits 1 callback",
    "stop races with sleep",
    "handles are dropped",
];

#[test]
fn asyncio_under_shuttle() {
    let _watchdog = watchdog::guard();
    for Pair {
        name,
        correct,
        faulty,
    } in asyncio_pairs()
    {
        let faulty = faulty.shuttle(Search::Exhaustive, &at_most(10_000));
        assert_found(&format!("{name}, faulty"), &faulty);
        if FEW_SCHEDULES.contains(&name) {
            let every = Search::Exhaustive;
            assert_proved(name, &correct.shuttle(every, &at_most(10_000)));
            let hostile = with_a_spurious_wakeup(correct);
            let with = format!("{name}, spurious wakeup");
            assert_proved(&with, &hostile.shuttle(every, &at_most(10_000)));
        } else {
            for search in [
                Search::Random { seed: 1 },
                Search::Pct { seed: 2, depth: 3 },
            ] {
                let with = format!("{name}, {search:?}");
                assert_cut_short(&with, &correct.shuttle(search, &at_most(1_000)));
            }
        }
    }
}

#[test]
fn asyncio_on_real_threads() {
    let _watchdog = watchdog::guard();
    for Pair { name, correct, .. } in asyncio_pairs() {
        let exploration = correct.on_threads(Duration::from_secs(20), &at_most(50));
        assert_cut_short(name, &exploration);
    }
}

#[test]
fn what_holds_for_one_loop_only_is_found_to_fail_for_the_other() {
    let _watchdog = watchdog::guard();
    let mut differences = Vec::new();
    for Body { name, on_asyncio } in bodies() {
        let OnAsyncio::Fails {
            on_condvar,
            on_asyncio,
            ..
        } = on_asyncio
        else {
            continue;
        };
        differences.push(name);
        let shuttle = |subject: Subject| subject.shuttle(Search::Exhaustive, &at_most(10_000));
        assert_proved(name, &loom(on_condvar, 10_000));
        assert_proved(name, &shuttle(on_condvar));
        assert_found(name, &loom(on_asyncio, 10_000));
        assert_found(name, &shuttle(on_asyncio));
    }
    assert_eq!(differences, ["close races with submit"]);
}

#[test]
fn every_model_of_the_condvar_loop_has_its_answer() {
    assert_eq!(bodies().len(), pairs().len());
    assert_eq!(asyncio_pairs().len(), 9);
}
