//! What happens to a thread between two of its steps.

use super::{right, wrong};
use crate::os::{Interest, Signal, Suspension, pipe, poll};
use crate::suite::Case;
use crate::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use crate::sync::{Arc, Condvar, Mutex};
use crate::thread;

/// A thread adds to a number, and so does its signal handler: each in one step, or the thread in two.
fn handler_adds<const IN_ONE_STEP: bool>() {
    let (signal, number) = (Signal::new(), Arc::new(AtomicUsize::new(0)));
    let (raised, counter) = (signal.clone(), number.clone());
    let thread = thread::spawn(move || raised.raise());
    let add = || {
        if IN_ONE_STEP {
            number.fetch_add(1, Ordering::Relaxed);
        } else {
            let seen = number.load(Ordering::Relaxed);
            number.store(seen + 1, Ordering::Relaxed);
        }
    };
    let handler = move || {
        counter.fetch_add(1, Ordering::Relaxed);
    };
    signal.handle(handler, || {
        add();
        thread.join().unwrap();
    });
    assert_eq!(number.load(Ordering::Relaxed), 2, "an addition is lost");
}

/// A handler locks a mutex, which its thread may hold; or it changes an atomic.
fn handler_locks<const IS_SAFE: bool>() {
    let shared = Arc::new((Mutex::new(0), AtomicUsize::new(0)));
    let signal = Signal::new();
    let (raised, of_handler) = (signal.clone(), shared.clone());
    let thread = thread::spawn(move || raised.raise());
    let handler = move || {
        if IS_SAFE {
            of_handler.1.fetch_add(1, Ordering::Relaxed);
        } else {
            *of_handler.0.lock().unwrap() += 1;
        }
    };
    // There is no step between the lock and the unlock.
    signal.handle(handler, || *shared.0.lock().unwrap() += 1);
    thread.join().unwrap();
}

/// A thread looks whether its handler has set a flag, and then sleeps until a pipe is written to: by the
/// handler, or by nobody.
fn self_pipe<const IS_WRITTEN: bool>() {
    let (reader, writer) = pipe(1);
    let (signal, is_set) = (Signal::new(), Arc::new(AtomicBool::new(false)));
    let (raised, set, to_pipe) = (signal.clone(), is_set.clone(), writer.clone());
    let thread = thread::spawn(move || raised.raise());
    let handler = move || {
        set.store(true, Ordering::Relaxed);
        if IS_WRITTEN {
            let _ = to_pipe.try_write(b"x");
        }
    };
    signal.handle(handler, || {
        while !is_set.load(Ordering::Relaxed) {
            let ready = poll(&[Interest::Readable(&reader)], None);
            assert_eq!(ready, [true]);
        }
    });
    thread.join().unwrap();
}

/// A handler runs while its thread waits for a condvar that the handler's effect is to end.
fn handler_while_waiting<const WAKES: bool>() {
    let (signal, flag) = (Signal::new(), Arc::new(AtomicBool::new(false)));
    let monitor = Arc::new((Mutex::new(()), Condvar::new()));
    let raised = signal.clone();
    let (set, other) = (flag.clone(), monitor.clone());
    let thread = thread::spawn(move || {
        raised.raise();
        if WAKES {
            while !set.load(Ordering::Acquire) {
                thread::park();
            }
            let guard = other.0.lock().unwrap();
            other.1.notify_all();
            drop(guard);
        }
    });
    let waker = thread.thread().clone();
    let of_handler = flag.clone();
    let handler = move || {
        of_handler.store(true, Ordering::Release);
        waker.unpark();
    };
    signal.handle(handler, || {
        let guard = monitor.0.lock().unwrap();
        if !flag.load(Ordering::Acquire) {
            drop(monitor.1.wait(guard).unwrap());
        }
    });
    thread.join().unwrap();
}

/// A thread is suspended, perhaps while it holds a mutex. Another locks that one before it resumes the
/// thread, or afterwards.
fn suspended<const RESUMES_FIRST: bool>() {
    let (suspension, number) = (Suspension::new(), Arc::new(Mutex::new(0)));
    let (of_worker, counter) = (suspension.clone(), number.clone());
    let worker = thread::spawn(move || of_worker.admit(|| *counter.lock().unwrap() += 1));
    suspension.suspend();
    if RESUMES_FIRST {
        suspension.resume();
    }
    *number.lock().unwrap() += 1;
    suspension.resume();
    worker.join().unwrap();
    assert_eq!(*number.lock().unwrap(), 2);
}

pub(super) fn cases() -> Vec<Case> {
    let asleep = "deadlock";
    vec![
        right("a handler adds", handler_adds::<true>),
        wrong(
            "a handler adds, its thread in two steps",
            handler_adds::<false>,
            "lost",
        ),
        right("a handler, an atomic", handler_locks::<true>),
        wrong(
            "a handler, a mutex of its thread",
            handler_locks::<false>,
            "holds already",
        ),
        right("a self-pipe", self_pipe::<true>),
        wrong("a flag for a self-pipe", self_pipe::<false>, asleep),
        right("handled while it waits", handler_while_waiting::<true>).quiet(),
        wrong(
            "handled, and waits on",
            handler_while_waiting::<false>,
            asleep,
        )
        .quiet(),
        right("suspended, and resumed first", suspended::<true>).quiet(),
        wrong("suspended with a mutex", suspended::<false>, asleep).quiet(),
    ]
}
