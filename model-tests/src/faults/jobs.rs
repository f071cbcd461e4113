//! A fault of the threads that take jobs off the loop's hands.

use std::any::Any;
use std::marker::PhantomData;
use std::time::Duration;

use wakeproof::platform::Platform;

use super::CorrectSteps;
use crate::models::PoolPlatform;
use crate::platform::ModelPlatform;

impl PoolPlatform for CorrectSteps {
    type On<P: ModelPlatform> = P;
}

/// Who gives the threads a job wakes none of them.
#[derive(Debug)]
pub struct JobWithoutWakeup;

impl PoolPlatform for JobWithoutWakeup {
    type On<P: ModelPlatform> = Unheard<P>;
}

/// The platform `P`, on which notifications reach nobody.
#[derive(Debug)]
pub struct Unheard<P>(PhantomData<P>);

impl<P: Platform> Platform for Unheard<P> {
    type Mutex<T: Send + 'static> = P::Mutex<T>;
    type Guard<'a, T: Send + 'static> = P::Guard<'a, T>;
    type Condvar = P::Condvar;
    type ThreadId = P::ThreadId;
    type Protocol = P::Protocol;

    fn notify_one(_condvar: &P::Condvar) -> bool {
        false
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

    fn must_not_catch(payload: &(dyn Any + Send)) -> bool {
        P::must_not_catch(payload)
    }
}
