//! Runs random programs of several threads under random schedules.

use std::env;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::panic::resume_unwind;

use wakeproof::EventLoop;
use wakeproof_explore::Search;
use wakeproof_explore::platform::Shuttle;
use wakeproof_faults::FaultChoice;
use wakeproof_proptests::concurrent::explore::explore;
use wakeproof_proptests::concurrent::{self, Counterexample};
use wakeproof_proptests::config::config;

use crate::watchdog;

/// Programs that once failed, each with its schedule. They are tried first.
const REGRESSIONS: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/proptest-regressions/concurrent.txt"
);

#[test]
fn every_execution_ends_and_can_be_explained_by_the_reference() {
    let _watchdog = watchdog::guard();
    if let Ok(text) = env::var("WAKEPROOF_REPLAY") {
        let (program, schedule) = concurrent::parse(&text).unwrap();
        let replayed = concurrent::replay(FaultChoice::CORRECT, &program, &schedule);
        succeeds(replayed.unwrap());
        return;
    }
    for line in fs::read_to_string(REGRESSIONS).unwrap().lines() {
        let (program, schedule) = concurrent::parse(line).unwrap();
        // The schedule may no longer fit the program, so others are tried too.
        if let Ok(replayed) = concurrent::replay(FaultChoice::CORRECT, &program, &schedule) {
            succeeds(replayed);
        }
        succeeds(concurrent::try_schedules(FaultChoice::CORRECT, &program, 0));
    }
    let config = config("programs of several threads, and as many with tasks", 80);
    if let Err(found) = concurrent::check(FaultChoice::CORRECT, config) {
        let mut regressions = OpenOptions::new().append(true).open(REGRESSIONS).unwrap();
        writeln!(regressions, "{} @ {}", found.program, found.schedule).unwrap();
        panic!("{found}");
    }
}

/// The loop catches a callback's panic and goes on. A failed assertion in a callback must fail the test
/// all the same.
#[test]
fn an_assertion_that_fails_in_a_callback_is_a_failure() {
    let body = || {
        let event_loop = EventLoop::<Shuttle>::on_platform();
        let local = event_loop.local();
        local
            .call_soon(|| resume_unwind(Box::new("asserted in a callback")))
            .map_err(|closed| closed.to_string())?;
        event_loop.stop();
        event_loop.run_forever().map_err(|error| error.to_string())
    };
    let (reason, _) =
        explore(Search::Random { seed: 0 }, 1, FaultChoice::CORRECT, body).unwrap_err();
    assert_eq!(reason, "asserted in a callback");
}

#[track_caller]
fn succeeds(result: Result<(), Counterexample>) {
    if let Err(counterexample) = result {
        panic!("{counterexample}");
    }
}
