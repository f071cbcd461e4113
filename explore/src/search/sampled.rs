//! Random schedules, in blocks that do not depend on each other.

use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;

use shuttle::scheduler::{
    PctScheduler, RandomScheduler, Schedule, Scheduler, Task, TaskId, UrwRandomScheduler,
};

use super::claims::Claims;
use super::failure;
use super::strategy::Search;
use crate::platform::Deadlines;

/// How many executions a block has. shuttle's schedulers learn from one execution for the next, and within a block
/// they do.
const BLOCK: u64 = 1000;

/// As many random schedules as are wanted.
pub(super) struct Sampled {
    search: Search,
    samples: u64,
    /// Those who share the search; one alone explores all blocks.
    claims: Option<Arc<Claims>>,
    /// The block that is explored.
    block: usize,
    scheduler: Option<QuietEnd>,
}

impl Sampled {
    pub(super) fn new(search: Search, samples: u64, claims: Option<Arc<Claims>>) -> Self {
        Sampled {
            search,
            samples,
            claims,
            block: 0,
            scheduler: None,
        }
    }

    pub(super) fn part(&self) -> usize {
        self.block
    }

    /// How many executions the block has.
    fn size(&self, block: usize) -> u64 {
        let before = BLOCK.saturating_mul(block as u64);
        self.samples.saturating_sub(before).min(BLOCK)
    }

    /// Begins the block of that number, or the next one that nobody has claimed.
    fn begin(&mut self, mut block: usize) -> bool {
        while self.size(block) > 0 {
            let claims = self.claims.as_ref();
            if claims.is_none_or(|claims| claims.claim(block)) {
                let size = usize::try_from(self.size(block)).unwrap_or(usize::MAX);
                self.block = block;
                self.scheduler = Some(QuietEnd::new(self.search, block, size));
                Deadlines::forget();
                return true;
            }
            block += 1;
        }
        if let Some(claims) = &self.claims {
            claims.seen(block, self.samples);
        }
        false
    }
}

impl Scheduler for Sampled {
    fn new_execution(&mut self) -> Option<Schedule> {
        let Some(scheduler) = &mut self.scheduler else {
            return self.begin(0).then(|| self.new_execution()).flatten();
        };
        if let Some(next) = scheduler.new_execution() {
            return Some(next);
        }
        let next = self.block + 1;
        self.begin(next).then(|| self.new_execution()).flatten()
    }

    fn next_task(
        &mut self,
        runnable: &[&Task],
        current: Option<TaskId>,
        is_yielding: bool,
    ) -> Option<TaskId> {
        let scheduler = self.scheduler.as_mut()?;
        scheduler.next_task(runnable, current, is_yielding)
    }

    fn next_u64(&mut self) -> u64 {
        self.scheduler.as_mut().map_or(0, QuietEnd::next_u64)
    }
}

/// The seed of a block: that of the search for the first, and others for the others.
fn seed_of(block: usize, seed: u64) -> u64 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let mixed = (block as u64).wrapping_mul(ODD);
    seed ^ (mixed ^ mixed >> 31).wrapping_mul(ODD)
}

/// A scheduler of shuttle's. Its random ones print a seed if they are dropped before they have come to
/// their end, although nothing has failed.
struct QuietEnd(Option<Box<dyn Scheduler + Send>>);

impl QuietEnd {
    fn new(search: Search, block: usize, size: usize) -> Self {
        let scheduler: Box<dyn Scheduler + Send> = match search {
            Search::Exhaustive => unreachable!("nothing is random in it"),
            Search::Random { seed } => {
                Box::new(RandomScheduler::new_from_seed(seed_of(block, seed), size))
            }
            Search::Pct { seed, depth } => Box::new(PctScheduler::new_from_seed(
                seed_of(block, seed),
                depth,
                size,
            )),
            Search::RandomWalk { seed } => Box::new(UrwRandomScheduler::new_from_seed(
                seed_of(block, seed),
                size,
            )),
        };
        QuietEnd(Some(scheduler))
    }

    fn scheduler(&mut self) -> &mut (dyn Scheduler + Send) {
        let scheduler = self.0.as_deref_mut();
        scheduler.expect("it is there until it is dropped")
    }

    /// PCT panics if the program never has two threads to choose from: all its executions are alike, and one was
    /// enough.
    fn new_execution(&mut self) -> Option<Schedule> {
        let next = panic::catch_unwind(AssertUnwindSafe(|| self.scheduler().new_execution()));
        next.unwrap_or_else(|_| {
            failure::forget();
            None
        })
    }

    fn next_task(
        &mut self,
        runnable: &[&Task],
        current: Option<TaskId>,
        is_yielding: bool,
    ) -> Option<TaskId> {
        self.scheduler().next_task(runnable, current, is_yielding)
    }

    fn next_u64(&mut self) -> u64 {
        self.scheduler().next_u64()
    }
}

impl Drop for QuietEnd {
    fn drop(&mut self) {
        const SOON: usize = 100_000;
        if !(0..SOON).any(|_| self.new_execution().is_none()) {
            std::mem::forget(self.0.take());
        }
    }
}
