//! The subcommands, one file each.

pub(crate) mod conform;
pub(crate) mod demo;
pub(crate) mod overview;
pub(crate) mod spec;
