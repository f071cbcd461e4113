//! The timers that a loop has taken in, by deadline.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::sync::atomic::{AtomicBool, AtomicIsize, Ordering as Memory};
use std::time::Duration;

use crate::call::{Call, Scheduled};

/// Fewer cancelled timers than this are not worth clearing up before their time, whatever their
/// share.
const TOLERATED: usize = 100;

/// The timers of a loop, on its thread.
#[derive(Default)]
pub(crate) struct TimerQueue {
    heap: BinaryHeap<ScheduledTimer>,
    /// How many timers have come in: the next one's number.
    arrived: u64,
}

/// A timer and its place in the order.
pub(crate) struct ScheduledTimer {
    when: Duration,
    /// Timers arrive in the order in which they were set; that decides between equal deadlines.
    number: u64,
    timer: Scheduled,
}

impl TimerQueue {
    pub(crate) fn insert(&mut self, when: Duration, timer: Scheduled) {
        let number = self.arrived;
        self.arrived += 1;
        self.heap.push(ScheduledTimer {
            when,
            number,
            timer,
        });
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }

    /// Takes out the first timer if its deadline has come.
    pub(crate) fn take_due(&mut self, now: Duration) -> Option<ScheduledTimer> {
        let first = self.heap.peek()?;
        if first.when <= now {
            self.heap.pop()
        } else {
            None
        }
    }

    /// Takes out the first timer, whatever its deadline.
    pub(crate) fn take_first(&mut self) -> Option<ScheduledTimer> {
        self.heap.pop()
    }

    /// The deadline that the loop may sleep until, after clearing up what was cancelled.
    pub(crate) fn next_deadline(&mut self, cancelled: &CancelledTimers) -> Option<Duration> {
        if self.heap.is_empty() {
            return None;
        }
        if cancelled.number() > threshold(self.heap.len()) {
            let before = self.heap.len();
            self.heap.retain(|timer| !timer.call().is_cancelled());
            cancelled.discarded(before - self.heap.len());
            self.heap.shrink_to(2 * self.heap.len().max(TOLERATED));
        }
        // Without a cancelled timer there is none to look for, which spares a lock.
        while cancelled.number() > 0 && self.heap.peek()?.call().is_cancelled() {
            self.heap.pop();
            cancelled.discarded(1);
        }
        cancelled.request_above(threshold(self.heap.len()));
        Some(self.heap.peek()?.when)
    }
}

/// How many of so many timers may be cancelled: as in asyncio, half, and a hundred in any case.
fn threshold(timers: usize) -> isize {
    (timers / 2).max(TOLERATED).cast_signed()
}

impl ScheduledTimer {
    pub(crate) fn call(&self) -> &dyn Call {
        &*self.timer
    }
}

/// The heap's greatest is what is due first.
impl Ord for ScheduledTimer {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.when, other.number).cmp(&(self.when, self.number))
    }
}

impl PartialOrd for ScheduledTimer {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for ScheduledTimer {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for ScheduledTimer {}

/// How many timers are cancelled and still in the way, counted by whoever cancels.
///
/// What is read here may be out of date. Nothing but memory depends on it: a cancelled timer does
/// not run, wherever it is.
#[derive(Debug)]
pub(crate) struct CancelledTimers {
    /// Signed, because the loop may discard a timer before its canceller has counted it.
    number: AtomicIsize,
    /// What is too many, as the loop has seen it last.
    tolerated: AtomicIsize,
    /// A request to clear up is on its way.
    requested: AtomicBool,
}

impl CancelledTimers {
    pub(crate) fn new() -> Self {
        CancelledTimers {
            number: AtomicIsize::new(0),
            tolerated: AtomicIsize::new(threshold(0)),
            requested: AtomicBool::new(false),
        }
    }

    pub(crate) fn cancelled_by_the_loop(&self) {
        self.number.fetch_add(1, Memory::Relaxed);
    }

    /// Counts a timer cancelled on any thread. True if the loop should hear that there are too many.
    pub(crate) fn cancelled_anywhere(&self) -> bool {
        let number = self.number.fetch_add(1, Memory::Relaxed) + 1;
        number > self.tolerated.load(Memory::Relaxed) && !self.requested.swap(true, Memory::Relaxed)
    }

    /// So many cancelled timers are gone.
    pub(crate) fn discarded(&self, timers: usize) {
        self.number.fetch_sub(timers.cast_signed(), Memory::Relaxed);
    }

    /// The request has arrived.
    pub(crate) fn heard(&self) {
        self.requested.store(false, Memory::Relaxed);
    }

    fn number(&self) -> isize {
        self.number.load(Memory::Relaxed)
    }

    fn request_above(&self, tolerated: isize) {
        self.tolerated.store(tolerated, Memory::Relaxed);
    }
}
