//! How many cases, and which ones.

use std::env;
use std::hash::{BuildHasher, RandomState};

use proptest::test_runner::{Config, RngSeed};

/// The configuration of a property test.
///
/// - `PROPTEST_CASES` sets the number of cases, `cases` unless it is there.
/// - `PROPTEST_RNG_SEED` sets the seed, a new one unless it is there. It is printed either way.
#[must_use]
pub fn config(test: &str, cases: u32) -> Config {
    let mut config = Config::default();
    if env::var_os("PROPTEST_CASES").is_none() {
        config.cases = cases;
    }
    if config.rng_seed == RngSeed::Random {
        config.rng_seed = RngSeed::Fixed(RandomState::new().hash_one(test));
    }
    let Config {
        cases, rng_seed, ..
    } = &config;
    println!("{test}: {cases} cases; PROPTEST_RNG_SEED={rng_seed} repeats them");
    config
}
