//! What the primitives that wait for a state are made of, under loom.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use loom::sync::atomic::AtomicUsize;

use super::{WORLD, Waiter, World};
use crate::search::supervise;

/// The threads that wait for the state of a primitive to change, and the steps on that state.
#[derive(Debug)]
pub(crate) struct LoomQueue {
    /// loom sees by this that steps of different threads concern the same state.
    touched: AtomicUsize,
    waiters: std::sync::Mutex<VecDeque<Arc<Waiter>>>,
}

/// A thread that waits, or will. It may be in several queues.
pub(crate) type LoomSleeper = Arc<Waiter>;

impl LoomQueue {
    pub(crate) fn new() -> Self {
        LoomQueue {
            touched: AtomicUsize::new(0),
            waiters: std::sync::Mutex::default(),
        }
    }

    fn waiters(&self) -> MutexGuard<'_, VecDeque<Arc<Waiter>>> {
        self.waiters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a step: what this thread does until its next one, other threads may come before or after,
    /// but not into.
    pub(crate) fn step(&self, ordering: Ordering) {
        supervise::step();
        self.touched.fetch_add(1, ordering);
    }

    pub(crate) fn sleeper() -> LoomSleeper {
        Waiter::of_this_thread()
    }

    pub(crate) fn join(&self, sleeper: &LoomSleeper) {
        self.waiters().push_back(sleeper.clone());
    }

    pub(crate) fn leave(&self, sleeper: &LoomSleeper) {
        self.waiters().retain(|other| !Arc::ptr_eq(other, sleeper));
    }

    /// Blocks this thread until it is woken.
    pub(crate) fn sleep(sleeper: &LoomSleeper) {
        sleeper.block();
    }

    /// Blocks this thread, which is in the queues, until it is woken or the deadline passes. Returns
    /// whether it was the deadline. It is in none of them any more then.
    pub(crate) fn sleep_until(queues: &[&Self], sleeper: &LoomSleeper, deadline: Duration) -> bool {
        let world: &'static World = &WORLD;
        let touch = || {
            supervise::step();
            if let Some(time) = world.time.get() {
                time.fetch_add(1, Ordering::Relaxed);
            }
            for queue in queues {
                queue.touched.fetch_add(1, Ordering::Relaxed);
            }
        };
        world.clock().note(deadline);
        if world.time.get().is_some() {
            // Time passes in the same step in which it ends the wait.
            touch();
        }
        if !sleeper.is_notified() && !world.clock().can_expire(deadline) {
            world.stuck().push((deadline, sleeper.clone()));
            supervise::without_timeout(|| sleeper.block());
            world
                .stuck()
                .retain(|(_, other)| !Arc::ptr_eq(other, sleeper));
            touch();
        }
        let timed_out = !sleeper.is_notified();
        for queue in queues {
            queue.leave(sleeper);
        }
        if timed_out {
            world.expire(deadline);
        }
        timed_out
    }

    /// Wakes at most `most` threads, and returns how many. If not all, then those that have waited for
    /// longest, unless the environment has others overtake them.
    pub(crate) fn wake(&self, most: usize) -> usize {
        let mut woken = 0;
        while woken < most {
            let waiting = self.waiters().len();
            let wakes_all = most - woken >= waiting;
            let chosen = if wakes_all { 0 } else { WORLD.chosen(waiting) };
            let Some(waiter) = self.waiters().remove(chosen) else {
                break;
            };
            waiter.notify();
            woken += 1;
        }
        woken
    }

    /// Whether a wait that begins ends without a reason.
    pub(crate) fn wakes_spuriously() -> bool {
        WORLD.spurious_wakeups.happens()
    }

    /// The time, which may have passed.
    pub(crate) fn now() -> Duration {
        supervise::step();
        WORLD.look_at_clock()
    }
}
