//! The protocol: how a callback gets into a loop that may be asleep. **Read this file first.**
//!
//! One mutex guards one queue and three flags. Threads that submit put a callback in the queue.
//! The loop's thread takes the whole queue, runs it, and comes back for more; when it finds the
//! queue empty it says so in the flag `asleep` and waits on the condvar. A notification that finds
//! nobody waiting is lost: condvars remember nothing. So the question is always the same: *who
//! makes sure that a loop never sleeps beside a queue that is not empty?*
//!
//! - [`Protocol::call_soon_threadsafe`] does: it enqueues **and wakes**.
//! - [`Protocol::call_soon`] does not: it only enqueues. On the loop's own thread that is enough,
//!   because a thread that is running this function is not asleep, and it looks at the queue again
//!   before it sleeps. On any other thread the callback may wait for ever.
//!
//! Why waking under the mutex closes the gap: the loop checks the queue, sets `asleep` and starts
//! to wait without ever letting the mutex go in between ([`Protocol::sleep`]; the condvar releases
//! the mutex and starts to wait in one step). Whoever submits holds the same mutex, so either the
//! submission comes before the check, and the loop sees the callback and does not sleep, or it
//! comes after the wait began, finds `asleep` set, and the notification reaches a waiter. There is
//! no third place.
//!
//! Every step is named after the action that describes it in `spec/CondvarLoop.tla`; see [`Step`].

use std::collections::VecDeque;
use std::fmt::{self, Debug};
use std::mem;
use std::time::Duration;

use crate::platform::Platform;
pub use crate::step::{Status, Step};

/// What the threads share, under one mutex.
#[derive(Debug)]
pub struct State<T> {
    /// Accepted callbacks that no iteration has taken yet, oldest first.
    pub queue: VecDeque<T>,
    /// The loop waits on the condvar, and nobody has decided to wake it yet. Set by the loop when
    /// it goes to sleep; cleared by whoever notifies it, so that one sleep costs one notification
    /// at most, and by the loop itself when it wakes for another reason.
    pub asleep: bool,
    /// The loop is to return after its current iteration.
    pub stopping: bool,
    /// Nothing is accepted any more.
    pub closed: bool,
}

impl<T> State<T> {
    /// Neither a callback to run nor a stop to honour: the loop may sleep.
    #[must_use]
    pub fn has_nothing_to_do(&self) -> bool {
        self.queue.is_empty() && !self.stopping
    }

    /// Puts the item last: step [`Step::Enqueue`].
    #[inline]
    #[track_caller]
    pub fn push<P: Platform>(&mut self, item: T) {
        self.queue.push_back(item);
        self.step::<P>(Step::Enqueue);
    }

    /// Tells a platform that watches that a step has taken effect, and what it has led to.
    // Inlined, as those that call it are: where a step does nothing, no caller's place is handed on.
    #[inline]
    #[track_caller]
    pub fn step<P: Platform>(&self, step: Step) {
        P::step(step, Some(self.status()));
    }

    fn status(&self) -> Status {
        Status {
            queued: self.queue.len(),
            asleep: self.asleep,
            stopping: self.stopping,
            closed: self.closed,
        }
    }
}

/// A queue of `T`s, filled by any thread and emptied by one that sleeps when there is nothing to
/// do: an event loop without the callbacks.
///
/// ```
/// use std::collections::VecDeque;
/// use wakeproof::inbox::Inbox;
/// use wakeproof::platform::ParkingLot;
///
/// let inbox = Inbox::<ParkingLot, &str>::new();
/// inbox.call_soon_threadsafe("hello").unwrap();
///
/// let mut batch = VecDeque::new();
/// inbox.first_batch(&mut batch, None);
/// assert_eq!(batch, ["hello"]);
/// ```
pub struct Inbox<P: Platform, T: Send + 'static> {
    /// In production, a type without a size: its methods are called directly.
    protocol: &'static P::Protocol<T>,
    state: P::Mutex<State<T>>,
    /// Only the loop's thread waits here, so that `notify_one` cannot reach anybody else.
    wakeup: P::Condvar,
}

/// The right to an inbox's [`State`].
pub type StateGuard<'a, P, T> = <P as Platform>::Guard<'a, State<T>>;

/// The steps of the protocol, each under the lock, in the order that is proved correct.
///
/// Every method has a body; [`Correct`] overrides none of them. A faulty protocol overrides the
/// one step that it gets wrong, so its source is the bug and nothing else.
pub trait Protocol<P: Platform, T: Send + 'static>: Debug + Sync {
    /// asyncio's `call_soon`: enqueues, and leaves the loop as it is.
    ///
    /// Right on the loop's own thread, which is awake. From any other thread, a lost wakeup.
    #[inline(always)]
    fn call_soon(&self, inbox: &Inbox<P, T>, item: T) -> Result<(), T> {
        let mut state = inbox.lock();
        let accepted = self.enqueue(&mut state, item);
        inbox.unlock(state);
        accepted
    }

    /// asyncio's `call_soon_threadsafe`: enqueues, and wakes the loop if it is asleep.
    #[inline(always)]
    fn call_soon_threadsafe(&self, inbox: &Inbox<P, T>, item: T) -> Result<(), T> {
        let mut state = inbox.lock();
        let accepted = self.enqueue(&mut state, item);
        self.wake(inbox, &mut state); // <- the one line that call_soon does not have
        inbox.unlock(state);
        accepted
    }

    /// Puts the item last, or gives it back if the inbox is closed.
    ///
    /// The check and the push are one step under the lock. If they were two, an item could be
    /// accepted after `close` had emptied the queue for the last time.
    fn enqueue(&self, state: &mut State<T>, item: T) -> Result<(), T> {
        if state.closed {
            state.step::<P>(Step::Refuse);
            return Err(item);
        }
        state.push::<P>(item);
        Ok(())
    }

    /// Notifies the loop if it is asleep, and only then.
    ///
    /// Called with the lock held, so the flag is the truth: the loop cannot be between setting it
    /// and waiting. This costs no second context switch either: parking_lot hands a waiter that is
    /// notified under the lock over to the mutex, and the unlock wakes it.
    fn wake(&self, inbox: &Inbox<P, T>, state: &mut State<T>) {
        if mem::take(&mut state.asleep) {
            state.step::<P>(Step::Notify);
            P::notify_one(&inbox.wakeup);
        }
    }

    /// Asks the loop to return after its current iteration, and wakes it to hear that.
    fn stop(&self, inbox: &Inbox<P, T>) {
        let mut state = inbox.lock();
        state.stopping = true;
        state.step::<P>(Step::Stop);
        self.wake(inbox, &mut state);
        inbox.unlock(state);
    }

    /// The loop's first batch of a run. A stop that was asked for before the run does not prevent
    /// the first iteration; it only keeps the loop from sleeping.
    fn first_batch(
        &self,
        inbox: &Inbox<P, T>,
        batch: &mut VecDeque<T>,
        deadline: Option<Duration>,
    ) {
        let state = inbox.lock();
        self.take(inbox, state, batch, deadline);
    }

    /// The loop's next batch, or the end of the run if somebody has asked for it.
    fn next_batch(
        &self,
        inbox: &Inbox<P, T>,
        batch: &mut VecDeque<T>,
        deadline: Option<Duration>,
    ) -> Next {
        let mut state = inbox.lock();
        if mem::take(&mut state.stopping) {
            state.step::<P>(Step::Stopped);
            inbox.unlock(state);
            return Next::Stop;
        }
        self.take(inbox, state, batch, deadline);
        Next::Iterate
    }

    /// Sleeps while there is nothing to do, then takes everything.
    ///
    /// A wait that timed out takes what is in the queue like any other: a callback may have come in
    /// while this thread was waiting for the mutex.
    fn take<'a>(
        &self,
        inbox: &'a Inbox<P, T>,
        state: StateGuard<'a, P, T>,
        batch: &mut VecDeque<T>,
        deadline: Option<Duration>,
    ) {
        let (mut state, _timed_out) = self.wait_for_work(inbox, state, deadline);
        mem::swap(&mut state.queue, batch);
        state.step::<P>(Step::Take);
        inbox.unlock(state);
    }

    /// Sleeps until there is something to do or the deadline passes. The `bool` is true if the
    /// deadline passed.
    ///
    /// `while`, not `if`: a condvar may wake its waiter for no reason at all.
    fn wait_for_work<'a>(
        &self,
        inbox: &'a Inbox<P, T>,
        mut state: StateGuard<'a, P, T>,
        deadline: Option<Duration>,
    ) -> (StateGuard<'a, P, T>, bool) {
        let mut timed_out = false;
        while state.has_nothing_to_do() && !timed_out {
            (state, timed_out) = self.sleep(inbox, state, deadline);
        }
        (state, timed_out)
    }

    /// Waits until somebody notifies, the deadline passes, or the condvar wakes spuriously. The
    /// `bool` is true if the deadline passed.
    ///
    /// The lock is held from the caller's look at the queue until the condvar releases it, and the
    /// condvar releases it and starts to wait in one step.
    fn sleep<'a>(
        &self,
        inbox: &'a Inbox<P, T>,
        mut state: StateGuard<'a, P, T>,
        deadline: Option<Duration>,
    ) -> (StateGuard<'a, P, T>, bool) {
        state.asleep = true;
        state.step::<P>(Step::Sleep);
        let (mut state, timed_out) = match deadline {
            None => (P::wait(&inbox.wakeup, state), false),
            Some(deadline) => P::wait_until(&inbox.wakeup, state, deadline),
        };
        state.asleep = false;
        state.step::<P>(Step::Wake);
        (state, timed_out)
    }

    /// Refuses everything from now on, and hands out what will never run.
    fn close(&self, inbox: &Inbox<P, T>) -> VecDeque<T> {
        let mut state = inbox.lock();
        state.closed = true;
        let abandoned = mem::take(&mut state.queue);
        state.step::<P>(Step::Close);
        inbox.unlock(state);
        abandoned
    }
}

/// The protocol as it is proved: every step as [`Protocol`] has it.
#[derive(Debug, Clone, Copy)]
pub struct Correct;

impl<P: Platform, T: Send + 'static> Protocol<P, T> for Correct {}

/// What the loop does after an iteration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Next {
    /// Run the batch that was taken.
    Iterate,
    /// Return: somebody called `stop`. Nothing was taken.
    Stop,
}

impl<P: Platform, T: Send + 'static> Inbox<P, T> {
    /// An inbox that is empty and open.
    #[must_use]
    pub fn new() -> Self {
        Inbox {
            protocol: P::protocol(),
            state: P::mutex(State {
                queue: VecDeque::new(),
                asleep: false,
                stopping: false,
                closed: false,
            }),
            wakeup: P::condvar(),
        }
    }

    /// See [`Protocol::call_soon`]; for the thread that empties the inbox.
    ///
    /// # Errors
    ///
    /// The item itself, if the inbox is closed.
    pub fn call_soon(&self, item: T) -> Result<(), T> {
        self.protocol.call_soon(self, item)
    }

    /// See [`Protocol::call_soon_threadsafe`]; for any thread.
    ///
    /// # Errors
    ///
    /// The item itself, if the inbox is closed.
    pub fn call_soon_threadsafe(&self, item: T) -> Result<(), T> {
        self.protocol.call_soon_threadsafe(self, item)
    }

    /// See [`Protocol::stop`]; for any thread.
    pub fn stop(&self) {
        self.protocol.stop(self);
    }

    /// See [`Protocol::first_batch`]; for the thread that empties the inbox. `batch` should be empty:
    /// it changes places with the queue, so that both keep their memory.
    pub fn first_batch(&self, batch: &mut VecDeque<T>, deadline: Option<Duration>) {
        self.protocol.first_batch(self, batch, deadline);
    }

    /// See [`Protocol::next_batch`]; for the thread that empties the inbox. `batch` should be empty:
    /// it changes places with the queue, so that both keep their memory.
    pub fn next_batch(&self, batch: &mut VecDeque<T>, deadline: Option<Duration>) -> Next {
        self.protocol.next_batch(self, batch, deadline)
    }

    /// See [`Protocol::close`]; for the thread that empties the inbox.
    #[must_use = "what was queued is in here, and it is for the caller to drop it"]
    pub fn close(&self) -> VecDeque<T> {
        self.protocol.close(self)
    }

    /// What the inbox holds at this moment, without waking anybody.
    #[must_use]
    pub fn status(&self) -> Status {
        P::lock(&self.state).status()
    }

    /// See [`Protocol::sleep`]; for the thread that empties the inbox.
    pub fn sleep<'a>(
        &'a self,
        state: StateGuard<'a, P, T>,
        deadline: Option<Duration>,
    ) -> (StateGuard<'a, P, T>, bool) {
        self.protocol.sleep(self, state, deadline)
    }

    /// Takes the lock: step [`Step::Lock`].
    #[inline]
    #[track_caller]
    pub fn lock(&self) -> StateGuard<'_, P, T> {
        let state = P::lock(&self.state);
        state.step::<P>(Step::Lock);
        state
    }

    /// Gives the lock back: step [`Step::Unlock`].
    #[inline]
    #[track_caller]
    pub fn unlock(&self, state: StateGuard<'_, P, T>) {
        state.step::<P>(Step::Unlock);
        drop(state);
    }
}

impl<P: Platform, T: Send + 'static> Default for Inbox<P, T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P: Platform, T: Send + 'static> fmt::Debug for Inbox<P, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbox").finish_non_exhaustive()
    }
}
