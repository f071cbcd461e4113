//! What is asked of a loop, and what an answer looks like.

use std::fmt;

use clap::ValueEnum;
use serde::Serialize;

/// A question that is put to every loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Clause {
    /// The system call in which the idle loop sleeps.
    SleepsIn,
    /// The plain call from another thread, to an idle loop.
    Plain,
    /// The safe call from another thread: the callback runs.
    Safe,
    /// The plain callback after a safe call: once, on its thread.
    Then,
    /// 300 safe calls from four threads: each runs once, in order.
    Order,
    /// Whether a plain call and a later safe one keep their order.
    AcrossKinds,
    /// A stop from another thread, the plain way.
    StopPlain,
    /// A stop from another thread, the safe way: the run ends.
    StopSafe,
    /// A timer of no delay from another thread, the plain way.
    TimerPlain,
    /// The same, the safe way: it runs.
    TimerSafe,
    /// An event set from another thread, the plain way.
    EventPlain,
    /// The same, the safe way: its waiter goes on.
    EventSafe,
    /// A timer beside callbacks that submit callbacks: it runs.
    Snapshot,
    /// When it runs what a callback submits after stopping it.
    AfterStop,
    /// A stop before the run; asyncio promises one iteration.
    StopFirst,
    /// A cancelled callback: it does not run.
    Cancel,
    /// A callback that raises an exception: the loop goes on.
    Exception,
    /// A submission after close: it is refused.
    Closed,
    /// Submissions beside close: none is accepted after it.
    Race,
    /// What debug mode refuses from another thread.
    Debug,
    /// A call that debug mode refused: it has changed nothing.
    Unchanged,
    /// A second with nothing to do: the loop stays asleep.
    Idle,
    /// Whether it does what the module of its design allows.
    Design,
}

/// How binding a clause is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Level {
    /// The contract, or the documentation of the loop's interface, promises it.
    Must,
    /// A good loop does it.
    Should,
    /// Either way is right.
    Observation,
}

impl Clause {
    /// How binding it is, for a loop with asyncio's interface or for another one.
    pub(crate) fn level(self, has_asyncio_interface: bool) -> Level {
        match self {
            Clause::Safe
            | Clause::Then
            | Clause::Order
            | Clause::StopSafe
            | Clause::TimerSafe
            | Clause::EventSafe
            | Clause::Cancel
            | Clause::Closed
            | Clause::Unchanged => Level::Must,
            Clause::StopFirst | Clause::Exception if has_asyncio_interface => Level::Must,
            Clause::Exception | Clause::Snapshot | Clause::Idle => Level::Should,
            _ => Level::Observation,
        }
    }

    /// Whether the answer is the same in every run. Who wins a race is not.
    pub(crate) fn is_stable(self) -> bool {
        self != Clause::Race
    }

    /// The name, as it stands in a table's head and in the expectations.
    pub(crate) fn name(self) -> String {
        self.to_possible_value()
            .map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// What is asked, in a line.
    pub(crate) fn asks(self) -> String {
        let help = self
            .to_possible_value()
            .and_then(|value| value.get_help().cloned());
        help.map_or_else(String::new, |help| help.to_string())
    }
}

impl fmt::Display for Clause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

/// How it was decided that nothing more will happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Grounds {
    /// Every thread of the process was seen asleep for good.
    Look,
    /// The look was impossible, and nothing happened for a while.
    TimeLimit,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Cell {
    /// What was asked.
    pub(crate) clause: Clause,
    /// How binding it is for this loop.
    pub(crate) level: Level,
    /// The answer, in words that do not change from run to run.
    pub(crate) outcome: String,
    /// What does change: a time, a count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) detail: Option<String>,
    /// Whether it is as it must or should be.
    pub(crate) fine: bool,
    /// What is wrong, in a sentence; of an answer that is fine, why it says no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sentence: Option<String>,
    /// What the decision that nobody goes on rests on, if there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) grounds: Option<Grounds>,
    /// The file of the recording, under `--record`.
    pub(crate) recording: String,
    /// The recording's lines that show what is wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) lines: Vec<String>,
}
