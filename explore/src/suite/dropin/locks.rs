//! Looks at a mutex, locks for reading and writing, barriers.

use std::panic::{self, AssertUnwindSafe};

use wakeproof::platform::Deliberate;

use super::{right, wrong};
use crate::suite::Case;
use crate::sync::{Arc, Barrier, Mutex, RwLock};
use crate::thread;

/// A thread looks whether a mutex is locked, which another thread locks and unlocks without a step in
/// between. It waits if it is, or believes that it is not.
fn try_lock<const WAITS: bool>() {
    let mutex = Arc::new(Mutex::new(0));
    let other = mutex.clone();
    let thread = thread::spawn(move || *other.lock().unwrap() += 1);
    if WAITS {
        let guard = mutex.try_lock();
        let mut guard = guard.unwrap_or_else(|_| mutex.lock().unwrap());
        *guard += 1;
    } else {
        *mutex.try_lock().expect("somebody holds it") += 1;
    }
    thread.join().unwrap();
    assert_eq!(*mutex.lock().unwrap(), 2);
}

/// A thread looks whether a mutex is poisoned, after the panic of the other or beside it.
fn is_poisoned<const AFTERWARDS: bool>() {
    let mutex = Arc::new(Mutex::new(0));
    let other = mutex.clone();
    let thread = thread::spawn(move || {
        let _ = panic::catch_unwind(AssertUnwindSafe(|| {
            let _guard = other.lock().unwrap();
            panic::panic_any(Deliberate);
        }));
    });
    if AFTERWARDS {
        thread.join().unwrap();
        assert!(mutex.is_poisoned());
        mutex.clear_poison();
        assert!(!mutex.is_poisoned());
    } else {
        assert!(mutex.is_poisoned(), "not yet poisoned");
        thread.join().unwrap();
    }
}

/// Two threads are in one section at once: they read, or one of them writes.
fn readers_share<const BOTH_READ: bool>() {
    let shared = Arc::new((RwLock::new(()), Barrier::new(2)));
    let other = shared.clone();
    let thread = thread::spawn(move || {
        let guard = other.0.read().unwrap();
        other.1.wait();
        drop(guard);
    });
    if BOTH_READ {
        let guard = shared.0.read().unwrap();
        shared.1.wait();
        drop(guard);
    } else {
        let guard = shared.0.write().unwrap();
        shared.1.wait();
        drop(guard);
    }
    thread.join().unwrap();
}

/// Two threads add to a number behind a lock, while they hold it to write, or in two steps.
fn write<const IN_ONE_STEP: bool>() {
    let number = Arc::new(RwLock::new(0));
    let add = |number: &RwLock<i32>| {
        if IN_ONE_STEP {
            *number.write().unwrap() += 1;
        } else {
            let seen = *number.read().unwrap();
            *number.write().unwrap() = seen + 1;
        }
    };
    let other = number.clone();
    let thread = thread::spawn(move || add(&other));
    add(&number);
    thread.join().unwrap();
    assert_eq!(*number.read().unwrap(), 2, "an addition is lost");
}

/// A thread reads once or, without unlocking, again; a writer may have come in between.
fn read_again<const UNLOCKS: bool>() {
    let lock = Arc::new(RwLock::new(0));
    let other = lock.clone();
    let thread = thread::spawn(move || *other.write().unwrap() += 1);
    let first = lock.read().unwrap();
    if UNLOCKS {
        drop(first);
        drop(lock.read().unwrap());
    } else {
        drop(lock.read().unwrap());
        drop(first);
    }
    thread.join().unwrap();
}

/// A thread tries to write, and reckons with a reader or not.
fn try_write<const RECKONS_WITH_IT: bool>() {
    let lock = Arc::new(RwLock::new(0));
    let other = lock.clone();
    let thread = thread::spawn(move || *other.read().unwrap());
    match lock.try_write() {
        Ok(mut number) => *number = 1,
        Err(_) => assert!(RECKONS_WITH_IT, "somebody reads"),
    }
    let seen = thread.join().unwrap();
    assert!(seen == 0 || *lock.read().unwrap() == 1);
}

/// Two threads meet twice at a barrier for as many as they are, or for one more.
fn barrier<const FOR_THEM: bool>() {
    let barrier = Arc::new(Barrier::new(if FOR_THEM { 2 } else { 3 }));
    let meet = |barrier: &Barrier| {
        let leads = [(); 2].map(|()| barrier.wait().is_leader());
        leads.iter().filter(|leads| **leads).count()
    };
    let other = barrier.clone();
    let thread = thread::spawn(move || meet(&other));
    let led = meet(&barrier) + thread.join().unwrap();
    assert_eq!(led, 2, "each time, one leads");
}

/// A thread believes that it is the leader, or does not care.
fn leader<const CARES: bool>() {
    let barrier = Arc::new(Barrier::new(2));
    let other = barrier.clone();
    let thread = thread::spawn(move || other.wait().is_leader());
    let leads = barrier.wait().is_leader();
    assert!(leads || !CARES, "the other leads");
    assert_ne!(thread.join().unwrap(), leads);
}

/// Nobody waits at a barrier for none.
fn barrier_for_none() {
    let barrier = Barrier::new(0);
    assert!(barrier.wait().is_leader());
    assert!(barrier.wait().is_leader());
}

pub(super) fn cases() -> Vec<Case> {
    let asleep = "deadlock";
    vec![
        right("try_lock, or waits", try_lock::<true>),
        wrong(
            "try_lock, believes it",
            try_lock::<false>,
            "somebody holds it",
        ),
        right("is_poisoned, afterwards", is_poisoned::<true>),
        wrong(
            "is_poisoned, too early",
            is_poisoned::<false>,
            "not yet poisoned",
        ),
        right("RwLock, both read", readers_share::<true>),
        wrong("RwLock, one writes", readers_share::<false>, asleep),
        right("RwLock, written in one step", write::<true>),
        wrong("RwLock, written in two steps", write::<false>, "lost"),
        right("RwLock, read one after the other", read_again::<true>),
        wrong("RwLock, read while it is read", read_again::<false>, asleep),
        right("try_write", try_write::<true>),
        wrong(
            "try_write, believes it",
            try_write::<false>,
            "somebody reads",
        ),
        right("Barrier", barrier::<true>),
        wrong("Barrier for one more", barrier::<false>, asleep),
        right("Barrier, any leader", leader::<false>),
        wrong(
            "Barrier, believes to lead",
            leader::<true>,
            "the other leads",
        ),
        right("Barrier for none", barrier_for_none),
    ]
}
