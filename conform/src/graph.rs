//! The specification's states and transitions, found as they are needed.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt::Write;

use tla_checker::ast::{State, Value};
use tla_checker::checker::format_value;

use crate::action::Actor;
use crate::relation::{Label, Observation, Relation};

/// How many states a graph remembers at most.
const MOST_STATES: usize = 100_000;

/// A state, by the order in which it was found.
pub type StateId = u32;

/// The specification as a graph. A state's successors are evaluated once, and remembered.
///
/// Where the relation forgets its history, states that no step tells apart are one, so that an
/// execution may be of any length.
#[derive(Debug)]
pub struct Graph {
    relation: Relation,
    ids: HashMap<Vec<Value>, StateId>,
    nodes: Vec<Node>,
    initial: Vec<StateId>,
}

#[derive(Debug)]
struct Node {
    state: State,
    observation: Observation,
    /// Nothing until somebody asks.
    successors: Option<Vec<(Label, StateId)>>,
}

impl Graph {
    /// A graph that knows its initial states.
    #[must_use]
    pub fn new(relation: Relation) -> Self {
        let mut graph = Graph {
            relation,
            ids: HashMap::new(),
            nodes: Vec::new(),
            initial: Vec::new(),
        };
        let initial = graph.relation.initial().to_vec();
        graph.initial = initial.into_iter().map(|state| graph.id(state)).collect();
        graph
    }

    /// The transition relation that the graph is made from.
    #[must_use]
    pub fn relation(&self) -> &Relation {
        &self.relation
    }

    /// The states to begin with.
    #[must_use]
    pub fn initial(&self) -> &[StateId] {
        &self.initial
    }

    /// Forgets every state but these, if too many are known, and returns their new names.
    ///
    /// So the memory that it takes has a bound, however long the execution is.
    pub fn shrink(&mut self, keep: &[StateId]) -> Option<Vec<StateId>> {
        if self.nodes.len() < MOST_STATES {
            return None;
        }
        let kept: Vec<State> = keep.iter().map(|&id| self.state(id).clone()).collect();
        self.ids.clear();
        self.nodes.clear();
        let initial = self.relation.initial().to_vec();
        self.initial = initial.into_iter().map(|state| self.id(state)).collect();
        Some(kept.into_iter().map(|state| self.id(state)).collect())
    }

    /// Finds every state and every transition, unless there are more states than these: returns
    /// whether it did.
    ///
    /// # Errors
    ///
    /// If an action cannot be evaluated.
    pub fn explore(&mut self, at_most: usize) -> anyhow::Result<bool> {
        let mut next = 0;
        while next < self.nodes.len() && self.nodes.len() <= at_most {
            self.expand(StateId::try_from(next).expect("under four billion states"))?;
            next += 1;
        }
        Ok(next == self.nodes.len())
    }

    /// The states that are known.
    pub fn states(&self) -> impl Iterator<Item = StateId> + use<> {
        0..StateId::try_from(self.nodes.len()).expect("under four billion states")
    }

    /// Whether no thread can take a step, whatever the environment does or does not do.
    #[must_use]
    pub fn is_at_rest(&self, id: StateId) -> bool {
        self.successors(id)
            .iter()
            .all(|(label, _)| label.action.actor() == Actor::Environment)
    }

    /// What is to be seen of a state.
    #[must_use]
    pub fn observation(&self, id: StateId) -> Observation {
        self.nodes[id as usize].observation
    }

    /// A state's values.
    #[must_use]
    pub fn state(&self, id: StateId) -> &State {
        &self.nodes[id as usize].state
    }

    /// A state's values, without those that only say what has happened.
    #[must_use]
    pub fn in_words(&self, id: StateId) -> String {
        let mut text = String::new();
        let values = &self.state(id).values;
        for (variable, value) in self.relation.variables().iter().zip(values) {
            if !self.relation.is_history(variable) {
                let separator = if text.is_empty() { "" } else { "; " };
                let _ = write!(text, "{separator}{variable} = {}", format_value(value));
            }
        }
        text
    }

    /// What is allowed next; nothing if nobody has asked [`expand`](Self::expand) for it.
    #[must_use]
    pub fn successors(&self, id: StateId) -> &[(Label, StateId)] {
        self.nodes[id as usize].successors.as_deref().unwrap_or(&[])
    }

    /// Evaluates a state's successors, unless that has been done.
    ///
    /// # Errors
    ///
    /// If an action cannot be evaluated.
    pub fn expand(&mut self, id: StateId) -> anyhow::Result<()> {
        if self.nodes[id as usize].successors.is_some() {
            return Ok(());
        }
        let found = self.relation.successors(&self.nodes[id as usize].state)?;
        let mut successors: Vec<_> = found
            .into_iter()
            .map(|(label, state)| (label, self.id(state)))
            .collect();
        successors.sort_unstable();
        successors.dedup();
        self.nodes[id as usize].successors = Some(successors);
        Ok(())
    }

    fn id(&mut self, state: State) -> StateId {
        let state = self.relation.forget_history(state);
        match self.ids.entry(state.values.clone()) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(new) => {
                let id = StateId::try_from(self.nodes.len()).expect("under four billion states");
                new.insert(id);
                self.nodes.push(Node {
                    observation: self.relation.observe(&state),
                    state,
                    successors: None,
                });
                id
            }
        }
    }
}
