//! What a thread waits for and until when, from the number and the arguments of its system call.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use super::proc::Memory;
use crate::Limit;

/// A wait as the registers show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wait {
    pub syscall: String,
    pub on: On,
    pub limit: Limit,
}

/// What for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum On {
    Futex {
        address: u64,
        private: bool,
    },
    Futexes(u64),
    /// One call on one descriptor, which blocks.
    Descriptor(i32, Direction),
    /// One of these.
    Poll(Vec<i32>),
    Epoll(i32),
    Child,
    Signal,
    Time,
    FileLock,
    Ipc,
    /// Not known to this crate.
    Unknown,
}

/// Which of a socket's two time limits counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    In,
    Out,
    Connect,
}

/// What it takes to read the arguments that are pointers or moments.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    pub memory: Option<&'a Memory>,
    /// Whether the process's monotonic clock is ours.
    pub same_clock: bool,
}

/// The most descriptors of one `poll` that are looked at.
const POLL_MAXIMUM: u64 = 1 << 20;

/// The name of a system call on this processor.
pub(crate) fn name(number: i64) -> String {
    usize::try_from(number)
        .ok()
        .and_then(syscalls::Sysno::new)
        .map_or_else(
            || format!("system call {number}"),
            |call| call.name().into(),
        )
}

impl Context<'_> {
    /// Takes a system call apart.
    pub(crate) fn wait(&self, number: i64, arguments: [u64; 6]) -> Wait {
        let syscall = name(number);
        let [a0, a1, a2, a3, a4, _] = arguments;
        let (on, limit) = match syscall.as_str() {
            "epoll_wait" | "epoll_pwait" => (On::Epoll(fd(a0)), milliseconds(a3)),
            "epoll_pwait2" => (On::Epoll(fd(a0)), self.interval(a3)),
            "poll" => (self.poll_set(a0, a1), milliseconds(a2)),
            "ppoll" => (self.poll_set(a0, a1), self.interval(a2)),
            "select" => (self.select_sets(a0, [a1, a2, a3]), self.microseconds(a4)),
            "pselect6" => (self.select_sets(a0, [a1, a2, a3]), self.interval(a4)),
            "read" | "readv" | "recvfrom" | "recvmsg" | "accept" | "accept4" => {
                (On::Descriptor(fd(a0), Direction::In), Limit::None)
            }
            // Its limit is looked at only when something has arrived.
            "recvmmsg" => (
                On::Descriptor(fd(a0), Direction::In),
                if a4 == 0 { Limit::None } else { Limit::Unknown },
            ),
            "write" | "writev" | "sendto" | "sendmsg" | "sendmmsg" => {
                (On::Descriptor(fd(a0), Direction::Out), Limit::None)
            }
            "connect" => (On::Descriptor(fd(a0), Direction::Connect), Limit::None),
            "mq_timedreceive" => (
                On::Descriptor(fd(a0), Direction::In),
                self.moment(Some(ClockId::Realtime), a4),
            ),
            "mq_timedsend" => (
                On::Descriptor(fd(a0), Direction::Out),
                self.moment(Some(ClockId::Realtime), a4),
            ),
            "futex" => self.futex(a0, a1, a3),
            "futex_wait" => (
                // FUTEX2_PRIVATE
                On::Futex {
                    address: a0,
                    private: a3 & 128 != 0,
                },
                self.moment(clock(arguments[5]), a4),
            ),
            "futex_waitv" => (On::Futexes(a1), self.moment(clock(a4), a3)),
            "nanosleep" => (On::Time, self.interval(a0)),
            "clock_nanosleep" => (On::Time, self.clock_sleep(a0, a1, a2)),
            "pause" | "rt_sigsuspend" => (On::Signal, Limit::None),
            "rt_sigtimedwait" => (On::Signal, self.interval(a2)),
            "wait4" | "waitid" => (On::Child, Limit::None),
            "semop" | "msgrcv" | "msgsnd" => (On::Ipc, Limit::None),
            "semtimedop" => (On::Ipc, self.interval(a3)),
            "flock" => (On::FileLock, Limit::None),
            // F_SETLKW, F_OFD_SETLKW
            "fcntl" if matches!(a1, 7 | 38) => (On::FileLock, Limit::None),
            // It continues a wait that a stop interrupted; the kernel keeps its limit to itself.
            _ => (On::Unknown, Limit::Unknown),
        };
        Wait { syscall, on, limit }
    }

    fn futex(&self, address: u64, operation: u64, timeout: u64) -> (On, Limit) {
        const PRIVATE: u64 = 128;
        const REALTIME: u64 = 256;
        let on = On::Futex {
            address,
            private: operation & PRIVATE != 0,
        };
        let settable = if operation & REALTIME == 0 {
            ClockId::Monotonic
        } else {
            ClockId::Realtime
        };
        match operation & !(PRIVATE | REALTIME) {
            // FUTEX_WAIT
            0 => (on, self.interval(timeout)),
            // FUTEX_WAIT_BITSET, FUTEX_WAIT_REQUEUE_PI, FUTEX_LOCK_PI2
            9 | 11 | 13 => (on, self.moment(Some(settable), timeout)),
            // FUTEX_LOCK_PI
            6 => (on, self.moment(Some(ClockId::Realtime), timeout)),
            _ => (On::Unknown, Limit::Unknown),
        }
    }

    fn clock_sleep(&self, id: u64, flags: u64, pointer: u64) -> Limit {
        const TIMER_ABSTIME: u64 = 1;
        match fd(id) {
            id if is_own_processor_time(i64::from(id)) => Limit::None,
            // The processor time of another process, or a device's clock.
            ..0 => Limit::Unknown,
            _ if flags & TIMER_ABSTIME == 0 => self.interval(pointer),
            _ => self.moment(clock(id), pointer),
        }
    }

    fn pair(&self, pointer: u64) -> Option<(i64, i64)> {
        let bytes = self.memory?.read::<16>(pointer)?;
        let (first, second) = bytes.split_at(8);
        Some((
            i64::from_ne_bytes(first.try_into().ok()?),
            i64::from_ne_bytes(second.try_into().ok()?),
        ))
    }

    /// A limit that counts from the beginning of the wait.
    fn interval(&self, pointer: u64) -> Limit {
        self.limit(pointer, |seconds, nanoseconds| {
            Some(duration(seconds, nanoseconds))
        })
    }

    fn microseconds(&self, pointer: u64) -> Limit {
        self.limit(pointer, |seconds, microseconds| {
            Some(duration(seconds, microseconds.saturating_mul(1_000)))
        })
    }

    /// A limit that is a moment of a clock.
    fn moment(&self, clock: Option<ClockId>, pointer: u64) -> Limit {
        self.limit(pointer, |seconds, nanoseconds| {
            let clock = clock?;
            if clock != ClockId::Realtime && !self.same_clock {
                return None;
            }
            let now = clock_gettime(clock);
            let now = duration(now.tv_sec, now.tv_nsec);
            Some(duration(seconds, nanoseconds).saturating_sub(now))
        })
    }

    fn limit(&self, pointer: u64, within: impl FnOnce(i64, i64) -> Option<Duration>) -> Limit {
        if pointer == 0 {
            return Limit::None;
        }
        self.pair(pointer)
            .and_then(|(seconds, fraction)| within(seconds, fraction))
            .map_or(Limit::Unknown, |within| Limit::Within { within })
    }

    fn poll_set(&self, pointer: u64, count: u64) -> On {
        const ENTRY: usize = 8;
        let length = match usize::try_from(count) {
            Ok(count) if count as u64 <= POLL_MAXIMUM => count * ENTRY,
            _ => return On::Unknown,
        };
        if length == 0 {
            return On::Poll(Vec::new());
        }
        let Some(bytes) = self.memory.and_then(|m| m.read_vec(pointer, length)) else {
            return On::Unknown;
        };
        let mut descriptors: Vec<i32> = bytes
            .chunks_exact(ENTRY)
            .filter_map(|entry| Some(i32::from_ne_bytes(entry.get(..4)?.try_into().ok()?)))
            // A negative one is ignored.
            .filter(|fd| *fd >= 0)
            .collect();
        descriptors.sort_unstable();
        descriptors.dedup();
        On::Poll(descriptors)
    }

    fn select_sets(&self, count: u64, sets: [u64; 3]) -> On {
        let Ok(words) = usize::try_from(count.div_ceil(64)) else {
            return On::Unknown;
        };
        if count > POLL_MAXIMUM {
            return On::Unknown;
        }
        let mut descriptors = Vec::new();
        for pointer in sets {
            if pointer == 0 || words == 0 {
                continue;
            }
            let Some(bytes) = self.memory.and_then(|m| m.read_vec(pointer, words * 8)) else {
                return On::Unknown;
            };
            // Words of 64 bits, in this processor's order.
            for (index, word) in bytes.chunks_exact(8).enumerate() {
                let word = u64::from_ne_bytes(word.try_into().unwrap_or_default());
                descriptors.extend(
                    (0..64)
                        .filter(|bit| word >> bit & 1 == 1)
                        .map(|bit| index as u64 * 64 + bit)
                        .filter(|fd| *fd < count)
                        .map(fd),
                );
            }
        }
        descriptors.sort_unstable();
        descriptors.dedup();
        On::Poll(descriptors)
    }
}

/// An argument of type `int`: the upper half of the register has no meaning.
#[expect(clippy::cast_possible_truncation, reason = "that is the meaning")]
fn fd(argument: u64) -> i32 {
    argument as i32
}

fn milliseconds(argument: u64) -> Limit {
    match u64::try_from(fd(argument)) {
        Ok(milliseconds) => Limit::Within {
            within: Duration::from_millis(milliseconds),
        },
        Err(_) => Limit::None,
    }
}

fn duration(seconds: i64, nanoseconds: i64) -> Duration {
    let whole = Duration::from_secs(seconds.try_into().unwrap_or(0));
    whole.saturating_add(Duration::from_nanos(nanoseconds.try_into().unwrap_or(0)))
}

/// Whether a clock stands still while every thread of the process sleeps.
pub(crate) fn is_own_processor_time(clock: i64) -> bool {
    // CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID
    matches!(clock, 2 | 3)
        // The same as the C library writes it: the id of a process, inverted, and in the lowest three bits what
        // is counted. No id means the caller's own; 3 in the lowest bits is the clock of a descriptor.
        || (clock < 0 && !(clock >> 3) == 0 && clock & 0b11 != 0b11)
}

/// The clocks that a wait can be on and that this can read.
fn clock(id: u64) -> Option<ClockId> {
    match fd(id) {
        0 => Some(ClockId::Realtime),
        1 => Some(ClockId::Monotonic),
        7 => Some(ClockId::Boottime),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLIND: Context<'_> = Context {
        memory: None,
        same_clock: true,
    };

    fn number(name: &str) -> i64 {
        let call: syscalls::Sysno = name.parse().expect("a system call");
        i64::from(call.id())
    }

    fn wait(name: &str, arguments: [u64; 6]) -> Wait {
        BLIND.wait(number(name), arguments)
    }

    #[test]
    fn no_limit_is_a_negative_number_or_no_pointer() {
        // The upper half of the register has no meaning.
        let epoll = wait("epoll_pwait", [3, 0x7f0, 2, 0xffff_ffff, 0, 8]);
        assert_eq!((epoll.on, epoll.limit), (On::Epoll(3), Limit::None));
        let within = Duration::from_millis(10);
        let epoll = wait("epoll_pwait", [3, 0x7f0, 2, 0xdead_0000_0000_000a, 0, 8]);
        assert_eq!(epoll.limit, Limit::Within { within });
        assert_eq!(wait("rt_sigtimedwait", [0; 6]).limit, Limit::None);
    }

    #[test]
    fn a_limit_that_cannot_be_read_is_unknown_and_never_none() {
        for (name, argument) in [
            ("epoll_pwait2", 3),
            ("ppoll", 2),
            ("pselect6", 4),
            ("nanosleep", 0),
            ("clock_nanosleep", 2),
            ("rt_sigtimedwait", 2),
            ("semtimedop", 3),
            ("mq_timedreceive", 4),
            ("futex_waitv", 3),
            ("recvmmsg", 4),
        ] {
            let mut arguments = [0; 6];
            arguments[argument] = 0x7000;
            assert_eq!(wait(name, arguments).limit, Limit::Unknown, "{name}");
        }
        for operation in [0, 6, 9, 11, 13, 128, 128 | 256 | 9] {
            let limit = wait("futex", [0x1000, operation, 0, 0x7000, 0, 0]).limit;
            assert_eq!(limit, Limit::Unknown, "{operation}");
        }
    }

    #[test]
    fn what_is_not_known_has_an_unknown_limit() {
        // Among them FUTEX_WAKE, which does not wait.
        for wait in [
            wait("io_uring_enter", [0; 6]),
            wait("restart_syscall", [0; 6]),
            wait("ioctl", [0; 6]),
            wait("futex", [0x1000, 1, 0, 0, 0, 0]),
            wait("fcntl", [3, 6, 0, 0, 0, 0]),
            BLIND.wait(100_000, [0; 6]),
            BLIND.wait(number("futex") | 0x4000_0000, [0; 6]),
        ] {
            assert_eq!(
                (&wait.on, &wait.limit),
                (&On::Unknown, &Limit::Unknown),
                "{wait:?}"
            );
        }
        // It may be that the set of descriptors cannot be read.
        assert_eq!(wait("ppoll", [0x7000, 2, 0, 0, 0, 0]).on, On::Unknown);
        assert_eq!(
            wait("ppoll", [0x7000, u64::MAX, 0, 0, 0, 0]).on,
            On::Unknown
        );
        assert_eq!(wait("pselect6", [64, 0x7000, 0, 0, 0, 0]).on, On::Unknown);
    }

    #[test]
    fn private_and_shared_futexes() {
        let private = |operation| match wait("futex", [0x1000, operation, 0, 0, 0, 0]).on {
            On::Futex { private, .. } => private,
            on => panic!("{on:?}"),
        };
        assert!(!private(0) && private(128) && private(128 | 9) && !private(256 | 9));
    }

    #[test]
    fn processor_time_stands_still() {
        for (clock, stands_still) in [
            (0, false),
            (1, false),
            (2, true),
            (3, true),
            (7, false),
            // As the C library writes them: of the process, of the thread.
            (-6, true),
            (-2, true),
            // Of process 1, and of descriptor 0.
            (((!1_i64) << 3) | 2, false),
            (-5, false),
        ] {
            assert_eq!(is_own_processor_time(clock), stands_still, "{clock}");
        }
    }
}
