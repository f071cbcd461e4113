//! bshoshany/thread-pool PR 108: a pool that ends sets a flag and notifies its workers without the mutex of
//! their condvar. A worker that has looked at the flag, and does not sleep yet, misses it. The repair notifies
//! while it holds the mutex.

use wakeproof_explore::sync::atomic::{AtomicBool, Ordering};
use wakeproof_explore::sync::{Arc, Condvar, Mutex};

#[derive(Default)]
struct Pool {
    is_ended: AtomicBool,
    tasks: Mutex<Vec<fn()>>,
    available: Condvar,
}

impl Pool {
    fn worker(&self) {
        let mut tasks = self.tasks.lock().unwrap();
        while !self.is_ended.load(Ordering::SeqCst) {
            match tasks.pop() {
                Some(task) => task(),
                None => tasks = self.available.wait(tasks).unwrap(),
            }
        }
    }

    fn end<const REPAIRED: bool>(&self) {
        self.is_ended.store(true, Ordering::SeqCst);
        let _tasks = REPAIRED.then(|| self.tasks.lock().unwrap());
        self.available.notify_all();
    }
}

pub(crate) fn body<const REPAIRED: bool>() {
    let pool = Arc::new(Pool::default());
    let other = pool.clone();
    let worker = super::spawn("worker", move || other.worker());
    pool.end::<REPAIRED>();
    worker.join().unwrap();
}
