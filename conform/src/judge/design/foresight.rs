//! The order in which callbacks will run, which is known, since a recording can be read to its end.

use std::collections::{HashMap, HashSet};

use super::super::events::{CallId, Callback, Event, Outcome};

/// In which order callbacks run. Every design runs them in the order in which they were accepted, so
/// of submissions that overlap, this tells which was first.
#[derive(Debug, Clone, Default)]
pub(super) struct Foresight {
    places: HashMap<Callback, usize>,
    /// The calls that come to nothing: they are refused, though the loop is not closed.
    idle: HashSet<CallId>,
    /// The calls that a closed loop refuses.
    refused: HashSet<CallId>,
}

impl Foresight {
    pub(super) fn of<'a>(events: impl IntoIterator<Item = &'a Event>) -> Self {
        let mut foresight = Foresight::default();
        for event in events {
            match event {
                Event::Runs { callback, .. } => {
                    let next = foresight.places.len();
                    foresight.places.entry(*callback).or_insert(next);
                }
                Event::Ends {
                    id,
                    outcome: Outcome::Refused,
                    ..
                } => {
                    foresight.idle.insert(*id);
                }
                Event::Ends {
                    id,
                    outcome: Outcome::RefusedAsClosed,
                    ..
                } => {
                    foresight.refused.insert(*id);
                }
                _ => {}
            }
        }
        foresight
    }

    /// The place of a callback, if it will run.
    pub(super) fn place(&self, callback: Callback) -> Option<usize> {
        self.places.get(&callback).copied()
    }

    /// Whether a call comes to nothing.
    pub(super) fn is_idle(&self, call: CallId) -> bool {
        self.idle.contains(&call)
    }

    /// Whether a closed loop refuses a call.
    pub(super) fn is_refused(&self, call: CallId) -> bool {
        self.refused.contains(&call)
    }

    /// How many callbacks will run.
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }
}
