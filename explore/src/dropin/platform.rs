//! The drop-in as a platform.

use std::any::Any;
use std::sync::atomic::Ordering;
use std::time::Duration;

use wakeproof::inbox::{Correct, Status, Step};
use wakeproof::platform::{Deliberate, ParkingLot, Platform, TaskStep};

use crate::observe;
use crate::parking_lot::{Condvar, Mutex, MutexGuard};
use crate::platform::{Flag, FlaggedValue, Loom, ModelPlatform, Shuttle, checker};
use crate::sync::atomic::{AtomicBool, fence};
use crate::thread::{self, JoinHandle, ThreadId};
use crate::verdict::Checker;

/// The drop-in's primitives as a [`Platform`]: those of the checker that runs, and outside of a search the
/// production platform's. So one type of a loop, without a type parameter, runs everywhere.
///
/// ```
/// use wakeproof::EventLoop;
/// use wakeproof_explore::{self as explore, DropIn, Environment, Limits, thread};
///
/// fn body() {
///     let event_loop = EventLoop::<DropIn>::on_platform();
///     let handle = event_loop.handle();
///     let thread = thread::spawn(move || {
///         let stopping = handle.clone();
///         handle.call_soon_threadsafe(move || stopping.stop()).unwrap();
///     });
///     event_loop.run_forever();
///     thread.join().unwrap();
/// }
///
/// body(); // for real
/// let explored = explore::loom(Environment::QUIET, &Limits::default(), body);
/// assert!(explored.is_proved(), "{explored}");
/// ```
#[derive(Debug, Clone, Copy)]
pub struct DropIn;

impl Platform for DropIn {
    type Mutex<T: Send + 'static> = Mutex<T>;
    type Guard<'a, T: Send + 'static> = MutexGuard<'a, T>;
    type Condvar = Condvar;
    type Flag = AtomicBool;
    type TakeOnce<T: Send + 'static> = FlaggedValue<AtomicBool, T>;
    type ThreadId = ThreadId;
    type Protocol<T: Send + 'static> = Correct;

    fn protocol<T: Send + 'static>() -> &'static Correct {
        &Correct
    }

    #[track_caller]
    fn mutex<T: Send + 'static>(value: T) -> Mutex<T> {
        Mutex::new(value)
    }

    #[track_caller]
    fn lock<T: Send + 'static>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
        mutex.lock()
    }

    #[track_caller]
    fn condvar() -> Condvar {
        Condvar::new()
    }

    #[track_caller]
    fn wait<'a, T: Send + 'static>(
        condvar: &Condvar,
        mut guard: Self::Guard<'a, T>,
    ) -> Self::Guard<'a, T> {
        condvar.wait_or_less(&mut guard);
        guard
    }

    #[track_caller]
    fn wait_until<'a, T: Send + 'static>(
        condvar: &Condvar,
        mut guard: Self::Guard<'a, T>,
        deadline: Duration,
    ) -> (Self::Guard<'a, T>, bool) {
        let timed_out = condvar.wait_until_or_less(&mut guard, deadline);
        (guard, timed_out)
    }

    #[track_caller]
    fn notify_one(condvar: &Condvar) -> bool {
        condvar.notify_one()
    }

    fn now() -> Duration {
        match checker() {
            Some(Checker::Loom) => Loom::now(),
            Some(Checker::Shuttle) => Shuttle::now(),
            _ => ParkingLot::now(),
        }
    }

    fn spins_on(looks: u32, until: Duration) -> bool {
        match checker() {
            Some(Checker::Loom) => Loom::spins_on(looks, until),
            Some(Checker::Shuttle) => Shuttle::spins_on(looks, until),
            _ => ParkingLot::spins_on(looks, until),
        }
    }

    fn current_thread() -> ThreadId {
        thread::current().id()
    }

    fn thread_name() -> Option<String> {
        thread::current().name().map(str::to_owned)
    }

    fn step(step: Step, status: Option<Status>) {
        if checker().is_some() {
            observe::step(step, status);
        }
    }

    fn task_step(step: TaskStep) {
        if checker().is_some() {
            observe::task_step(step);
        }
    }

    fn must_not_catch(payload: &(dyn Any + Send)) -> bool {
        checker().is_some() && !payload.is::<Deliberate>()
    }
}

impl ModelPlatform for DropIn {
    type Thread<T: Send + 'static> = JoinHandle<T>;

    #[track_caller]
    fn spawn<T: Send + 'static>(
        name: &str,
        body: impl FnOnce() -> T + Send + 'static,
    ) -> JoinHandle<T> {
        let thread = thread::Builder::new().name(name.to_owned()).spawn(body);
        thread.expect("the operating system starts a thread")
    }

    #[track_caller]
    fn join<T: Send + 'static>(thread: JoinHandle<T>) -> T {
        let ended = thread.join();
        ended.unwrap_or_else(|payload| std::panic::resume_unwind(payload))
    }

    #[track_caller]
    fn fence() {
        fence(Ordering::SeqCst);
    }
}

impl Flag for AtomicBool {
    #[track_caller]
    fn new() -> Self {
        AtomicBool::new(false)
    }

    #[track_caller]
    fn load(&self, ordering: Ordering) -> bool {
        self.load(ordering)
    }

    #[track_caller]
    fn store(&self, value: bool, ordering: Ordering) {
        self.store(value, ordering);
    }

    #[track_caller]
    fn swap(&self, value: bool, ordering: Ordering) -> bool {
        self.swap(value, ordering)
    }
}
