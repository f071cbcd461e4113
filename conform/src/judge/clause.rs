//! What the contract promises, clause by clause.

use std::fmt;

use serde::{Serialize, Serializer};

/// A clause of the contract that a recording can break.
///
/// Those in front are told in the first place if several can be blamed, since they say less about
/// the loop: [`Clause::Run`] only says that no run was under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Clause {
    /// A design takes no such step there. What the contract says is another question.
    Design,
    /// A call was still open when nobody could go on.
    EveryCallReturns,
    /// A callback ran on another thread than the loop's, or outside a run.
    Run,
    /// A run began in a loop that was running or closed.
    Start,
    /// A run returned unasked, or in the middle of an iteration.
    Return,
    /// A loop was closed in the middle of a run.
    Close,
    /// A callback was refused as if the loop were closed, and it was not.
    Refuse,
    /// A cancel did not do what it said.
    Cancel,
    /// A callback ran in the iteration in which it was submitted.
    Iterate,
    /// An iteration began before the one before it was over.
    IterationIsOver,
    /// An iteration began after a request to stop, and the loop promises that none does.
    PromptStop,
    /// A callback ran that nobody had submitted.
    Submit,
    /// A callback was overtaken.
    FirstInFirstOut,
    /// A callback ran that had been refused, cancelled or dropped.
    OneFateEach,
    /// A callback ran for the second time.
    NothingRunsTwice,
    /// A closed loop accepted a callback.
    NothingAcceptedAfterClose,
    /// Everybody was asleep, and a request to stop was not heard.
    StopIsHonoured,
    /// Everybody was asleep beside a callback.
    EveryCallbackIsSettled,
}

impl Clause {
    /// All clauses of the contract.
    pub const ALL: [Clause; 17] = [
        Clause::EveryCallReturns,
        Clause::Run,
        Clause::Start,
        Clause::Return,
        Clause::Close,
        Clause::Refuse,
        Clause::Cancel,
        Clause::Iterate,
        Clause::IterationIsOver,
        Clause::PromptStop,
        Clause::Submit,
        Clause::FirstInFirstOut,
        Clause::OneFateEach,
        Clause::NothingRunsTwice,
        Clause::NothingAcceptedAfterClose,
        Clause::StopIsHonoured,
        Clause::EveryCallbackIsSettled,
    ];

    /// The name under which `EventLoop.tla` has it: a property's, or that of an action whose condition it
    /// is. `EveryCallReturns` is not there, since a call is one step in the contract.
    #[must_use]
    pub fn name(self) -> String {
        format!("{self:?}")
    }

    /// What the contract promises, in a sentence.
    #[must_use]
    pub fn promise(self) -> &'static str {
        match self {
            Clause::Design => {
                "the loop takes the steps of its design, in an order that the module allows"
            }
            Clause::EveryCallReturns => "no call waits for a loop that sleeps",
            Clause::Run => "callbacks run on the loop's own thread, while it is in a run",
            Clause::Start => "a run begins only while the loop is neither in a run nor closed",
            Clause::Return => {
                "a run returns only after a request to stop, and only when everything in its \
                 iteration has run"
            }
            Clause::Close => "a loop is closed between its runs, not in the middle of one",
            Clause::Refuse => "only a closed loop refuses a callback as closed",
            Clause::Cancel => {
                "cancelling a callback that is still to run keeps it from running, and cancelling any \
                 other changes nothing"
            }
            Clause::Iterate => {
                "an iteration runs only what had been accepted when it began; a callback that is \
                 submitted meanwhile waits for the next one"
            }
            Clause::IterationIsOver => {
                "an iteration begins only when everything in the one before it has run or been \
                 cancelled"
            }
            Clause::PromptStop => {
                "a loop that has been asked to stop begins no further iteration in this run"
            }
            Clause::Submit => "only callbacks that somebody has submitted run",
            Clause::FirstInFirstOut => {
                "if the submission of one callback has ended before that of another begins, the first \
                 one runs first"
            }
            Clause::OneFateEach => {
                "a callback that has been refused, cancelled or dropped does not run, and one that has \
                 run is none of these"
            }
            Clause::NothingRunsTwice => "a callback runs at most once",
            Clause::NothingAcceptedAfterClose => "a closed loop accepts no callback",
            Clause::StopIsHonoured => {
                "a loop that has been asked to stop returns from its run, and does not sleep instead"
            }
            Clause::EveryCallbackIsSettled => {
                "a callback that was accepted by a call that wakes the loop runs; the loop does not \
                 sleep beside it"
            }
        }
    }
}

impl fmt::Display for Clause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

impl Serialize for Clause {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::contract::TEXT;

    #[test]
    fn every_clause_but_one_is_in_the_contract_by_its_name() {
        for clause in Clause::ALL {
            let name = clause.name();
            let is_defined = TEXT.lines().any(|line| {
                line.trim_start()
                    .strip_prefix(&*name)
                    .is_some_and(|rest| rest.starts_with(['(', ' ']))
            });
            assert_eq!(is_defined, clause != Clause::EveryCallReturns, "{name}");
        }
    }
}
