//! The names of the steps that a platform can watch, and what a step leads to.
//!
//! The inbox and the tasks take these steps; the platform hears of them. This file depends on neither,
//! so that both can use it.

/// The names of the protocol's steps, the same as those of the actions in `spec/CondvarLoop.tla`.
///
/// A platform that wants to watch is told of each one as it takes effect, by
/// [`Platform::step`](crate::platform::Platform::step). All of them but [`Run`](Step::Run) happen under the lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Step {
    /// The thread holds the lock.
    Lock,
    /// An item is in the queue.
    Enqueue,
    /// An item was given back because the inbox is closed.
    Refuse,
    /// The loop was found asleep and is notified.
    Notify,
    /// Somebody asks the loop to stop.
    Stop,
    /// The loop honours the request to stop.
    Stopped,
    /// The loop starts to wait, which releases the lock.
    Sleep,
    /// The loop has woken, for whatever reason, and holds the lock again.
    Wake,
    /// The loop has taken the whole queue.
    Take,
    /// The loop accepts nothing any more, and what was queued is taken out to be dropped.
    Close,
    /// The thread is about to release the lock.
    Unlock,
    /// The loop runs, or skips because it was cancelled, the next callback of its batch.
    Run,
}

/// A consistent picture of an inbox, out of date as soon as it is returned.
///
/// `asleep` together with `queued > 0` is the bug that this project is about: had anybody decided
/// to wake the loop, `asleep` would be clear already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// How many callbacks wait for the next iteration.
    pub queued: usize,
    /// The loop waits for a wakeup that nobody has sent yet.
    pub asleep: bool,
    /// The loop has been asked to stop and has not done so yet.
    pub stopping: bool,
    /// The loop is closed.
    pub closed: bool,
}

impl Status {
    /// Neither a callback to run nor a stop to honour.
    pub(crate) fn has_nothing_to_do(&self) -> bool {
        self.queued == 0 && !self.stopping
    }

    /// Whether the loop sleeps beside callbacks that it could run: a lost wakeup.
    #[must_use]
    pub fn is_stranded(&self) -> bool {
        self.asleep && self.queued > 0
    }
}

/// The names of the steps by which a task that waits for an [`Event`](crate::Event) is woken, the same
/// as those of the actions in `spec/EventTask.tla`.
///
/// A platform that wants to watch is told of each one as it takes effect, by
/// [`Platform::task_step`](crate::platform::Platform::task_step). Each happens under a lock: the
/// waker's, or the event's. What is left of a wakeup is the inbox's
/// [`Enqueue`](crate::inbox::Step::Enqueue).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TaskStep {
    /// An event is set, and those who wait for it are taken out to be woken.
    SetFlag,
    /// A task is woken. It is going to be enqueued if it is not already.
    Schedule,
    /// A task is about to be polled. From now on, a wakeup enqueues it again.
    BeginPoll,
    /// A task looks whether an event is set, and waits for it if not.
    Look,
    /// A task is over. From now on, a wakeup means nothing.
    Finish,
}
