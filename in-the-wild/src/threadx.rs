//! eclipse-threadx/threadx PR 753: a port suspends threads by a signal whose handler does not return until
//! the thread is resumed. A thread that is suspended while it waits for a mutex may be the one that the
//! unlock wakes; the others wait on, for a mutex that is free. Here, one of them is the one that would resume
//! it. The repair waits with a time limit and tries again.

use wakeproof_explore::os::{Futex, Suspension};
use wakeproof_explore::sync::Arc;
use wakeproof_explore::sync::atomic::Ordering;
use wakeproof_explore::time::Duration;

const FREE: u32 = 0;
const CONTENDED: u32 = 2;

/// A mutex as a C library makes it of a futex.
struct Mutex(Futex);

impl Mutex {
    fn lock<const REPAIRED: bool>(&self) {
        while self.0.swap(CONTENDED, Ordering::Acquire) != FREE {
            if REPAIRED {
                self.0.wait_timeout(CONTENDED, Duration::from_millis(1));
            } else {
                self.0.wait(CONTENDED);
            }
        }
    }

    fn unlock(&self) {
        self.0.swap(FREE, Ordering::Release);
        self.0.wake(1);
    }
}

pub(crate) fn body<const REPAIRED: bool>() {
    let mutex = Arc::new(Mutex(Futex::new(CONTENDED))); // this thread holds it
    let suspension = Suspension::new();
    let (first, of_first) = (mutex.clone(), suspension.clone());
    let suspended = super::spawn("suspended", move || {
        of_first.admit(|| {
            first.lock::<REPAIRED>();
            first.unlock();
        });
    });
    let (second, resumes) = (mutex.clone(), suspension.clone());
    let resumer = super::spawn("resumer", move || {
        second.lock::<REPAIRED>();
        second.unlock();
        resumes.resume();
    });
    suspension.suspend();
    mutex.unlock();
    suspended.join().unwrap();
    resumer.join().unwrap();
}
