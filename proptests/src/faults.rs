//! Wrong references, which the tests must refute.
//!
//! `wakeproof_faults` has the faults of the protocol. For behaviour outside the protocol, such as the order
//! of timers, the fault is in the reference instead: one of its [`Rules`] is wrong, and comparing it
//! with the correct loop must show that.

use std::time::Duration;

use wakeproof_faults::FaultChoice;

use crate::concurrent::execution::this_thread;
use crate::record::OWNER;
use crate::reference::Rules;

/// Breaks *every execution ends*, where a thread waits for the end of a task: notifications from the
/// loop's thread get lost.
#[must_use]
pub fn loop_notifies_nobody() -> FaultChoice {
    FaultChoice {
        is_lost: Some(|| this_thread() == OWNER),
        ..FaultChoice::CORRECT
    }
}

/// A wrong rule: timers run in the order they were set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct InOrderOfSubmission;

impl Rules for InOrderOfSubmission {
    fn place(_deadline: Duration, number: usize) -> (Duration, usize) {
        (Duration::ZERO, number)
    }
}

/// A wrong rule: among timers with equal deadlines, the one set last runs first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct LastOfEqualsFirst;

impl Rules for LastOfEqualsFirst {
    fn place(deadline: Duration, number: usize) -> (Duration, usize) {
        (deadline, usize::MAX - number)
    }
}

/// A wrong rule: a timer may run one nanosecond before its deadline.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct DueEarly;

impl Rules for DueEarly {
    fn is_due(deadline: Duration, now: Duration) -> bool {
        deadline <= now + Duration::from_nanos(1)
    }
}

/// A wrong rule: a timer that becomes due while others run joins the same iteration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct DueTimersJoin;

impl Rules for DueTimersJoin {
    fn timers_join() -> bool {
        true
    }
}

/// A wrong rule: a task is polled once for each time it is woken.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct EveryWakeupCounts;

impl Rules for EveryWakeupCounts {
    fn wakeups_are_one() -> bool {
        false
    }
}

/// A wrong rule: waking a task while it is being polled has no effect.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct PollsForgetWakeups;

impl Rules for PollsForgetWakeups {
    fn wakeups_count_in_a_poll() -> bool {
        false
    }
}

/// A wrong rule: once its time is up, a future has timed out, even if it is ready.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct ReadyIsTooLate;

impl Rules for ReadyIsTooLate {
    fn ready_is_in_time() -> bool {
        false
    }
}

/// A wrong rule: when its future completes, a run leaves the rest of the iteration for the next run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct CompletionCutsShort;

impl Rules for CompletionCutsShort {
    fn iterations_end() -> bool {
        false
    }
}

/// A wrong rule: an event releases the task that began to wait last before the others.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct LastWaiterFirst;

impl Rules for LastWaiterFirst {
    fn order_released(released: &mut [usize]) {
        released.reverse();
    }
}

/// A wrong rule: a task that an event has released goes on waiting if the event is cleared first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct ClearTakesBack;

impl Rules for ClearTakesBack {
    fn released_stay_released() -> bool {
        false
    }
}
