//! A counterexample as numbered steps in words: who did what, and what changed.
//!
//! The words come from the specification: the comment before an action begins with the thread that takes
//! the step and what it does, up to the first full stop.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use serde::Serialize;
use tla_checker::ast::{Env, State, Value};
use tla_checker::checker;
use tla_checker::eval;
use tla_checker::liveness::LivenessViolation;

use super::prepare::Prepared;
use super::read;

/// Variables that are left out of the changes, since they only repeat the steps: the program counters
/// and the history.
const NOT_SHOWN: [&str; 3] = ["pc", "submitted", "accepted"];

/// The states of a counterexample.
pub(super) enum Behaviour {
    /// It ends where a property breaks.
    Finite(Vec<State>),
    /// It repeats the states after the first `from` for ever, or stops if that is only one state.
    Infinite { states: Vec<State>, from: usize },
}

impl Behaviour {
    /// The states of a lasso, and the actions between them, which a liveness check does not return.
    pub(super) fn infinite(
        prepared: &Prepared,
        found: &LivenessViolation,
    ) -> anyhow::Result<(Self, Vec<Option<Arc<str>>>)> {
        let mut states = found.prefix.clone();
        let from = states.len().saturating_sub(1);
        states.extend(found.cycle.iter().skip(1).cloned());
        if found.cycle.len() > 1 {
            states.push(found.cycle[0].clone());
        }
        // Two equal states in a row are not a step.
        states.dedup_by(|a, b| a.values == b.values);
        let from = from.min(states.len().saturating_sub(1));
        let actions = actions(prepared, &states)?;
        Ok((Behaviour::Infinite { states, from }, actions))
    }
}

fn actions(prepared: &Prepared, states: &[State]) -> anyhow::Result<Vec<Option<Arc<str>>>> {
    let spec = &prepared.spec;
    let (mut env, definitions): (Env, _) = checker::prepare_spec(
        spec,
        &prepared.domains,
        prepared.config.spec_path.as_ref(),
        true,
    )
    .map_err(|error| anyhow::Error::msg(format!("{error:?}")))?;
    let next = spec
        .next
        .as_ref()
        .context("there is no next-state relation")?;
    let primed = eval::make_primed_names(&spec.vars);
    let mut actions = vec![None];
    for pair in states.windows(2) {
        let steps = eval::next_states(next, &pair[0], &spec.vars, &primed, &mut env, &definitions)
            .map_err(|error| anyhow::Error::msg(checker::format_eval_error(&error)))?;
        let step = steps.into_iter().find(|step| step.state == pair[1]);
        actions.push(step.and_then(|step| step.action));
    }
    Ok(actions)
}

/// A counterexample.
#[derive(Debug, Serialize)]
pub struct Trace {
    #[serde(skip)]
    first: Values,
    steps: Vec<TraceStep>,
    /// For an infinite behaviour, the step after which it begins to repeat.
    repeats_after: Option<usize>,
}

/// The variables of a state with their values, in words.
pub type Values = Vec<(String, String)>;

pub(super) fn values(vars: &[Arc<str>], state: &State) -> Values {
    let pairs = vars.iter().zip(&state.values);
    pairs
        .map(|(variable, value)| (variable.to_string(), in_words(value)))
        .collect()
}

/// A step of a counterexample.
#[derive(Debug, Serialize)]
pub struct TraceStep {
    /// The thread that takes it, or something else, such as the condvar.
    pub who: String,
    /// The action's name in the module.
    pub action: String,
    /// What it does, in the words of the module.
    pub what: String,
    /// What changed.
    pub changes: Vec<Change>,
    /// What the thread that takes it is about to do before it and after it, as its program counter has it.
    #[serde(skip)]
    pub labels: Option<(String, String)>,
    /// Every variable after it.
    #[serde(skip)]
    pub after: Values,
    /// The line of the action, with its module.
    #[serde(skip)]
    pub at: Option<String>,
}

/// A variable that changed.
#[derive(Debug, Serialize)]
pub struct Change {
    /// Its name in the module.
    pub variable: String,
    /// Its value before.
    pub from: String,
    /// Its value after.
    pub to: String,
}

impl Trace {
    pub(super) fn new(
        vars: &[Arc<str>],
        behaviour: Behaviour,
        actions: Vec<Option<Arc<str>>>,
    ) -> Self {
        let (states, repeats_after) = match behaviour {
            Behaviour::Finite(states) => (states, None),
            Behaviour::Infinite { states, from } => (states, Some(from)),
        };
        let steps = states
            .windows(2)
            .zip(actions.iter().skip(1))
            .map(|(pair, action)| TraceStep::new(vars, &pair[0], &pair[1], action.as_deref()))
            .collect();
        Trace {
            first: states
                .first()
                .map(|state| values(vars, state))
                .unwrap_or_default(),
            steps,
            repeats_after,
        }
    }

    /// How many steps it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Whether it has no steps, only a first state.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The first state.
    #[must_use]
    pub fn first(&self) -> &Values {
        &self.first
    }

    /// The steps.
    #[must_use]
    pub fn steps(&self) -> &[TraceStep] {
        &self.steps
    }

    /// Adds what the modules say about their actions.
    pub(super) fn explain(&mut self, directory: &Path, module: &str) -> anyhow::Result<()> {
        let said = actions_in_words(directory, module)?;
        for step in &mut self.steps {
            if let Some(said) = said.get(&step.action) {
                if step.who.is_empty() {
                    step.who = said.who.clone();
                }
                step.what = said.what.clone();
                step.at = Some(said.at.clone());
            }
        }
        Ok(())
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, step) in self.steps.iter().enumerate() {
            writeln!(f, "{:>3}. {step}", i + 1)?;
        }
        match self.repeats_after {
            Some(step) if step == self.steps.len() => {
                writeln!(f, "     And nothing more has to happen, ever.")
            }
            Some(step) => writeln!(f, "     And so on for ever, from step {} on.", step + 1),
            None => Ok(()),
        }
    }
}

impl TraceStep {
    fn new(vars: &[Arc<str>], before: &State, after: &State, action: Option<&str>) -> Self {
        let changed = || {
            vars.iter()
                .zip(before.values.iter().zip(&after.values))
                .filter(|(_, (from, to))| from != to)
        };
        let who = changed()
            .find(|(variable, _)| &***variable == "pc")
            .and_then(|(_, (from, to))| mover(from, to));
        let (who, labels) = who.unzip();
        TraceStep {
            who: who.unwrap_or_default(),
            labels,
            after: values(vars, after),
            at: None,
            action: action.unwrap_or_default().to_owned(),
            what: String::new(),
            changes: changed()
                .filter(|(variable, _)| !NOT_SHOWN.contains(&&***variable))
                .map(|(variable, (from, to))| Change {
                    variable: variable.to_string(),
                    from: in_words(from),
                    to: in_words(to),
                })
                .collect(),
        }
    }
}

impl fmt::Display for TraceStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.who, self.action)?;
        if !self.what.is_empty() {
            write!(f, " — {}", self.what)?;
        }
        if self.changes.is_empty() {
            return Ok(());
        }
        let changes: Vec<String> = self
            .changes
            .iter()
            .map(|change| format!("{}: {} → {}", change.variable, change.from, change.to))
            .collect();
        write!(f, " ({})", changes.join(", "))
    }
}

/// The thread that moved, unless another thread or the condvar moved it, and from where to where.
fn mover(from: &Value, to: &Value) -> Option<(String, (String, String))> {
    let (from, to) = (from.as_function_map()?, to.as_function_map()?);
    from.iter()
        .filter(|(thread, at)| to.get(thread) != Some(at))
        .find(|(_, at)| !matches!(at, Value::Str(at) if &**at == "waiting"))
        .map(|(thread, at)| {
            let after = to.get(thread).map_or_else(String::new, in_words);
            (in_words(thread), (in_words(at), after))
        })
}

/// A value in words.
fn in_words(value: &Value) -> String {
    let list = |values: &mut dyn Iterator<Item = &Value>| {
        values.map(in_words).collect::<Vec<_>>().join(", ")
    };
    match value {
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Model(name) | Value::Str(name) => name.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Tuple(values) => match values.as_slice() {
            [] => "empty".to_owned(),
            // A callback: its submitter, and its number among that thread's callbacks.
            [Value::Model(thread), Value::Int(number)] => format!("{thread}#{number}"),
            values => format!("[{}]", list(&mut values.iter())),
        },
        Value::Set(values) if values.is_empty() => "nobody".to_owned(),
        Value::Set(values) => format!("{{{}}}", list(&mut values.iter())),
        other => checker::format_value(other),
    }
}

/// What a module says about an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    who: String,
    what: String,
    at: String,
}

/// What a module and the modules that it extends say about their actions.
pub(super) fn actions_in_words(
    directory: &Path,
    module: &str,
) -> anyhow::Result<BTreeMap<String, Said>> {
    let text = read(&directory.join(format!("{module}.tla")))?;
    let mut said = BTreeMap::new();
    let extended = text.lines().find_map(|line| line.strip_prefix("EXTENDS "));
    for name in extended.unwrap_or_default().split(',').map(str::trim) {
        if directory.join(format!("{name}.tla")).is_file() {
            said.extend(actions_in_words(directory, name)?);
        }
    }
    for (end, _) in text.match_indices("*)\n") {
        let Some((_, comment)) = text[..end].rsplit_once("(* ") else {
            continue;
        };
        let definition = &text[end + 3..];
        let name = definition.split([' ', '(']).next().unwrap_or_default();
        if name.is_empty() {
            continue;
        }
        let comment = comment.split_whitespace().collect::<Vec<_>>().join(" ");
        let sentence = comment
            .split_once(". ")
            .map_or(&*comment, |(first, _)| first);
        if let Some((who, what)) = sentence.trim_end_matches('.').split_once(": ") {
            let line = 1 + text[..end + 3].matches('\n').count();
            let said_of = Said {
                at: format!("spec/{module}.tla:{line}"),
                who: who.to_lowercase(),
                what: what.to_owned(),
            };
            said.insert(name.to_owned(), said_of);
        }
    }
    Ok(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_said_as_one_would_say_them() {
        let callback = |number| Value::tuple(vec![Value::Model("s1".into()), Value::Int(number)]);
        assert_eq!(in_words(&Value::Bool(true)), "yes");
        assert_eq!(in_words(&callback(2)), "s1#2");
        assert_eq!(in_words(&Value::tuple(vec![])), "empty");
        let queue = Value::tuple(vec![callback(1), callback(2)]);
        assert_eq!(in_words(&queue), "[s1#1, s1#2]");
    }
}
