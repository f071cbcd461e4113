//! The platform on which loom explores executions.

use std::any::Any;
use std::collections::VecDeque;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, AtomicUsize as Plain, Ordering};
use std::sync::{Arc, OnceLock, PoisonError};
use std::time::Duration;

use loom::sync::atomic::AtomicUsize;
use loom::sync::{Mutex, MutexGuard};
use loom::thread::{self, Thread, ThreadId};

use wakeproof::inbox::{Correct, Status, Step};
use wakeproof::platform::{Deliberate, Platform, TaskStep};

use super::Environment;
use crate::observe;

/// The loop's primitives under [loom](https://docs.rs/loom), for use inside `loom::model`.
///
/// loom explores the order of the threads' steps and what the C11 memory model lets them see. It
/// knows neither spurious wakeups nor timeouts, and its condvar wakes in the order of arrival. This
/// platform adds the rest, within the bounds of an [`Environment`]:
///
/// - **Chances**. The threads read a number that a thread which has already ended wrote without
///   synchronising with anybody. loom lets each read see an old value or a newer one, and explores
///   both: that is a free choice, without one more step to interleave.
/// - **A spurious wakeup** is a wait that unlocks and locks again. When it leaves the set of
///   waiters does not matter: a notification that it might have got in between would have made it
///   an ordinary wakeup.
/// - **A timed wait** does not block. It unlocks, and at a later step looks whether it was notified
///   until then; if not, it has timed out. loom explores what comes before that step.
/// - **`notify_one`** goes to the longest waiter, or to the next one by a chance.
///
/// An execution begins with [`Loom::enter`], unless its environment is [`Environment::QUIET`].
#[derive(Debug, Clone, Copy)]
pub struct Loom;

impl Loom {
    /// The most spurious wakeups, and the most overtakings, that an execution may have: loom
    /// remembers an atomic's last seven values, of which one is that nothing happens.
    pub const MAX_CHANCES: usize = 6;

    /// Admits the events of `environment` to the execution that begins. Call it first in the body
    /// of the model, before there is a second thread.
    ///
    /// Takes one of loom's threads, if there is anything to choose, of the four that an execution
    /// may spawn.
    ///
    /// # Panics
    ///
    /// If one of the first and the third bound is more than six: loom remembers seven values.
    ///
    /// ```
    /// use wakeproof::platform::Platform;
    /// use wakeproof_explore::platform::{Environment, Loom};
    ///
    /// loom::model(|| {
    ///     Loom::enter(Environment { spurious_wakeups: 1, ..Environment::QUIET });
    ///     let (mutex, condvar) = (Loom::mutex(false), Loom::condvar());
    ///     let ready = Loom::lock(&mutex);
    ///     # let ready = { let mut ready = ready; *ready = true; ready };
    ///     if !*ready {
    ///         // Here the environment may end the wait, although nobody notifies.
    ///         drop(Loom::wait(&condvar, ready));
    ///     }
    /// });
    /// ```
    pub fn enter(environment: Environment) {
        let Environment {
            spurious_wakeups,
            timeouts,
            overtakings,
        } = environment;
        assert!(
            spurious_wakeups.max(overtakings) <= Self::MAX_CHANCES,
            "loom explores at most {} spurious wakeups, and as many overtakings",
            Self::MAX_CHANCES
        );
        let world: &'static World = &WORLD;
        world.clock().timeouts = timeouts;
        if spurious_wakeups + overtakings == 0 {
            return;
        }

        // The writer runs to its end before anything else does; its steps need no exploring. It wakes
        // this thread before it writes, and is not joined: this thread learns nothing of the writing.
        loom::stop_exploring();
        world.spurious_wakeups.admit(spurious_wakeups);
        world.overtakings.admit(overtakings);
        let this_thread = thread::current();
        thread::spawn(move || {
            this_thread.unpark();
            let world: &'static World = &WORLD;
            world.spurious_wakeups.write();
            world.overtakings.write();
        });
        thread::park();
        loom::explore();
    }
}

loom::lazy_static! {
    /// One for each execution.
    static ref WORLD: World = World::default();
}

/// What the environment has in store for an execution, and the time in it.
#[derive(Default)]
struct World {
    spurious_wakeups: Chances,
    overtakings: Chances,
    clock: OnceLock<Mutex<Clock>>,
}

impl World {
    fn clock(&self) -> MutexGuard<'_, Clock> {
        let clock = self.clock.get_or_init(Mutex::default);
        clock.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Default)]
struct Clock {
    now: Duration,
    /// How many more timed waits may reach their deadline.
    timeouts: usize,
}

/// An event that may happen a number of times in an execution, or fewer.
#[derive(Default)]
struct Chances {
    /// Counts up to the bound, seen late or not at all.
    number: OnceLock<AtomicUsize>,
    bound: Plain,
    /// The highest number that anybody has seen.
    seen: Plain,
}

impl Chances {
    fn admit(&self, bound: usize) {
        self.number.get_or_init(AtomicUsize::default);
        self.bound.store(bound, Ordering::Relaxed);
    }

    fn write(&self) {
        for value in 1..=self.bound.load(Ordering::Relaxed) {
            if let Some(number) = self.number.get() {
                number.store(value, Ordering::Relaxed);
            }
        }
    }

    /// Both answers are explored, as long as the event has not happened as often as it may.
    fn happens(&self) -> bool {
        let seen = self.seen.load(Ordering::Relaxed);
        if seen == self.bound.load(Ordering::Relaxed) {
            return false;
        }
        let number = self
            .number
            .get()
            .map_or(seen, |n| n.load(Ordering::Relaxed));
        self.seen.fetch_max(number, Ordering::Relaxed);
        number > seen
    }
}

/// [`Loom`]'s guard.
#[derive(Debug)]
pub struct LoomGuard<'a, T> {
    mutex: &'a Mutex<T>,
    guard: MutexGuard<'a, T>,
}

impl<T> Deref for LoomGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.guard
    }
}

impl<T> DerefMut for LoomGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.guard
    }
}

/// [`Loom`]'s condvar: the list of the threads that wait, in the order of their arrival.
#[derive(Debug, Default)]
pub struct LoomCondvar {
    /// loom sees by this that steps of different threads concern the same list.
    touched: AtomicUsize,
    waiters: std::sync::Mutex<VecDeque<Arc<Waiter>>>,
}

#[derive(Debug)]
struct Waiter {
    thread: Thread,
    notified: AtomicBool,
}

impl LoomCondvar {
    /// The list, for a step that other threads may come before or after, but not into. Relaxed:
    /// a condvar orders nothing but what its mutex orders.
    fn step(&self) -> std::sync::MutexGuard<'_, VecDeque<Arc<Waiter>>> {
        self.touched.fetch_add(1, Ordering::Relaxed);
        self.waiters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Releases the mutex and joins the waiters, in one step: loom's unlock is not one of its own.
    fn join<T>(&self, guard: LoomGuard<'_, T>) -> Arc<Waiter> {
        let waiter = Arc::new(Waiter {
            thread: thread::current(),
            notified: AtomicBool::new(false),
        });
        self.step().push_back(waiter.clone());
        drop(guard);
        waiter
    }
}

impl Waiter {
    fn is_notified(&self) -> bool {
        self.notified.load(Ordering::Relaxed)
    }
}

impl Platform for Loom {
    type Mutex<T: Send + 'static> = Mutex<T>;
    type Guard<'a, T: Send + 'static> = LoomGuard<'a, T>;
    type Condvar = LoomCondvar;
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

    fn lock<T: Send + 'static>(mutex: &Mutex<T>) -> LoomGuard<'_, T> {
        let guard = mutex.lock().unwrap_or_else(PoisonError::into_inner);
        LoomGuard { mutex, guard }
    }

    fn condvar() -> LoomCondvar {
        LoomCondvar::default()
    }

    fn wait<'a, T: Send + 'static>(
        condvar: &LoomCondvar,
        guard: Self::Guard<'a, T>,
    ) -> Self::Guard<'a, T> {
        let mutex = guard.mutex;
        if WORLD.spurious_wakeups.happens() {
            drop(guard);
        } else {
            let waiter = condvar.join(guard);
            while !waiter.is_notified() {
                thread::park();
            }
        }
        Self::lock(mutex)
    }

    fn wait_until<'a, T: Send + 'static>(
        condvar: &LoomCondvar,
        guard: Self::Guard<'a, T>,
        deadline: Duration,
    ) -> (Self::Guard<'a, T>, bool) {
        let mutex = guard.mutex;
        let world: &'static World = &WORLD;
        {
            let mut clock = world.clock();
            if deadline <= clock.now {
                drop((clock, guard));
                return (Self::lock(mutex), true);
            }
            match clock.timeouts.checked_sub(1) {
                Some(rest) => clock.timeouts = rest,
                None => {
                    drop(clock);
                    return (Self::wait(condvar, guard), false);
                }
            }
        }
        if world.spurious_wakeups.happens() {
            drop(guard);
            world.clock().timeouts += 1;
            return (Self::lock(mutex), false);
        }

        let waiter = condvar.join(guard);
        // Time passes in the same step in which it ends the wait.
        let mut clock = world.clock();
        let mut waiters = condvar.step();
        let timed_out = !waiter.is_notified();
        if timed_out {
            waiters.retain(|other| !Arc::ptr_eq(other, &waiter));
            clock.now = clock.now.max(deadline);
        } else {
            clock.timeouts += 1;
        }
        drop((waiters, clock));
        (Self::lock(mutex), timed_out)
    }

    fn notify_one(condvar: &LoomCondvar) -> bool {
        let mut waiters = condvar.step();
        let mut chosen = 0;
        while chosen + 1 < waiters.len() && WORLD.overtakings.happens() {
            chosen += 1;
        }
        let waiter = waiters.remove(chosen);
        if let Some(waiter) = &waiter {
            waiter.notified.store(true, Ordering::Relaxed);
            waiter.thread.unpark();
        }
        observe::notified(waiter.is_some());
        waiter.is_some()
    }

    fn now() -> Duration {
        WORLD.clock().now
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
