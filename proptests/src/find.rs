//! Looking for a fault as the property tests look at the correct loop.

use std::fmt;

use proptest::test_runner::{Config, RngSeed};
use wakeproof_faults::{Chosen, InboxFault, choose};

use crate::concurrent::{self, Counterexample};
use crate::history;
use crate::virtual_time::VirtualTime;

/// What the property tests find of a fault.
#[derive(Debug, Clone)]
#[must_use]
pub enum Found {
    /// A history of one thread shows it.
    InHistory(String),
    /// A program of several threads shows it.
    InProgram(Box<Counterexample>),
    /// Neither shows it.
    Nothing,
}

/// Looks for a fault as the property tests look at the correct protocol: first in random histories
/// of one thread, then in random programs of several, and in programs with tasks. Always with the same
/// random numbers.
pub fn find(fault: Option<InboxFault>) -> Found {
    choose(fault.into());
    let in_history = history::check::<VirtualTime>(same_cases());
    choose(Chosen::CORRECT);
    if let Err(failure) = in_history {
        return Found::InHistory(failure);
    }
    match concurrent::check(fault.into(), same_cases()) {
        Err(counterexample) => Found::InProgram(counterexample),
        Ok(()) => Found::Nothing,
    }
}

/// The configuration for looking at the tests instead of the loop: no surprises.
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
            Found::Nothing => f.write_str("nothing was found"),
        }
    }
}
