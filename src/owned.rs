//! The part of a loop that stays on its thread: iterations, callbacks that panic, and close.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Context;
use std::time::Duration;

use slab::Slab;

use crate::call::{Call, Due, LocalCall, Posted, ScheduledCall};
use crate::entry::{Entry, Queued, TaskId};
use crate::error::{CloseError, Closed, RunError};
use crate::inbox::{Next, Step};
use crate::platform::Platform;
use crate::report::{CallbackPanic, Handler, Origin, SlowCallback, Work, catch, discard};
use crate::shared::Shared;
use crate::task::registry::Tasks;
use crate::task::waker::TaskWaker;
use crate::timer_queue::TimerQueue;

/// The part of a loop that stays on its thread.
pub(crate) struct Owned<P: Platform> {
    pub(crate) shared: Arc<Shared<P>>,
    /// Callbacks from a `Local`. They need not be `Send`, so only their keys go through the queue that
    /// all threads share.
    calls: RefCell<Slab<Rc<dyn Call>>>,
    timers: RefCell<TimerQueue>,
    pub(crate) tasks: Tasks<P>,
    /// What the iteration still has to run. Empty between runs; kept because the queue reuses its
    /// memory.
    batch: RefCell<VecDeque<Queued>>,
    closed: Cell<bool>,
    pub(crate) slow_callback_duration: Cell<Duration>,
    pub(crate) spin_before_sleep: Cell<Duration>,
    pub(crate) exception_handler: Handler<CallbackPanic>,
    pub(crate) slow_callback_handler: Handler<SlowCallback>,
}

impl<P: Platform> Owned<P> {
    pub(crate) fn new() -> Self {
        Owned {
            shared: Arc::new(Shared::new()),
            calls: RefCell::default(),
            timers: RefCell::default(),
            tasks: Tasks::new(),
            batch: RefCell::default(),
            closed: Cell::new(false),
            slow_callback_duration: Cell::new(Duration::from_millis(100)),
            spin_before_sleep: Cell::new(Duration::ZERO),
            exception_handler: Handler::default(),
            slow_callback_handler: Handler::default(),
        }
    }

    /// Keeps a call on this thread and puts its key in the queue.
    pub(crate) fn submit<F, D>(
        &self,
        call: Rc<LocalCall<F, D>>,
    ) -> Result<Rc<LocalCall<F, D>>, Closed<F>>
    where
        F: FnOnce() + 'static,
        D: Due + 'static,
    {
        let key = self.calls.borrow_mut().insert(call.clone());
        let entry = match D::IS_TIMER {
            true => Entry::LocalTimer(key),
            false => Entry::Local(key),
        };
        match self.shared.call_soon(entry) {
            Ok(()) => Ok(call),
            Err(_) => {
                self.release(key);
                Err(Closed(call.take_back()))
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
    pub(crate) fn begin_run(&self) -> Result<Running<'_, P>, RunError> {
        if self.is_closed() {
            return Err(RunError::Closed);
        }
        // Only this thread runs the loop, so nobody changes the flag after this look.
        if self.shared.is_running() {
            return Err(RunError::AlreadyRunning);
        }
        self.shared.set_running(true);
        Ok(Running(&self.shared))
    }

    /// A waker for a future that is in no slab.
    pub(crate) fn main_waker(&self) -> Arc<TaskWaker<P>> {
        let id = TaskId {
            place: TaskId::MAIN,
            number: self.shared.number(),
        };
        TaskWaker::new(&self.shared, id)
    }

    /// Runs iterations until the loop is stopped. Calls `poll_main` for each wakeup that is not for a
    /// task of the slab.
    pub(crate) fn iterate(&self, poll_main: &mut dyn FnMut(TaskId)) {
        let inbox = &self.shared.inbox;
        let mut batch = self.batch.borrow_mut();
        inbox.first_batch(&mut batch, self.next_deadline());
        loop {
            for entry in batch.drain(..) {
                self.run(Queued::into_inner(entry), poll_main);
            }
            self.run_due_timers();
            let deadline = self.next_deadline();
            self.spin(deadline);
            if inbox.next_batch(&mut batch, deadline) == Next::Stop {
                return;
            }
        }
    }

    /// Looks for work without sleeping, if the user wants that.
    ///
    /// Whatever this sees is out of date at once, and nothing depends on it: the inbox looks again, under
    /// the lock that it sleeps by. So this can make the loop late, but it cannot lose a wakeup.
    fn spin(&self, deadline: Option<Duration>) {
        let duration = self.spin_before_sleep.get();
        if duration.is_zero() {
            return;
        }
        let mut until = P::now().saturating_add(duration);
        if let Some(deadline) = deadline {
            until = until.min(deadline);
        }
        let mut looks = 0;
        while self.shared.inbox.status().has_nothing_to_do() {
            looks += 1;
            if !P::spins_on(looks, until) {
                return;
            }
        }
    }

    fn run(&self, entry: Entry, poll_main: &mut dyn FnMut(TaskId)) {
        match entry {
            Entry::Posted(call) => self.run_posted(call),
            Entry::Shared(call) => self.run_call(&*call),
            Entry::Local(key) => self.run_call(&*self.release(key)),
            Entry::Timer(timer) => self.arrive(ScheduledCall::Shared(timer)),
            Entry::LocalTimer(key) => self.arrive(ScheduledCall::Local(self.release(key))),
            Entry::Task(id) if id.place == TaskId::MAIN => {
                P::step(Step::Run, None);
                poll_main(id);
            }
            Entry::Task(id) => self.poll_task(id),
            Entry::Spawn(spawned) => {
                if let Some(task) = spawned.start() {
                    self.poll_task(self.tasks.insert(&self.shared, task, None));
                }
            }
            Entry::Sweep => self.shared.cancelled_timers.heard(),
            Entry::Report(panic) => self.tell(*panic),
        }
    }

    /// A timer has come through the queue. It runs when it is due, which is after the batch at the
    /// earliest.
    fn arrive(&self, timer: ScheduledCall) {
        let when = timer.when().expect("a timer has a deadline");
        self.timers.borrow_mut().insert(when, timer);
    }

    /// Runs the timers that are due, in the order of their deadlines. Timers that these set are in the
    /// inbox, not among them.
    fn run_due_timers(&self) {
        if self.timers.borrow().is_empty() {
            return;
        }
        let now = P::now();
        loop {
            let due = self.timers.borrow_mut().take_due(now);
            let Some(timer) = due else { return };
            self.run_call(&*timer);
        }
    }

    fn next_deadline(&self) -> Option<Duration> {
        let cancelled = &self.shared.cancelled_timers;
        self.timers.borrow_mut().next_deadline(cancelled)
    }

    fn run_call(&self, call: &dyn Call) {
        P::step(Step::Run, None);
        self.watch(|| callback(call), || call.run());
    }

    fn run_posted(&self, call: Box<dyn Posted>) {
        P::step(Step::Run, None);
        let scheduled_at = Cell::new(Location::caller());
        let origin = || Work::Callback.scheduled_at(scheduled_at.get());
        self.watch(origin, || {
            call.run(&scheduled_at);
            true
        });
    }

    fn poll_task(&self, id: TaskId) {
        P::step(Step::Run, None);
        let Some(task) = self.tasks.begin_poll(id) else {
            return; // it has ended since it was woken
        };
        let (mut future, waker) = (task.future, task.waker);
        let origin = || Work::Task.scheduled_at(task.spawned_at);
        // A future under supervision does not panic. If the poll does, the panic comes from a waker
        // that the task's end has woken, or from its result's destructor: the future is over.
        let mut is_over = true;
        self.watch(origin, || {
            let mut context = Context::from_waker(&waker);
            is_over = future.as_mut().poll(&mut context).is_ready();
            true
        });
        if is_over {
            drop(waker); // so that the next task can have its memory
            self.tasks.remove(id);
            self.catch_panic(origin, || drop(future));
        } else {
            self.tasks.end_poll(id, future);
        }
    }

    /// Runs the user's code. In debug mode, also reports it if it was slow. `user_code` returns whether
    /// there was any code to run: a cancelled callback is not slow, however long it took to see that.
    pub(crate) fn watch(&self, origin: impl Fn() -> Origin, user_code: impl FnOnce() -> bool) {
        let started = self.shared.is_debug().then(P::now);
        let mut has_run = true;
        self.catch_panic(&origin, || has_run = user_code());
        if let Some(started) = started {
            let duration = P::now().saturating_sub(started);
            let allowed = self.slow_callback_duration.get();
            if duration > allowed && has_run {
                let Origin { work, scheduled_at } = origin();
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

    /// Runs the user's code, whose panic must not end the loop.
    fn catch_panic(&self, origin: impl Fn() -> Origin, user_code: impl FnOnce()) {
        if let Err(payload) = catch::<P, _>(user_code) {
            let origin = origin();
            self.tell(CallbackPanic { origin, payload });
        }
    }

    fn tell(&self, panic: CallbackPanic) {
        self.exception_handler.tell(&panic);
        discard(panic.payload);
    }

    pub(crate) fn close(&self) -> Result<(), CloseError> {
        if self.shared.is_running() {
            return Err(CloseError::Running);
        }
        if self.closed.replace(true) {
            return Ok(());
        }
        for entry in self.shared.inbox.close() {
            match Queued::into_inner(entry) {
                Entry::Posted(call) => {
                    let scheduled_at = call.scheduled_at();
                    self.catch_panic(|| Work::Callback.scheduled_at(scheduled_at), || drop(call));
                }
                Entry::Shared(call) => self.abandon(&*call),
                Entry::Local(key) => self.abandon(&*self.release(key)),
                Entry::Timer(timer) => self.arrive(ScheduledCall::Shared(timer)),
                Entry::LocalTimer(key) => self.arrive(ScheduledCall::Local(self.release(key))),
                Entry::Spawn(spawned) => {
                    if let Some(task) = spawned.start() {
                        self.tasks.insert(&self.shared, task, None);
                    }
                }
                Entry::Report(panic) => self.tell(*panic),
                Entry::Task(_) | Entry::Sweep => {}
            }
        }
        loop {
            let first = self.timers.borrow_mut().take_first();
            let Some(timer) = first else { break };
            self.abandon(&*timer);
        }
        for task in self.tasks.drain() {
            let future = task.future;
            let origin = || Work::Task.scheduled_at(task.spawned_at);
            self.catch_panic(origin, || drop(future));
        }
        // Last, since they were told of what came before. A handler may own a `Local`, and with it
        // the loop that owns the handler.
        self.exception_handler.close::<P>();
        self.slow_callback_handler.close::<P>();
        self.shared.set_emptied();
        Ok(())
    }

    /// Drops a callback that will not run, even if its handle is kept.
    fn abandon(&self, call: &dyn Call) {
        self.catch_panic(
            || callback(call),
            || {
                call.cancel();
            },
        );
    }
}

/// Where a callback comes from.
fn callback(call: &dyn Call) -> Origin {
    Work::Callback.scheduled_at(call.scheduled_at())
}

/// A loop that is running, until this is dropped.
pub(crate) struct Running<'a, P: Platform>(&'a Shared<P>);

impl<P: Platform> Drop for Running<'_, P> {
    fn drop(&mut self) {
        self.0.set_running(false);
    }
}
