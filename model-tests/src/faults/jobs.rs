//! A fault of the threads that take jobs off the loop's hands.

use wakeproof_faults::{Chosen, choose, chosen};

use crate::models::MakePool;

/// Whoever gives the threads a job wakes none of them: each notification of the pool's condvar is lost.
#[derive(Debug)]
pub struct JobWithoutWakeup;

impl MakePool for JobWithoutWakeup {
    fn make<E>(make: impl FnOnce() -> E) -> E {
        let before = choose(Chosen {
            is_lost: Some(|| true),
            ..chosen()
        });
        let pool = make();
        choose(before);
        pool
    }
}
