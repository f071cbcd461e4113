//! unikraft/unikraft PR 1763, zephyrproject-rtos/zephyr PR 105859: a kernel's `futex_wait` compares the word,
//! then takes the lock of the list of waiters and joins it. A wake in between finds an empty list. The repair
//! compares under the lock.

use wakeproof_explore::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use wakeproof_explore::sync::{Arc, Mutex};
use wakeproof_explore::thread::{self, Thread};

struct Waiter {
    thread: Thread,
    is_woken: Arc<AtomicBool>,
}

#[derive(Default)]
struct Futex {
    word: AtomicU32,
    waiters: Mutex<Vec<Waiter>>,
}

impl Futex {
    fn wait<const REPAIRED: bool>(&self, expected: u32) {
        let is_as_expected = || self.word.load(Ordering::SeqCst) == expected;
        if !REPAIRED && !is_as_expected() {
            return;
        }
        let is_woken = Arc::new(AtomicBool::new(false));
        let mut waiters = self.waiters.lock().unwrap();
        if REPAIRED && !is_as_expected() {
            return;
        }
        waiters.push(Waiter {
            thread: thread::current(),
            is_woken: is_woken.clone(),
        });
        drop(waiters);
        while !is_woken.load(Ordering::Acquire) {
            thread::park();
        }
    }

    fn wake(&self) {
        if let Some(waiter) = self.waiters.lock().unwrap().pop() {
            waiter.is_woken.store(true, Ordering::Release);
            waiter.thread.unpark();
        }
    }
}

pub(crate) fn body<const REPAIRED: bool>() {
    let futex = Arc::new(Futex::default());
    let other = futex.clone();
    let waker = super::spawn("waker", move || {
        other.word.store(1, Ordering::SeqCst);
        other.wake();
    });
    while futex.word.load(Ordering::SeqCst) == 0 {
        futex.wait::<REPAIRED>(0);
    }
    waker.join().unwrap();
}
