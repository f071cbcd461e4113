//! A condition variable.

use std::sync::{LockResult, PoisonError};

use super::mutex::{Guard, MutexGuard};
use crate::dropin::{FOR_EVER, Real, mixed};
use crate::platform::{LoomCondvar, ShuttleCondvar, Spurious, checker};
use crate::story;

use crate::time::{Duration, Instant};
use crate::verdict::Checker;

/// [`std::sync::Condvar`], explored: waits end spuriously, timed ones at their deadline or after it,
/// and a notification may pass over the longest waiter, as often as the
/// [`Environment`](crate::Environment) admits.
///
/// ```
/// use wakeproof_explore::sync::{Arc, Condvar, Mutex};
/// use wakeproof_explore::{self as explore, Environment, Limits, thread};
///
/// fn body() {
///     let shared = Arc::new((Mutex::new(false), Condvar::new()));
///     let other = shared.clone();
///     let thread = thread::spawn(move || {
///         *other.0.lock().unwrap() = true;
///         other.1.notify_one();
///     });
///     let (ready, changed) = &*shared;
///     let ready = changed.wait_while(ready.lock().unwrap(), |ready| !*ready).unwrap();
///     drop(ready);
///     thread.join().unwrap();
/// }
///
/// body(); // for real
/// let explored = explore::loom(Environment::HOSTILE, &Limits::default(), body);
/// assert!(explored.is_proved(), "{explored}");
/// ```
#[derive(Debug)]
pub struct Condvar(Kind);

#[derive(Debug)]
enum Kind {
    Real(Real<std::sync::Condvar>),
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
            _ => Kind::Real(Real::new(std::sync::Condvar::new())),
        })
    }

    /// Unlocks the mutex and waits to be notified, or for less; then locks the mutex again.
    ///
    /// # Errors
    ///
    /// If a thread has panicked while it held the mutex; the error has the guard.
    ///
    /// # Panics
    ///
    /// If the condvar is used with two mutexes. Under a checker, also if the condvar was made in
    /// another execution, or outside.
    #[track_caller]
    pub fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> LockResult<MutexGuard<'a, T>> {
        story::here();
        let (guard, ()) = guard.waits(|guard| match (&self.0, guard) {
            (Kind::Real(condvar), Guard::Real(guard)) => (real(condvar.get().wait(guard)), ()),
            (Kind::Loom(condvar), Guard::Loom(guard)) => {
                (Ok(Guard::Loom(condvar.wait(guard, Spurious::Wakeups))), ())
            }
            (Kind::Shuttle(condvar), Guard::Shuttle(guard)) => (
                Ok(Guard::Shuttle(condvar.wait(guard, Spurious::Wakeups))),
                (),
            ),
            _ => mixed(),
        });
        guard
    }

    /// Waits while `condition` is true.
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait).
    ///
    /// # Panics
    ///
    /// As [`wait`](Self::wait).
    #[track_caller]
    pub fn wait_while<'a, T>(
        &self,
        mut guard: MutexGuard<'a, T>,
        mut condition: impl FnMut(&mut T) -> bool,
    ) -> LockResult<MutexGuard<'a, T>> {
        while condition(&mut *guard) {
            guard = self.wait(guard)?;
        }
        Ok(guard)
    }

    /// Waits to be notified for at most `timeout`.
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait).
    ///
    /// # Panics
    ///
    /// As [`wait`](Self::wait).
    #[track_caller]
    pub fn wait_timeout<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        timeout: Duration,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)> {
        story::here();
        if timeout >= FOR_EVER {
            let pair = |guard| (guard, WaitTimeoutResult(false));
            return self
                .wait(guard)
                .map(pair)
                .map_err(|poisoned| PoisonError::new(pair(poisoned.into_inner())));
        }
        let deadline = |now: Duration| now.saturating_add(timeout);
        let (guard, timed_out) = guard.waits(|guard| match (&self.0, guard) {
            (Kind::Real(condvar), Guard::Real(guard)) => {
                match condvar.get().wait_timeout(guard, timeout) {
                    Ok((guard, result)) => (real(Ok(guard)), result.timed_out()),
                    Err(poisoned) => {
                        let (guard, result) = poisoned.into_inner();
                        (real(Err(PoisonError::new(guard))), result.timed_out())
                    }
                }
            }
            (Kind::Loom(condvar), Guard::Loom(guard)) => {
                let (guard, timed_out) = condvar.wait_until(guard, deadline, Spurious::Wakeups);
                (Ok(Guard::Loom(guard)), timed_out)
            }
            (Kind::Shuttle(condvar), Guard::Shuttle(guard)) => {
                let (guard, timed_out) = condvar.wait_until(guard, deadline, Spurious::Wakeups);
                (Ok(Guard::Shuttle(guard)), timed_out)
            }
            _ => mixed(),
        });
        let pair = |guard| (guard, WaitTimeoutResult(timed_out));
        guard
            .map(pair)
            .map_err(|poisoned| PoisonError::new(pair(poisoned.into_inner())))
    }

    /// Waits while `condition` is true, for at most `timeout`. If the time is over and the condition
    /// still true, the wait has [timed out](WaitTimeoutResult::timed_out).
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait).
    ///
    /// # Panics
    ///
    /// As [`wait`](Self::wait).
    #[track_caller]
    pub fn wait_timeout_while<'a, T>(
        &self,
        mut guard: MutexGuard<'a, T>,
        timeout: Duration,
        mut condition: impl FnMut(&mut T) -> bool,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)> {
        let begun = Instant::now();
        loop {
            if !condition(&mut *guard) {
                return Ok((guard, WaitTimeoutResult(false)));
            }
            let left = timeout.saturating_sub(begun.elapsed());
            if left.is_zero() {
                return Ok((guard, WaitTimeoutResult(true)));
            }
            guard = self.wait_timeout(guard, left)?.0;
        }
    }

    /// Wakes one of the threads that wait, if there is one.
    ///
    /// # Panics
    ///
    /// Under a checker, if the condvar was made in another execution, or outside.
    #[track_caller]
    pub fn notify_one(&self) {
        story::here();
        match &self.0 {
            Kind::Real(condvar) => condvar.get().notify_one(),
            Kind::Loom(condvar) => {
                condvar.notify_one();
            }
            Kind::Shuttle(condvar) => {
                condvar.notify_one();
            }
        }
    }

    /// Wakes all threads that wait.
    ///
    /// # Panics
    ///
    /// Under a checker, if the condvar was made in another execution, or outside.
    #[track_caller]
    pub fn notify_all(&self) {
        story::here();
        match &self.0 {
            Kind::Real(condvar) => condvar.get().notify_all(),
            Kind::Loom(condvar) => {
                condvar.notify_all();
            }
            Kind::Shuttle(condvar) => {
                condvar.notify_all();
            }
        }
    }
}

fn real<T>(locked: LockResult<std::sync::MutexGuard<'_, T>>) -> LockResult<Guard<'_, T>> {
    locked
        .map(Guard::Real)
        .map_err(|poisoned| PoisonError::new(Guard::Real(poisoned.into_inner())))
}
