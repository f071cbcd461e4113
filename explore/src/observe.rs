//! Who watches the steps of an execution under loom or shuttle: a value, chosen when it begins.

use std::cell::Cell;

use wakeproof::inbox::{Status, Step};
use wakeproof::platform::TaskStep;

/// Who is told of each step, on the thread that takes it.
#[derive(Debug, Clone, Copy)]
pub struct Watch {
    /// Called at each step of the protocol, as [`Platform::step`](wakeproof::platform::Platform::step)
    /// is.
    pub step: fn(Step, Option<Status>),
    /// Called when a condvar has been notified: `true` if the notification reached a waiter.
    pub notified: fn(bool),
    /// Called at each step of a task's waker and of an event, as
    /// [`Platform::task_step`](wakeproof::platform::Platform::task_step) is.
    pub task_step: fn(TaskStep),
}

impl Watch {
    /// Nobody watches.
    pub const NOBODY: Watch = Watch {
        step: |_, _| (),
        notified: |_| (),
        task_step: |_| (),
    };
}

thread_local! {
    // loom and shuttle run all threads of an execution on one of the operating system's.
    static WATCH: Cell<Watch> = const { Cell::new(Watch::NOBODY) };
}

/// From now on, the executions on this thread are watched by `watch`, and by nobody else.
///
/// [`loom()`](crate::loom()) and [`shuttle()`](crate::shuttle()) begin each execution with
/// [`journal::recorder`](crate::journal::recorder()); a body that wants another calls this first.
pub fn watch(watch: Watch) {
    WATCH.set(watch);
}

pub(crate) fn step(step: Step, status: Option<Status>) {
    (WATCH.get().step)(step, status);
}

pub(crate) fn notified(somebody: bool) {
    (WATCH.get().notified)(somebody);
}

pub(crate) fn task_step(step: TaskStep) {
    (WATCH.get().task_step)(step);
}
