//! A platform that is watched.

use std::any::Any;
use std::fmt::Debug;
use std::marker::PhantomData;
use std::time::Duration;

use wakeproof::inbox::{Correct, Status, Step};
use wakeproof::platform::{Platform, TaskStep};

/// The platform `P`, watched by `O`. For programs on real threads; [`Loom`](crate::platform::Loom) and
/// [`Shuttle`](crate::platform::Shuttle) are watched by a value, see
/// [`observe::watch`](crate::observe::watch).
///
/// ```
/// use std::sync::atomic::{AtomicUsize, Ordering};
/// use wakeproof::EventLoop;
/// use wakeproof::inbox::{Status, Step};
/// use wakeproof::platform::ParkingLot;
/// use wakeproof_explore::platform::{Observed, Observer};
///
/// static LOCKS: AtomicUsize = AtomicUsize::new(0);
///
/// #[derive(Debug)]
/// struct CountLocks;
///
/// impl Observer for CountLocks {
///     fn step(step: Step, _status: Option<Status>) {
///         if step == Step::Lock {
///             LOCKS.fetch_add(1, Ordering::Relaxed);
///         }
///     }
/// }
///
/// let event_loop = EventLoop::<Observed<ParkingLot, CountLocks>>::on_platform();
/// event_loop.handle().call_soon_threadsafe(|| ()).unwrap();
/// assert_eq!(LOCKS.load(Ordering::Relaxed), 1);
/// ```
#[derive(Debug)]
pub struct Observed<P, O>(PhantomData<(P, O)>);

/// Watches the protocol's steps.
pub trait Observer: Debug + 'static {
    /// Called at each step, as [`Platform::step`] is.
    fn step(step: Step, status: Option<Status>);

    /// Called when the condvar has been notified: it reached somebody who waited, or nobody.
    #[inline(always)]
    fn notified(_somebody: bool) {}

    /// Called at each step of a task's waker and of an event, as [`Platform::task_step`] is.
    #[inline(always)]
    fn task_step(_step: TaskStep) {}
}

impl<P: Platform, O: Observer> Platform for Observed<P, O> {
    type Mutex<T: Send + 'static> = P::Mutex<T>;
    type Guard<'a, T: Send + 'static> = P::Guard<'a, T>;
    type Condvar = P::Condvar;
    type Flag = P::Flag;
    type TakeOnce<T: Send + 'static> = P::TakeOnce<T>;
    type ThreadId = P::ThreadId;
    type Protocol<T: Send + 'static> = Correct;

    fn protocol<T: Send + 'static>() -> &'static Correct {
        &Correct
    }

    fn mutex<T: Send + 'static>(value: T) -> Self::Mutex<T> {
        P::mutex(value)
    }

    fn lock<T: Send + 'static>(mutex: &Self::Mutex<T>) -> Self::Guard<'_, T> {
        P::lock(mutex)
    }

    fn condvar() -> Self::Condvar {
        P::condvar()
    }

    fn wait<'a, T: Send + 'static>(
        condvar: &Self::Condvar,
        guard: Self::Guard<'a, T>,
    ) -> Self::Guard<'a, T> {
        P::wait(condvar, guard)
    }

    fn wait_until<'a, T: Send + 'static>(
        condvar: &Self::Condvar,
        guard: Self::Guard<'a, T>,
        deadline: Duration,
    ) -> (Self::Guard<'a, T>, bool) {
        P::wait_until(condvar, guard, deadline)
    }

    fn notify_one(condvar: &Self::Condvar) -> bool {
        let somebody = P::notify_one(condvar);
        O::notified(somebody);
        somebody
    }

    fn now() -> Duration {
        P::now()
    }

    fn spins_on(looks: u32, until: Duration) -> bool {
        P::spins_on(looks, until)
    }

    fn current_thread() -> Self::ThreadId {
        P::current_thread()
    }

    fn thread_name() -> Option<String> {
        P::thread_name()
    }

    #[inline(always)]
    #[track_caller]
    fn step(step: Step, status: Option<Status>) {
        P::step(step, status);
        O::step(step, status);
    }

    #[inline(always)]
    fn task_step(step: TaskStep) {
        P::task_step(step);
        O::task_step(step);
    }

    fn must_not_catch(payload: &(dyn Any + Send)) -> bool {
        P::must_not_catch(payload)
    }
}
