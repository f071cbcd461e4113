//! The parking_lot-shaped face.

use super::{right, wrong};
use crate::parking_lot::{Condvar, Mutex, RwLock};
use crate::platform::Environment;
use crate::suite::Case;
use crate::sync::Arc;
use crate::thread;
use crate::time::Duration;

/// A thread waits once for a flag: this condvar wakes nobody spuriously, so that is right, unless the
/// notification comes before the flag is set.
fn wait<const SETS_FIRST: bool>() {
    let shared = Arc::new((Mutex::new(false), Condvar::new()));
    let other = shared.clone();
    let thread = thread::spawn(move || {
        if SETS_FIRST {
            *other.0.lock() = true;
            other.1.notify_one();
        } else {
            other.1.notify_one();
            *other.0.lock() = true;
        }
    });
    let mut is_set = shared.0.lock();
    if !*is_set {
        shared.1.wait(&mut is_set);
    }
    assert!(*is_set, "woken before it was set");
    drop(is_set);
    thread.join().unwrap();
}

/// As many are woken as wait: all of two, perhaps none.
fn notify_all<const ANY_NUMBER: bool>() {
    let shared = Arc::new((Mutex::new(false), Condvar::new()));
    let other = shared.clone();
    let thread = thread::spawn(move || {
        let mut is_set = other.0.lock();
        other.1.wait_while(&mut is_set, |is_set| !*is_set);
    });
    *shared.0.lock() = true;
    let woken = shared.1.notify_all();
    assert!(ANY_NUMBER || woken == 1, "nobody waited");
    thread.join().unwrap();
}

/// A thread waits for some time, and reckons with its end or not.
fn wait_for<const RECKONS_WITH_IT: bool>() {
    let shared = Arc::new((Mutex::new(false), Condvar::new()));
    let other = shared.clone();
    let thread = thread::spawn(move || {
        *other.0.lock() = true;
        other.1.notify_one();
    });
    let mut is_set = shared.0.lock();
    if !*is_set {
        let result = shared.1.wait_for(&mut is_set, Duration::from_secs(1));
        assert!(RECKONS_WITH_IT || *is_set, "time was over");
        assert!(*is_set || result.timed_out());
    }
    drop(is_set);
    thread.join().unwrap();
}

/// Two threads add to a number: each once it has the lock, or if it has it.
fn locks<const WAIT: bool>() {
    let shared = Arc::new((Mutex::new(0), RwLock::new(0)));
    let add = |(mutex, lock): &(Mutex<i32>, RwLock<i32>)| {
        let guard = mutex.try_lock();
        if let Some(mut number) = guard.or_else(|| WAIT.then(|| mutex.lock())) {
            *number += 1;
        }
        let guard = lock.try_write();
        if let Some(mut number) = guard.or_else(|| WAIT.then(|| lock.write())) {
            *number += 1;
        }
    };
    let other = shared.clone();
    let thread = thread::spawn(move || add(&other));
    add(&shared);
    thread.join().unwrap();
    assert_eq!((*shared.0.lock(), *shared.1.read()), (2, 2), "not added");
}

pub(super) fn cases() -> Vec<Case> {
    let timeout = Environment {
        timeouts: 1,
        ..Environment::QUIET
    };
    vec![
        right("parking_lot, wait, once", wait::<true>),
        wrong(
            "parking_lot, notified, then set",
            wait::<false>,
            "before it was set",
        ),
        right("parking_lot, any number is woken", notify_all::<true>),
        wrong(
            "parking_lot, one is woken",
            notify_all::<false>,
            "nobody waited",
        ),
        right("parking_lot, wait_for", wait_for::<true>).within(timeout),
        wrong(
            "parking_lot, without a limit in mind",
            wait_for::<false>,
            "time was over",
        )
        .within(timeout),
        right("parking_lot, locks or waits", locks::<true>),
        wrong("parking_lot, locks or not", locks::<false>, "not added"),
    ]
}
