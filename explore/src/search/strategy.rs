//! Ways to search under shuttle.

use serde::{Deserialize, Serialize};

/// Which schedules to try.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Search {
    /// Every one, depth first.
    Exhaustive,
    /// Any thread at any point, with equal probability.
    Random {
        /// Where the randomness comes from: the same seed gives the same schedules.
        seed: u64,
    },
    /// Probabilistic concurrency testing: threads have priorities, which change at few points.
    Pct {
        /// Where the randomness comes from.
        seed: u64,
        /// How many steps have to come in the right order for a bug of the kind looked for.
        depth: usize,
    },
    /// A uniform random walk: threads with more steps to go are chosen more often.
    RandomWalk {
        /// Where the randomness comes from.
        seed: u64,
    },
}
