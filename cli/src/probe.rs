//! Real event loops, driven and judged.

pub(crate) mod adapter;
pub(crate) mod cell;
pub(crate) mod document;
pub(crate) mod expected;
pub(crate) mod loops;
pub(crate) mod scenario;
pub(crate) mod session;
pub(crate) mod table;
