//! Follows an execution through the specification.

use std::fmt::Write;

use tla_checker::checker::format_value;

use crate::conform::action::{Action, Actor};
use crate::conform::graph::{Graph, StateId};
use crate::conform::relation::{Label, Observation, Thread};

/// A step that an execution has taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ObservedStep {
    /// Who took it.
    pub thread: Thread,
    /// What it was.
    pub action: Action,
    /// What it has led to, as far as it was seen.
    pub observation: Observation,
}

/// Keeps the set of the specification's states that an execution could be in.
///
/// What the environment does, a spurious wakeup or a timeout, is not seen when it happens: before
/// each step the follower allows for it.
#[derive(Debug)]
pub struct Follower {
    graph: Graph,
    current: Vec<StateId>,
}

/// The specification does not allow what the execution did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The step that fits no action.
    pub step: ObservedStep,
    /// Where the execution could have been, what would have been allowed there, and what it did.
    pub explanation: String,
}

impl Follower {
    /// Follows an execution from its beginning.
    #[must_use]
    pub fn new(graph: Graph) -> Self {
        let current = graph.initial().to_vec();
        Follower { graph, current }
    }

    /// The specification's graph, as far as it has been needed.
    #[must_use]
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The execution has taken a step.
    ///
    /// # Errors
    ///
    /// The outer error if an action cannot be evaluated; the inner one if the specification does
    /// not allow the step.
    pub fn step(&mut self, step: ObservedStep) -> anyhow::Result<Result<(), Refusal>> {
        if let Some(renamed) = self.graph.shrink(&self.current) {
            self.current = renamed;
        }
        self.let_the_environment_act()?;
        let label = Label {
            action: step.action,
            thread: Some(step.thread),
        };
        let mut next = Vec::new();
        for &id in &self.current {
            for &(found, target) in self.graph.successors(id) {
                let fits = step.observation.fits(self.graph.observation(target));
                if found == label && fits && !next.contains(&target) {
                    next.push(target);
                }
            }
        }
        if next.is_empty() {
            let explanation = self.explain(step);
            return Ok(Err(Refusal { step, explanation }));
        }
        self.current = next;
        Ok(Ok(()))
    }

    /// Adds the states that the environment can lead to, and learns what is allowed in all of them.
    fn let_the_environment_act(&mut self) -> anyhow::Result<()> {
        let mut place = 0;
        while place < self.current.len() {
            let id = self.current[place];
            self.graph.expand(id)?;
            for &(label, target) in self.graph.successors(id) {
                let unseen = label.action.actor() == Actor::Environment;
                if unseen && !self.current.contains(&target) {
                    self.current.push(target);
                }
            }
            place += 1;
        }
        Ok(())
    }

    fn explain(&self, step: ObservedStep) -> String {
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
        text.push_str(&say(Some(step.thread), step.action, step.observation));
        text.push_str("\nwhat the specification allows there:");
        let mut allowed: Vec<String> = Vec::new();
        for &id in &self.current {
            for &(label, target) in self.graph.successors(id) {
                let line = say(label.thread, label.action, self.graph.observation(target));
                if !allowed.contains(&line) {
                    allowed.push(line);
                }
            }
        }
        for line in &allowed {
            let _ = write!(text, "\n  {line}");
        }
        let states = self.current.len();
        let _ = write!(
            text,
            "\nwhere it could have been ({states} of the specification's states):"
        );
        for &id in &self.current {
            text.push_str("\n ");
            let values = &self.graph.state(id).values;
            for (variable, value) in relation.variables().iter().zip(values) {
                if !relation.is_history(variable) {
                    let _ = write!(text, " {variable} = {};", format_value(value));
                }
            }
        }
        text
    }
}
