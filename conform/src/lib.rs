//! Executions compared with the specification, step by step, in both directions.
//!
//! The specification is `spec/CondvarLoop.tla`, evaluated from the file itself. An execution is a
//! list of steps, each with what it has led to: one that a model checker explores
//! ([`comparison`]), or a [`recording`] that this loop or any other program has made. A
//! [`follower::Follower`] keeps the set of the specification's states that the execution could be
//! in, and refuses the first step that leaves none. The other direction is [`coverage`]: which of
//! the specification's states and transitions some execution has gone through.
//!
//! Whether the link between the two is sharp is tried from both ends: [`faults`] puts wrong code
//! against it, [`mutants`] a wrong specification.

pub mod action;
pub mod comparison;
pub mod coverage;
pub mod event_task;
pub mod faults;
pub mod follower;
pub mod graph;
pub mod judge;
pub mod loop_models;
pub mod models;
mod module;
pub mod mutants;
pub mod outcome;
pub mod program;
pub mod recording;
pub mod relation;
pub mod spec;
pub mod timers;
