//! A scheduled callback: run once, or cancelled.

use std::cell::{Cell, RefCell};
use std::mem;
use std::ops::Deref;
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::platform::Platform;

/// What the loop and the handles know of a callback, whatever its type.
pub(crate) trait Call {
    /// Calls the callback, unless it was cancelled, which is when this is false.
    fn run(&self) -> bool;
    fn cancel(&self) -> bool;
    fn is_cancelled(&self) -> bool;
    fn is_done(&self) -> bool;
    fn scheduled_at(&self) -> &'static Location<'static>;
    /// The deadline, of a timer.
    fn when(&self) -> Option<Duration>;
}

/// A call as the loop's thread holds it.
pub(crate) enum ScheduledCall {
    Shared(Arc<dyn Call + Send + Sync>),
    Local(Rc<dyn Call>),
}

impl Deref for ScheduledCall {
    type Target = dyn Call;

    fn deref(&self) -> &Self::Target {
        match self {
            ScheduledCall::Shared(call) => &**call,
            ScheduledCall::Local(call) => &**call,
        }
    }
}

/// When a call is to run: as soon as it arrives, or at a deadline.
pub(crate) trait Due {
    fn when(&self) -> Option<Duration> {
        None
    }

    /// The call was cancelled in time; its callback is about to be dropped.
    fn cancelled(&self) {}

    /// The loop has come to a call that was cancelled.
    fn discarded(&self) {}
}

/// As soon as it arrives.
pub(crate) struct Soon;

impl Due for Soon {}

const REFUSED: &str = "a refused call has been neither run nor cancelled";

/// Where the callback is. It leaves [`Scheduled`](Slot::Scheduled) once, by whoever gets there
/// first: the loop to run it, or `cancel` to drop it.
enum Slot<F> {
    Scheduled(F),
    Cancelled,
    Started,
}

impl<F> Slot<F> {
    /// Takes the callback out, if it is still there, and leaves `instead`.
    fn take(&mut self, instead: Slot<F>) -> Option<F> {
        match self {
            Slot::Scheduled(_) => match mem::replace(self, instead) {
                Slot::Scheduled(callback) => Some(callback),
                Slot::Cancelled | Slot::Started => None,
            },
            Slot::Cancelled | Slot::Started => None,
        }
    }

    fn is_cancelled(&self) -> bool {
        matches!(self, Slot::Cancelled)
    }
}

/// A callback that any thread may cancel. Together with the callback itself, one allocation.
pub(crate) struct SharedCall<P: Platform, F: Send + 'static, D = Soon> {
    slot: P::Mutex<Slot<F>>,
    done: AtomicBool,
    scheduled_at: &'static Location<'static>,
    due: D,
}

impl<P: Platform, F: FnOnce() + Send + 'static, D: Due> SharedCall<P, F, D> {
    #[track_caller]
    pub(crate) fn new(callback: F, due: D) -> Self {
        SharedCall {
            slot: P::mutex(Slot::Scheduled(callback)),
            done: AtomicBool::new(false),
            scheduled_at: Location::caller(),
            due,
        }
    }

    /// Takes the callback out of a call that the inbox refused, which nobody else has seen.
    pub(crate) fn take_back(&self) -> F {
        let callback = P::lock(&self.slot).take(Slot::Cancelled);
        callback.expect(REFUSED)
    }
}

impl<P: Platform, F: FnOnce() + Send + 'static, D: Due> Call for SharedCall<P, F, D> {
    fn run(&self) -> bool {
        let callback = P::lock(&self.slot).take(Slot::Started);
        let Some(callback) = callback else {
            self.due.discarded();
            return false;
        };
        let _done = SetOnDrop(|| self.done.store(true, Ordering::Release));
        callback();
        true
    }

    fn cancel(&self) -> bool {
        let callback = P::lock(&self.slot).take(Slot::Cancelled);
        // Counted before it is dropped: its destructor may panic.
        callback.inspect(|_| self.due.cancelled()).is_some()
    }

    fn when(&self) -> Option<Duration> {
        self.due.when()
    }

    fn is_cancelled(&self) -> bool {
        P::lock(&self.slot).is_cancelled()
    }

    fn is_done(&self) -> bool {
        self.done.load(Ordering::Acquire)
    }

    fn scheduled_at(&self) -> &'static Location<'static> {
        self.scheduled_at
    }
}

/// A callback that never leaves the loop's thread. Together with the callback itself, one
/// allocation.
pub(crate) struct LocalCall<F, D = Soon> {
    slot: RefCell<Slot<F>>,
    done: Cell<bool>,
    scheduled_at: &'static Location<'static>,
    due: D,
}

impl<F: FnOnce() + 'static, D: Due> LocalCall<F, D> {
    #[track_caller]
    pub(crate) fn new(callback: F, due: D) -> Self {
        LocalCall {
            slot: RefCell::new(Slot::Scheduled(callback)),
            done: Cell::new(false),
            scheduled_at: Location::caller(),
            due,
        }
    }

    /// As [`SharedCall::take_back`].
    pub(crate) fn take_back(&self) -> F {
        let callback = self.slot.borrow_mut().take(Slot::Cancelled);
        callback.expect(REFUSED)
    }
}

impl<F: FnOnce() + 'static, D: Due> Call for LocalCall<F, D> {
    fn run(&self) -> bool {
        let callback = self.slot.borrow_mut().take(Slot::Started);
        let Some(callback) = callback else {
            self.due.discarded();
            return false;
        };
        let _done = SetOnDrop(|| self.done.set(true));
        callback();
        true
    }

    fn cancel(&self) -> bool {
        let callback = self.slot.borrow_mut().take(Slot::Cancelled);
        // Counted before it is dropped: its destructor may panic.
        callback.inspect(|_| self.due.cancelled()).is_some()
    }

    fn when(&self) -> Option<Duration> {
        self.due.when()
    }

    fn is_cancelled(&self) -> bool {
        self.slot.borrow().is_cancelled()
    }

    fn is_done(&self) -> bool {
        self.done.get()
    }

    fn scheduled_at(&self) -> &'static Location<'static> {
        self.scheduled_at
    }
}

/// Marks a call as done when the callback returns, and when it panics.
struct SetOnDrop<S: FnMut()>(S);

impl<S: FnMut()> Drop for SetOnDrop<S> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// A callback scheduled by [`Handle::call_soon_threadsafe`](crate::Handle::call_soon_threadsafe):
/// cancels it and tells what became of it, from any thread.
///
/// asyncio's `Handle` object, as returned by `call_soon_threadsafe`. Dropping it changes nothing.
///
/// ```
/// let event_loop = wakeproof::EventLoop::new();
/// let call = event_loop.handle().call_soon_threadsafe(|| unreachable!()).unwrap();
/// assert!(call.cancel());
/// assert!(call.is_cancelled() && !call.is_done());
///
/// event_loop.stop(); // the next run does one iteration
/// event_loop.run_forever().unwrap();
/// ```
#[derive(Clone)]
pub struct CallHandle(pub(crate) Arc<dyn Call + Send + Sync>);

/// A callback scheduled by [`Local::call_soon`](crate::Local::call_soon): cancels it and tells what
/// became of it, on the loop's thread.
///
/// asyncio's `Handle` object, as returned by `call_soon`. Dropping it changes nothing.
///
/// ```
/// let event_loop = wakeproof::EventLoop::new();
/// let call = event_loop.local().call_soon(|| ()).unwrap();
/// event_loop.stop(); // the next run does one iteration
/// event_loop.run_forever().unwrap();
/// assert!(call.is_done());
/// assert!(!call.cancel(), "too late");
/// ```
#[derive(Clone)]
pub struct LocalCallHandle(pub(crate) Rc<dyn Call>);

/// The handles have the same methods, on two kinds of pointer.
macro_rules! call_handle {
    ($handle:ident, $rule:literal) => {
        impl $handle {
            /// Keeps the callback from running, and drops it now, on the calling thread.
            ///
            /// - `true`: it has not run and never will.
            /// - `false`: too late. It has been started, perhaps it is the callback that is running
            ///   now; or it has been cancelled before, by a handle or by the loop's `close`.
            ///
            #[doc = $rule]
            pub fn cancel(&self) -> bool {
                self.0.cancel()
            }

            /// Whether the callback was cancelled, by a handle or by the loop's `close`.
            #[must_use]
            pub fn is_cancelled(&self) -> bool {
                self.0.is_cancelled()
            }

            /// Whether the callback has run to its end, or to its panic. What it wrote is visible
            /// to who sees this true.
            #[must_use]
            pub fn is_done(&self) -> bool {
                self.0.is_done()
            }
        }

        impl ::std::fmt::Debug for $handle {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.debug_struct(stringify!($handle))
                    .field("scheduled_at", &format_args!("{}", self.0.scheduled_at()))
                    .field("cancelled", &self.is_cancelled())
                    .field("done", &self.is_done())
                    .finish()
            }
        }
    };
}

pub(crate) use call_handle;

call_handle!(
    CallHandle,
    "Against the loop, which may be about to run it, exactly one of the two wins."
);
call_handle!(
    LocalCallHandle,
    "A callback may cancel itself (too late, `false`) or its neighbour in the same iteration (`true`)."
);
