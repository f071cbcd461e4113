//! What a history must look like, according to the [reference](crate::reference).

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use wakeproof::RunError;

use crate::command::{
    Await, Brief, Callback, Caller, Command, Destructor, EVENTS, Event as Flag, Id, SetThrough,
    SpawnThrough, StopThrough, Through, nth,
};
use crate::record::{Call, Came, End, Event, OWNER, Observation, Outcome, Record};
use crate::reference::{Advance, Documented, Fate, Reference, Rules};

/// The reference, together with the scripts of the callbacks, writing the records that the real
/// loop is expected to write.
#[derive(Clone)]
pub struct Prediction<R = Documented> {
    reference: Reference<R>,
    /// Every callback and task ever submitted, by its number.
    callbacks: Vec<Callback>,
    /// The callbacks whose handle is still there, and how they were submitted.
    handles: BTreeMap<Id, Through>,
    /// The callbacks that set an event, and do nothing else.
    setters: BTreeMap<Id, Flag>,
    /// The tasks whose handle is still there, and how they were spawned.
    tasks: BTreeMap<Id, SpawnThrough>,
    /// How many commands of its script each task has begun.
    progress: BTreeMap<Id, usize>,
    /// The tasks that have left a waker.
    wakers: BTreeMap<Id, ()>,
    slow_callback_duration: Duration,
    /// How often the handlers have been replaced.
    handlers: usize,
    event_loop_dropped: bool,
    /// A run has gone to sleep: on one thread, for ever.
    overslept: bool,
    /// What the last command must have left behind.
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
    /// Whether the command returns, as far as the reference knows: a run must find a stop.
    pub fn returns(&self, command: &Command) -> bool {
        let mut future = self.clone();
        future.execute(command);
        !future.overslept
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
                StopThrough::Loop | StopThrough::Local => Caller::Owner,
                StopThrough::Handle(caller) => *caller,
            }),
            Command::Look => self.look(),
            Command::Spawn(through, task) => self.spawn(*through, task),
            Command::Await(_) | Command::KeepWaker => {}
            Command::Wake(pick, caller) => {
                if let Some((id, ())) = nth(&self.wakers, *pick) {
                    self.call(number(*caller), Call::Wake(id));
                    self.reference.wake(id);
                    self.give(number(*caller), Outcome::Nothing);
                }
            }
            Command::CancelTask(pick, caller) => {
                if let Some((id, through)) = nth(&self.tasks, *pick) {
                    let thread = match through {
                        SpawnThrough::Local => OWNER,
                        SpawnThrough::Threadsafe(_) => number(*caller),
                    };
                    self.call(thread, Call::CancelTask(id));
                    let cancelled = self.reference.cancel_task(id);
                    if cancelled {
                        self.reference.wake(id);
                    }
                    self.give(thread, Outcome::Cancelled(cancelled));
                }
            }
            Command::Detach(pick) => {
                if let Some((id, _)) = nth(&self.tasks, *pick) {
                    self.tasks.remove(&id);
                    self.reference.detach(id);
                }
            }
            Command::SetEvent(SetThrough::Event, event) => {
                self.call(OWNER, Call::SetEvent(*event));
                self.set_event(*event);
                self.give(OWNER, Outcome::Nothing);
            }
            Command::SetEvent(SetThrough::Threadsafe(caller), event) => {
                self.set_threadsafe(*caller, *event);
            }
            Command::ClearEvent(event) => self.reference.clear_event(*event),
            Command::Elapse(milliseconds) => {
                self.reference.now += Duration::from_millis(*milliseconds);
            }
            // What follows takes an `EventLoop`.
            _ if self.event_loop_dropped => {}
            Command::Run => self.run(),
            Command::RunUntilComplete(main) => self.run_until_complete(main),
            Command::Close => {
                self.call(OWNER, Call::Close);
                let closed = self.close();
                self.give(OWNER, Outcome::Closed(closed));
            }
            Command::DropLoop => {
                self.event_loop_dropped = true;
                self.call(OWNER, Call::DropLoop);
                let _ = self.close();
                self.give(OWNER, Outcome::Nothing);
            }
            Command::SetDebug(enabled) => self.reference.debug = *enabled,
            Command::SetSlowCallbackDuration(milliseconds) => {
                self.slow_callback_duration = Duration::from_millis(*milliseconds);
            }
            Command::ReplaceHandlers => self.handlers += 1,
        }
    }

    fn submit(&mut self, through: Through, callback: &Callback) {
        let thread = number(through.caller());
        let id = self.callbacks.len();
        self.callbacks.push(callback.clone());
        self.call(thread, Call::Submit(id, through));
        let deadline = through.deadline(self.reference.now);
        let submitted = self.reference.submit(id, through, deadline);
        self.give(thread, Outcome::Submitted(submitted.map(|()| deadline)));
        match submitted {
            Ok(()) => _ = self.handles.insert(id, through),
            // It came back in the error, and whoever submitted it drops it.
            Err(_) => _ = self.drop_callback(id, thread, false),
        }
    }

    fn spawn(&mut self, through: SpawnThrough, task: &Callback) {
        let (thread, wakes) = match through {
            SpawnThrough::Local => (OWNER, false),
            SpawnThrough::Threadsafe(caller) => (number(caller), true),
        };
        let id = self.callbacks.len();
        self.callbacks.push(task.clone());
        self.call(thread, Call::Spawn(id, through));
        let spawned = self.reference.spawn(id, wakes);
        self.give(thread, Outcome::Submitted(spawned.map(|()| None)));
        match spawned {
            Ok(()) => _ = self.tasks.insert(id, through),
            // It came back in the error, and whoever spawned it drops it.
            Err(_) => _ = self.drop_callback(id, thread, false),
        }
    }

    fn set_threadsafe(&mut self, caller: Caller, event: Flag) {
        let thread = number(caller);
        let id = self.callbacks.len();
        self.callbacks.push(Callback::NOTHING);
        self.setters.insert(id, event);
        self.call(thread, Call::SetThreadsafe(id, event));
        let through = Through::Threadsafe(caller);
        let submitted = self.reference.submit(id, through, None);
        self.give(thread, Outcome::Submitted(submitted.map(|()| None)));
        if submitted.is_ok() {
            self.handles.insert(id, through);
        }
    }

    fn set_event(&mut self, event: Flag) {
        for released in self.reference.set_event(event) {
            self.reference.wake(released);
        }
    }

    /// Polls a task, or drops it if it is to be cancelled.
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

    /// The task's script, from where it waits to where it waits next, or to its end.
    fn go_on(&mut self, id: Id) {
        if self.reference.tasks[&id].wait.is_some() {
            let Some(came) = self.reference.goes_on(id) else {
                return;
            };
            self.record(OWNER, Event::GoesOn(id, came));
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

    /// A task begins to wait. False if what it waits for is there already.
    fn waits(&mut self, id: Id, what: Await) -> bool {
        let now = self.reference.now;
        let limit = match what {
            Await::Timeout(limit, _) => Some(now + Duration::from_millis(limit)),
            _ => None,
        };
        let deadline = match what {
            Await::Sleep(due) => Some(due.deadline(now)),
            Await::Timeout(_, Brief::Sleep(delay)) => Some(now + Duration::from_millis(delay)),
            _ => None,
        };
        let joined = match what {
            Await::Task(pick) => match nth(&self.tasks, pick) {
                None => return false, // there is none
                Some((other, _)) => Some(other),
            },
            _ => None,
        };
        let first = limit.into_iter().chain(deadline).min();
        self.record(OWNER, Event::Waits(id, first));
        let came = match (what, joined, deadline) {
            (_, Some(other), _) => {
                self.tasks.remove(&other);
                let end = self.reference.join(id, other);
                if end == Some(End::AwaitsItself) {
                    self.reference.detach(other);
                }
                end.map(Came::End)
            }
            (_, _, Some(deadline)) => {
                self.reference.sleep(id, deadline);
                None
            }
            (Await::Event(event) | Await::Timeout(_, Brief::Event(event)), ..) => {
                let is_set = !self.reference.wait_for(id, event);
                is_set.then_some(Came::It)
            }
            _ => {
                self.reference.yield_now(id);
                None
            }
        };
        if let Some(came) = came {
            self.record(OWNER, Event::GoesOn(id, came));
        } else if let Some(limit) = limit {
            self.reference.limit(id, limit);
        }
        came.is_none()
    }

    /// A task that has not come to its end is dropped. True if its destructor panics.
    fn drop_task(&mut self, id: Id) -> bool {
        self.reference.forget_wait(id);
        self.drop_callback(id, OWNER, false)
    }

    fn cancel(&mut self, pick: usize, caller: Caller) {
        let Some((id, through)) = nth(&self.handles, pick) else {
            return;
        };
        // The handle of what the loop's own thread has scheduled cannot leave it.
        let thread = match through.is_local() {
            true => OWNER,
            false => number(caller),
        };
        self.call(thread, Call::Cancel(id));
        let cancelled = self.reference.cancel(id);
        let panicked = cancelled && self.drop_callback(id, thread, false);
        self.give(
            thread,
            match panicked {
                true => Outcome::CancelPanicked,
                false => Outcome::Cancelled(cancelled),
            },
        );
    }

    fn stop(&mut self, caller: Caller) {
        self.call(number(caller), Call::Stop);
        self.reference.stop();
        self.give(number(caller), Outcome::Nothing);
    }

    fn run(&mut self) {
        self.call(OWNER, Call::Run);
        let began = self.reference.run();
        if began.is_ok() {
            self.iterate();
        }
        self.give(OWNER, Outcome::Ran(began));
    }

    fn run_until_complete(&mut self, main: &Callback) {
        let id = self.callbacks.len();
        self.callbacks.push(main.clone());
        self.call(OWNER, Call::RunUntilComplete(id));
        let (panicked, error) = match self.reference.run_until_complete(id) {
            Err(error) => (self.drop_callback(id, OWNER, false), error),
            Ok(()) => {
                self.iterate();
                if let Some(end) = self.reference.end_run() {
                    return self.give(OWNER, Outcome::Completed(Ok(end)));
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
        self.give(OWNER, Outcome::Completed(completed));
    }

    /// Iterations up to the end of a run, or to a sleep without an end.
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

    /// Runs one callback: its script, its destructor, and the reports about it.
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

    /// The callback's destructor. True if it panics.
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
            Destructor::Submits => self.submit(Through::Threadsafe(caller), &Callback::NOTHING),
            Destructor::Stops => self.stop(caller),
        }
        false
    }

    fn look(&mut self) {
        self.call(OWNER, Call::Look);
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
        self.give(OWNER, Outcome::Looked(Box::new(observation)));
    }

    fn call(&mut self, thread: usize, call: Call) {
        self.record(thread, Event::Call(call));
    }

    fn give(&mut self, thread: usize, outcome: Outcome) {
        self.record(thread, Event::Return(outcome));
    }

    fn record(&mut self, thread: usize, event: Event) {
        self.records.push(Record { thread, event });
    }
}

/// The number under which a caller's records appear in a history of one thread.
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
