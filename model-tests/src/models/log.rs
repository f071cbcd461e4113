//! A log of what ran, and the check that it is complete.

use std::sync::{Arc, Mutex, PoisonError};

use wakeproof::platform::Platform;

/// The callbacks that have run, in order. Created on the loop's thread. Clones share the same log.
///
/// On every platform, its mutex is the standard library's, so that logging is not a step of the model.
pub(crate) struct Log<P: Platform> {
    owner: P::ThreadId,
    ran: Arc<Mutex<Vec<(usize, usize)>>>,
}

impl<P: Platform> Clone for Log<P> {
    fn clone(&self) -> Self {
        Log {
            owner: self.owner,
            ran: self.ran.clone(),
        }
    }
}

impl<P: Platform> Log<P> {
    pub(crate) fn new() -> Self {
        Log {
            owner: P::current_thread(),
            ran: Arc::default(),
        }
    }

    /// Logs that the `nth` callback of submitter `by` runs. Returns how many have run so far.
    pub(crate) fn ran(&self, by: usize, nth: usize) -> usize {
        assert_eq!(
            P::current_thread(),
            self.owner,
            "a callback runs on a thread other than the loop's"
        );
        let mut ran = self.ran.lock().unwrap_or_else(PoisonError::into_inner);
        ran.push((by, nth));
        ran.len()
    }

    pub(crate) fn runs(&self) -> Vec<(usize, usize)> {
        self.ran
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Asserts that there were `by` submitters with `each` callbacks, that every callback has run exactly once,
    /// and that each submitter's callbacks ran in order.
    pub(crate) fn assert_complete(&self, by: usize, each: usize) {
        let runs = self.runs();
        for submitter in 0..by {
            let its_own: Vec<usize> = runs
                .iter()
                .filter(|(by, _)| *by == submitter)
                .map(|(_, nth)| *nth)
                .collect();
            let expected: Vec<usize> = (0..each).collect();
            assert_eq!(
                its_own, expected,
                "callbacks of thread {submitter}: each once, in order"
            );
        }
        assert_eq!(runs.len(), by * each, "unknown callbacks ran: {runs:?}");
    }
}
