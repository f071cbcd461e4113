//! python/cpython issue 115634 (PR 140900): a pool whose workers end after a number of tasks. A worker that has done a
//! task releases a semaphore that counts idle workers, but takes its next task without it. So a permit outlives the
//! worker, and the pool, which looks there before it replaces the worker, starts none. The repair replaces it without a
//! look at the semaphore. The processes are threads here.

use wakeproof_explore::sync::{Arc, Mutex, Semaphore};

const TASKS: usize = 3;
/// After how many tasks a worker ends.
const EACH: usize = 2;

struct Pool {
    tasks: Mutex<usize>,
    results: Semaphore,
    idle: Semaphore,
}

impl Pool {
    fn take(&self) -> bool {
        let mut tasks = self.tasks.lock().unwrap();
        let left = tasks.checked_sub(1);
        *tasks = left.unwrap_or(0);
        left.is_some()
    }

    fn work(&self) {
        for task in 1..=EACH {
            if !self.take() {
                return;
            }
            self.results.release(1);
            if task < EACH {
                self.idle.release(1);
            }
        }
    }
}

pub(crate) fn body<const REPAIRED: bool>() {
    let pool = Arc::new(Pool {
        tasks: Mutex::new(TASKS),
        results: Semaphore::new(0),
        idle: Semaphore::new(0),
    });
    let start = |name| {
        let pool = pool.clone();
        super::spawn(name, move || pool.work())
    };
    start("worker").join().unwrap();
    let has_idle = !REPAIRED && pool.idle.try_acquire();
    let replacement = (!has_idle).then(|| start("replacement"));
    for _ in 0..TASKS {
        pool.results.acquire();
    }
    if let Some(replacement) = replacement {
        replacement.join().unwrap();
    }
}
