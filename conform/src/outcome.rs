//! What has become of the callbacks when an execution ends.

use std::collections::BTreeSet;
use std::fmt;

use tla_checker::ast::Value;

/// A callback: the place of the thread that submits it among the specification's threads, and
/// which of that thread's it is, counted from one.
pub type CallbackId = (u8, u8);

/// What has become of the callbacks, as the code has seen it or as the specification says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Outcome {
    /// Those that were accepted.
    pub accepted: BTreeSet<CallbackId>,
    /// Those that have run, in that order.
    pub ran: Vec<CallbackId>,
    /// Those that came back.
    pub refused: BTreeSet<CallbackId>,
    /// Those that were dropped when the loop was closed.
    pub dropped: BTreeSet<CallbackId>,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Outcome {
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

/// The callbacks in a sequence or a set of the specification's.
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
