//! What is observed of a loop: the same for the real one and for the reference.

use std::time::Duration;

use wakeproof::inbox::Status;
use wakeproof::{CloseError, RunError};

use crate::command::{Id, Through};

/// Something that happened, and the thread on which it did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// [`OWNER`], or the number of another thread.
    pub thread: usize,
    /// What happened.
    pub event: Event,
}

/// The loop's thread.
pub const OWNER: usize = 0;

/// What happens to a loop and to its callbacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A public call begins.
    Call(Call),
    /// The public call that this thread began last returns.
    Return(Outcome),
    /// A callback begins to run, when the clock shows this.
    Began(Id, Duration),
    /// A callback has done everything but drop what it owns.
    Ended(Id),
    /// What a callback owns is dropped: when it ends, or when it is certain that it never runs.
    Dropped(Id),
    /// The exception handler is told of a panic of this callback's. Handlers are numbered.
    Reported(Id, usize),
    /// The slow-callback handler is told of a callback, and of the time that it took.
    Slow(usize, Duration),
    /// The loop has slept until the clock has shown this.
    Slept(Duration),
}

/// The public calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Call {
    /// A submission.
    Submit(Id, Through),
    /// `CallHandle::cancel` or `LocalCallHandle::cancel`.
    Cancel(Id),
    /// `stop`.
    Stop,
    /// `EventLoop::run_forever`.
    Run,
    /// `EventLoop::close`.
    Close,
    /// The end of the `EventLoop`.
    DropLoop,
    /// Everything that can be asked for without changing anything.
    Look,
    /// `Handle::status` alone.
    Status,
}

/// What the public calls return.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Of a submission: the deadline, of a timer.
    Submitted(Result<Option<Duration>, Refusal>),
    /// Of a cancellation.
    Cancelled(bool),
    /// The destructor of the cancelled callback panicked, which is the canceller's to deal with.
    CancelPanicked,
    /// Of a run.
    Ran(Result<(), RunError>),
    /// Of a close.
    Closed(Result<(), CloseError>),
    /// Of a call that returns nothing.
    Nothing,
    /// Of a look.
    Looked(Box<Observation>),
    /// Of `Handle::status`.
    Status(Status),
}

/// Why a submission was refused. The callback comes back: it is dropped after the return.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// The loop is closed.
    Closed,
    /// The hazard, in debug mode, on a foreign thread.
    WrongThread,
}

/// Everything that can be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// `time` of the `Local` and of the `Handle`.
    pub time: [Duration; 2],
    /// `is_running` of the `Local` and of the `Handle`.
    pub running: [bool; 2],
    /// `is_closed` of the `Local`, of the `Handle`, and of `Handle::status`.
    pub closed: [bool; 3],
    /// `is_running`, `is_closed` and `is_debug` of the `EventLoop`, unless it was dropped; and its
    /// `time`.
    pub event_loop: Option<([bool; 3], Duration)>,
    /// `Handle::status`: `queued`.
    pub queued: usize,
    /// `Handle::status`: `asleep`, and `is_stranded`.
    pub asleep: [bool; 2],
    /// `Handle::status`: `stopping`.
    pub stopping: bool,
    /// The callbacks whose handle is still there: `is_cancelled` and `is_done`.
    pub calls: Vec<(Id, [bool; 2])>,
}
