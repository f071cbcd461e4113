//! The specification's states and transitions, evaluated as they are needed.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt::Write;
use std::sync::Arc;

use tla_checker::ast::{State, Value};
use tla_checker::checker::format_value;

use crate::action::Actor;
use crate::relation::{Label, Lengths, Observation, Relation};

/// The most states that a graph remembers.
const MOST_STATES: usize = 100_000;

/// A state, numbered in the order of discovery.
pub type StateId = u32;

/// The specification as a graph. A state's successors are evaluated once and then remembered.
///
/// If the relation forgets its history, states that no step can tell apart are merged, so that an
/// execution may have any length. States that differ only in how many callbacks are queued share what is
/// evaluated and remembered about them, so that a backlog may have any length too.
#[derive(Debug)]
pub struct Graph {
    relation: Relation,
    shape_ids: HashMap<Vec<Value>, ShapeId>,
    shapes: Vec<Shape>,
    ids: HashMap<(ShapeId, Lengths), StateId>,
    nodes: Vec<Node>,
    initial: Vec<StateId>,
}

/// A state without its lengths, by the order in which it was found.
type ShapeId = u32;

#[derive(Debug)]
struct Shape {
    state: State,
    /// What the steps from here lead to, before they are put in the form of a shape. Nothing until
    /// somebody asks.
    steps: Option<Arc<[(Label, State)]>>,
}

#[derive(Debug)]
struct Node {
    shape: ShapeId,
    lengths: Lengths,
    /// `None` until they are evaluated.
    successors: Option<Vec<(Label, StateId)>>,
}

impl Graph {
    /// A graph that knows its initial states.
    #[must_use]
    pub fn new(relation: Relation) -> Self {
        let mut graph = Graph {
            relation,
            shape_ids: HashMap::new(),
            shapes: Vec::new(),
            ids: HashMap::new(),
            nodes: Vec::new(),
            initial: Vec::new(),
        };
        graph.find_initial();
        graph
    }

    fn find_initial(&mut self) {
        let initial = self.relation.initial().to_vec();
        let ids = initial.into_iter().map(|state| self.id(state, [0, 0]));
        self.initial = ids.collect();
    }

    /// The transition relation that the graph is made from.
    #[must_use]
    pub fn relation(&self) -> &Relation {
        &self.relation
    }

    /// The initial states.
    #[must_use]
    pub fn initial(&self) -> &[StateId] {
        &self.initial
    }

    /// If too many states are known, forgets all but these and returns their new numbers.
    ///
    /// This keeps memory bounded, however long the execution is.
    pub fn shrink(&mut self, keep: &[StateId]) -> Option<Vec<StateId>> {
        if self.nodes.len() < MOST_STATES {
            return None;
        }
        let kept: Vec<(State, Lengths)> = keep
            .iter()
            .map(|&id| (self.state(id).clone(), self.nodes[id as usize].lengths))
            .collect();
        self.shape_ids.clear();
        self.shapes.clear();
        self.ids.clear();
        self.nodes.clear();
        self.find_initial();
        let kept = kept.into_iter();
        Some(
            kept.map(|(state, lengths)| self.id(state, lengths))
                .collect(),
        )
    }

    /// Evaluates every state and every transition, but gives up if there are more states than `at_most`.
    /// Returns whether it evaluated all.
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

    /// The known states.
    pub fn states(&self) -> impl Iterator<Item = StateId> + use<> {
        0..StateId::try_from(self.nodes.len()).expect("under four billion states")
    }

    /// Whether no thread can take a step in this state.
    #[must_use]
    pub fn is_at_rest(&self, id: StateId) -> bool {
        self.successors(id)
            .iter()
            .all(|(label, _)| label.action.actor() == Actor::Environment)
    }

    /// What can be observed of a state.
    #[must_use]
    pub fn observation(&self, id: StateId) -> Observation {
        let lengths = self.nodes[id as usize].lengths;
        self.relation.observe(self.state(id), lengths)
    }

    /// A state's values. Where the relation forgets its history, sequences of more than two callbacks are
    /// cut short.
    #[must_use]
    pub fn state(&self, id: StateId) -> &State {
        let shape = self.nodes[id as usize].shape;
        &self.shapes[shape as usize].state
    }

    /// A state's values, without the history variables.
    #[must_use]
    pub fn in_words(&self, id: StateId) -> String {
        let mut text = String::new();
        let values = &self.state(id).values;
        for (variable, value) in self.relation.variables().iter().zip(values) {
            if !self.relation.is_history(variable) {
                let separator = if text.is_empty() { "" } else { "; " };
                let lengths = self.nodes[id as usize].lengths;
                let length = self.relation.sequence(variable).map(|of| lengths[of]);
                let value = match length {
                    Some(many) if many > 2 => format!("{many} callbacks"),
                    _ => format_value(value),
                };
                let _ = write!(text, "{separator}{variable} = {value}");
            }
        }
        text
    }

    /// The successors of a state, once [`expand`](Self::expand) has evaluated them. Empty before that.
    #[must_use]
    pub fn successors(&self, id: StateId) -> &[(Label, StateId)] {
        self.nodes[id as usize].successors.as_deref().unwrap_or(&[])
    }

    /// Evaluates a state's successors, unless they are known.
    ///
    /// # Errors
    ///
    /// If an action cannot be evaluated.
    pub fn expand(&mut self, id: StateId) -> anyhow::Result<()> {
        if self.nodes[id as usize].successors.is_some() {
            return Ok(());
        }
        let Node { shape, lengths, .. } = self.nodes[id as usize];
        let shape = &mut self.shapes[shape as usize];
        let steps = match &shape.steps {
            Some(steps) => steps.clone(),
            None => {
                let steps: Arc<[_]> = self.relation.successors(&shape.state)?.into();
                shape.steps = Some(steps.clone());
                steps
            }
        };
        let mut successors: Vec<_> = steps
            .iter()
            .map(|(label, state)| (*label, self.id(state.clone(), lengths)))
            .collect();
        successors.sort_unstable();
        successors.dedup();
        self.nodes[id as usize].successors = Some(successors);
        Ok(())
    }

    /// A state by its values, after a step from one with these lengths.
    fn id(&mut self, state: State, lengths: Lengths) -> StateId {
        let (state, lengths) = self.relation.forget_history(state, lengths);
        let next = ShapeId::try_from(self.shapes.len()).expect("under four billion states");
        let shape = match self.shape_ids.entry(state.values.clone()) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(new) => {
                self.shapes.push(Shape { state, steps: None });
                *new.insert(next)
            }
        };
        let next = StateId::try_from(self.nodes.len()).expect("under four billion states");
        match self.ids.entry((shape, lengths)) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(new) => {
                self.nodes.push(Node {
                    shape,
                    lengths,
                    successors: None,
                });
                *new.insert(next)
            }
        }
    }
}
