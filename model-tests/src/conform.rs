//! Executions compared with the specification, step by step.
//!
//! The specification is `spec/CondvarLoop.tla`, evaluated from the file itself. An execution is a
//! list of steps, each with what it has led to: a [`recording`] that this loop or any other program
//! has made. A [`follower::Follower`] keeps the set of the specification's states that the execution
//! could be in, and refuses the first step that leaves none.

pub mod action;
pub mod follower;
pub mod graph;
pub mod recording;
pub mod relation;
