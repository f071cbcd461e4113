//! The production platform.

use std::sync::LazyLock;
use std::sync::atomic::AtomicBool;
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use atomic_take::AtomicTake;
use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::inbox::Correct;
use crate::platform::Platform;

/// The production platform: mutex and condvar of [parking_lot](https://docs.rs/parking_lot), the
/// operating system's threads and monotonic clock.
///
/// ```
/// use wakeproof::platform::{ParkingLot, Platform};
///
/// let earlier = ParkingLot::now();
/// assert!(ParkingLot::now() >= earlier);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct ParkingLot;

/// The clock's zero: the first time that the process read it.
static ZERO: LazyLock<Instant> = LazyLock::new(Instant::now);

impl Platform for ParkingLot {
    type Mutex<T: Send + 'static> = Mutex<T>;
    type Guard<'a, T: Send + 'static> = MutexGuard<'a, T>;
    type Condvar = Condvar;
    type Flag = AtomicBool;
    type TakeOnce<T: Send + 'static> = AtomicTake<T>;
    type ThreadId = ThreadId;
    type Protocol<T: Send + 'static> = Correct;

    fn protocol<T: Send + 'static>() -> &'static Correct {
        &Correct
    }

    fn mutex<T: Send + 'static>(value: T) -> Mutex<T> {
        Mutex::new(value)
    }

    fn lock<T: Send + 'static>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
        mutex.lock()
    }

    fn condvar() -> Condvar {
        Condvar::new()
    }

    fn wait<'a, T: Send + 'static>(
        condvar: &Condvar,
        mut guard: Self::Guard<'a, T>,
    ) -> Self::Guard<'a, T> {
        condvar.wait(&mut guard);
        guard
    }

    fn wait_until<'a, T: Send + 'static>(
        condvar: &Condvar,
        mut guard: Self::Guard<'a, T>,
        deadline: Duration,
    ) -> (Self::Guard<'a, T>, bool) {
        // A deadline beyond what an `Instant` can hold never comes.
        let timed_out = match ZERO.checked_add(deadline) {
            Some(deadline) => condvar.wait_until(&mut guard, deadline).timed_out(),
            None => {
                condvar.wait(&mut guard);
                false
            }
        };
        (guard, timed_out)
    }

    fn notify_one(condvar: &Condvar) -> bool {
        condvar.notify_one()
    }

    fn now() -> Duration {
        ZERO.elapsed()
    }

    fn current_thread() -> ThreadId {
        thread::current().id()
    }

    fn thread_name() -> Option<String> {
        thread::current().name().map(str::to_owned)
    }
}
