//! One model: preparing it, checking it, and comparing what comes out with the manifest.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, bail};
use serde::Serialize;
use tla_checker::ast::{Env, Spec, Value};
use tla_checker::checker::{self, CheckResult, CheckStats, CheckerConfig, PrepareSpecError};
use tla_checker::config;
use tla_checker::eval::EvalError;
use tla_checker::parser;
use tla_checker::source::Source;
use tla_checker::span::Span;
use tla_checker::stdlib;

use super::steps::{Behaviour, Trace};
use super::{Expected, Outcome, in_words, read};

/// Enough for every model here, and an end to a broken one that has no end.
const MAX_STATES: usize = 5_000_000;

/// A module with constants, and the properties to check: a `.cfg` file.
#[derive(Debug)]
pub struct Model {
    /// The file's name without `.cfg`.
    pub name: String,
    /// The module that it is a model of.
    pub module: String,
    /// Whether it is checked when no model is asked for by name.
    pub is_default: bool,
    /// Whether only TLC can check it. tla-checker refuses a temporal property of an instantiated
    /// module.
    pub is_for_tlc_only: bool,
    /// What it shows.
    pub about: String,
    /// What must come out.
    pub expected: Expected,
    pub(super) directory: PathBuf,
}

/// What tla-checker has found.
#[derive(Debug, Serialize)]
pub struct Finding {
    /// Whether the model holds, and if not, in which way it fails.
    pub outcome: Outcome,
    /// The property that fails.
    pub fails: Option<String>,
    /// How many states were found.
    pub distinct_states: u64,
    /// How many steps between them.
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

    /// Where this is not what had to come out, in words.
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

/// A module and a model as tla-checker wants them.
pub(crate) struct Prepared {
    pub spec: Spec,
    pub domains: Env,
    pub config: CheckerConfig,
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
    /// If its files cannot be read or make no sense, or only TLC can check it.
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

    /// Checks it with this text in the place of the module's.
    pub(crate) fn check_text(&self, text: &str) -> anyhow::Result<Finding> {
        self.check_text_within(text, MAX_STATES)
    }

    /// The same, which fails if there are more states than that.
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
                bail!("{} has over {most} states", self.path().display())
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

/// Puts a module, a model of it, and constants beside the model's together.
pub(crate) fn prepare(
    module: &Path,
    text: &str,
    model: &Path,
    model_text: &str,
    constants: &[(Arc<str>, Value)],
) -> anyhow::Result<Prepared> {
    let mut spec = parse(module, text)?;
    tla_checker::modules::merge_extended_declarations(&mut spec, module)
        .map_err(anyhow::Error::msg)
        .with_context(|| module.display().to_string())?;

    let in_model = || model.display().to_string();
    let cfg = config::parse_cfg(model_text)
        .map_err(anyhow::Error::msg)
        .with_context(in_model)?;
    let mut spec = config::override_operators(&cfg, spec, text, Some(module))
        .map_err(anyhow::Error::msg)
        .with_context(in_model)?;
    let mut domains = Env::new();
    let mut config = CheckerConfig {
        spec_path: Some(module.to_path_buf()),
        quiet: true,
        max_states: MAX_STATES,
        max_depth: MAX_STATES,
        ..CheckerConfig::default()
    };
    let of_cfg = config::apply_config(
        &cfg,
        &mut spec,
        &mut domains,
        &mut config,
        constants,
        &[],
        false,
    )
    .map_err(anyhow::Error::msg)
    .with_context(in_model)?;
    if let Some(warning) = of_cfg.iter().find(|warning| !is_about_fairness(warning)) {
        bail!("{}: {warning}", model.display());
    }
    for (name, value) in constants {
        domains.insert(name.clone(), value.clone());
    }
    Ok(Prepared {
        spec,
        domains,
        config,
    })
}

/// Parses a module, and takes no warning lightly: tla-checker would go on without what it cannot
/// parse, as long as nobody uses it.
fn parse(path: &Path, text: &str) -> anyhow::Result<Spec> {
    let at = |message: &dyn fmt::Display, span: Option<Span>| {
        let source = Source::new(path.display().to_string(), text);
        let place = span.map(|span| source.line_col(span.start));
        let place = place.map_or_else(String::new, |(line, column)| format!(":{line}:{column}"));
        anyhow::Error::msg(format!("{}{place}: {message}", path.display()))
    };
    let (spec, warnings) =
        parser::parse_with_warnings(text).map_err(|error| at(&error, error.span))?;
    match warnings.first() {
        Some(warning) => Err(at(&warning.value, Some(warning.span))),
        None => Ok(spec),
    }
}

/// Parses the modules of this directory that a module extends or instantiates, and those that
/// they do.
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

/// A model without fairness says so by INIT and NEXT, and does not have to be told.
fn is_about_fairness(warning: &str) -> bool {
    warning.starts_with("fairness and temporal formulas")
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
            format!("{name} is no set of model values")
        }
    }
}
