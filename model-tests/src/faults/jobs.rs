//! A fault of the executor's threads.

use wakeproof_faults::{FaultChoice, choose, chosen};

use crate::models::MakePool;

/// Submitting a job wakes no thread: every notification of the pool's condvar is lost.
#[derive(Debug)]
pub struct JobWithoutWakeup;

impl MakePool for JobWithoutWakeup {
    fn make<E>(make: impl FnOnce() -> E) -> E {
        let before = choose(FaultChoice {
            is_lost: Some(|| true),
            ..chosen()
        });
        let pool = make();
        choose(before);
        pool
    }
}
