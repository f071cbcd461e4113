//! A platform for histories in which the loop must not fall asleep.

use std::cell::Cell;
use std::marker::PhantomData;
use std::panic;
use std::thread::ThreadId;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use wakeproof::inbox::{Correct, Protocol};
use wakeproof::platform::{ParkingLot, Platform};

/// Production's mutex and threads; a wait that fails instead of waiting; a clock that shows a later
/// time each time it is read.
///
/// In a history of one thread nobody could wake the loop. A loop that sleeps in one is wrong, and
/// says so here at once instead of hanging; and every callback takes time, so that debug mode's
/// reports can be predicted.
#[derive(Debug)]
pub struct Sleepless<V = Correct>(PhantomData<V>);

thread_local! {
    static CLOCK: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

impl<V: Protocol> Platform for Sleepless<V> {
    type Mutex<T: Send + 'static> = Mutex<T>;
    type Guard<'a, T: Send + 'static> = MutexGuard<'a, T>;
    type Condvar = ();
    type ThreadId = ThreadId;
    type Protocol = V;

    fn mutex<T: Send + 'static>(value: T) -> Mutex<T> {
        ParkingLot::mutex(value)
    }

    fn lock<T: Send + 'static>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
        ParkingLot::lock(mutex)
    }

    fn condvar() {}

    fn wait<'a, T: Send + 'static>(_: &(), _: Self::Guard<'a, T>) -> Self::Guard<'a, T> {
        // Not `panic!`, whose hook would print this for each of the histories tried in shrinking.
        panic::resume_unwind(Box::new(
            "the loop went to sleep, although it had been asked to stop or had something to run",
        ))
    }

    fn wait_until<'a, T: Send + 'static>(
        condvar: &(),
        guard: Self::Guard<'a, T>,
        _deadline: Duration,
    ) -> (Self::Guard<'a, T>, bool) {
        (Self::wait(condvar, guard), false)
    }

    fn notify_one((): &()) -> bool {
        false
    }

    fn now() -> Duration {
        CLOCK.set(CLOCK.get() + Duration::from_nanos(1));
        CLOCK.get()
    }

    fn current_thread() -> ThreadId {
        ParkingLot::current_thread()
    }

    fn thread_name() -> Option<String> {
        ParkingLot::thread_name()
    }
}
