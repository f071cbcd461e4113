//! Anybody's loop, in a child process, against the sequential reference.

pub(crate) mod child;
pub(crate) mod claims;
pub(crate) mod explain;
pub(crate) mod judges;
pub(crate) mod plan;
pub(crate) mod play;
pub(crate) mod programs;
pub(crate) mod words;
