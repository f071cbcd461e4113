//! Follows an execution through the specification.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt::Write;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::action::{Action, Actor};
use crate::fates::CallbackFates;
use crate::graph::{Graph, StateId};
use crate::relation::{Label, Observation, Thread};

/// A step of an execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ObservedStep {
    /// The thread that took it.
    pub thread: Thread,
    /// The action.
    pub action: Action,
    /// What was observed after it.
    pub observation: Observation,
}

/// Hashes the whole step as one number, since millions of steps are looked up.
impl Hash for ObservedStep {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Observation {
            queued,
            asleep,
            stopping,
            closed,
        } = self.observation;
        let flag = |flag: Option<bool>| flag.map_or(0, |flag| 1 + u64::from(flag));
        let flags = flag(asleep) + 3 * flag(stopping) + 9 * flag(closed);
        let who = u64::from(self.thread) + ((self.action as u64) << 8);
        let queued = queued.map_or(0, |queued| 1 + queued as u64);
        state.write_u64(who + (flags << 16) + (queued << 24));
    }
}

impl ObservedStep {
    /// The specification's name for it.
    #[must_use]
    pub fn label(&self) -> Label {
        Label {
            action: self.action,
            thread: Some(self.thread),
        }
    }
}

/// A set of the specification's states, numbered in the order of discovery.
pub type SetId = u32;

/// Keeps the set of the specification's states that an execution could be in.
///
/// Spurious wakeups and timeouts come from the environment and are not observed. Before each step, the
/// follower allows for any number of them.
///
/// The successors of a set are computed once and remembered. A step that an earlier execution took from the
/// same set costs only a look into a table.
#[derive(Debug)]
pub struct Follower {
    graph: Graph,
    sets: Vec<Arc<[StateId]>>,
    ids: HashMap<Arc<[StateId]>, SetId>,
    known: HashMap<(SetId, ObservedStep), SetId>,
    current: SetId,
}

/// The specification does not allow what the execution did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The step that the specification does not allow. `None` if the execution ended too early.
    pub step: Option<ObservedStep>,
    /// What the execution did, what would have been allowed, and the states that it could have been in.
    pub explanation: String,
}

impl Follower {
    /// A follower at the beginning of an execution.
    #[must_use]
    pub fn new(graph: Graph) -> Self {
        let mut follower = Follower {
            graph,
            sets: Vec::new(),
            ids: HashMap::new(),
            known: HashMap::new(),
            current: 0,
        };
        follower.restart();
        follower
    }

    /// The part of the specification's graph that has been evaluated.
    #[must_use]
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Goes back to the beginning, to follow another execution.
    pub fn restart(&mut self) {
        let initial = self.graph.initial().to_vec();
        self.current = self.set(initial);
    }

    /// The states that the execution could be in, before the environment acts.
    #[must_use]
    pub fn current(&self) -> SetId {
        self.current
    }

    /// The states of a set, sorted.
    #[must_use]
    pub fn states(&self, set: SetId) -> &[StateId] {
        &self.sets[set as usize]
    }

    /// The set of these states.
    pub fn set(&mut self, mut states: Vec<StateId>) -> SetId {
        states.sort_unstable();
        states.dedup();
        let next = SetId::try_from(self.sets.len()).expect("under four billion sets");
        match self.ids.entry(states.into()) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(new) => {
                self.sets.push(new.key().clone());
                *new.insert(next)
            }
        }
    }

    /// Follows one step of the execution.
    ///
    /// # Errors
    ///
    /// The outer error if an action cannot be evaluated; the inner one if the specification does
    /// not allow the step.
    pub fn step(&mut self, step: ObservedStep) -> anyhow::Result<Result<(), Refusal>> {
        if let Some(&next) = self.known.get(&(self.current, step)) {
            self.current = next;
            return Ok(Ok(()));
        }
        self.forget_if_too_much();
        let possible = self.with_the_environment(self.current)?;
        let mut next = Vec::new();
        for &id in &possible {
            for &(found, target) in self.graph.successors(id) {
                if found == step.label() && step.observation.fits(self.graph.observation(target)) {
                    next.push(target);
                }
            }
        }
        if next.is_empty() {
            let explanation = self.explain(Some(step), &possible);
            let step = Some(step);
            return Ok(Err(Refusal { step, explanation }));
        }
        let next = self.set(next);
        self.known.insert((self.current, step), next);
        self.current = next;
        Ok(Ok(()))
    }

    /// Follows the end of the execution: no thread will take another step. Returns the states that it could
    /// be in.
    ///
    /// # Errors
    ///
    /// The outer error if an action cannot be evaluated; the inner one if, in every state that the
    /// execution could be in, some thread must still go on or different things have happened to the
    /// callbacks.
    pub fn end(&mut self, fates: &CallbackFates) -> anyhow::Result<Result<SetId, Refusal>> {
        let states = self.states(self.current).to_vec();
        for &id in &states {
            self.graph.expand(id)?;
        }
        let at_rest: Vec<StateId> = states
            .iter()
            .copied()
            .filter(|&id| self.graph.is_at_rest(id))
            .collect();
        let step = None;
        if at_rest.is_empty() {
            let explanation = self.explain(None, &states);
            return Ok(Err(Refusal { step, explanation }));
        }
        let fates_of = |id: StateId| self.graph.relation().fates(self.graph.state(id));
        let fitting: Vec<StateId> = at_rest
            .iter()
            .copied()
            .filter(|&id| fates_of(id) == *fates)
            .collect();
        if fitting.is_empty() {
            let explanation = format!(
                "what happened to the callbacks, each as (thread, number):\n  {fates}\n\
                 according to the specification:\n  {}",
                fates_of(at_rest[0])
            );
            return Ok(Err(Refusal { step, explanation }));
        }
        Ok(Ok(self.set(fitting)))
    }

    /// The states of a set, and those that the environment can lead to from there. Evaluates the successors of
    /// each.
    ///
    /// # Errors
    ///
    /// If an action cannot be evaluated.
    pub fn with_the_environment(&mut self, set: SetId) -> anyhow::Result<Vec<StateId>> {
        let mut states = self.states(set).to_vec();
        let mut place = 0;
        while place < states.len() {
            let id = states[place];
            self.graph.expand(id)?;
            for &(label, target) in self.graph.successors(id) {
                let unseen = label.action.actor() == Actor::Environment;
                if unseen && !states.contains(&target) {
                    states.push(target);
                }
            }
            place += 1;
        }
        Ok(states)
    }

    /// Keeps memory bounded, however long the execution is.
    fn forget_if_too_much(&mut self) {
        let keep = self.states(self.current).to_vec();
        if let Some(renamed) = self.graph.shrink(&keep) {
            self.sets.clear();
            self.ids.clear();
            self.known.clear();
            self.current = self.set(renamed);
        }
    }

    fn explain(&self, step: Option<ObservedStep>, possible: &[StateId]) -> String {
        let relation = self.graph.relation();
        let say = |thread: Option<Thread>, action: Action, leading_to: Observation| {
            let thread = thread.map_or("the environment", |thread| {
                &relation.threads()[usize::from(thread)]
            });
            match leading_to.to_string() {
                nothing if nothing.is_empty() => format!("{thread}: {action}"),
                leading_to => format!("{thread}: {action}, which leads to: {leading_to}"),
            }
        };
        let mut text = String::from("what it did:\n  ");
        text.push_str(&match step {
            Some(step) => say(Some(step.thread), step.action, step.observation),
            None => "nothing more: no thread could go on".into(),
        });
        text.push_str("\nwhat the specification allows there:");
        let mut allowed: Vec<String> = Vec::new();
        for &id in possible {
            for &(label, target) in self.graph.successors(id) {
                let line = say(label.thread, label.action, self.graph.observation(target));
                if !allowed.contains(&line) {
                    allowed.push(line);
                }
            }
        }
        if allowed.is_empty() {
            text.push_str("\n  nothing");
        }
        for line in &allowed {
            let _ = write!(text, "\n  {line}");
        }
        let states = possible.len();
        let _ = write!(
            text,
            "\nwhere it could have been ({states} of the specification's states):"
        );
        for &id in possible {
            let _ = write!(text, "\n  {}", self.graph.in_words(id));
        }
        text
    }
}
