//! Random histories of one thread: every public call, on the real loop and on the reference.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use proptest::test_runner::FileFailurePersistence;
use wakeproof::EventLoop;
use wakeproof::inbox::Correct;
use wakeproof_proptests::config::config;
use wakeproof_proptests::history;
use wakeproof_proptests::sleepless::Sleepless;

/// Where the seeds of failures are kept, which are tried first.
const REGRESSIONS: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/proptest-regressions/sequential.txt"
);

#[test]
fn the_real_loop_behaves_as_the_reference_in_random_histories() {
    let mut config = config("histories of one thread", 400);
    config.failure_persistence = Some(Box::new(FileFailurePersistence::Direct(REGRESSIONS)));
    if let Err(failure) = history::check::<Sleepless<Correct>>(config) {
        panic!("{failure}");
    }
}

/// The clock shows one nanosecond more each time it is read, and the loop reads it before and behind
/// each callback.
#[test]
fn a_callback_that_takes_as_long_as_it_may_is_not_slow() {
    let event_loop = EventLoop::<Sleepless>::on_platform();
    let local = event_loop.local();
    let reports = Rc::new(Cell::new(0));
    let counter = reports.clone();
    event_loop.set_slow_callback_handler(move |_| counter.set(counter.get() + 1));
    event_loop.set_debug(true);
    event_loop.set_slow_callback_duration(Duration::from_nanos(1));
    local.call_soon(|| ()).unwrap();
    event_loop.stop();
    event_loop.run_forever().unwrap();
    assert_eq!(reports.get(), 0);

    let clock = local.clone();
    local.call_soon(move || _ = clock.time()).unwrap();
    event_loop.stop();
    event_loop.run_forever().unwrap();
    assert_eq!(reports.get(), 1);
}

/// What random histories have found, kept as what it is: a short history.
mod found {
    use wakeproof_proptests::command::Command::*;
    use wakeproof_proptests::command::{Callback, Caller, StopThrough, Through};

    use super::*;

    #[test]
    fn a_cancelled_callback_was_reported_as_slow() {
        let history = [
            SetDebug(true),
            Stop(StopThrough::Local),
            Submit(Through::CallSoon, Callback::NOTHING),
            Cancel(0, Caller::Owner),
            SetEverythingSlow(true),
            Run,
        ];
        assert_eq!(history::replay::<Sleepless>(&history), Ok(()));
    }
}
