//! boostorg/sync PR 11: a semaphore's `wait_until` says that the time is up if the deadline has passed when it is
//! called, even if the semaphore was posted. The repair looks at the count first.

use wakeproof_explore::sync::{Condvar, Mutex};
use wakeproof_explore::time::{Duration, Instant};

#[derive(Default)]
struct Semaphore {
    count: Mutex<usize>,
    posted: Condvar,
}

impl Semaphore {
    fn post(&self) {
        *self.count.lock().unwrap() += 1;
        self.posted.notify_one();
    }

    fn wait_until<const REPAIRED: bool>(&self, deadline: Instant) -> bool {
        let mut count = self.count.lock().unwrap();
        if !REPAIRED && Instant::now() >= deadline {
            return false;
        }
        while *count == 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            count = self.posted.wait_timeout(count, left).unwrap().0;
        }
        *count -= 1;
        true
    }
}

pub(crate) fn body<const REPAIRED: bool>() {
    let semaphore = Semaphore::default();
    let deadline = Instant::now() + Duration::from_secs(1);
    semaphore.post();
    assert!(
        semaphore.wait_until::<REPAIRED>(deadline),
        "it was posted, and the time is said to be up"
    );
}
