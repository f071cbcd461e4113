//! Prepares a model, checks it, and compares the result with the manifest.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::bail;
use serde::Serialize;
use tla_checker::ast::Spec;
use tla_checker::checker::{self, CheckResult, CheckStats, PrepareSpecError};
use tla_checker::eval::EvalError;
use tla_checker::stdlib;

use super::prepare::{MAX_STATES, Prepared, parse, prepare};
use super::steps::{Behaviour, Trace};
use super::{Expected, Outcome, in_words, read};

/// A model of a module: constants, and properties to check. A `.cfg` file.
#[derive(Debug)]
pub struct Model {
    /// The file's name without `.cfg`.
    pub name: String,
    /// The module that it is a model of.
    pub module: String,
    /// Whether it is checked if no model is named.
    pub is_default: bool,
    /// Whether only TLC can check it. tla-checker refuses a temporal property of an instantiated
    /// module.
    pub is_for_tlc_only: bool,
    /// What it shows.
    pub about: String,
    /// The expected result.
    pub expected: Expected,
    pub(super) directory: PathBuf,
}

/// The result of tla-checker.
#[derive(Debug, Serialize)]
pub struct Finding {
    /// Whether the model holds, and if not, how it fails.
    pub outcome: Outcome,
    /// The property that fails.
    pub fails: Option<String>,
    /// How many states were found.
    pub distinct_states: u64,
    /// How many transitions there are between them.
    pub transitions: u64,
    /// How many states deep the search went, or how many the counterexample has.
    pub depth: u64,
    /// How long it took.
    pub seconds: f64,
    /// The counterexample.
    pub trace: Option<Trace>,
}

impl Finding {
    /// In a few words.
    #[must_use]
    pub fn in_words(&self) -> String {
        let words = in_words(self.outcome, self.fails.as_deref());
        match &self.trace {
            None => words,
            Some(trace) if trace.len() == 1 => format!("{words} after 1 step"),
            Some(trace) => format!("{words} after {} steps", trace.len()),
        }
    }

    /// How this differs from the expected result, in words.
    #[must_use]
    pub fn differences(&self, expected: &Expected) -> Vec<String> {
        let mut differences = Vec::new();
        if (self.outcome, &self.fails) != (expected.outcome, &expected.fails) {
            differences.push(format!(
                "{} instead of: {}",
                in_words(self.outcome, self.fails.as_deref()),
                expected.in_words()
            ));
            return differences;
        }
        let numbers = [
            (
                "distinct states",
                self.distinct_states,
                expected.distinct_states,
            ),
            ("states deep", self.depth, expected.depth),
        ];
        for (of_what, found, expected) in numbers {
            if let Some(expected) = expected.filter(|&expected| expected != found) {
                differences.push(format!("{found} {of_what} instead of {expected}"));
            }
        }
        differences
    }
}

impl Model {
    /// The module's file.
    #[must_use]
    pub fn module_path(&self) -> PathBuf {
        self.directory.join(format!("{}.tla", self.module))
    }

    /// The model's file.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.directory.join(format!("{}.cfg", self.name))
    }

    /// Checks it.
    ///
    /// # Errors
    ///
    /// If its files cannot be read or understood, or only TLC can check it.
    pub fn check(&self) -> anyhow::Result<Finding> {
        if self.is_for_tlc_only {
            bail!("only TLC can check {}: add --tlc", self.name);
        }
        let text = read(&self.module_path())?;
        let mut finding = self.check_text(&text)?;
        if let Some(trace) = &mut finding.trace {
            trace.explain(&self.directory, &self.module)?;
        }
        Ok(finding)
    }

    /// Checks it with this text instead of the module's.
    pub(crate) fn check_text(&self, text: &str) -> anyhow::Result<Finding> {
        self.check_text_within(text, MAX_STATES)
    }

    /// Like [`check_text`](Self::check_text), but fails if there are more than `max_states` states.
    pub(super) fn check_text_within(
        &self,
        text: &str,
        max_states: usize,
    ) -> anyhow::Result<Finding> {
        let mut prepared = self.prepare(text)?;
        prepared.config.max_states = max_states;
        let started = Instant::now();
        let result = checker::check(&prepared.spec, &prepared.domains, &prepared.config);
        let seconds = started.elapsed().as_secs_f64();
        self.finding(&prepared, result, seconds)
    }

    fn prepare(&self, text: &str) -> anyhow::Result<Prepared> {
        parse_used(&self.directory, &parse(&self.module_path(), text)?)?;
        prepare(
            &self.module_path(),
            text,
            &self.path(),
            &read(&self.path())?,
            &[],
        )
    }

    fn finding(
        &self,
        prepared: &Prepared,
        result: CheckResult,
        seconds: f64,
    ) -> anyhow::Result<Finding> {
        let vars = &prepared.spec.vars;
        let finding = |outcome, fails: Option<String>, stats: CheckStats, trace: Option<Trace>| {
            // The first state that is found counts as the first level, as in TLC.
            let depth = match (&trace, outcome) {
                (Some(trace), Outcome::Safety | Outcome::Deadlock) => trace.len() + 1,
                _ => stats.max_depth_reached,
            };
            Ok(Finding {
                outcome,
                fails,
                distinct_states: stats.states_explored as u64,
                transitions: stats.transitions as u64,
                depth: depth as u64,
                seconds,
                trace,
            })
        };
        let safety = |states, actions| Some(Trace::new(vars, Behaviour::Finite(states), actions));
        match result {
            CheckResult::Ok(stats) => finding(Outcome::Holds, None, stats, None),
            CheckResult::InvariantViolation(found, stats) => {
                let name = &prepared.spec.invariant_names[found.violated_invariant];
                let name = name.as_ref().map(ToString::to_string);
                let trace = safety(found.trace, found.actions);
                finding(Outcome::Safety, name, stats, trace)
            }
            CheckResult::PropertyViolation(found, stats) => {
                let name = Some(found.property.to_string());
                let trace = safety(found.trace, found.actions);
                finding(Outcome::Safety, name, stats, trace)
            }
            CheckResult::Deadlock(states, actions, stats) => {
                let trace = safety(states, actions);
                finding(Outcome::Deadlock, Some("deadlock".to_owned()), stats, trace)
            }
            CheckResult::LivenessViolation(found, stats) => {
                let (behaviour, actions) = Behaviour::infinite(prepared, &found)?;
                let trace = Trace::new(vars, behaviour, actions);
                finding(Outcome::Liveness, Some(found.property), stats, Some(trace))
            }
            CheckResult::MaxStatesExceeded(_) => {
                let most = prepared.config.max_states;
                bail!("{} has more than {most} states", self.path().display())
            }
            CheckResult::InitError(error)
            | CheckResult::NextError(error, ..)
            | CheckResult::InvariantError(error, ..) => Err(self.evaluation(&error)),
            CheckResult::LivenessError(error, _) => Err(self.evaluation(&error.error)),
            CheckResult::PrepareError(error) => {
                bail!("{}: {}", self.path().display(), explain(&error))
            }
            other => bail!("{}: tla-checker gives up: {other:?}", self.path().display()),
        }
    }

    fn evaluation(&self, error: &EvalError) -> anyhow::Error {
        let files = format!(
            "{} with {}",
            self.module_path().display(),
            self.path().display()
        );
        anyhow::Error::msg(checker::format_eval_error(error)).context(files)
    }
}

/// Parses the modules of this directory that a module extends or instantiates, directly or indirectly.
fn parse_used(directory: &Path, spec: &Spec) -> anyhow::Result<()> {
    let extended = spec.extends.iter();
    let instantiated = spec.instances.iter().map(|instance| &instance.module_name);
    for name in extended.chain(instantiated) {
        if !stdlib::is_stdlib_module(name) {
            let path = directory.join(format!("{name}.tla"));
            parse_used(directory, &parse(&path, &read(&path)?)?)?;
        }
    }
    Ok(())
}

fn explain(error: &PrepareSpecError) -> String {
    match error {
        PrepareSpecError::MissingConstants(names) => {
            format!("no value for the constants {}", names.join(", "))
        }
        PrepareSpecError::AssumeViolation(_) => "its constants break an ASSUME".to_owned(),
        PrepareSpecError::InstanceError(error) | PrepareSpecError::AssumeError(_, error) => {
            checker::format_eval_error(error)
        }
        PrepareSpecError::ModuleParse(message)
        | PrepareSpecError::RefinementConfigError(message)
        | PrepareSpecError::LivenessProperty(message)
        | PrepareSpecError::ConstantSubstitution(message) => message.clone(),
        PrepareSpecError::NonModelValueSymmetry(name, _) => {
            format!("{name} is not a set of model values")
        }
    }
}
