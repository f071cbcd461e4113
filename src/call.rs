//! A scheduled callback: run once, or cancelled.

use std::any::Any;
use std::cell::Cell;
use std::ops::Deref;
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::platform::{Flag, Platform, TakeOnce};

/// What the loop and the handles know of a callback, whatever its type.
pub(crate) trait Call {
    /// Runs the callback. `false`: it was cancelled.
    fn run(&self) -> bool;
    /// Drops the callback. `false`: too late.
    fn cancel(&self) -> bool;
    fn is_cancelled(&self) -> bool;
    /// Of a call that the loop has not come to: whether it is cancelled, although the `cancel` on another
    /// thread may not have returned yet.
    fn is_taken(&self) -> bool;
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

    /// Somebody is about to cancel the call, and may be too late.
    fn cancelling(&self) {}

    /// The call was cancelled in time; its callback is about to be dropped.
    fn cancelled(&self) {}

    /// It was too late to cancel the call.
    fn not_cancelled(&self) {}

    /// The loop has come to a call that was cancelled.
    fn discarded(&self) {}
}

/// As soon as it arrives.
pub(crate) struct Soon;

impl Due for Soon {}

/// Where a callback is until it is taken out, once: to be run or to be cancelled, whichever comes first.
/// Whoever has taken it out says what became of it.
pub(crate) trait Slot {
    type Callback: FnOnce();

    fn take(&self) -> Option<Self::Callback>;
    fn is_taken(&self) -> bool;
    fn set_cancelled(&self);
    fn is_cancelled(&self) -> bool;
    fn set_done(&self);
    fn is_done(&self) -> bool;
}

/// A slot that one thread uses.
pub(crate) struct LocalSlot<F> {
    callback: Cell<Option<F>>,
    is_cancelled: Cell<bool>,
    is_done: Cell<bool>,
}

impl<F: FnOnce()> Slot for LocalSlot<F> {
    type Callback = F;

    fn take(&self) -> Option<F> {
        self.callback.take()
    }

    /// As long as the loop has not come to it, it can only have been cancelled.
    fn is_taken(&self) -> bool {
        self.is_cancelled.get()
    }

    fn set_cancelled(&self) {
        self.is_cancelled.set(true);
    }

    fn is_cancelled(&self) -> bool {
        self.is_cancelled.get()
    }

    fn set_done(&self) {
        self.is_done.set(true);
    }

    fn is_done(&self) -> bool {
        self.is_done.get()
    }
}

/// A slot that many threads use.
pub(crate) struct SharedSlot<P: Platform, F: Send + 'static> {
    callback: P::TakeOnce<F>,
    is_cancelled: P::Flag,
    is_done: P::Flag,
}

impl<P: Platform, F: FnOnce() + Send> Slot for SharedSlot<P, F> {
    type Callback = F;

    fn take(&self) -> Option<F> {
        self.callback.take()
    }

    fn is_taken(&self) -> bool {
        self.callback.is_taken()
    }

    fn set_cancelled(&self) {
        self.is_cancelled.store(true, Ordering::Relaxed);
    }

    fn is_cancelled(&self) -> bool {
        self.is_cancelled.load(Ordering::Relaxed)
    }

    /// Publishes what the callback has written.
    fn set_done(&self) {
        self.is_done.store(true, Ordering::Release);
    }

    fn is_done(&self) -> bool {
        self.is_done.load(Ordering::Acquire)
    }
}

/// A callback and what its handle needs to know of it: together, one allocation.
pub(crate) struct SlotCall<S, D> {
    slot: S,
    scheduled_at: &'static Location<'static>,
    due: D,
}

/// A callback that any thread may cancel.
pub(crate) type SharedCall<P, F, D> = SlotCall<SharedSlot<P, F>, D>;

/// A callback that never leaves the loop's thread.
pub(crate) type LocalCall<F, D> = SlotCall<LocalSlot<F>, D>;

impl<P: Platform, F: FnOnce() + Send, D: Due> SharedCall<P, F, D> {
    #[track_caller]
    pub(crate) fn shared(callback: F, due: D) -> Arc<Self> {
        let slot = SharedSlot {
            callback: TakeOnce::new(callback),
            is_cancelled: Flag::new(),
            is_done: Flag::new(),
        };
        Arc::new(Self::new(slot, due))
    }
}

impl<F: FnOnce(), D: Due> LocalCall<F, D> {
    #[track_caller]
    pub(crate) fn local(callback: F, due: D) -> Rc<Self> {
        let slot = LocalSlot {
            callback: Cell::new(Some(callback)),
            is_cancelled: Cell::new(false),
            is_done: Cell::new(false),
        };
        Rc::new(Self::new(slot, due))
    }
}

impl<S: Slot, D: Due> SlotCall<S, D> {
    #[track_caller]
    fn new(slot: S, due: D) -> Self {
        SlotCall {
            slot,
            scheduled_at: Location::caller(),
            due,
        }
    }

    /// Takes the callback out of a call that the inbox refused, which nobody else has seen.
    pub(crate) fn take_back(&self) -> S::Callback {
        self.slot
            .take()
            .expect("a refused call has been neither run nor cancelled")
    }
}

impl<S: Slot, D: Due> Call for SlotCall<S, D> {
    fn run(&self) -> bool {
        let Some(callback) = self.slot.take() else {
            self.due.discarded();
            return false;
        };
        let _done = SetOnDrop(&self.slot);
        callback();
        true
    }

    fn cancel(&self) -> bool {
        self.due.cancelling();
        let Some(callback) = self.slot.take() else {
            self.due.not_cancelled();
            return false;
        };
        self.slot.set_cancelled();
        self.due.cancelled(); // before it is dropped: its destructor may panic
        drop(callback);
        true
    }

    fn is_cancelled(&self) -> bool {
        self.slot.is_cancelled()
    }

    fn is_taken(&self) -> bool {
        self.slot.is_taken()
    }

    fn is_done(&self) -> bool {
        self.slot.is_done()
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
struct SetOnDrop<'a, S: Slot>(&'a S);

impl<S: Slot> Drop for SetOnDrop<'_, S> {
    fn drop(&mut self) {
        self.0.set_done();
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

            /// Whether the callback was cancelled, by a handle or by the loop's `close`: true as soon as that
            /// call has returned.
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
