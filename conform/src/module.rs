//! A module of the specification, ready to be evaluated.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use tla_checker::ast::{Env, Expr, State, Value};
use tla_checker::checker::prepare_spec;
use tla_checker::eval::{Definitions, init_states, make_primed_names, next_states};

use crate::spec::prepare::prepare;

#[derive(Debug)]
pub(super) struct Module {
    /// The variables, in the order of a state's values.
    pub(super) vars: Vec<Arc<str>>,
    pub(super) definitions: Definitions,
    /// The states that it begins with.
    pub(super) initial: Vec<State>,
    /// The next-state relation.
    next: Option<Expr>,
    primed: Vec<Arc<str>>,
    env: Env,
}

impl Module {
    /// The module in a file, with a model's text, and constants beside the model's.
    pub(super) fn load(
        path: &Path,
        text: &str,
        model: &str,
        constants: &[(Arc<str>, Value)],
    ) -> anyhow::Result<Self> {
        let prepared = prepare(path, text, path, model, constants)?;
        let (env, definitions) = prepare_spec(
            &prepared.spec,
            &prepared.domains,
            Some(&path.to_owned()),
            true,
        )
        .map_err(|error| anyhow!("{}: {error:?}", path.display()))?;
        let vars = prepared.spec.vars.clone();
        let init = prepared.spec.init.as_ref();
        let init = init.with_context(|| format!("{}: no Init", path.display()))?;
        let initial = init_states(init, &vars, &env, &definitions)
            .map_err(|error| anyhow!("{}: Init: {error:?}", path.display()))?;
        Ok(Module {
            primed: make_primed_names(&vars),
            vars,
            next: prepared.spec.next.clone(),
            definitions,
            initial,
            env,
        })
    }

    /// What an action leads to from a state: nothing, one state, or several.
    pub(super) fn next(&self, state: &State, action: &Expr) -> anyhow::Result<Vec<State>> {
        let mut env = self.env.clone();
        let (vars, primed) = (&self.vars, &self.primed);
        let next = next_states(action, state, vars, primed, &mut env, &self.definitions)
            .map_err(|error| anyhow!("{error:?}"))?;
        Ok(next.into_iter().map(|next| next.state).collect())
    }

    /// Every step from a state: its action's name, and where it leads.
    pub(super) fn all_next(&self, state: &State) -> anyhow::Result<Vec<(Arc<str>, State)>> {
        let next = self.next.as_ref().context("no next-state relation")?;
        let mut env = self.env.clone();
        let (vars, primed) = (&self.vars, &self.primed);
        let next = next_states(next, state, vars, primed, &mut env, &self.definitions)
            .map_err(|error| anyhow!("{error:?}"))?;
        let steps = next.into_iter().map(|step| {
            let action = step.action.context("a step of no action")?;
            Ok((action, step.state))
        });
        steps.collect()
    }
}
