//! What ran, and whether it should have.

use std::sync::{Arc, Mutex, PoisonError};

use wakeproof::platform::Platform;

/// The callbacks that have run, in order. Made on the loop's thread; clones are the same log.
///
/// Its mutex is the standard library's on every platform: keeping the log is no step of the model.
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

    /// The `nth` callback of submitter `by` runs. Returns how many have run by now.
    pub(crate) fn ran(&self, by: usize, nth: usize) -> usize {
        assert_eq!(
            P::current_thread(),
            self.owner,
            "a callback runs on another thread than the loop's"
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

    /// Each of `by` submitters' `each` callbacks has run exactly once, and a submitter's in order.
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
        assert_eq!(runs.len(), by * each, "callbacks from nowhere: {runs:?}");
    }
}
