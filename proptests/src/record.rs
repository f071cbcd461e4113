//! What is observed of a loop: the same for the real one and for the reference.

use std::time::Duration;

use wakeproof::inbox::Status;
use wakeproof::{CloseError, JoinError, RunError};

use crate::command::{Event as Flag, Id, SpawnThrough, Through};

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
    /// A callback or a task is about to end, and by a panic. Only programs of several threads tell this
    /// here; in histories of one, whoever hears of the panic does.
    Panics(Id),
    /// A callback or a task has done everything but drop what it owns.
    Ended(Id),
    /// A task is polled, when the clock shows this.
    Polled(Id, Duration),
    /// A task begins to wait: until this deadline, if it sleeps.
    Waits(Id, Option<Duration>),
    /// A task waits no more.
    GoesOn(Id, Came),
    /// What a callback or a task owns is dropped: when it ends, or when it is certain that it never runs.
    Dropped(Id),
    /// The exception handler is told of a panic of this callback's or task's. Handlers are numbered.
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
    /// A task is spawned.
    Spawn(Id, SpawnThrough),
    /// `Task::cancel` or `SharedTask::cancel`.
    CancelTask(Id),
    /// `SharedTask::result`, or the same of another handle of an ended task.
    Result(Id),
    /// A waker of this task's is used.
    Wake(Id),
    /// This task polls an `EventWait`.
    Wait(Id),
    /// `Event::clear`.
    ClearEvent(Flag),
    /// `Event::set`.
    SetEvent(Flag),
    /// `EventHandle::set_threadsafe`, which is a submission.
    SetThreadsafe(Id, Flag),
    /// `stop`.
    Stop,
    /// `EventLoop::run_forever`.
    Run,
    /// `EventLoop::run_until_complete`, with a future of this number.
    RunUntilComplete(Id),
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
    /// Of a run until a future has completed: how that has ended. What its destructor panics with goes on
    /// in the caller like its own panic.
    Completed(Result<End, RunError>),
    /// Of a close.
    Closed(Result<(), CloseError>),
    /// Of a task: how it has ended. None on the loop's thread while it has not, where waiting would be
    /// a deadlock.
    Result(Option<End>),
    /// Of a poll.
    Ready(bool),
    /// Of a call that returns nothing.
    Nothing,
    /// Of a look.
    Looked(Box<Observation>),
    /// Of `Handle::status`.
    Status(Status),
}

/// Why a task waits no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Came {
    /// Its turn, its time, or its event has come.
    It,
    /// The task that it awaited has ended.
    End(End),
    /// It was not to wait any longer.
    Elapsed,
}

/// How a task has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum End {
    /// It has come to the end of its script.
    Returned,
    /// It was cancelled, by its handle or by the close.
    Cancelled,
    /// It, or what it owned, has panicked.
    Panicked,
    /// It has not: it was asked to wait for that itself.
    AwaitsItself,
}

impl End {
    /// What a task's handle has told.
    pub(crate) fn of<T>(outcome: Result<T, JoinError>) -> End {
        match outcome {
            Ok(_) => End::Returned,
            Err(JoinError::Cancelled) => End::Cancelled,
            Err(JoinError::Panicked(_)) => End::Panicked,
            Err(JoinError::AwaitsItself) => End::AwaitsItself,
            Err(other) => panic!("an unknown end: {other}"),
        }
    }
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
    /// The tasks whose handle is still there: `is_finished` and `is_cancelled`.
    pub tasks: Vec<(Id, [bool; 2])>,
    /// `is_set` of each `Event` and of its `EventHandle`.
    pub events: Vec<[bool; 2]>,
}
