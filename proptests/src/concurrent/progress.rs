//! How far a task of a program has come.

/// How far a task has come.
#[derive(Default)]
pub(super) struct Progress {
    /// How many times it has been polled.
    pub(super) polls: usize,
    /// How many times it had been when it was woken last: at first, when it was spawned.
    pub(super) woken_at: usize,
    /// Its last poll has left it waiting for the event.
    pub(super) waits: bool,
    pub(super) never_waits: bool,
    pub(super) is_cancelled: bool,
}

impl Progress {
    /// Whether it may stay as it is: it waits, and nobody has woken it from that.
    pub(super) fn is_settled(&self) -> bool {
        self.waits && self.polls > self.woken_at && !self.is_cancelled
    }
}
