//! What happened to the callbacks of an execution.

use std::collections::BTreeSet;
use std::fmt;

use tla_checker::ast::Value;

/// A callback: the index of its submitter among the specification's threads, and its number among the
/// callbacks of that thread, counted from one.
pub type CallbackId = (u8, u8);

/// What happened to the callbacks of an execution, according to the code or to the specification.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct CallbackFates {
    /// The callbacks that were accepted.
    pub accepted: BTreeSet<CallbackId>,
    /// The callbacks that ran, in order.
    pub ran: Vec<CallbackId>,
    /// The callbacks that were refused.
    pub refused: BTreeSet<CallbackId>,
    /// The callbacks that were dropped when the loop was closed.
    pub dropped: BTreeSet<CallbackId>,
}

impl fmt::Display for CallbackFates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let CallbackFates {
            accepted,
            ran,
            refused,
            dropped,
        } = self;
        write!(
            f,
            "accepted {accepted:?}, ran {ran:?}, refused {refused:?}, dropped {dropped:?}"
        )
    }
}

/// The callbacks in a sequence or a set of the specification.
pub(super) fn callbacks(value: &Value, threads: &[String]) -> Vec<CallbackId> {
    let callback = |value: &Value| {
        let Value::Tuple(parts) = value else {
            return None;
        };
        let [Value::Model(name), Value::Int(number)] = &parts[..] else {
            return None;
        };
        let thread = threads.iter().position(|thread| **thread == **name)?;
        Some((u8::try_from(thread).ok()?, u8::try_from(*number).ok()?))
    };
    match value {
        Value::Tuple(items) => items.iter().filter_map(callback).collect(),
        Value::Set(items) => items.iter().filter_map(callback).collect(),
        _ => Vec::new(),
    }
}
