//! Faults of a loop with timers: each overrides one of its two steps.

use std::time::Duration;

use wakeproof::inbox::{Inbox, Protocol};
use wakeproof::platform::Platform;

use crate::models::TimerSteps;

/// The steps as they should be.
#[derive(Debug)]
pub struct CorrectTimers;

impl TimerSteps for CorrectTimers {}

/// Sets a timer and leaves the loop asleep until a later one.
#[derive(Debug)]
pub struct SilentTimer;

impl TimerSteps for SilentTimer {
    fn call_later<P: Platform>(timers: &Inbox<P, Duration>, due: Duration) {
        timers.call_soon(due).expect("it is open");
    }
}

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
