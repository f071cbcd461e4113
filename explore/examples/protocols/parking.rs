/// Parks one thread, as the crate `parking` does: an atomic state, and a mutex and a condvar for those who
/// have to wait.
pub struct Parker {
    state: AtomicUsize,
    lock: Mutex<()>,
    changed: Condvar,
}

const EMPTY: usize = 0;
const PARKED: usize = 1;
const NOTIFIED: usize = 2;

impl Parker {
    pub fn new() -> Self {
        Parker {
            state: AtomicUsize::new(EMPTY),
            lock: Mutex::new(()),
            changed: Condvar::new(),
        }
    }

    fn takes(&self, from: usize, to: usize) -> bool {
        let (success, failure) = (Ordering::AcqRel, Ordering::Acquire);
        self.state
            .compare_exchange(from, to, success, failure)
            .is_ok()
    }

    /// Waits until somebody unparks this, and uses that up.
    pub fn park(&self) {
        if self.takes(NOTIFIED, EMPTY) {
            return;
        }
        let mut guard = self.lock.lock().unwrap();
        if !self.takes(EMPTY, PARKED) {
            self.state.swap(EMPTY, Ordering::AcqRel);
            return;
        }
        while !self.takes(NOTIFIED, EMPTY) {
            guard = self.changed.wait(guard).unwrap();
        }
    }

    /// `LOCKS` is what this must do: without the lock, the notification may come between the other's look at
    /// the state and its wait.
    pub fn unpark<const LOCKS: bool>(&self) {
        if self.state.swap(NOTIFIED, Ordering::AcqRel) == PARKED {
            if LOCKS {
                drop(self.lock.lock().unwrap());
            }
            self.changed.notify_one();
        }
    }
}

/// A thread parks until a flag is set.
pub fn parking<const IS_RIGHT: bool>() {
    let shared = Arc::new((Parker::new(), AtomicBool::new(false)));
    let other = shared.clone();
    let thread = thread::spawn(move || {
        other.1.store(true, Ordering::Release);
        other.0.unpark::<IS_RIGHT>();
    });
    shared.0.park();
    assert!(shared.1.load(Ordering::Acquire));
    thread.join().unwrap();
}
