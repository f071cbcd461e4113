//! A platform on which notifications get lost.

use std::any::Any;
use std::fmt::Debug;
use std::marker::PhantomData;
use std::time::Duration;

use wakeproof::inbox::{Status, Step};
use wakeproof::platform::{Platform, TaskStep};

/// Which notifications get lost.
pub trait Lost: Debug + 'static {
    /// Whether one that is made now, on this thread, does.
    fn is_lost() -> bool;
}

/// The platform `P`, on which some notifications reach nobody, whoever waits.
#[derive(Debug)]
pub struct Lossy<P, L>(PhantomData<(P, L)>);

impl<P: Platform, L: Lost> Platform for Lossy<P, L> {
    type Mutex<T: Send + 'static> = P::Mutex<T>;
    type Guard<'a, T: Send + 'static> = P::Guard<'a, T>;
    type Condvar = P::Condvar;
    type ThreadId = P::ThreadId;
    type Protocol = P::Protocol;

    fn notify_one(condvar: &P::Condvar) -> bool {
        !L::is_lost() && P::notify_one(condvar)
    }

    fn mutex<T: Send + 'static>(value: T) -> P::Mutex<T> {
        P::mutex(value)
    }

    fn lock<T: Send + 'static>(mutex: &P::Mutex<T>) -> P::Guard<'_, T> {
        P::lock(mutex)
    }

    fn condvar() -> P::Condvar {
        P::condvar()
    }

    fn wait<'a, T: Send + 'static>(
        condvar: &P::Condvar,
        guard: P::Guard<'a, T>,
    ) -> P::Guard<'a, T> {
        P::wait(condvar, guard)
    }

    fn wait_until<'a, T: Send + 'static>(
        condvar: &P::Condvar,
        guard: P::Guard<'a, T>,
        deadline: Duration,
    ) -> (P::Guard<'a, T>, bool) {
        P::wait_until(condvar, guard, deadline)
    }

    fn now() -> Duration {
        P::now()
    }

    fn current_thread() -> P::ThreadId {
        P::current_thread()
    }

    fn thread_name() -> Option<String> {
        P::thread_name()
    }

    fn step(step: Step, status: Option<Status>) {
        P::step(step, status);
    }

    fn task_step(step: TaskStep) {
        P::task_step(step);
    }

    fn must_not_catch(payload: &(dyn Any + Send)) -> bool {
        P::must_not_catch(payload)
    }
}
