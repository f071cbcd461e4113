//! The part of a loop that every thread may touch.

use std::any::Any;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::entry::{Entry, Queued};
use crate::inbox::Inbox;
use crate::platform::Platform;
use crate::report::{CallbackPanic, Origin, discard, print};
use crate::timer_queue::CancelledTimers;

/// The part of a loop that every thread may touch.
pub(crate) struct Shared<P: Platform> {
    pub(crate) inbox: Inbox<P, Queued>,
    /// The thread that made the loop, and runs it.
    pub(crate) thread: Thread<P>,
    /// For information; the protocol does not depend on it.
    running: AtomicBool,
    debug: AtomicBool,
    /// `close` has dropped everything: nothing waits for the loop any more.
    emptied: AtomicBool,
    pub(crate) cancelled_timers: CancelledTimers,
    /// How many tasks have been spawned: the next one's number.
    spawned: AtomicU64,
}

impl<P: Platform> Shared<P> {
    pub(crate) fn new() -> Self {
        Shared {
            inbox: Inbox::new(),
            thread: Thread::current(),
            running: AtomicBool::new(false),
            debug: AtomicBool::new(false),
            emptied: AtomicBool::new(false),
            cancelled_timers: CancelledTimers::new(),
            spawned: AtomicU64::new(0),
        }
    }

    /// See [`Protocol::call_soon`](crate::inbox::Protocol::call_soon).
    #[inline(always)]
    pub(crate) fn call_soon(&self, entry: Entry) -> Result<(), Entry> {
        let accepted = self.inbox.call_soon(Queued::new(entry));
        accepted.map_err(Queued::into_inner)
    }

    /// See [`Protocol::call_soon_threadsafe`](crate::inbox::Protocol::call_soon_threadsafe).
    #[inline(always)]
    pub(crate) fn call_soon_threadsafe(&self, entry: Entry) -> Result<(), Entry> {
        let accepted = self.inbox.call_soon_threadsafe(Queued::new(entry));
        accepted.map_err(Queued::into_inner)
    }

    pub(crate) fn is_running(&self) -> bool {
        self.running.load(Ordering::Relaxed)
    }

    pub(crate) fn set_running(&self, running: bool) {
        self.running.store(running, Ordering::Relaxed);
    }

    pub(crate) fn is_debug(&self) -> bool {
        self.debug.load(Ordering::Relaxed)
    }

    pub(crate) fn set_debug(&self, debug: bool) {
        self.debug.store(debug, Ordering::Relaxed);
    }

    pub(crate) fn set_emptied(&self) {
        self.emptied.store(true, Ordering::Relaxed);
    }

    /// Whether it is the calling thread that the loop needs to get on: if this thread waits for the
    /// loop, it waits for ever. Only this thread can change the answer.
    pub(crate) fn needs_this_thread(&self) -> bool {
        self.thread.id == P::current_thread() && !self.emptied.load(Ordering::Relaxed)
    }

    /// A number that no task has had. A task gets it when it is spawned, on whatever thread, not when
    /// it arrives: the numbers tell the order in which tasks were spawned.
    pub(crate) fn number(&self) -> u64 {
        self.spawned.fetch_add(1, Ordering::Relaxed)
    }

    /// Sends a panic to the loop's exception handler. A closed loop has none; then it is printed.
    pub(crate) fn report(&self, origin: Origin, payload: Box<dyn Any + Send>) {
        let entry = Entry::Report(Box::new(CallbackPanic { origin, payload }));
        if let Err(Entry::Report(panic)) = self.call_soon_threadsafe(entry) {
            print(&panic);
            discard(panic.payload);
        }
    }
}

impl<P: Platform> fmt::Debug for Shared<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("thread", &format_args!("{}", self.thread))
            .field("running", &self.is_running())
            .field("debug", &self.is_debug())
            .finish_non_exhaustive()
    }
}

/// A thread, for messages.
pub(crate) struct Thread<P: Platform> {
    pub(crate) id: P::ThreadId,
    name: Option<String>,
}

impl<P: Platform> Thread<P> {
    pub(crate) fn current() -> Self {
        Thread {
            id: P::current_thread(),
            name: P::thread_name(),
        }
    }
}

impl<P: Platform> fmt::Display for Thread<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "thread {name:?} ({:?})", self.id),
            None => write!(f, "an unnamed thread ({:?})", self.id),
        }
    }
}
