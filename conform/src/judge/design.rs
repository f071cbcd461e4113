//! A recording followed through the module of a design with a selector, evaluated from its text.
//!
//! The steps that the recording shows are taken between `enters` and `leaves`, one for each pair. Those
//! that it does not show are taken unseen, but nobody takes one of its own accord: another thread takes
//! the steps of a submission inside the call that it records, and the loop takes its own inside a run.
//! Each call takes its steps once. `runs` is exact, and says which callback.
//!
//! No step of a design depends on what has happened and is over, so the variables that say that are
//! emptied. What is left grows with what is queued.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use tla_checker::ast::{State, Value};
use tla_checker::eval::set_symbolic_integers;

use super::events::{Call, CallId, Callback, Event, Outcome, Thread, What};
use super::recording::{Constant, Design, Header};
use crate::module::Module;
use crate::spec::read;

/// How many ways to order what was recorded are followed at most.
const MOST_WAYS: usize = 100_000;

/// How many states are remembered with their successors.
const MOST_STATES: usize = 100_000;

/// The name of the loop's thread in the modules.
const LOOP: &str = "Loop";

/// The step that `runs` shows.
const RUN: &str = "run";

/// Variables that say what has happened. The modules say so, too.
const HISTORY: [&str; 5] = ["accepted", "ran", "refused", "cancelled", "dropped"];

/// One way in which the recording can have gone.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Way {
    state: State,
    /// What the open calls have done so far.
    calls: BTreeMap<CallId, Progress>,
    /// The threads whose open step has been taken.
    taken: BTreeSet<Thread>,
}

/// How far a call has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Progress {
    /// It has begun, and is not over.
    Begun,
    /// The callback is in the queue, and something is still to be done.
    Accepted,
    /// It has done all it was to do, and its callback, if it has one, is in the queue.
    Done,
    /// It has done all it was to do, and its callback is the caller's again.
    Refused,
}

/// A step that the module allows.
#[derive(Debug, Clone)]
struct Step {
    action: Arc<str>,
    /// The thread that takes it, by its name in the module.
    mover: Arc<str>,
    /// Whether it puts a callback in the queue, or gives one back.
    accepts: bool,
    refuses: bool,
    /// The callback that it runs.
    runs: Option<Value>,
    /// Whether the thread has submitted another callback with it.
    submits: bool,
    /// Whether it is another thread's than the loop's, and changes nothing but where the thread is.
    only_checks: bool,
    to: State,
}

/// A thread inside a call that submits.
#[derive(Debug, Clone)]
struct Submitter {
    call: CallId,
    /// The callback's name in the module.
    callback: Value,
}

/// Follows a recording through a design.
#[derive(Debug)]
pub(super) struct Follower {
    module: Module,
    columns: Columns,
    /// The actions that are seen, each with the steps that show it.
    seen: HashMap<String, BTreeSet<String>>,
    open: BTreeMap<CallId, Call>,
    /// Who submits what, by the thread's name in the module.
    submitting: BTreeMap<Arc<str>, Submitter>,
    /// How many callbacks each thread of the module has submitted.
    submitted: HashMap<Arc<str>, i64>,
    /// The names of callbacks that are to be run, or are being submitted.
    callbacks: HashMap<Callback, Value>,
    /// The step that each thread is in.
    entered: HashMap<Thread, Arc<str>>,
    threads: Vec<String>,
    stoppers: u64,
    stopper: u64,
    ways: HashSet<Way>,
    known: HashMap<State, Arc<[Step]>>,
}

#[derive(Debug)]
struct Columns {
    pc: usize,
    submitted: usize,
    accepted: usize,
    ran: usize,
    refused: usize,
    history: Vec<usize>,
}

fn stopper(number: u64) -> String {
    format!("stopper{number}")
}

impl Follower {
    pub(super) fn new(folder: &Path, header: &Header, design: &Design) -> anyhow::Result<Self> {
        let against = &header.against;
        if !against.chars().all(|c| c.is_ascii_alphanumeric()) {
            bail!("{against:?} is no module's name");
        }
        let path = folder.join(format!("{against}.tla"));
        let text = read(&path).with_context(|| format!("nothing is held against {against:?}"))?;
        let model = read(&folder.join(format!("{against}.cfg")))?;
        let constants = constants(design)?;
        // A thread submits as much as it likes, and that is a number, too.
        set_symbolic_integers(true);
        let module = Module::load(&path, &text, &model, &constants);
        set_symbolic_integers(false);
        let module = module?;
        let column = |name: &str| {
            let found = module.vars.iter().position(|var| &**var == name);
            found.with_context(|| format!("{against} is no design with a selector: no {name}"))
        };
        let columns = Columns {
            pc: column("pc")?,
            submitted: column("submitted")?,
            accepted: column("accepted")?,
            ran: column("ran")?,
            refused: column("refused")?,
            history: HISTORY.into_iter().map(column).collect::<Result<_, _>>()?,
        };
        let mut seen: HashMap<String, BTreeSet<String>> = HashMap::new();
        for (step, actions) in &design.steps {
            for action in actions {
                if !module.definitions.contains_key(&**action) {
                    bail!("{against} has no action {action:?}, which step {step:?} is to show");
                }
                let steps = seen.entry(action.clone()).or_default();
                steps.insert(step.clone());
            }
        }
        let ways = module.initial.iter().map(|state| Way {
            state: state.clone(),
            calls: BTreeMap::new(),
            taken: BTreeSet::new(),
        });
        Ok(Follower {
            ways: ways.collect(),
            module,
            columns,
            seen,
            open: BTreeMap::new(),
            submitting: BTreeMap::new(),
            submitted: HashMap::new(),
            callbacks: HashMap::new(),
            entered: HashMap::new(),
            threads: design.submitters.clone(),
            stoppers: design.stoppers,
            stopper: 0,
            known: HashMap::new(),
        })
    }

    /// Something has happened.
    ///
    /// # Errors
    ///
    /// The outer error if the module cannot be evaluated, or knows nothing of what has happened; the
    /// inner one if it does not allow it: what it would have allowed.
    pub(super) fn event(
        &mut self,
        line: u64,
        event: &Event,
    ) -> anyhow::Result<Result<(), Vec<String>>> {
        if let Event::Begins(call) = event {
            self.begin(line, call)?;
            return Ok(Ok(()));
        }
        self.unseen()?;
        let before = std::mem::take(&mut self.ways);
        let mut after = HashSet::new();
        for way in &before {
            after.extend(self.after(event, way)?);
        }
        if after.is_empty() {
            return Ok(Err(self.allowed(&before)?));
        }
        self.ways = after;
        self.commit(event);
        Ok(Ok(()))
    }

    fn begin(&mut self, line: u64, call: &Call) -> anyhow::Result<()> {
        if let What::Cancel { .. } = call.what {
            bail!("nobody cancels in this design");
        }
        if let What::Submit { callback, .. } = call.what {
            let name: Arc<str> = if call.stops {
                self.stopper += 1;
                if self.stopper > self.stoppers {
                    bail!("more callbacks that stop the loop than the first line's \"stoppers\"");
                }
                stopper(self.stopper).into()
            } else if self.is_the_loops(&call.thread) {
                LOOP.into()
            } else if self.threads.iter().any(|name| **name == *call.thread) {
                call.thread.clone()
            } else {
                bail!(
                    "{} submits, and is not in the first line's \"submitters\"",
                    call.thread
                );
            };
            let number = self.submitted.get(&name).copied().unwrap_or(0) + 1;
            let thread = Value::Model(name.clone());
            let submitter = Submitter {
                call: line,
                callback: Value::tuple(vec![thread, Value::Int(number)]),
            };
            self.callbacks.insert(callback, submitter.callback.clone());
            if self.submitting.insert(name, submitter).is_some() {
                bail!("a submission inside another");
            }
        }
        self.open.insert(line, call.clone());
        for mut way in std::mem::take(&mut self.ways) {
            way.calls.insert(line, Progress::Begun);
            self.ways.insert(way);
        }
        Ok(())
    }

    /// Whether this is the thread that runs the loop.
    fn is_the_loops(&self, thread: &Thread) -> bool {
        let mut open = self.open.values();
        open.any(|call| call.what == What::Start && call.thread == *thread)
    }

    /// All that may happen unseen.
    fn unseen(&mut self) -> anyhow::Result<()> {
        let mut new: Vec<Way> = self.ways.iter().cloned().collect();
        let is_close = |call: &Call| call.what == What::Close;
        let may_close = self.open.values().any(is_close);
        while let Some(way) = new.pop() {
            let steps = self.steps(&way.state)?;
            // A thread that finds the loop open changes nothing, and only closing it could make a
            // difference to that. So there is no need to try other orders.
            let mut checks = steps.iter().filter(|step| step.only_checks && !may_close);
            let check = checks.find_map(|step| self.take(&way, step));
            if let Some(next) = check {
                self.ways.remove(&way);
                if self.ways.insert(next.clone()) {
                    new.push(next);
                }
                continue;
            }
            for step in &*steps {
                if self.is_run(step) {
                    continue;
                }
                if let Some(next) = self.take(&way, step)
                    && self.ways.insert(next.clone())
                {
                    new.push(next);
                }
            }
            if self.ways.len() > MOST_WAYS {
                bail!("more than {MOST_WAYS} ways to order what was recorded");
            }
        }
        Ok(())
    }

    fn is_run(&self, step: &Step) -> bool {
        let shown = self.seen.get(&*step.action);
        shown.is_some_and(|steps| steps.contains(RUN))
    }

    /// The way after a step that is not shown by a line of its own, if the recording has room for it.
    fn take(&self, way: &Way, step: &Step) -> Option<Way> {
        let mut next = way.clone();
        let thread = self.thread_of(&step.mover)?;
        match (self.entered.get(&thread), self.seen.get(&*step.action)) {
            (None, None) => {}
            // Inside a step that is shown, a thread takes this step and no other.
            (Some(entered), Some(steps)) if steps.contains(&**entered) => {
                if !next.taken.insert(thread) {
                    return None;
                }
            }
            _ => return None,
        }
        self.advance(&mut next, step)?;
        next.state = step.to.clone();
        Some(next)
    }

    /// Who in the recording is the thread of this name in the module.
    fn thread_of(&self, mover: &Arc<str>) -> Option<Thread> {
        if **mover != *LOOP {
            let submitter = self.submitting.get(mover)?;
            return Some(self.open[&submitter.call].thread.clone());
        }
        let mut open = self.open.values();
        let owner = open.find(|call| matches!(call.what, What::Start | What::Close))?;
        Some(owner.thread.clone())
    }

    /// The call that a step belongs to goes on by it.
    fn advance(&self, way: &mut Way, step: &Step) -> Option<()> {
        let is_the_loops = *step.mover == *LOOP;
        let is_submission = !is_the_loops || step.submits;
        if is_submission {
            let submitter = self.submitting.get(&step.mover)?;
            let progress = way.calls.get_mut(&submitter.call)?;
            if matches!(progress, Progress::Done | Progress::Refused) {
                return None;
            }
            *progress = if step.refuses {
                Progress::Refused
            } else if step.submits {
                Progress::Done
            } else if step.accepts {
                Progress::Accepted
            } else {
                *progress
            };
            return Some(());
        }
        let (what, from, to) = match &*step.action {
            "Start" => (What::Start, Progress::Begun, Progress::Accepted),
            "Return" => (What::Start, Progress::Accepted, Progress::Done),
            "Close" => (What::Close, Progress::Begun, Progress::Done),
            "Stop" | "StopEarly" => {
                let mut open = self.open.iter().rev();
                let (id, _) = open.find(|(_, call)| matches!(call.what, What::Stop { .. }))?;
                let progress = way.calls.get_mut(id)?;
                let is_new = *progress == Progress::Begun;
                *progress = Progress::Done;
                return is_new.then_some(());
            }
            // The loop's own steps, inside a run.
            _ => (What::Start, Progress::Accepted, Progress::Accepted),
        };
        let mut open = self.open.iter();
        let (id, _) =
            open.find(|(id, call)| call.what == what && way.calls.get(id) == Some(&from))?;
        way.calls.insert(*id, to);
        Some(())
    }

    fn after(&self, event: &Event, way: &Way) -> anyhow::Result<Option<Way>> {
        let mut way = way.clone();
        let fits = match event {
            Event::Begins(_) | Event::Iterates { .. } => true,
            Event::Enters { thread, step } => self.is_at(thread, step, &way)?,
            Event::Leaves { thread, .. } => way.taken.remove(thread),
            Event::Ends { id, outcome, .. } => {
                let progress = way.calls.remove(id);
                match outcome {
                    Outcome::Accepted | Outcome::Returned => progress == Some(Progress::Done),
                    Outcome::RefusedAsClosed => progress == Some(Progress::Refused),
                    _ => progress == Some(Progress::Begun),
                }
            }
            Event::Runs { thread, callback } => return self.after_run(thread, *callback, way),
            Event::Asleep => {
                // The only call that may be open is the one whose run is going on.
                let mut calls = way.calls.iter();
                calls.all(|(call, progress)| {
                    self.open[call].what == What::Start && *progress == Progress::Accepted
                }) && !self.can_go_on(&way)?
            }
        };
        Ok(fits.then_some(way))
    }

    /// Whether a thread can be about to take a step that is shown. Another thread than the loop's waits
    /// for nothing, so it must be able to take it now.
    fn is_at(&self, thread: &Thread, step: &Arc<str>, way: &Way) -> anyhow::Result<bool> {
        let steps = self.known.get(&way.state).context("its steps are known")?;
        if self.is_the_loops(thread) {
            return Ok(true);
        }
        Ok(steps.iter().any(|possible| {
            let seen = self.seen.get(&*possible.action);
            let is_it = seen.is_some_and(|steps| steps.contains(&**step));
            is_it && self.thread_of(&possible.mover).as_ref() == Some(thread)
        }))
    }

    fn after_run(
        &self,
        thread: &Thread,
        callback: Callback,
        mut way: Way,
    ) -> anyhow::Result<Option<Way>> {
        let callback = self.callbacks.get(&callback);
        if !self.is_the_loops(thread) || callback.is_none() {
            return Ok(None);
        }
        let steps = self.known.get(&way.state).context("its steps are known")?;
        let mut steps = steps.iter();
        let run = steps.find(|step| self.is_run(step) && step.runs.as_ref() == callback);
        Ok(run.and_then(|step| {
            self.advance(&mut way, step)?;
            way.state = step.to.clone();
            Some(way)
        }))
    }

    /// Whether somebody takes another step, unless the outside makes it.
    fn can_go_on(&self, way: &Way) -> anyhow::Result<bool> {
        let steps = self.known.get(&way.state).context("its steps are known")?;
        Ok(steps.iter().any(|step| {
            let by_itself = &*step.action != "Timeout";
            by_itself && (self.is_run(step) || self.take(way, step).is_some())
        }))
    }

    fn commit(&mut self, event: &Event) {
        match event {
            Event::Enters { thread, step } => {
                self.entered.insert(thread.clone(), step.clone());
            }
            Event::Leaves { thread, .. } => {
                self.entered.remove(thread);
            }
            Event::Ends {
                id, call, outcome, ..
            } => {
                self.open.remove(id);
                if let What::Submit { callback, .. } = call.what {
                    let mut names = self.submitting.iter();
                    let name = names.find(|(_, submitter)| submitter.call == *id);
                    let name = name.map(|(name, _)| name.clone());
                    if let Some(name) = name {
                        self.submitting.remove(&name);
                        if *outcome != Outcome::Refused {
                            *self.submitted.entry(name).or_default() += 1;
                        }
                    }
                    if *outcome != Outcome::Accepted {
                        self.callbacks.remove(&callback);
                    }
                }
            }
            Event::Runs { callback, .. } => {
                self.callbacks.remove(callback);
            }
            _ => {}
        }
    }

    /// What the design would have allowed, in words.
    fn allowed(&self, ways: &HashSet<Way>) -> anyhow::Result<Vec<String>> {
        let mut allowed = BTreeSet::new();
        for way in ways {
            let steps = self.known.get(&way.state).context("its steps are known")?;
            for step in &**steps {
                let run = step.runs.as_ref();
                if let Some(run) = run.filter(|_| self.is_run(step)) {
                    let mut callbacks = self.callbacks.iter();
                    let callback = callbacks.find(|(_, name)| *name == run);
                    let number = callback.map_or("?".to_owned(), |(number, _)| number.to_string());
                    allowed.insert(format!("loop: {}, of callback {number}", step.action));
                } else if self.take(way, step).is_some() {
                    let who = if *step.mover == *LOOP {
                        "loop"
                    } else {
                        &step.mover
                    };
                    allowed.insert(format!("{who}: {}", step.action));
                }
            }
        }
        Ok(allowed.into_iter().collect())
    }

    /// All steps that the module allows in a state.
    fn steps(&mut self, state: &State) -> anyhow::Result<Arc<[Step]>> {
        if let Some(known) = self.known.get(state) {
            return Ok(known.clone());
        }
        if self.known.len() >= MOST_STATES {
            let ways = &self.ways;
            let current: HashSet<&State> = ways.iter().map(|way| &way.state).collect();
            self.known.retain(|state, _| current.contains(state));
        }
        let mut steps = Vec::new();
        for (action, mut to) in self.module.all_next(state)? {
            let columns = &self.columns;
            let (before, after) = (&state.values, &to.values);
            if before == after {
                // Stuttering, which tells a proper end from a deadlock.
                continue;
            }
            let differ = |column: usize| difference(&before[column], &after[column]);
            let submits = differ(columns.submitted);
            let others = [differ(columns.pc), submits.clone()];
            let mover = others.into_iter().flatten().find(|name| **name != *LOOP);
            let runs = match &after[columns.ran] {
                Value::Tuple(ran) => ran.last().cloned(),
                _ => None,
            };
            let changes = before.iter().zip(after).enumerate();
            let changes = changes.filter(|(_, (before, after))| before != after);
            let only_moves = changes.map(|(column, _)| column).eq([columns.pc]);
            let step = Step {
                action,
                only_checks: only_moves && mover.is_some(),
                mover: mover.unwrap_or_else(|| LOOP.into()),
                accepts: before[columns.accepted] != after[columns.accepted],
                refuses: before[columns.refused] != after[columns.refused],
                runs,
                submits: submits.is_some(),
                to: State { values: Vec::new() },
            };
            for &column in &columns.history {
                to.values[column] = self.module.initial[0].values[column].clone();
            }
            steps.push(Step { to, ..step });
        }
        let steps: Arc<[Step]> = steps.into();
        self.known.insert(state.clone(), steps.clone());
        Ok(steps)
    }
}

/// The thread for which two functions of threads differ.
fn difference(before: &Value, after: &Value) -> Option<Arc<str>> {
    let (before, after) = (before.as_function_map()?, after.as_function_map()?);
    let mut differing = before
        .iter()
        .filter(|(thread, value)| after.get(thread) != Some(value));
    match differing.next()? {
        (Value::Model(name), _) => Some(name.clone()),
        _ => None,
    }
}

/// The module's constants, for these threads and for executions of any length.
fn constants(design: &Design) -> anyhow::Result<Vec<(Arc<str>, Value)>> {
    let names = |names: Vec<String>| {
        let names: BTreeSet<Value> = names
            .into_iter()
            .map(|name| Value::Model(name.into()))
            .collect();
        Value::set(names)
    };
    let submitters = &design.submitters;
    let is_taken = |name: &String| *name == LOOP || name.starts_with("stopper");
    if let Some(name) = submitters.iter().find(|name| is_taken(name)) {
        bail!("a submitter cannot be called {name:?}");
    }
    let many = Value::Int(i64::from(u32::MAX));
    let mut constants: Vec<(Arc<str>, Value)> = vec![
        (LOOP.into(), Value::Model(LOOP.into())),
        ("Submitters".into(), names(submitters.clone())),
        (
            "Stoppers".into(),
            names((1..=design.stoppers).map(stopper).collect()),
        ),
        ("CallbacksEach".into(), many.clone()),
        ("LocalCallbacks".into(), many.clone()),
        ("PipeCapacity".into(), many),
        ("CloseEarly".into(), Value::Bool(true)),
    ];
    for (name, value) in &design.constants {
        let value = match *value {
            Constant::Flag(flag) => Value::Bool(flag),
            Constant::Number(number) => Value::Int(number.into()),
        };
        constants.retain(|(known, _)| **known != **name);
        constants.push((name.as_str().into(), value));
    }
    Ok(constants)
}
