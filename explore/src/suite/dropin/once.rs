//! What happens once, what each thread has of its own, and what each execution has anew.

use std::cell::Cell;

use super::{right, wrong};
use crate::suite::Case;
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::{Arc, LazyLock, Once, OnceLock};
use crate::{statics, thread, thread_local};

/// Two threads do something once: they say so, or look whether it has been done.
fn once<const SAYS_SO: bool>() {
    let shared = Arc::new((Once::new(), AtomicUsize::new(0)));
    let work = |(once, times): &(Once, AtomicUsize)| {
        if SAYS_SO {
            once.call_once(|| {
                times.fetch_add(1, Ordering::Relaxed);
            });
        } else if !once.is_completed() {
            times.fetch_add(1, Ordering::Relaxed);
            once.call_once(|| ());
        }
        times.load(Ordering::Relaxed)
    };
    let other = shared.clone();
    let thread = thread::spawn(move || work(&other));
    assert_eq!(work(&shared), 1, "it is done twice");
    assert_eq!(thread.join().unwrap(), 1, "it is done twice");
}

/// A value is made by one thread, and another waits for it or believes that it is there.
fn once_lock<const WAITS: bool>() {
    let cell = Arc::new(OnceLock::new());
    let maker = cell.clone();
    let thread = thread::spawn(move || maker.set(42));
    let made = if WAITS { Some(cell.wait()) } else { cell.get() };
    assert_eq!(made, Some(&42), "it is not there");
    thread.join().unwrap().unwrap();
}

/// Two threads write a value: one of them is told that there is one.
fn set_twice<const BOTH_SUCCEED: bool>() {
    let cell = Arc::new(OnceLock::new());
    let other = cell.clone();
    let thread = thread::spawn(move || other.set(1).is_ok());
    let is_written = cell.set(2).is_ok();
    let is_written_by_other = thread.join().unwrap();
    if BOTH_SUCCEED {
        assert!(is_written && is_written_by_other, "the other was faster");
    } else {
        assert_ne!(is_written, is_written_by_other);
        assert_eq!(cell.get(), Some(if is_written { &2 } else { &1 }));
    }
}

statics! {
    static FINE: u32 = 42;
    static NEEDS_ITSELF: u32 = one_more();
}

fn one_more() -> u32 {
    *NEEDS_ITSELF + 1
}

/// A value that is made when it is needed is made once, unless it needs itself.
fn lazy<const IS_FINE: bool>() {
    let times = Arc::new(AtomicUsize::new(0));
    let counted = times.clone();
    let value = Arc::new(LazyLock::new(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        if IS_FINE { *FINE } else { *NEEDS_ITSELF }
    }));
    let other = value.clone();
    let thread = thread::spawn(move || **other);
    assert_eq!(**value, 42);
    assert_eq!(thread.join().unwrap(), 42);
    assert_eq!(times.load(Ordering::Relaxed), 1);
}

/// A thread writes a value of which each has its own, or shares it.
fn thread_local<const HAS_ITS_OWN: bool>() {
    thread_local! {
        static NUMBER: Cell<u32> = const { Cell::new(0) };
    }
    NUMBER.set(1);
    let thread = thread::spawn(|| NUMBER.replace(2));
    let seen = thread.join().unwrap();
    if HAS_ITS_OWN {
        assert_eq!((NUMBER.get(), seen), (1, 0));
    } else {
        assert_eq!(seen, 1, "it is another one");
    }
}

/// A thread's value is destroyed before whoever joins it goes on, and not later than that.
fn destroyed<const IS_JOINED: bool>() {
    struct Says(Arc<AtomicUsize>);
    impl Drop for Says {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Release);
        }
    }
    thread_local! {
        static SAYS: Cell<Option<Says>> = const { Cell::new(None) };
    }
    let times = Arc::new(AtomicUsize::new(0));
    let counted = times.clone();
    let thread = thread::spawn(move || SAYS.set(Some(Says(counted))));
    if IS_JOINED {
        thread.join().unwrap();
        assert_eq!(times.load(Ordering::Acquire), 1);
    } else {
        assert_eq!(times.load(Ordering::Acquire), 1, "it still lives");
        thread.join().unwrap();
    }
}

/// Each execution has its own static, of which its threads share one.
fn statics<const IS_SHARED: bool>() {
    statics! {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
    }
    let thread = thread::spawn(|| NUMBER.fetch_add(1, Ordering::Relaxed));
    let seen = NUMBER.fetch_add(1, Ordering::Relaxed);
    let seen_by_other = thread.join().unwrap();
    if IS_SHARED {
        assert_eq!(seen + seen_by_other, 1);
    } else {
        assert_eq!(seen, 0, "the other was faster");
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        right("Once", once::<true>),
        wrong("Once, looks first", once::<false>, "done twice"),
        right("OnceLock, waits", once_lock::<true>),
        wrong("OnceLock, believes it", once_lock::<false>, "not there"),
        right("OnceLock, one is told", set_twice::<false>),
        wrong("OnceLock, both write", set_twice::<true>, "faster"),
        right("LazyLock", lazy::<true>),
        wrong("LazyLock that needs itself", lazy::<false>, "deadlock"),
        right("thread_local, each its own", thread_local::<true>),
        wrong("thread_local, shared", thread_local::<false>, "another one"),
        right("thread_local, destroyed", destroyed::<true>),
        wrong(
            "thread_local, destroyed at once",
            destroyed::<false>,
            "still lives",
        ),
        right("statics, shared by threads", statics::<true>),
        wrong("statics, believes to be first", statics::<false>, "faster"),
    ]
}
