//! A run on real threads hangs if all of its threads are asleep: that is read from their state, and no time
//! limit decides it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use wakeproof::platform::Platform;
use wakeproof_explore::platform::{ModelPlatform, RealThreads};
use wakeproof_explore::{self as explore, Exploration, Limits, Stop, Verdict};

/// Long enough for any of these runs on any machine.
const WATCHDOG: Duration = Duration::from_secs(60);

fn once() -> Limits {
    Limits {
        executions: Some(1),
        ..Limits::default()
    }
}

fn message(exploration: &Exploration) -> &str {
    match &exploration.verdict {
        Verdict::Found(found) => &found.message,
        _ => panic!("nothing was found: {exploration}"),
    }
}

/// Waits, without a time limit, for a notification that nobody sends.
fn lost<P: Platform>() {
    let (mutex, condvar) = (P::mutex(false), P::condvar());
    let mut ready = P::lock(&mutex);
    while !*ready {
        ready = P::wait(&condvar, ready);
    }
}

#[test]
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
fn a_run_whose_threads_all_sleep_hangs_however_much_patience_there_is() {
    let body = || {
        let waiter = RealThreads::spawn("waiter", lost::<RealThreads>);
        RealThreads::join(waiter);
    };
    let explored = explore::threads(Duration::MAX, &once(), body);
    assert_eq!(
        message(&explored),
        "deadlock: every thread is asleep, and none of their waits has a time limit"
    );
}

/// The neighbour: both threads sleep, and the time limit of one of them ends that.
#[test]
fn a_run_that_sleeps_with_a_time_limit_does_not_hang() {
    let body = || {
        let waiter = RealThreads::spawn("waiter", || {
            let (mutex, condvar) = (RealThreads::mutex(()), RealThreads::condvar());
            // Several looks of the watchdog fall into this wait.
            let deadline = RealThreads::now() + Duration::from_millis(200);
            let guard = RealThreads::lock(&mutex);
            let (guard, _) = RealThreads::wait_until(&condvar, guard, deadline);
            drop(guard);
        });
        RealThreads::join(waiter);
    };
    let explored = explore::threads(WATCHDOG, &once(), body);
    assert_eq!(explored.stopped_by(), Some(&Stop::Samples(1)), "{explored}");
}

#[test]
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
fn a_run_that_sleeps_for_longer_than_there_is_patience_hangs() {
    let body = || {
        let (mutex, condvar) = (RealThreads::mutex(()), RealThreads::condvar());
        let deadline = RealThreads::now() + Duration::from_secs(30 * 24 * 3600);
        let guard = RealThreads::lock(&mutex);
        drop(RealThreads::wait_until(&condvar, guard, deadline));
    };
    let explored = explore::threads(WATCHDOG, &once(), body);
    assert_eq!(
        message(&explored),
        "every thread is asleep, and goes on only when a time limit of 30.0 days has passed"
    );
}

/// Nobody can prove that a thread that runs will go on for ever: here patience decides, and says so.
#[test]
fn a_run_that_is_busy_for_ever_is_taken_to_hang() {
    static ENOUGH: AtomicBool = AtomicBool::new(false);
    let body = || {
        while !ENOUGH.load(Ordering::Relaxed) {
            std::thread::yield_now();
        }
    };
    let explored = explore::threads(Duration::from_millis(100), &once(), body);
    ENOUGH.store(true, Ordering::Relaxed);
    assert_eq!(
        message(&explored),
        "it has not ended within 100ms, so it is taken to hang"
    );
}
