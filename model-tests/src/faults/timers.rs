//! A fault of a loop with timers. It overrides how the loop goes to sleep.

use std::time::Duration;

use wakeproof::inbox::Inbox;
use wakeproof::platform::Platform;

use wakeproof_explore::journal::look;

use crate::models::{TimerSteps, works_out};

/// Computes how long to sleep, releases the lock, and then uses the result.
#[derive(Debug)]
pub struct StaleDeadline;

impl TimerSteps for StaleDeadline {
    fn sleep<P: Platform>(timers: &Inbox<P, Duration>) {
        let state = timers.lock();
        let nearest = state.queue.iter().min().copied();
        look::<P>(works_out(nearest));
        timers.unlock(state);
        let state = timers.lock();
        let (state, _) = timers.sleep(state, nearest);
        timers.unlock(state);
    }
}
