//! gallir/concurrencia issue 5: a semaphore counts down, and waits on a futex that never changes if the count is
//! negative. A signal in between wakes nobody, and is not seen. The repair there wakes until it has woken one.

use wakeproof_explore::os::Futex;
use wakeproof_explore::sync::Arc;
use wakeproof_explore::sync::atomic::{AtomicI32, Ordering};
use wakeproof_explore::thread;

struct Semaphore {
    value: AtomicI32,
    futex: Futex,
}

impl Semaphore {
    fn wait(&self) {
        if self.value.fetch_sub(1, Ordering::Relaxed) < 1 {
            self.futex.wait(0);
        }
    }

    fn signal<const REPAIRED: bool>(&self) {
        if self.value.fetch_add(1, Ordering::Relaxed) < 0 {
            while self.futex.wake(1) == 0 && REPAIRED {
                thread::yield_now();
            }
        }
    }
}

pub(crate) fn body<const REPAIRED: bool>() {
    let semaphore = Arc::new(Semaphore {
        value: AtomicI32::new(0),
        futex: Futex::new(0),
    });
    let other = semaphore.clone();
    let waiter = super::spawn("waiter", move || other.wait());
    semaphore.signal::<REPAIRED>();
    waiter.join().unwrap();
}
