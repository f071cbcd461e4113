//! A scheduled callback: run once, or cancelled.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::ops::Deref;
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::platform::Platform;

/// What the loop and the handles know of a callback, whatever its type.
pub(crate) trait Call {
    /// Runs the callback. `false`: it was cancelled.
    fn run(&self) -> bool;
    /// Drops the callback. `false`: too late.
    fn cancel(&self) -> bool;
    fn is_cancelled(&self) -> bool;
    fn is_done(&self) -> bool;
    fn scheduled_at(&self) -> &'static Location<'static>;
    /// A timer's deadline.
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
    const IS_TIMER: bool = false;

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

/// Where a callback is until it is taken out, once: to be run or to be cancelled, whichever comes first.
pub(crate) struct Slot<F> {
    pub(crate) callback: Option<F>,
    pub(crate) is_cancelled: bool,
}

impl<F> Slot<F> {
    pub(crate) fn new(callback: F) -> Self {
        Slot {
            callback: Some(callback),
            is_cancelled: false,
        }
    }

    pub(crate) fn take_to_cancel(&mut self) -> Option<F> {
        self.is_cancelled |= self.callback.is_some();
        self.callback.take()
    }
}

/// A slot that one thread uses, or many.
pub(crate) trait SlotCell {
    type Callback: FnOnce();

    fn with<R>(&self, change: impl FnOnce(&mut Slot<Self::Callback>) -> R) -> R;
}

impl<F: FnOnce()> SlotCell for RefCell<Slot<F>> {
    type Callback = F;

    fn with<R>(&self, change: impl FnOnce(&mut Slot<F>) -> R) -> R {
        change(&mut self.borrow_mut())
    }
}

/// A slot behind a mutex.
pub(crate) struct SharedSlot<P: Platform, F: Send + 'static>(P::Mutex<Slot<F>>);

impl<P: Platform, F: FnOnce() + Send> SlotCell for SharedSlot<P, F> {
    type Callback = F;

    fn with<R>(&self, change: impl FnOnce(&mut Slot<F>) -> R) -> R {
        change(&mut P::lock(&self.0))
    }
}

/// A callback and what its handle needs to know of it: together, one allocation.
pub(crate) struct SlotCall<S, D> {
    slot: S,
    done: AtomicBool,
    scheduled_at: &'static Location<'static>,
    due: D,
}

/// A callback that any thread may cancel.
pub(crate) type SharedCall<P, F, D> = SlotCall<SharedSlot<P, F>, D>;

/// A callback that never leaves the loop's thread.
pub(crate) type LocalCall<F, D> = SlotCall<RefCell<Slot<F>>, D>;

impl<P: Platform, F: FnOnce() + Send, D: Due> SharedCall<P, F, D> {
    #[track_caller]
    pub(crate) fn shared(callback: F, due: D) -> Arc<Self> {
        Arc::new(Self::new(SharedSlot(P::mutex(Slot::new(callback))), due))
    }
}

impl<F: FnOnce(), D: Due> LocalCall<F, D> {
    #[track_caller]
    pub(crate) fn local(callback: F, due: D) -> Rc<Self> {
        Rc::new(Self::new(RefCell::new(Slot::new(callback)), due))
    }
}

impl<S: SlotCell, D: Due> SlotCall<S, D> {
    #[track_caller]
    fn new(slot: S, due: D) -> Self {
        SlotCall {
            slot,
            done: AtomicBool::new(false),
            scheduled_at: Location::caller(),
            due,
        }
    }

    /// Takes the callback out of a call that the inbox refused, which nobody else has seen.
    pub(crate) fn take_back(&self) -> S::Callback {
        let callback = self.slot.with(Slot::take_to_cancel);
        callback.expect("a refused call has been neither run nor cancelled")
    }
}

impl<S: SlotCell, D: Due> Call for SlotCall<S, D> {
    fn run(&self) -> bool {
        let Some(callback) = self.slot.with(|slot| slot.callback.take()) else {
            self.due.discarded();
            return false;
        };
        let _done = SetOnDrop(&self.done);
        callback();
        true
    }

    fn cancel(&self) -> bool {
        let callback = self.slot.with(Slot::take_to_cancel);
        // Counted before it is dropped: its destructor may panic.
        callback.inspect(|_| self.due.cancelled()).is_some()
    }

    fn is_cancelled(&self) -> bool {
        self.slot.with(|slot| slot.is_cancelled)
    }

    fn is_done(&self) -> bool {
        self.done.load(Ordering::Acquire)
    }

    fn scheduled_at(&self) -> &'static Location<'static> {
        self.scheduled_at
    }

    fn when(&self) -> Option<Duration> {
        self.due.when()
    }
}

/// A callback without a handle, which only the loop can take: to run it, or to drop it.
pub(crate) struct PostedCall<F> {
    pub(crate) callback: F,
    pub(crate) scheduled_at: &'static Location<'static>,
}

impl<F> PostedCall<F> {
    #[track_caller]
    pub(crate) fn new(callback: F) -> Self {
        PostedCall {
            callback,
            scheduled_at: Location::caller(),
        }
    }
}

/// What the loop knows of a callback without a handle, whatever its type.
pub(crate) trait Posted: Any + Send {
    /// Runs the callback. Says first where it was scheduled, in case it panics.
    fn run(self: Box<Self>, scheduled_at: &Cell<&'static Location<'static>>);
    fn scheduled_at(&self) -> &'static Location<'static>;
}

impl<F: FnOnce() + Send + 'static> Posted for PostedCall<F> {
    fn run(self: Box<Self>, scheduled_at: &Cell<&'static Location<'static>>) {
        scheduled_at.set(self.scheduled_at);
        (self.callback)();
    }

    fn scheduled_at(&self) -> &'static Location<'static> {
        self.scheduled_at
    }
}

/// Marks a call as done when the callback returns, and when it panics.
struct SetOnDrop<'a>(&'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
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
            /// - `false`: too late. It has been started, and may be running now; or it has been
            ///   cancelled before, by a handle or by the loop's `close`.
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

            /// Whether the callback has returned or panicked. Once this returns `true`, the callback's
            /// writes are visible to the caller.
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
