//! Counts which part of the specification the executions show.

use std::collections::{HashMap, HashSet};

use crate::action::Actor;
use crate::follower::{Follower, ObservedStep, SetId};
use crate::graph::{Graph, StateId};
use crate::relation::Label;

/// A transition: the state that it leaves, and its index among that state's successors.
type Transition = (StateId, usize);

/// A step of an execution, and the set of states that the execution could be in before it.
pub type Place = (SetId, ObservedStep);

/// The states and transitions of the specification that some execution went through.
///
/// An execution may fit several behaviours of the specification, because the environment is not observed:
/// for example, a notification may have come before or after a spurious wakeup. The execution shows every
/// behaviour that fits it from beginning to end.
#[derive(Debug, Default)]
pub struct Coverage {
    states: HashSet<StateId>,
    transitions: HashSet<Transition>,
    /// The way back over a step: from the states after it that fit the rest of the execution to the states
    /// before it that do.
    known: HashMap<(SetId, ObservedStep, SetId), SetId>,
}

impl Coverage {
    /// Adds an execution that went along this path and ended in one of the states of `end`.
    ///
    /// # Errors
    ///
    /// If an action cannot be evaluated.
    pub fn add(
        &mut self,
        follower: &mut Follower,
        path: &[Place],
        end: SetId,
    ) -> anyhow::Result<()> {
        let mut fitting = end;
        self.states.extend(follower.states(end));
        for &(before, step) in path.iter().rev() {
            let key = (before, step, fitting);
            fitting = match self.known.get(&key) {
                Some(&known) => known,
                None => {
                    let found = self.back(follower, before, step, fitting)?;
                    self.known.insert(key, found);
                    found
                }
            };
        }
        Ok(())
    }

    /// Goes back over one step, and over the steps that the environment may have taken before it.
    fn back(
        &mut self,
        follower: &mut Follower,
        before: SetId,
        step: ObservedStep,
        behind: SetId,
    ) -> anyhow::Result<SetId> {
        let possible = follower.with_the_environment(before)?;
        let mut fitting = HashSet::new();
        for &id in &possible {
            for (place, (label, target)) in follower.graph().successors(id).iter().enumerate() {
                if *label == step.label() && follower.states(behind).contains(target) {
                    self.transitions.insert((id, place));
                    fitting.insert(id);
                }
            }
        }
        // The environment may have taken several steps, so go further back until nothing new is found.
        let mut grown = true;
        while grown {
            grown = false;
            for &id in &possible {
                for (place, (label, target)) in follower.graph().successors(id).iter().enumerate() {
                    let unseen = label.action.actor() == Actor::Environment;
                    if unseen && fitting.contains(target) {
                        self.transitions.insert((id, place));
                        grown |= fitting.insert(id);
                    }
                }
            }
        }
        self.states.extend(&fitting);
        let in_front = follower.states(before).iter().copied();
        let in_front = in_front.filter(|id| fitting.contains(id)).collect();
        Ok(follower.set(in_front))
    }

    /// How many states were shown.
    #[must_use]
    pub fn states(&self) -> usize {
        self.states.len()
    }

    /// How many transitions were shown.
    #[must_use]
    pub fn transitions(&self) -> usize {
        self.transitions.len()
    }

    /// The transitions that were not shown, each with the state that it leaves.
    #[must_use]
    pub fn missing(&self, graph: &Graph) -> Vec<(StateId, Label)> {
        let mut missing = Vec::new();
        for id in graph.states() {
            for (place, &(label, _)) in graph.successors(id).iter().enumerate() {
                if !self.transitions.contains(&(id, place)) {
                    missing.push((id, label));
                }
            }
        }
        missing
    }
}
