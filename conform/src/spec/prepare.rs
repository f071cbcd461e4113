//! Reads a module and a model, and prepares them for tla-checker.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use tla_checker::ast::{Env, Spec, Value};
use tla_checker::checker::CheckerConfig;
use tla_checker::config;
use tla_checker::parser;
use tla_checker::source::Source;
use tla_checker::span::Span;

/// More states than any model here has. Stops a broken model that has infinitely many.
pub(super) const MAX_STATES: usize = 5_000_000;

/// A module and a model, in the form that tla-checker expects.
pub(crate) struct Prepared {
    pub spec: Spec,
    pub domains: Env,
    pub config: CheckerConfig,
}

/// Combines a module, a model of it, and additional constants.
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

/// Parses a module, and treats warnings as errors: tla-checker skips definitions that it cannot parse as
/// long as nothing uses them.
pub(super) fn parse(path: &Path, text: &str) -> anyhow::Result<Spec> {
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

/// A model with INIT and NEXT has no fairness on purpose, so this warning is expected.
fn is_about_fairness(warning: &str) -> bool {
    warning.starts_with("fairness and temporal formulas")
}
