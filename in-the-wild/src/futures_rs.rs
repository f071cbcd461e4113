//! rust-lang/futures-rs issue 1335: a task registers its waker, then looks whether there is something to
//! do; a producer makes something to do, then looks whether a waker is registered, by a load. A load does
//! not order it behind the producer's store: both may look too early. The repair looks by a
//! read-modify-write of the state that the registration is a read-modify-write of, too.

use wakeproof_explore::sync::Arc;
use wakeproof_explore::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use wakeproof_explore::thread::{self, Thread};

const WAITING: usize = 0;
const REGISTERING: usize = 1;
const WAKING: usize = 2;

/// The state of an atomic waker. Its waker is always the same thread; registered or not is a flag that the
/// state protects.
struct AtomicWaker {
    state: AtomicUsize,
    is_registered: AtomicBool,
    thread: Thread,
}

impl AtomicWaker {
    fn register(&self) {
        let (acquire, acq_rel) = (Ordering::Acquire, Ordering::AcqRel);
        let state = &self.state;
        if state
            .compare_exchange(WAITING, REGISTERING, acquire, acquire)
            .is_err()
        {
            return; // somebody wakes this task now, and it sees why
        }
        self.is_registered.store(true, Ordering::Relaxed);
        if state
            .compare_exchange(REGISTERING, WAITING, acq_rel, acquire)
            .is_err()
        {
            // Somebody has woken this task in between, and left it to this thread.
            self.is_registered.store(false, Ordering::Relaxed);
            state.swap(WAITING, acq_rel);
            self.thread.unpark();
        }
    }

    fn wake<const BY_A_LOAD: bool>(&self) {
        if BY_A_LOAD {
            let is_waiting = self.state.load(Ordering::Acquire) == WAITING;
            if !is_waiting || !self.is_registered.load(Ordering::Acquire) {
                return;
            }
        }
        if self.state.fetch_or(WAKING, Ordering::AcqRel) == WAITING {
            let was_registered = self.is_registered.load(Ordering::Relaxed);
            self.is_registered.store(false, Ordering::Relaxed);
            self.state.fetch_and(!WAKING, Ordering::Release);
            if was_registered {
                self.thread.unpark();
            }
        }
    }
}

pub(crate) fn body<const REPAIRED: bool>() {
    let waker = AtomicWaker {
        state: AtomicUsize::new(WAITING),
        is_registered: AtomicBool::new(false),
        thread: thread::current(),
    };
    let shared = Arc::new((waker, AtomicBool::new(false)));
    let other = shared.clone();
    let producer = super::spawn("producer", move || {
        let (waker, is_done) = &*other;
        is_done.store(true, Ordering::Relaxed);
        if REPAIRED {
            waker.wake::<false>();
        } else {
            waker.wake::<true>();
        }
    });
    let (waker, is_done) = &*shared;
    loop {
        waker.register();
        if is_done.load(Ordering::Relaxed) {
            break;
        }
        thread::park();
    }
    producer.join().unwrap();
}
