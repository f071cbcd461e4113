//! Faults of the code around the loop, that sets its events, cancels its timers, and polls and wakes
//! its tasks: each overrides the one step that it gets wrong.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use wakeproof::platform::Platform;
use wakeproof::{EventHandle, Sleep, TimerHandle, hazard};

use crate::models::{CancelTimer, PollSleep, SetEvent, WakerHolds};

/// Sets the event where it is, which is on another thread than the loop's, and wakes nobody.
#[derive(Debug)]
pub struct SetWithoutWakeup;

impl SetEvent for SetWithoutWakeup {
    fn set<P: Platform>(event: &EventHandle<P>) {
        hazard::set_event_without_wakeup(event).expect("it is open");
    }
}

/// Looks whether the timer has run, and believes it still when it cancels.
#[derive(Debug)]
pub struct LookThenCancel;

impl CancelTimer for LookThenCancel {
    fn cancel(timer: &TimerHandle) -> bool {
        let has_run = timer.is_done();
        timer.cancel();
        !has_run
    }
}

/// Takes any wakeup for the one of its timer.
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

/// The waker keeps the future alive, and drops it wherever it is dropped itself.
#[derive(Debug)]
pub struct WakerHoldsFuture;

impl WakerHolds for WakerHoldsFuture {
    fn part_of<T>(future: &Arc<T>) -> Option<Arc<T>> {
        Some(future.clone())
    }
}
