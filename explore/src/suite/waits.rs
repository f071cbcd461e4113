//! Every kind of wait, with and without the fault.

use std::sync::Arc;

use super::{Case, Expected, case};
use crate::platform::{Environment, ModelPlatform};

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
}

/// One thread waits for a flag that another one sets. It looks again after a wakeup, or not.
fn flag<P: ModelPlatform, const LOOKS_AGAIN: bool>() {
    let monitor = Monitor::<P, bool>::new(false);
    let setter = monitor.clone();
    let thread = P::spawn("setter", move || {
        *P::lock(&setter.state) = true;
        P::notify_one(&setter.changed);
    });
    let mut is_set = P::lock(&monitor.state);
    if LOOKS_AGAIN {
        while !*is_set {
            is_set = P::wait(&monitor.changed, is_set);
        }
    } else if !*is_set {
        is_set = P::wait(&monitor.changed, is_set);
    }
    assert!(*is_set, "woken before the flag was set");
    drop(is_set);
    P::join(thread);
}

/// Nobody notifies.
fn nobody<P: ModelPlatform, const IS_SET: bool>() {
    let monitor = Monitor::<P, bool>::new(IS_SET);
    let mut is_set = P::lock(&monitor.state);
    while !*is_set {
        is_set = P::wait(&monitor.changed, is_set);
    }
}

/// The setter changes the flag and notifies, but not under the waiter's mutex in one of the two.
fn outside_the_lock<P: ModelPlatform, const UNDER_THE_LOCK: bool>() {
    let monitor = Monitor::<P, bool>::new(false);
    let set = Arc::new(P::mutex(false));
    let (setter, setting) = (monitor.clone(), set.clone());
    let thread = P::spawn("setter", move || {
        *P::lock(&setting) = true;
        if UNDER_THE_LOCK {
            let state = P::lock(&setter.state);
            P::notify_one(&setter.changed);
            drop(state);
        } else {
            P::notify_one(&setter.changed);
        }
    });
    let mut state = P::lock(&monitor.state);
    while !*P::lock(&set) {
        state = P::wait(&monitor.changed, state);
    }
    drop(state);
    P::join(thread);
}

/// Two threads wait for a gate that opens for good: one notification, or one for each.
fn gate<P: ModelPlatform, const NOTIFIES_ALL: bool>() {
    let monitor = Monitor::<P, bool>::new(false);
    let waiters = ["first", "second"].map(|name| {
        let monitor = monitor.clone();
        P::spawn(name, move || {
            let mut is_open = P::lock(&monitor.state);
            while !*is_open {
                is_open = P::wait(&monitor.changed, is_open);
            }
        })
    });
    let mut is_open = P::lock(&monitor.state);
    *is_open = true;
    P::notify_one(&monitor.changed);
    if NOTIFIES_ALL {
        P::notify_one(&monitor.changed);
    }
    drop(is_open);
    for waiter in waiters {
        P::join(waiter);
    }
}

/// As [`gate`], and all are notified by notifying until nobody waits, without the mutex.
fn notify_until_nobody_waits<P: ModelPlatform>() {
    let monitor = Monitor::<P, bool>::new(false);
    let waiter = monitor.clone();
    let thread = P::spawn("waiter", move || {
        let mut is_open = P::lock(&waiter.state);
        while !*is_open {
            is_open = P::wait(&waiter.changed, is_open);
        }
    });
    *P::lock(&monitor.state) = true;
    while P::notify_one(&monitor.changed) {}
    P::join(thread);
}

/// Two threads wait, the second surely after the first, and one notification is to wake both:
/// whoever gets it passes it on. Or only the first does, which is enough if it is served first.
fn overtaken<P: ModelPlatform, const BOTH_PASS_IT_ON: bool>() {
    let monitor = Monitor::<P, usize>::new(0);
    let second = monitor.clone();
    let woken = P::lock(&monitor.state);
    let thread = P::spawn("second", move || {
        let woken = P::lock(&second.state);
        let third = second.clone();
        let notifier = P::spawn("notifier", move || {
            let state = P::lock(&third.state);
            P::notify_one(&third.changed);
            drop(state);
        });
        *P::wait(&second.changed, woken) += 1;
        if BOTH_PASS_IT_ON {
            P::notify_one(&second.changed);
        }
        P::join(notifier);
    });
    *P::wait(&monitor.changed, woken) += 1;
    P::notify_one(&monitor.changed);
    P::join(thread);
}

/// Two mutexes, each thread takes both: in the same order, or not.
fn two_locks<P: ModelPlatform, const SAME_ORDER: bool>() {
    let locks = Arc::new((P::mutex(()), P::mutex(())));
    let other = locks.clone();
    let thread = P::spawn("other", move || {
        let (first, second) = if SAME_ORDER {
            (&other.0, &other.1)
        } else {
            (&other.1, &other.0)
        };
        let outer = P::lock(first);
        drop(P::lock(second));
        drop(outer);
    });
    let outer = P::lock(&locks.0);
    drop(P::lock(&locks.1));
    drop(outer);
    P::join(thread);
}

/// A counter that is incremented in one step, or in two.
fn counter<P: ModelPlatform, const IN_ONE_STEP: bool>() {
    let counter = Arc::new(P::mutex(0));
    let increment = |counter: &P::Mutex<i32>| {
        if IN_ONE_STEP {
            *P::lock(counter) += 1;
        } else {
            let seen = *P::lock(counter);
            *P::lock(counter) = seen + 1;
        }
    };
    let other = counter.clone();
    let thread = P::spawn("other", move || increment(&other));
    increment(&counter);
    P::join(thread);
    assert_eq!(*P::lock(&counter), 2, "an increment is lost");
}

pub(super) fn cases() -> Vec<Case> {
    let spurious = Environment {
        spurious_wakeups: 1,
        ..Environment::QUIET
    };
    let overtaking = Environment {
        overtakings: 1,
        ..Environment::QUIET
    };
    let deadlock = "deadlock";
    vec![
        case!("a flag, while", Proved, Proved, flag::<true>),
        case!("a flag, if", Found, Found, flag::<false>).says("before the flag was set"),
        case!(
            "a flag, if, no spurious wakeup: a bound",
            Proved,
            Proved,
            flag::<false>
        )
        .quiet(),
        case!("a wait that nobody ends", Found, Found, nobody::<false>).says(deadlock),
        case!("a flag that is set already", Proved, Proved, nobody::<true>),
        case!(
            "notified under the lock",
            Proved,
            Proved,
            outside_the_lock::<true>
        ),
        case!(
            "notified without the lock",
            Found,
            Found,
            outside_the_lock::<false>
        )
        .says(deadlock),
        case!("a gate, each is notified", Proved, Proved, gate::<true>).within(spurious),
        case!("a gate, one is notified", Found, Found, gate::<false>)
            .within(spurious)
            .says(deadlock),
        case!(
            "notify until nobody waits",
            Proved,
            Proved,
            notify_until_nobody_waits
        ),
        case!("both pass it on", Proved, Proved, overtaken::<true>).within(overtaking),
        case!("the first passes it on", Found, Found, overtaken::<false>).within(overtaking),
        case!(
            "the first passes it on, in order: a bound",
            Proved,
            Proved,
            overtaken::<false>
        )
        .quiet(),
        case!("two locks in one order", Proved, Proved, two_locks::<true>),
        case!("two locks in two orders", Found, Found, two_locks::<false>).says(deadlock),
        case!("a counter, one step", Proved, Proved, counter::<true>)
            .on_threads(Expected::NotProved),
        case!("a counter, two steps", Found, Found, counter::<false>).says("is lost"),
    ]
}
