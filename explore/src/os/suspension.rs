//! A thread that is suspended.

use std::sync::Arc;

use crate::dropin::Monitor;
use crate::platform::{checker, interrupts};
use crate::story;
use crate::sync::atomic::Ordering;

/// What suspends a thread between any two of its steps, as real-time systems do, until it is resumed. The
/// thread may take one more step before it stops.
///
/// Any thread may be late in an exploration, so this is for programs whose threads suspend each other.
/// Outside of a search, there is no such thing without unsafe code, and nobody is suspended.
///
/// ```
/// use wakeproof_explore::os::Suspension;
/// use wakeproof_explore::sync::Arc;
/// use wakeproof_explore::sync::atomic::{AtomicBool, Ordering};
/// use wakeproof_explore::{self as explore, Environment, Limits, Verdict, thread};
///
/// let explored = explore::loom(Environment::QUIET, &Limits::default(), || {
///     let (suspension, is_set) = (Suspension::new(), Arc::new(AtomicBool::new(false)));
///     let (of_worker, set) = (suspension.clone(), is_set.clone());
///     suspension.suspend();
///     let worker = thread::spawn(move || of_worker.admit(|| set.store(true, Ordering::Release)));
///     worker.join().unwrap(); // nobody resumes it
/// });
/// assert!(matches!(explored.verdict, Verdict::Found(_)), "{explored}");
/// ```
#[derive(Debug, Clone)]
pub struct Suspension(Arc<Monitor<bool>>);

impl Default for Suspension {
    #[track_caller]
    fn default() -> Self {
        Suspension::new()
    }
}

impl Suspension {
    /// Nobody is suspended.
    #[must_use]
    #[track_caller]
    pub fn new() -> Self {
        Suspension(Arc::new(Monitor::new("suspension", false)))
    }

    /// Does `body`, in which this thread may be suspended.
    ///
    /// # Panics
    ///
    /// Under a checker, if this was made in another execution, or outside.
    #[track_caller]
    pub fn admit<R>(&self, body: impl FnOnce() -> R) -> R {
        if checker().is_none() {
            return body();
        }
        let suspension = self.0.clone();
        let stop = move || {
            let mut has_slept = false;
            suspension.until(Ordering::Acquire, |is_suspended| {
                has_slept |= **is_suspended;
                is_suspended.tells(match (**is_suspended, has_slept) {
                    (true, _) => "is suspended by {}",
                    (false, true) => "is resumed",
                    (false, false) => story::NOTHING,
                });
                (!**is_suspended).then_some(())
            });
        };
        interrupts::before_each_step(stop, body)
    }

    /// Suspends the thread, from its next step or the one after it.
    ///
    /// # Panics
    ///
    /// As [`admit`](Self::admit).
    #[track_caller]
    pub fn suspend(&self) {
        self.0.step(Ordering::Relaxed, |is_suspended| {
            is_suspended.tells("suspends by {}");
            **is_suspended = true;
        });
    }

    /// Lets the thread go on.
    ///
    /// # Panics
    ///
    /// As [`admit`](Self::admit).
    #[track_caller]
    pub fn resume(&self) {
        self.0.step(Ordering::Release, |is_suspended| {
            is_suspended.tells("resumes by {}");
            **is_suspended = false;
            is_suspended.wake_all();
        });
    }
}
