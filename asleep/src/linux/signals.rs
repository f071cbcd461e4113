//! Which signals could make a thread go on.

use super::proc::Status;

/// `SIGALRM`, which an interval timer sends.
pub(crate) const ALARM: u8 = 14;

/// The signals of one process that could make one of its threads go on, and those that could end it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Deliverable {
    /// A handler would run, or a thread that waits for it would get it. The lowest bit for number 1.
    wakes: u64,
    /// It is neither handled, nor ignored, nor blocked: the default action, and no thread runs.
    default: u64,
}

impl Deliverable {
    /// Adds the signals of a thread that sleeps.
    pub(crate) fn add(&mut self, status: &Status, waits_for_signals: bool) {
        let open = !status.blocked;
        self.wakes |= open & status.caught;
        if waits_for_signals {
            // sigwait unblocks what it waits for, and takes it whether it is handled or not.
            self.wakes |= open;
        }
        self.default |= open & !status.caught & !status.ignored;
    }

    /// Adds the signals that a signalfd reports.
    pub(crate) fn add_descriptor(&mut self, mask: u64) {
        self.wakes |= mask;
    }

    pub(crate) fn wakes(self, signal: u8) -> bool {
        self.wakes & bit(signal) != 0
    }

    /// Whether it would end the process.
    pub(crate) fn ends(self, signal: u8) -> bool {
        self.default & bit(signal) != 0
    }

    pub(crate) fn handled(self) -> Vec<u8> {
        numbers(self.wakes)
    }
}

/// Whether a signal is about to be delivered to this thread.
pub(crate) fn is_on_its_way(status: &Status) -> bool {
    status.pending & !status.blocked & !status.ignored != 0
}

fn bit(signal: u8) -> u64 {
    1_u64
        .checked_shl(u32::from(signal).wrapping_sub(1))
        .unwrap_or(0)
}

/// The numbers of a mask.
pub(crate) fn numbers(mask: u64) -> Vec<u8> {
    (1..=64).filter(|signal| mask & bit(*signal) != 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(blocked: u64, ignored: u64, caught: u64) -> Status {
        Status {
            name: String::new(),
            state: b'S',
            tgid: 1,
            parent: 1,
            tracer: 0,
            pending: 0,
            blocked,
            ignored,
            caught,
            switches: 0,
        }
    }

    const ALARM_BIT: u64 = 1 << 13;

    #[test]
    fn a_handler_wakes_unless_every_thread_blocks_the_signal() {
        let mut deliverable = Deliverable::default();
        deliverable.add(&status(ALARM_BIT, 0, ALARM_BIT), false);
        assert!(!deliverable.wakes(ALARM));
        deliverable.add(&status(0, 0, ALARM_BIT), false);
        assert!(deliverable.wakes(ALARM));
        assert_eq!(deliverable.handled(), [ALARM]);
    }

    #[test]
    fn the_default_action_ends_and_wakes_nobody() {
        let mut deliverable = Deliverable::default();
        deliverable.add(&status(0, 0, 0), false);
        assert!(deliverable.ends(ALARM) && !deliverable.wakes(ALARM));

        let mut ignored = Deliverable::default();
        ignored.add(&status(0, ALARM_BIT, 0), false);
        assert!(!ignored.ends(ALARM) && !ignored.wakes(ALARM));
    }

    #[test]
    fn sigwait_and_signalfd_take_it() {
        let mut waits = Deliverable::default();
        waits.add(&status(!ALARM_BIT, ALARM_BIT, 0), true);
        assert_eq!(waits.handled(), [ALARM]);

        let mut descriptor = Deliverable::default();
        descriptor.add(&status(ALARM_BIT, 0, 0), false);
        assert!(!descriptor.wakes(ALARM));
        descriptor.add_descriptor(ALARM_BIT);
        assert!(descriptor.wakes(ALARM));
    }
}
