//! softprops/waitout issue 2: a latch that reaches zero wakes one of several waiters. The repair wakes all.

use wakeproof_explore::sync::{Arc, Condvar, Mutex};

#[derive(Default)]
struct Latch {
    count: Mutex<usize>,
    is_zero: Condvar,
}

impl Latch {
    fn wait(&self) {
        let count = self.count.lock().unwrap();
        drop(self.is_zero.wait_while(count, |count| *count > 0).unwrap());
    }
}

pub(crate) fn body<const REPAIRED: bool>() {
    let latch = Arc::new(Latch::default());
    *latch.count.lock().unwrap() = 1;
    let (other, last) = (latch.clone(), latch.clone());
    let waiter = super::spawn("waiter", move || other.wait());
    let worker = super::spawn("worker", move || {
        *last.count.lock().unwrap() -= 1;
        if REPAIRED {
            last.is_zero.notify_all();
        } else {
            last.is_zero.notify_one();
        }
    });
    latch.wait();
    waiter.join().unwrap();
    worker.join().unwrap();
}
