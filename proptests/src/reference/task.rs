//! The state of a task.

use crate::command::{EventId, Id};
use crate::record::End;

/// A task.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Task {
    /// It is in the queue.
    pub scheduled: bool,
    /// Its next turn drops it instead of polling it.
    pub cancel_requested: bool,
    /// What it awaits.
    pub wait: Option<Wait>,
    /// The number of the timer that limits its wait.
    pub limit: Option<usize>,
    /// That timer has run.
    pub elapsed: bool,
    /// How many timers it has set.
    pub timers: usize,
    /// How it ended, if it has.
    pub end: Option<End>,
    /// Its last poll is over, and wakeups have no effect any more.
    pub over: bool,
    /// The task that awaits its end.
    pub joiner: Option<Id>,
    /// Its handle was dropped.
    pub detached: bool,
}

/// What a task awaits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Wait {
    /// Nothing any more: the next poll resumes it.
    Over,
    /// The timer of its sleep, by its number among its timers.
    Sleep(usize),
    /// An event.
    Event(EventId),
    /// The end of a task whose handle it owns.
    Task(Id),
}
