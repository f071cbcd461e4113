//! Runs random histories of one thread, with every public call, on the real loop and the reference.

use std::sync::mpsc;
use std::time::Duration;

use proptest::test_runner::FileFailurePersistence;
use wakeproof::EventLoop;
use wakeproof_proptests::config::config;
use wakeproof_proptests::history;
use wakeproof_proptests::virtual_time::VirtualTime;

use crate::watchdog;

/// The seeds of failures. They are tried first.
const REGRESSIONS: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/proptest-regressions/sequential.txt"
);

#[test]
fn the_real_loop_behaves_as_the_reference_in_random_histories() {
    let _watchdog = watchdog::guard();
    let mut config = config("histories of one thread", 300);
    config.failure_persistence = Some(Box::new(FileFailurePersistence::Direct(REGRESSIONS)));
    if let Err(failure) = history::check::<VirtualTime>(config) {
        panic!("{failure}");
    }
}

/// The loop may remove a cancelled timer at once, at its deadline, or when there are too many. The choice
/// must not be visible.
#[test]
fn hundreds_of_cancelled_timers_change_nothing() {
    let _watchdog = watchdog::guard();
    let config = config("histories among cancelled timers", 40);
    history::check_among_timers::<VirtualTime>(config, true)
        .unwrap_or_else(|text| panic!("{text}"));
}

/// Time passes only while the loop sleeps until a deadline.
#[test]
fn a_day_takes_no_time() {
    let _watchdog = watchdog::guard();
    const DAY: Duration = Duration::from_secs(24 * 3600);
    let event_loop = EventLoop::<VirtualTime>::on_platform();
    let local = event_loop.local();
    let midnight = local.time();
    let clock = event_loop.local();
    let (ran, time) = mpsc::channel();
    let timer = local.call_later(DAY, move || {
        ran.send(clock.time()).unwrap();
        clock.stop();
    });
    assert_eq!(timer.unwrap().when(), midnight + DAY);
    event_loop.run_forever().unwrap();
    assert_eq!(time.try_recv(), Ok(midnight + DAY));
    assert_eq!(local.time(), midnight + DAY);
}

/// Histories that once failed.
mod found {
    use wakeproof_proptests::command::Command::*;
    use wakeproof_proptests::command::{
        Callback, Caller, Destructor, Due, SpawnCall, StopCall, SubmitCall,
    };

    use super::*;

    #[test]
    fn a_cancelled_callback_was_reported_as_slow() {
        let history = [
            SetDebug(true),
            Stop(StopCall::Local),
            Submit(SubmitCall::CallSoon, Callback::NOTHING),
            Cancel(0, Caller::Owner),
            SetSlowCallbackDuration(0),
            Run,
        ];
        assert_eq!(history::replay::<VirtualTime>(&history), Ok(()));
    }

    #[test]
    fn a_destructor_that_panicked_in_a_cancel_left_the_deadline_behind() {
        let timer = |delay, callback| Submit(SubmitCall::Timer(Due::Later(delay)), callback);
        let panics = Callback {
            destructor: Destructor::Panics,
            ..Callback::NOTHING
        };
        let stops = Callback {
            script: vec![Stop(StopCall::Local)],
            ..Callback::NOTHING
        };
        let history = [
            timer(1, panics),
            Cancel(0, Caller::Owner),
            timer(2, stops),
            Run,
        ];
        assert_eq!(history::replay::<VirtualTime>(&history), Ok(()));
    }

    #[test]
    fn a_close_dropped_tasks_in_another_order_than_they_were_spawned() {
        let history = [
            Spawn(SpawnCall::Threadsafe(Caller::Owner), Callback::NOTHING),
            Spawn(SpawnCall::Local, Callback::NOTHING),
            Close,
        ];
        assert_eq!(history::replay::<VirtualTime>(&history), Ok(()));
    }
}
