//! Faults of a loop with timers: each overrides how it goes to sleep, and only that.

use std::time::Duration;

use wakeproof::inbox::Inbox;
use wakeproof::platform::Platform;

use crate::models::TimerSteps;

/// Works out how long to sleep, lets go of the lock, and believes it still.
#[derive(Debug)]
pub struct StaleDeadline;

impl TimerSteps for StaleDeadline {
    fn sleep<P: Platform>(timers: &Inbox<P, Duration>) {
        let state = timers.lock();
        let nearest = state.queue.iter().min().copied();
        timers.unlock(state);
        let state = timers.lock();
        let (state, _) = timers.sleep(state, nearest);
        timers.unlock(state);
    }
}
