//! The specification's transition relation, evaluated from the `.tla` file.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use serde::Serialize;
use tla_checker::ast::{Expr, State, Value};
use tla_checker::eval::Definitions;
use wakeproof::inbox::Status;

use crate::action::{Action, Actor};
use crate::fates::{CallbackFates, callbacks};
use crate::module::Module;
use crate::spec::read;

/// The threads of an execution, and whether waits may time out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cast {
    /// The threads that submit callbacks, by name.
    pub submitters: Vec<String>,
    /// The threads that request a stop, by name.
    pub stoppers: Vec<String>,
    /// Whether the loop's waits may time out.
    pub timed_waits: bool,
}

/// How much a model does, both in the code and in the specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Bounds {
    /// How many threads submit callbacks.
    pub submitters: usize,
    /// How many callbacks each of them submits.
    pub callbacks_each: usize,
    /// How many callbacks the loop's own thread submits, in callbacks and between runs.
    pub local_callbacks: usize,
    /// Whether the loop's own thread requests stops, in callbacks and between runs.
    pub local_stops: bool,
    /// How many threads request a stop, once each.
    pub stoppers: usize,
    /// In the code, the most spurious wakeups. In the specification, there is no limit unless this is 0.
    pub spurious_wakeups: usize,
    /// In the code, the most waits that time out. In the specification, there is no limit unless this is 0.
    pub timeouts: usize,
}

impl Bounds {
    /// Only the loop. A thread that submits, if one is added, submits once.
    pub const NOTHING: Bounds = Bounds {
        submitters: 0,
        callbacks_each: 1,
        local_callbacks: 0,
        local_stops: false,
        stoppers: 0,
        spurious_wakeups: 0,
        timeouts: 0,
    };

    /// The threads, with the names `s1`, `s2` and so on, and `stopper1`.
    #[must_use]
    pub fn cast(&self) -> Cast {
        let names = |stem: &str, count| (1..=count).map(|i| format!("{stem}{i}")).collect();
        Cast {
            submitters: names("s", self.submitters),
            stoppers: names("stopper", self.stoppers),
            timed_waits: self.timeouts > 0,
        }
    }
}

/// Where the specification comes from.
#[derive(Debug, Clone)]
pub struct Source {
    /// The folder with the modules.
    pub folder: PathBuf,
    /// The module's name.
    pub module: &'static str,
    /// The text to use instead of the module's file.
    pub text: Option<String>,
    /// Whether a submission wakes the loop: the specification's constant `Wakes`.
    pub wakes: bool,
    /// Actions that are replaced by other definitions.
    pub instead: &'static [(Action, &'static [&'static str])],
    /// The deadlines of callbacks, if the module is `TimerLoop`.
    pub clock: Option<Clock>,
}

/// Which threads' callbacks are timers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Clock {
    /// The threads whose timers are due at time 1.
    pub early: Vec<String>,
    /// The threads whose timers are due at time 2.
    pub late: Vec<String>,
}

impl Source {
    /// `CondvarLoop.tla` in a folder.
    #[must_use]
    pub fn correct(folder: &Path) -> Self {
        Source {
            folder: folder.to_owned(),
            module: "CondvarLoop",
            text: None,
            wakes: true,
            instead: &[],
            clock: None,
        }
    }

    /// The module's file.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.folder.join(format!("{}.tla", self.module))
    }
}

/// The name of the loop's thread.
pub const LOOP: &str = "loop";

/// The lines that a model of the specification needs in addition to its constants.
const MODEL: &str = "INIT Init\nNEXT Next\nINVARIANT TypeOK\n";
/// The same with a clock.
const TIMED_MODEL: &str = "INIT TimedInit\nNEXT TimedNext\nINVARIANT TimedTypeOK\n";

/// The history variables: they only say what has happened.
const HISTORY: [&str; 6] = [
    "submitted",
    "accepted",
    "ran",
    "refused",
    "cancelled",
    "dropped",
];

/// The sequences of callbacks.
const SEQUENCES: [&str; 2] = ["queue", "batch"];

/// How many callbacks are in each of them.
pub(crate) type Lengths = [usize; 2];

/// A thread, as an index into [`Relation::threads`].
pub type Thread = u8;

/// An action and the thread that takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Label {
    /// The action.
    pub action: Action,
    /// The thread. `None` for the environment.
    pub thread: Option<Thread>,
}

/// What is observed after a step, in the code or in the specification. A field that is `None` is not
/// compared.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Observation {
    /// How many callbacks are in the queue.
    pub queued: Option<usize>,
    /// Whether the flag `asleep` is set: the loop waits, and no thread has decided to wake it.
    pub asleep: Option<bool>,
    /// Whether a stop was requested.
    pub stopping: Option<bool>,
    /// Whether the loop is closed.
    pub closed: Option<bool>,
}

impl Observation {
    /// Whether the two do not contradict each other.
    #[must_use]
    pub fn fits(self, other: Observation) -> bool {
        fn fit<T: PartialEq>(a: Option<T>, b: Option<T>) -> bool {
            a.is_none() || b.is_none() || a == b
        }
        fit(self.queued, other.queued)
            && fit(self.asleep, other.asleep)
            && fit(self.stopping, other.stopping)
            && fit(self.closed, other.closed)
    }
}

impl fmt::Display for Observation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let queued = self.queued.map(|queued| format!("{queued} queued"));
        let flag = |name: &str, flag: Option<bool>| {
            flag.map(|flag| format!("{}{name}", if flag { "" } else { "not " }))
        };
        let parts = [
            queued,
            flag("asleep", self.asleep),
            flag("stopping", self.stopping),
            flag("closed", self.closed),
        ];
        f.write_str(&parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
    }
}

impl From<Status> for Observation {
    fn from(status: Status) -> Self {
        Observation {
            queued: Some(status.queued),
            asleep: Some(status.asleep),
            stopping: Some(status.stopping),
            closed: Some(status.closed),
        }
    }
}

/// The specification's transition relation, for certain threads.
#[derive(Debug)]
pub struct Relation {
    threads: Vec<String>,
    actions: Vec<(Label, Expr)>,
    module: Module,
    columns: Columns,
    keeps_history: bool,
    /// Where the sequences of callbacks stand.
    sequences: [usize; 2],
}

/// The indices of the variables that are observed.
#[derive(Debug, Clone, Copy)]
struct Columns {
    asleep: usize,
    stopping: usize,
    closed: usize,
}

impl Relation {
    /// Reads the specification for these threads and for executions of any length. Its states leave out the
    /// history, which no step depends on.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or is not such a specification. The message names the file.
    pub fn load(source: &Source, cast: &Cast) -> anyhow::Result<Self> {
        // The numbers do not matter, since no thread is ever done: see `forget_history`.
        Self::new(source, cast, [1, 1], [true, true], false)
    }

    /// Reads the specification within bounds, with complete states.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or is not such a specification. The message names the file.
    pub fn within(source: &Source, bounds: &Bounds) -> anyhow::Result<Self> {
        let quotas = [bounds.callbacks_each, bounds.local_callbacks];
        let may_happen = [bounds.local_stops, bounds.spurious_wakeups > 0];
        Self::new(source, &bounds.cast(), quotas, may_happen, true)
    }

    fn new(
        source: &Source,
        cast: &Cast,
        [callbacks_each, local_callbacks]: [usize; 2],
        [local_stops, spurious_wakeups]: [bool; 2],
        keeps_history: bool,
    ) -> anyhow::Result<Self> {
        let threads: Vec<String> = std::iter::once(LOOP.to_owned())
            .chain(cast.submitters.iter().cloned())
            .chain(cast.stoppers.iter().cloned())
            .collect();
        if threads.iter().collect::<BTreeSet<_>>().len() != threads.len() {
            bail!("two threads have the same name, or one has the loop's name, {LOOP:?}");
        }
        if threads.len() > usize::from(Thread::MAX) {
            bail!("{} threads are too many for the checker", threads.len());
        }
        let path = source.path();
        let name = |name: &String| Value::Model(name.as_str().into());
        let names = |names: &[String]| Value::set(names.iter().map(name).collect::<BTreeSet<_>>());
        let number = |number: usize| i64::try_from(number).map(Value::Int);
        let mut constants: Vec<(Arc<str>, Value)> = vec![
            ("Loop".into(), Value::Model(LOOP.into())),
            ("Nobody".into(), Value::Model("nobody".into())),
            ("Submitters".into(), names(&cast.submitters)),
            ("Stoppers".into(), names(&cast.stoppers)),
            ("CallbacksEach".into(), number(callbacks_each)?),
            ("LocalCallbacks".into(), number(local_callbacks)?),
            ("LocalStops".into(), Value::Bool(local_stops)),
            ("Cancels".into(), Value::Bool(false)),
            ("SpuriousWakeups".into(), Value::Bool(spurious_wakeups)),
            ("TimedWaits".into(), Value::Bool(cast.timed_waits)),
            ("Wakes".into(), Value::Bool(source.wakes)),
        ];
        if let Some(clock) = &source.clock {
            constants.push(("Early".into(), names(&clock.early)));
            constants.push(("Late".into(), names(&clock.late)));
        }
        let model = if source.clock.is_some() {
            TIMED_MODEL
        } else {
            MODEL
        };
        let text = match &source.text {
            Some(text) => text.clone(),
            None => read(&path)?,
        };
        let module = Module::load(&path, &text, model, &constants)?;
        let column = |name: &str| {
            let mut vars = module.vars.iter();
            vars.position(|var| &**var == name)
                .with_context(|| format!("{}: no variable {name}", path.display()))
        };
        let columns = Columns {
            asleep: column("asleep")?,
            stopping: column("stopping")?,
            closed: column("closed")?,
        };
        let sequences = [column(SEQUENCES[0])?, column(SEQUENCES[1])?];
        let actions = actions(source, &threads, &module.definitions)
            .with_context(|| path.display().to_string())?;
        Ok(Relation {
            threads,
            actions,
            module,
            columns,
            keeps_history,
            sequences,
        })
    }

    /// The threads: the loop's, then the submitters, then the stoppers.
    #[must_use]
    pub fn threads(&self) -> &[String] {
        &self.threads
    }

    /// The thread with this name.
    #[must_use]
    pub fn thread(&self, name: &str) -> Option<Thread> {
        let place = self.threads.iter().position(|thread| thread == name)?;
        Thread::try_from(place).ok()
    }

    /// The initial states.
    #[must_use]
    pub fn initial(&self) -> &[State] {
        &self.module.initial
    }

    /// Everything that the specification allows next, and where it leads.
    ///
    /// # Errors
    ///
    /// If an action cannot be evaluated.
    pub fn successors(&self, state: &State) -> anyhow::Result<Vec<(Label, State)>> {
        let mut successors = Vec::new();
        for (label, action) in &self.actions {
            let next = self.module.next(state, action);
            let next = next.with_context(|| label.action.to_string())?;
            successors.extend(next.into_iter().map(|next| (*label, next)));
        }
        Ok(successors)
    }

    /// What can be observed of a state whose sequences have these lengths.
    #[must_use]
    pub(crate) fn observe(&self, state: &State, [queued, _]: Lengths) -> Observation {
        let flag = |column: usize| state.values[column] == Value::Bool(true);
        Observation {
            queued: Some(queued),
            asleep: Some(flag(self.columns.asleep)),
            stopping: Some(flag(self.columns.stopping)),
            closed: Some(flag(self.columns.closed)),
        }
    }

    /// Whether this is a history variable.
    pub(crate) fn is_history(&self, variable: &str) -> bool {
        HISTORY.contains(&variable)
    }

    /// The same state without its history: which callback is which, how many each thread has submitted, and
    /// what happened to them. Steps depend on that in only one way: a thread that has submitted all its
    /// callbacks is done. Without history, no thread is ever done.
    ///
    /// Nor does any step depend on how many callbacks are in a sequence, once there are three. So the
    /// state has only two of them, and the second stands for all that follow. The lengths are returned
    /// separately. `lengths` are those of the state before the step.
    ///
    /// A relation within bounds keeps its history and returns the state unchanged.
    #[must_use]
    pub(crate) fn forget_history(&self, mut state: State, lengths: Lengths) -> (State, Lengths) {
        if self.keeps_history {
            let lengths = self.sequences.map(|column| length(&state.values[column]));
            return (state, lengths);
        }
        // What the second of a sequence has stood for moves with it, and need not be in its old place.
        let rests = [0, 1].map(|of| (self.rest(of), lengths[of].saturating_sub(1)));
        let full_length = |sequence: &Value| match sequence {
            Value::Tuple(items) => items
                .iter()
                .map(|item| {
                    let rest = rests.iter().find(|(rest, _)| rest == item);
                    rest.map_or(1, |(_, length)| *length)
                })
                .sum(),
            _ => 0,
        };
        let after = self
            .sequences
            .map(|column| full_length(&state.values[column]));
        for (of, column) in self.sequences.into_iter().enumerate() {
            let callbacks = match after[of] {
                few @ 0..=2 => vec![self.callback(1); few],
                _ => vec![self.callback(1), self.rest(of)],
            };
            state.values[column] = Value::tuple(callbacks);
        }
        let initial = &self.module.initial[0].values;
        for (column, var) in self.module.vars.iter().enumerate() {
            let value = &mut state.values[column];
            match &**var {
                name if HISTORY.contains(&name) => *value = initial[column].clone(),
                "pc" => *value = never_done(value),
                _ => {}
            }
        }
        (state, after)
    }

    /// A callback without a name.
    fn callback(&self, number: i64) -> Value {
        Value::tuple(vec![Value::Model(LOOP.into()), Value::Int(number)])
    }

    /// Stands for all but the first callback of a sequence, if there are more than two.
    fn rest(&self, of: usize) -> Value {
        self.callback(if of == 0 { 2 } else { 3 })
    }

    /// The index of a variable among the sequences whose lengths are kept separately, if it is one.
    pub(crate) fn sequence(&self, variable: &str) -> Option<usize> {
        SEQUENCES.iter().position(|name| *name == variable)
    }

    /// What happened to the callbacks, according to a state.
    #[must_use]
    pub fn fates(&self, state: &State) -> CallbackFates {
        let all = |name: &str| {
            let column = self.module.vars.iter().position(|var| &**var == name);
            column.map_or_else(Vec::new, |column| {
                callbacks(&state.values[column], &self.threads)
            })
        };
        CallbackFates {
            accepted: all("accepted").into_iter().collect(),
            ran: all("ran"),
            refused: all("refused").into_iter().collect(),
            dropped: all("dropped").into_iter().collect(),
        }
    }

    /// Whether states include the history: which threads are done, and what happened to the callbacks.
    #[must_use]
    pub(crate) fn keeps_history(&self) -> bool {
        self.keeps_history
    }

    /// The specification's variables, in the order of a state's values.
    #[must_use]
    pub fn variables(&self) -> &[Arc<str>] {
        &self.module.vars
    }
}

/// The program counters, with every thread that is done made ready again.
fn never_done(pc: &Value) -> Value {
    let Value::Fn(places) = pc else {
        return pc.clone();
    };
    let is_loop = |thread: &Value| *thread == Value::Model(LOOP.into());
    let places = places.iter().map(|(thread, place)| match place {
        Value::Str(label) if &**label == "done" && !is_loop(thread) => {
            (thread.clone(), Value::Str("ready".into()))
        }
        _ => (thread.clone(), place.clone()),
    });
    Value::Fn(Arc::new(places.collect()))
}

fn length(sequence: &Value) -> usize {
    match sequence {
        Value::Tuple(items) => items.len(),
        _ => 0,
    }
}

/// Every action, once for each thread that may take it.
fn actions(
    source: &Source,
    threads: &[String],
    definitions: &Definitions,
) -> anyhow::Result<Vec<(Label, Expr)>> {
    let mut actions = Vec::new();
    let is_timed = source.clock.is_some();
    let timed = Action::TIMED.into_iter().filter(|_| is_timed);
    for action in Action::ALL.into_iter().chain(timed) {
        let own_name = if is_timed && !Action::TIMED.contains(&action) {
            format!("Timed{action}")
        } else {
            action.to_string()
        };
        let replaced = source.instead.iter().find(|(known, _)| *known == action);
        let names = match replaced {
            Some((_, names)) => names.to_vec(),
            None => vec![&*own_name],
        };
        for name in names {
            let name: Arc<str> = name.into();
            let Some((parameters, _)) = definitions.get(&name) else {
                bail!("no action {name}; has it been renamed?");
            };
            let expected = usize::from(action.actor() == Actor::Any);
            if parameters.len() != expected {
                bail!(
                    "action {name} takes {} parameters instead of {expected}",
                    parameters.len()
                );
            }
            let mut add = |thread, expression| actions.push((Label { action, thread }, expression));
            match action.actor() {
                Actor::Any => {
                    for (thread, thread_name) in (0..).zip(threads) {
                        let argument = Expr::Lit(Value::Model(thread_name.as_str().into()));
                        add(Some(thread), Expr::FnCall(name.clone(), vec![argument]));
                    }
                }
                Actor::Loop => add(Some(0), Expr::Var(name)),
                Actor::Environment => add(None, Expr::Var(name)),
            }
        }
    }
    Ok(actions)
}
