//! A platform whose inboxes follow the chosen protocol.

use std::any::Any;
use std::fmt::{self, Debug};
use std::marker::PhantomData;
use std::sync::atomic::Ordering;
use std::time::Duration;

use wakeproof::inbox::{Correct, Protocol, Status, Step};
use wakeproof::platform::{Flag, Platform, TaskStep};
use wakeproof_explore::platform::ModelPlatform;

use crate::{FaultChoice, choose, chosen};

/// The platform `P`, with the fault that was [chosen](crate::choose) when the inbox, condvar or flag was
/// created: another protocol, lost notifications, or flags that order nothing.
#[derive(Debug, Clone, Copy)]
pub struct Faulty<P>(PhantomData<P>);

/// The condvar of [`Faulty`].
pub struct FaultyCondvar<P: Platform> {
    condvar: P::Condvar,
    is_lost: Option<fn() -> bool>,
}

/// The flag of [`Faulty`].
#[derive(Debug)]
pub struct FaultyFlag<F> {
    flag: F,
    is_relaxed: bool,
}

impl<F> FaultyFlag<F> {
    fn weaken(&self, ordering: Ordering) -> Ordering {
        if self.is_relaxed {
            Ordering::Relaxed
        } else {
            ordering
        }
    }
}

impl<F: Flag> Flag for FaultyFlag<F> {
    fn new() -> Self {
        FaultyFlag {
            flag: F::new(),
            is_relaxed: chosen().relaxed_flags,
        }
    }

    fn load(&self, ordering: Ordering) -> bool {
        self.flag.load(self.weaken(ordering))
    }

    fn store(&self, value: bool, ordering: Ordering) {
        self.flag.store(value, self.weaken(ordering));
    }

    fn swap(&self, value: bool, ordering: Ordering) -> bool {
        self.flag.swap(value, self.weaken(ordering))
    }
}

impl<P: Platform> Debug for FaultyCondvar<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultyCondvar").finish_non_exhaustive()
    }
}

impl<P: Platform> Platform for Faulty<P> {
    type Mutex<T: Send + 'static> = P::Mutex<T>;
    type Guard<'a, T: Send + 'static> = P::Guard<'a, T>;
    type Condvar = FaultyCondvar<P>;
    type Flag = FaultyFlag<P::Flag>;
    type TakeOnce<T: Send + 'static> = P::TakeOnce<T>;
    type ThreadId = P::ThreadId;
    type Protocol<T: Send + 'static> = dyn Protocol<Self, T>;

    fn protocol<T: Send + 'static>() -> &'static dyn Protocol<Self, T> {
        match chosen().inbox {
            None => &Correct,
            Some(fault) => fault.protocol(),
        }
    }

    #[track_caller]
    fn mutex<T: Send + 'static>(value: T) -> P::Mutex<T> {
        P::mutex(value)
    }

    fn lock<T: Send + 'static>(mutex: &P::Mutex<T>) -> P::Guard<'_, T> {
        P::lock(mutex)
    }

    #[track_caller]
    fn condvar() -> Self::Condvar {
        FaultyCondvar {
            condvar: P::condvar(),
            is_lost: chosen().is_lost,
        }
    }

    fn wait<'a, T: Send + 'static>(
        condvar: &Self::Condvar,
        guard: P::Guard<'a, T>,
    ) -> P::Guard<'a, T> {
        P::wait(&condvar.condvar, guard)
    }

    fn wait_until<'a, T: Send + 'static>(
        condvar: &Self::Condvar,
        guard: P::Guard<'a, T>,
        deadline: Duration,
    ) -> (P::Guard<'a, T>, bool) {
        P::wait_until(&condvar.condvar, guard, deadline)
    }

    fn notify_one(condvar: &Self::Condvar) -> bool {
        let is_lost = condvar.is_lost.is_some_and(|is_lost| is_lost());
        !is_lost && P::notify_one(&condvar.condvar)
    }

    fn now() -> Duration {
        P::now()
    }

    fn spins_on(looks: u32, until: Duration) -> bool {
        P::spins_on(looks, until)
    }

    fn current_thread() -> P::ThreadId {
        P::current_thread()
    }

    fn thread_name() -> Option<String> {
        P::thread_name()
    }

    #[track_caller]
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

impl<P: ModelPlatform> ModelPlatform for Faulty<P> {
    type Thread<T: Send + 'static> = P::Thread<T>;

    fn spawn<T: Send + 'static>(
        name: &str,
        body: impl FnOnce() -> T + Send + 'static,
    ) -> Self::Thread<T> {
        let inherited: FaultChoice = chosen();
        P::spawn(name, move || {
            choose(inherited);
            body()
        })
    }

    fn join<T: Send + 'static>(thread: Self::Thread<T>) -> T {
        P::join(thread)
    }

    fn fence() {
        P::fence();
    }
}
