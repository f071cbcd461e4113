//! The platforms that explore really do: three programs that are wrong only if a wait ends
//! spuriously, only if a deadline passes, only if another waiter is picked. Each is caught by both
//! checkers, its correct twin by none, and neither where the environment is quiet. The drop-in as a platform does the same.

use std::sync::Arc;
use std::time::Duration;

use wakeproof::platform::Platform;
use wakeproof_explore::platform::ModelPlatform;
use wakeproof_explore::platform::{Environment, Loom, Shuttle};
use wakeproof_explore::{self as explore, DropIn, Limits, Search, Verdict};

/// A mutex, and a condvar that belongs to it.
struct Monitor<P: Platform, T: Send + 'static> {
    state: P::Mutex<T>,
    changed: P::Condvar,
}

impl<P: Platform, T: Send + 'static> Monitor<P, T> {
    fn new(state: T) -> Arc<Self> {
        Arc::new(Monitor {
            state: P::mutex(state),
            changed: P::condvar(),
        })
    }
}

/// One thread waits for a flag that another sets.
fn wait_for_a_flag<P: ModelPlatform>(looks_again: bool) {
    let monitor = Monitor::<P, bool>::new(false);
    let setter = monitor.clone();
    let thread = P::spawn("setter", move || {
        *P::lock(&setter.state) = true;
        P::notify_one(&setter.changed);
    });
    let mut flag = P::lock(&monitor.state);
    if !*flag {
        flag = P::wait(&monitor.changed, flag);
        while looks_again && !*flag {
            flag = P::wait(&monitor.changed, flag);
        }
    }
    assert!(*flag, "woken before the flag was set");
    drop(flag);
    P::join(thread);
}

/// One thread waits for a flag until a deadline, and gives up then.
fn wait_for_a_flag_until<P: ModelPlatform>(gives_up: bool) {
    const DEADLINE: Duration = Duration::from_secs(5);
    let monitor = Monitor::<P, bool>::new(false);
    let setter = monitor.clone();
    let thread = P::spawn("setter", move || {
        *P::lock(&setter.state) = true;
        P::notify_one(&setter.changed);
    });
    let mut flag = P::lock(&monitor.state);
    let mut timed_out = false;
    while !*flag && !timed_out {
        (flag, timed_out) = P::wait_until(&monitor.changed, flag, DEADLINE);
    }
    assert!(!timed_out || P::now() >= DEADLINE, "time has not passed");
    assert!(gives_up || *flag, "it did not reckon with the deadline");
    drop(flag);
    P::join(thread);
}

/// Two threads wait, the second surely after the first, and one notification is to wake both: who
/// gets it passes it on. Or only the first one does, which is enough if it is served first.
fn two_waiters<P: ModelPlatform>(both_pass_it_on: bool) {
    let monitor = Monitor::<P, usize>::new(0);
    let second = monitor.clone();

    let woken = P::lock(&monitor.state);
    // The second thread gets the lock when the first one waits, and the third when both do.
    let thread = P::spawn("second", move || {
        let woken = P::lock(&second.state);
        let third = second.clone();
        let notifier = P::spawn("notifier", move || {
            let state = P::lock(&third.state);
            P::notify_one(&third.changed);
            drop(state);
        });
        *P::wait(&second.changed, woken) += 1;
        if both_pass_it_on {
            P::notify_one(&second.changed);
        }
        P::join(notifier);
    });
    *P::wait(&monitor.changed, woken) += 1;
    P::notify_one(&monitor.changed);
    P::join(thread);
    assert_eq!(*P::lock(&monitor.state), 2);
}

/// In a quiet world, `body(false)` is right, as `body(true)` is. In `environment`, both checkers
/// find `body(false)` wrong.
fn is_wrong_only_in(environment: Environment, under_loom: fn(bool), under_shuttle: fn(bool)) {
    let limits = Limits::default();
    let quiet = Environment::QUIET;
    for (environment, correct, fails) in [
        (quiet, false, false),
        (quiet, true, false),
        (environment, true, false),
        (environment, false, true),
    ] {
        for exploration in [
            explore::loom(environment, &limits, move || under_loom(correct)),
            explore::shuttle(environment, Search::Exhaustive, &limits, move || {
                under_shuttle(correct);
            }),
        ] {
            println!("{exploration}");
            match exploration.verdict {
                Verdict::Proved(_) => assert!(!fails, "not caught in {environment:?}"),
                Verdict::Found(found) => assert!(fails, "{found:?} in {environment:?}"),
                other => panic!("{other:?}"),
            }
        }
    }
}

#[test]
fn spurious_wakeups() {
    let environment = Environment {
        spurious_wakeups: 1,
        ..Environment::QUIET
    };
    is_wrong_only_in(
        environment,
        wait_for_a_flag::<Loom>,
        wait_for_a_flag::<Shuttle>,
    );
    is_wrong_only_in(
        environment,
        wait_for_a_flag::<DropIn>,
        wait_for_a_flag::<DropIn>,
    );
}

#[test]
fn more_than_one_spurious_wakeup() {
    let environment = Environment {
        spurious_wakeups: 3,
        ..Environment::QUIET
    };
    is_wrong_only_in(
        environment,
        wait_for_a_flag::<Loom>,
        wait_for_a_flag::<Shuttle>,
    );
    is_wrong_only_in(
        environment,
        wait_for_a_flag::<DropIn>,
        wait_for_a_flag::<DropIn>,
    );
}

#[test]
fn timeouts() {
    let environment = Environment {
        timeouts: 1,
        ..Environment::QUIET
    };
    is_wrong_only_in(
        environment,
        wait_for_a_flag_until::<Loom>,
        wait_for_a_flag_until::<Shuttle>,
    );
    is_wrong_only_in(
        environment,
        wait_for_a_flag_until::<DropIn>,
        wait_for_a_flag_until::<DropIn>,
    );
}

#[test]
fn another_waiter_is_picked() {
    let environment = Environment {
        overtakings: 1,
        ..Environment::QUIET
    };
    is_wrong_only_in(environment, two_waiters::<Loom>, two_waiters::<Shuttle>);
    is_wrong_only_in(environment, two_waiters::<DropIn>, two_waiters::<DropIn>);
}

/// Where threads arrive in any order, nobody need be overtaken for any of them to be picked.
#[test]
fn the_order_of_arrival_covers_the_rest() {
    #[derive(Default)]
    struct State {
        waiting: usize,
        woken: Vec<&'static str>,
    }
    fn wait_in_any_order<P: ModelPlatform>() {
        let monitor = Monitor::<P, State>::new(State::default());
        let wait = move |name, monitor: &Monitor<P, State>| {
            let mut state = P::lock(&monitor.state);
            state.waiting += 1;
            if state.waiting == 2 {
                P::notify_one(&monitor.changed); // the one that is waiting already
            }
            state = P::wait(&monitor.changed, state);
            state.woken.push(name);
            P::notify_one(&monitor.changed);
        };
        let other = monitor.clone();
        let thread = P::spawn("two", move || wait("two", &other));
        wait("one", &monitor);
        P::join(thread);
        let state = P::lock(&monitor.state);
        assert_eq!(state.woken, ["one", "two"]);
    }
    let (quiet, limits) = (Environment::QUIET, Limits::default());
    for exploration in [
        explore::loom(quiet, &limits, wait_in_any_order::<Loom>),
        explore::shuttle(
            quiet,
            Search::Exhaustive,
            &limits,
            wait_in_any_order::<Shuttle>,
        ),
    ] {
        let Verdict::Found(found) = exploration.verdict else {
            panic!("{exploration}");
        };
        assert!(
            found.message.contains(r#"left: ["two", "one"]"#),
            "{found:?}"
        );
    }
}
