//! The platform on which code runs on real threads, by the same rules as under a checker.

use std::any::Any;
use std::ops::{Deref, DerefMut};
use std::thread::ThreadId;
use std::time::Duration;

use wakeproof::inbox::Correct;
use wakeproof::platform::{ParkingLot, Platform};

use super::execution::key;
use super::misuse::{Identity, Partner};

type Mutex<T> = <ParkingLot as Platform>::Mutex<T>;
type Guard<'a, T> = <ParkingLot as Platform>::Guard<'a, T>;
type Condvar = <ParkingLot as Platform>::Condvar;

/// The production platform, [`ParkingLot`], which checks the rules for the use of a mutex and a
/// condvar, as [`Loom`](super::Loom) and [`Shuttle`](super::Shuttle) do. For
/// [`threads()`](crate::threads()).
///
/// ```
/// use std::time::Duration;
/// use wakeproof::platform::Platform;
/// use wakeproof_explore::platform::{ModelPlatform, RealThreads};
/// use wakeproof_explore::{self as explore, Limits, Verdict};
///
/// fn leaks<P: ModelPlatform>() {
///     let mutex = P::mutex(0);
///     std::mem::forget(P::lock(&mutex));
/// }
///
/// let patience = Duration::from_secs(30);
/// let explored = explore::threads(patience, &Limits::default(), leaks::<RealThreads>);
/// let Verdict::Found(found) = explored.verdict else {
///     panic!("{explored}");
/// };
/// assert!(found.message.starts_with("misuse: a guard was leaked"));
/// ```
#[derive(Debug, Clone, Copy)]
pub struct RealThreads;

/// [`RealThreads`]'s mutex.
#[derive(Debug)]
pub struct RealMutex<T: Send + 'static> {
    mutex: Mutex<T>,
    identity: Identity,
}

/// [`RealThreads`]'s guard.
#[derive(Debug)]
pub struct RealGuard<'a, T: Send + 'static> {
    mutex: &'a RealMutex<T>,
    /// There until the guard is dropped.
    guard: Option<Guard<'a, T>>,
}

impl<T: Send + 'static> Drop for RealGuard<'_, T> {
    fn drop(&mut self) {
        if self.guard.is_some() {
            self.mutex.identity.unlocked();
        }
    }
}

const LOCKED: &str = "a guard that is in use holds the mutex";

impl<T: Send + 'static> Deref for RealGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.guard.as_ref().expect(LOCKED)
    }
}

impl<T: Send + 'static> DerefMut for RealGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.guard.as_mut().expect(LOCKED)
    }
}

/// [`RealThreads`]'s condvar.
#[derive(Debug)]
pub struct RealCondvar {
    condvar: Condvar,
    partner: Partner,
}

/// Waits in some way with the guard, and keeps account of who holds the mutex.
fn waiting<'a, T: Send + 'static, R>(
    condvar: &RealCondvar,
    mut guard: RealGuard<'a, T>,
    wait: impl FnOnce(&Condvar, Guard<'a, T>) -> (Guard<'a, T>, R),
) -> (RealGuard<'a, T>, R) {
    let mutex = guard.mutex;
    condvar.partner.waits_with(&mutex.identity);
    let inner = guard.guard.take().expect(LOCKED);
    mutex.identity.unlocked();
    let (inner, result) = wait(&condvar.condvar, inner);
    mutex.identity.locked(key(std::thread::current().id()));
    guard.guard = Some(inner);
    (guard, result)
}

impl Platform for RealThreads {
    type Mutex<T: Send + 'static> = RealMutex<T>;
    type Guard<'a, T: Send + 'static> = RealGuard<'a, T>;
    type Condvar = RealCondvar;
    type Flag = <ParkingLot as Platform>::Flag;
    type TakeOnce<T: Send + 'static> = <ParkingLot as Platform>::TakeOnce<T>;
    type ThreadId = ThreadId;
    type Protocol<T: Send + 'static> = Correct;

    fn protocol<T: Send + 'static>() -> &'static Correct {
        &Correct
    }

    #[track_caller]
    fn mutex<T: Send + 'static>(value: T) -> RealMutex<T> {
        RealMutex {
            mutex: ParkingLot::mutex(value),
            identity: Identity::new(),
        }
    }

    fn lock<T: Send + 'static>(mutex: &RealMutex<T>) -> RealGuard<'_, T> {
        let this_thread = key(std::thread::current().id());
        mutex.identity.locks(this_thread);
        let guard = ParkingLot::lock(&mutex.mutex);
        mutex.identity.locked(this_thread);
        RealGuard {
            mutex,
            guard: Some(guard),
        }
    }

    #[track_caller]
    fn condvar() -> RealCondvar {
        RealCondvar {
            condvar: ParkingLot::condvar(),
            partner: Partner::new(),
        }
    }

    fn wait<'a, T: Send + 'static>(
        condvar: &RealCondvar,
        guard: Self::Guard<'a, T>,
    ) -> Self::Guard<'a, T> {
        let (guard, ()) = waiting(condvar, guard, |condvar, guard| {
            (ParkingLot::wait(condvar, guard), ())
        });
        guard
    }

    fn wait_until<'a, T: Send + 'static>(
        condvar: &RealCondvar,
        guard: Self::Guard<'a, T>,
        deadline: Duration,
    ) -> (Self::Guard<'a, T>, bool) {
        waiting(condvar, guard, |condvar, guard| {
            ParkingLot::wait_until(condvar, guard, deadline)
        })
    }

    fn notify_one(condvar: &RealCondvar) -> bool {
        condvar.partner.check();
        ParkingLot::notify_one(&condvar.condvar)
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

    fn must_not_catch(payload: &(dyn Any + Send)) -> bool {
        ParkingLot::must_not_catch(payload)
    }
}
