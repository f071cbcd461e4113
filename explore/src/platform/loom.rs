//! The platform on which loom explores executions.

mod chances;
mod flag;
mod queue;

use std::any::Any;
use std::collections::VecDeque;
use std::ops::{Deref, DerefMut};
use std::panic::Location;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, TryLockError};
use std::time::Duration;

use loom::sync::atomic::AtomicUsize;
use loom::sync::{Mutex, MutexGuard};
use loom::thread::{self, Thread, ThreadId};

use wakeproof::inbox::{Correct, Status, Step};
use wakeproof::platform::{Deliberate, Platform, TaskStep};

use self::chances::{Chances, Dials};
use super::clock::{Clock, Unlocks};
use super::execution::key;
use super::interrupts;
use super::misuse::{Identity, Partner};
use super::{Environment, FlaggedValue, Spurious};
use crate::search::supervise;
use crate::{journal, observe, story};

pub(crate) use self::flag::LoomAtomic;
pub use self::flag::LoomFlag;
pub(crate) use self::flag::WeakSpots;
pub(crate) use self::queue::{LoomQueue, LoomSleeper};

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
/// - **The clock** may have moved before it is read, within a search by [`loom()`](crate::loom()).
/// - **`notify_one`** goes to the longest waiter, or to the next one by a chance.
///
/// The rules for the use of a mutex and a condvar are checked, and a panic says which one is broken.
///
/// An execution begins with [`Loom::enter`], unless its environment is [`Environment::QUIET`].
#[derive(Debug, Clone, Copy)]
pub struct Loom;

impl Loom {
    /// The most events of one kind that an execution may have: loom remembers an atomic's last seven
    /// values, of which one is that nothing happens.
    pub const MAX_CHANCES: usize = chances::MAX_CHANCES;

    /// Admits the events of `environment` to the execution that begins. Call it first in the body
    /// of the model, before there is a second thread.
    ///
    /// Takes one of loom's threads, if there is anything to choose, of the four that an execution
    /// may spawn.
    ///
    /// # Panics
    ///
    /// If a bound is more than six, timeouts of punctual threads excepted: loom remembers seven values.
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
            overtakings,
            ..
        } = environment;
        let clock = Clock::new(environment);
        let jumps = if clock.can_jump() {
            environment.timeouts
        } else {
            0
        };
        assert!(
            spurious_wakeups.max(overtakings).max(jumps) <= Self::MAX_CHANCES,
            "loom explores at most {} events of each kind",
            Self::MAX_CHANCES
        );
        let world: &'static World = &WORLD;
        *world.clock() = clock;
        if clock.moves_at_all() {
            world.time.get_or_init(AtomicUsize::default);
        }
        if spurious_wakeups + overtakings + jumps == 0 {
            return;
        }

        // The writer runs to its end before anything else does; its steps need no exploring. It wakes
        // this thread before it writes, and is not joined: this thread learns nothing of the writing.
        loom::stop_exploring();
        world.spurious_wakeups.admit(spurious_wakeups);
        world.overtakings.admit(overtakings);
        world.jumps.admit(jumps);
        let targets = clock.most_targets();
        for _ in 0..jumps {
            world.targets.add(targets);
            world.expiries.add(2);
        }
        let this_thread = thread::current();
        thread::spawn(move || {
            this_thread.unpark();
            let world: &'static World = &WORLD;
            for chances in [&world.spurious_wakeups, &world.overtakings, &world.jumps] {
                chances.write();
            }
            world.targets.write();
            world.expiries.write();
        });
        thread::park();
        loom::explore();
    }

    /// Why loom cannot explore in `environment`, if it cannot.
    pub(crate) fn refuses(environment: Environment) -> Option<String> {
        let Environment {
            spurious_wakeups,
            timeouts,
            overtakings,
            punctual,
        } = environment;
        let jumps = if punctual { 0 } else { timeouts };
        (spurious_wakeups.max(overtakings).max(jumps) > Self::MAX_CHANCES).then(|| {
            format!(
                "loom explores at most {} spurious wakeups, timeouts, or overtakings",
                Self::MAX_CHANCES
            )
        })
    }

    /// Whether an execution in `environment` needs one of loom's threads for its chances.
    #[must_use]
    pub fn needs_a_thread(environment: Environment) -> bool {
        let Environment {
            spurious_wakeups,
            timeouts,
            overtakings,
            punctual,
        } = environment;
        let jumps = if punctual { 0 } else { timeouts };
        spurious_wakeups + overtakings + jumps > 0
    }
}

loom::lazy_static! {
    /// One for each execution.
    static ref WORLD: World = World::default();
}

/// What the environment may do in an execution, and the time in it.
#[derive(Default)]
struct World {
    spurious_wakeups: Chances,
    overtakings: Chances,
    jumps: Chances,
    /// Where each jump goes.
    targets: Dials,
    /// Whether a timed wait ends at its deadline or after it.
    expiries: Dials,
    clock: std::sync::Mutex<Clock>,
    /// loom sees by this that steps of different threads concern the clock. Relaxed: to look at the
    /// clock orders nothing.
    time: OnceLock<AtomicUsize>,
    /// The threads that wait for a deadline that does not come, unless the clock moves for another
    /// reason.
    stuck: std::sync::Mutex<Vec<(Duration, Arc<Waiter>)>>,
}

impl World {
    fn clock(&self) -> std::sync::MutexGuard<'_, Clock> {
        self.clock.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The clock, for a step that other threads may come before or after, but not into.
    fn step(&self) -> std::sync::MutexGuard<'_, Clock> {
        if let Some(time) = self.time.get() {
            time.fetch_add(1, Ordering::Relaxed);
        }
        self.clock()
    }

    /// Reads the clock, which may have moved.
    fn look_at_clock(&self) -> Duration {
        if self.time.get().is_none() {
            return self.clock().now(); // it never moves
        }
        // What is chosen takes effect in one step, which comes last.
        let mut jump = None;
        if self.clock().can_jump() && self.jumps.happens() {
            let targets = self.clock().targets().len();
            jump = Some(self.targets.turn(targets));
        }
        let mut clock = self.step();
        if let Some(target) = jump
            && clock.can_jump()
        {
            let targets = clock.targets();
            if let Some(target) = targets.get(target).or(targets.last()) {
                clock.jump(*target);
            }
        }
        let now = clock.now();
        drop(clock);
        self.wake_expired(now);
        now
    }

    /// A wait has ended at its deadline, or a moment after it.
    fn expire(&self, deadline: Duration) {
        let is_first = deadline > self.clock().now();
        self.clock().expire(deadline);
        self.wake_expired(deadline);
        if is_first && self.expiries.turn(2) == 1 {
            self.step().pass_a_moment();
        }
    }

    /// Which of those that wait is woken: the first, or one that is lucky.
    fn chosen(&self, waiting: usize) -> usize {
        let mut chosen = 0;
        while chosen + 1 < waiting && self.overtakings.happens() {
            chosen += 1;
        }
        chosen
    }

    /// Time that passes ends waits.
    fn wake_expired(&self, now: Duration) {
        self.stuck().retain(|(deadline, waiter)| {
            let is_stuck = *deadline > now;
            if !is_stuck {
                waiter.expired.store(true, Ordering::Relaxed);
                waiter.thread.unpark();
            }
            is_stuck
        });
    }

    fn stuck(&self) -> std::sync::MutexGuard<'_, Vec<(Duration, Arc<Waiter>)>> {
        self.stuck.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// [`Loom`]'s mutex.
#[derive(Debug)]
pub struct LoomMutex<T> {
    mutex: Mutex<T>,
    identity: Identity,
    /// loom sees by this that a look at the mutex and its unlocking, if that is a step, concern the same
    /// thing.
    touched: Touched,
}

/// An atomic of loom's that is made only if somebody needs it.
#[derive(Debug, Default)]
struct Touched(OnceLock<AtomicUsize>);

impl Touched {
    fn of_a_search() -> Self {
        let touched = OnceLock::new();
        if Unlocks::are_steps() {
            touched.get_or_init(AtomicUsize::default);
        }
        Touched(touched)
    }

    fn touch(&self) {
        if let Some(touched) = self.0.get() {
            touched.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// [`Loom`]'s guard.
#[derive(Debug)]
pub struct LoomGuard<'a, T> {
    mutex: &'a LoomMutex<T>,
    guard: MutexGuard<'a, T>,
}

impl<T> Drop for LoomGuard<'_, T> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.mutex.touched.touch();
        }
        self.mutex.identity.unlocked();
        story::did(self.mutex.identity.object("mutex"), || story::UNLOCKS);
    }
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

impl<T> LoomMutex<T> {
    #[track_caller]
    pub(crate) fn new(value: T) -> Self {
        LoomMutex {
            mutex: Mutex::new(value),
            identity: Identity::new(),
            touched: Touched::of_a_search(),
        }
    }

    pub(crate) fn lock(&self) -> LoomGuard<'_, T> {
        supervise::step();
        let this_thread = key(thread::current().id());
        self.identity.locks(this_thread);
        story::may_block(self.identity.object("mutex"), "waits to lock {}");
        let guard = self.mutex.lock().unwrap_or_else(PoisonError::into_inner);
        self.identity.locked(this_thread);
        story::did(self.identity.object("mutex"), || story::LOCKS);
        LoomGuard { mutex: self, guard }
    }

    /// Locks the mutex, unless somebody holds it.
    pub(crate) fn try_lock(&self) -> Option<LoomGuard<'_, T>> {
        supervise::step();
        self.identity.check();
        self.look();
        let guard = match self.mutex.try_lock() {
            Ok(guard) => guard,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => {
                story::did(self.identity.object("mutex"), || story::IS_HELD);
                return None;
            }
        };
        self.identity.locked(key(thread::current().id()));
        story::did(self.identity.object("mutex"), || story::LOCKS);
        Some(LoomGuard { mutex: self, guard })
    }

    /// A step that comes before or after an unlock.
    pub(crate) fn look(&self) {
        self.identity.check();
        Unlocks::matter();
        self.touched.touch();
    }

    pub(crate) fn get_mut(&mut self) -> &mut T {
        let inner = self.mutex.get_mut();
        inner.unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn into_inner(self) -> T {
        let inner = self.mutex.into_inner();
        inner.unwrap_or_else(PoisonError::into_inner)
    }
}

/// The threads that wait for one thing, in the order of their arrival.
#[derive(Debug)]
struct WaitList {
    /// loom sees by this that steps of different threads concern the same list.
    touched: AtomicUsize,
    waiters: std::sync::Mutex<VecDeque<Arc<Waiter>>>,
}

#[derive(Debug)]
pub(crate) struct Waiter {
    thread: Thread,
    told: story::Told,
    notified: AtomicBool,
    /// Whether time has ended its wait.
    expired: AtomicBool,
}

type Waiters<'a> = std::sync::MutexGuard<'a, VecDeque<Arc<Waiter>>>;

impl WaitList {
    fn new() -> Self {
        WaitList {
            touched: AtomicUsize::new(0),
            waiters: std::sync::Mutex::default(),
        }
    }

    /// The list, for a step that other threads may come before or after, but not into. Relaxed:
    /// a condvar orders nothing but what its mutex orders.
    ///
    /// Where time may pass, it may end a wait in such a step: all of them then concern the clock.
    fn step(&self) -> Waiters<'_> {
        let world: &'static World = &WORLD;
        let touched = world.time.get().unwrap_or(&self.touched);
        touched.fetch_add(1, Ordering::Relaxed);
        self.waiters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// As [`step`](Self::step), after a release that [`acquire`](Self::acquire) synchronises with.
    fn release(&self) -> Waiters<'_> {
        self.touched.fetch_add(1, Ordering::Release);
        let world: &'static World = &WORLD;
        if let Some(time) = world.time.get() {
            time.fetch_add(1, Ordering::Relaxed);
        }
        self.waiters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn acquire(&self) {
        self.touched.fetch_add(1, Ordering::Acquire);
    }

    /// Blocks the thread, which is on the list, until it is notified, or until time ends its wait.
    /// Returns whether it was time.
    fn block_until(&self, waiter: &Arc<Waiter>, deadline: Duration) -> bool {
        let world: &'static World = &WORLD;
        // Time passes in the same step in which it ends the wait.
        let mut waiters = self.step();
        let can_expire = world.clock().can_expire(deadline);
        if !waiter.is_notified() && !can_expire {
            world.stuck().push((deadline, waiter.clone()));
            drop(waiters);
            supervise::without_timeout(|| waiter.block());
            world
                .stuck()
                .retain(|(_, other)| !Arc::ptr_eq(other, waiter));
            waiters = self.step();
        }
        let timed_out = !waiter.is_notified();
        waiters.retain(|other| !Arc::ptr_eq(other, waiter));
        drop(waiters);
        if timed_out {
            world.expire(deadline);
        }
        timed_out
    }
}

impl Waiter {
    fn of_this_thread() -> Arc<Self> {
        Arc::new(Waiter {
            thread: thread::current(),
            told: story::this(),
            notified: AtomicBool::new(false),
            expired: AtomicBool::new(false),
        })
    }

    fn is_notified(&self) -> bool {
        self.notified.load(Ordering::Relaxed)
    }

    fn notify(&self) {
        self.notified.store(true, Ordering::Relaxed);
        self.told.is_woken();
        self.thread.unpark();
    }

    /// Blocks this thread until it is notified, or until time ends its wait.
    fn block(&self) {
        let sleep = story::sleep();
        while !self.is_over() {
            if !interrupts::are_there() {
                thread::park();
                continue;
            }
            interrupts::before_step();
            if !self.is_over() {
                sleep.goes_on();
                let thread = self.thread.clone();
                interrupts::while_asleep(move || thread.unpark(), thread::park);
            }
        }
    }

    fn is_over(&self) -> bool {
        self.is_notified() || self.expired.load(Ordering::Relaxed)
    }
}

/// [`Loom`]'s condvar: the list of the threads that wait.
#[derive(Debug)]
pub struct LoomCondvar {
    partner: Partner,
    list: WaitList,
}

impl LoomCondvar {
    #[track_caller]
    pub(crate) fn new() -> Self {
        LoomCondvar {
            partner: Partner::new(),
            list: WaitList::new(),
        }
    }

    /// Releases the mutex and joins the waiters, in one step: loom's unlock is not one of its own.
    fn join<T>(&self, guard: LoomGuard<'_, T>) -> Arc<Waiter> {
        let waiter = Waiter::of_this_thread();
        self.list.step().push_back(waiter.clone());
        drop(guard);
        self.partner.sleeps();
        waiter
    }

    pub(crate) fn wait<'a, T>(&self, guard: LoomGuard<'a, T>, may: Spurious) -> LoomGuard<'a, T> {
        supervise::step();
        self.partner.waits_with(&guard.mutex.identity);
        let mutex = guard.mutex;
        if may == Spurious::Wakeups && WORLD.spurious_wakeups.happens() {
            self.partner.wakes_for_no_reason();
            drop(guard);
        } else {
            self.join(guard).block();
            self.partner.wakes(false);
        }
        mutex.lock()
    }

    /// Waits until the moment that `deadline` gives, which is told the time.
    pub(crate) fn wait_until<'a, T>(
        &self,
        guard: LoomGuard<'a, T>,
        deadline: impl FnOnce(Duration) -> Duration,
        may: Spurious,
    ) -> (LoomGuard<'a, T>, bool) {
        supervise::step();
        self.partner.waits_with(&guard.mutex.identity);
        let mutex = guard.mutex;
        let world: &'static World = &WORLD;
        let now = world.look_at_clock();
        let deadline = deadline(now);
        if deadline <= now {
            self.partner.is_late();
            drop(guard);
            return (mutex.lock(), true);
        }
        world.clock().note(deadline);
        if may == Spurious::Wakeups && world.spurious_wakeups.happens() {
            self.partner.wakes_for_no_reason();
            drop(guard);
            return (mutex.lock(), false);
        }
        let waiter = self.join(guard);
        let timed_out = self.list.block_until(&waiter, deadline);
        self.partner.wakes(timed_out);
        (mutex.lock(), timed_out)
    }

    pub(crate) fn notify_one(&self) -> bool {
        supervise::step();
        self.partner.check();
        let mut waiters = self.list.step();
        let chosen = WORLD.chosen(waiters.len());
        let waiter = waiters.remove(chosen);
        if let Some(waiter) = &waiter {
            waiter.notify();
        }
        self.partner
            .notified("notify_one", usize::from(waiter.is_some()));
        waiter.is_some()
    }

    /// Wakes all that wait now, in one step, and returns how many.
    pub(crate) fn notify_all(&self) -> usize {
        supervise::step();
        self.partner.check();
        let mut waiters = self.list.step();
        let number = waiters.len();
        self.partner.notified("notify_all", number);
        for waiter in waiters.drain(..) {
            waiter.notify();
        }
        number
    }
}

/// What a thread parks on: a token, and the thread if it waits for it.
#[derive(Debug)]
pub(crate) struct LoomParker {
    token: AtomicBool,
    list: WaitList,
    identity: Identity,
}

impl LoomParker {
    #[track_caller]
    pub(crate) fn new() -> Self {
        LoomParker {
            token: AtomicBool::new(false),
            list: WaitList::new(),
            identity: Identity::new(),
        }
    }

    /// The thread that parks here.
    pub(crate) fn identity(&self) -> &Identity {
        &self.identity
    }

    fn tells(&self, what: &'static str) {
        story::did(self.identity.object("thread"), || what);
    }

    /// Takes the token, or joins the list, in one step.
    fn join(&self) -> Option<Arc<Waiter>> {
        interrupts::before_step();
        let mut waiters = self.list.step();
        if self.token.swap(false, Ordering::Relaxed) {
            drop(waiters);
            self.list.acquire();
            self.tells("is unparked already, and goes on");
            return None;
        }
        let waiter = Waiter::of_this_thread();
        waiters.push_back(waiter.clone());
        story::sleeps(self.identity.object("thread"), "parks");
        Some(waiter)
    }

    pub(crate) fn park(&self) {
        supervise::step();
        if WORLD.spurious_wakeups.happens() {
            self.tells("parks, and wakes for no reason");
            return;
        }
        if let Some(waiter) = self.join() {
            waiter.block();
            self.tells("is unparked");
        }
    }

    /// Returns whether the deadline, which is told the time, has passed.
    pub(crate) fn park_until(&self, deadline: impl FnOnce(Duration) -> Duration) -> bool {
        supervise::step();
        let world: &'static World = &WORLD;
        let now = world.look_at_clock();
        let deadline = deadline(now);
        if deadline > now {
            world.clock().note(deadline);
            if world.spurious_wakeups.happens() {
                self.tells("parks, and wakes for no reason");
                return false;
            }
        }
        let Some(waiter) = self.join() else {
            return false;
        };
        let timed_out = self.list.block_until(&waiter, deadline);
        self.tells(if timed_out {
            story::TIME_IS_UP
        } else {
            "is unparked"
        });
        timed_out
    }

    /// Wakes the thread, which then sees what this one has written; or leaves the token for it.
    pub(crate) fn unpark(&self) {
        supervise::step();
        self.identity.check();
        let mut waiters = self.list.release();
        match waiters.pop_front() {
            Some(waiter) => {
                waiter.notify();
                story::wakes(self.identity.object("thread"), "unparks {}", 1);
            }
            None => {
                self.token.store(true, Ordering::Relaxed);
                self.tells("unparks {}, which is not parked: its next park will return at once");
            }
        }
    }
}

impl Platform for Loom {
    type Mutex<T: Send + 'static> = LoomMutex<T>;
    type Guard<'a, T: Send + 'static> = LoomGuard<'a, T>;
    type Condvar = LoomCondvar;
    type Flag = LoomFlag;
    type TakeOnce<T: Send + 'static> = FlaggedValue<LoomFlag, T>;
    type ThreadId = ThreadId;
    type Protocol<T: Send + 'static> = Correct;

    fn protocol<T: Send + 'static>() -> &'static Correct {
        &Correct
    }

    #[track_caller]
    fn step(step: Step, status: Option<Status>) {
        journal::at(Location::caller());
        observe::step(step, status);
    }

    fn task_step(step: TaskStep) {
        observe::task_step(step);
    }

    #[track_caller]
    fn mutex<T: Send + 'static>(value: T) -> LoomMutex<T> {
        LoomMutex::new(value)
    }

    fn lock<T: Send + 'static>(mutex: &LoomMutex<T>) -> LoomGuard<'_, T> {
        mutex.lock()
    }

    #[track_caller]
    fn condvar() -> LoomCondvar {
        LoomCondvar::new()
    }

    fn wait<'a, T: Send + 'static>(
        condvar: &LoomCondvar,
        guard: Self::Guard<'a, T>,
    ) -> Self::Guard<'a, T> {
        condvar.wait(guard, Spurious::Wakeups)
    }

    fn wait_until<'a, T: Send + 'static>(
        condvar: &LoomCondvar,
        guard: Self::Guard<'a, T>,
        deadline: Duration,
    ) -> (Self::Guard<'a, T>, bool) {
        condvar.wait_until(guard, |_| deadline, Spurious::Wakeups)
    }

    fn notify_one(condvar: &LoomCondvar) -> bool {
        condvar.notify_one()
    }

    fn now() -> Duration {
        supervise::step();
        WORLD.look_at_clock()
    }

    /// Two looks: more show nothing new.
    fn spins_on(looks: u32, _until: Duration) -> bool {
        looks < 2
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
