//! A platform whose time passes when the test says so.

use std::cell::Cell;
use std::thread::ThreadId;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use wakeproof::inbox::Correct;
use wakeproof::platform::{ParkingLot, Platform};

/// Production's mutex and threads, for one thread, and a clock of its own. A loop that sleeps until a
/// deadline moves the clock there, not a nanosecond further; one that sleeps without a deadline panics,
/// since nobody is there to wake it.
#[derive(Debug)]
pub struct VirtualTime;

thread_local! {
    // Each test has a thread and with it a clock.
    static CLOCK: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

/// Sets this thread's clock.
pub fn set_clock(now: Duration) {
    CLOCK.set(now);
}

impl Platform for VirtualTime {
    type Mutex<T: Send + 'static> = Mutex<T>;
    type Guard<'a, T: Send + 'static> = MutexGuard<'a, T>;
    type Condvar = ();
    type Flag = <ParkingLot as Platform>::Flag;
    type TakeOnce<T: Send + 'static> = <ParkingLot as Platform>::TakeOnce<T>;
    type ThreadId = ThreadId;
    type Protocol<T: Send + 'static> = Correct;

    fn protocol<T: Send + 'static>() -> &'static Correct {
        ParkingLot::protocol::<T>()
    }

    fn mutex<T: Send + 'static>(value: T) -> Mutex<T> {
        ParkingLot::mutex(value)
    }

    fn lock<T: Send + 'static>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
        ParkingLot::lock(mutex)
    }

    fn condvar() {}

    fn wait<'a, T: Send + 'static>((): &(), _: Self::Guard<'a, T>) -> Self::Guard<'a, T> {
        panic!("the loop sleeps for ever")
    }

    fn wait_until<'a, T: Send + 'static>(
        condvar: &(),
        guard: Self::Guard<'a, T>,
        deadline: Duration,
    ) -> (Self::Guard<'a, T>, bool) {
        if deadline == Duration::MAX {
            return (Self::wait(condvar, guard), false); // it never comes
        }
        CLOCK.set(CLOCK.get().max(deadline));
        (guard, true)
    }

    fn notify_one((): &()) -> bool {
        false
    }

    fn now() -> Duration {
        CLOCK.get()
    }

    fn current_thread() -> ThreadId {
        ParkingLot::current_thread()
    }

    fn thread_name() -> Option<String> {
        ParkingLot::thread_name()
    }
}
