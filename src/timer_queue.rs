//! The timers that a loop has taken in, by deadline.

use std::cmp::Ordering;
use std::mem;

use std::sync::atomic::{AtomicBool, AtomicIsize, Ordering as Memory};
use std::time::Duration;

use dary_heap::QuaternaryHeap;
use slab::Slab;

use crate::call::ScheduledCall;

/// An iteration takes this many timers from the heap one by one, whatever their share.
const FEW: usize = 64;

/// Once an iteration has taken one timer in `SHARE` from the heap, it sorts the others that are due.
const SHARE: usize = 16;

/// At most this many cancelled timers are left where they are, whatever their share.
const TOLERATED: usize = 100;

/// The timers of a loop, on its thread.
#[derive(Default)]
pub(crate) struct TimerQueue {
    heap: QuaternaryHeap<QueuedTimer>,
    /// Timers that are due before all in the heap, the first of them at the end. Empty between
    /// iterations.
    due: Vec<QueuedTimer>,
    /// How many timers this iteration has taken from the heap.
    taken: usize,
    /// The calls themselves: what moves about in the heap is small.
    calls: Slab<ScheduledCall>,
    /// How many timers have come in: the next one's number.
    arrived: u64,
}

/// A timer's place in the order, and its call's key.
struct QueuedTimer {
    when: Duration,
    /// Timers arrive in the order in which they were set; that decides between equal deadlines.
    number: u64,
    key: usize,
}

impl TimerQueue {
    pub(crate) fn insert(&mut self, when: Duration, timer: ScheduledCall) {
        let number = self.arrived;
        self.arrived += 1;
        let key = self.calls.insert(timer);
        self.heap.push(QueuedTimer { when, number, key });
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.heap.is_empty() && self.due.is_empty()
    }

    /// Takes out the first timer if its deadline has come. `None` ends an iteration.
    ///
    /// To sort many timers is faster than to take them from the heap one by one. But to find those that are
    /// due means to look at all, which pays only after many have run.
    pub(crate) fn take_due(&mut self, now: Duration) -> Option<ScheduledCall> {
        if self.due.is_empty() {
            if self.heap.peek().is_none_or(|first| first.when > now) {
                self.taken = 0;
                return None;
            }
            if self.taken < FEW.max(self.heap.len() / SHARE) {
                self.taken += 1;
            } else {
                self.sort_due(now);
            }
        }
        self.take_first()
    }

    /// Moves all timers that are due out of the heap.
    fn sort_due(&mut self, now: Duration) {
        let (due, later) = mem::take(&mut self.heap)
            .into_iter()
            .partition(|timer| timer.when <= now);
        self.due = due;
        self.due.sort_unstable();
        self.heap = Vec::into(later);
    }

    /// Takes out the first timer, whatever its deadline.
    pub(crate) fn take_first(&mut self) -> Option<ScheduledCall> {
        let first = self.due.pop().or_else(|| self.heap.pop());
        first.map(|first| self.calls.remove(first.key))
    }

    /// Clears up what was cancelled, and returns the deadline until which the loop may sleep.
    pub(crate) fn next_deadline(&mut self, cancelled: &CancelledTimers) -> Option<Duration> {
        if self.heap.is_empty() {
            return None;
        }
        if cancelled.number() > threshold(self.heap.len()) {
            let before = self.heap.len();
            self.calls.retain(|_, call| !call.is_taken());
            self.heap.retain(|timer| self.calls.contains(timer.key));
            cancelled.discarded(before - self.heap.len());
            self.heap.shrink_to_fit();
            self.calls.shrink_to_fit();
        }
        // A timer is somewhere in memory: if none is cancelled, this looks at none.
        while cancelled.number() > 0 && self.calls[self.heap.peek()?.key].is_taken() {
            self.take_first();
            cancelled.discarded(1);
        }
        cancelled.tolerate(threshold(self.heap.len()));
        Some(self.heap.peek()?.when)
    }
}

/// How many cancelled timers to tolerate among `timers`: half of them, as asyncio does, but at least
/// [`TOLERATED`].
fn threshold(timers: usize) -> isize {
    (timers / 2).max(TOLERATED).cast_signed()
}

/// The heap's greatest is the timer that is due first.
impl Ord for QueuedTimer {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.when, other.number).cmp(&(self.when, self.number))
    }
}

impl PartialOrd for QueuedTimer {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for QueuedTimer {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for QueuedTimer {}

/// How many cancelled timers are still among a loop's timers. Every cancel adds to it, and takes that
/// back if it was too late.
///
/// What is read here may be out of date. Only memory depends on it: a cancelled timer does not run,
/// wherever it is.
#[derive(Debug)]
pub(crate) struct CancelledTimers {
    /// Signed, because the loop may discard a timer before it is counted, as far as memory is concerned.
    number: AtomicIsize,
    /// How many the loop tolerates, as of its last look.
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

    /// Counts a timer that is about to be cancelled.
    pub(crate) fn add(&self) {
        self.number.fetch_add(1, Memory::Relaxed);
    }

    /// Whether the loop has to clear up.
    pub(crate) fn are_too_many(&self) -> bool {
        self.number() > self.tolerated.load(Memory::Relaxed)
    }

    /// Counts cancelled timers that are gone.
    pub(crate) fn discarded(&self, timers: usize) {
        self.number.fetch_sub(timers.cast_signed(), Memory::Relaxed);
    }

    /// Whether the caller is the first to request that the loop clears up, and has to tell it.
    pub(crate) fn request(&self) -> bool {
        !self.requested.swap(true, Memory::Relaxed)
    }

    /// The request has arrived.
    pub(crate) fn heard(&self) {
        self.requested.store(false, Memory::Relaxed);
    }

    fn number(&self) -> isize {
        self.number.load(Memory::Relaxed)
    }

    fn tolerate(&self, number: isize) {
        self.tolerated.store(number, Memory::Relaxed);
    }
}
