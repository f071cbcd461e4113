//! The drop-in: each of its primitives, used right and used wrong. The bodies differ from code for the
//! standard library in their imports alone.

mod channels;
mod interrupts;
mod locks;
mod once;
mod parking_lot;
mod system;

use std::panic::{self, AssertUnwindSafe};
use std::sync::LazyLock;

use wakeproof::platform::Deliberate;

use super::{Case, Expected};
use crate::hint;
use crate::platform::Environment;
use crate::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering, fence};
use crate::sync::{Arc, Condvar, Mutex};
use crate::thread;
use crate::time::{Duration, Instant};

const SECOND: Duration = Duration::from_secs(1);

#[derive(Default)]
struct Monitor<T> {
    state: Mutex<T>,
    changed: Condvar,
}

/// Two threads wait for a gate that opens for good.
fn gate<const NOTIFIES_ALL: bool>() {
    let gate = Arc::new(Monitor::<bool>::default());
    let waiters = [(); 2].map(|()| {
        let gate = gate.clone();
        thread::spawn(move || {
            let is_open = gate.state.lock().unwrap();
            drop(gate.changed.wait_while(is_open, |is_open| !*is_open));
        })
    });
    *gate.state.lock().unwrap() = true;
    if NOTIFIES_ALL {
        gate.changed.notify_all();
    } else {
        gate.changed.notify_one();
    }
    for waiter in waiters {
        waiter.join().unwrap();
    }
}

/// A flag is set, for a thread that waits while it is not, or waits once.
fn wait<const LOOKS_AGAIN: bool>() {
    let monitor = Arc::new(Monitor::<bool>::default());
    let setter = monitor.clone();
    let thread = thread::spawn(move || {
        *setter.state.lock().unwrap() = true;
        setter.changed.notify_one();
    });
    let mut is_set = monitor.state.lock().unwrap();
    if LOOKS_AGAIN {
        is_set = monitor.changed.wait_while(is_set, |set| !*set).unwrap();
    } else if !*is_set {
        is_set = monitor.changed.wait(is_set).unwrap();
    }
    assert!(*is_set, "woken before the flag was set");
    drop(is_set);
    thread.join().unwrap();
}

/// A thread waits for a flag with a time limit. It believes that the limit says whether the flag is set,
/// or looks at the flag.
fn wait_timeout<const LOOKS_AGAIN: bool>() {
    let monitor = Arc::new(Monitor::<bool>::default());
    let setter = monitor.clone();
    let thread = thread::spawn(move || {
        *setter.state.lock().unwrap() = true;
        setter.changed.notify_one();
    });
    let mut is_set = monitor.state.lock().unwrap();
    if !*is_set {
        let (guard, result) = monitor.changed.wait_timeout(is_set, SECOND).unwrap();
        is_set = guard;
        let timed_out = if LOOKS_AGAIN {
            !*is_set
        } else {
            result.timed_out()
        };
        assert_eq!(timed_out, !*is_set, "it is set, although time is over");
    }
    drop(is_set);
    thread.join().unwrap();
}

/// A thread waits while a flag is not set, with a time limit. It reckons with the limit, or not.
fn wait_timeout_while<const RECKONS_WITH_IT: bool>() {
    let monitor = Arc::new(Monitor::<bool>::default());
    let setter = monitor.clone();
    let thread = thread::spawn(move || {
        *setter.state.lock().unwrap() = true;
        setter.changed.notify_one();
    });
    let begun = Instant::now();
    let is_set = monitor.state.lock().unwrap();
    let waited = monitor
        .changed
        .wait_timeout_while(is_set, SECOND, |set| !*set);
    let (is_set, result) = waited.unwrap();
    assert_eq!(*is_set, !result.timed_out());
    if RECKONS_WITH_IT {
        assert!(*is_set || begun.elapsed() >= SECOND);
    } else {
        assert!(*is_set, "the time was over");
    }
    drop(is_set);
    thread.join().unwrap();
}

/// A wait without end, although it has a time limit: none that the clock could reach.
fn endless_timeout<const IS_NOTIFIED: bool>() {
    let monitor = Arc::new(Monitor::<bool>::default());
    let setter = monitor.clone();
    let thread = thread::spawn(move || {
        if IS_NOTIFIED {
            *setter.state.lock().unwrap() = true;
            setter.changed.notify_one();
        }
    });
    let mut is_set = monitor.state.lock().unwrap();
    while !*is_set {
        let waited = monitor.changed.wait_timeout(is_set, Duration::MAX);
        let (guard, result) = waited.unwrap();
        assert!(!result.timed_out());
        is_set = guard;
    }
    drop(is_set);
    thread.join().unwrap();
}

/// A thread parks until a flag is set: it looks again each time, or not.
fn park<const LOOKS_AGAIN: bool>() {
    let is_set = Arc::new(AtomicBool::new(false));
    let (flag, parked) = (is_set.clone(), thread::current());
    let thread = thread::spawn(move || {
        flag.store(true, Ordering::Release);
        parked.unpark();
    });
    if LOOKS_AGAIN {
        while !is_set.load(Ordering::Acquire) {
            thread::park();
        }
    } else {
        thread::park();
        assert!(is_set.load(Ordering::Acquire), "unparked too early");
    }
    thread.join().unwrap();
}

/// A flag is set before its waiter is unparked, or afterwards.
fn unpark<const SETS_FIRST: bool>() {
    let is_set = Arc::new(AtomicBool::new(false));
    let (flag, parked) = (is_set.clone(), thread::current());
    let thread = thread::spawn(move || {
        if SETS_FIRST {
            flag.store(true, Ordering::Release);
            parked.unpark();
        } else {
            parked.unpark();
            flag.store(true, Ordering::Release);
        }
    });
    while !is_set.load(Ordering::Acquire) {
        thread::park();
    }
    thread.join().unwrap();
}

/// What a thread wrote before it unparked another is seen by that one; what it writes afterwards may not
/// be.
fn park_synchronises<const WRITES_FIRST: bool>() {
    let data = Arc::new(AtomicUsize::new(0));
    let (written, parked) = (data.clone(), thread::current());
    let thread = thread::spawn(move || {
        if WRITES_FIRST {
            written.store(1, Ordering::Relaxed);
        }
        parked.unpark();
        if !WRITES_FIRST {
            written.store(1, Ordering::Relaxed);
        }
    });
    thread::park();
    assert_eq!(data.load(Ordering::Relaxed), 1, "it is not seen");
    thread.join().unwrap();
}

/// Two unparks leave one token: who parks for each waits for ever.
fn one_token<const PARKS_ONCE: bool>() {
    thread::current().unpark();
    thread::current().unpark();
    thread::park();
    if !PARKS_ONCE {
        thread::park();
    }
}

/// A thread parks for a time, and reckons with its end, or not.
fn park_timeout<const RECKONS_WITH_IT: bool>() {
    let is_set = Arc::new(AtomicBool::new(false));
    let (flag, parked) = (is_set.clone(), thread::current());
    let thread = thread::spawn(move || {
        flag.store(true, Ordering::Release);
        parked.unpark();
    });
    let begun = Instant::now();
    while !is_set.load(Ordering::Acquire) {
        thread::park_timeout(SECOND);
        if RECKONS_WITH_IT && begun.elapsed() >= SECOND {
            break;
        }
        if !RECKONS_WITH_IT {
            assert!(begun.elapsed() < SECOND, "the time was over");
        }
    }
    thread.join().unwrap();
}

/// Two threads add to a number, in one step or in two.
fn add<const IN_ONE_STEP: bool>() {
    let number = Arc::new(AtomicU32::new(0));
    let add = |number: &AtomicU32| {
        if IN_ONE_STEP {
            number.fetch_add(1, Ordering::Relaxed);
        } else {
            let seen = number.load(Ordering::Relaxed);
            number.store(seen + 1, Ordering::Relaxed);
        }
    };
    let other = number.clone();
    let thread = thread::spawn(move || add(&other));
    add(&number);
    thread.join().unwrap();
    assert_eq!(number.load(Ordering::Relaxed), 2, "an addition is lost");
}

/// Two threads add to a number by comparing and exchanging, until it succeeds or once.
fn compare_exchange<const TRIES_AGAIN: bool>() {
    let number = Arc::new(AtomicU32::new(0));
    let add = |number: &AtomicU32| {
        let (set, fetch) = (Ordering::AcqRel, Ordering::Acquire);
        if TRIES_AGAIN {
            let added = number.fetch_update(set, fetch, |seen| Some(seen + 1));
            added.unwrap();
        } else {
            let seen = number.load(fetch);
            let _ = number.compare_exchange(seen, seen + 1, set, fetch);
        }
    };
    let other = number.clone();
    let thread = thread::spawn(move || add(&other));
    add(&number);
    thread.join().unwrap();
    assert_eq!(number.load(Ordering::Acquire), 2, "an addition is lost");
}

/// A message behind a flag, with fences or without.
fn fences<const HAS_FENCES: bool>() {
    let shared = Arc::new((AtomicUsize::new(0), AtomicBool::new(false)));
    let sender = shared.clone();
    let thread = thread::spawn(move || {
        sender.0.store(1, Ordering::Relaxed);
        if HAS_FENCES {
            fence(Ordering::Release);
        }
        sender.1.store(true, Ordering::Relaxed);
    });
    if shared.1.load(Ordering::Relaxed) {
        if HAS_FENCES {
            fence(Ordering::Acquire);
        }
        assert_eq!(shared.0.load(Ordering::Relaxed), 1, "an old message");
    }
    thread.join().unwrap();
}

/// A thread announces itself and looks, and so does another: with orders that are too weak, neither sees
/// the other.
fn announce<const WITH_FENCES: bool>() {
    let flags = Arc::new((AtomicU32::new(0), AtomicU32::new(0)));
    let look = |mine: &AtomicU32, other: &AtomicU32| {
        mine.store(1, Ordering::Release);
        if WITH_FENCES {
            fence(Ordering::SeqCst);
        }
        other.load(Ordering::Acquire) == 1
    };
    let others = flags.clone();
    let thread = thread::spawn(move || look(&others.1, &others.0));
    let sees = look(&flags.0, &flags.1);
    let other_sees = thread.join().unwrap();
    assert!(sees || other_sees, "neither sees the other");
}

/// A thread sleeps, and then believes that another one has come to its end. Or it joins it.
fn sleep<const JOINS: bool>() {
    let is_done = Arc::new(AtomicBool::new(false));
    let done = is_done.clone();
    let worker = thread::spawn(move || done.store(true, Ordering::Release));
    let begun = Instant::now();
    thread::sleep(SECOND);
    assert!(begun.elapsed() >= SECOND);
    if JOINS {
        worker.join().unwrap();
        assert!(is_done.load(Ordering::Acquire));
    } else {
        assert!(is_done.load(Ordering::Acquire), "it slept too short");
        worker.join().unwrap();
    }
}

/// A thread spins until a flag is set, and goes round as often as it must; or believes that it need not go round more
/// than three times.
fn spin<const PATIENT: bool>() {
    let is_set = Arc::new(AtomicBool::new(false));
    let flag = is_set.clone();
    let thread = thread::spawn(move || flag.store(true, Ordering::Release));
    let mut rounds = 0;
    while !is_set.load(Ordering::Acquire) {
        rounds += 1;
        assert!(PATIENT || rounds <= 3, "round {rounds}");
        hint::spin_loop();
    }
    thread.join().unwrap();
}

/// Threads add to a number that they borrow, in one step or in two.
fn scope<const IN_ONE_STEP: bool>() {
    let number = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                if IN_ONE_STEP {
                    number.fetch_add(1, Ordering::Relaxed);
                } else {
                    let seen = number.load(Ordering::Relaxed);
                    number.store(seen + 1, Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(number.load(Ordering::Relaxed), 2, "an addition is lost");
}

/// Threads have the names and the numbers that they were given.
fn named<const HAS_A_NAME: bool>() {
    let mut builder = thread::Builder::new();
    if HAS_A_NAME {
        builder = builder.name("worker".to_owned());
    }
    let handle = builder
        .spawn(|| {
            let this = thread::current();
            (this.name().map(str::to_owned), this.id())
        })
        .unwrap();
    let id = handle.thread().id();
    let (name, own_id) = handle.join().unwrap();
    assert_eq!(own_id, id);
    assert_ne!(own_id, thread::current().id());
    assert_eq!(name.as_deref(), Some("worker"), "it has no name");
}

/// A mutex whose thread has panicked says so to the next one, which reckons with it or not.
fn poisoned<const RECKONS_WITH_IT: bool>() {
    let mutex = Mutex::new(0);
    let _ = panic::catch_unwind(AssertUnwindSafe(|| {
        let _guard = mutex.lock().unwrap();
        panic::panic_any(Deliberate);
    }));
    let number = match mutex.lock() {
        Err(poisoned) if RECKONS_WITH_IT => poisoned.into_inner(),
        locked => locked.unwrap(),
    };
    assert_eq!(*number, 0);
}

/// A mutex that was made before the execution, or in it.
fn made<const INSIDE: bool>() {
    static OUTSIDE: LazyLock<Mutex<i32>> =
        LazyLock::new(|| std::thread::spawn(|| Mutex::new(0)).join().unwrap());
    if INSIDE {
        *Mutex::new(0).lock().unwrap() += 1;
    } else {
        *OUTSIDE.lock().unwrap() += 1;
    }
}

/// A condvar with one mutex, or with two.
fn partner<const ONE_MUTEX: bool>() {
    let changed = Condvar::new();
    let mutexes = [Mutex::new(()), Mutex::new(())];
    let (guard, _) = changed
        .wait_timeout(mutexes[0].lock().unwrap(), Duration::ZERO)
        .unwrap();
    drop(guard);
    let second = &mutexes[usize::from(!ONE_MUTEX)];
    let waited = changed.wait_timeout(second.lock().unwrap(), Duration::ZERO);
    assert!(waited.unwrap().1.timed_out());
}

/// A load with an ordering that there is, or with one that there is not.
fn ordering<const EXISTS: bool>() {
    let flag = AtomicBool::new(false);
    let ordering = if EXISTS {
        Ordering::Acquire
    } else {
        Ordering::Release
    };
    assert!(!flag.load(ordering));
}

/// A case under both checkers.
fn case(name: &'static str, loom: Expected, shuttle: Expected, body: fn()) -> Case {
    Case {
        name,
        group: "",
        environment: Environment::HOSTILE,
        loom,
        shuttle,
        threads: None,
        says: "",
        under_loom: body,
        under_shuttle: body,
        on_threads: body,
    }
}

/// One that both checkers prove right.
fn right(name: &'static str, body: fn()) -> Case {
    case(name, Expected::Proved, Expected::Proved, body)
}

/// One in which both checkers find what it says.
fn wrong(name: &'static str, body: fn(), says: &'static str) -> Case {
    case(name, Expected::Found, Expected::Found, body).says(says)
}

pub(super) fn cases() -> Vec<Case> {
    let of_each = [
        core(),
        locks::cases(),
        once::cases(),
        channels::cases(),
        system::cases(),
        interrupts::cases(),
        parking_lot::cases(),
    ];
    of_each.into_iter().flatten().collect()
}

/// Mutexes, condvars, atomics, threads, time.
fn core() -> Vec<Case> {
    use Expected::{CannotJudge, Found, NotProved, Proved};
    let spurious = Environment {
        spurious_wakeups: 1,
        ..Environment::QUIET
    };
    let timeout = Environment {
        timeouts: 1,
        ..Environment::QUIET
    };
    let asleep = "deadlock";
    let early = "before the flag was set";
    vec![
        right("notify_all for two", gate::<true>).within(spurious),
        wrong("notify_one for two", gate::<false>, asleep).within(spurious),
        right("wait_while", wait::<true>),
        wrong("wait, once", wait::<false>, early),
        right("wait_timeout, looks again", wait_timeout::<true>),
        wrong(
            "wait_timeout, believes the time",
            wait_timeout::<false>,
            "although time",
        ),
        right("wait_timeout_while", wait_timeout_while::<true>).within(timeout),
        wrong(
            "wait_timeout_while, without a limit in mind",
            wait_timeout_while::<false>,
            "time was over",
        )
        .within(timeout),
        right(
            "a limit that never comes, notified",
            endless_timeout::<true>,
        ),
        wrong("a limit that never comes", endless_timeout::<false>, asleep),
        right("park, looks again", park::<true>),
        wrong("park, once", park::<false>, "too early"),
        right("park, once, no spurious wakeup: a bound", park::<false>).quiet(),
        right("set, then unpark", unpark::<true>),
        wrong("unpark, then set", unpark::<false>, asleep),
        right("unpark synchronises", park_synchronises::<true>).quiet(),
        wrong(
            "written after unpark",
            park_synchronises::<false>,
            "not seen",
        )
        .quiet(),
        right("two unparks, one park", one_token::<true>).quiet(),
        wrong("two unparks, two parks", one_token::<false>, asleep).quiet(),
        right("park_timeout", park_timeout::<true>),
        wrong(
            "park_timeout, without a limit in mind",
            park_timeout::<false>,
            "time was over",
        ),
        right("fetch_add", add::<true>),
        wrong("a load and a store for fetch_add", add::<false>, "lost"),
        right(
            "compare_exchange, until it succeeds",
            compare_exchange::<true>,
        ),
        wrong("compare_exchange, once", compare_exchange::<false>, "lost"),
        right("fences of the drop-in", fences::<true>),
        case("no fences", Found, Proved, fences::<false>).says("old message"),
        right("announce, fence, look", announce::<true>),
        case("announce, look", Found, Proved, announce::<false>).says("neither"),
        right("sleep, join", sleep::<true>),
        wrong("sleep for join", sleep::<false>, "too short"),
        case("spin_loop", NotProved, NotProved, spin::<true>).says("more"),
        // loom never goes round so often.
        case(
            "spin_loop, three times at most",
            NotProved,
            Found,
            spin::<false>,
        ),
        case("a scope, one step", CannotJudge, Proved, scope::<true>).says("loom has no threads"),
        case("a scope, two steps", CannotJudge, Found, scope::<false>),
        right("a thread with a name", named::<true>),
        wrong("a thread without a name", named::<false>, "no name"),
        case(
            "a poisoned mutex, reckoned with",
            CannotJudge,
            Proved,
            poisoned::<true>,
        ),
        case("a poisoned mutex", CannotJudge, Found, poisoned::<false>),
        right("a mutex made inside", made::<true>),
        wrong(
            "a mutex made outside",
            made::<false>,
            concat!("made outside of the execution, at ", file!()),
        ),
        right("a condvar of the drop-in, one mutex", partner::<true>),
        wrong(
            "a condvar of the drop-in, two mutexes",
            partner::<false>,
            "two mutexes",
        ),
        right("a load that acquires", ordering::<true>),
        wrong("a load that releases", ordering::<false>, "no such thing"),
    ]
}
