//! Runs the property tests on a faulty loop.

use std::fmt;

use proptest::test_runner::{Config, RngSeed};
use wakeproof_faults::{FaultChoice, InboxFault, choose};

use crate::concurrent::{self, Counterexample};
use crate::history;
use crate::virtual_time::VirtualTime;

/// How the property tests found a fault.
#[derive(Debug, Clone)]
#[must_use]
pub enum Found {
    /// In a history of one thread.
    InHistory(String),
    /// In a program of several threads.
    InProgram(Box<Counterexample>),
    /// They did not find it.
    Nothing,
}

/// Runs the property tests on a loop with this fault: first random histories of one thread, then random
/// programs of several threads, without and with tasks. The seed is fixed.
pub fn find(fault: Option<InboxFault>) -> Found {
    choose(fault.into());
    let in_history = history::check::<VirtualTime>(same_cases());
    choose(FaultChoice::CORRECT);
    if let Err(failure) = in_history {
        return Found::InHistory(failure);
    }
    match concurrent::check(fault.into(), same_cases()) {
        Err(counterexample) => Found::InProgram(counterexample),
        Ok(()) => Found::Nothing,
    }
}

/// The configuration for testing the tests themselves: 256 cases and a fixed seed.
#[must_use]
pub fn same_cases() -> Config {
    Config {
        cases: 256,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(0),
        ..Config::default()
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Found::InHistory(failure) => f.write_str(failure),
            Found::InProgram(counterexample) => counterexample.fmt(f),
            Found::Nothing => f.write_str("no failure found"),
        }
    }
}
