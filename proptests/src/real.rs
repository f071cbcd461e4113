//! Executes the commands of a history of one thread on the real loop, and records what happens.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::panic;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

use wakeproof::platform::Platform;
use wakeproof::{CallbackPanic, Closed, EventLoop, Local, Sleep, SlowCallback, Task, TimeoutError};

use crate::command::{
    Await, Callback, Caller, Command, Due, EVENTS, Id, SetCall, SpawnCall, StopCall, SubmitCall,
    TimedWait, nth,
};
use crate::record::{Call, Event, Observation, Record, Refusal, ReturnValue, WaitEnd, text_of};
use crate::virtual_time;

mod shared;
mod task;

use self::shared::{PERFORMER, Perform, Scheduled, ScriptedPanic, Shared, lock};
use self::task::{TakenHandle, TaskHandle, YieldOnce};

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
        self.take_records()
    }

    /// What has been recorded since the last command.
    pub(crate) fn take_records(&self) -> Vec<Record> {
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

impl<P: Platform> fmt::Debug for RealLoop<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RealLoop").field(&self.0.local).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::panic::resume_unwind;

    use super::*;
    use crate::record::OWNER;
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
