//! The production platform, with its notifications counted.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::ThreadId;
use std::time::Duration;

use wakeproof::inbox::{Correct, Status, Step};
use wakeproof::platform::{ParkingLot, Platform};

static NOTIFICATIONS: AtomicUsize = AtomicUsize::new(0);

/// How many notifications there were since the last call.
pub fn notifications() -> usize {
    NOTIFICATIONS.swap(0, Ordering::Relaxed)
}

pub struct Counted;

impl Platform for Counted {
    type Mutex<T: Send + 'static> = <ParkingLot as Platform>::Mutex<T>;
    type Guard<'a, T: Send + 'static> = <ParkingLot as Platform>::Guard<'a, T>;
    type Condvar = <ParkingLot as Platform>::Condvar;
    type Flag = <ParkingLot as Platform>::Flag;
    type TakeOnce<T: Send + 'static> = <ParkingLot as Platform>::TakeOnce<T>;
    type ThreadId = ThreadId;
    type Protocol<T: Send + 'static> = Correct;

    fn protocol<T: Send + 'static>() -> &'static Correct {
        &Correct
    }

    fn mutex<T: Send + 'static>(value: T) -> Self::Mutex<T> {
        ParkingLot::mutex(value)
    }

    fn lock<T: Send + 'static>(mutex: &Self::Mutex<T>) -> Self::Guard<'_, T> {
        ParkingLot::lock(mutex)
    }

    fn condvar() -> Self::Condvar {
        ParkingLot::condvar()
    }

    fn wait<'a, T: Send + 'static>(
        condvar: &Self::Condvar,
        guard: Self::Guard<'a, T>,
    ) -> Self::Guard<'a, T> {
        ParkingLot::wait(condvar, guard)
    }

    fn wait_until<'a, T: Send + 'static>(
        condvar: &Self::Condvar,
        guard: Self::Guard<'a, T>,
        deadline: Duration,
    ) -> (Self::Guard<'a, T>, bool) {
        ParkingLot::wait_until(condvar, guard, deadline)
    }

    fn notify_one(condvar: &Self::Condvar) -> bool {
        ParkingLot::notify_one(condvar)
    }

    fn now() -> Duration {
        ParkingLot::now()
    }

    fn current_thread() -> ThreadId {
        ParkingLot::current_thread()
    }

    fn thread_name() -> Option<String> {
        ParkingLot::thread_name()
    }

    fn step(step: Step, _status: Option<Status>) {
        if step == Step::Notify {
            NOTIFICATIONS.fetch_add(1, Ordering::Relaxed);
        }
    }
}
