//! Faults of a loop with timers: each overrides how it goes to sleep, and only that.

use std::time::Duration;

use wakeproof::inbox::{Correct, Inbox, Protocol, StateGuard};
use wakeproof::platform::Platform;

use crate::models::TimerSteps;

/// The step as it should be.
#[derive(Debug)]
pub struct CorrectTimers;

impl TimerSteps for CorrectTimers {}

/// Works out how long to sleep, lets go of the lock, and believes it still.
#[derive(Debug)]
pub struct StaleDeadline;

impl TimerSteps for StaleDeadline {
    fn sleep<P: Platform>(timers: &Inbox<P, Duration>) {
        let state = timers.lock();
        let nearest = state.queue.iter().min().copied();
        timers.unlock(state);
        let state = timers.lock();
        let (state, _) = P::Protocol::sleep(timers, state, nearest);
        timers.unlock(state);
    }
}

/// Takes the deadline for a delay: sleeps too long by as much as the clock shows already.
#[derive(Debug)]
pub struct DeadlineTakenForDelay;

impl Protocol for DeadlineTakenForDelay {
    fn sleep<'a, P: Platform, T: Send>(
        inbox: &'a Inbox<P, T>,
        state: StateGuard<'a, P, T>,
        deadline: Option<Duration>,
    ) -> (StateGuard<'a, P, T>, bool) {
        let deadline = deadline.map(|delay| P::now().saturating_add(delay));
        Correct::sleep(inbox, state, deadline)
    }
}
