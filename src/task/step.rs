//! What a task's waker and an event do, step by step.

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
