//! The number of cases, and the seed.

use std::env;
use std::hash::{BuildHasher, RandomState};

use proptest::test_runner::{Config, RngSeed};

/// The configuration of a property test.
///
/// - `PROPTEST_CASES` sets the number of cases. The default is `cases`.
/// - `PROPTEST_RNG_SEED` sets the seed. The default is a new one each time. Either way, it is printed.
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
    println!("{test}: {cases} cases; to repeat them, set PROPTEST_RNG_SEED={rng_seed}");
    config
}
