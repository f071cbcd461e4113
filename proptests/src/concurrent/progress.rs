//! The progress of a task of a program.

/// The progress of a task.
#[derive(Default)]
pub(super) struct Progress {
    /// How many times it has been polled.
    pub(super) polls: usize,
    /// How many times it had been polled when it was last woken. Spawning counts as waking.
    pub(super) woken_at: usize,
    /// Its last poll left it waiting for the event.
    pub(super) waits: bool,
    pub(super) never_waits: bool,
    pub(super) is_cancelled: bool,
}

impl Progress {
    /// Whether it may wait for ever: it waits for the event, and has not been woken since.
    pub(super) fn is_settled(&self) -> bool {
        self.waits && self.polls > self.woken_at && !self.is_cancelled
    }
}
