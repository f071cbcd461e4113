//! The platform on which shuttle explores schedules.

mod queue;

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future;
use std::ops::{Deref, DerefMut};
use std::panic::Location;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, TryLockError};
use std::task::{Poll, Waker};
use std::time::Duration;

use shuttle::rand::RngCore;
use shuttle::sync::atomic::AtomicUsize;
use shuttle::sync::{Mutex, MutexGuard};
use shuttle::thread::{self, ThreadId};

use wakeproof::inbox::{Correct, Status, Step};
use wakeproof::platform::{Deliberate, Platform, TaskStep};

pub(crate) use self::queue::{ShuttleQueue, ShuttleSleeper};
use super::clock::{Clock, Unlocks};
use super::interrupts;
use super::misuse::{Identity, Partner};
use super::{Environment, FlaggedValue, ShuttleFlag, Spurious};
use crate::search::{supervise, supervisor};
use crate::{journal, observe, story};

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
/// - **The clock** may have moved before it is read, within a search by [`shuttle()`](crate::shuttle()).
/// - **`notify_one`** goes to the longest waiter, or to the next one by a chance.
///
/// An execution begins with [`Shuttle::enter`].
#[derive(Debug, Clone, Copy)]
pub struct Shuttle;

thread_local! {
    // shuttle runs all threads of an execution on one of the operating system's.
    static REMAINING: Cell<Environment> = const { Cell::new(Environment::QUIET) };
    static CLOCK: RefCell<Clock> = RefCell::default();
    // An access to it is a scheduling point, before the clock is looked at.
    static TIME: RefCell<Option<Arc<AtomicUsize>>> = const { RefCell::new(None) };
    // The threads that wait for a deadline that does not come, unless the clock moves for another reason.
    static STUCK: RefCell<Vec<(Duration, Arc<Waiter>)>> = const { RefCell::new(Vec::new()) };
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
        let clock = Clock::new(environment);
        TIME.set(clock.moves_at_all().then(Arc::default));
        CLOCK.set(clock);
        STUCK.with_borrow_mut(Vec::clear);
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

/// The thread that runs. shuttle's own handle has the thread's name with it, which is copied each time.
fn this_task() -> u64 {
    usize::from(shuttle::current::me()) as u64
}

/// One of an environment's numbers.
type Bound = fn(&mut Environment) -> &mut usize;

const SPURIOUS_WAKEUPS: Bound = |environment| &mut environment.spurious_wakeups;
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

/// Whether the event happens, as long as it has not happened as often as it may. The scheduler
/// decides.
fn happens(bound: Bound) -> bool {
    *bound(&mut REMAINING.get()) > 0 && is_chosen() && spend(bound)
}

/// The scheduler's choice.
fn is_chosen() -> bool {
    shuttle::rand::thread_rng().next_u64() & 1 == 1
}

/// The clock of the execution, for what takes no time.
fn clock<T>(look: impl FnOnce(&mut Clock) -> T) -> T {
    CLOCK.with_borrow_mut(look)
}

/// Reads the clock, which may have moved.
fn look_at_clock() -> Duration {
    if let Some(time) = TIME.with_borrow(Clone::clone) {
        time.fetch_add(1, Ordering::SeqCst);
    }
    if clock(|clock| clock.can_jump()) && is_chosen() {
        let mut targets = clock(|clock| clock.targets());
        if let Some(last) = targets.pop() {
            let target = targets.into_iter().find(|_| is_chosen()).unwrap_or(last);
            clock(|clock| clock.jump(target));
        }
    }
    wake_expired();
    clock(|clock| clock.now())
}

/// A wait has ended at its deadline, or a moment after it.
fn expire(deadline: Duration) {
    let is_first = clock(|clock| deadline > clock.now());
    let is_late = is_first && clock(|clock| clock.can_be_late()) && is_chosen();
    clock(|clock| {
        clock.expire(deadline);
        if is_late {
            clock.pass_a_moment();
        }
    });
    wake_expired();
}

/// Which of those that wait is woken: the first, or one that is lucky.
fn chosen(waiting: usize) -> usize {
    let mut chosen = 0;
    while chosen + 1 < waiting && happens(OVERTAKINGS) {
        chosen += 1;
    }
    chosen
}

/// Time that passes ends waits.
fn wake_expired() {
    let now = clock(|clock| clock.now());
    let expired: Vec<Arc<Waiter>> = STUCK.with_borrow(|stuck| {
        let is_expired = |(deadline, _): &&(Duration, Arc<Waiter>)| *deadline <= now;
        let waiters = stuck.iter().filter(is_expired);
        waiters.map(|(_, waiter)| waiter.clone()).collect()
    });
    for waiter in expired {
        waiter.expired.store(true, Ordering::Relaxed);
        waiter.wake();
    }
}

/// [`Shuttle`]'s mutex.
#[derive(Debug)]
pub struct ShuttleMutex<T> {
    mutex: Mutex<T>,
    identity: Identity,
}

/// [`Shuttle`]'s guard.
#[derive(Debug)]
pub struct ShuttleGuard<'a, T> {
    mutex: &'a ShuttleMutex<T>,
    /// There until the guard is dropped.
    guard: Option<MutexGuard<'a, T>>,
}

impl<T> Drop for ShuttleGuard<'_, T> {
    fn drop(&mut self) {
        let Some(guard) = self.guard.take() else {
            return;
        };
        self.mutex.identity.unlocked();
        UNLOCKING.set(!Unlocks::are_steps());
        drop(guard);
        UNLOCKING.set(false);
        story::did(self.mutex.identity.object("mutex"), || story::UNLOCKS);
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

impl<T> ShuttleMutex<T> {
    #[track_caller]
    pub(crate) fn new(value: T) -> Self {
        ShuttleMutex {
            mutex: Mutex::new(value),
            identity: Identity::new(),
        }
    }

    pub(crate) fn lock(&self) -> ShuttleGuard<'_, T> {
        let this_thread = this_task();
        if self.identity.locks(this_thread) {
            supervisor::locks_another();
        }
        story::may_block(self.identity.object("mutex"), "waits to lock {}");
        let guard = self.mutex.lock().unwrap_or_else(PoisonError::into_inner);
        self.identity.locked(this_thread);
        story::did(self.identity.object("mutex"), || story::LOCKS);
        ShuttleGuard {
            mutex: self,
            guard: Some(guard),
        }
    }

    /// Locks the mutex, unless somebody holds it.
    pub(crate) fn try_lock(&self) -> Option<ShuttleGuard<'_, T>> {
        self.identity.check();
        Unlocks::matter();
        let guard = match self.mutex.try_lock() {
            Ok(guard) => guard,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => {
                story::did(self.identity.object("mutex"), || story::IS_HELD);
                return None;
            }
        };
        self.identity.locked(this_task());
        story::did(self.identity.object("mutex"), || story::LOCKS);
        Some(ShuttleGuard {
            mutex: self,
            guard: Some(guard),
        })
    }

    /// A step that comes before or after an unlock.
    pub(crate) fn look(&self) {
        self.identity.check();
        Unlocks::matter();
        AtomicUsize::new(0).load(Ordering::SeqCst);
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
    /// An access to it is a scheduling point. Each thread has such a list, and few of them park.
    touched: OnceLock<AtomicUsize>,
    waiters: std::sync::Mutex<VecDeque<Arc<Waiter>>>,
}

#[derive(Debug, Default)]
pub(crate) struct Waiter {
    told: story::Told,
    notified: AtomicBool,
    /// Whether time has ended its wait.
    expired: AtomicBool,
    /// Whether something happens to it while it waits.
    interrupted: AtomicBool,
    waker: std::sync::Mutex<Option<Waker>>,
}

type Waiters<'a> = std::sync::MutexGuard<'a, VecDeque<Arc<Waiter>>>;

impl WaitList {
    fn new() -> Self {
        WaitList {
            touched: OnceLock::new(),
            waiters: std::sync::Mutex::default(),
        }
    }

    /// The list, after a scheduling point.
    fn step(&self) -> Waiters<'_> {
        let touched = self.touched.get_or_init(|| AtomicUsize::new(0));
        touched.fetch_add(1, Ordering::SeqCst);
        self.now()
    }

    /// The list, without a scheduling point.
    fn now(&self) -> Waiters<'_> {
        self.waiters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Blocks the thread, which is on the list, until it is notified, or until time ends its wait.
    /// Returns whether it was time.
    fn block_until(&self, waiter: &Arc<Waiter>, deadline: Duration) -> bool {
        let mut timed_out = false;
        if clock(|clock| clock.moves_at_all()) {
            let waiters = self.step();
            timed_out = !waiter.is_notified() && clock(|clock| clock.can_expire(deadline));
            drop(waiters);
        }
        if !timed_out {
            STUCK.with_borrow_mut(|stuck| stuck.push((deadline, waiter.clone())));
            supervise::without_timeout(|| waiter.block());
            STUCK.with_borrow_mut(|stuck| stuck.retain(|(_, other)| !Arc::ptr_eq(other, waiter)));
            timed_out = !waiter.is_notified();
        }
        if timed_out {
            self.now().retain(|other| !Arc::ptr_eq(other, waiter));
            expire(deadline);
        }
        timed_out
    }
}

impl Waiter {
    fn of_this_thread() -> Arc<Self> {
        Arc::new(Waiter {
            told: story::this(),
            ..Waiter::default()
        })
    }

    fn is_notified(&self) -> bool {
        self.notified.load(Ordering::Relaxed)
    }

    /// Blocks this thread until it is notified, or until time ends its wait. No scheduling point if it
    /// is already.
    fn block(self: &Arc<Self>) {
        if !interrupts::are_there() {
            return self.wait();
        }
        let sleep = story::sleep();
        while !self.is_over() {
            interrupts::before_step();
            if !self.is_over() {
                sleep.goes_on();
                let waiter = self.clone();
                let interrupt = move || {
                    waiter.interrupted.store(true, Ordering::Relaxed);
                    waiter.wake();
                };
                interrupts::while_asleep(interrupt, || self.wait());
            }
        }
    }

    fn is_over(&self) -> bool {
        self.is_notified() || self.expired.load(Ordering::Relaxed)
    }

    /// Also until it is interrupted.
    fn wait(&self) {
        let end = future::poll_fn(|context| {
            if self.is_over() || self.interrupted.swap(false, Ordering::Relaxed) {
                return Poll::Ready(());
            }
            *self.waker.lock().unwrap_or_else(PoisonError::into_inner) =
                Some(context.waker().clone());
            // Not once for the whole wait: a thread that was woken for another reason before comes here again.
            supervisor::blocks();
            Poll::Pending
        });
        supervisor::waiting(|| shuttle::future::block_on(end));
    }

    fn notify(&self) {
        self.notified.store(true, Ordering::Relaxed);
        self.told.is_woken();
        self.wake();
    }

    fn wake(&self) {
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

/// [`Shuttle`]'s condvar: the list of the threads that wait.
#[derive(Debug)]
pub struct ShuttleCondvar {
    partner: Partner,
    list: WaitList,
}

impl ShuttleCondvar {
    #[track_caller]
    pub(crate) fn new() -> Self {
        ShuttleCondvar {
            partner: Partner::new(),
            list: WaitList::new(),
        }
    }

    /// Releases the mutex and joins the waiters, in one step: shuttle's unlock has its scheduling
    /// point before it takes effect, and none after it. So this one is needed: a
    /// notification that needs no lock may come before the wait begins.
    fn join<T>(&self, mut guard: ShuttleGuard<'_, T>) -> Arc<Waiter> {
        guard.mutex.identity.unlocked();
        drop(guard.guard.take());
        let waiter = Waiter::of_this_thread();
        self.list.now().push_back(waiter.clone());
        self.partner.sleeps();
        waiter
    }

    pub(crate) fn wait<'a, T>(
        &self,
        guard: ShuttleGuard<'a, T>,
        may: Spurious,
    ) -> ShuttleGuard<'a, T> {
        self.partner.waits_with(&guard.mutex.identity);
        let mutex = guard.mutex;
        if may == Spurious::Wakeups && happens(SPURIOUS_WAKEUPS) {
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
        guard: ShuttleGuard<'a, T>,
        deadline: impl FnOnce(Duration) -> Duration,
        may: Spurious,
    ) -> (ShuttleGuard<'a, T>, bool) {
        self.partner.waits_with(&guard.mutex.identity);
        let mutex = guard.mutex;
        let now = look_at_clock();
        let deadline = deadline(now);
        if deadline <= now {
            self.partner.is_late();
            drop(guard);
            return (mutex.lock(), true);
        }
        clock(|clock| clock.note(deadline));
        if may == Spurious::Wakeups && happens(SPURIOUS_WAKEUPS) {
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
        self.partner.check();
        let mut waiters = self.list.step();
        let chosen = chosen(waiters.len());
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
pub(crate) struct ShuttleParker {
    token: AtomicBool,
    list: WaitList,
    identity: Identity,
}

impl ShuttleParker {
    #[track_caller]
    pub(crate) fn new() -> Self {
        ShuttleParker {
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
            self.tells("is unparked already, and goes on");
            return None;
        }
        let waiter = Waiter::of_this_thread();
        waiters.push_back(waiter.clone());
        story::sleeps(self.identity.object("thread"), "parks");
        Some(waiter)
    }

    pub(crate) fn park(&self) {
        if happens(SPURIOUS_WAKEUPS) {
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
        let now = look_at_clock();
        let deadline = deadline(now);
        if deadline > now {
            clock(|clock| clock.note(deadline));
            if happens(SPURIOUS_WAKEUPS) {
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

    /// Wakes the thread, or leaves the token for it.
    pub(crate) fn unpark(&self) {
        self.identity.check();
        let mut waiters = self.list.step();
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

impl Platform for Shuttle {
    type Mutex<T: Send + 'static> = ShuttleMutex<T>;
    type Guard<'a, T: Send + 'static> = ShuttleGuard<'a, T>;
    type Condvar = ShuttleCondvar;
    type Flag = ShuttleFlag;
    type TakeOnce<T: Send + 'static> = FlaggedValue<ShuttleFlag, T>;
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
    fn mutex<T: Send + 'static>(value: T) -> ShuttleMutex<T> {
        ShuttleMutex::new(value)
    }

    fn lock<T: Send + 'static>(mutex: &ShuttleMutex<T>) -> ShuttleGuard<'_, T> {
        mutex.lock()
    }

    #[track_caller]
    fn condvar() -> ShuttleCondvar {
        ShuttleCondvar::new()
    }

    fn wait<'a, T: Send + 'static>(
        condvar: &ShuttleCondvar,
        guard: Self::Guard<'a, T>,
    ) -> Self::Guard<'a, T> {
        condvar.wait(guard, Spurious::Wakeups)
    }

    fn wait_until<'a, T: Send + 'static>(
        condvar: &ShuttleCondvar,
        guard: Self::Guard<'a, T>,
        deadline: Duration,
    ) -> (Self::Guard<'a, T>, bool) {
        condvar.wait_until(guard, |_| deadline, Spurious::Wakeups)
    }

    fn notify_one(condvar: &ShuttleCondvar) -> bool {
        condvar.notify_one()
    }

    fn now() -> Duration {
        look_at_clock()
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
