//! Semaphores, futexes, pipes, polls and futures.

use std::future::poll_fn;
use std::io::{Read, Write};
use std::task::{Poll, Waker};

use super::{case, right, wrong};
use crate::future::block_on;
use crate::os::{Futex, FutexWait, Interest, pipe, poll};
use crate::platform::Environment;
use crate::suite::Case;
use crate::suite::Expected::{NotProved, Proved};
use crate::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use crate::sync::{Arc, Mutex, Semaphore};
use crate::thread;
use crate::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// Two threads add to a number in two steps, with a permit that only one of them can have, or that both can.
fn semaphore<const ONE_PERMIT: bool>() {
    let permits = if ONE_PERMIT { 1 } else { 2 };
    let shared = Arc::new((Semaphore::new(permits), AtomicUsize::new(0)));
    let add = |(semaphore, number): &(Semaphore, AtomicUsize)| {
        semaphore.acquire();
        let seen = number.load(Ordering::Relaxed);
        number.store(seen + 1, Ordering::Relaxed);
        semaphore.release(1);
    };
    let other = shared.clone();
    let thread = thread::spawn(move || add(&other));
    add(&shared);
    thread.join().unwrap();
    assert_eq!(shared.1.load(Ordering::Relaxed), 2, "an addition is lost");
}

/// A thread waits for a permit for some time, and reckons with its end or not.
fn acquire_timeout<const RECKONS_WITH_IT: bool>() {
    let semaphore = Arc::new(Semaphore::new(0));
    let other = semaphore.clone();
    let thread = thread::spawn(move || other.release(1));
    let has_permit = semaphore.acquire_timeout(SECOND);
    assert!(has_permit || RECKONS_WITH_IT, "time was over");
    thread.join().unwrap();
    assert_eq!(semaphore.try_acquire(), !has_permit);
}

/// A flag is set and its waiter woken: the flag first, or afterwards.
fn futex<const SETS_FIRST: bool>() {
    let futex = Arc::new(Futex::new(0));
    let other = futex.clone();
    let thread = thread::spawn(move || {
        if SETS_FIRST {
            other.swap(1, Ordering::Release);
            other.wake(1);
        } else {
            other.wake(1);
            other.swap(1, Ordering::Release);
        }
    });
    while futex.load(Ordering::Acquire) == 0 {
        futex.wait(0);
    }
    thread.join().unwrap();
}

/// The flag is stored to. A wait reads and writes the word in one step, which under loom may miss a store.
fn futex_is_stored() {
    let futex = Arc::new(Futex::new(0));
    let other = futex.clone();
    let thread = thread::spawn(move || {
        other.store(1, Ordering::Release);
        other.wake(1);
    });
    while futex.load(Ordering::Acquire) == 0 {
        futex.wait(0);
    }
    thread.join().unwrap();
}

/// A thread that was woken looks at the word again, or believes that it has changed.
fn futex_wakes<const LOOKS_AGAIN: bool>() {
    let futex = Arc::new(Futex::new(0));
    let other = futex.clone();
    let thread = thread::spawn(move || {
        other.fetch_add(1, Ordering::Release);
        other.wake(1);
    });
    futex.wait(0);
    if LOOKS_AGAIN {
        while futex.load(Ordering::Acquire) == 0 {
            futex.wait(0);
        }
    }
    assert_eq!(futex.fetch_add(0, Ordering::Acquire), 1, "woken too early");
    thread.join().unwrap();
}

/// A thread waits for some time, and reckons with its end or not.
fn futex_timeout<const RECKONS_WITH_IT: bool>() {
    let futex = Arc::new(Futex::new(0));
    let other = futex.clone();
    let thread = thread::spawn(move || {
        other.fetch_add(1, Ordering::Release);
        other.wake(1);
    });
    while futex.load(Ordering::Acquire) == 0 {
        let waited = futex.wait_timeout(0, SECOND);
        if waited == FutexWait::TimedOut {
            assert!(RECKONS_WITH_IT, "time was over");
            break;
        }
    }
    thread.join().unwrap();
}

/// A mutex of a word and two threads, which says that somebody waits, or forgets to.
fn futex_mutex<const SAYS_SO: bool>() {
    let shared = Arc::new((Futex::new(0), AtomicUsize::new(0)));
    let add = |(futex, number): &(Futex, AtomicUsize)| {
        let (acquire, relaxed) = (Ordering::Acquire, Ordering::Relaxed);
        if futex.compare_exchange(0, 1, acquire, relaxed).is_err() {
            let contended = if SAYS_SO { 2 } else { 1 };
            while futex.swap(contended, acquire) != 0 {
                futex.wait(contended);
            }
        }
        let seen = number.load(relaxed);
        number.store(seen + 1, relaxed);
        if futex.swap(0, Ordering::Release) == 2 {
            futex.wake(1);
        }
    };
    let other = shared.clone();
    let thread = thread::spawn(move || add(&other));
    add(&shared);
    thread.join().unwrap();
    assert_eq!(shared.1.load(Ordering::Relaxed), 2);
}

/// Two threads wait for a word, and one of them is woken, or both.
fn futex_wake<const ALL: bool>() {
    let futex = Arc::new(Futex::new(0));
    let threads = [(); 2].map(|()| {
        let futex = futex.clone();
        thread::spawn(move || {
            while futex.load(Ordering::Acquire) == 0 {
                futex.wait(0);
            }
        })
    });
    futex.fetch_add(1, Ordering::Release);
    if ALL {
        futex.wake_all();
    } else {
        futex.wake(1);
    }
    for thread in threads {
        thread.join().unwrap();
    }
}

/// A thread reads two bytes from a pipe, one of which was written, or both.
fn read<const BOTH_WRITTEN: bool>() {
    let (mut reader, mut writer) = pipe(1);
    let kept = writer.clone();
    let thread = thread::spawn(move || {
        let bytes: &[u8] = if BOTH_WRITTEN { b"ab" } else { b"a" };
        writer.write_all(bytes).unwrap();
    });
    let mut bytes = [0; 2];
    reader.read_exact(&mut bytes).unwrap();
    assert_eq!(&bytes, b"ab");
    thread.join().unwrap();
    drop(kept);
}

/// The writers of a pipe go, so that it comes to its end; or one stays.
fn end_of_pipe<const ALL_GO: bool>() {
    let (mut reader, mut writer) = pipe(1);
    let kept = (!ALL_GO).then(|| writer.clone());
    let thread = thread::spawn(move || writer.write_all(b"a").unwrap());
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes, b"a");
    thread.join().unwrap();
    drop(kept);
}

/// A number that does not fit into a pipe is lost, unless somebody reckons with it.
fn full_pipe<const HAS_ROOM: bool>() {
    let (reader, writer) = pipe(if HAS_ROOM { 2 } else { 1 });
    let other = writer.clone();
    let thread = thread::spawn(move || drop(other.try_write(&[1])));
    let _ = writer.try_write(&[1]);
    thread.join().unwrap();
    let mut bytes = [0; 2];
    assert_eq!(reader.try_read(&mut bytes).unwrap(), 2, "one is lost");
}

/// A thread waits for two pipes and reads from the one that is ready, or from the first.
fn poll_two<const LOOKS_WHICH: bool>() {
    let (first, to_first) = pipe(1);
    let (second, to_second) = pipe(1);
    let thread = thread::spawn(move || {
        to_second.try_write(b"b").unwrap();
        to_first.try_write(b"a").unwrap();
        (to_first, to_second)
    });
    let ready = poll(
        &[Interest::Readable(&first), Interest::Readable(&second)],
        None,
    );
    let ready = if LOOKS_WHICH && !ready[0] {
        &second
    } else {
        &first
    };
    assert!(ready.try_read(&mut [0]).is_ok(), "nothing in it");
    drop(thread.join().unwrap());
}

/// A thread waits for a pipe for some time, and reckons with its end or not.
fn poll_timeout<const RECKONS_WITH_IT: bool>() {
    let (reader, writer) = pipe(1);
    let thread = thread::spawn(move || {
        writer.try_write(b"a").unwrap();
        writer
    });
    let ready = poll(&[Interest::Readable(&reader)], Some(SECOND));
    assert!(ready[0] || RECKONS_WITH_IT, "time was over");
    drop(thread.join().unwrap());
}

/// A future that is ready when a flag is set. It leaves its waker before it looks, or afterwards.
fn future<const LEAVES_WAKER_FIRST: bool>() {
    let shared = Arc::new((AtomicBool::new(false), Mutex::new(None::<Waker>)));
    let other = shared.clone();
    let thread = thread::spawn(move || {
        other.0.store(true, Ordering::SeqCst);
        let waker = other.1.lock().unwrap().take();
        if let Some(waker) = waker {
            waker.wake();
        }
    });
    block_on(poll_fn(|context| {
        let (is_set, waker) = &*shared;
        if LEAVES_WAKER_FIRST {
            *waker.lock().unwrap() = Some(context.waker().clone());
        }
        if is_set.load(Ordering::SeqCst) {
            return Poll::Ready(());
        }
        if !LEAVES_WAKER_FIRST {
            *waker.lock().unwrap() = Some(context.waker().clone());
        }
        Poll::Pending
    }));
    thread.join().unwrap();
}

/// A future that believes that it is polled only when it was woken, or looks.
fn polled_for_no_reason<const LOOKS: bool>() {
    let shared = Arc::new((AtomicBool::new(false), Mutex::new(None::<Waker>)));
    let other = shared.clone();
    let mut was_polled = false;
    let polled = poll_fn(|context| {
        let (is_set, waker) = &*shared;
        *waker.lock().unwrap() = Some(context.waker().clone());
        let is_set = is_set.load(Ordering::Acquire);
        let is_ready = if LOOKS { is_set } else { was_polled };
        assert!(!is_ready || is_set, "polled too early");
        was_polled = true;
        if is_ready {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    });
    let thread = thread::spawn(move || {
        other.0.store(true, Ordering::Release);
        let waker = other.1.lock().unwrap().take();
        if let Some(waker) = waker {
            waker.wake();
        }
    });
    block_on(polled);
    thread.join().unwrap();
}

pub(super) fn cases() -> Vec<Case> {
    let timeout = Environment {
        timeouts: 1,
        ..Environment::QUIET
    };
    let asleep = "deadlock";
    let over = "time was over";
    vec![
        right("Semaphore, one permit", semaphore::<true>),
        wrong("Semaphore, two permits", semaphore::<false>, "lost"),
        right("acquire_timeout", acquire_timeout::<true>).within(timeout),
        wrong(
            "acquire_timeout, without a limit in mind",
            acquire_timeout::<false>,
            over,
        )
        .within(timeout),
        right("Futex, set, then woken", futex::<true>),
        wrong("Futex, woken, then set", futex::<false>, asleep),
        case(
            "Futex, stored, then woken",
            NotProved,
            Proved,
            futex_is_stored,
        )
        .says("fails only where loom admits more than C11"),
        right("Futex, looks again", futex_wakes::<true>),
        wrong("Futex, once", futex_wakes::<false>, "too early"),
        right("Futex, for a time", futex_timeout::<true>).within(timeout),
        wrong(
            "Futex, without a limit in mind",
            futex_timeout::<false>,
            over,
        )
        .within(timeout),
        right("a mutex of a futex", futex_mutex::<true>),
        wrong(
            "a mutex of a futex, forgets waiters",
            futex_mutex::<false>,
            asleep,
        ),
        right("Futex, two are woken", futex_wake::<true>).quiet(),
        wrong("Futex, one of two is woken", futex_wake::<false>, asleep).quiet(),
        right("a pipe, two bytes", read::<true>),
        wrong("a pipe, one byte of two", read::<false>, asleep),
        right("a pipe, every writer goes", end_of_pipe::<true>),
        wrong("a pipe, a writer stays", end_of_pipe::<false>, asleep),
        right("a pipe with room", full_pipe::<true>),
        wrong("a pipe that is full", full_pipe::<false>, "lost"),
        right("poll, looks which", poll_two::<true>),
        wrong(
            "poll, believes the first",
            poll_two::<false>,
            "nothing in it",
        ),
        right("poll, for a time", poll_timeout::<true>).within(timeout),
        wrong("poll, without a limit in mind", poll_timeout::<false>, over).within(timeout),
        right("a future, leaves its waker first", future::<true>),
        wrong("a future, looks first", future::<false>, asleep),
        right("a future, looks", polled_for_no_reason::<true>),
        wrong(
            "a future, believes it was woken",
            polled_for_no_reason::<false>,
            "polled too early",
        ),
    ]
}
