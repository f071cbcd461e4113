//! The steps of a design, evaluated from its module's text.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use tla_checker::ast::{State, Value};
use tla_checker::eval::set_symbolic_integers;

use super::super::events::What;
use super::super::recording::{Constant, Design};
use super::sentences::sentences;
use crate::module::Module;
use crate::spec::read;

/// How many states are remembered with their successors.
const MOST_STATES: usize = 100_000;

/// The name of the loop's thread in the modules.
pub(in crate::judge) const LOOP: &str = "Loop";

/// Variables that say what has happened. The modules say so, too.
const HISTORY: [&str; 5] = ["accepted", "ran", "refused", "cancelled", "dropped"];

/// How far a call has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Progress {
    /// It has begun, and its thread has taken no step.
    Begun,
    /// Its thread has taken a step that changed nothing for others.
    UnderWay,
    /// It has taken effect, and something is still to be done.
    Effective,
    /// Its callback is the caller's again, and something is still to be done.
    Refusing,
    /// It has done all that it had to do.
    Done,
    /// The same, and its callback is the caller's again.
    Refused,
}

/// Which call a step belongs to, and how far it takes it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Part {
    /// The call that the thread has made: to submit, or to stop a loop that has a mutex.
    Own {
        takes_effect: bool,
        refuses: bool,
        ends: bool,
    },
    /// The call to stop that a callback makes.
    Stop,
    /// The call in which the loop runs, or is closed.
    Loop {
        what: What,
        from: Progress,
        to: Progress,
    },
    /// None: it is not the program's step.
    Environment,
}

/// A step that the module allows.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) action: Arc<str>,
    /// The thread that takes it, by its name in the module.
    pub(super) mover: Arc<str>,
    pub(super) part: Part,
    /// Whether it puts the mover's callback in the queue.
    pub(super) accepts: bool,
    /// Whether the mover is about to submit or to stop after it, and had not decided before.
    pub(super) decides: Option<Decision>,
    /// The callback that it runs.
    pub(super) runs: Option<Value>,
    /// Whether it is another thread's than the loop's, and changes nothing but where the thread is.
    pub(super) only_checks: bool,
    pub(super) to: State,
}

/// What a thread is about to do with the mutex that it has taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    Submit,
    Stop,
}

/// What kind of loop it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// It sleeps in a selector. A callback stops it.
    Selector,
    /// It sleeps on a condvar. Any thread stops it.
    Condvar,
}

#[derive(Debug)]
struct Columns {
    pc: usize,
    submitted: usize,
    accepted: usize,
    ran: usize,
    refused: usize,
    history: Vec<usize>,
    /// Sequences of callbacks that are to be run.
    queues: Vec<usize>,
}

/// A design's module, and the steps that are known so far.
#[derive(Debug)]
pub(super) struct Steps {
    pub(super) name: String,
    module: Module,
    shape: Shape,
    columns: Columns,
    known: HashMap<State, Arc<[Step]>>,
    /// What the module says about each of its actions.
    sentences: BTreeMap<String, String>,
}

/// The name of a thread that stops the loop, in a module.
pub(super) fn stopper(number: u64) -> String {
    format!("stopper{number}")
}

impl Steps {
    pub(super) fn new(folder: &Path, against: &str, design: &Design) -> anyhow::Result<Self> {
        if !against.chars().all(|c| c.is_ascii_alphanumeric()) {
            bail!("{against:?} is no module's name");
        }
        let path = folder.join(format!("{against}.tla"));
        let mut text =
            read(&path).with_context(|| format!("nothing is held against {against:?}"))?;
        let mut model = read(&folder.join(format!("{against}.cfg")))?;
        let has = |name: &str| {
            model
                .lines()
                .any(|line| line.trim_start().starts_with(name))
        };
        let shape = if has("Nobody = ") {
            Shape::Condvar
        } else {
            Shape::Selector
        };
        if shape == Shape::Condvar {
            // Which callbacks could be cancelled is looked up there, and none can. There is no end of
            // callbacks here, so they cannot be counted up.
            text = text.replace("\n====", "\nNoCallbacks == {}\n====");
            model = model.replacen(
                "CONSTANTS\n",
                "CONSTANTS\n    Callbacks <- NoCallbacks\n",
                1,
            );
        }
        let constants = constants(design, shape)?;
        // A thread submits as much as it likes, and that is a number, too.
        set_symbolic_integers(true);
        let module = Module::load(&path, &text, &model, &constants);
        set_symbolic_integers(false);
        let module = module?;
        let column = |name: &str| {
            let found = module.vars.iter().position(|var| &**var == name);
            found.with_context(|| format!("{against} is no design of a loop: no {name}"))
        };
        let history: Vec<usize> = HISTORY.into_iter().map(column).collect::<Result<_, _>>()?;
        let initial = module.initial.first();
        let initial = initial.with_context(|| format!("{against}: no state to begin with"))?;
        let is_empty_sequence = |&column: &usize| {
            let value = &initial.values[column];
            !history.contains(&column) && *value == Value::tuple(Vec::new())
        };
        let columns = Columns {
            pc: column("pc")?,
            submitted: column("submitted")?,
            accepted: column("accepted")?,
            ran: column("ran")?,
            refused: column("refused")?,
            queues: (0..module.vars.len()).filter(is_empty_sequence).collect(),
            history,
        };
        for (step, actions) in &design.steps {
            for action in actions {
                if !module.definitions.contains_key(&**action) {
                    bail!("{against} has no action {action:?}, which step {step:?} is to show");
                }
            }
        }
        Ok(Steps {
            name: against.to_owned(),
            sentences: sentences(folder, &text),
            module,
            shape,
            columns,
            known: HashMap::new(),
        })
    }

    pub(super) fn initial(&self) -> &[State] {
        &self.module.initial
    }

    /// Whether any thread may ask the loop to stop, and not only a callback.
    pub(super) fn any_thread_stops(&self) -> bool {
        self.shape == Shape::Condvar
    }

    /// What the module says about an action.
    pub(super) fn sentence(&self, action: &str) -> Option<&str> {
        self.sentences.get(action).map(String::as_str)
    }

    /// The same state, in which a thread has submitted this many callbacks.
    pub(super) fn with_submitted(&self, state: &State, thread: &Arc<str>, number: i64) -> State {
        let mut state = state.clone();
        let submitted = &mut state.values[self.columns.submitted];
        if let Value::Fn(map) = submitted {
            let mut map = (**map).clone();
            map.insert(Value::Model(thread.clone()), Value::Int(number));
            *submitted = Value::func(map);
        }
        state
    }

    /// Puts these callbacks into one order wherever they are queued.
    pub(super) fn sort(&self, state: &mut State, of_no_order: &BTreeSet<Value>) {
        for &column in &self.columns.queues {
            let Value::Tuple(queue) = &state.values[column] else {
                continue;
            };
            let places = (0..queue.len()).filter(|&place| of_no_order.contains(&queue[place]));
            let places: Vec<usize> = places.collect();
            if places.len() < 2 {
                continue;
            }
            let mut values: Vec<Value> = places.iter().map(|&place| queue[place].clone()).collect();
            values.sort_unstable();
            let mut queue = (**queue).clone();
            for (place, value) in places.into_iter().zip(values) {
                queue[place] = value;
            }
            state.values[column] = Value::tuple(queue);
        }
    }

    /// All steps that the module allows in a state.
    pub(super) fn of(&mut self, state: &State) -> anyhow::Result<Arc<[Step]>> {
        if let Some(known) = self.known.get(state) {
            return Ok(known.clone());
        }
        if self.known.len() >= MOST_STATES {
            self.known.clear();
        }
        let steps = self.module.all_next(state)?.into_iter();
        // A step that changes nothing tells a proper end from a deadlock, and nothing else.
        let steps = steps.filter(|(_, to)| to.values != state.values);
        let steps: Vec<Step> = steps
            .map(|(action, to)| self.step(action, state, to))
            .collect();
        let steps: Arc<[Step]> = steps.into();
        self.known.insert(state.clone(), steps.clone());
        Ok(steps)
    }

    fn step(&self, action: Arc<str>, from: &State, mut to: State) -> Step {
        let columns = &self.columns;
        let (before, after) = (&from.values, &to.values);
        let moved = differences(&before[columns.pc], &after[columns.pc]);
        let submitted = differences(&before[columns.submitted], &after[columns.submitted]);
        let others = moved.iter().chain(&submitted);
        let mover = others.into_iter().find(|name| ***name != *LOOP).cloned();
        let is_anothers = mover.is_some();
        let mover = mover.unwrap_or_else(|| LOOP.into());
        let runs = match &after[columns.ran] {
            Value::Tuple(ran) => ran.last().cloned(),
            _ => None,
        };
        let accepts = before[columns.accepted] != after[columns.accepted];
        let refuses = before[columns.refused] != after[columns.refused];
        let changes = before.iter().zip(after).enumerate();
        let changes = changes.filter(|(_, (before, after))| before != after);
        let only_moves = changes.map(|(column, _)| column).eq([columns.pc]);
        let place = |values: &[Value]| label(&values[columns.pc], &mover);
        let (at, then) = (place(before), place(after));
        let (part, decides) = match self.shape {
            Shape::Selector => {
                let ends = !submitted.is_empty();
                let part = selectors_part(&action, is_anothers || ends, accepts, refuses, ends);
                (part, None)
            }
            Shape::Condvar => condvars_part(&action, &at, &then, is_anothers),
        };
        for &column in &columns.history {
            to.values[column] = self.module.initial[0].values[column].clone();
        }
        Step {
            action,
            only_checks: only_moves && is_anothers,
            mover,
            part,
            accepts,
            decides,
            runs,
            to,
        }
    }
}

fn selectors_part(
    action: &str,
    is_own: bool,
    takes_effect: bool,
    refuses: bool,
    ends: bool,
) -> Part {
    use Progress::{Begun, Done, Effective};
    if is_own {
        return Part::Own {
            takes_effect,
            refuses,
            ends,
        };
    }
    let (what, from, to) = match action {
        "Stop" | "StopEarly" => return Part::Stop,
        "Start" => (What::Start, Begun, Effective),
        "Return" => (What::Start, Effective, Done),
        "Close" => (What::Close, Begun, Done),
        // The loop's own steps, inside a run.
        _ => (What::Start, Effective, Effective),
    };
    Part::Loop { what, from, to }
}

fn condvars_part(
    action: &str,
    at: &str,
    then: &str,
    is_anothers: bool,
) -> (Part, Option<Decision>) {
    use Progress::{Begun, Done, Effective};
    if matches!(action, "SpuriousWakeup" | "Timeout") {
        return (Part::Environment, None);
    }
    let decides = match (action, then) {
        ("Lock", "submit") => Some(Decision::Submit),
        ("Lock", "stop") => Some(Decision::Stop),
        _ => None,
    };
    if is_anothers || decides.is_some() || matches!(at, "submit" | "stop" | "notify" | "unlock") {
        let part = Part::Own {
            takes_effect: matches!(action, "Enqueue" | "Stop"),
            refuses: action == "Refuse",
            ends: action == "Unlock",
        };
        return (part, decides);
    }
    let (what, from, to) = match (at, then) {
        ("idle", "close") => (What::Close, Begun, Effective),
        ("close", _) => (What::Close, Effective, Effective),
        ("end", _) => (What::Close, Effective, Done),
        ("idle", _) => (What::Start, Begun, Effective),
        ("return", _) => (What::Start, Effective, Done),
        _ => (What::Start, Effective, Effective),
    };
    (Part::Loop { what, from, to }, None)
}

/// The threads for which two functions of threads differ.
fn differences(before: &Value, after: &Value) -> Vec<Arc<str>> {
    let (Value::Fn(before), Value::Fn(after)) = (before, after) else {
        return Vec::new();
    };
    let differing = before
        .iter()
        .filter(|(thread, value)| after.get(thread) != Some(value));
    let names = differing.filter_map(|(thread, _)| match thread {
        Value::Model(name) => Some(name.clone()),
        _ => None,
    });
    names.collect()
}

/// Where a thread is.
fn label(pc: &Value, thread: &Arc<str>) -> Arc<str> {
    let place = match pc {
        Value::Fn(places) => places.get(&Value::Model(thread.clone())),
        _ => None,
    };
    match place {
        Some(Value::Str(label)) => label.clone(),
        _ => "".into(),
    }
}

/// The module's constants, for these threads and for executions of any length.
fn constants(design: &Design, shape: Shape) -> anyhow::Result<Vec<(Arc<str>, Value)>> {
    let names = |names: Vec<String>| {
        let names: BTreeSet<Value> = names
            .into_iter()
            .map(|name| Value::Model(name.into()))
            .collect();
        Value::set(names)
    };
    let submitters = &design.submitters;
    let is_taken =
        |name: &String| [LOOP, "Nobody"].contains(&&**name) || name.starts_with("stopper");
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
    ];
    match shape {
        Shape::Selector => {
            constants.push(("PipeCapacity".into(), many));
            constants.push(("CloseEarly".into(), Value::Bool(true)));
        }
        Shape::Condvar => constants.push(("LocalStops".into(), Value::Bool(true))),
    }
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
