//! Random programs of several threads, under random schedules.

use std::env;
use std::fs::{self, OpenOptions};
use std::io::Write;

use wakeproof::platform::{Shuttle, Variant};
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
        succeeds(concurrent::replay::<Variant<Shuttle>>(&program, &schedule));
        return;
    }
    for line in fs::read_to_string(REGRESSIONS).unwrap().lines() {
        let (program, schedule) = concurrent::parse(line).unwrap();
        succeeds(concurrent::replay::<Variant<Shuttle>>(&program, &schedule));
        // The schedule may no longer fit, so others are tried too.
        succeeds(concurrent::try_schedules::<Variant<Shuttle>>(&program, 0));
    }
    let config = config("programs of several threads", 200);
    if let Err(found) = concurrent::check::<Variant<Shuttle>>(config) {
        let mut regressions = OpenOptions::new().append(true).open(REGRESSIONS).unwrap();
        writeln!(regressions, "{} @ {}", found.program, found.schedule).unwrap();
        panic!("{found}");
    }
}

#[track_caller]
fn succeeds(result: Result<(), Counterexample>) {
    if let Err(counterexample) = result {
        panic!("{counterexample}");
    }
}
