//! Anybody's loop, in a child process, against the sequential reference.

pub(crate) mod child;
pub(crate) mod claims;
pub(crate) mod explain;
pub(crate) mod words;
