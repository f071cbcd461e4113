//! What is observed of a loop: the same for the real one and for the reference.

use std::any::Any;
use std::time::Duration;

use wakeproof::inbox::Status;
use wakeproof::{CloseError, JoinError, RunError};

use crate::command::{EventId, Id, SpawnCall, SubmitCall};

/// Something that happened, and the thread it happened on.
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
    /// The public call that this thread most recently began returns.
    Return(ReturnValue),
    /// A callback begins to run at this time.
    Began(Id, Duration),
    /// A callback or a task is about to end with a panic. Recorded only in programs of several threads;
    /// in histories of one thread, the record comes from whoever receives the panic.
    Panics(Id),
    /// A callback or a task has done everything except drop what it owns.
    Ended(Id),
    /// A task is polled at this time.
    Polled(Id, Duration),
    /// A task begins to wait. If it sleeps, it waits until this deadline.
    Waits(Id, Option<Duration>),
    /// A task stops waiting.
    Resumes(Id, WaitEnd),
    /// What a callback or a task owns is dropped: when it ends, or once it is certain never to run.
    Dropped(Id),
    /// The exception handler with this number receives the panic of this callback or task.
    Reported(Id, usize),
    /// The exception handler receives a panic that no script asked for. No reference predicts this.
    Unexpected(String),
    /// The loop sleeps, and nobody is left to wake it: its run does not return. No reference predicts this.
    SleepsForEver,
    /// The slow-callback handler with this number hears that a callback took this long.
    Slow(usize, Duration),
    /// The loop has slept until this time.
    Slept(Duration),
}

/// The public calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Call {
    /// A submission.
    Submit(Id, SubmitCall),
    /// `CallHandle::cancel` or `LocalCallHandle::cancel`.
    Cancel(Id),
    /// A task is spawned.
    Spawn(Id, SpawnCall),
    /// `Task::cancel` or `SharedTask::cancel`.
    CancelTask(Id),
    /// `SharedTask::result`, or asking another kind of handle how its task ended.
    Result(Id),
    /// A waker of this task is used.
    Wake(Id),
    /// This task polls an `EventWait`.
    Wait(Id),
    /// `Event::clear`.
    ClearEvent(EventId),
    /// `Event::set`.
    SetEvent(EventId),
    /// `EventHandle::set_threadsafe`, which is a submission.
    SetThreadsafe(Id, EventId),
    /// `stop`.
    Stop,
    /// `EventLoop::run_forever`.
    Run,
    /// `EventLoop::run_until_complete`, with the future that has this number.
    RunUntilComplete(Id),
    /// `EventLoop::close`.
    Close,
    /// The `EventLoop` is dropped.
    DropLoop,
    /// Every query that changes nothing.
    Look,
    /// `Handle::status` alone.
    Status,
}

/// What the public calls return.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReturnValue {
    /// Of a submission. A timer returns its deadline.
    Submitted(Result<Option<Duration>, Refusal>),
    /// Of a cancellation.
    Cancelled(bool),
    /// The destructor of the cancelled callback panicked, and the caller of `cancel` got the panic.
    CancelPanicked,
    /// Of a run.
    Ran(Result<(), RunError>),
    /// Of a run until a future completes: how the future ended. The caller also gets a panic of the
    /// future's destructor.
    Completed(Result<End, RunError>),
    /// Of a close.
    Closed(Result<(), CloseError>),
    /// Of a task: how it ended. `None` on the loop's thread while the task is still going, because
    /// waiting there would be a deadlock.
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

/// Why a task stopped waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WaitEnd {
    /// Its turn came, its sleep is over, or its event is set.
    Arrived,
    /// The task that it awaited has ended.
    TaskEnded(End),
    /// Its `timeout` has elapsed.
    TimedOut,
}

/// How a task ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum End {
    /// It reached the end of its script.
    Returned,
    /// It was cancelled, by its handle or by `close`.
    Cancelled,
    /// It panicked, or something it owned did.
    Panicked,
    /// It has not ended: it was told to await itself.
    AwaitsItself,
}

impl End {
    /// Converts what a task's handle returned.
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

/// Why a submission was refused. The caller gets the callback back, and drops it after the call returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// The loop is closed.
    Closed,
    /// The hazard, in debug mode, on a foreign thread.
    WrongThread,
}

/// The answers to every query.
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

/// The message of a panic.
pub(crate) fn text_of(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    text.or(payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without text")
        .to_owned()
}
