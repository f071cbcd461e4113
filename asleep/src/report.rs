//! What a look has found, for any operating system.

use std::fmt;
use std::time::Duration;

/// What a look at a process has found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Report {
    /// The process.
    pub pid: i32,
    /// Its name, with control characters made visible.
    pub name: String,
    /// The conclusion.
    pub verdict: Verdict,
    /// What it is drawn from: every thread that was looked at, in the order of their ids.
    pub threads: Vec<Thread>,
    /// Who or what could make a sleeping thread go on. Empty if nothing but a signal could.
    pub outside: Vec<Outside>,
    /// What the look could not see although it matters. If this is not empty, the verdict is never
    /// [`Verdict::AsleepForGood`].
    pub unseen: Vec<Unseen>,
    /// What the look could not see and what cannot make a thread of the process go on, but end it.
    pub notes: Vec<String>,
    /// The runtime whose service threads are marked in `threads`, such as `JVM`.
    pub runtime: Option<&'static str>,
    /// The lost wakeup of the catalogue that this looks like.
    pub resembles: Option<Resemblance>,
    /// How long the look took.
    #[cfg_attr(
        feature = "serde",
        serde(rename = "took_seconds", serialize_with = "seconds")
    )]
    pub took: Duration,
}

impl Report {
    /// Whether the verdict is [`Verdict::AsleepForGood`].
    #[must_use]
    pub fn is_asleep_for_good(&self) -> bool {
        self.verdict == Verdict::AsleepForGood
    }

    /// The process, the verdict and the reason for it, in one line.
    #[must_use]
    pub fn summary(&self) -> String {
        let Report { pid, name, .. } = self;
        let reason = match self.verdict {
            Verdict::NotAsleep => self
                .threads
                .iter()
                .find(|thread| thread.activity.is_awake())
                .map_or_else(
                    || ": a thread began or ended".to_owned(),
                    |thread| format!(": {}, thread {}", thread.name, thread.tid),
                ),
            Verdict::CannotTell => self
                .unseen
                .first()
                .map_or_else(String::new, |unseen| format!(": {}", unseen.what)),
            _ => String::new(),
        };
        format!("process {pid} ({name}): {}{reason}", self.verdict)
    }
}

/// The conclusion of a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(tag = "kind", rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Verdict {
    /// Every thread sleeps without a time limit, at one and the same moment. None will execute another
    /// instruction unless something outside the process acts: see [`Report::outside`].
    AsleepForGood,
    /// Every thread sleeps, and at least one of them with a time limit.
    AsleepUntil {
        /// The earliest of the limits, counted from the look. The system call says how long it waits
        /// at most, not when it began to, so that the thread may go on earlier than this.
        #[cfg_attr(
            feature = "serde",
            serde(rename = "within_seconds", serialize_with = "seconds")
        )]
        within: Duration,
    },
    /// At least one thread runs, is about to run, or ran between the two looks.
    NotAsleep,
    /// Something that matters could not be seen: see [`Report::unseen`].
    CannotTell,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::AsleepForGood => write!(f, "asleep for good unless the outside acts"),
            Verdict::AsleepUntil { within } => {
                write!(f, "asleep, for {} at the latest", Time(*within))
            }
            Verdict::NotAsleep => write!(f, "not asleep"),
            Verdict::CannotTell => write!(f, "cannot tell"),
        }
    }
}

/// One thread.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Thread {
    /// Its id.
    pub tid: i32,
    /// Its name, with control characters made visible.
    pub name: String,
    /// What it does.
    pub activity: Activity,
    /// Whether it is a service thread of the runtime: it does not run the program's code.
    pub service: bool,
    /// How often the operating system has let it run. The same number in two reports: it has not run
    /// in between.
    pub times_run: u64,
}

/// What a thread does.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(tag = "kind", rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Activity {
    /// It runs, or would if a processor were free.
    Runs,
    /// It slept in both looks, but ran in between, or began or ended.
    Ran,
    /// It waits in the kernel for something that is about to come: a disk, or a child that `vfork` made.
    Uninterruptible {
        /// The system call.
        syscall: String,
    },
    /// A signal is on its way to it.
    Signalled,
    /// It was stopped, by a signal such as `SIGSTOP`.
    Stopped,
    /// A debugger holds it.
    Traced,
    /// It sleeps outside any wait that the look understands.
    Blocked {
        /// Where, as far as that is known.
        place: String,
    },
    /// It sleeps in a system call.
    Asleep(Wait),
    /// It has ended, and the process has not: a main thread that has called `pthread_exit`.
    Ended,
}

impl Activity {
    /// Whether the thread is awake, or about to be.
    #[must_use]
    pub fn is_awake(&self) -> bool {
        matches!(
            self,
            Activity::Runs | Activity::Ran | Activity::Signalled | Activity::Uninterruptible { .. }
        )
    }
}

/// A wait.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Wait {
    /// The system call.
    pub syscall: String,
    /// What for.
    pub target: Target,
    /// Until when.
    pub limit: Limit,
}

/// What a thread waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(tag = "kind", rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Target {
    /// A word of memory that another thread changes: what mutexes, condvars and joins are made of.
    Futex {
        /// Its address.
        address: u64,
        /// Whether another process can see the word.
        shared: bool,
    },
    /// Several such words.
    Futexes {
        /// How many.
        count: u64,
    },
    /// Descriptors, of which one is enough.
    Descriptors {
        /// Those. Empty if it waits for signals alone.
        descriptors: Vec<Descriptor>,
    },
    /// The end of a child process.
    Child,
    /// A signal.
    Signal,
    /// The time.
    Time,
    /// A lock on a file.
    FileLock,
    /// A semaphore or a message queue of System V.
    Ipc,
}

/// An open file that a thread waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Descriptor {
    /// Its number.
    pub fd: i32,
    /// The epoll set it is in, if the thread waits for that one.
    pub epoll: Option<i32>,
    /// What it is.
    pub file: File,
    /// How many bytes wait in it to be read, or what an eventfd's count is. `None` if that has no meaning
    /// or could not be seen.
    pub unread: Option<u64>,
    /// Whether the epoll set reports it once, when it becomes ready (`EPOLLET`), and not for as long as
    /// it is.
    pub edge_triggered: bool,
}

/// The kind of an open file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(tag = "kind", rename_all = "snake_case"))]
#[non_exhaustive]
pub enum File {
    /// A pipe.
    Pipe {
        /// The inode number, the same at both ends.
        inode: u64,
        /// Whether this process itself has both ends open.
        both_ends: bool,
    },
    /// A socket.
    Socket {
        /// The inode number.
        inode: u64,
        /// The family, and what is known beyond it.
        family: SocketFamily,
    },
    /// A counter that wakes its readers.
    EventFd,
    /// A timer.
    TimerFd {
        /// When it expires next, counted from the look. `None`: it is off, or due at this very moment.
        #[cfg_attr(
            feature = "serde",
            serde(rename = "expires_in_seconds", serialize_with = "maybe_seconds")
        )]
        expires_in: Option<Duration>,
    },
    /// Signals, by their numbers, to be read.
    SignalFd {
        /// The signals.
        signals: Vec<u8>,
    },
    /// Changes in the file system: inotify or fanotify.
    Watch,
    /// The end of a process.
    PidFd {
        /// The process, `None` if it has ended.
        pid: Option<i32>,
    },
    /// An epoll set.
    Epoll,
    /// A terminal.
    Terminal {
        /// Its path.
        path: String,
    },
    /// A device that is no terminal.
    Device {
        /// Its path.
        path: String,
    },
    /// A file with a name in a file system, a message queue for example.
    Named {
        /// Its path.
        path: String,
    },
    /// Something else.
    Other {
        /// What the operating system calls it.
        name: String,
    },
}

/// A socket's family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum SocketFamily {
    /// One of two connected Unix sockets without a name, both made by this process: a socket pair.
    Pair,
    /// Another Unix socket.
    Unix,
    /// IPv4 or IPv6.
    Internet,
    /// Another family.
    Other,
    /// It could not be seen.
    Unknown,
}

/// Until when a thread waits.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(tag = "kind", rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Limit {
    /// There is no limit.
    None,
    /// There is one.
    Within {
        /// The longest it can still be, counted from the look.
        #[cfg_attr(
            feature = "serde",
            serde(rename = "within_seconds", serialize_with = "seconds")
        )]
        within: Duration,
    },
    /// There may be one.
    Unknown,
}

/// Something outside the process that could make a thread of it go on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(tag = "kind", rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Outside {
    /// Whoever has the other end of a descriptor that a thread waits for.
    Descriptor {
        /// Its number.
        fd: i32,
        /// What it is.
        file: File,
    },
    /// Another process with the memory that a futex is in.
    SharedFutex {
        /// The futex's address here.
        address: u64,
    },
    /// Another process that uses the same System V queue or semaphore.
    Ipc,
    /// Another process that holds the lock on a file.
    FileLock,
    /// A child process, at its end or before.
    Child {
        /// Its id.
        pid: i32,
        /// Its name, with control characters made visible.
        name: String,
    },
    /// A signal for which the process has a handler or for which one of its threads waits, by number.
    Signals {
        /// Their numbers.
        signals: Vec<u8>,
    },
    /// A debugger or tracer that is attached.
    Tracer {
        /// Its process id.
        pid: i32,
    },
    /// The other threads of this process, those that were not looked at.
    OtherThreads,
}

/// Something that the look could not see although it matters.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Unseen {
    /// The thread, if it is about one.
    pub tid: Option<i32>,
    /// What could not be seen.
    pub what: String,
    /// What would allow it.
    pub remedy: Option<String>,
}

/// A lost wakeup of the catalogue that a sleeping process looks like.
///
/// A likeness is no proof: the verdict says *that* nobody goes on, and not why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Resemblance {
    /// Asleep in an event loop's poll, and nothing lies in its wakeup channel.
    EventLoopNotWoken,
    /// Asleep in an event loop's poll, and a wakeup lies in its wakeup channel, unread.
    WakeupUnread,
    /// All threads wait on one futex.
    AllOnOneFutex,
    /// Every thread waits on a futex, and on different ones.
    AllOnFutexes,
    /// One thread waits on a futex, and there is no other.
    NobodyLeftToNotify,
    /// A thread reads from a pipe of which this process has both ends open.
    ReadsItsOwnPipe,
    /// A thread waits for a child process, and the child is there.
    WaitsForChild,
}

impl fmt::Display for Resemblance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Resemblance::EventLoopNotWoken => {
                "an event loop asleep in its poll, its wakeup channel empty: if there is work in its queue, \
                 whoever put it there did not wake the loop (call_soon from another thread instead of \
                 call_soon_threadsafe)"
            }
            Resemblance::WakeupUnread => {
                "an event loop asleep in its poll although a wakeup lies in its wakeup channel, unread: \
                 it was reported once and not drained, or the loop no longer watches the channel"
            }
            Resemblance::AllOnOneFutex => {
                "all threads wait on one futex: a notification that came before the wait, one that woke \
                 another thread than the one it was meant for, or a lock that nobody will release"
            }
            Resemblance::AllOnFutexes => {
                "every thread waits on a futex: each holds what the next one needs, or a notification \
                 came before its waiter"
            }
            Resemblance::NobodyLeftToNotify => {
                "a condvar's waiter, or a join, with nobody else alive: the notification came before the \
                 wait, or whoever had to give it is gone"
            }
            Resemblance::ReadsItsOwnPipe => {
                "a thread reads from a pipe whose other end this process itself keeps open: no data comes, \
                 and no end of file either"
            }
            Resemblance::WaitsForChild => {
                "a parent that waits for its child: look at the child next"
            }
        })
    }
}

impl Resemblance {
    /// The fault of wakeproof's catalogue, as `wakeproof trace` takes it, that ends in this state.
    #[must_use]
    pub fn fault(self) -> Option<&'static str> {
        match self {
            Resemblance::EventLoopNotWoken => Some("no-notify"),
            _ => None,
        }
    }
}

#[cfg(feature = "serde")]
fn seconds<S: serde::Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64(time.as_secs_f64())
}

#[cfg(feature = "serde")]
#[expect(clippy::ref_option, reason = "serde calls it with one")]
fn maybe_seconds<S: serde::Serializer>(time: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
    serde::Serialize::serialize(&time.map(|time| time.as_secs_f64()), to)
}

/// The name of a signal, such as `SIGINT`.
#[must_use]
pub fn signal_name(signal: u8) -> String {
    const NAMES: [&str; 31] = [
        "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2",
        "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG",
        "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
    ];
    // What the C library calls the first of the real-time signals: it keeps two for itself.
    const REAL_TIME: u8 = 34;
    match usize::from(signal)
        .checked_sub(1)
        .and_then(|i| NAMES.get(i))
    {
        Some(name) => format!("SIG{name}"),
        None if signal >= REAL_TIME => format!("SIGRTMIN+{}", signal - REAL_TIME),
        None => format!("signal {signal}"),
    }
}

/// A duration as a person reads it: three digits, one unit.
#[derive(Debug, Clone, Copy)]
pub struct Time(
    /// The duration.
    pub Duration,
);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs_f64();
        let (amount, unit) = match seconds {
            s if s < 1e-3 => (s * 1e6, "µs"),
            s if s < 1.0 => (s * 1e3, "ms"),
            s if s < 120.0 => (s, "s"),
            s if s < 7_200.0 => (s / 60.0, "minutes"),
            s if s < 172_800.0 => (s / 3_600.0, "hours"),
            s if s < 63_115_200.0 => (s / 86_400.0, "days"),
            s => (s / 31_557_600.0, "years"),
        };
        let decimals = match amount {
            a if a < 9.995 => 2,
            a if a < 99.95 => 1,
            _ => 0,
        };
        write!(f, "{amount:.decimals$} {unit}")
    }
}

/// Makes a string from outside harmless: control characters become visible.
#[must_use]
pub fn harmless(text: &str) -> String {
    text.chars()
        .flat_map(|c| {
            let escape = c.is_control() || is_invisible(c);
            let plain = (!escape).then_some(c);
            let escaped = escape.then(|| c.escape_default());
            plain.into_iter().chain(escaped.into_iter().flatten())
        })
        .collect()
}

/// Characters that change the direction of the text, or cannot be seen.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_have_names() {
        let names = [1, 14, 31, 33, 34, 64].map(signal_name);
        assert_eq!(
            names,
            [
                "SIGHUP",
                "SIGALRM",
                "SIGSYS",
                "signal 33",
                "SIGRTMIN+0",
                "SIGRTMIN+30"
            ]
        );
    }

    #[test]
    fn times_have_three_digits_and_a_unit() {
        let text = |duration| Time(duration).to_string();
        assert_eq!(text(Duration::from_nanos(500)), "0.50 µs");
        assert_eq!(text(Duration::from_micros(1234)), "1.23 ms");
        assert_eq!(text(Duration::from_millis(59_950)), "60.0 s");
        assert_eq!(text(Duration::from_secs(3 * 3600)), "3.00 hours");
        assert_eq!(text(Duration::MAX), "584542046091 years");
    }

    #[test]
    fn what_a_terminal_would_obey_becomes_visible() {
        assert_eq!(
            harmless("a\x1b[2J\u{202e}\u{7f}ü"),
            "a\\u{1b}[2J\\u{202e}\\u{7f}ü"
        );
    }
}
