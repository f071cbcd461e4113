//! eclipse-threadx/threadx issue 752, PR 753: a port suspends a thread by a signal, whose handler does not return until
//! the thread is resumed. The signal may come while the thread waits for a mutex. The unlock then wakes a thread that
//! does not act on it, and the scheduler, which would resume it, waits on for a mutex that is free. The repair waits
//! with a time limit and tries again.
//!
//! Where the handler calls `sigsuspend`, it waits for a semaphore here. A thread that holds the mutex is not suspended.

use std::cell::Cell;
use std::rc::Rc;

use wakeproof_explore::os::{Futex, Signal};
use wakeproof_explore::sync::atomic::Ordering;
use wakeproof_explore::sync::{Arc, Semaphore};
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
    let mutex = Arc::new(Mutex(Futex::new(CONTENDED))); // main holds it
    let (suspend, resume) = (Signal::new(), Arc::new(Semaphore::new(0)));
    let (first, handled, resumed) = (mutex.clone(), suspend.clone(), resume.clone());
    let thread = super::spawn("thread", move || {
        let holds = Rc::new(Cell::new(false));
        let is_holder = holds.clone();
        let handler = move || {
            if !is_holder.get() {
                resumed.acquire();
            }
        };
        handled.handle(handler, || {
            first.lock::<REPAIRED>();
            holds.set(true);
            first.unlock();
        });
    });
    let second = mutex.clone();
    let scheduler = super::spawn("scheduler", move || {
        suspend.raise();
        second.lock::<REPAIRED>();
        resume.release(1);
        second.unlock();
    });
    mutex.unlock();
    thread.join().unwrap();
    scheduler.join().unwrap();
}
