//! microsoft/litebox issue 1267: a futex's `wait` joins the list of waiters, then compares the word. A `wake` of one
//! may choose a waiter that has joined and not compared yet. That one finds another word and returns, and the waiter
//! that sleeps has lost its wakeup. The repair compares under the lock of the list, and joins only then. The newest
//! waiter is woken first here.

use wakeproof_explore::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use wakeproof_explore::sync::{Arc, Mutex};
use wakeproof_explore::thread::{self, Thread};

struct Waiter {
    thread: Thread,
    is_woken: AtomicBool,
}

#[derive(Default)]
struct Futex {
    word: AtomicU32,
    waiters: Mutex<Vec<Arc<Waiter>>>,
}

impl Futex {
    fn wait<const REPAIRED: bool>(&self, expected: u32) {
        let is_as_expected = || self.word.load(Ordering::SeqCst) == expected;
        let waiter = Arc::new(Waiter {
            thread: thread::current(),
            is_woken: AtomicBool::new(false),
        });
        let mut waiters = self.waiters.lock().unwrap();
        if REPAIRED && !is_as_expected() {
            return;
        }
        waiters.push(waiter.clone());
        drop(waiters);
        if !REPAIRED && !is_as_expected() {
            let is_another = |other: &Arc<Waiter>| !Arc::ptr_eq(other, &waiter);
            self.waiters.lock().unwrap().retain(is_another);
            return;
        }
        while !waiter.is_woken.load(Ordering::Acquire) {
            thread::park();
        }
    }

    fn wake_one(&self) {
        if let Some(waiter) = self.waiters.lock().unwrap().pop() {
            waiter.is_woken.store(true, Ordering::Release);
            waiter.thread.unpark();
        }
    }
}

pub(crate) fn body<const REPAIRED: bool>() {
    let futex = Arc::new(Futex::default());
    let [of_sleeper, of_late] = [futex.clone(), futex.clone()];
    let sleeper = super::spawn("sleeper", move || of_sleeper.wait::<REPAIRED>(0));
    futex.word.store(1, Ordering::SeqCst);
    let late = super::spawn("late", move || of_late.wait::<REPAIRED>(0));
    futex.wake_one();
    sleeper.join().unwrap();
    late.join().unwrap();
}
