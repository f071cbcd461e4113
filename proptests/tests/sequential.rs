//! Random histories of one thread: every public call, on the real loop and on the reference.

use proptest::test_runner::FileFailurePersistence;
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
