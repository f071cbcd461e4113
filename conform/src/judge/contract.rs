//! `EventLoop.tla`, evaluated from its text.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use tla_checker::ast::{Env, Expr, State, Value};
use tla_checker::checker::{format_eval_error, prepare_spec};
use tla_checker::eval::{Definitions, init_states, make_primed_names, next_states};
use tla_checker::parser;

/// The contract, as it is compiled in.
pub(super) const TEXT: &str = include_str!("../../../spec/EventLoop.tla");

/// An action of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Action {
    Submit,
    Refuse,
    Cancel,
    Stop,
    Start,
    Iterate,
    Run,
    Return,
    Close,
    /// What fairness demands.
    Owner,
}

impl Action {
    fn takes_a_callback(self) -> bool {
        matches!(self, Action::Submit | Action::Refuse | Action::Cancel)
    }
}

/// Where the loop's own thread is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Phase {
    Idle,
    Started,
    Running,
    Closed,
}

impl Phase {
    const ALL: [Phase; 4] = [Phase::Idle, Phase::Started, Phase::Running, Phase::Closed];

    fn name(self) -> &'static str {
        match self {
            Phase::Idle => "idle",
            Phase::Started => "started",
            Phase::Running => "running",
            Phase::Closed => "closed",
        }
    }
}

/// The contract for these callbacks, with complete states.
#[derive(Debug)]
pub(super) struct Contract {
    vars: Vec<Arc<str>>,
    primed: Vec<Arc<str>>,
    env: Env,
    definitions: Definitions,
    initial: State,
    columns: Columns,
}

#[derive(Debug, Clone, Copy)]
struct Columns {
    accepted: usize,
    ran: usize,
    refused: usize,
    cancelled: usize,
    dropped: usize,
    snapshot: usize,
    stopping: usize,
    phase: usize,
}

/// A callback's name in the specification.
pub(super) fn value(callback: u64) -> Value {
    match i64::try_from(callback) {
        Ok(number) => Value::Int(number),
        Err(_) => Value::Str(callback.to_string().into()),
    }
}

impl Contract {
    /// The contract in this text, for these callbacks, and for a loop that promises to stop promptly or
    /// does not.
    pub(super) fn new(
        text: &str,
        prompt_stop: bool,
        callbacks: impl Iterator<Item = u64>,
    ) -> anyhow::Result<Self> {
        let (spec, warnings) =
            parser::parse_with_warnings(text).map_err(|error| anyhow!("EventLoop.tla: {error}"))?;
        if let Some(warning) = warnings.first() {
            bail!("EventLoop.tla: {}", warning.value);
        }
        if prompt_stop && !spec.constants.iter().any(|name| &**name == "PromptStop") {
            bail!("EventLoop.tla has no constant PromptStop");
        }
        let mut constants = Env::new();
        let callbacks: BTreeSet<Value> = callbacks.map(value).collect();
        constants.insert("Callbacks".into(), Value::set(callbacks));
        constants.insert("Wakes".into(), Value::Bool(true));
        constants.insert("PromptStop".into(), Value::Bool(prompt_stop));
        let (env, definitions) = prepare_spec(
            &spec,
            &constants,
            Some(&Path::new("EventLoop.tla").into()),
            true,
        )
        .map_err(|error| anyhow!("EventLoop.tla: {error:?}"))?;
        let vars = spec.vars.clone();
        let init = spec.init.as_ref().context("EventLoop.tla: no Init")?;
        let initial = init_states(init, &vars, &env, &definitions)
            .map_err(|error| anyhow!("EventLoop.tla: {}", format_eval_error(&error)))?;
        let [initial] = <[State; 1]>::try_from(initial)
            .map_err(|_| anyhow!("EventLoop.tla: there is more than one state to begin with"))?;
        let column = |name: &str| {
            let found = vars.iter().position(|var| &**var == name);
            found.with_context(|| format!("EventLoop.tla: no variable {name}"))
        };
        let columns = Columns {
            accepted: column("accepted")?,
            ran: column("ran")?,
            refused: column("refused")?,
            cancelled: column("cancelled")?,
            dropped: column("dropped")?,
            snapshot: column("snapshot")?,
            stopping: column("stopping")?,
            phase: column("phase")?,
        };
        if vars.len() != 8 {
            bail!("EventLoop.tla has a variable that the judge does not know");
        }
        Ok(Contract {
            primed: make_primed_names(&vars),
            vars,
            env,
            definitions,
            initial,
            columns,
        })
    }

    /// Where an action leads from a state, if it is allowed there.
    pub(super) fn next(
        &self,
        state: &State,
        action: Action,
        callback: Option<Value>,
    ) -> anyhow::Result<Option<State>> {
        let mut next = self.all_next(state, action, callback)?;
        if next.len() > 1 {
            bail!("EventLoop.tla: {action:?} leads to several states");
        }
        Ok(next.pop())
    }

    /// Whether fairness demands a step of the loop's thread.
    pub(super) fn is_demanded(&self, state: &State) -> anyhow::Result<bool> {
        let next = self.all_next(state, Action::Owner, None)?;
        // Weak fairness is about steps that change something.
        Ok(next.iter().any(|next| next.values != state.values))
    }

    fn all_next(
        &self,
        state: &State,
        action: Action,
        callback: Option<Value>,
    ) -> anyhow::Result<Vec<State>> {
        let name: Arc<str> = format!("{action:?}").into();
        let definition = self.definitions.get(&name);
        let parameters = definition.map(|(parameters, _)| parameters.len());
        let expression = match (parameters, callback) {
            (Some(1), Some(callback)) if action.takes_a_callback() => {
                Expr::FnCall(name, vec![Expr::Lit(callback)])
            }
            (Some(0), None) if !action.takes_a_callback() => Expr::Var(name),
            _ => bail!("EventLoop.tla: no action {name} as the judge knows it"),
        };
        let mut env = self.env.clone();
        let next = next_states(
            &expression,
            state,
            &self.vars,
            &self.primed,
            &mut env,
            &self.definitions,
        )
        .map_err(|error| anyhow!("EventLoop.tla: {action:?}: {}", format_eval_error(&error)))?;
        Ok(next.into_iter().map(|next| next.state).collect())
    }

    pub(super) fn phase(&self, state: &State) -> anyhow::Result<Phase> {
        let Value::Str(name) = &state.values[self.columns.phase] else {
            bail!("EventLoop.tla: phase is no text");
        };
        let known = Phase::ALL.into_iter().find(|phase| phase.name() == &**name);
        known.with_context(|| format!("EventLoop.tla: unknown phase {name}"))
    }

    pub(super) fn stopping(&self, state: &State) -> bool {
        state.values[self.columns.stopping] == Value::Bool(true)
    }

    pub(super) fn accepted<'a>(&self, state: &'a State) -> &'a [Value] {
        sequence(&state.values[self.columns.accepted])
    }

    pub(super) fn ran<'a>(&self, state: &'a State) -> &'a [Value] {
        sequence(&state.values[self.columns.ran])
    }
}

/// What a search over complete states needs.
#[cfg(test)]
impl Contract {
    pub(super) fn initial(&self) -> &State {
        &self.initial
    }

    pub(super) fn snapshot(&self, state: &State) -> usize {
        match state.values[self.columns.snapshot] {
            Value::Int(number) => usize::try_from(number).unwrap_or(0),
            _ => 0,
        }
    }

    /// Accepted, and waiting to run.
    pub(super) fn is_pending(&self, state: &State, callback: &Value) -> bool {
        let in_set = |column: usize| match &state.values[column] {
            Value::Set(values) => values.contains(callback),
            _ => false,
        };
        self.accepted(state).contains(callback)
            && !self.ran(state).contains(callback)
            && !in_set(self.columns.cancelled)
            && !in_set(self.columns.dropped)
    }

    /// The same state, except that these callbacks were never submitted, that the snapshot is of what
    /// is left, and that the loop is asked to stop or is not.
    pub(super) fn without(&self, state: &State, left_out: &[Value], stopping: bool) -> State {
        let accepted = self.accepted(state);
        let is_kept = |callback: &&Value| !left_out.contains(callback);
        let covered = accepted.iter().take(self.snapshot(state));
        let covered = covered.filter(is_kept).count();
        let kept = accepted.iter().filter(is_kept).cloned().collect();
        let mut state = state.clone();
        state.values[self.columns.accepted] = Value::tuple(kept);
        state.values[self.columns.snapshot] = number(covered);
        state.values[self.columns.stopping] = Value::Bool(stopping);
        state
    }

    /// A state in which a callback has run that ran in another, which is the same otherwise.
    pub(super) fn with_ran(&self, state: &State, callback: &Value) -> State {
        let mut ran = self.ran(state).to_vec();
        ran.push(callback.clone());
        let mut state = state.clone();
        state.values[self.columns.ran] = Value::tuple(ran);
        state
    }
}

fn sequence(value: &Value) -> &[Value] {
    match value {
        Value::Tuple(items) => items,
        _ => &[],
    }
}

fn number(number: usize) -> Value {
    Value::Int(i64::try_from(number).unwrap_or(i64::MAX))
}

/// A state of the contract without its history: the smallest one that leads to the same steps.
///
/// The contract's actions look at the phase, at `stopping`, and at the callbacks that are pending:
/// which of them is the first, whether the snapshot covers one, and whether there is one beyond it.
/// They do not look at what has been settled. So a state takes the same steps without its settled
/// callbacks. It also takes the same steps without a third callback that stands behind a second of the same
/// sort. That is a claim about the text of the specification, and it is tested: on random recordings, the
/// judge must agree with a search over complete states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Window {
    pub(super) phase: Phase,
    pub(super) stopping: bool,
    /// How many pending callbacks the snapshot covers: 0, 1, or 2, which stands for more.
    pub(super) covered: u8,
    /// How many are pending beyond it, counted in the same way.
    pub(super) beyond: u8,
}

/// What a step does to a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) phase: Phase,
    pub(super) stopping: bool,
    /// Which of the pending callbacks runs, counted from 0.
    pub(super) runs: Option<usize>,
}

/// The contract's steps between windows. Each is evaluated once and then remembered.
#[derive(Debug)]
pub(super) struct Windows {
    contract: Contract,
    steps: HashMap<(Window, Action), Option<Step>>,
    demands: HashMap<Window, bool>,
}

/// The most callbacks that a window shows, and one more, for a call.
const CALLBACKS: u64 = 5;
/// A callback that has not been submitted.
const NEW: u64 = 5;

impl Windows {
    pub(super) fn new(text: &str, prompt_stop: bool) -> anyhow::Result<Self> {
        Ok(Windows {
            contract: Contract::new(text, prompt_stop, 1..=CALLBACKS)?,
            steps: HashMap::new(),
            demands: HashMap::new(),
        })
    }

    /// Whether the contract allows a step, and where it leads. `Submit` and `Refuse` are about a new
    /// callback, `Cancel` is about the first that is pending.
    pub(super) fn step(&mut self, window: Window, action: Action) -> anyhow::Result<Option<Step>> {
        if let Some(&known) = self.steps.get(&(window, action)) {
            return Ok(known);
        }
        let step = self.evaluate(window, action)?;
        self.steps.insert((window, action), step);
        Ok(step)
    }

    /// Whether fairness demands a step of the loop's thread.
    pub(super) fn is_demanded(&mut self, window: Window) -> anyhow::Result<bool> {
        if let Some(&known) = self.demands.get(&window) {
            return Ok(known);
        }
        let demanded = self.contract.is_demanded(&self.state(window))?;
        self.demands.insert(window, demanded);
        Ok(demanded)
    }

    fn state(&self, window: Window) -> State {
        let columns = &self.contract.columns;
        let pending = u64::from(window.covered + window.beyond);
        let mut state = self.contract.initial.clone();
        state.values[columns.accepted] = Value::tuple((1..=pending).map(value).collect());
        state.values[columns.snapshot] = number(window.covered.into());
        state.values[columns.stopping] = Value::Bool(window.stopping);
        state.values[columns.phase] = Value::Str(window.phase.name().into());
        state
    }

    /// Evaluates a step, and makes sure that it has the shape that the judge applies to the callbacks of
    /// the recording.
    fn evaluate(&self, window: Window, action: Action) -> anyhow::Result<Option<Step>> {
        let contract = &self.contract;
        let before = self.state(window);
        let callback = match action {
            Action::Submit | Action::Refuse => Some(value(NEW)),
            Action::Cancel => Some(value(1)),
            _ => None,
        };
        let Some(after) = contract.next(&before, action, callback)? else {
            return Ok(None);
        };
        let pending = contract.accepted(&before);
        let ran = contract.ran(&after);
        let runs = ran
            .first()
            .and_then(|ran| pending.iter().position(|pending| pending == ran));
        let is_run = action == Action::Run;
        let columns = &contract.columns;
        let mut expected = before.clone();
        let mut expect = |column: usize, value: Value| expected.values[column] = value;
        match action {
            Action::Submit => {
                let accepted = [pending, &[value(NEW)]].concat();
                expect(columns.accepted, Value::tuple(accepted));
            }
            Action::Refuse => expect(columns.refused, Value::set([value(NEW)].into())),
            Action::Cancel => expect(columns.cancelled, Value::set([value(1)].into())),
            Action::Iterate => expect(columns.snapshot, number(pending.len())),
            Action::Close => {
                expect(columns.snapshot, number(pending.len()));
                let dropped = pending.iter().cloned().collect();
                expect(columns.dropped, Value::set(dropped));
            }
            Action::Run => expect(columns.ran, Value::tuple(ran.to_vec())),
            Action::Stop | Action::Start | Action::Return | Action::Owner => {}
        }
        for column in [columns.phase, columns.stopping] {
            expect(column, after.values[column].clone());
        }
        if expected != after || ran.len() != usize::from(is_run) || runs.is_some() != is_run {
            bail!(
                "EventLoop.tla: {action:?} does something that the judge cannot carry over to a recording"
            );
        }
        Ok(Some(Step {
            phase: contract.phase(&after)?,
            stopping: contract.stopping(&after),
            runs,
        }))
    }
}
