//! The state graph of a small model, for a picture of it.

use std::collections::{HashMap, VecDeque};

use anyhow::bail;
use serde::Serialize;
use tla_checker::ast::{State, Value};

use super::steps::{Values, values};
use super::{Model, read};
use crate::module::Module;

/// Every state of a model, and the way to the one that breaks a property.
#[derive(Debug, Serialize)]
pub struct StateGraph {
    /// The states, in the order in which a search breadth first finds them.
    pub states: Vec<GraphState>,
    /// The steps between different states.
    pub steps: Vec<GraphStep>,
    /// The states of the counterexample, from the first to the one that breaks a property. Empty if the model
    /// holds.
    pub path: Vec<usize>,
}

/// A state of a graph.
#[derive(Debug, Serialize)]
pub struct GraphState {
    /// The variables, with their values.
    pub values: Values,
    /// How many steps it takes to come here.
    pub depth: usize,
}

/// A step of a graph.
#[derive(Debug, Serialize)]
pub struct GraphStep {
    /// Where it begins.
    pub from: usize,
    /// The action.
    pub action: String,
    /// Where it leads.
    pub to: usize,
}

impl StateGraph {
    /// The graph of a model that has no more than `most` states.
    ///
    /// # Errors
    ///
    /// If the model cannot be read or evaluated, or has more states.
    pub fn of(model: &Model, most: usize) -> anyhow::Result<Self> {
        let text = read(&model.module_path())?;
        let module = Module::load(&model.module_path(), &text, &read(&model.path())?, &[])?;
        let mut known: HashMap<Vec<Value>, usize> = HashMap::new();
        let mut states: Vec<(State, usize)> = Vec::new();
        let mut waiting: VecDeque<usize> = VecDeque::new();
        let mut number = |state: State,
                          depth: usize,
                          waiting: &mut VecDeque<usize>,
                          states: &mut Vec<(State, usize)>| {
            *known.entry(state.values.to_vec()).or_insert_with(|| {
                states.push((state, depth));
                waiting.push_back(states.len() - 1);
                states.len() - 1
            })
        };
        for state in &module.initial {
            number(state.clone(), 0, &mut waiting, &mut states);
        }
        let mut steps: Vec<GraphStep> = Vec::new();
        while let Some(from) = waiting.pop_front() {
            let (state, depth) = states[from].clone();
            for (action, next) in module.all_next(&state)? {
                let to = number(next, depth + 1, &mut waiting, &mut states);
                let is_known = |step: &GraphStep| {
                    step.from == from && step.to == to && *step.action == *action
                };
                if to != from && !steps.iter().any(is_known) {
                    let action = action.to_string();
                    steps.push(GraphStep { from, action, to });
                }
            }
            if states.len() > most {
                bail!("{} has more than {most} states", model.name);
            }
        }
        let states: Vec<GraphState> = states
            .iter()
            .map(|(state, depth)| GraphState {
                values: values(&module.vars, state),
                depth: *depth,
            })
            .collect();
        let path = match model.check()?.trace {
            None => Vec::new(),
            Some(trace) => {
                let along = trace.steps().iter().map(|step| &step.after);
                let along = std::iter::once(trace.first()).chain(along);
                let place =
                    |values: &Values| states.iter().position(|state| state.values == *values);
                along.filter_map(place).collect()
            }
        };
        Ok(StateGraph {
            states,
            steps,
            path,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Specification, default_directory};
    use super::*;

    #[test]
    fn the_smallest_lost_wakeup_is_a_path_in_a_small_graph() {
        let specification = Specification::load(&default_directory()).unwrap();
        let graph = |name: &str| StateGraph::of(specification.model(name).unwrap(), 20).unwrap();
        let lost = graph("LostWakeupUnsafe");
        let last = *lost.path.last().expect("it fails");
        let value = |name: &str| {
            let values = &lost.states[last].values;
            values
                .iter()
                .find(|(variable, _)| variable == name)
                .map(|(_, value)| &**value)
        };
        assert_eq!(
            (value("asleep"), value("queued")),
            (Some("yes"), Some("yes"))
        );
        // Each two states on the way are a step.
        for pair in lost.path.windows(2) {
            assert!(lost.steps.iter().any(|step| [step.from, step.to] == *pair));
        }
        assert_eq!(lost.path[0], 0);
        assert!(
            graph("LostWakeup").path.is_empty(),
            "the safe call loses nothing"
        );
        let model = specification.model("LostWakeup").unwrap();
        assert!(StateGraph::of(model, 2).is_err(), "it has more states");
    }
}
