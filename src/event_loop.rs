//! Running the loop: iterations, callbacks that panic, stop and close.

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
/// The owner's view: it runs, stops and closes the loop. Callbacks are submitted through
/// [`Local`] on the loop's own thread and through [`Handle`] from any other.
///
/// # Guarantees
///
/// - An accepted callback runs **exactly once**, on the loop's thread, unless it is cancelled or
///   the loop is closed first. One that is refused comes back to the caller in the error.
/// - **First in, first out**: if one submission happens-before another, its callback runs first.
/// - An iteration runs what was ready when it began, callbacks and tasks in the order in which they
///   became so, and then the timers that are due. What those schedule runs in the next one, so that
///   nothing starves a [`stop`](Self::stop), or a timer.
/// - A timer runs at its deadline or as soon after as the loop gets to it, never earlier.
/// - A panic in a callback is reported to the exception handler and costs no other callback. A panic
///   in a task surfaces where the task is awaited.
/// - A loop with nothing to do is **asleep**. It polls nothing, and wakes for nothing but work.
/// - After [`close`](Self::close), nothing runs. What was queued, the timers, and the tasks are
///   dropped on the loop's thread.
///
/// ```
/// let event_loop = wakeproof::EventLoop::new();
/// let handle = event_loop.handle();
///
/// let worker = std::thread::spawn(move || {
///     let answer = 6 * 7; // the long computation
///     let stop = handle.clone();
///     handle.call_soon_threadsafe(move || {
///         assert_eq!(answer, 42); // on the loop's thread
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

    /// Runs callbacks until somebody calls [`stop`](Self::stop), and sleeps while there are none.
    ///
    /// May be called again afterwards: what was left in the queue is then run.
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
    /// from the caller. When it has completed, the iteration that is running runs to its end, and what
    /// is left stays for the next run: tasks are not cancelled.
    ///
    /// # Errors
    ///
    /// - [`RunError::Closed`] if the loop is closed.
    /// - [`RunError::AlreadyRunning`] if this is called from one of the loop's callbacks or tasks.
    /// - [`RunError::Stopped`] if somebody has stopped the loop first. The future is dropped; to run
    ///   on with it, pass a `&mut` to a future that is pinned, or to a [`Task`](crate::Task).
    ///
    /// # Panics
    ///
    /// A panic of the future goes on in the caller, after the iteration.
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

    /// As [`run_until_complete`](Self::run_until_complete), with the future's panic, if it panics.
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
        let _ = owned.shared.inbox.call_soon(Entry::Task(main.id()));
        owned.iterate(&mut |woken| {
            if woken != main.id() || output.is_some() {
                return;
            }
            main.begin_poll();
            let mut context = Context::from_waker(&waker);
            owned.watch(origin, || {
                match catch::<P, _>(|| future.as_mut().poll(&mut context)) {
                    Ok(Poll::Pending) => return true,
                    Ok(Poll::Ready(value)) => output = Some(Ok(value)),
                    Err(payload) => output = Some(Err(payload)),
                }
                owned.shared.inbox.stop();
                true
            });
        });
        main.finish();
        output.ok_or(RunError::Stopped)
    }

    /// Asks the loop to return from [`run_forever`](Self::run_forever) when the iteration that is
    /// running ends.
    ///
    /// That iteration runs to its end; what its callbacks have scheduled, and what other threads
    /// have submitted meanwhile, stays queued for the next run. A loop that is asleep wakes, runs
    /// what it finds, and returns. Called before a run, the next run does one iteration, does not
    /// sleep, and returns. Called twice, it is the same as once.
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

    /// Closes the loop for good: refuses callbacks from now on, and drops, on this thread, those that
    /// are queued in order, then the timers by deadline, then the tasks in the order in which they were
    /// spawned. Their handles then say that they are cancelled, and so do tasks to who awaits them.
    ///
    /// Closing twice is the same as once. Dropping the loop closes it.
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

    /// Whether the loop is running: inside of a callback, always.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.0.shared.is_running()
    }

    /// Whether the loop is closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.0.is_closed()
    }

    /// The loop's clock: monotonic, the same for all loops of a platform, and otherwise without
    /// meaning. asyncio's `loop.time()`.
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

    /// Switches debug mode, as asyncio has it, on or off. It is off at first.
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

    /// How long a callback may run before debug mode reports it: 100 ms unless set, as in asyncio.
    pub fn set_slow_callback_duration(&self, duration: Duration) {
        self.0.slow_callback_duration.set(duration);
    }

    /// Who is told when a callback is slow in debug mode. The default prints to standard error.
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

    /// Who is told when a callback panics, or when the destructor of one that did not run does.
    /// The default prints to standard error.
    ///
    /// Runs on the loop's thread. If the handler itself panics, its panic and the one that it was
    /// told of are printed, and the loop goes on.
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

/// Closes the loop: callbacks that are queued are dropped.
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
