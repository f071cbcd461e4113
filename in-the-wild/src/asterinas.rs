//! asterinas/asterinas issue 1587, PR 1642: a waiter of a futex whose time is up leaves its entry on the list. A `wake`
//! of one then takes that entry, counts it, and the waiter that sleeps is not woken. The repair: a wake that finds that
//! its waiter is gone does not count, and goes on to the next. The thread that has given up is the one that wakes here.

use wakeproof_explore::sync::atomic::{AtomicU32, Ordering};
use wakeproof_explore::sync::{Arc, Mutex};
use wakeproof_explore::thread::{self, Thread};
use wakeproof_explore::time::Duration;

const WAITING: u32 = 0;
const WOKEN: u32 = 1;
const GONE: u32 = 2;

struct Waiter {
    thread: Thread,
    state: AtomicU32,
}

impl Waiter {
    fn becomes(&self, state: u32) -> bool {
        let (success, failure) = (Ordering::AcqRel, Ordering::Acquire);
        let changed = self
            .state
            .compare_exchange(WAITING, state, success, failure);
        changed.is_ok()
    }

    /// Whether it was there to be woken.
    fn wake(&self) -> bool {
        let is_there = self.becomes(WOKEN);
        if is_there {
            self.thread.unpark();
        }
        is_there
    }
}

/// The list of those that wait for one word.
#[derive(Default)]
struct Bucket(Mutex<Vec<Arc<Waiter>>>);

impl Bucket {
    fn join(&self) -> Arc<Waiter> {
        let waiter = Arc::new(Waiter {
            thread: thread::current(),
            state: AtomicU32::new(WAITING),
        });
        self.0.lock().unwrap().push(waiter.clone());
        waiter
    }

    fn wake_one<const REPAIRED: bool>(&self) {
        let mut waiters = self.0.lock().unwrap();
        while let Some(waiter) = waiters.pop() {
            if waiter.wake() || !REPAIRED {
                return;
            }
        }
    }
}

pub(crate) fn body<const REPAIRED: bool>() {
    let bucket = Arc::new(Bucket::default());
    let sleeper = bucket.join(); // main is on the list
    let other = bucket.clone();
    let thread = super::spawn("thread", move || {
        let waiter = other.join();
        thread::park_timeout(Duration::from_millis(1));
        assert!(waiter.becomes(GONE), "nobody wakes this thread");
        other.wake_one::<REPAIRED>();
    });
    while sleeper.state.load(Ordering::Acquire) == WAITING {
        thread::park();
    }
    thread.join().unwrap();
}
