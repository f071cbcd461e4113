//! Faults, to see the tests fail.
//!
//! Each one overrides a single step of the protocol, or of the platform. Those for the properties come
//! first. The properties that are not the protocol's have none: histories are falsified instead, in
//! `tests/faults.rs`. Then come those that only several threads can see.
//!
//! What the protocol has no part in cannot be faulty here. There it is the reference that is wrong,
//! in one of its [`Rules`], and the loop that has to refute it: they come last.

use std::collections::VecDeque;
use std::mem;
use std::time::Duration;

use wakeproof::inbox::{Correct, Inbox, Next, Protocol, State, StateGuard};
use wakeproof::platform::{Platform, Shuttle};

use crate::concurrent::execution::this_thread;
use crate::lossy::{Lossy, Lost};
use crate::record::OWNER;
use crate::reference::Rules;

/// Against *exactly once*: an iteration loses the last of several callbacks.
#[derive(Debug)]
pub struct LosesTheLast;

impl Protocol for LosesTheLast {
    fn take<'a, P: Platform, T: Send>(
        inbox: &'a Inbox<P, T>,
        state: StateGuard<'a, P, T>,
        batch: &mut VecDeque<T>,
        deadline: Option<Duration>,
    ) {
        Correct::take(inbox, state, batch, deadline);
        if batch.len() > 1 {
            batch.pop_back();
        }
    }
}

/// Against *first in, first out*: the newest callback is put first.
#[derive(Debug)]
pub struct LastInFirstOut;

impl Protocol for LastInFirstOut {
    fn enqueue<P: Platform, T: Send>(state: &mut State<T>, item: T) -> Result<(), T> {
        if state.closed {
            return Err(item);
        }
        state.queue.push_front(item);
        Ok(())
    }
}

/// Against *iteration snapshot*: the loop finishes what there is before it honours a stop.
#[derive(Debug)]
pub struct StopsWhenEmpty;

impl Protocol for StopsWhenEmpty {
    fn next_batch<P: Platform, T: Send>(
        inbox: &Inbox<P, T>,
        batch: &mut VecDeque<T>,
        deadline: Option<Duration>,
    ) -> Next {
        let mut state = inbox.lock();
        if state.queue.is_empty() && mem::take(&mut state.stopping) {
            inbox.unlock(state);
            return Next::Stop;
        }
        Self::take(inbox, state, batch, deadline);
        Next::Iterate
    }
}

/// Against *stop*: a stop ends every run from then on.
#[derive(Debug)]
pub struct StaysStopped;

impl Protocol for StaysStopped {
    fn next_batch<P: Platform, T: Send>(
        inbox: &Inbox<P, T>,
        batch: &mut VecDeque<T>,
        deadline: Option<Duration>,
    ) -> Next {
        let state = inbox.lock();
        if state.stopping {
            inbox.unlock(state);
            return Next::Stop;
        }
        Self::take(inbox, state, batch, deadline);
        Next::Iterate
    }
}

/// Against *close*: a closed inbox goes on accepting.
#[derive(Debug)]
pub struct AcceptsWhenClosed;

impl Protocol for AcceptsWhenClosed {
    fn enqueue<P: Platform, T: Send>(state: &mut State<T>, item: T) -> Result<(), T> {
        state.queue.push_back(item);
        Ok(())
    }
}

/// Against *destructors*: what is queued when the loop is closed stays where it is.
#[derive(Debug)]
pub struct ClosesWithoutEmptying;

impl Protocol for ClosesWithoutEmptying {
    fn close<P: Platform, T: Send>(inbox: &Inbox<P, T>) -> VecDeque<T> {
        let mut state = inbox.lock();
        state.closed = true;
        inbox.unlock(state);
        VecDeque::new()
    }
}

/// Against *sleep*: the loop sleeps a little longer than until the deadline.
#[derive(Debug)]
pub struct Oversleeps;

impl Protocol for Oversleeps {
    fn sleep<'a, P: Platform, T: Send>(
        inbox: &'a Inbox<P, T>,
        state: StateGuard<'a, P, T>,
        deadline: Option<Duration>,
    ) -> (StateGuard<'a, P, T>, bool) {
        let later = deadline.map(|deadline| deadline.saturating_add(Duration::from_millis(1)));
        Correct::sleep(inbox, state, later)
    }
}

/// Against *every execution ends*: the call that should wake the loop does not.
#[derive(Debug)]
pub struct WakesNobody;

impl Protocol for WakesNobody {
    fn call_soon_threadsafe<P: Platform, T: Send>(inbox: &Inbox<P, T>, item: T) -> Result<(), T> {
        Self::call_soon(inbox, item)
    }
}

/// Against *every execution ends*: a stop wakes nobody.
#[derive(Debug)]
pub struct StopsSilently;

impl Protocol for StopsSilently {
    fn stop<P: Platform, T: Send>(inbox: &Inbox<P, T>) {
        let mut state = inbox.lock();
        state.stopping = true;
        inbox.unlock(state);
    }
}

/// Against *every execution ends*: the loop looks at its queue, lets the lock go, and then sleeps.
#[derive(Debug)]
pub struct LooksTooEarly;

impl Protocol for LooksTooEarly {
    fn sleep<'a, P: Platform, T: Send>(
        inbox: &'a Inbox<P, T>,
        state: StateGuard<'a, P, T>,
        deadline: Option<Duration>,
    ) -> (StateGuard<'a, P, T>, bool) {
        inbox.unlock(state);
        let state = inbox.lock();
        Correct::sleep(inbox, state, deadline)
    }
}

/// Against *linearizable*: a loop that is woken for no reason believes that there is one. It then
/// honours a stop that comes next without running what came before the stop.
#[derive(Debug)]
pub struct BelievesEveryWakeup;

impl Protocol for BelievesEveryWakeup {
    fn take<'a, P: Platform, T: Send>(
        inbox: &'a Inbox<P, T>,
        mut state: StateGuard<'a, P, T>,
        batch: &mut VecDeque<T>,
        deadline: Option<Duration>,
    ) {
        if state.queue.is_empty() && !state.stopping {
            (state, _) = Self::sleep(inbox, state, deadline);
        }
        mem::swap(&mut state.queue, batch);
        inbox.unlock(state);
    }
}

/// Against *every execution ends*, where a thread waits for the end of a task: a platform, a variant of
/// `Shuttle`, on which the loop's thread notifies nobody.
pub type LoopNotifiesNobody = Lossy<Shuttle, LoopsNotifications>;

/// Those of the loop's thread.
#[derive(Debug)]
pub struct LoopsNotifications;

impl Lost for LoopsNotifications {
    fn is_lost() -> bool {
        this_thread() == OWNER
    }
}

/// A wrong rule: timers run in the order in which they were set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct InOrderOfSubmission;

impl Rules for InOrderOfSubmission {
    fn place(_deadline: Duration, number: usize) -> (Duration, usize) {
        (Duration::ZERO, number)
    }
}

/// A wrong rule: of timers with equal deadlines, the one that was set last runs first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct LastOfEqualsFirst;

impl Rules for LastOfEqualsFirst {
    fn place(deadline: Duration, number: usize) -> (Duration, usize) {
        (deadline, usize::MAX - number)
    }
}

/// A wrong rule: a timer whose deadline is near may run with one that is due.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct DueEarly;

impl Rules for DueEarly {
    fn is_due(deadline: Duration, now: Duration) -> bool {
        deadline <= now + Duration::from_millis(1)
    }
}

/// A wrong rule: a timer that becomes due while others run is not left for the next iteration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct DueTimersJoin;

impl Rules for DueTimersJoin {
    fn timers_join() -> bool {
        true
    }
}

/// A wrong rule: a task is polled as many times as it is woken.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct EveryWakeupCounts;

impl Rules for EveryWakeupCounts {
    fn wakeups_are_one() -> bool {
        false
    }
}

/// A wrong rule: whoever wakes a task while it is polled has come too early.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct PollsForgetWakeups;

impl Rules for PollsForgetWakeups {
    fn wakeups_count_in_a_poll() -> bool {
        false
    }
}

/// A wrong rule: whose time has come is too late, be it ready or not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct ReadyIsTooLate;

impl Rules for ReadyIsTooLate {
    fn ready_is_in_time() -> bool {
        false
    }
}

/// A wrong rule: a run whose future completes leaves the rest of the iteration for the next run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct CompletionCutsShort;

impl Rules for CompletionCutsShort {
    fn iterations_end() -> bool {
        false
    }
}

/// A wrong rule: who has waited for an event for the shortest time goes on first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct LastWaiterFirst;

impl Rules for LastWaiterFirst {
    fn order_released(released: &mut [usize]) {
        released.reverse();
    }
}

/// A wrong rule: who has been released by an event, and finds it cleared, waits on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct ClearTakesBack;

impl Rules for ClearTakesBack {
    fn released_stay_released() -> bool {
        false
    }
}
