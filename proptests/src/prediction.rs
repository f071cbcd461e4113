//! What a history must look like, according to the [reference](crate::reference).

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::command::{Callback, Caller, Command, Destructor, Id, StopThrough, Through};
use crate::record::{Call, Event, OWNER, Observation, Outcome, Record};
use crate::reference::{Advance, Documented, Fate, Reference, Rules};

/// The reference, together with the scripts of the callbacks, writing the records that the real
/// loop is expected to write.
#[derive(Clone)]
pub struct Prediction<R = Documented> {
    reference: Reference<R>,
    /// Every callback ever submitted, by its number.
    callbacks: Vec<Callback>,
    /// The callbacks whose handle is still there, and how they were submitted.
    handles: BTreeMap<Id, Through>,
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
            Command::Elapse(milliseconds) => {
                self.reference.now += Duration::from_millis(*milliseconds);
            }
            // What follows takes an `EventLoop`.
            _ if self.event_loop_dropped => {}
            Command::Run => self.run(),
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
            loop {
                match self.reference.advance() {
                    Some(Advance::Started(id)) => self.call_back(id),
                    Some(Advance::Slept) => self.sleep(),
                    Some(Advance::Took) => {}
                    _ => break,
                }
                if self.overslept {
                    return;
                }
            }
        }
        self.give(OWNER, Outcome::Ran(began));
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
            self.record(OWNER, Event::Reported(id, self.handlers));
        }
        let duration = self.reference.now - began;
        if timed && duration > self.slow_callback_duration {
            self.record(OWNER, Event::Slow(self.handlers, duration));
        }
    }

    fn close(&mut self) -> Result<(), wakeproof::CloseError> {
        self.reference.close()?;
        while let Some(Advance::Abandoned(id)) = self.reference.advance() {
            if self.drop_callback(id, OWNER, false) {
                self.record(OWNER, Event::Reported(id, self.handlers));
            }
        }
        Ok(())
    }

    /// The callback's destructor. True if it panics.
    fn drop_callback(&mut self, id: Id, thread: usize, panicking: bool) -> bool {
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

/// The n-th entry, counted in a circle.
pub(crate) fn nth<T: Clone>(map: &BTreeMap<Id, T>, n: usize) -> Option<(Id, T)> {
    let (id, value) = map.iter().nth(n.checked_rem(map.len())?)?;
    Some((*id, value.clone()))
}

impl<R: fmt::Debug> fmt::Debug for Prediction<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reference.fmt(f)
    }
}
