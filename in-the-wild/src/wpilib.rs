//! wpilibsuite/allwpilib PR 9423: `Stop` sets a flag and notifies, all without the mutex that the thread holds
//! from its look at the flag until it sleeps. The repair does both under the mutex.

use wakeproof_explore::sync::atomic::{AtomicBool, Ordering};
use wakeproof_explore::sync::{Arc, Condvar, Mutex};

struct SafeThread {
    is_active: AtomicBool,
    mutex: Mutex<()>,
    condvar: Condvar,
}

impl SafeThread {
    fn main(&self) {
        let mut guard = self.mutex.lock().unwrap();
        while self.is_active.load(Ordering::SeqCst) {
            guard = self.condvar.wait(guard).unwrap();
        }
    }

    fn stop<const REPAIRED: bool>(&self) {
        let _guard = REPAIRED.then(|| self.mutex.lock().unwrap());
        self.is_active.store(false, Ordering::SeqCst);
        self.condvar.notify_all();
    }
}

pub(crate) fn body<const REPAIRED: bool>() {
    let shared = Arc::new(SafeThread {
        is_active: AtomicBool::new(true),
        mutex: Mutex::new(()),
        condvar: Condvar::new(),
    });
    let other = shared.clone();
    let notifier = super::spawn("notifier", move || other.main());
    shared.stop::<REPAIRED>();
    notifier.join().unwrap();
}
