//! A barrier.

use std::sync::atomic::Ordering;

use crate::dropin::Either;

/// [`std::sync::Barrier`], explored. A barrier for none or for one lets everybody through.
///
/// ```
/// use wakeproof_explore::sync::{Arc, Barrier};
/// use wakeproof_explore::thread;
///
/// let barrier = Arc::new(Barrier::new(2));
/// let other = barrier.clone();
/// let thread = thread::spawn(move || other.wait().is_leader());
/// let is_leader = barrier.wait().is_leader();
/// assert_ne!(is_leader, thread.join().unwrap());
/// ```
#[derive(Debug)]
pub struct Barrier(Either<std::sync::Barrier, Gathering>);

/// The threads that have come to the barrier.
struct Gathering {
    size: usize,
    arrived: usize,
    generation: usize,
}

/// Whether a thread was the one that let the others through.
#[derive(Debug)]
pub struct BarrierWaitResult(bool);

impl BarrierWaitResult {
    /// True for one thread of each group: in an exploration, the last to arrive.
    #[must_use]
    pub fn is_leader(&self) -> bool {
        self.0
    }
}

impl Barrier {
    /// A barrier that lets threads through when `size` of them have arrived.
    #[must_use]
    #[track_caller]
    pub fn new(size: usize) -> Self {
        let gathering = Gathering {
            size,
            arrived: 0,
            generation: 0,
        };
        Barrier(Either::new(
            "barrier",
            || std::sync::Barrier::new(size),
            gathering,
        ))
    }

    /// Waits until as many threads have arrived as the barrier is for. Then it can be used again.
    ///
    /// # Panics
    ///
    /// Under a checker, if the barrier was made in another execution, or outside.
    #[track_caller]
    pub fn wait(&self) -> BarrierWaitResult {
        let gathering = match &self.0 {
            Either::Real(barrier) => return BarrierWaitResult(barrier.get().wait().is_leader()),
            Either::Explored(gathering) => gathering,
        };
        let mut of = None;
        BarrierWaitResult(gathering.until(Ordering::AcqRel, |gathering| {
            gathering.tells("arrives at {}, and waits");
            if let Some(of) = of {
                gathering.tells("leaves {}");
                return (gathering.generation != of).then_some(false);
            }
            of = Some(gathering.generation);
            gathering.arrived += 1;
            if gathering.arrived < gathering.size {
                return None;
            }
            gathering.arrived = 0;
            gathering.generation += 1;
            gathering.tells("is the last to arrive at {}");
            gathering.wake_all();
            Some(true)
        }))
    }
}
