//! llvm/llvm-project issue 77659 (PR 79265): an atomic's `wait` reads the value to wait on, then looks whether it has
//! to wait at all, which for a semaphore is whether the count is zero. The count may be one at the first and zero at
//! the second. If it is one again when the wait begins, the thread sleeps beside a permit. The repair waits on the
//! value that the look has seen.

use wakeproof_explore::os::Futex;
use wakeproof_explore::sync::Arc;
use wakeproof_explore::sync::atomic::Ordering;

struct Semaphore(Futex);

impl Semaphore {
    /// Takes a permit, unless there is none.
    fn try_acquire(&self) -> bool {
        let take = |count: u32| count.checked_sub(1);
        let taken = self
            .0
            .fetch_update(Ordering::Acquire, Ordering::Relaxed, take);
        taken.is_ok()
    }

    fn acquire<const REPAIRED: bool>(&self) {
        loop {
            let before = self.0.fetch_add(0, Ordering::Relaxed);
            if self.try_acquire() {
                return;
            }
            self.0.wait(if REPAIRED { 0 } else { before });
        }
    }

    fn release(&self) {
        self.0.fetch_add(1, Ordering::Release);
        self.0.wake(1);
    }
}

pub(crate) fn body<const REPAIRED: bool>() {
    let semaphore = Arc::new(Semaphore(Futex::new(1)));
    let other = semaphore.clone();
    let thread = super::spawn("thread", move || {
        other.acquire::<REPAIRED>();
        other.release();
    });
    semaphore.acquire::<REPAIRED>();
    semaphore.release();
    thread.join().unwrap();
}
