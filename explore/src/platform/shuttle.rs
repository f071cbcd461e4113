//! The platform on which shuttle explores schedules.

use std::any::Any;
use std::cell::Cell;
use std::collections::VecDeque;
use std::future;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

use shuttle::rand::RngCore;
use shuttle::sync::atomic::AtomicUsize;
use shuttle::sync::{Mutex, MutexGuard};
use shuttle::thread::{self, ThreadId};

use wakeproof::inbox::{Correct, Status, Step};
use wakeproof::platform::{Deliberate, Platform, TaskStep};

use super::Environment;
use crate::observe;

/// The loop's primitives under [shuttle](https://docs.rs/shuttle), for use inside a
/// `shuttle::Runner`.
///
/// shuttle explores the order of the threads' steps, with every atomic access sequentially
/// consistent. It knows neither spurious wakeups nor timeouts. This platform adds them, within the
/// bounds of an [`Environment`], and leaves each choice to shuttle's scheduler:
///
/// - **Chances** are random numbers, of which shuttle's schedulers are the source. They are drawn
///   only while an event may still happen. shuttle's own depth-first scheduler does not explore
///   random numbers and refuses to draw them; one that explores both values of the lowest bit is
///   exhaustive here.
/// - **A spurious wakeup** is a wait that unlocks and locks again. When it leaves the set of
///   waiters does not matter: a notification that it might have got in between would have made it
///   an ordinary wakeup.
/// - **A timed wait** does not block. It unlocks, and when the scheduler runs the thread again, it
///   has been notified until then or has timed out.
/// - **`notify_one`** goes to the longest waiter, or to the next one by a chance.
///
/// An execution begins with [`Shuttle::enter`].
#[derive(Debug, Clone, Copy)]
pub struct Shuttle;

thread_local! {
    // shuttle runs all threads of an execution on one of the operating system's.
    static REMAINING: Cell<Environment> = const { Cell::new(Environment::QUIET) };
    static NOW: Cell<Duration> = const { Cell::new(Duration::ZERO) };
    static UNLOCKING: Cell<bool> = const { Cell::new(false) };
}

impl Shuttle {
    /// Admits the events of `environment` to the execution that begins, and sets its clock to zero.
    /// Call it first in the body of the model. What an execution leaves over stays for the next one
    /// that does not call it.
    ///
    /// ```
    /// use wakeproof::platform::Platform;
    /// use wakeproof_explore::platform::{Environment, Shuttle};
    ///
    /// shuttle::check_random(|| {
    ///     Shuttle::enter(Environment { spurious_wakeups: 1, ..Environment::QUIET });
    ///     let (mutex, condvar) = (Shuttle::mutex(false), Shuttle::condvar());
    ///     let ready = Shuttle::lock(&mutex);
    ///     # let ready = { let mut ready = ready; *ready = true; ready };
    ///     if !*ready {
    ///         // Here the environment may end the wait, although nobody notifies.
    ///         drop(Shuttle::wait(&condvar, ready));
    ///     }
    /// }, 10);
    /// ```
    pub fn enter(environment: Environment) {
        REMAINING.set(environment);
        NOW.set(Duration::ZERO);
        UNLOCKING.set(false);
    }

    /// Whether the thread that reaches a scheduling point is there to unlock a mutex.
    ///
    /// A scheduler may then let it go on without trying the others, and is exhaustive all the same.
    /// Until the unlock, the others can only do what they could do after it as well, or wait for the
    /// mutex; and each of them has a scheduling point before it locks.
    #[must_use]
    pub fn is_unlocking() -> bool {
        UNLOCKING.get()
    }
}

/// One of an environment's numbers.
type Bound = fn(&mut Environment) -> &mut usize;

const SPURIOUS_WAKEUPS: Bound = |environment| &mut environment.spurious_wakeups;
const TIMEOUTS: Bound = |environment| &mut environment.timeouts;
const OVERTAKINGS: Bound = |environment| &mut environment.overtakings;

/// Uses up one of the events, if there is one left.
fn spend(bound: Bound) -> bool {
    let mut remaining = REMAINING.get();
    let number = bound(&mut remaining);
    let is_left = *number > 0;
    *number = number.saturating_sub(1);
    REMAINING.set(remaining);
    is_left
}

/// Takes back what was spent on an event that did not happen.
fn refund(bound: Bound) {
    let mut remaining = REMAINING.get();
    *bound(&mut remaining) += 1;
    REMAINING.set(remaining);
}

/// Whether the event happens, as long as it has not happened as often as it may. The scheduler
/// decides.
fn happens(bound: Bound) -> bool {
    *bound(&mut REMAINING.get()) > 0
        && shuttle::rand::thread_rng().next_u64() & 1 == 1
        && spend(bound)
}

/// [`Shuttle`]'s guard.
#[derive(Debug)]
pub struct ShuttleGuard<'a, T> {
    mutex: &'a Mutex<T>,
    /// There until the guard is dropped.
    guard: Option<MutexGuard<'a, T>>,
}

impl<T> Drop for ShuttleGuard<'_, T> {
    fn drop(&mut self) {
        UNLOCKING.set(true);
        self.guard = None;
        UNLOCKING.set(false);
    }
}

const LOCKED: &str = "a guard that is in use holds the mutex";

impl<T> Deref for ShuttleGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.guard.as_ref().expect(LOCKED)
    }
}

impl<T> DerefMut for ShuttleGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.guard.as_mut().expect(LOCKED)
    }
}

/// [`Shuttle`]'s condvar: the list of the threads that wait, in the order of their arrival.
#[derive(Debug, Default)]
pub struct ShuttleCondvar {
    /// An access to it is a scheduling point.
    touched: AtomicUsize,
    waiters: std::sync::Mutex<VecDeque<Arc<Waiter>>>,
}

#[derive(Debug, Default)]
struct Waiter {
    notified: AtomicBool,
    waker: std::sync::Mutex<Option<Waker>>,
}

impl ShuttleCondvar {
    /// The list, after a scheduling point.
    fn step(&self) -> std::sync::MutexGuard<'_, VecDeque<Arc<Waiter>>> {
        self.touched.fetch_add(1, Ordering::SeqCst);
        self.waiters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Releases the mutex and joins the waiters, in one step: shuttle's unlock has its scheduling
    /// point before it takes effect, and none behind. This point is no redundant one, since a
    /// notification that needs no lock may come before the wait begins.
    fn join<T>(&self, mut guard: ShuttleGuard<'_, T>) -> Arc<Waiter> {
        drop(guard.guard.take());
        let waiter = Arc::new(Waiter::default());
        self.waiters
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push_back(waiter.clone());
        waiter
    }
}

impl Waiter {
    fn is_notified(&self) -> bool {
        self.notified.load(Ordering::Relaxed)
    }

    /// Blocks this thread until it is notified. No scheduling point if it is already.
    fn block(&self) {
        shuttle::future::block_on(future::poll_fn(|context| {
            if self.is_notified() {
                return Poll::Ready(());
            }
            *self.waker.lock().unwrap_or_else(PoisonError::into_inner) =
                Some(context.waker().clone());
            Poll::Pending
        }));
    }

    fn notify(&self) {
        self.notified.store(true, Ordering::Relaxed);
        let waker = self
            .waker
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Platform for Shuttle {
    type Mutex<T: Send + 'static> = Mutex<T>;
    type Guard<'a, T: Send + 'static> = ShuttleGuard<'a, T>;
    type Condvar = ShuttleCondvar;
    type ThreadId = ThreadId;
    type Protocol<T: Send + 'static> = Correct;

    fn protocol<T: Send + 'static>() -> &'static Correct {
        &Correct
    }

    fn step(step: Step, status: Option<Status>) {
        observe::step(step, status);
    }

    fn task_step(step: TaskStep) {
        observe::task_step(step);
    }

    fn mutex<T: Send + 'static>(value: T) -> Mutex<T> {
        Mutex::new(value)
    }

    fn lock<T: Send + 'static>(mutex: &Mutex<T>) -> ShuttleGuard<'_, T> {
        let guard = Some(mutex.lock().unwrap_or_else(PoisonError::into_inner));
        ShuttleGuard { mutex, guard }
    }

    fn condvar() -> ShuttleCondvar {
        ShuttleCondvar::default()
    }

    fn wait<'a, T: Send + 'static>(
        condvar: &ShuttleCondvar,
        guard: Self::Guard<'a, T>,
    ) -> Self::Guard<'a, T> {
        let mutex = guard.mutex;
        if happens(SPURIOUS_WAKEUPS) {
            drop(guard);
        } else {
            condvar.join(guard).block();
        }
        Self::lock(mutex)
    }

    fn wait_until<'a, T: Send + 'static>(
        condvar: &ShuttleCondvar,
        guard: Self::Guard<'a, T>,
        deadline: Duration,
    ) -> (Self::Guard<'a, T>, bool) {
        let mutex = guard.mutex;
        if deadline <= NOW.get() {
            drop(guard);
            return (Self::lock(mutex), true);
        }
        if happens(SPURIOUS_WAKEUPS) {
            drop(guard);
            return (Self::lock(mutex), false);
        }
        if !spend(TIMEOUTS) {
            condvar.join(guard).block();
            return (Self::lock(mutex), false);
        }

        let waiter = condvar.join(guard);
        let mut waiters = condvar.step();
        let timed_out = !waiter.is_notified();
        if timed_out {
            waiters.retain(|other| !Arc::ptr_eq(other, &waiter));
            NOW.set(NOW.get().max(deadline));
        } else {
            refund(TIMEOUTS);
        }
        drop(waiters);
        (Self::lock(mutex), timed_out)
    }

    fn notify_one(condvar: &ShuttleCondvar) -> bool {
        let mut waiters = condvar.step();
        let mut chosen = 0;
        while chosen + 1 < waiters.len() && happens(OVERTAKINGS) {
            chosen += 1;
        }
        let waiter = waiters.remove(chosen);
        if let Some(waiter) = &waiter {
            waiter.notify();
        }
        observe::notified(waiter.is_some());
        waiter.is_some()
    }

    fn now() -> Duration {
        if REMAINING.get().timeouts > 0 {
            thread::yield_now(); // time may pass before it is read
        }
        NOW.get()
    }

    fn current_thread() -> ThreadId {
        thread::current().id()
    }

    fn thread_name() -> Option<String> {
        thread::current().name().map(str::to_owned)
    }

    fn must_not_catch(payload: &(dyn Any + Send)) -> bool {
        !payload.is::<Deliberate>()
    }
}
