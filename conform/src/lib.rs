//! Compares executions with the specification, step by step, in both directions.
//!
//! The specification is `spec/CondvarLoop.tla`, evaluated from the file itself. An execution is a
//! list of steps, each with what could be observed after it. It comes from a model checker
//! ([`comparison`]), or from a [`recording`] that this loop or any other program has written. A
//! [`follower::Follower`] keeps the set of the specification's states that the execution could be in,
//! and refuses the first step that leaves none. The other direction is [`coverage`]: which of the
//! specification's states and transitions the executions go through.
//!
//! Both ends are tested for sharpness: [`faults`] compares wrong code with the specification, and
//! [`mutants`] compares the code with wrong specifications.

pub mod action;
pub mod asyncio_loop;
pub mod comparison;
pub mod coverage;
pub mod event_task;
pub mod fates;
pub mod faults;
pub mod files;
pub mod follower;
pub mod graph;
pub mod judge;
pub mod loop_models;
pub mod models;
mod module;
pub mod mutants;
pub mod program;
pub mod recording;
pub mod relation;
pub mod spec;
pub mod timers;
mod whole_graph;
