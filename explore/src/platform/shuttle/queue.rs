//! What the primitives that wait for a state are made of, under shuttle.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use shuttle::sync::atomic::AtomicUsize;

use super::{SPURIOUS_WAKEUPS, STUCK, Waiter};
use super::{chosen, clock, expire, happens, look_at_clock};
use crate::search::supervise;

/// The threads that wait for the state of a primitive to change, and the steps on that state.
#[derive(Debug)]
pub(crate) struct ShuttleQueue {
    /// An access to it is a scheduling point.
    touched: AtomicUsize,
    waiters: std::sync::Mutex<VecDeque<Arc<Waiter>>>,
}

/// A thread that waits, or will. It may be in several queues.
pub(crate) type ShuttleSleeper = Arc<Waiter>;

impl ShuttleQueue {
    pub(crate) fn new() -> Self {
        ShuttleQueue {
            touched: AtomicUsize::new(0),
            waiters: std::sync::Mutex::default(),
        }
    }

    fn waiters(&self) -> MutexGuard<'_, VecDeque<Arc<Waiter>>> {
        self.waiters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a step: what this thread does until its next one, other threads may come before or after,
    /// but not into.
    pub(crate) fn step(&self) {
        self.touched.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn sleeper() -> ShuttleSleeper {
        Waiter::of_this_thread()
    }

    pub(crate) fn join(&self, sleeper: &ShuttleSleeper) {
        self.waiters().push_back(sleeper.clone());
    }

    pub(crate) fn leave(&self, sleeper: &ShuttleSleeper) {
        self.waiters().retain(|other| !Arc::ptr_eq(other, sleeper));
    }

    /// Blocks this thread until it is woken.
    pub(crate) fn sleep(sleeper: &ShuttleSleeper) {
        sleeper.block();
    }

    /// Blocks this thread, which is in the queues, until it is woken or the deadline passes. Returns
    /// whether it was the deadline. It is in none of them any more then.
    pub(crate) fn sleep_until(
        queues: &[&Self],
        sleeper: &ShuttleSleeper,
        deadline: Duration,
    ) -> bool {
        clock(|clock| clock.note(deadline));
        let mut timed_out = false;
        if clock(|clock| clock.moves_at_all()) {
            queues[0].step();
            timed_out = !sleeper.is_notified() && clock(|clock| clock.can_expire(deadline));
        }
        if !timed_out {
            STUCK.with_borrow_mut(|stuck| stuck.push((deadline, sleeper.clone())));
            supervise::without_timeout(|| sleeper.block());
            STUCK.with_borrow_mut(|stuck| stuck.retain(|(_, other)| !Arc::ptr_eq(other, sleeper)));
            timed_out = !sleeper.is_notified();
        }
        for queue in queues {
            queue.leave(sleeper);
        }
        if timed_out {
            expire(deadline);
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
            let chosen = if wakes_all { 0 } else { chosen(waiting) };
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
        happens(SPURIOUS_WAKEUPS)
    }

    /// The time, which may have passed.
    pub(crate) fn now() -> Duration {
        look_at_clock()
    }
}
