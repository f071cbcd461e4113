//! The platform on which shuttle explores schedules.

use std::time::Duration;

use shuttle::sync::{Condvar, Mutex, MutexGuard};
use shuttle::thread::{self, ThreadId};

use crate::inbox::Correct;
use crate::platform::Platform;

/// The loop's primitives under [shuttle](https://docs.rs/shuttle), for use inside a
/// `shuttle::Runner`.
///
/// First version: neither spurious wakeups nor timeouts happen, and time stands still.
#[derive(Debug, Clone, Copy)]
pub struct Shuttle;

impl Platform for Shuttle {
    type Mutex<T: Send + 'static> = Mutex<T>;
    type Guard<'a, T: Send + 'static> = MutexGuard<'a, T>;
    type Condvar = Condvar;
    type ThreadId = ThreadId;
    type Protocol = Correct;

    fn mutex<T: Send + 'static>(value: T) -> Mutex<T> {
        Mutex::new(value)
    }

    fn lock<T: Send + 'static>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
        mutex
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn condvar() -> Condvar {
        Condvar::new()
    }

    fn wait<'a, T: Send + 'static>(
        condvar: &Condvar,
        guard: Self::Guard<'a, T>,
    ) -> Self::Guard<'a, T> {
        condvar
            .wait(guard)
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn wait_until<'a, T: Send + 'static>(
        condvar: &Condvar,
        guard: Self::Guard<'a, T>,
        _deadline: Duration,
    ) -> (Self::Guard<'a, T>, bool) {
        (Self::wait(condvar, guard), false)
    }

    fn notify_one(condvar: &Condvar) {
        condvar.notify_one();
    }

    fn now() -> Duration {
        Duration::ZERO
    }

    fn current_thread() -> ThreadId {
        thread::current().id()
    }

    fn thread_name() -> Option<String> {
        thread::current().name().map(str::to_owned)
    }
}
