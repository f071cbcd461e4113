//! The subcommands, one file each.

pub(crate) mod check;
pub(crate) mod checkers;
pub(crate) mod completions;
pub(crate) mod conform;
pub(crate) mod demo;
pub(crate) mod explore;
pub(crate) mod man;
pub(crate) mod matrix;
pub(crate) mod overview;
pub(crate) mod probe;
pub(crate) mod proofs;
mod recording;
pub(crate) mod report;
pub(crate) mod sharp;
pub(crate) mod spec;
pub(crate) mod stuck;
pub(crate) mod trace;
