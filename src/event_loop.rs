//! Running the loop: iterations, callbacks that panic, stop and close.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::panic::{self, Location};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use slab::Slab;

use crate::call::{Call, Due, LocalCall, Scheduled};
use crate::error::{CloseError, Closed, RunError};
use crate::handle::{Handle, Local};
use crate::inbox::{Inbox, Next, Step};
use crate::platform::{ParkingLot, Platform};
use crate::report::{CallbackPanic, Handler, Origin, SlowCallback, Work, discard, print};
use crate::task::{Start, Started, TaskId, TaskWaker, Tasks, catch};
use crate::timer::{CancelledTimers, TimerQueue};

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

/// The part of a loop that every thread may touch.
pub(crate) struct Shared<P: Platform> {
    pub(crate) inbox: Inbox<P, Entry>,
    /// The thread that made the loop, and runs it.
    pub(crate) thread: Thread<P>,
    /// For those who ask; the protocol does not depend on it.
    running: AtomicBool,
    debug: AtomicBool,
    pub(crate) cancelled_timers: CancelledTimers,
    /// How many tasks have been spawned: the next one's number.
    spawned: AtomicU64,
}

/// The part of a loop that stays on its thread.
pub(crate) struct Owned<P: Platform> {
    pub(crate) shared: Arc<Shared<P>>,
    /// Callbacks from a `Local`. They need not be `Send`, so what travels through the queue that
    /// other threads share is their key.
    calls: RefCell<Slab<Rc<dyn Call>>>,
    timers: RefCell<TimerQueue>,
    pub(crate) tasks: Tasks<P>,
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
    /// A task is to be polled: it is new, or somebody has woken it.
    Task(TaskId),
    /// A task from any thread.
    Spawn(Arc<dyn Start + Send + Sync>),
    /// Too many timers are cancelled.
    Sweep,
    /// A panic that nobody but the exception handler will hear of.
    Report(Box<CallbackPanic>),
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
                cancelled_timers: CancelledTimers::new(),
                spawned: AtomicU64::new(0),
            }),
            calls: RefCell::default(),
            timers: RefCell::default(),
            tasks: Tasks::new(),
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
    ///     local.sleep(Duration::from_millis(1)).await;
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
        let origin = Origin {
            work: Work::Task,
            scheduled_at: Location::caller(),
        };
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
    /// Keeps a call on this thread, and sends a key through the queue that may travel.
    pub(crate) fn submit<F, D>(
        &self,
        call: LocalCall<F, D>,
    ) -> Result<Rc<LocalCall<F, D>>, Closed<F>>
    where
        F: FnOnce() + 'static,
        D: Due + 'static,
    {
        let call = Rc::new(call);
        let key = self.calls.borrow_mut().insert(call.clone());
        match self.shared.inbox.call_soon(Entry::Local(key)) {
            Ok(()) => Ok(call),
            Err(_) => {
                self.release(key);
                Err(Closed {
                    callback: call.take_back(),
                })
            }
        }
    }

    /// Gives a call up.
    fn release(&self, key: usize) -> Rc<dyn Call> {
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

    /// A waker for a future that is in no slab.
    fn main_waker(&self) -> Arc<TaskWaker<P>> {
        let id = TaskId {
            place: TaskId::MAIN,
            number: self.shared.number(),
        };
        TaskWaker::new(None, &self.shared, id)
    }

    /// Runs iterations until the loop is stopped. `poll_main` is called for each wakeup that is not
    /// for a task of the slab.
    fn iterate(&self, poll_main: &mut dyn FnMut(TaskId)) {
        let inbox = &self.shared.inbox;
        let mut batch = self.batch.borrow_mut();
        inbox.first_batch(&mut batch, self.next_deadline());
        loop {
            for entry in batch.drain(..) {
                self.run(entry, poll_main);
            }
            self.run_due_timers();
            if inbox.next_batch(&mut batch, self.next_deadline()) == Next::Stop {
                return;
            }
        }
    }

    fn run(&self, entry: Entry, poll_main: &mut dyn FnMut(TaskId)) {
        match entry {
            Entry::Shared(call) => self.arrive(Scheduled::Shared(call), Self::run_call),
            Entry::Local(key) => self.arrive(Scheduled::Local(self.release(key)), Self::run_call),
            Entry::Task(id) if id.place == TaskId::MAIN => {
                P::step(Step::Run, None);
                poll_main(id);
            }
            Entry::Task(id) => self.poll_task(id),
            Entry::Spawn(remote) => {
                if let Some(id) = self.take_in(remote) {
                    self.poll_task(id);
                }
            }
            Entry::Sweep => self.shared.cancelled_timers.heard(),
            Entry::Report(panic) => self.tell(*panic),
        }
    }

    /// A call has come through the queue. Timers run when they are due, which is behind the batch at
    /// the earliest.
    fn arrive(&self, call: Scheduled, now: fn(&Self, &dyn Call)) {
        match call.when() {
            None => now(self, &*call),
            Some(when) => self.timers.borrow_mut().insert(when, call),
        }
    }

    /// Runs the timers that are due, in the order of their deadlines. The timers that they set in
    /// turn are in the inbox, and not among them.
    fn run_due_timers(&self) {
        if self.timers.borrow().is_empty() {
            return;
        }
        let now = P::now();
        loop {
            let due = self.timers.borrow_mut().take_due(now);
            let Some(timer) = due else {
                return;
            };
            self.run_call(timer.call());
        }
    }

    fn next_deadline(&self) -> Option<Duration> {
        let cancelled = &self.shared.cancelled_timers;
        self.timers.borrow_mut().next_deadline(cancelled)
    }

    fn run_call(&self, call: &dyn Call) {
        P::step(Step::Run, None);
        self.watch(call_origin(call), || call.run());
    }

    fn poll_task(&self, id: TaskId) {
        P::step(Step::Run, None);
        let Some(task) = self.tasks.begin_poll(id) else {
            return; // it has ended since it was woken
        };
        let (mut future, waker) = (task.future, task.waker);
        let origin = task_origin(task.spawned_at);
        // If the poll panics, it was not the future, but who was woken by its end, or its result's
        // destructor: the future is over.
        let mut is_over = true;
        self.watch(origin, || {
            let mut context = Context::from_waker(&waker);
            is_over = future.as_mut().poll(&mut context).is_ready();
            true
        });
        if is_over {
            drop(waker); // for the next task, which would find it in use
            self.tasks.remove(id);
            self.catch_panic(origin, || drop(future));
        } else {
            self.tasks.end_poll(id, future);
        }
    }

    fn take_in(&self, remote: Arc<dyn Start + Send + Sync>) -> Option<TaskId> {
        let Started {
            future,
            number,
            spawned_at,
        } = remote.start()?;
        let insert = |_: &_, _| (future, None);
        Some(self.tasks.insert(&self.shared, number, spawned_at, insert))
    }

    /// Runs code of the user's; in debug mode, also tells if it was slow. `user_code` says whether
    /// there was any to run: a callback that was cancelled was not slow, however long it took to
    /// find that out.
    fn watch(&self, origin: Origin, user_code: impl FnOnce() -> bool) {
        let started = self.shared.is_debug().then(P::now);
        let mut has_run = true;
        self.catch_panic(origin, || has_run = user_code());
        if let Some(started) = started {
            let duration = P::now().saturating_sub(started);
            let allowed = self.slow_callback_duration.get();
            if duration > allowed && has_run {
                let Origin { work, scheduled_at } = origin;
                let report = SlowCallback {
                    work,
                    scheduled_at,
                    duration,
                    allowed,
                };
                self.slow_callback_handler.tell(&report);
            }
        }
    }

    /// Runs code of the user's that must not take the loop with it.
    fn catch_panic(&self, origin: Origin, user_code: impl FnOnce()) {
        if let Err(payload) = catch::<P, _>(user_code) {
            self.tell(CallbackPanic { origin, payload });
        }
    }

    fn tell(&self, panic: CallbackPanic) {
        self.exception_handler.tell(&panic);
        discard(panic.payload);
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
                Entry::Shared(call) => self.arrive(Scheduled::Shared(call), Self::abandon),
                Entry::Local(key) => {
                    self.arrive(Scheduled::Local(self.release(key)), Self::abandon);
                }
                Entry::Spawn(remote) => drop(self.take_in(remote)),
                Entry::Report(panic) => self.tell(*panic),
                Entry::Task(_) | Entry::Sweep => {}
            }
        }
        loop {
            let first = self.timers.borrow_mut().take_first();
            let Some(timer) = first else { break };
            self.abandon(timer.call());
        }
        for task in self.tasks.drain() {
            let future = task.future;
            self.catch_panic(task_origin(task.spawned_at), || drop(future));
        }
        Ok(())
    }

    /// Drops a callback that will not run, even if somebody keeps its handle.
    fn abandon(&self, call: &dyn Call) {
        self.catch_panic(call_origin(call), || {
            call.cancel();
        });
    }
}

fn call_origin(call: &dyn Call) -> Origin {
    Origin {
        work: Work::Callback,
        scheduled_at: call.scheduled_at(),
    }
}

fn task_origin(spawned_at: &'static Location<'static>) -> Origin {
    Origin {
        work: Work::Task,
        scheduled_at: spawned_at,
    }
}

impl<P: Platform> Shared<P> {
    pub(crate) fn is_running(&self) -> bool {
        self.running.load(Ordering::Relaxed)
    }

    /// A number that no task has had. Those of tasks that another thread has spawned are taken there,
    /// and not when they arrive: they tell the order in which tasks were spawned.
    pub(crate) fn number(&self) -> u64 {
        self.spawned.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn is_debug(&self) -> bool {
        self.debug.load(Ordering::Relaxed)
    }

    /// Sends a panic to the loop's exception handler. A closed loop has none; then it is printed.
    pub(crate) fn report(&self, panic: CallbackPanic) {
        let entry = Entry::Report(Box::new(panic));
        if let Err(Entry::Report(panic)) = self.inbox.call_soon_threadsafe(entry) {
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
