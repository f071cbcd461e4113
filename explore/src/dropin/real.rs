//! What the primitives that the standard library has not are made of outside of a search.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};
use std::time::Instant;

/// The threads that wait.
#[derive(Debug, Default)]
pub(super) struct RealQueue(Mutex<VecDeque<RealSleeper>>);

/// A thread that waits, or will.
#[derive(Debug, Clone)]
pub(super) struct RealSleeper(Arc<Waiter>);

#[derive(Debug)]
struct Waiter {
    thread: Thread,
    is_woken: AtomicBool,
}

impl RealQueue {
    fn waiters(&self) -> MutexGuard<'_, VecDeque<RealSleeper>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn join(&self, sleeper: &RealSleeper) {
        self.waiters().push_back(sleeper.clone());
    }

    pub(super) fn leave(&self, sleeper: &RealSleeper) {
        self.waiters()
            .retain(|other| !Arc::ptr_eq(&other.0, &sleeper.0));
    }

    pub(super) fn wake(&self, most: usize) -> usize {
        let mut waiters = self.waiters();
        let number = most.min(waiters.len());
        for RealSleeper(waiter) in waiters.drain(..number) {
            waiter.is_woken.store(true, Ordering::Release);
            waiter.thread.unpark();
        }
        number
    }
}

impl RealSleeper {
    pub(super) fn of_this_thread() -> Self {
        RealSleeper(Arc::new(Waiter {
            thread: thread::current(),
            is_woken: AtomicBool::new(false),
        }))
    }

    fn is_woken(&self) -> bool {
        self.0.is_woken.load(Ordering::Acquire)
    }

    pub(super) fn sleep(&self) {
        while !self.is_woken() {
            thread::park();
        }
    }

    /// Whether the deadline came first.
    pub(super) fn sleep_until(&self, queues: &[&RealQueue], deadline: Instant) -> bool {
        while !self.is_woken() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            thread::park_timeout(left);
        }
        for queue in queues {
            queue.leave(self);
        }
        !self.is_woken()
    }
}
