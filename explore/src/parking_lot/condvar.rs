//! A condvar that wakes only those that are notified.

use wakeproof::platform::{ParkingLot, Platform};

use super::mutex::{Guard, MutexGuard};
use crate::dropin::{FOR_EVER, Real, mixed};
use crate::platform::{LoomCondvar, ShuttleCondvar, Spurious, checker};
use crate::story;
use crate::time::{Duration, Instant};
use crate::verdict::Checker;

/// `parking_lot::Condvar`, explored. It promises that nobody wakes spuriously, so nobody does.
///
/// ```
/// use wakeproof_explore::parking_lot::{Condvar, Mutex};
/// use wakeproof_explore::sync::Arc;
/// use wakeproof_explore::thread;
///
/// let shared = Arc::new((Mutex::new(false), Condvar::new()));
/// let other = shared.clone();
/// let thread = thread::spawn(move || {
///     *other.0.lock() = true;
///     other.1.notify_one();
/// });
/// let mut ready = shared.0.lock();
/// if !*ready {
///     shared.1.wait(&mut ready);
/// }
/// assert!(*ready);
/// thread.join().unwrap();
/// ```
#[derive(Debug)]
pub struct Condvar(Kind);

#[derive(Debug)]
enum Kind {
    Real(Real<parking_lot::Condvar>),
    Loom(LoomCondvar),
    Shuttle(ShuttleCondvar),
}

/// Whether a timed wait has ended because of its time limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaitTimeoutResult(bool);

impl WaitTimeoutResult {
    /// Whether the wait has reached its time limit.
    #[must_use]
    pub fn timed_out(&self) -> bool {
        self.0
    }
}

impl Default for Condvar {
    #[track_caller]
    fn default() -> Self {
        Condvar::new()
    }
}

impl Condvar {
    /// A condvar that nobody waits for.
    #[must_use]
    #[track_caller]
    pub fn new() -> Self {
        Condvar(match checker() {
            Some(Checker::Loom) => Kind::Loom(LoomCondvar::new()),
            Some(Checker::Shuttle) => Kind::Shuttle(ShuttleCondvar::new()),
            _ => Kind::Real(Real::new(parking_lot::Condvar::new())),
        })
    }

    /// Unlocks the mutex and waits to be notified; then locks the mutex again.
    ///
    /// # Panics
    ///
    /// If the condvar is used with two mutexes. Under a checker, also if the condvar was made in another
    /// execution, or outside.
    #[track_caller]
    pub fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
        story::here();
        self.wait_and(guard, Spurious::Never);
    }

    /// As [`wait`](Self::wait), and the environment may end it for no reason.
    #[track_caller]
    pub(crate) fn wait_or_less<T>(&self, guard: &mut MutexGuard<'_, T>) {
        story::here();
        self.wait_and(guard, Spurious::Wakeups);
    }

    fn wait_and<T>(&self, guard: &mut MutexGuard<'_, T>, may: Spurious) {
        let waited = match (&self.0, guard.guard.take()) {
            (Kind::Real(condvar), Some(Guard::Real(mut guard))) => {
                condvar.get().wait(&mut guard);
                Guard::Real(guard)
            }
            (Kind::Loom(condvar), Some(Guard::Loom(guard))) => {
                Guard::Loom(condvar.wait(guard, may))
            }
            (Kind::Shuttle(condvar), Some(Guard::Shuttle(guard))) => {
                Guard::Shuttle(condvar.wait(guard, may))
            }
            _ => mixed(),
        };
        guard.guard = Some(waited);
    }

    /// Waits to be notified for at most `timeout`.
    ///
    /// # Panics
    ///
    /// As [`wait`](Self::wait).
    #[track_caller]
    pub fn wait_for<T>(
        &self,
        guard: &mut MutexGuard<'_, T>,
        timeout: Duration,
    ) -> WaitTimeoutResult {
        story::here();
        if timeout >= FOR_EVER {
            self.wait(guard);
            return WaitTimeoutResult(false);
        }
        let deadline = |now: Duration| now.saturating_add(timeout);
        let (waited, timed_out) = match (&self.0, guard.guard.take()) {
            (Kind::Real(condvar), Some(Guard::Real(mut guard))) => {
                let result = condvar.get().wait_for(&mut guard, timeout);
                (Guard::Real(guard), result.timed_out())
            }
            (Kind::Loom(condvar), Some(Guard::Loom(guard))) => {
                let (guard, timed_out) = condvar.wait_until(guard, deadline, Spurious::Never);
                (Guard::Loom(guard), timed_out)
            }
            (Kind::Shuttle(condvar), Some(Guard::Shuttle(guard))) => {
                let (guard, timed_out) = condvar.wait_until(guard, deadline, Spurious::Never);
                (Guard::Shuttle(guard), timed_out)
            }
            _ => mixed(),
        };
        guard.guard = Some(waited);
        WaitTimeoutResult(timed_out)
    }

    /// Waits to be notified until `deadline` at the latest.
    ///
    /// # Panics
    ///
    /// As [`wait`](Self::wait).
    #[track_caller]
    pub fn wait_until<T>(
        &self,
        guard: &mut MutexGuard<'_, T>,
        deadline: Instant,
    ) -> WaitTimeoutResult {
        let timeout = deadline.saturating_duration_since(Instant::now());
        self.wait_for(guard, timeout)
    }

    /// Waits until the platform's clock says so, or for less. Returns whether it is so late.
    #[track_caller]
    pub(crate) fn wait_until_or_less<T: Send + 'static>(
        &self,
        guard: &mut MutexGuard<'_, T>,
        deadline: Duration,
    ) -> bool {
        story::here();
        let may = Spurious::Wakeups;
        let (waited, timed_out) = match (&self.0, guard.guard.take()) {
            (Kind::Real(condvar), Some(Guard::Real(guard))) => {
                let (guard, timed_out) = ParkingLot::wait_until(condvar.get(), guard, deadline);
                (Guard::Real(guard), timed_out)
            }
            (Kind::Loom(condvar), Some(Guard::Loom(guard))) => {
                let (guard, timed_out) = condvar.wait_until(guard, |_| deadline, may);
                (Guard::Loom(guard), timed_out)
            }
            (Kind::Shuttle(condvar), Some(Guard::Shuttle(guard))) => {
                let (guard, timed_out) = condvar.wait_until(guard, |_| deadline, may);
                (Guard::Shuttle(guard), timed_out)
            }
            _ => mixed(),
        };
        guard.guard = Some(waited);
        timed_out
    }

    /// Waits while `condition` is true.
    ///
    /// # Panics
    ///
    /// As [`wait`](Self::wait).
    #[track_caller]
    pub fn wait_while<T>(
        &self,
        guard: &mut MutexGuard<'_, T>,
        mut condition: impl FnMut(&mut T) -> bool,
    ) {
        while condition(&mut **guard) {
            self.wait(guard);
        }
    }

    /// Wakes one of the threads that wait, and returns whether there was one.
    ///
    /// # Panics
    ///
    /// Under a checker, if the condvar was made in another execution, or outside.
    #[track_caller]
    pub fn notify_one(&self) -> bool {
        story::here();
        match &self.0 {
            Kind::Real(condvar) => condvar.get().notify_one(),
            Kind::Loom(condvar) => condvar.notify_one(),
            Kind::Shuttle(condvar) => condvar.notify_one(),
        }
    }

    /// Wakes all threads that wait, and returns how many.
    ///
    /// # Panics
    ///
    /// As [`notify_one`](Self::notify_one).
    #[track_caller]
    pub fn notify_all(&self) -> usize {
        story::here();
        match &self.0 {
            Kind::Real(condvar) => condvar.get().notify_all(),
            Kind::Loom(condvar) => condvar.notify_all(),
            Kind::Shuttle(condvar) => condvar.notify_all(),
        }
    }
}
