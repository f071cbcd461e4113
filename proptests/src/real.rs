//! Executes the commands of a history of one thread on the real loop, and records what happens.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::panic::{self, AssertUnwindSafe};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use wakeproof::hazard::{self, HazardError};
use wakeproof::platform::Platform;
use wakeproof::{
    CallHandle, CallbackPanic, Closed, EventHandle, EventLoop, Handle, Local, LocalCallHandle,
    LocalTimerHandle, SharedTask, Sleep, SlowCallback, Task, TimeoutError, TimerHandle,
};

use crate::command::{
    Await, Callback, Caller, Command, Destructor, Due, EVENTS, Id, SetCall, SpawnCall, StopCall,
    SubmitCall, TimedWait, nth,
};
use crate::record::{
    Call, End, Event, OWNER, Observation, Record, Refusal, ReturnValue, WaitEnd, text_of,
};
use crate::virtual_time;

mod task;

use self::task::{ScriptedTask, TakenHandle, TaskHandle, YieldOnce};

/// More cancelled timers than a loop keeps before their deadlines.
const TIMERS: usize = 150;

/// A loop and its owner, on [`VirtualTime`](crate::virtual_time::VirtualTime) or a variant of it.
pub struct RealLoop<P: Platform>(Rc<OwnerState<P>>);

/// The state that stays on the loop's thread.
struct OwnerState<P: Platform> {
    event_loop: RefCell<Option<EventLoop<P>>>,
    local: Local<P>,
    local_calls: RefCell<BTreeMap<Id, Rc<dyn Scheduled>>>,
    local_tasks: RefCell<BTreeMap<Id, Task<()>>>,
    events: [wakeproof::Event<P>; EVENTS],
    /// The future that each waiting task awaits.
    waits: RefCell<BTreeMap<Id, Wait>>,
    /// How often the handlers were replaced.
    handlers: Cell<usize>,
    shared: Arc<Shared<P>>,
}

/// A future that a task awaits.
type Wait = Pin<Box<dyn Future<Output = WaitEnd>>>;

/// The state that other threads and callbacks may use.
struct Shared<P: Platform> {
    handle: Handle<P>,
    owner: P::ThreadId,
    records: Mutex<Vec<Record>>,
    submissions: Mutex<usize>,
    /// The callbacks whose handle still exists. `None` for a handle from a `Local`, which cannot leave the
    /// loop's thread.
    calls: Mutex<BTreeMap<Id, Option<Arc<dyn Scheduled + Send + Sync>>>>,
    /// The tasks whose handle still exists, and how each was spawned.
    tasks: Mutex<BTreeMap<Id, SpawnCall>>,
    /// The handles of the tasks that a `Handle` spawned.
    shared_tasks: Mutex<BTreeMap<Id, SharedTask<()>>>,
    wakers: Mutex<BTreeMap<Id, Waker>>,
    events: [EventHandle<P>; EVENTS],
}

/// What the four kinds of callback handles have in common.
trait Scheduled {
    fn cancel(&self) -> bool;
    fn is_cancelled(&self) -> bool;
    fn is_done(&self) -> bool;
}

macro_rules! scheduled {
    ($($handle:ident),*) => {$(
        impl Scheduled for $handle {
            fn cancel(&self) -> bool {
                $handle::cancel(self)
            }

            fn is_cancelled(&self) -> bool {
                $handle::is_cancelled(self)
            }

            fn is_done(&self) -> bool {
                $handle::is_done(self)
            }
        }
    )*};
}

scheduled!(CallHandle, LocalCallHandle, TimerHandle, LocalTimerHandle);

thread_local! {
    /// The loop of this thread. Callbacks find it here, since they must be `Send` and cannot own it.
    static PERFORMER: RefCell<Option<Rc<dyn Perform>>> = const { RefCell::new(None) };
}

/// [`OwnerState`], on any platform.
trait Perform {
    fn perform(&self, command: &Command);

    /// Begins a wait of a task. Returns false if there is nothing to wait for.
    fn begin_wait(&self, id: Id, what: Await, through: SpawnCall) -> bool;

    /// Polls the wait of a task.
    fn poll_wait(&self, id: Id, context: &mut Context<'_>) -> Poll<WaitEnd>;

    /// Drops the wait of a task.
    fn forget_wait(&self, id: Id);
}

impl<P: Platform> RealLoop<P> {
    /// Creates a loop on this thread, and sets this thread's clock to zero.
    #[must_use]
    pub fn new() -> Self {
        virtual_time::set(Duration::ZERO);
        let event_loop = EventLoop::on_platform();
        let local = event_loop.local();
        let events: [_; EVENTS] = std::array::from_fn(|_| wakeproof::Event::new(&local));
        let owned = Rc::new(OwnerState {
            local,
            local_calls: RefCell::default(),
            local_tasks: RefCell::default(),
            waits: RefCell::default(),
            handlers: Cell::new(0),
            shared: Arc::new(Shared {
                handle: event_loop.handle(),
                owner: P::current_thread(),
                records: Mutex::default(),
                submissions: Mutex::default(),
                calls: Mutex::default(),
                tasks: Mutex::default(),
                shared_tasks: Mutex::default(),
                wakers: Mutex::default(),
                events: std::array::from_fn(|event| events[event].handle()),
            }),
            events,
            event_loop: RefCell::new(Some(event_loop)),
        });
        owned.set_slow_callback_duration(Duration::MAX);
        owned.set_handlers();
        let shared = owned.shared.clone();
        virtual_time::listen(Some(Rc::new(move |until| {
            shared.record(Event::Slept(until));
        })));
        PERFORMER.set(Some(owned.clone()));
        RealLoop(owned)
    }

    /// Sets 150 timers on the loop's thread and 150 on another. If `cancels`, cancels each at once; these
    /// are enough for the loop to sweep cancelled timers out. Records none of this.
    pub fn set_many_timers(&self, cancels: bool) {
        let delay = |n| Duration::from_millis(if n % 2 == 0 { 1 } else { 3_600_000 });
        for n in 0..TIMERS {
            if let Ok(timer) = self.0.local.call_later(delay(n), || ()) {
                let _ = cancels && timer.cancel();
            }
        }
        self.0.on(Caller::Foreign, |shared| {
            for n in 0..TIMERS {
                if let Ok(timer) = shared.handle.call_later_threadsafe(delay(n), || ()) {
                    let _ = cancels && timer.cancel();
                }
            }
        });
    }

    /// Executes one command of the top level, and returns its records.
    pub fn execute(&self, command: &Command) -> Vec<Record> {
        self.0.perform(command);
        std::mem::take(&mut *lock(&self.0.shared.records))
    }
}

impl<P: Platform> Default for RealLoop<P> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P: Platform> Drop for RealLoop<P> {
    fn drop(&mut self) {
        drop(self.0.event_loop.take());
        let tasks = lock(&self.0.shared.tasks).clone();
        tasks
            .keys()
            .for_each(|id| drop(self.0.remove_task_handle(*id)));
        PERFORMER.set(None);
        virtual_time::listen(None);
    }
}

impl<P: Platform> Perform for OwnerState<P> {
    fn perform(&self, command: &Command) {
        match command {
            Command::Submit(through, callback) => match through {
                SubmitCall::CallSoon => self.call_soon(callback),
                SubmitCall::Timer(due) => self.set_timer(*due, callback),
                _ => self.on(through.caller(), |shared| shared.submit(*through, callback)),
            },
            Command::Cancel(pick, caller) => self.cancel(*pick, *caller),
            Command::Forget(pick) => {
                let forgotten = nth(&lock(&self.shared.calls), *pick);
                if let Some((id, _)) = forgotten {
                    lock(&self.shared.calls).remove(&id);
                    self.local_calls.borrow_mut().remove(&id);
                }
            }
            Command::Stop(StopCall::Handle(caller)) => {
                self.on(*caller, |shared| shared.stop());
            }
            Command::Stop(through) => self.shared.during(Call::Stop, || {
                match (through, &*self.event_loop.borrow()) {
                    (StopCall::Loop, Some(event_loop)) => event_loop.stop(),
                    _ => self.local.clone().stop(),
                }
                ReturnValue::Nothing
            }),
            Command::Spawn(SpawnCall::Local, task) => self.spawn(task),
            Command::Spawn(through @ SpawnCall::Threadsafe(caller), task) => {
                self.on(*caller, |shared| shared.spawn(*through, task));
            }
            Command::Await(_) | Command::KeepWaker => {}
            Command::Wake(pick, caller) => {
                let picked = nth(&lock(&self.shared.wakers), *pick);
                if let Some((id, waker)) = picked {
                    self.on(*caller, |shared| {
                        shared.during(Call::Wake(id), || {
                            waker.wake_by_ref();
                            ReturnValue::Nothing
                        });
                    });
                }
            }
            Command::CancelTask(pick, caller) => self.cancel_task(*pick, *caller),
            Command::Detach(pick) => {
                let picked = nth(&lock(&self.shared.tasks), *pick);
                drop(picked.map(|(id, _)| self.remove_task_handle(id)));
            }
            Command::SetEvent(SetCall::Event, event) => {
                self.shared.during(Call::SetEvent(*event), || {
                    self.events[*event].set();
                    ReturnValue::Nothing
                });
            }
            Command::SetEvent(SetCall::Threadsafe(caller), event) => {
                self.on(*caller, |shared| shared.set_threadsafe(*event));
            }
            Command::ClearEvent(event) => self.events[*event].clear(),
            Command::Look => self.shared.during(Call::Look, || self.look()),
            Command::DropLoop => {
                let event_loop = self.event_loop.take();
                if event_loop.is_some() {
                    self.shared.during(Call::DropLoop, || {
                        drop(event_loop);
                        ReturnValue::Nothing
                    });
                }
            }
            Command::RunUntilComplete(main) => {
                if let Some(event_loop) = &*self.event_loop.borrow() {
                    self.shared.run_until_complete(event_loop, main);
                }
            }
            Command::Run | Command::Close | Command::SetDebug(_) => {
                if let Some(event_loop) = &*self.event_loop.borrow() {
                    match command {
                        Command::Run => self
                            .shared
                            .during(Call::Run, || ReturnValue::Ran(event_loop.run_forever())),
                        Command::SetDebug(enabled) => event_loop.set_debug(*enabled),
                        _ => self
                            .shared
                            .during(Call::Close, || ReturnValue::Closed(event_loop.close())),
                    }
                }
            }
            Command::SetSlowCallbackDuration(milliseconds) => {
                self.set_slow_callback_duration(Duration::from_millis(*milliseconds));
            }
            Command::Elapse(duration) => virtual_time::elapse(*duration),
            Command::ReplaceHandlers => {
                self.handlers.set(self.handlers.get() + 1);
                self.set_handlers();
            }
        }
    }

    fn begin_wait(&self, id: Id, what: Await, through: SpawnCall) -> bool {
        let (local, handle) = (&self.local, &self.shared.handle);
        let is_local = through == SpawnCall::Local;
        let mut deadline = None;
        let wait: Wait = match what {
            Await::Turn => comes(YieldOnce::default()),
            Await::Sleep(due) => {
                deadline = Some(due.deadline(local.time()));
                match (is_local, due.delay()) {
                    (true, Some(delay)) => sleeps(local.sleep(delay)),
                    (true, None) => sleeps(local.sleep_until(due.deadline(local.time()))),
                    (false, Some(delay)) => sleeps(handle.sleep(delay)),
                    (false, None) => sleeps(handle.sleep_until(due.deadline(local.time()))),
                }
            }
            Await::Event(event) => comes(self.events[event].wait()),
            Await::Task(pick) => {
                let picked = nth(&lock(&self.shared.tasks), pick);
                let Some((other, _)) = picked else {
                    return false;
                };
                let task = self.remove_task_handle(other);
                Box::pin(async move { WaitEnd::TaskEnded(task.await) })
            }
            Await::Timeout(limit, timed_wait) => {
                let limit = Duration::from_millis(limit);
                let (delay, wait) = match timed_wait {
                    TimedWait::Sleep(delay) => {
                        let delay = Duration::from_millis(delay);
                        let sleep = match is_local {
                            true => sleeps(local.sleep(delay)),
                            false => sleeps(handle.sleep(delay)),
                        };
                        (delay, sleep)
                    }
                    TimedWait::Event(event) => (limit, comes(self.events[event].wait())),
                };
                deadline = Some(local.time() + limit.min(delay));
                match is_local {
                    true => in_time(local.timeout(limit, wait)),
                    false => in_time(handle.timeout(limit, wait)),
                }
            }
        };
        self.shared.record(Event::Waits(id, deadline));
        self.waits.borrow_mut().insert(id, wait);
        true
    }

    fn poll_wait(&self, id: Id, context: &mut Context<'_>) -> Poll<WaitEnd> {
        let wait = self.waits.borrow_mut().remove(&id);
        let mut wait = wait.expect("the task waits for something");
        let poll = wait.as_mut().poll(context);
        if poll.is_pending() {
            self.waits.borrow_mut().insert(id, wait);
        }
        poll
    }

    fn forget_wait(&self, id: Id) {
        let wait = self.waits.borrow_mut().remove(&id);
        drop(wait);
    }
}

fn comes(future: impl Future<Output = ()> + 'static) -> Wait {
    Box::pin(async {
        future.await;
        WaitEnd::Arrived
    })
}

fn sleeps<P: Platform>(sleep: Sleep<P>) -> Wait {
    comes(async {
        sleep
            .await
            .expect("a task that sleeps is dropped when its loop is closed");
    })
}

fn in_time(future: impl Future<Output = Result<WaitEnd, TimeoutError>> + 'static) -> Wait {
    Box::pin(async {
        match future.await {
            Ok(wait_end) => wait_end,
            Err(TimeoutError::Elapsed) => WaitEnd::TimedOut,
            Err(error) => {
                unreachable!("a task that waits is dropped when its loop is closed: {error}")
            }
        }
    })
}

impl<P: Platform> OwnerState<P> {
    fn call_soon(&self, callback: &Callback) {
        let (id, call) = self.shared.begin_submission(SubmitCall::CallSoon, callback);
        match self.local.clone().call_soon(call) {
            Ok(handle) => self.accepted(id, handle, None),
            Err(Closed(callback)) => self.shared.refused(Refusal::Closed, callback),
        }
    }

    fn set_timer(&self, due: Due, callback: &Callback) {
        let (id, call) = self
            .shared
            .begin_submission(SubmitCall::Timer(due), callback);
        let local = self.local.clone();
        let timer = match due.delay() {
            Some(delay) => local.call_later(delay, call),
            None => local.call_at(due.deadline(local.time()), call),
        };
        match timer {
            Ok(timer) => {
                let deadline = timer.when();
                self.accepted(id, timer, Some(deadline));
            }
            Err(Closed(callback)) => self.shared.refused(Refusal::Closed, callback),
        }
    }

    fn accepted(&self, id: Id, handle: impl Scheduled + 'static, deadline: Option<Duration>) {
        lock(&self.shared.calls).insert(id, None);
        self.local_calls.borrow_mut().insert(id, Rc::new(handle));
        self.shared
            .record(Event::Return(ReturnValue::Submitted(Ok(deadline))));
    }

    fn spawn(&self, task: &Callback) {
        let (id, body) = self.shared.begin_spawn(SpawnCall::Local, task);
        match self.local.spawn(body) {
            Ok(task) => {
                lock(&self.shared.tasks).insert(id, SpawnCall::Local);
                self.local_tasks.borrow_mut().insert(id, task);
                self.shared
                    .record(Event::Return(ReturnValue::Submitted(Ok(None))));
            }
            Err(Closed(future)) => self.shared.refused(Refusal::Closed, future),
        }
    }

    fn cancel_task(&self, pick: usize, caller: Caller) {
        let picked = nth(&lock(&self.shared.tasks), pick);
        match picked {
            None => {}
            Some((id, SpawnCall::Local)) => self.shared.during(Call::CancelTask(id), || {
                ReturnValue::Cancelled(self.local_tasks.borrow()[&id].cancel())
            }),
            Some((id, SpawnCall::Threadsafe(_))) => self.on(caller, |shared| {
                shared.during(Call::CancelTask(id), || {
                    ReturnValue::Cancelled(lock(&shared.shared_tasks)[&id].cancel())
                });
            }),
        }
    }

    /// Removes the handle of a task that has one.
    fn remove_task_handle(&self, id: Id) -> TakenHandle<P> {
        lock(&self.shared.tasks).remove(&id);
        let local = self.local_tasks.borrow_mut().remove(&id);
        let shared = lock(&self.shared.shared_tasks).remove(&id);
        let handle = local
            .map(TaskHandle::Local)
            .or(shared.map(TaskHandle::Shared));
        let handle = handle.expect("the task has a handle");
        TakenHandle::new(handle, &self.shared.handle)
    }

    fn cancel(&self, pick: usize, caller: Caller) {
        let picked = nth(&lock(&self.shared.calls), pick);
        match picked {
            None => {}
            Some((id, Some(handle))) => {
                self.on(caller, |shared| shared.cancel(id, || handle.cancel()));
            }
            Some((id, None)) => {
                let handle = self.local_calls.borrow()[&id].clone();
                self.shared.cancel(id, || handle.cancel());
            }
        }
    }

    fn look(&self) -> ReturnValue {
        let (local, handle) = (&self.local, self.local.handle());
        let status = handle.status();
        let calls = lock(&self.shared.calls).clone();
        ReturnValue::Looked(Box::new(Observation {
            time: [local.time(), handle.time()],
            running: [local.is_running(), handle.is_running()],
            closed: [local.is_closed(), handle.is_closed(), status.closed],
            event_loop: self.event_loop.borrow().as_ref().map(|event_loop| {
                let state = [
                    event_loop.is_running(),
                    event_loop.is_closed(),
                    event_loop.is_debug(),
                ];
                (state, event_loop.time())
            }),
            queued: status.queued,
            asleep: [status.asleep, status.is_stranded()],
            stopping: status.stopping,
            calls: calls
                .iter()
                .map(|(id, handle)| match handle {
                    Some(handle) => (*id, [handle.is_cancelled(), handle.is_done()]),
                    None => {
                        let handle = self.local_calls.borrow()[id].clone();
                        (*id, [handle.is_cancelled(), handle.is_done()])
                    }
                })
                .collect(),
            tasks: self.look_at_tasks(),
            events: (self.events.iter().zip(&self.shared.events))
                .map(|(event, handle)| [event.is_set(), handle.is_set()])
                .collect(),
        }))
    }

    fn look_at_tasks(&self) -> Vec<(Id, [bool; 2])> {
        let local_tasks = self.local_tasks.borrow();
        let shared_tasks = lock(&self.shared.shared_tasks);
        let local = local_tasks
            .iter()
            .map(|(id, task)| (*id, [task.is_finished(), task.is_cancelled()]));
        let shared = shared_tasks
            .iter()
            .map(|(id, task)| (*id, [task.is_finished(), task.is_cancelled()]));
        let mut tasks: Vec<_> = local.chain(shared).collect();
        tasks.sort_unstable();
        tasks
    }

    fn set_slow_callback_duration(&self, duration: Duration) {
        if let Some(event_loop) = &*self.event_loop.borrow() {
            event_loop.set_slow_callback_duration(duration);
        }
    }

    fn set_handlers(&self) {
        if let Some(event_loop) = &*self.event_loop.borrow() {
            let number = self.handlers.get();
            let shared = self.shared.clone();
            event_loop.set_exception_handler(move |panic: &CallbackPanic| {
                shared.record(match panic.payload().downcast_ref() {
                    Some(ScriptedPanic(id)) => Event::Reported(*id, number),
                    None => Event::Unexpected(text_of(panic.payload())),
                });
            });
            let shared = self.shared.clone();
            event_loop.set_slow_callback_handler(move |slow: &SlowCallback| {
                shared.record(Event::Slow(number, slow.duration));
            });
        }
    }

    /// Makes a call on this thread, or on another thread that ends before this returns.
    fn on(&self, caller: Caller, call: impl FnOnce(&Arc<Shared<P>>) + Send) {
        let shared = &self.shared;
        match caller {
            Caller::Owner => call(shared),
            Caller::Foreign => {
                let mut call = Some(call);
                on_another_thread(&mut || {
                    if let Some(call) = call.take() {
                        call(shared);
                    }
                });
            }
        }
    }
}

/// Not generic, because there are many calls, and the code that starts a thread is large.
fn on_another_thread(call: &mut (dyn FnMut() + Send)) {
    thread::scope(|scope| {
        let now = virtual_time::now();
        let foreign = scope.spawn(move || {
            virtual_time::set(now);
            call();
        });
        if let Err(payload) = foreign.join() {
            panic::resume_unwind(payload);
        }
    });
}

impl<P: Platform> Shared<P> {
    /// `Handle::call_soon_threadsafe`, the hazard, or a timer.
    fn submit(self: &Arc<Self>, through: SubmitCall, callback: &Callback) {
        let (id, call) = self.begin_submission(through, callback);
        let handle = self.handle.clone();
        match through {
            SubmitCall::Hazard(_) => match hazard::call_soon_without_wakeup(&handle, call) {
                Ok(handle) => self.accepted(id, handle, None),
                Err(HazardError::Closed(closed)) => self.refused(Refusal::Closed, closed.0),
                Err(error) => self.refused(Refusal::WrongThread, error.into_submitted()),
            },
            SubmitCall::TimerThreadsafe(due, _) => {
                let timer = match due.delay() {
                    Some(delay) => handle.call_later_threadsafe(delay, call),
                    None => handle.call_at_threadsafe(due.deadline(handle.time()), call),
                };
                match timer {
                    Ok(timer) => {
                        let deadline = timer.when();
                        self.accepted(id, timer, Some(deadline));
                    }
                    Err(closed) => self.refused(Refusal::Closed, closed.0),
                }
            }
            _ => match handle.call_soon_threadsafe(call) {
                Ok(handle) => self.accepted(id, handle, None),
                Err(closed) => self.refused(Refusal::Closed, closed.0),
            },
        }
    }

    /// `Handle::spawn_threadsafe`.
    fn spawn(self: &Arc<Self>, through: SpawnCall, task: &Callback) {
        let (id, body) = self.begin_spawn(through, task);
        match self.handle.spawn_threadsafe(body) {
            Ok(task) => {
                lock(&self.tasks).insert(id, through);
                lock(&self.shared_tasks).insert(id, task);
                self.record(Event::Return(ReturnValue::Submitted(Ok(None))));
            }
            Err(Closed(future)) => self.refused(Refusal::Closed, future),
        }
    }

    /// Records the call, and returns the task's number and its future.
    fn begin_spawn(self: &Arc<Self>, through: SpawnCall, task: &Callback) -> (Id, ScriptedTask<P>) {
        let id = self.number();
        self.record(Event::Call(Call::Spawn(id, through)));
        (id, ScriptedTask::new(id, through, task, self))
    }

    /// `EventLoop::run_until_complete`.
    fn run_until_complete(self: &Arc<Self>, event_loop: &EventLoop<P>, main: &Callback) {
        let id = self.number();
        self.during(Call::RunUntilComplete(id), || {
            let main = ScriptedTask::new(id, SpawnCall::Local, main, self);
            ReturnValue::Completed(
                match catch_scripted(|| event_loop.run_until_complete(main)) {
                    Ok(Ok(())) => Ok(End::Returned),
                    Ok(Err(error)) => Err(error),
                    Err(ScriptedPanic(_)) => Ok(End::Panicked),
                },
            )
        });
    }

    /// `EventHandle::set_threadsafe`.
    fn set_threadsafe(&self, event: usize) {
        let id = self.number();
        self.record(Event::Call(Call::SetThreadsafe(id, event)));
        match self.events[event].set_threadsafe() {
            Ok(handle) => self.accepted(id, handle, None),
            Err(_) => self.refused(Refusal::Closed, ()),
        }
    }

    /// The number of the next submission.
    fn number(&self) -> Id {
        let mut submissions = lock(&self.submissions);
        *submissions += 1;
        *submissions - 1
    }

    fn accepted(
        &self,
        id: Id,
        handle: impl Scheduled + Send + Sync + 'static,
        deadline: Option<Duration>,
    ) {
        lock(&self.calls).insert(id, Some(Arc::new(handle)));
        self.record(Event::Return(ReturnValue::Submitted(Ok(deadline))));
    }

    /// Records the call, and returns the submission's number and its callback.
    fn begin_submission(
        self: &Arc<Self>,
        through: SubmitCall,
        callback: &Callback,
    ) -> (Id, impl FnOnce() + Send + use<P>) {
        let id = self.number();
        self.record(Event::Call(Call::Submit(id, through)));
        let recorder = DropRecorder::new(id, callback.destructor, self);
        let Callback { script, panics, .. } = callback.clone();
        let call = move || {
            let recorder = recorder;
            recorder.shared.record(Event::Began(id, P::now()));
            for command in &script {
                let performer = PERFORMER.with_borrow(Clone::clone);
                performer.iter().for_each(|loop_| loop_.perform(command));
            }
            recorder.shared.record(Event::Ended(id));
            if panics {
                panic::resume_unwind(Box::new(ScriptedPanic(id)));
            }
        };
        (id, call)
    }

    /// Records that a submission was refused, and drops the callback that wait_end back.
    fn refused<T>(&self, refusal: Refusal, callback: T) {
        self.record(Event::Return(ReturnValue::Submitted(Err(refusal))));
        let _ = catch_scripted(|| drop(callback));
    }

    fn cancel(&self, id: Id, cancel: impl FnOnce() -> bool) {
        self.during(Call::Cancel(id), || match catch_scripted(cancel) {
            Ok(cancelled) => ReturnValue::Cancelled(cancelled),
            Err(ScriptedPanic(_)) => ReturnValue::CancelPanicked,
        });
    }

    fn stop(&self) {
        self.during(Call::Stop, || {
            self.handle.clone().stop();
            ReturnValue::Nothing
        });
    }

    fn during(&self, call: Call, make: impl FnOnce() -> ReturnValue) {
        self.record(Event::Call(call));
        let outcome = make();
        self.record(Event::Return(outcome));
    }

    fn record(&self, event: Event) {
        let thread = match P::current_thread() == self.owner {
            true => OWNER,
            false => OWNER + 1,
        };
        lock(&self.records).push(Record { thread, event });
    }
}

/// Owned by a callback or a task. Records when it is dropped, and then does what the script says.
struct DropRecorder<P: Platform> {
    id: Id,
    destructor: Destructor,
    shared: Arc<Shared<P>>,
}

impl<P: Platform> DropRecorder<P> {
    fn new(id: Id, destructor: Destructor, shared: &Arc<Shared<P>>) -> Self {
        DropRecorder {
            id,
            destructor,
            shared: shared.clone(),
        }
    }
}

impl<P: Platform> Drop for DropRecorder<P> {
    fn drop(&mut self) {
        self.shared.record(Event::Dropped(self.id));
        match self.destructor {
            Destructor::Quiet => {}
            Destructor::Panics => {
                if !thread::panicking() {
                    panic::resume_unwind(Box::new(ScriptedPanic(self.id)));
                }
            }
            Destructor::Submits => {
                let caller = match P::current_thread() == self.shared.owner {
                    true => Caller::Owner,
                    false => Caller::Foreign,
                };
                self.shared
                    .submit(SubmitCall::Threadsafe(caller), &Callback::NOTHING);
            }
            Destructor::Stops => self.shared.stop(),
        }
    }
}

/// A panic that a history asks for. Raised with `resume_unwind`, so that no hook prints it.
struct ScriptedPanic(Id);

/// Catches the panics that the history asks for, and lets all others through.
fn catch_scripted<R>(code: impl FnOnce() -> R) -> Result<R, ScriptedPanic> {
    panic::catch_unwind(AssertUnwindSafe(code)).map_err(
        |payload: Box<dyn Any + Send>| match payload.downcast() {
            Ok(scripted) => *scripted,
            Err(other) => panic::resume_unwind(other),
        },
    )
}

/// Ignores poisoning: each of these mutexes is held for one statement, and a callback's panic leaves
/// nothing half-done.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<P: Platform> fmt::Debug for RealLoop<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RealLoop").field(&self.0.local).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::panic::resume_unwind;

    use super::*;
    use crate::virtual_time::VirtualTime;

    /// The loop catches the panic. The reference predicts no such record, so the history differs.
    #[test]
    fn an_assertion_that_fails_in_a_callback_is_recorded() {
        let real = RealLoop::<VirtualTime>::new();
        let callback = || resume_unwind(Box::new("asserted in a callback"));
        real.0.local.call_soon(callback).unwrap();
        real.0.local.stop();
        let failure = Record {
            thread: OWNER,
            event: Event::Unexpected("asserted in a callback".to_owned()),
        };
        assert!(real.execute(&Command::Run).contains(&failure));
    }
}
