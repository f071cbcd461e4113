//! Wrong references, to see the tests fail.
//!
//! Faults of the protocol are in `wakeproof_faults`. What the protocol has no part in cannot be faulty
//! there. Here the reference is wrong, in one of its [`Rules`], and the loop has to refute it.

use std::time::Duration;

use wakeproof_faults::{Chosen, InboxFault};

use crate::concurrent::execution::this_thread;
use crate::record::OWNER;
use crate::reference::Rules;

/// Against *every execution ends*, where a thread waits for the end of a task: the loop's thread
/// notifies nobody.
#[must_use]
pub fn loop_notifies_nobody() -> Chosen {
    Chosen {
        inbox: None::<InboxFault>,
        is_lost: Some(|| this_thread() == OWNER),
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
