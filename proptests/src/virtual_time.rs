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

/// Production's mutex and threads; a clock that nothing moves but a sleep and [`elapse`]; and a wait
/// without a deadline that fails instead of waiting.
///
/// In a history of one thread nobody could wake the loop. One that sleeps until a deadline sleeps
/// until then, which takes no real time; one that sleeps without a deadline is wrong, and says so
/// here at once instead of hanging.
///
/// Its inboxes have the fault that was [chosen](wakeproof_faults::choose) on this thread.
#[derive(Debug)]
pub struct VirtualTime;

thread_local! {
    // Each test has a thread and with it a time of its own.
    static CLOCK: Cell<Duration> = const { Cell::new(Duration::ZERO) };
    static LISTENER: RefCell<Option<Listener>> = const { RefCell::new(None) };
}

/// Who hears until when the loop has slept.
pub(crate) type Listener = Rc<dyn Fn(Duration)>;

/// What this thread's clock shows.
pub(crate) fn now() -> Duration {
    CLOCK.get()
}

/// Sets this thread's clock.
pub(crate) fn set(now: Duration) {
    CLOCK.set(now);
}

/// Lets time pass, as code does that computes for so long.
pub fn elapse(duration: Duration) {
    CLOCK.set(CLOCK.get().saturating_add(duration));
}

/// From now on, `listener` hears of this thread's sleeps, and nobody else.
pub(crate) fn listen(listener: Option<Listener>) {
    LISTENER.set(listener);
}

impl Platform for VirtualTime {
    type Mutex<T: Send + 'static> = Mutex<T>;
    type Guard<'a, T: Send + 'static> = MutexGuard<'a, T>;
    type Condvar = ();
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
        // Not `panic!`, whose hook would print this for each of the histories tried in shrinking.
        panic::resume_unwind(Box::new(
            "the loop went to sleep for ever, although it had been asked to stop or had something to run",
        ))
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
