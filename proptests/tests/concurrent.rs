//! Random programs of several threads, under random schedules.

use std::env;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::panic::resume_unwind;

use wakeproof::EventLoop;
use wakeproof_explore::Search;
use wakeproof_explore::platform::Shuttle;
use wakeproof_faults::Chosen;
use wakeproof_proptests::concurrent::explore::explore;
use wakeproof_proptests::concurrent::{self, Counterexample};
use wakeproof_proptests::config::config;

/// Programs that once went wrong, each with the schedule, are kept here and tried first.
const REGRESSIONS: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/proptest-regressions/concurrent.txt"
);

#[test]
fn every_execution_ends_and_can_be_explained_by_the_reference() {
    if let Ok(text) = env::var("WAKEPROOF_REPLAY") {
        let (program, schedule) = concurrent::parse(&text).unwrap();
        succeeds(concurrent::replay(Chosen::CORRECT, &program, &schedule));
        return;
    }
    for line in fs::read_to_string(REGRESSIONS).unwrap().lines() {
        let (program, schedule) = concurrent::parse(line).unwrap();
        succeeds(concurrent::replay(Chosen::CORRECT, &program, &schedule));
        // The schedule may no longer fit, so others are tried too.
        succeeds(concurrent::try_schedules(Chosen::CORRECT, &program, 0));
    }
    let config = config("programs of several threads, and as many with tasks", 80);
    if let Err(found) = concurrent::check(Chosen::CORRECT, config) {
        let mut regressions = OpenOptions::new().append(true).open(REGRESSIONS).unwrap();
        writeln!(regressions, "{} @ {}", found.program, found.schedule).unwrap();
        panic!("{found}");
    }
}

/// The loop reports a callback's panic and goes on, but what a test asserts in a callback must not be
/// lost in that.
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
    let (reason, _) = explore(Search::Random { seed: 0 }, 1, Chosen::CORRECT, body).unwrap_err();
    assert_eq!(reason, "asserted in a callback");
}

#[track_caller]
fn succeeds(result: Result<(), Counterexample>) {
    if let Err(counterexample) = result {
        panic!("{counterexample}");
    }
}
