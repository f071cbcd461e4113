//! Submits from 8 real threads to a loop that keeps falling asleep.

use std::env;
use std::hash::{BuildHasher, RandomState};
use std::time::Instant;

use wakeproof_faults::{FaultChoice, InboxFault};
use wakeproof_proptests::stress::{StressCounts, stress};

/// `WAKEPROOF_STRESS` sets the number of callbacks. The default is a million.
#[test]
fn no_callback_of_any_thread_is_lost_or_doubled_or_overtaken() {
    let callbacks =
        env::var("WAKEPROOF_STRESS").map_or(1_000_000, |number| number.parse().unwrap());
    let seed = env::var("PROPTEST_RNG_SEED").map_or_else(
        |_| RandomState::new().hash_one("stress"),
        |seed| seed.parse().unwrap(),
    );
    let begun = Instant::now();
    let report = stress(FaultChoice::CORRECT, callbacks, seed).unwrap();
    println!(
        "{report}, in {:.1?} (PROPTEST_RNG_SEED={seed})",
        begun.elapsed()
    );

    assert!(report.ran >= callbacks);
    assert_eq!((report.out_of_turn, report.left_over), (0, 0));
    // A loop that never sleeps shows nothing about wakeups.
    assert!(report.sleeps * 10_000 >= callbacks, "{report}");
}

/// A short stress test with a fault.
fn faulty(fault: InboxFault) -> Result<StressCounts, String> {
    stress(fault.into(), 20_000, 1)
}

#[test]
fn the_watchdog_sees_a_loop_that_nobody_wakes() {
    let failure = faulty(InboxFault::NoNotify).unwrap_err();
    assert!(failure.starts_with("the loop sleeps for ever"), "{failure}");
    assert!(!failure.ends_with(" 0 are queued"), "{failure}");
}

#[test]
fn the_watchdog_sees_that_callbacks_are_lost() {
    let failure = faulty(InboxFault::LosesTheLast).unwrap_err();
    assert!(failure.starts_with("the loop sleeps for ever"), "{failure}");
}

#[test]
fn callbacks_that_overtake_each_other_are_counted() {
    assert!(faulty(InboxFault::LastInFirstOut).unwrap().out_of_turn > 0);
}
