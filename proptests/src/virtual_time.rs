//! A platform for histories of one thread, in virtual time.

use std::cell::{Cell, RefCell};
use std::panic;
use std::rc::Rc;
use std::thread::ThreadId;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use wakeproof::inbox::{Correct, Protocol};
use wakeproof::platform::{ParkingLot, Platform};
use wakeproof_faults::chosen;

/// A platform with production's mutex and threads. Only sleeping and [`elapse`] move its clock. A wait
/// without a deadline panics instead of waiting.
///
/// In a history of one thread, no other thread can wake the loop. A sleep until a deadline moves the clock
/// to the deadline, which takes no real time. A sleep without a deadline would hang, so it panics.
///
/// Its inboxes have the fault that was [chosen](wakeproof_faults::choose) on this thread.
#[derive(Debug)]
pub struct VirtualTime;

thread_local! {
    // Each test runs on its own thread, and so has its own clock.
    static CLOCK: Cell<Duration> = const { Cell::new(Duration::ZERO) };
    static LISTENER: RefCell<Option<Listener>> = const { RefCell::new(None) };
}

/// Called after each sleep of the loop, with the deadline.
pub(crate) type Listener = Rc<dyn Fn(Duration)>;

/// The time on this thread's clock.
pub(crate) fn now() -> Duration {
    CLOCK.get()
}

/// The panic of a loop that goes to sleep without a deadline.
pub(crate) const SLEEPS_FOR_EVER: &str =
    "the loop went to sleep for ever, although it had been asked to stop or had something to run";

/// Sets this thread's clock.
pub(crate) fn set(now: Duration) {
    CLOCK.set(now);
}

/// Moves this thread's clock forward, as a long computation would.
pub fn elapse(duration: Duration) {
    CLOCK.set(CLOCK.get().saturating_add(duration));
}

/// Replaces the listener for sleeps on this thread.
pub(crate) fn listen(listener: Option<Listener>) {
    LISTENER.set(listener);
}

impl Platform for VirtualTime {
    type Mutex<T: Send + 'static> = Mutex<T>;
    type Guard<'a, T: Send + 'static> = MutexGuard<'a, T>;
    type Condvar = ();
    type Flag = <ParkingLot as Platform>::Flag;
    type TakeOnce<T: Send + 'static> = <ParkingLot as Platform>::TakeOnce<T>;
    type ThreadId = ThreadId;
    type Protocol<T: Send + 'static> = dyn Protocol<Self, T>;

    fn protocol<T: Send + 'static>() -> &'static dyn Protocol<Self, T> {
        match chosen().inbox {
            None => &Correct,
            Some(fault) => fault.protocol(),
        }
    }

    fn mutex<T: Send + 'static>(value: T) -> Mutex<T> {
        ParkingLot::mutex(value)
    }

    fn lock<T: Send + 'static>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
        ParkingLot::lock(mutex)
    }

    fn condvar() {}

    fn wait<'a, T: Send + 'static>(_: &(), _: Self::Guard<'a, T>) -> Self::Guard<'a, T> {
        // Not `panic!`, whose hook would print this for each history that shrinking tries.
        panic::resume_unwind(Box::new(SLEEPS_FOR_EVER))
    }

    fn wait_until<'a, T: Send + 'static>(
        condvar: &(),
        guard: Self::Guard<'a, T>,
        deadline: Duration,
    ) -> (Self::Guard<'a, T>, bool) {
        if deadline == Duration::MAX {
            return (Self::wait(condvar, guard), false); // it never comes
        }
        if deadline > now() {
            set(deadline);
            let listener = LISTENER.with_borrow(Clone::clone);
            listener.iter().for_each(|heard| heard(deadline));
        }
        (guard, true)
    }

    fn notify_one((): &()) -> bool {
        false
    }

    fn now() -> Duration {
        now()
    }

    fn current_thread() -> ThreadId {
        ParkingLot::current_thread()
    }

    fn thread_name() -> Option<String> {
        ParkingLot::thread_name()
    }
}
