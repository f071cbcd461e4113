//! Faults of code that sets events, cancels timers, and polls and wakes tasks. Each overrides the one step
//! that it gets wrong.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use wakeproof::platform::Platform;
use wakeproof::{EventHandle, Sleep, TimerHandle, hazard};

use crate::models::{CancelTimer, PollSleep, SetEvent, WakerHolds};

/// Sets the event on the calling thread, which is not the loop's, and wakes nobody.
#[derive(Debug)]
pub struct SetWithoutWakeup;

impl SetEvent for SetWithoutWakeup {
    fn set<P: Platform>(event: &EventHandle<P>) {
        hazard::set_event_without_wakeup(event).expect("the loop is open");
    }
}

/// Reads whether the timer has run, then cancels it, and returns what it read before.
#[derive(Debug)]
pub struct LookThenCancel;

impl CancelTimer for LookThenCancel {
    fn cancel(timer: &TimerHandle) -> bool {
        let has_run = timer.is_done();
        timer.cancel();
        !has_run
    }
}

/// Takes any wakeup to mean that its timer has run.
#[derive(Debug)]
pub struct AnyWakeupWillDo;

impl PollSleep for AnyWakeupWillDo {
    fn poll<P: Platform>(
        sleep: Pin<&mut Sleep<P>>,
        nth: usize,
        context: &mut Context<'_>,
    ) -> Poll<()> {
        let is_over = sleep.poll(context).is_ready();
        if is_over || nth > 0 {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

/// The waker owns the future, and drops it on the thread on which it is dropped itself.
#[derive(Debug)]
pub struct WakerHoldsFuture;

impl WakerHolds for WakerHoldsFuture {
    fn part_of<T>(future: &Arc<T>) -> Option<Arc<T>> {
        Some(future.clone())
    }
}
