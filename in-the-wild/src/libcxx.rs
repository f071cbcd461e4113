//! llvm/llvm-project issue 46357: a semaphore's `release` wakes a waiter only if the count was zero. After two
//! releases of one each, the count is two and one of two waiters has been woken. The repair always wakes.

use wakeproof_explore::os::Futex;
use wakeproof_explore::sync::Arc;
use wakeproof_explore::sync::atomic::Ordering;

struct Semaphore(Futex);

impl Semaphore {
    fn acquire(&self) {
        loop {
            let taken = self
                .0
                .fetch_update(Ordering::Acquire, Ordering::Relaxed, |count| {
                    count.checked_sub(1)
                });
            if taken.is_ok() {
                return;
            }
            self.0.wait(0);
        }
    }

    fn release<const REPAIRED: bool>(&self) {
        let was_zero = self.0.fetch_add(1, Ordering::Release) == 0;
        if was_zero || REPAIRED {
            self.0.wake(1);
        }
    }
}

pub(crate) fn body<const REPAIRED: bool>() {
    let semaphore = Arc::new(Semaphore(Futex::new(0)));
    let waiters = ["first waiter", "second waiter"].map(|name| {
        let semaphore = semaphore.clone();
        super::spawn(name, move || semaphore.acquire())
    });
    semaphore.release::<REPAIRED>();
    semaphore.release::<REPAIRED>();
    for waiter in waiters {
        waiter.join().unwrap();
    }
}
