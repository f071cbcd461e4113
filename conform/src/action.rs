//! The specification's actions.

use std::fmt;

use serde::{Deserialize, Serialize};
use wakeproof::inbox::Step;

/// An action of `CondvarLoop.tla`, with the name that it has there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Action {
    /// A thread takes the mutex.
    Lock,
    /// A thread puts a callback in the queue.
    Enqueue,
    /// A thread gets its callback back from a closed loop.
    Refuse,
    /// A thread notifies the condvar.
    Notify,
    /// A thread requests a stop of the loop.
    Stop,
    /// A thread releases the mutex.
    Unlock,
    /// The loop begins to wait.
    Sleep,
    /// The loop holds the mutex again after a wait.
    Wake,
    /// The loop takes the queue.
    Take,
    /// The loop runs a callback, or skips it if it was cancelled.
    Run,
    /// The loop returns because a stop was requested.
    Stopped,
    /// The loop closes.
    Close,
    /// The condvar wakes a waiter that was not notified.
    SpuriousWakeup,
    /// A wait reaches its deadline.
    Timeout,
    /// The clock moves. In `TimerLoop.tla`.
    Tick,
    /// The loop reads the clock and takes the timers that are due. In `TimerLoop.tla`. It is not a step
    /// of the inbox, so it is not observed.
    Fire,
}

/// Who takes an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    /// Any thread. The action has the thread as its parameter.
    Any,
    /// The loop.
    Loop,
    /// The environment, or the loop in a step that is not observed.
    Environment,
}

impl Action {
    /// The actions that only a specification with a clock has.
    pub const TIMED: [Action; 2] = [Action::Tick, Action::Fire];

    /// All actions of `CondvarLoop.tla`.
    pub const ALL: [Action; 14] = [
        Action::Lock,
        Action::Enqueue,
        Action::Refuse,
        Action::Notify,
        Action::Stop,
        Action::Unlock,
        Action::Sleep,
        Action::Wake,
        Action::Take,
        Action::Run,
        Action::Stopped,
        Action::Close,
        Action::SpuriousWakeup,
        Action::Timeout,
    ];

    /// Who takes this action.
    #[must_use]
    pub fn actor(self) -> Actor {
        match self {
            Action::Lock
            | Action::Enqueue
            | Action::Refuse
            | Action::Notify
            | Action::Stop
            | Action::Unlock => Actor::Any,
            Action::Sleep
            | Action::Wake
            | Action::Take
            | Action::Run
            | Action::Stopped
            | Action::Close => Actor::Loop,
            Action::SpuriousWakeup | Action::Timeout | Action::Tick | Action::Fire => {
                Actor::Environment
            }
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl From<Step> for Action {
    /// # Panics
    ///
    /// If the library has a step that the specification does not know.
    fn from(step: Step) -> Self {
        match step {
            Step::Lock => Action::Lock,
            Step::Enqueue => Action::Enqueue,
            Step::Refuse => Action::Refuse,
            Step::Notify => Action::Notify,
            Step::Stop => Action::Stop,
            Step::Unlock => Action::Unlock,
            Step::Sleep => Action::Sleep,
            Step::Wake => Action::Wake,
            Step::Take => Action::Take,
            Step::Run => Action::Run,
            Step::Stopped => Action::Stopped,
            Step::Close => Action::Close,
            other => panic!("{other:?} is not an action of CondvarLoop.tla"),
        }
    }
}
