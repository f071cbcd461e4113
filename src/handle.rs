//! The two calls, side by side: [`Local::call_soon`] and [`Handle::call_soon_threadsafe`].

use std::any::Any;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use crate::call::{CallHandle, Due, LocalCall, LocalCallHandle, PostedCall, SharedCall, Soon};
use crate::entry::Entry;
use crate::error::Closed;
use crate::inbox::Status;
use crate::owned::Owned;
use crate::platform::{ParkingLot, Platform};
use crate::shared::Shared;

/// A loop, as seen from its own thread. Not `Send`: it cannot leave that thread.
///
/// Clones are the same loop. A `Local` may outlive its loop, which then refuses everything.
///
/// [`call_soon`](Self::call_soon) needs no wakeup because it is called on the loop's thread, and the
/// compiler makes sure of that:
///
/// ```compile_fail,E0277
/// let event_loop = wakeproof::EventLoop::new();
/// let local = event_loop.local();
/// std::thread::spawn(move || local.call_soon(|| ())); // `Rc` cannot be sent between threads safely
/// ```
pub struct Local<P: Platform = ParkingLot>(pub(crate) Rc<Owned<P>>);

/// A loop, as seen from any thread.
///
/// Clones are the same loop. A handle does not keep the loop alive. A loop that is gone refuses
/// callbacks, as a closed one does.
pub struct Handle<P: Platform = ParkingLot>(pub(crate) Arc<Shared<P>>);

impl<P: Platform> Local<P> {
    /// Runs `callback` on this thread in the loop's next iteration. asyncio's `call_soon`.
    ///
    /// The callback need not be `Send`. Nothing is woken: the loop's thread makes this call, so it is
    /// awake.
    ///
    /// # Errors
    ///
    /// [`Closed`], with the callback, if the loop is closed.
    ///
    /// ```
    /// use std::rc::Rc;
    ///
    /// let event_loop = wakeproof::EventLoop::new();
    /// let local = event_loop.local();
    /// let not_send = Rc::new("on the loop's thread");
    /// event_loop.local().call_soon(move || {
    ///     println!("{not_send}");
    ///     local.stop();
    /// })?;
    /// event_loop.run_forever()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn call_soon<F>(&self, callback: F) -> Result<LocalCallHandle, Closed<F>>
    where
        F: FnOnce() + 'static,
    {
        let call = self.0.submit(LocalCall::local(callback, Soon))?;
        Ok(LocalCallHandle(call))
    }

    /// Asks the loop to return after the current iteration. See
    /// [`EventLoop::stop`](crate::EventLoop::stop).
    pub fn stop(&self) {
        self.0.shared.inbox.stop();
    }

    /// The loop for use from any thread.
    #[must_use]
    pub fn handle(&self) -> Handle<P> {
        Handle(self.0.shared.clone())
    }

    /// Whether the loop is running: in a callback, always.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.0.shared.is_running()
    }

    /// Whether the loop is closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.0.is_closed()
    }

    /// The loop's clock; see [`EventLoop::time`](crate::EventLoop::time).
    #[must_use]
    pub fn time(&self) -> Duration {
        P::now()
    }
}

impl<P: Platform> Handle<P> {
    /// Runs `callback` on the loop's thread in the loop's next iteration, and wakes the loop if it
    /// is asleep. asyncio's `call_soon_threadsafe`. For any thread, the loop's own included.
    ///
    /// The callback runs exactly once. If one submission returns before another begins, on one thread or
    /// on two that have synchronised in between, its callback runs first.
    ///
    /// # Errors
    ///
    /// [`Closed`], with the callback, if the loop is closed or gone.
    ///
    /// ```
    /// let event_loop = wakeproof::EventLoop::new();
    /// let handle = event_loop.handle();
    /// let worker = std::thread::spawn(move || {
    ///     let stop = handle.clone();
    ///     handle.call_soon_threadsafe(move || stop.stop()).unwrap();
    /// });
    /// event_loop.run_forever()?; // sleeps until the callback arrives
    /// worker.join().unwrap();
    /// # Ok::<(), wakeproof::RunError>(())
    /// ```
    #[track_caller]
    pub fn call_soon_threadsafe<F>(&self, callback: F) -> Result<CallHandle, Closed<F>>
    where
        F: FnOnce() + Send + 'static,
    {
        let call = SharedCall::shared(callback, Soon);
        Ok(CallHandle(self.submit(call, Shared::call_soon_threadsafe)?))
    }

    /// As [`call_soon_threadsafe`](Self::call_soon_threadsafe), without a handle: nobody can cancel the
    /// callback or ask what became of it. This is the cheapest way to submit a callback.
    ///
    /// It takes its turn among all the others, and its panic is reported like theirs.
    ///
    /// # Errors
    ///
    /// [`Closed`], with the callback, if the loop is closed or gone.
    ///
    /// ```
    /// let event_loop = wakeproof::EventLoop::new();
    /// let handle = event_loop.handle();
    /// let stop = event_loop.handle();
    /// let worker = std::thread::spawn(move || handle.post_threadsafe(move || stop.stop()).unwrap());
    /// event_loop.run_forever()?;
    /// worker.join().unwrap();
    /// # Ok::<(), wakeproof::RunError>(())
    /// ```
    #[track_caller]
    pub fn post_threadsafe<F>(&self, callback: F) -> Result<(), Closed<F>>
    where
        F: FnOnce() + Send + 'static,
    {
        let call = Box::new(PostedCall::new(callback));
        let accepted = self.0.call_soon_threadsafe(Entry::Posted(call));
        accepted.map_err(|entry| {
            let Entry::Posted(call) = entry else {
                unreachable!("what is refused is what was submitted")
            };
            let call: Box<dyn Any> = call;
            let call = call.downcast::<PostedCall<F>>();
            Closed(call.expect("it was submitted as such").callback)
        })
    }

    /// Submits a call by `enqueue`, the one part in which submissions differ.
    pub(crate) fn submit<F, D>(
        &self,
        call: Arc<SharedCall<P, F, D>>,
        enqueue: impl FnOnce(&Shared<P>, Entry) -> Result<(), Entry>,
    ) -> Result<Arc<SharedCall<P, F, D>>, Closed<F>>
    where
        F: FnOnce() + Send + 'static,
        D: Due + Send + Sync + 'static,
    {
        let entry = match D::IS_TIMER {
            true => Entry::Timer(call.clone()),
            false => Entry::Shared(call.clone()),
        };
        match enqueue(&self.0, entry) {
            Ok(()) => Ok(call),
            Err(_) => Err(Closed(call.take_back())),
        }
    }

    /// Asks the loop to return after the current iteration, and wakes it if it is asleep. For any
    /// thread. See [`EventLoop::stop`](crate::EventLoop::stop).
    ///
    /// Callbacks that were submitted earlier may be left for the next run. To stop after them, submit
    /// the stop as well: `handle.call_soon_threadsafe(move || handle.stop())`.
    pub fn stop(&self) {
        self.0.inbox.stop();
    }

    /// Whether the loop is running. On another thread, the answer may be out of date.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.0.is_running()
    }

    /// Whether the loop is closed. Once `true`, always `true`.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.0.inbox.status().closed
    }

    /// The loop's clock; see [`EventLoop::time`](crate::EventLoop::time).
    #[must_use]
    pub fn time(&self) -> Duration {
        P::now()
    }

    /// What the loop is doing: one consistent picture, taken without waking it. For watchdogs.
    ///
    /// ```
    /// let event_loop = wakeproof::EventLoop::new();
    /// event_loop.handle().call_soon_threadsafe(|| ()).unwrap();
    /// let status = event_loop.handle().status();
    /// assert_eq!((status.queued, status.asleep), (1, false));
    /// assert!(!status.is_stranded());
    /// ```
    #[must_use]
    pub fn status(&self) -> Status {
        self.0.inbox.status()
    }
}

impl<P: Platform> Clone for Local<P> {
    fn clone(&self) -> Self {
        Local(self.0.clone())
    }
}

impl<P: Platform> Clone for Handle<P> {
    fn clone(&self) -> Self {
        Handle(self.0.clone())
    }
}

impl<P: Platform> fmt::Debug for Local<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Local").field(&self.0.shared).finish()
    }
}

impl<P: Platform> fmt::Debug for Handle<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Handle").field(&self.0).finish()
    }
}
