//! How many cases, which ones, and where those that failed are kept.

use std::env;
use std::hash::{BuildHasher, RandomState};

use proptest::test_runner::{Config, FileFailurePersistence, RngSeed};

/// The configuration of a property test.
///
/// - `PROPTEST_CASES` sets the number of cases, `cases` unless it is there.
/// - `PROPTEST_RNG_SEED` sets the seed, a new one unless it is there. It is printed either way.
/// - `regressions` is the file that keeps the seeds of cases that failed; those are run first.
#[must_use]
pub fn config(test: &str, cases: u32, regressions: &'static str) -> Config {
    let mut config = Config::default();
    if env::var_os("PROPTEST_CASES").is_none() {
        config.cases = cases;
    }
    if config.rng_seed == RngSeed::Random {
        config.rng_seed = RngSeed::Fixed(RandomState::new().hash_one(test));
    }
    config.failure_persistence = Some(Box::new(FileFailurePersistence::Direct(regressions)));
    let Config {
        cases, rng_seed, ..
    } = &config;
    println!("{test}: {cases} cases; PROPTEST_RNG_SEED={rng_seed} repeats them");
    config
}
