//! facebook/folly commit b927c055: a lock's word has a bit for its holder and counts those that wait for it. An unlock
//! takes one off the count and wakes one. If nobody sleeps yet, that wakeup is for a thread which is about to sleep:
//! the word is another one then. But it may be the same again by the time that the thread compares it, if another has
//! locked and a third waits. Then two sleep, and one is counted. The repair keeps two bits, "one" and "several", of
//! which the first is only a hint: unless several are noted and one is woken, an unlock clears the bits and wakes all.

use wakeproof_explore::os::Futex;
use wakeproof_explore::sync::Arc;
use wakeproof_explore::sync::atomic::Ordering::{self, AcqRel, Acquire};

const HELD: u32 = 1;
const ONE: u32 = 1 << 1;
const SEVERAL: u32 = 1 << 2;
/// The count, or the two bits.
const WAITING: u32 = ONE | SEVERAL;

struct Lock(Futex);

impl Lock {
    fn change(&self, from: u32, to: u32) -> bool {
        let failure = Ordering::Acquire;
        self.0.compare_exchange(from, to, AcqRel, failure).is_ok()
    }

    fn lock<const REPAIRED: bool>(&self) {
        loop {
            let word = self.0.fetch_or(0, Acquire);
            if word & HELD == 0 {
                if self.change(word, word | HELD) {
                    return;
                }
                continue;
            }
            let waiting = if REPAIRED {
                word | if word & ONE == 0 { ONE } else { SEVERAL }
            } else if word & WAITING == WAITING {
                word
            } else {
                word + ONE
            };
            if word == waiting || self.change(word, waiting) {
                self.0.wait(waiting);
            }
        }
    }

    fn unlock<const REPAIRED: bool>(&self) {
        let mut word = self.0.fetch_sub(HELD, AcqRel) - HELD;
        if REPAIRED {
            if word & WAITING == WAITING && self.0.wake(1) > 0 {
                return;
            }
        } else {
            while word & WAITING != 0 {
                let is_saturated = word & WAITING == WAITING;
                if !is_saturated && !self.change(word, word - ONE) {
                    word = self.0.fetch_or(0, Acquire);
                    continue;
                }
                if self.0.wake(1) > 0 {
                    return;
                }
                word -= if is_saturated { 0 } else { ONE };
                break;
            }
        }
        if word & WAITING != 0 {
            self.0.fetch_and(!WAITING, AcqRel);
            self.0.wake_all();
        }
    }
}

pub(crate) fn body<const REPAIRED: bool>() {
    let lock = Arc::new(Lock(Futex::new(HELD))); // by main
    let others = ["first", "second"].map(|name| {
        let lock = lock.clone();
        super::spawn(name, move || {
            lock.lock::<REPAIRED>();
            lock.unlock::<REPAIRED>();
        })
    });
    lock.unlock::<REPAIRED>();
    lock.lock::<REPAIRED>();
    lock.unlock::<REPAIRED>();
    for other in others {
        other.join().unwrap();
    }
}
