//! The loop, as its owner sees it: run, stop, close.

use std::fmt;
use std::panic::{self, Location};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use crate::entry::Entry;
use crate::error::{CloseError, RunError};
use crate::handle::{Handle, Local};
use crate::owned::Owned;
use crate::platform::{ParkingLot, Platform};
use crate::report::{CallbackPanic, SlowCallback, Work, catch};

/// A single-threaded event loop: runs callbacks, one after the other, on the thread that made it,
/// and sleeps when there are none.
///
/// This is the owner's view, to run, stop and close the loop. Submit callbacks through [`Local`] on the
/// loop's own thread, and through [`Handle`] from any thread.
///
/// # Guarantees
///
/// - An accepted callback runs **exactly once**, on the loop's thread, unless it is cancelled or
///   the loop is closed first. One that is refused comes back to the caller in the error.
/// - **First in, first out**: if one submission happens-before another, its callback runs first.
/// - An iteration runs what was ready when it began: callbacks and tasks in the order in which they
///   became ready, then the timers that are due. What these schedule runs in the next iteration, so
///   nothing starves a [`stop`](Self::stop) or a timer.
/// - A timer never runs before its deadline. It runs at the deadline, or as soon after it as the loop
///   gets to it.
/// - A panic in a callback is reported to the exception handler and costs no other callback. A panic
///   in a task surfaces where the task is awaited.
/// - A loop with nothing to do is **asleep**. It does not poll, and it wakes only for work.
/// - After [`close`](Self::close), nothing runs. Queued callbacks, timers and tasks are dropped on the
///   loop's thread, and nothing waits for the loop any more.
///
/// ```
/// let event_loop = wakeproof::EventLoop::new();
/// let handle = event_loop.handle();
///
/// let worker = std::thread::spawn(move || {
///     let answer = 6 * 7; // the long computation
///     let stop = handle.clone();
///     handle.call_soon_threadsafe(move || {
///         println!("the answer is {answer}"); // on the loop's thread
///         stop.stop();
///     })
/// });
///
/// event_loop.run_forever()?;
/// worker.join().unwrap().unwrap();
/// # Ok::<(), wakeproof::RunError>(())
/// ```
pub struct EventLoop<P: Platform = ParkingLot>(Rc<Owned<P>>);

impl EventLoop {
    /// A loop of this thread, open, with nothing to do.
    ///
    /// ```
    /// let event_loop = wakeproof::EventLoop::new();
    /// assert!(!event_loop.is_running() && !event_loop.is_closed());
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::on_platform()
    }
}

impl<P: Platform> EventLoop<P> {
    /// A loop of this thread on any platform.
    ///
    /// ```
    /// use wakeproof::EventLoop;
    /// use wakeproof::platform::ParkingLot;
    ///
    /// let event_loop = EventLoop::<ParkingLot>::on_platform();
    /// # drop(event_loop);
    /// ```
    #[must_use]
    pub fn on_platform() -> Self {
        EventLoop(Rc::new(Owned::new()))
    }

    /// The loop for use on its own thread.
    #[must_use]
    pub fn local(&self) -> Local<P> {
        Local(self.0.clone())
    }

    /// The loop for use from any thread.
    #[must_use]
    pub fn handle(&self) -> Handle<P> {
        Handle(self.0.shared.clone())
    }

    /// Runs callbacks until the loop is [stopped](Self::stop), and sleeps while there are none.
    ///
    /// May be called again: the next run begins with what this one left in the queue.
    ///
    /// # Errors
    ///
    /// - [`RunError::Closed`] if the loop is closed.
    /// - [`RunError::AlreadyRunning`] if this is called from one of the loop's callbacks.
    ///
    /// ```
    /// let event_loop = wakeproof::EventLoop::new();
    /// let local = event_loop.local();
    /// event_loop.local().call_soon(move || local.stop()).unwrap();
    /// event_loop.run_forever()?;
    /// # Ok::<(), wakeproof::RunError>(())
    /// ```
    pub fn run_forever(&self) -> Result<(), RunError> {
        let _running = self.0.begin_run()?;
        // What an earlier run has left behind may name a future that is gone.
        self.0.iterate(&mut |_| ());
        Ok(())
    }

    /// Runs the loop until `future` completes, and returns its output. asyncio's
    /// `run_until_complete`.
    ///
    /// The future is polled on this thread, in its turn among the callbacks and tasks, and may borrow
    /// from the caller. When it has completed, the current iteration ends, and what is left stays for
    /// the next run: tasks are not cancelled.
    ///
    /// # Errors
    ///
    /// - [`RunError::Closed`] if the loop is closed.
    /// - [`RunError::AlreadyRunning`] if this is called from one of the loop's callbacks or tasks.
    /// - [`RunError::Stopped`] if the loop was stopped first. The future is dropped; to continue with
    ///   it later, pass a `&mut` to a pinned future or to a [`Task`](crate::Task).
    ///
    /// # Panics
    ///
    /// If the future panics, so does this call, after the iteration.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let event_loop = wakeproof::EventLoop::new();
    /// let local = event_loop.local();
    /// let answer = event_loop.run_until_complete(async {
    ///     local.sleep(Duration::from_millis(1)).await.unwrap();
    ///     42
    /// })?;
    /// assert_eq!(answer, 42);
    /// # Ok::<(), wakeproof::RunError>(())
    /// ```
    #[track_caller]
    pub fn run_until_complete<F: Future>(&self, future: F) -> Result<F::Output, RunError> {
        match self.complete(future)? {
            Ok(output) => Ok(output),
            Err(payload) => panic::resume_unwind(payload),
        }
    }

    /// As [`run_until_complete`](Self::run_until_complete), but returns the future's panic.
    #[track_caller]
    pub(crate) fn complete<F: Future>(
        &self,
        future: F,
    ) -> Result<thread::Result<F::Output>, RunError> {
        let origin = Work::Task.scheduled_at(Location::caller());
        let owned = &*self.0;
        let _running = owned.begin_run()?;
        let main = owned.main_waker();
        let waker = Waker::from(main.clone());
        let mut future = pin!(future);
        let mut output = None;

        // The loop is open, so that this is not refused.
        let _ = owned.shared.call_soon(Entry::Task(main.id()));
        owned.iterate(&mut |woken| {
            if woken != main.id() || output.is_some() {
                return;
            }
            main.begin_poll();
            let mut context = Context::from_waker(&waker);
            owned.watch(
                || origin,
                || {
                    match catch::<P, _>(|| future.as_mut().poll(&mut context)) {
                        Ok(Poll::Pending) => return true,
                        Ok(Poll::Ready(value)) => output = Some(Ok(value)),
                        Err(payload) => output = Some(Err(payload)),
                    }
                    owned.shared.inbox.stop();
                    true
                },
            );
        });
        main.finish();
        output.ok_or(RunError::Stopped)
    }

    /// Asks the loop to return from [`run_forever`](Self::run_forever) after the current iteration.
    ///
    /// What the iteration's callbacks have scheduled, and what other threads have submitted meanwhile,
    /// stays queued for the next run. A sleeping loop wakes, runs what it finds, and returns. If the
    /// loop is not running, the next run does one iteration without sleeping, and returns. Two calls
    /// are the same as one.
    ///
    /// ```
    /// let event_loop = wakeproof::EventLoop::new();
    /// event_loop.stop();
    /// event_loop.run_forever()?; // one iteration, with nothing to run
    /// # Ok::<(), wakeproof::RunError>(())
    /// ```
    pub fn stop(&self) {
        self.0.shared.inbox.stop();
    }

    /// Closes the loop for good. From now on it refuses callbacks.
    ///
    /// Drops, on this thread, the queued callbacks in order, then the timers by deadline, then the tasks
    /// in the order in which they were spawned, then the handlers. Call handles and timer handles then
    /// report them as cancelled; awaiting such a task returns [`JoinError::Cancelled`], and a sleep of
    /// this loop that is awaited elsewhere returns [`Closed`].
    ///
    /// Closing twice is the same as once. Dropping the loop closes it.
    ///
    /// [`JoinError::Cancelled`]: crate::JoinError::Cancelled
    /// [`Closed`]: crate::Closed
    ///
    /// # Errors
    ///
    /// [`CloseError::Running`] if this is called from one of the loop's callbacks; nothing changes.
    ///
    /// ```
    /// let event_loop = wakeproof::EventLoop::new();
    /// let call = event_loop.local().call_soon(|| unreachable!()).unwrap();
    /// event_loop.close()?;
    /// assert!(event_loop.is_closed() && call.is_cancelled());
    /// # Ok::<(), wakeproof::CloseError>(())
    /// ```
    pub fn close(&self) -> Result<(), CloseError> {
        self.0.close()
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

    /// Reads the loop's clock, which is monotonic and the same for all loops of a platform. Its zero is
    /// arbitrary. asyncio's `loop.time()`.
    ///
    /// ```
    /// let event_loop = wakeproof::EventLoop::new();
    /// let earlier = event_loop.time();
    /// assert!(event_loop.time() >= earlier);
    /// ```
    #[must_use]
    pub fn time(&self) -> Duration {
        P::now()
    }

    /// Switches debug mode on or off, as in asyncio. It is off at first.
    ///
    /// In debug mode, [`hazard`](crate::hazard) refuses to enqueue from another thread than the
    /// loop's, and a callback that runs for longer than
    /// [`slow_callback_duration`](Self::set_slow_callback_duration) is reported.
    ///
    /// ```
    /// use wakeproof::{EventLoop, hazard};
    ///
    /// let event_loop = EventLoop::new();
    /// event_loop.set_debug(true);
    /// let handle = event_loop.handle();
    /// let worker = std::thread::Builder::new().name("worker".into());
    /// let refusal = worker.spawn(move || {
    ///     hazard::call_soon_without_wakeup(&handle, || ()).unwrap_err().to_string()
    /// });
    /// let refusal = refusal.unwrap().join().unwrap();
    /// assert!(refusal.contains(r#"thread "worker""#) && refusal.contains("belongs to"));
    /// ```
    pub fn set_debug(&self, enabled: bool) {
        self.0.shared.set_debug(enabled);
    }

    /// Whether the loop is in debug mode. asyncio's `get_debug`.
    #[must_use]
    pub fn is_debug(&self) -> bool {
        self.0.shared.is_debug()
    }

    /// For how long a loop with nothing to do looks for work before it sleeps: not at all unless set.
    ///
    /// Waking a thread takes much longer than a callback. A loop that finds its next callback while it
    /// still looks needs no wakeup, at the price of a busy processor meanwhile. It never looks beyond the
    /// next timer's deadline, and a loop that has been idle for longer is asleep as always.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let event_loop = wakeproof::EventLoop::new();
    /// event_loop.set_spin_before_sleep(Duration::from_micros(50));
    /// ```
    pub fn set_spin_before_sleep(&self, duration: Duration) {
        self.0.spin_before_sleep.set(duration);
    }

    /// How long a callback may run before debug mode reports it: 100 ms unless set, as in asyncio.
    pub fn set_slow_callback_duration(&self, duration: Duration) {
        self.0.slow_callback_duration.set(duration);
    }

    /// Sets what is called when a callback is slow in debug mode. The default prints to standard error.
    /// The handler is dropped when the loop is closed.
    ///
    /// ```
    /// use std::{cell::Cell, rc::Rc, time::Duration};
    ///
    /// let event_loop = wakeproof::EventLoop::new();
    /// event_loop.set_debug(true);
    /// event_loop.set_slow_callback_duration(Duration::ZERO);
    /// let reports = Rc::new(Cell::new(0));
    /// let counter = reports.clone();
    /// event_loop.set_slow_callback_handler(move |_| counter.set(counter.get() + 1));
    ///
    /// event_loop.local().call_soon(|| std::thread::yield_now()).unwrap();
    /// event_loop.stop();
    /// event_loop.run_forever().unwrap();
    /// assert_eq!(reports.get(), 1);
    /// ```
    pub fn set_slow_callback_handler(&self, handler: impl FnMut(&SlowCallback) + 'static) {
        self.0.slow_callback_handler.set(handler);
    }

    /// Sets what is called when a callback panics, or when the destructor of a callback that did not run
    /// panics. The default prints to standard error.
    ///
    /// The handler runs on the loop's thread, and is dropped when the loop is closed. If it panics
    /// itself, its panic and the one it was called for are printed, and the loop goes on.
    ///
    /// ```
    /// use std::{cell::RefCell, rc::Rc};
    ///
    /// let event_loop = wakeproof::EventLoop::new();
    /// let log = Rc::new(RefCell::new(Vec::new()));
    /// let writer = log.clone();
    /// event_loop.set_exception_handler(move |panic| writer.borrow_mut().push(panic.to_string()));
    ///
    /// event_loop.local().call_soon(|| panic!("out of cheese")).unwrap();
    /// event_loop.stop();
    /// event_loop.run_forever().unwrap();
    /// assert!(log.borrow()[0].contains("out of cheese"));
    /// ```
    pub fn set_exception_handler(&self, handler: impl FnMut(&CallbackPanic) + 'static) {
        self.0.exception_handler.set(handler);
    }
}

impl Default for EventLoop {
    fn default() -> Self {
        Self::new()
    }
}

/// Closes the loop.
impl<P: Platform> Drop for EventLoop<P> {
    fn drop(&mut self) {
        // A callback cannot drop its own loop, which `run_forever` borrows.
        let _ = self.0.close();
    }
}

impl<P: Platform> fmt::Debug for EventLoop<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("EventLoop").field(&self.0.shared).finish()
    }
}
