//! What the loop needs from the world: a mutex, a condvar, atomics, a clock, and threads that can be
//! told apart.
//!
//! The whole library is generic over [`Platform`], so that one build holds the production loop (on
//! [`ParkingLot`]) beside the very same code under loom and shuttle, with no `cfg` flag and no
//! copy.
//!
//! A platform also names the protocol of its inboxes, and an inbox is generic over the platform. So this
//! file and `inbox.rs` need each other, the only two in the project that do.

use std::any::Any;
use std::fmt::Debug;
use std::ops::DerefMut;
use std::time::Duration;
use std::{hint, thread};

use crate::inbox::Protocol;
use crate::step::{Status, Step};

mod flag;
mod parking_lot;
mod take_once;

pub use self::flag::Flag;
pub use self::parking_lot::ParkingLot;
pub use self::take_once::TakeOnce;
pub use crate::step::TaskStep;

/// The primitives that the loop is built from.
///
/// A platform is a type that is never instantiated; everything is an associated function. The
/// rules are those of POSIX: [`wait`](Self::wait) releases the mutex and starts to wait in one
/// atomic step, reacquires the mutex before it returns, and may return although nobody notified.
///
/// ```
/// use wakeproof::platform::{ParkingLot, Platform};
///
/// fn increment<P: Platform>(counter: &P::Mutex<u32>) -> u32 {
///     let mut counter = P::lock(counter);
///     *counter += 1;
///     *counter
/// }
///
/// assert_eq!(increment::<ParkingLot>(&ParkingLot::mutex(41)), 42);
/// ```
pub trait Platform: Sized + 'static {
    /// Mutual exclusion around a `T`. A panic of its holder releases it and leaves it usable.
    type Mutex<T: Send + 'static>: Send + Sync + 'static;
    /// The right to the `T` in a mutex, given up when it is dropped.
    type Guard<'a, T: Send + 'static>: DerefMut<Target = T>;
    /// A condition variable, always used with the same mutex.
    type Condvar: Send + Sync + 'static;
    /// An atomic boolean.
    type Flag: Flag;
    /// A value that the first thread to ask for it gets.
    type TakeOnce<T: Send + 'static>: TakeOnce<T>;
    /// Tells threads apart.
    type ThreadId: Copy + Eq + Debug + Send + Sync + 'static;
    /// The order of an inbox's steps: [`Correct`](crate::inbox::Correct), unless the platform is
    /// there to show what goes wrong with another. A platform that chooses at run time has a trait
    /// object here.
    type Protocol<T: Send + 'static>: Protocol<Self, T> + ?Sized + 'static;

    /// The protocol of an inbox that is being made.
    fn protocol<T: Send + 'static>() -> &'static Self::Protocol<T>;

    /// A new mutex, unlocked.
    fn mutex<T: Send + 'static>(value: T) -> Self::Mutex<T>;

    /// Blocks until this thread holds the mutex.
    fn lock<T: Send + 'static>(mutex: &Self::Mutex<T>) -> Self::Guard<'_, T>;

    /// A new condvar that nobody waits on.
    fn condvar() -> Self::Condvar;

    /// Releases the mutex, waits, and reacquires the mutex.
    ///
    /// May return without a notification (a spurious wakeup): the caller has to look again at what
    /// it was waiting for.
    fn wait<'a, T: Send + 'static>(
        condvar: &Self::Condvar,
        guard: Self::Guard<'a, T>,
    ) -> Self::Guard<'a, T>;

    /// As [`wait`](Self::wait), but no later than `deadline`, a reading of [`now`](Self::now).
    ///
    /// The second value is true if the deadline ended the wait. Even then a notification may have
    /// arrived, so that the caller has to look again in that case too.
    fn wait_until<'a, T: Send + 'static>(
        condvar: &Self::Condvar,
        guard: Self::Guard<'a, T>,
        deadline: Duration,
    ) -> (Self::Guard<'a, T>, bool);

    /// Wakes one of the threads that wait; does nothing, and leaves nothing behind, if nobody waits.
    ///
    /// Returns whether somebody waited. The loop does not care; those who watch it do.
    fn notify_one(condvar: &Self::Condvar) -> bool;

    /// Monotonic time since a moment that is the same for all threads but otherwise arbitrary.
    fn now() -> Duration;

    /// Called by a loop that looks for work before it sleeps, after `looks` looks that found none: lets a
    /// moment pass, and returns whether to look again. Not after `until`, a reading of [`now`](Self::now).
    ///
    /// A model checker ends this after a few looks: more of them show nothing new.
    fn spins_on(looks: u32, until: Duration) -> bool {
        // After these, the thread that has the work may be one that waits for this processor.
        const LOOKS_BEFORE_YIELDING: u32 = 2;
        const SPINS: u32 = 32;
        if Self::now() >= until {
            return false;
        }
        if looks <= LOOKS_BEFORE_YIELDING {
            (0..SPINS).for_each(|_| hint::spin_loop());
        } else {
            thread::yield_now();
        }
        true
    }

    /// The calling thread.
    fn current_thread() -> Self::ThreadId;

    /// The calling thread's name, if it has one.
    fn thread_name() -> Option<String>;

    /// Called by the protocol at each of its steps, on the thread that takes the step, as soon as
    /// it has taken effect. Does nothing unless the platform wants to watch.
    ///
    /// `status` is what the step has led to: of a step under the lock, that is; of
    /// [`Step::Run`], which needs no lock, it is nothing.
    #[inline(always)]
    #[track_caller]
    fn step(_step: Step, _status: Option<Status>) {}

    /// Called at each step of a task's waker and of an event, in the same way.
    #[inline(always)]
    fn task_step(_step: TaskStep) {}

    /// Whether the loop has to let a callback's panic through instead of reporting it.
    ///
    /// In production, no panic. Under a model checker, every panic but a [`Deliberate`] one: an
    /// assertion that fails, a deadlock that is found, and threads that are unwound because the
    /// execution is over are all panics, and the checker's to hear of.
    fn must_not_catch(_payload: &(dyn Any + Send)) -> bool {
        false
    }
}

/// What a model's callback panics with when that is no failure but part of the model:
/// `std::panic::panic_any(Deliberate)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deliberate;
