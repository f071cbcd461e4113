//! Timers that send signals: POSIX timers, and the interval timer behind `setitimer` and `alarm`.
//!
//! `/proc/PID/timers` names the POSIX timers, and does not say whether one is armed. The interval timer of
//! another process is shown nowhere. `/proc/timer_list`, which root can read, lists the armed timers of the
//! machine, but not reliably: it gives up its lock between two timers, and when one expires meanwhile, it
//! skips another. So a timer counts as armed if a signal of its kind could make a thread go on.

use super::proc::{Proc, ReadError};
use super::signals::{ALARM, Deliverable};
use super::wait::is_own_processor_time;
use crate::Unseen;

/// A POSIX timer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Timer {
    signal: u8,
    /// Whether it sends the signal at all.
    sends: bool,
    clock: i64,
}

impl Timer {
    fn advances(self) -> bool {
        !is_own_processor_time(self.clock)
    }
}

/// What timers could do to a sleeping process: wake it, unseen, or end it.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    pub unseen: Vec<Unseen>,
    pub notes: Vec<String>,
}

/// To be called while all threads sleep: a timer that is not armed then stays so.
pub(crate) fn look(process: &Proc, deliverable: Deliverable) -> Timers {
    let mut timers = Timers::default();
    let (mut wakes, mut ends) = (Vec::new(), false);
    match process.text("timers") {
        Ok(text) => match parse(&text) {
            Some(found) => {
                for timer in found {
                    if timer.sends && timer.advances() {
                        if deliverable.wakes(timer.signal) {
                            wakes
                                .push("it has a POSIX timer, and whether that is armed".to_owned());
                        }
                        ends |= deliverable.ends(timer.signal);
                    }
                }
            }
            None => wakes.push("its POSIX timers: /proc/PID/timers is not understood".to_owned()),
        },
        // No timer does anything to a process that takes no signal.
        Err(_) if deliverable.handled().is_empty() => {}
        Err(ReadError::Gone) => wakes.push(
            "its POSIX timers, whether there are any: the kernel has no /proc/PID/timers"
                .to_owned(),
        ),
        Err(_) => wakes.push("its POSIX timers, whether there are any".to_owned()),
    }
    wakes.dedup();
    timers.unseen.extend(wakes.into_iter().map(unseen));
    if deliverable.wakes(ALARM) {
        timers.unseen.push(unseen(
            "whether an interval timer is armed (setitimer, alarm): the process takes SIGALRM"
                .to_owned(),
        ));
    }
    if ends {
        timers.notes.push(
            "a POSIX timer, if it is armed, would end the process: its signal has no handler"
                .to_owned(),
        );
    }
    if deliverable.ends(ALARM) {
        timers.notes.push(
            "an alarm(), if one is set, would end the process: SIGALRM has no handler".to_owned(),
        );
    }
    timers
}

fn unseen(what: String) -> Unseen {
    Unseen {
        tid: None,
        what,
        remedy: Some(
            "the kernel tells only the process itself: ask there, with getitimer or timer_gettime, or let \
             a debugger ask"
                .to_owned(),
        ),
    }
}

fn parse(text: &str) -> Option<Vec<Timer>> {
    let mut timers = Vec::new();
    let (mut signal, mut sends) = (None, true);
    for line in text.lines() {
        let (name, value) = line.split_once(':')?;
        let value = value.trim();
        match name {
            "ID" => (signal, sends) = (None, true),
            "signal" => signal = value.split('/').next()?.parse().ok(),
            "notify" => sends = !value.starts_with("none"),
            "ClockID" => timers.push(Timer {
                signal: signal?,
                sends,
                clock: value.parse().ok()?,
            }),
            _ => {}
        }
    }
    Some(timers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn posix_timers_are_read_with_their_signals_and_clocks() {
        let text = "ID: 0\nsignal: 14/0000000000000000\nnotify: signal/pid.7\nClockID: 1\n\
            ID: 1\nsignal: 0/0000000000000000\nnotify: none/pid.7\nClockID: 0\n\
            ID: 2\nsignal: 32/00007f0000000000\nnotify: signal/tid.9\nClockID: 2\n";
        let timers = parse(text).unwrap();
        assert_eq!(
            timers
                .iter()
                .map(|t| (t.signal, t.sends, t.advances()))
                .collect::<Vec<_>>(),
            [(14, true, true), (0, false, true), (32, true, false)]
        );
        assert_eq!(parse(""), Some(Vec::new()));
        assert_eq!(parse("nonsense"), None);
    }
}
