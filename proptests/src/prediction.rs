//! Predicts the records of a history, with the help of the [reference](crate::reference).

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use wakeproof::RunError;

use crate::command::{
    Await, Callback, Caller, Command, Destructor, EVENTS, EventId, Id, SetCall, SpawnCall,
    StopCall, SubmitCall, TimedWait, nth,
};
use crate::record::{Call, End, Event, OWNER, Observation, Record, ReturnValue, WaitEnd};
use crate::reference::{Advance, Documented, Fate, Reference, Rules};

/// The reference together with the callbacks' scripts. Writes the records that the real loop must
/// write.
#[derive(Clone)]
pub struct Prediction<R = Documented> {
    reference: Reference<R>,
    /// Every callback and task ever submitted, at the index that is its number.
    callbacks: Vec<Callback>,
    /// The callbacks whose handle still exists, and how each was submitted.
    handles: BTreeMap<Id, SubmitCall>,
    /// The callbacks that only set an event.
    setters: BTreeMap<Id, EventId>,
    /// The tasks whose handle still exists, and how each was spawned.
    tasks: BTreeMap<Id, SpawnCall>,
    /// How many commands of its script each task has begun.
    progress: BTreeMap<Id, usize>,
    /// The tasks that kept a waker.
    wakers: BTreeMap<Id, ()>,
    slow_callback_duration: Duration,
    /// How often the handlers were replaced.
    handlers: usize,
    event_loop_dropped: bool,
    /// A run went to sleep without a deadline. On one thread, it sleeps for ever.
    overslept: bool,
    /// The records of the last command.
    pub records: Vec<Record>,
}

impl<R: Rules> Default for Prediction<R> {
    fn default() -> Self {
        Prediction {
            reference: Reference::default(),
            callbacks: Vec::new(),
            handles: BTreeMap::new(),
            setters: BTreeMap::new(),
            tasks: BTreeMap::new(),
            progress: BTreeMap::new(),
            wakers: BTreeMap::new(),
            slow_callback_duration: Duration::MAX,
            handlers: 0,
            event_loop_dropped: false,
            overslept: false,
            records: Vec::new(),
        }
    }
}

impl<R: Rules> Prediction<R> {
    /// Whether the command returns. A run returns only if something stops it.
    pub fn returns(&self, command: &Command) -> bool {
        let mut future = self.clone();
        future.execute(command);
        !future.overslept
    }

    /// Whether two timers have, or had, the same deadline.
    pub(crate) fn has_equal_deadlines(&self) -> bool {
        let mut deadlines: Vec<_> = self.reference.deadlines.values().collect();
        deadlines.sort_unstable();
        deadlines.windows(2).any(|pair| pair[0] == pair[1])
    }

    /// Executes one command of the top level, and predicts its records.
    pub fn execute(&mut self, command: &Command) {
        self.records.clear();
        self.perform(command);
    }

    fn perform(&mut self, command: &Command) {
        match command {
            Command::Submit(through, callback) => self.submit(*through, callback),
            Command::Cancel(pick, caller) => self.cancel(*pick, *caller),
            Command::Forget(pick) => {
                if let Some((id, _)) = nth(&self.handles, *pick) {
                    self.handles.remove(&id);
                }
            }
            Command::Stop(through) => self.stop(match through {
                StopCall::Loop | StopCall::Local => Caller::Owner,
                StopCall::Handle(caller) => *caller,
            }),
            Command::Look => self.look(),
            Command::Spawn(through, task) => self.spawn(*through, task),
            Command::Await(_) | Command::KeepWaker => {}
            Command::Wake(pick, caller) => {
                if let Some((id, ())) = nth(&self.wakers, *pick) {
                    self.record_call(number(*caller), Call::Wake(id));
                    self.reference.wake(id);
                    self.record_return(number(*caller), ReturnValue::Nothing);
                }
            }
            Command::CancelTask(pick, caller) => {
                if let Some((id, through)) = nth(&self.tasks, *pick) {
                    let thread = match through {
                        SpawnCall::Local => OWNER,
                        SpawnCall::Threadsafe(_) => number(*caller),
                    };
                    self.record_call(thread, Call::CancelTask(id));
                    let cancelled = self.reference.cancel_task(id);
                    if cancelled {
                        self.reference.wake(id);
                    }
                    self.record_return(thread, ReturnValue::Cancelled(cancelled));
                }
            }
            Command::Detach(pick) => {
                if let Some((id, _)) = nth(&self.tasks, *pick) {
                    self.tasks.remove(&id);
                    self.reference.detach(id);
                }
            }
            Command::SetEvent(SetCall::Event, event) => {
                self.record_call(OWNER, Call::SetEvent(*event));
                self.set_event(*event);
                self.record_return(OWNER, ReturnValue::Nothing);
            }
            Command::SetEvent(SetCall::Threadsafe(caller), event) => {
                self.set_threadsafe(*caller, *event);
            }
            Command::ClearEvent(event) => self.reference.clear_event(*event),
            Command::Elapse(duration) => self.reference.now += *duration,
            // The rest needs an `EventLoop`.
            _ if self.event_loop_dropped => {}
            Command::Run => self.run(),
            Command::RunUntilComplete(main) => self.run_until_complete(main),
            Command::Close => {
                self.record_call(OWNER, Call::Close);
                let closed = self.close();
                self.record_return(OWNER, ReturnValue::Closed(closed));
            }
            Command::DropLoop => {
                self.event_loop_dropped = true;
                self.record_call(OWNER, Call::DropLoop);
                let _ = self.close();
                self.record_return(OWNER, ReturnValue::Nothing);
            }
            Command::SetDebug(enabled) => self.reference.debug = *enabled,
            Command::SetSlowCallbackDuration(milliseconds) => {
                self.slow_callback_duration = Duration::from_millis(*milliseconds);
            }
            Command::ReplaceHandlers => self.handlers += 1,
        }
    }

    fn submit(&mut self, through: SubmitCall, callback: &Callback) {
        let thread = number(through.caller());
        let id = self.callbacks.len();
        self.callbacks.push(callback.clone());
        self.record_call(thread, Call::Submit(id, through));
        let deadline = through.deadline(self.reference.now);
        let submitted = self.reference.submit(id, through, deadline);
        self.record_return(thread, ReturnValue::Submitted(submitted.map(|()| deadline)));
        match submitted {
            Ok(()) => _ = self.handles.insert(id, through),
            // The submitter gets it back in the error, and drops it.
            Err(_) => _ = self.drop_callback(id, thread, false),
        }
    }

    fn spawn(&mut self, through: SpawnCall, task: &Callback) {
        let (thread, wakes) = match through {
            SpawnCall::Local => (OWNER, false),
            SpawnCall::Threadsafe(caller) => (number(caller), true),
        };
        let id = self.callbacks.len();
        self.callbacks.push(task.clone());
        self.record_call(thread, Call::Spawn(id, through));
        let spawned = self.reference.spawn(id, wakes);
        self.record_return(thread, ReturnValue::Submitted(spawned.map(|()| None)));
        match spawned {
            Ok(()) => _ = self.tasks.insert(id, through),
            // The spawner gets it back in the error, and drops it.
            Err(_) => _ = self.drop_callback(id, thread, false),
        }
    }

    fn set_threadsafe(&mut self, caller: Caller, event: EventId) {
        let thread = number(caller);
        let id = self.callbacks.len();
        self.callbacks.push(Callback::NOTHING);
        self.setters.insert(id, event);
        self.record_call(thread, Call::SetThreadsafe(id, event));
        let through = SubmitCall::Threadsafe(caller);
        let submitted = self.reference.submit(id, through, None);
        self.record_return(thread, ReturnValue::Submitted(submitted.map(|()| None)));
        if submitted.is_ok() {
            self.handles.insert(id, through);
        }
    }

    fn set_event(&mut self, event: EventId) {
        for released in self.reference.set_event(event) {
            self.reference.wake(released);
        }
    }

    /// Polls a task, or drops it if its cancellation was requested.
    fn poll(&mut self, id: Id) {
        let timed = self.reference.debug;
        let began = self.reference.now;
        if self.reference.tasks[&id].cancel_requested {
            if self.drop_task(id) {
                self.reference.report(id);
            }
            self.reference.end(id, End::Cancelled);
        } else {
            self.record(OWNER, Event::Polled(id, began));
            self.go_on(id);
        }
        self.reference.end_poll(id);
        let duration = self.reference.now - began;
        if timed && duration > self.slow_callback_duration {
            self.record(OWNER, Event::Slow(self.handlers, duration));
        }
    }

    /// Executes the task's script from where it waits to its next wait, or to its end.
    fn go_on(&mut self, id: Id) {
        if self.reference.tasks[&id].wait.is_some() {
            let Some(wait_end) = self.reference.resume(id) else {
                return;
            };
            self.record(OWNER, Event::Resumes(id, wait_end));
        }
        let Callback { script, panics, .. } = self.callbacks[id].clone();
        loop {
            let at = self.progress.entry(id).or_default();
            let command = script.get(*at);
            *at += 1;
            match command {
                None => break,
                Some(Command::Await(what)) => {
                    if self.waits(id, *what) {
                        return;
                    }
                }
                Some(Command::KeepWaker) => _ = self.wakers.insert(id, ()),
                Some(command) => self.perform(command),
            }
        }
        self.record(OWNER, Event::Ended(id));
        let panicked = self.drop_callback(id, OWNER, panics) || panics;
        let end = match panicked {
            true => End::Panicked,
            false => End::Returned,
        };
        self.reference.end(id, end);
    }

    /// A task begins to wait. Returns false if it need not.
    fn waits(&mut self, id: Id, what: Await) -> bool {
        let now = self.reference.now;
        let limit = match what {
            Await::Timeout(limit, _) => Some(now + Duration::from_millis(limit)),
            _ => None,
        };
        let deadline = match what {
            Await::Sleep(due) => Some(due.deadline(now)),
            Await::Timeout(_, TimedWait::Sleep(delay)) => Some(now + Duration::from_millis(delay)),
            _ => None,
        };
        let joined = match what {
            Await::Task(pick) => match nth(&self.tasks, pick) {
                None => return false, // no task has a handle
                Some((other, _)) => Some(other),
            },
            _ => None,
        };
        let first = limit.into_iter().chain(deadline).min();
        self.record(OWNER, Event::Waits(id, first));
        let wait_end = match (what, joined, deadline) {
            (_, Some(other), _) => {
                self.tasks.remove(&other);
                let end = self.reference.join(id, other);
                if end == Some(End::AwaitsItself) {
                    self.reference.detach(other);
                }
                end.map(WaitEnd::TaskEnded)
            }
            (_, _, Some(deadline)) => {
                self.reference.sleep(id, deadline);
                None
            }
            (Await::Event(event) | Await::Timeout(_, TimedWait::Event(event)), ..) => {
                let is_set = !self.reference.wait_for(id, event);
                is_set.then_some(WaitEnd::Arrived)
            }
            _ => {
                self.reference.yield_now(id);
                None
            }
        };
        if let Some(wait_end) = wait_end {
            self.record(OWNER, Event::Resumes(id, wait_end));
        } else if let Some(limit) = limit {
            self.reference.limit(id, limit);
        }
        wait_end.is_none()
    }

    /// Drops a task that has not reached its end. Returns whether its destructor panics.
    fn drop_task(&mut self, id: Id) -> bool {
        self.reference.forget_wait(id);
        self.drop_callback(id, OWNER, false)
    }

    fn cancel(&mut self, pick: usize, caller: Caller) {
        let Some((id, through)) = nth(&self.handles, pick) else {
            return;
        };
        // The handle of a local callback cannot leave the loop's thread.
        let thread = match through.is_local() {
            true => OWNER,
            false => number(caller),
        };
        self.record_call(thread, Call::Cancel(id));
        let cancelled = self.reference.cancel(id);
        let panicked = cancelled && self.drop_callback(id, thread, false);
        self.record_return(
            thread,
            match panicked {
                true => ReturnValue::CancelPanicked,
                false => ReturnValue::Cancelled(cancelled),
            },
        );
    }

    fn stop(&mut self, caller: Caller) {
        self.record_call(number(caller), Call::Stop);
        self.reference.stop();
        self.record_return(number(caller), ReturnValue::Nothing);
    }

    fn run(&mut self) {
        self.record_call(OWNER, Call::Run);
        let began = self.reference.run();
        if began.is_ok() {
            self.iterate();
        }
        self.record_return(OWNER, ReturnValue::Ran(began));
    }

    fn run_until_complete(&mut self, main: &Callback) {
        let id = self.callbacks.len();
        self.callbacks.push(main.clone());
        self.record_call(OWNER, Call::RunUntilComplete(id));
        let (panicked, error) = match self.reference.run_until_complete(id) {
            Err(error) => (self.drop_callback(id, OWNER, false), error),
            Ok(()) => {
                self.iterate();
                if let Some(end) = self.reference.end_run() {
                    return self.record_return(OWNER, ReturnValue::Completed(Ok(end)));
                }
                let panicked = self.drop_task(id);
                self.reference.end(id, End::Cancelled);
                (panicked, RunError::Stopped)
            }
        };
        let completed = match panicked {
            true => Ok(End::Panicked),
            false => Err(error),
        };
        self.record_return(OWNER, ReturnValue::Completed(completed));
    }

    /// Runs iterations up to the end of the run, or to a sleep without a deadline.
    fn iterate(&mut self) {
        loop {
            match self.reference.advance() {
                Some(Advance::Started(id)) => self.call_back(id),
                Some(Advance::Polled(id)) => self.poll(id),
                Some(Advance::Reported(id)) => self.report(id),
                Some(Advance::Slept) => self.sleep(),
                Some(Advance::Took | Advance::Ended) => {}
                _ => return,
            }
            if self.overslept {
                return;
            }
        }
    }

    fn sleep(&mut self) {
        let before = self.reference.now;
        self.overslept = !self.reference.pass_deadline();
        if self.reference.now > before {
            self.record(OWNER, Event::Slept(self.reference.now));
        }
    }

    /// Runs one callback: its script, its destructor, and the calls of the handlers.
    fn call_back(&mut self, id: Id) {
        if let Some(event) = self.setters.get(&id) {
            self.set_event(*event);
            self.reference.finish(id);
            return;
        }
        let Callback { script, panics, .. } = self.callbacks[id].clone();
        let timed = self.reference.debug;
        let began = self.reference.now;
        self.record(OWNER, Event::Began(id, began));
        for command in &script {
            self.perform(command);
        }
        self.record(OWNER, Event::Ended(id));
        let panicked = self.drop_callback(id, OWNER, panics) || panics;
        self.reference.finish(id);
        if panicked {
            self.report(id);
        }
        let duration = self.reference.now - began;
        if timed && duration > self.slow_callback_duration {
            self.record(OWNER, Event::Slow(self.handlers, duration));
        }
    }

    fn close(&mut self) -> Result<(), wakeproof::CloseError> {
        self.reference.close()?;
        loop {
            let (id, panicked) = match self.reference.advance() {
                Some(Advance::Abandoned(id)) => (id, self.drop_callback(id, OWNER, false)),
                Some(Advance::AbandonedTask(id)) => {
                    let panicked = self.drop_task(id);
                    self.reference.end(id, End::Cancelled);
                    (id, panicked)
                }
                Some(Advance::Reported(id)) => (id, true),
                _ => return Ok(()),
            };
            if panicked {
                self.report(id);
            }
        }
    }

    fn report(&mut self, id: Id) {
        self.record(OWNER, Event::Reported(id, self.handlers));
    }

    /// Runs the callback's destructor. Returns whether it panics.
    fn drop_callback(&mut self, id: Id, thread: usize, panicking: bool) -> bool {
        if self.setters.contains_key(&id) {
            return false;
        }
        let caller = match thread {
            OWNER => Caller::Owner,
            _ => Caller::Foreign,
        };
        self.record(thread, Event::Dropped(id));
        match self.callbacks[id].destructor {
            Destructor::Quiet => {}
            Destructor::Panics => return !panicking,
            Destructor::Submits => self.submit(SubmitCall::Threadsafe(caller), &Callback::NOTHING),
            Destructor::Stops => self.stop(caller),
        }
        false
    }

    fn look(&mut self) {
        self.record_call(OWNER, Call::Look);
        let Reference {
            now,
            queue,
            fates,
            asleep,
            stopping,
            closed,
            debug,
            tasks,
            events,
            ..
        } = &self.reference;
        let running = self.reference.is_running();
        let observation = Observation {
            time: [*now; 2],
            running: [running; 2],
            closed: [*closed; 3],
            event_loop: (!self.event_loop_dropped).then_some(([running, *closed, *debug], *now)),
            queued: queue.len(),
            asleep: [*asleep, *asleep && !queue.is_empty()],
            stopping: *stopping,
            calls: self
                .handles
                .keys()
                .map(|id| {
                    let fate = fates[id];
                    (*id, [fate == Fate::Cancelled, fate == Fate::Done])
                })
                .collect(),
            tasks: self
                .tasks
                .keys()
                .map(|id| {
                    let end = tasks[id].end;
                    (*id, [end.is_some(), end == Some(End::Cancelled)])
                })
                .collect(),
            events: (0..EVENTS)
                .map(|event| [events.contains(&event); 2])
                .collect(),
        };
        self.record_return(OWNER, ReturnValue::Looked(Box::new(observation)));
    }

    fn record_call(&mut self, thread: usize, call: Call) {
        self.record(thread, Event::Call(call));
    }

    fn record_return(&mut self, thread: usize, outcome: ReturnValue) {
        self.record(thread, Event::Return(outcome));
    }

    fn record(&mut self, thread: usize, event: Event) {
        self.records.push(Record { thread, event });
    }
}

/// The thread number of a caller's records in a history of one thread.
fn number(caller: Caller) -> usize {
    match caller {
        Caller::Owner => OWNER,
        Caller::Foreign => OWNER + 1,
    }
}

impl<R: fmt::Debug> fmt::Debug for Prediction<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reference.fmt(f)
    }
}
