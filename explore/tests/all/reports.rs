//! Lost wakeups that somebody has reported: the mechanism of each, found by both checkers that can see
//! it, and its repaired twin.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering::{self, AcqRel, Acquire, Relaxed, Release};
use std::time::Duration;

use wakeproof_explore::platform::{Environment, Flag, Loom, ModelPlatform, Shuttle};
use wakeproof_explore::suite::Expected::{self, Found, Proved};
use wakeproof_explore::{self as explore, Limits, Search, Stop};

struct Monitor<P: ModelPlatform, T: Send + 'static> {
    state: P::Mutex<T>,
    changed: P::Condvar,
}

impl<P: ModelPlatform, T: Send + 'static> Monitor<P, T> {
    fn new(state: T) -> Arc<Self> {
        Arc::new(Monitor {
            state: P::mutex(state),
            changed: P::condvar(),
        })
    }

    /// Waits until the state is as it has to be, and changes it then.
    fn when(&self, is_due: impl Fn(&T) -> bool, change: impl FnOnce(&mut T)) {
        let mut state = P::lock(&self.state);
        while !is_due(&state) {
            state = P::wait(&self.changed, state);
        }
        change(&mut state);
    }

    fn change(&self, change: impl FnOnce(&mut T), notifications: usize) {
        change(&mut P::lock(&self.state));
        for _ in 0..notifications {
            P::notify_one(&self.changed);
        }
    }
}

/// softprops/waitout issue 2: a latch that reaches zero wakes one of several waiters.
fn waitout<P: ModelPlatform, const REPAIRED: bool>() {
    let latch = Monitor::<P, usize>::new(1);
    let other = latch.clone();
    let waiter = P::spawn("waiter", move || other.when(|count| *count == 0, |_| ()));
    let last = latch.clone();
    let worker = P::spawn("worker", move || {
        last.change(|count| *count -= 1, if REPAIRED { 2 } else { 1 });
    });
    latch.when(|count| *count == 0, |_| ());
    P::join(waiter);
    P::join(worker);
}

/// llvm/llvm-project PR 201937: the writer that a release signals has just timed out, and nobody tells
/// the one behind it.
fn llvm<P: ModelPlatform, const REPAIRED: bool>() {
    const SECOND: Duration = Duration::from_secs(1);
    let lock = Monitor::<P, bool>::new(true);
    let (writer, holder) = (lock.clone(), lock.clone());
    let writer = P::spawn("writer", move || {
        let mut is_held = P::lock(&writer.state);
        let mut is_up = false;
        if *is_held {
            (is_held, _) = P::wait_until(&writer.changed, is_held, SECOND);
            is_up = P::now() >= SECOND;
        }
        drop(is_held);
        // It gives up, or has what it wanted: whoever is behind it may go on.
        if REPAIRED || !is_up {
            P::notify_one(&writer.changed);
        }
    });
    let holder = P::spawn("holder", move || {
        holder.change(|is_held| *is_held = false, 1)
    });
    lock.when(|is_held| !*is_held, |_| ());
    P::join(writer);
    P::join(holder);
}

/// python/asyncio issue 270: a semaphore's waiter is woken, then cancelled before it runs, and keeps the
/// wakeup.
fn asyncio_semaphore<P: ModelPlatform, const REPAIRED: bool>() {
    #[derive(Default)]
    struct State {
        waiting: VecDeque<usize>,
        woken: [bool; 2],
        cancelled: [bool; 2],
    }
    fn release(state: &mut State) {
        if let Some(first) = state.waiting.pop_front() {
            state.woken[first] = true;
        }
    }
    let semaphore = Monitor::<P, State>::new(State {
        waiting: [0, 1].into(),
        ..State::default()
    });
    let waiters = [0, 1].map(|me| {
        let semaphore = semaphore.clone();
        P::spawn("waiter", move || {
            let is_due = |state: &State| state.woken[me] || state.cancelled[me];
            semaphore.when(is_due, |state| {
                if state.cancelled[me] {
                    state.waiting.retain(|other| *other != me);
                    if REPAIRED && state.woken[me] {
                        release(state);
                    }
                } else {
                    release(state);
                }
            });
            P::notify_one(&semaphore.changed);
        })
    });
    semaphore.change(release, 2);
    semaphore.change(|state| state.cancelled[0] = true, 2);
    for waiter in waiters {
        P::join(waiter);
    }
}

/// zephyrproject-rtos/zephyr issue 117756: a barrier used again without an epoch. The predicate becomes
/// false again before the last sleeper looks.
fn zephyr<P: ModelPlatform, const REPAIRED: bool>() {
    #[derive(Default)]
    struct Barrier {
        arrived: usize,
        epoch: usize,
    }
    fn arrive<P: ModelPlatform, const REPAIRED: bool>(barrier: &Monitor<P, Barrier>) {
        let mut state = P::lock(&barrier.state);
        let epoch = state.epoch;
        state.arrived += 1;
        if state.arrived == 2 {
            state.epoch += 1;
            if REPAIRED {
                state.arrived = 0;
            }
            P::notify_one(&barrier.changed);
            return;
        }
        while if REPAIRED {
            state.epoch == epoch
        } else {
            state.arrived != 2
        } {
            state = P::wait(&barrier.changed, state);
        }
        if !REPAIRED {
            state.arrived = 0;
        }
    }
    let barrier = Monitor::<P, Barrier>::new(Barrier::default());
    let other = barrier.clone();
    let thread = P::spawn("other", move || {
        arrive::<P, REPAIRED>(&other);
        arrive::<P, REPAIRED>(&other);
    });
    arrive::<P, REPAIRED>(&barrier);
    arrive::<P, REPAIRED>(&barrier);
    P::join(thread);
}

/// libuv/libuv PR 197: "a wakeup is pending" is read and cleared by a plain store, then the callback
/// runs, which may not see what the sender did before.
fn libuv<P: ModelPlatform, const REPAIRED: bool>() {
    let shared = Arc::new((P::Flag::new(), P::Flag::new(), P::Flag::new()));
    let sender = shared.clone();
    let thread = P::spawn("sender", move || {
        let (work, pending, pipe) = &*sender;
        work.store(true, Relaxed);
        // A byte is in the pipe already if a wakeup is pending.
        if !pending.swap(true, AcqRel) {
            pipe.store(true, Release);
        }
    });
    let (work, pending, pipe) = &*shared;
    let was_pending = if REPAIRED {
        pending.swap(false, AcqRel)
    } else {
        let was_pending = pending.load(Relaxed);
        pending.store(false, Relaxed);
        was_pending
    };
    let callback_saw_it = was_pending && work.load(Relaxed);
    P::join(thread);
    assert!(
        callback_saw_it || (!was_pending && pipe.load(Acquire)),
        "the callback has missed the work, and no byte is in the pipe"
    );
}

/// diem/diem PR 4479: the last sender wakes the receiver first and counts itself out afterwards.
fn diem<P: ModelPlatform, const REPAIRED: bool>() {
    let senders = Monitor::<P, usize>::new(1);
    let last = senders.clone();
    let thread = P::spawn("sender", move || {
        if REPAIRED {
            last.change(|count| *count -= 1, 1);
        } else {
            P::notify_one(&last.changed);
            last.change(|count| *count -= 1, 0);
        }
    });
    senders.when(|count| *count == 0, |_| ());
    P::join(thread);
}

/// python/cpython issue 115634: a token that says "a worker is idle" outlives the worker, so no new one
/// is started.
fn cpython_pool<P: ModelPlatform, const REPAIRED: bool>() {
    #[derive(Default)]
    struct Pool {
        idle: usize,
        jobs: usize,
    }
    let pool = Monitor::<P, Pool>::new(Pool::default());
    let worker = pool.clone();
    let first = P::spawn("worker", move || {
        // It has done a job, says that it is idle, and retires.
        worker.change(|pool| pool.idle += 1, 0);
        worker.change(
            |pool| {
                if REPAIRED {
                    pool.idle = pool.idle.saturating_sub(1);
                }
            },
            0,
        );
    });
    P::join(first);
    let mut second = None;
    let mut state = P::lock(&pool.state);
    state.jobs += 1;
    if state.idle > 0 {
        state.idle -= 1;
    } else {
        let worker = pool.clone();
        second = Some(P::spawn("another worker", move || {
            worker.change(|pool| pool.jobs -= 1, 1);
        }));
    }
    drop(state);
    pool.when(|pool| pool.jobs == 0, |_| ());
    if let Some(second) = second {
        P::join(second);
    }
}

/// MagicStack/uvloop PR 154: the numbers of signals are written into the wakeup pipe, which may be full.
fn uvloop<P: ModelPlatform, const REPAIRED: bool>() {
    #[derive(Default)]
    struct Pipe {
        bytes: usize,
        signal: bool,
        noted: bool,
    }
    const CAPACITY: usize = 1;
    let pipe = Monitor::<P, Pipe>::new(Pipe::default());
    let (waker, handler) = (pipe.clone(), pipe.clone());
    let write = |pipe: &mut Pipe| {
        let fits = pipe.bytes < CAPACITY;
        pipe.bytes = CAPACITY;
        fits
    };
    let waker = P::spawn("waker", move || {
        waker.change(|pipe| pipe.bytes = CAPACITY, 1)
    });
    let handler = P::spawn("signal handler", move || {
        handler.change(
            |pipe| {
                // The number is in the byte, or in a place of its own.
                pipe.noted = REPAIRED;
                let fits = write(pipe);
                pipe.signal |= fits && !REPAIRED;
            },
            1,
        );
    });
    let mut is_handled = false;
    while !is_handled {
        pipe.when(
            |pipe| pipe.bytes > 0,
            |pipe| {
                pipe.bytes = 0;
                is_handled = pipe.signal || pipe.noted;
            },
        );
    }
    P::join(waker);
    P::join(handler);
}

/// apache/brpc PR 3539, scylladb/seastar PR 1488: announce oneself, then look, and the store is still in
/// the buffer.
fn brpc<P: ModelPlatform, const REPAIRED: bool>() {
    announce_and_look::<P>(Release, Acquire, REPAIRED);
}

/// rust-lang/futures-rs issue 1335, reduced to two flags: `wake` looks by a load whether a waker is
/// registered.
fn futures<P: ModelPlatform, const REPAIRED: bool>() {
    let shared = Arc::new((P::Flag::new(), P::Flag::new()));
    let waker = shared.clone();
    let thread = P::spawn("waker", move || {
        let (ready, registered) = &*waker;
        ready.store(true, Release);
        if REPAIRED {
            P::fence();
            registered.swap(false, AcqRel)
        } else {
            registered.load(Acquire)
        }
    });
    let (ready, registered) = &*shared;
    registered.swap(true, AcqRel);
    if REPAIRED {
        P::fence();
    }
    let sees_it = ready.load(Acquire);
    assert!(P::join(thread) || sees_it, "the waker is never woken");
}

fn announce_and_look<P: ModelPlatform>(announce: Ordering, look: Ordering, fence: bool) {
    let shared = Arc::new((P::Flag::new(), P::Flag::new()));
    let other = shared.clone();
    let look_after = move |mine: &P::Flag, other: &P::Flag| {
        mine.store(true, announce);
        if fence {
            P::fence();
        }
        other.load(look)
    };
    let thread = P::spawn("producer", move || look_after(&other.0, &other.1));
    let seen = look_after(&shared.1, &shared.0);
    assert!(P::join(thread) || seen, "neither sees the other");
}

/// boostorg/sync PR 11: a timed semaphore was posted, is asked after the deadline, and says "timed out".
fn boost<P: ModelPlatform, const REPAIRED: bool>() {
    const DEADLINE: Duration = Duration::from_secs(1);
    let semaphore = Monitor::<P, bool>::new(false);
    semaphore.change(|posted| *posted = true, 1);
    let mut posted = P::lock(&semaphore.state);
    let mut is_up = false;
    if !REPAIRED {
        is_up = P::now() >= DEADLINE;
    }
    while !*posted && !is_up {
        (posted, is_up) = P::wait_until(&semaphore.changed, posted, DEADLINE);
    }
    assert!(!is_up, "it was posted, and the time is said to be up");
}

struct Report {
    name: &'static str,
    /// Within what a search of the repaired twin comes to its end.
    environment: Environment,
    /// What shuttle says of the fault: what only a weak memory model shows, it does not see.
    shuttle: Expected,
    faulty: (fn(), fn()),
    repaired: (fn(), fn()),
}

macro_rules! report {
    ($name:literal, $environment:expr, $shuttle:expr, $body:ident) => {
        Report {
            name: $name,
            environment: $environment,
            shuttle: $shuttle,
            faulty: ($body::<Loom, false>, $body::<Shuttle, false>),
            repaired: ($body::<Loom, true>, $body::<Shuttle, true>),
        }
    };
}

/// Three threads that wait for each other in many ways: more executions than a test has time for, so the
/// repair is not proved here.
const TOO_MANY_EXECUTIONS: [&str; 2] = ["llvm-project 201937", "asyncio 270"];

#[test]
fn the_fault_is_found_and_the_repair_proved() {
    let hostile = Environment::HOSTILE;
    let quiet = Environment::QUIET;
    let timeout = Environment {
        timeouts: 1,
        ..quiet
    };
    let reports = [
        report!("waitout 2", quiet, Found, waitout),
        report!("llvm-project 201937", timeout, Found, llvm),
        report!("asyncio 270", quiet, Found, asyncio_semaphore),
        report!("zephyr 117756", hostile, Found, zephyr),
        report!("libuv 197", quiet, Proved, libuv),
        report!("diem 4479", hostile, Found, diem),
        report!("cpython 115634", hostile, Found, cpython_pool),
        report!("uvloop 154", quiet, Found, uvloop),
        report!("brpc 3539", quiet, Proved, brpc),
        report!("futures-rs 1335", quiet, Proved, futures),
        report!("boostorg/sync 11", hostile, Found, boost),
    ];
    let mut wrong = Vec::new();
    for report in reports {
        let Report {
            name,
            environment,
            shuttle,
            faulty,
            repaired,
        } = report;
        let limits = Limits {
            executions: Some(20_000),
            ..Limits::default()
        };
        let searches = [
            (
                "fault",
                Found,
                explore::loom(environment, &limits, faulty.0),
            ),
            (
                "repair",
                Proved,
                explore::loom(environment, &limits, repaired.0),
            ),
            (
                "fault",
                shuttle,
                explore::shuttle(environment, Search::Exhaustive, &limits, faulty.1),
            ),
            (
                "repair",
                Proved,
                explore::shuttle(environment, Search::Exhaustive, &limits, repaired.1),
            ),
        ];
        for (which, expected, explored) in searches {
            println!("{name}, {which}: {explored} ({:?})", explored.time);
            let is_cut_short = which == "repair"
                && TOO_MANY_EXECUTIONS.contains(&name)
                && matches!(explored.stopped_by(), Some(Stop::Executions(_)));
            if Expected::of(&explored) != expected && !is_cut_short {
                wrong.push(format!("{name}, {which}: {explored}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
