//! Running the loop: iterations, callbacks that panic, stop and close.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::panic::{self, AssertUnwindSafe};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use slab::Slab;

use crate::call::Call;
use crate::error::{CloseError, RunError};
use crate::handle::{Handle, Local};
use crate::inbox::{Inbox, Next, Step};
use crate::platform::{ParkingLot, Platform};
use crate::report::{CallbackPanic, Handler, SlowCallback, discard};

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
/// - An iteration runs what was ready when it began. What those callbacks schedule runs in the
///   next one, so that nothing starves a [`stop`](Self::stop).
/// - A panic in a callback is reported to the exception handler and costs no other callback.
/// - A loop with nothing to do is **asleep**. It polls nothing, and wakes for nothing but work.
/// - After [`close`](Self::close), nothing runs. What was queued is dropped on the loop's thread.
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

/// The part of a loop that every thread may touch.
pub(crate) struct Shared<P: Platform> {
    pub(crate) inbox: Inbox<P, Entry>,
    /// The thread that made the loop, and runs it.
    pub(crate) thread: Thread<P>,
    /// For those who ask; the protocol does not depend on it.
    running: AtomicBool,
    debug: AtomicBool,
}

/// The part of a loop that stays on its thread.
pub(crate) struct Owned<P: Platform> {
    pub(crate) shared: Arc<Shared<P>>,
    /// Callbacks from `Local::call_soon`. They need not be `Send`, so what travels through the
    /// queue that other threads share is their key.
    calls: RefCell<Slab<Rc<dyn Call>>>,
    /// What the iteration still has to run. Empty between runs; kept for its memory, which it
    /// trades with the queue's.
    batch: RefCell<VecDeque<Entry>>,
    closed: Cell<bool>,
    slow_callback_duration: Cell<Duration>,
    exception_handler: Handler<CallbackPanic>,
    slow_callback_handler: Handler<SlowCallback>,
}

/// What the queue holds.
pub(crate) enum Entry {
    /// From any thread.
    Shared(Arc<dyn Call + Send + Sync>),
    /// From the loop's own: the key of a callback that has never left it.
    Local(usize),
}

/// A thread, for messages.
pub(crate) struct Thread<P: Platform> {
    pub(crate) id: P::ThreadId,
    name: Option<String>,
}

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
        EventLoop(Rc::new(Owned {
            shared: Arc::new(Shared {
                inbox: Inbox::new(),
                thread: Thread::current(),
                running: AtomicBool::new(false),
                debug: AtomicBool::new(false),
            }),
            calls: RefCell::default(),
            batch: RefCell::default(),
            closed: Cell::new(false),
            slow_callback_duration: Cell::new(Duration::from_millis(100)),
            exception_handler: Handler::default(),
            slow_callback_handler: Handler::default(),
        }))
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
        let inbox = &self.0.shared.inbox;
        let mut batch = self.0.batch.borrow_mut();
        inbox.first_batch(&mut batch, None);
        loop {
            for entry in batch.drain(..) {
                self.0.run(entry);
            }
            if inbox.next_batch(&mut batch, None) == Next::Stop {
                return Ok(());
            }
        }
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

    /// Closes the loop for good: refuses callbacks from now on, and drops those that are queued,
    /// in order, on this thread. Their handles then say that they are cancelled.
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
        self.0.shared.debug.store(enabled, Ordering::Relaxed);
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

impl<P: Platform> Owned<P> {
    /// Keeps a callback on this thread, under a key that may travel.
    pub(crate) fn keep(&self, call: Rc<dyn Call>) -> usize {
        self.calls.borrow_mut().insert(call)
    }

    /// Gives a callback up.
    pub(crate) fn release(&self, key: usize) -> Rc<dyn Call> {
        self.calls.borrow_mut().remove(key)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.get()
    }

    /// Marks the loop as running until the returned value is dropped.
    fn begin_run(&self) -> Result<Running<'_, P>, RunError> {
        if self.is_closed() {
            return Err(RunError::Closed);
        }
        // Only this thread runs the loop, so that the flag cannot change under its eyes.
        if self.shared.is_running() {
            return Err(RunError::AlreadyRunning);
        }
        self.shared.running.store(true, Ordering::Relaxed);
        Ok(Running(&self.shared))
    }

    fn run(&self, entry: Entry) {
        P::step(Step::Run, None);
        match entry {
            Entry::Shared(call) => self.run_call(&*call),
            Entry::Local(key) => {
                let call = self.release(key);
                self.run_call(&*call);
            }
        }
    }

    fn run_call(&self, call: &dyn Call) {
        let started = self.shared.is_debug().then(P::now);
        self.catch_panic(call, || call.run());
        if let Some(started) = started {
            let duration = P::now().saturating_sub(started);
            let allowed = self.slow_callback_duration.get();
            // One that was cancelled has not run, however long it took to find that out.
            if duration > allowed && !call.is_cancelled() {
                let report = SlowCallback {
                    scheduled_at: call.scheduled_at(),
                    duration,
                    allowed,
                };
                self.slow_callback_handler.tell(&report);
            }
        }
    }

    /// Runs code of the user's that must not take the loop with it.
    fn catch_panic(&self, call: &dyn Call, user_code: impl FnOnce()) {
        if let Err(payload) = panic::catch_unwind(AssertUnwindSafe(user_code)) {
            if P::must_not_catch(&*payload) {
                panic::resume_unwind(payload);
            }
            let panic = CallbackPanic {
                scheduled_at: call.scheduled_at(),
                payload,
            };
            self.exception_handler.tell(&panic);
            discard(panic.payload);
        }
    }

    fn close(&self) -> Result<(), CloseError> {
        if self.shared.is_running() {
            return Err(CloseError::Running);
        }
        if self.closed.replace(true) {
            return Ok(());
        }
        for entry in self.shared.inbox.close() {
            match entry {
                Entry::Shared(call) => self.abandon(&*call),
                Entry::Local(key) => {
                    let call = self.release(key);
                    self.abandon(&*call);
                }
            }
        }
        Ok(())
    }

    /// Drops a callback that will not run, even if somebody keeps its handle.
    fn abandon(&self, call: &dyn Call) {
        self.catch_panic(call, || {
            call.cancel();
        });
    }
}

impl<P: Platform> Shared<P> {
    pub(crate) fn is_running(&self) -> bool {
        self.running.load(Ordering::Relaxed)
    }

    pub(crate) fn is_debug(&self) -> bool {
        self.debug.load(Ordering::Relaxed)
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

/// A loop that is running, until this is dropped.
struct Running<'a, P: Platform>(&'a Shared<P>);

impl<P: Platform> Drop for Running<'_, P> {
    fn drop(&mut self) {
        self.0.running.store(false, Ordering::Relaxed);
    }
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
