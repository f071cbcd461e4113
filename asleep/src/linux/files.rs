//! The open files of a process: what they are, what lies in them, and when they become ready by
//! themselves.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::time::Duration;

use procfs::process::FDTarget;
use rustix::io::{Errno, ioctl_fionread};
use rustix::net::{
    AddressFamily, SocketAddrAny, SocketAddrUnix, SocketType, getpeername, getsockname, sockopt,
};
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};
use rustix::termios::{LocalModes, SpecialCodeIndex, tcgetattr};

use super::proc::Proc;
use super::wait::Direction;
use crate::report::harmless;
use crate::{Descriptor, File, Limit, SocketFamily};

/// What the descriptors of a process are, as its first living thread has them.
#[derive(Debug, Default)]
pub(crate) struct Table {
    pub timers: Vec<i32>,
    pub has_io_uring: bool,
    /// The signals that a signalfd waits for, the lowest bit for number 1.
    pub signals: u64,
    /// How many ends of each pipe are open for reading, and how many for writing.
    pipes: BTreeMap<u64, (u32, u32)>,
}

/// A descriptor, and what it does to a wait for it.
#[derive(Debug)]
pub(crate) struct Found {
    pub descriptor: Descriptor,
    pub limit: Limit,
    /// Why its limit is unknown, if it is.
    pub unseen: Option<String>,
}

/// What there is to see, and what there is not.
#[derive(Debug, Default)]
pub(crate) struct Awaited {
    pub found: Vec<Found>,
    pub unseen: Vec<String>,
}

/// The files of one process.
#[derive(Debug)]
pub(crate) struct Files<'a> {
    process: &'a Proc,
    table: Table,
    pidfd: OnceCell<Option<OwnedFd>>,
    /// The thread as which the table was read.
    tid: i32,
}

/// An entry of an epoll set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    fd: i32,
    events: u32,
    inode: u64,
}

impl Entry {
    /// `EPOLLONESHOT` has come: nothing is reported until the entry is armed again.
    fn is_disabled(self) -> bool {
        const FLAGS: u32 = 0xf000_0000;
        self.events & !FLAGS == 0
    }

    fn is_edge_triggered(self) -> bool {
        self.events & (1 << 31) != 0
    }
}

impl<'a> Files<'a> {
    /// Reads the descriptors as the thread has them.
    pub(crate) fn of(process: &'a Proc, tid: i32) -> Option<Self> {
        let mut files = Files {
            process,
            table: Table::default(),
            pidfd: OnceCell::new(),
            tid,
        };
        let directory = fs::read_dir(process.path(&format!("task/{tid}/fd"))).ok()?;
        for entry in directory {
            let entry = entry.ok()?;
            let Some(fd) = entry.file_name().to_str().and_then(|fd| fd.parse().ok()) else {
                continue;
            };
            // Closed in the meantime: then a thread runs, and the second look will say so.
            let Some(target) = files.target(tid, fd) else {
                continue;
            };
            files.note(tid, fd, &target);
        }
        Some(files)
    }

    pub(crate) fn table(&self) -> &Table {
        &self.table
    }

    fn note(&mut self, tid: i32, fd: i32, target: &FDTarget) {
        match target {
            FDTarget::Pipe(inode) => {
                let mode = fs::symlink_metadata(self.link(tid, fd)).map_or(0, |m| m.mode());
                let ends = self.table.pipes.entry(*inode).or_default();
                ends.0 += u32::from(mode & 0o400 != 0);
                ends.1 += u32::from(mode & 0o200 != 0);
            }
            FDTarget::AnonInode(name) => match plain(name) {
                "timerfd" => self.table.timers.push(fd),
                "io_uring" => self.table.has_io_uring = true,
                "signalfd" => {
                    self.table.signals |= self.info(tid, fd).map_or(!0, |info| signal_mask(&info));
                }
                _ => {}
            },
            _ => {}
        }
    }

    fn link(&self, tid: i32, fd: i32) -> String {
        self.process.path(&format!("task/{tid}/fd/{fd}"))
    }

    fn target(&self, tid: i32, fd: i32) -> Option<FDTarget> {
        let link = fs::read_link(self.link(tid, fd)).ok()?;
        link.to_string_lossy().parse().ok()
    }

    fn info(&self, tid: i32, fd: i32) -> Option<String> {
        self.process.text(&format!("task/{tid}/fdinfo/{fd}")).ok()
    }

    /// When a timerfd expires next; the outer `None` if that cannot be seen.
    pub(crate) fn timer(&self, tid: i32, fd: i32) -> Option<Option<Duration>> {
        expiry(&self.info(tid, fd)?)
    }

    /// A copy of a descriptor, and only if it is a copy of the file that the number stood for.
    fn copy(&self, tid: i32, fd: i32) -> Option<OwnedFd> {
        let pidfd = self
            .pidfd
            .get_or_init(|| {
                // PIDFD_THREAD, since Linux 6.9: the main thread's descriptors are gone if it has ended.
                let thread = PidfdFlags::from_bits_retain(0o200);
                pidfd_open(Pid::from_raw(self.tid)?, thread)
                    .or_else(|_| {
                        let process = Pid::from_raw(self.process.pid());
                        pidfd_open(process.ok_or(Errno::SRCH)?, PidfdFlags::empty())
                    })
                    .ok()
            })
            .as_ref()?;
        let copy = pidfd_getfd(pidfd, fd, PidfdGetfdFlags::empty()).ok()?;
        let metadata = fs::metadata(self.link(tid, fd)).ok()?;
        let stat = rustix::fs::fstat(&copy).ok()?;
        (stat.st_ino == metadata.ino() && stat.st_dev == metadata.dev()).then_some(copy)
    }

    /// What a thread waits for that blocks in a call on one descriptor.
    pub(crate) fn blocking(&self, tid: i32, fd: i32, direction: Direction) -> Awaited {
        let Some(mut found) = self.find(tid, fd) else {
            return closed(fd);
        };
        match &found.descriptor.file {
            File::Socket { family, .. } => {
                let family = *family;
                (found.limit, found.unseen) = self.socket_limit(tid, fd, family, direction);
            }
            File::Terminal { path }
                if direction == Direction::In || path.starts_with("/dev/pts/") =>
            {
                (found.limit, found.unseen) = self.terminal_limit(tid, fd);
            }
            File::Pipe { .. }
            | File::EventFd
            | File::TimerFd { .. }
            | File::SignalFd { .. }
            | File::Watch => {}
            // A message queue looks like a file of the name that it has.
            _ => {
                found.limit = Limit::Unknown;
                found.unseen = Some(format!(
                    "until when it waits for descriptor {fd}: a file or a device may act by itself"
                ));
            }
        }
        Awaited {
            found: vec![found],
            unseen: Vec::new(),
        }
    }

    /// What a thread waits for in `poll` or `select`.
    pub(crate) fn polled(&self, tid: i32, descriptors: &[i32]) -> Awaited {
        let mut awaited = Awaited::default();
        for &fd in descriptors {
            self.add(tid, fd, None, &mut awaited);
        }
        awaited
    }

    /// What a thread waits for in an epoll set.
    pub(crate) fn epoll(&self, tid: i32, set: i32) -> Awaited {
        let mut awaited = Awaited::default();
        self.add_set(tid, set, 0, &mut awaited);
        awaited
    }

    fn add(&self, tid: i32, fd: i32, of: Option<(i32, Entry)>, awaited: &mut Awaited) {
        let Some(mut found) = self.find(tid, fd) else {
            awaited.unseen.append(&mut closed(fd).unseen);
            return;
        };
        if let Some((set, entry)) = of {
            found.descriptor.epoll = Some(set);
            found.descriptor.edge_triggered = entry.is_edge_triggered();
        }
        match &found.descriptor.file {
            File::Epoll => {
                self.add_set(tid, fd, 1, awaited);
                return;
            }
            File::Socket {
                family: SocketFamily::Unknown,
                ..
            } => {
                found.limit = Limit::Unknown;
                found.unseen = Some(format!("what kind of socket descriptor {fd} is"));
            }
            File::Socket {
                family: SocketFamily::Internet | SocketFamily::Other,
                ..
            } if self.is_connecting(tid, fd) => {
                found.limit = Limit::Unknown;
                found.unseen = Some(format!(
                    "how long socket {fd} goes on connecting: the kernel gives up by itself"
                ));
            }
            File::Device { path } => {
                found.limit = Limit::Unknown;
                found.unseen = Some(format!(
                    "when the device {path} (descriptor {fd}) acts by itself"
                ));
            }
            File::Other { name } => {
                found.limit = Limit::Unknown;
                found.unseen = Some(format!(
                    "when descriptor {fd} becomes ready by itself: it is of a kind that is not known here, {name}"
                ));
            }
            _ => {}
        }
        awaited.found.push(found);
    }

    fn add_set(&self, tid: i32, set: i32, depth: u32, awaited: &mut Awaited) {
        // The kernel allows a nesting of 5.
        const DEEPEST: u32 = 6;
        let entries = match self.info(tid, set).and_then(|info| entries(&info)) {
            Some(entries) if depth <= DEEPEST => entries,
            _ => {
                awaited
                    .unseen
                    .push(format!("the epoll set {set} cannot be read"));
                return;
            }
        };
        for entry in entries {
            if entry.is_disabled() {
                continue;
            }
            let inode = fs::metadata(self.link(tid, entry.fd)).map(|m| m.ino());
            if inode.ok() != Some(entry.inode) {
                awaited.unseen.push(format!(
                    "the epoll set {set} has a file in it that this process has closed (as descriptor {}) \
                     and that is open elsewhere",
                    entry.fd
                ));
                continue;
            }
            match self.target(tid, entry.fd) {
                Some(FDTarget::AnonInode(name)) if plain(&name) == "eventpoll" => {
                    self.add_set(tid, entry.fd, depth + 1, awaited);
                }
                _ => self.add(tid, entry.fd, Some((set, entry)), awaited),
            }
        }
    }

    fn find(&self, tid: i32, fd: i32) -> Option<Found> {
        let target = self.target(tid, fd)?;
        let file = self.file(tid, fd, &target)?;
        let (limit, unseen) = match &file {
            File::TimerFd {
                expires_in: Some(within),
            } => (Limit::Within { within: *within }, None),
            File::TimerFd { expires_in: None } => (
                Limit::Unknown,
                Some(format!(
                    "whether the timer that is descriptor {fd} is off, or due at this very moment"
                )),
            ),
            _ => (Limit::None, None),
        };
        let unread = match &file {
            File::Pipe { .. } | File::Socket { .. } => self
                .copy(tid, fd)
                .and_then(|copy| ioctl_fionread(copy).ok()),
            File::EventFd => self.info(tid, fd).and_then(|info| count(&info)),
            _ => None,
        };
        Some(Found {
            descriptor: Descriptor {
                fd,
                epoll: None,
                file,
                unread,
                edge_triggered: false,
            },
            limit,
            unseen,
        })
    }

    fn file(&self, tid: i32, fd: i32, target: &FDTarget) -> Option<File> {
        Some(match target {
            FDTarget::Pipe(inode) => self.pipe(*inode),
            FDTarget::Socket(inode) => File::Socket {
                inode: *inode,
                family: self.family(tid, fd),
            },
            FDTarget::AnonInode(name) => match plain(name) {
                "eventfd" => File::EventFd,
                "timerfd" => File::TimerFd {
                    expires_in: self.timer(tid, fd)?,
                },
                "signalfd" => File::SignalFd {
                    signals: super::signals::numbers(signal_mask(&self.info(tid, fd)?)),
                },
                "inotify" | "fanotify" => File::Watch,
                "pidfd" => self.pidfd_of(tid, fd)?,
                "eventpoll" => File::Epoll,
                name => File::Other {
                    name: harmless(name),
                },
            },
            FDTarget::Other(name, _) if name == "pidfd" => self.pidfd_of(tid, fd)?,
            FDTarget::Path(path) => {
                let metadata = fs::metadata(self.link(tid, fd)).ok()?;
                let path = harmless(&path.to_string_lossy());
                if metadata.file_type().is_fifo() {
                    self.pipe(metadata.ino())
                } else if !metadata.file_type().is_char_device() {
                    File::Named { path }
                } else if ["/dev/pts/", "/dev/tty", "/dev/console", "/dev/ptmx"]
                    .iter()
                    .any(|prefix| path.starts_with(prefix))
                {
                    File::Terminal { path }
                } else {
                    File::Device { path }
                }
            }
            other => File::Other {
                name: harmless(&format!("{other:?}")),
            },
        })
    }

    fn pipe(&self, inode: u64) -> File {
        let ends = self.table.pipes.get(&inode);
        File::Pipe {
            inode,
            both_ends: ends.is_some_and(|(read, write)| *read > 0 && *write > 0),
        }
    }

    fn pidfd_of(&self, tid: i32, fd: i32) -> Option<File> {
        let info = self.info(tid, fd)?;
        let pid: i32 = field(&info, "Pid")?.parse().ok()?;
        Some(File::PidFd {
            pid: (pid > 0).then_some(pid),
        })
    }

    fn family(&self, tid: i32, fd: i32) -> SocketFamily {
        let Some(socket) = self.copy(tid, fd) else {
            return SocketFamily::Unknown;
        };
        match sockopt::socket_domain(&socket) {
            Ok(AddressFamily::UNIX) => {
                let made_here = sockopt::socket_peercred(&socket)
                    .is_ok_and(|peer| peer.pid.as_raw_nonzero().get() == self.process.pid());
                let is_unnamed = |address: SocketAddrAny| {
                    // rustix takes no name for an abstract one with no characters.
                    SocketAddrUnix::try_from(address).is_ok_and(|unix| {
                        unix.path().is_none() && unix.abstract_name().is_none_or(<[u8]>::is_empty)
                    })
                };
                let is_pair = made_here
                    && getsockname(&socket).is_ok_and(is_unnamed)
                    && getpeername(&socket).is_ok_and(|peer| peer.is_none_or(is_unnamed));
                if is_pair {
                    SocketFamily::Pair
                } else {
                    SocketFamily::Unix
                }
            }
            Ok(AddressFamily::INET | AddressFamily::INET6) => SocketFamily::Internet,
            Ok(_) => SocketFamily::Other,
            Err(_) => SocketFamily::Unknown,
        }
    }

    fn socket_limit(
        &self,
        tid: i32,
        fd: i32,
        family: SocketFamily,
        direction: Direction,
    ) -> (Limit, Option<String>) {
        let local = matches!(family, SocketFamily::Unix | SocketFamily::Pair);
        if direction == Direction::Connect && !local {
            let what =
                format!("how long socket {fd} goes on connecting: the kernel gives up by itself");
            return (Limit::Unknown, Some(what));
        }
        let which = match direction {
            Direction::In => sockopt::Timeout::Recv,
            Direction::Out | Direction::Connect => sockopt::Timeout::Send,
        };
        match self
            .copy(tid, fd)
            .and_then(|socket| sockopt::socket_timeout(socket, which).ok())
        {
            Some(None) => (Limit::None, None),
            Some(Some(within)) => (Limit::Within { within }, None),
            None => (
                Limit::Unknown,
                Some(format!(
                    "whether socket {fd} has a time limit (SO_RCVTIMEO, SO_SNDTIMEO)"
                )),
            ),
        }
    }

    fn is_connecting(&self, tid: i32, fd: i32) -> bool {
        self.copy(tid, fd).is_none_or(|socket| {
            matches!(
                sockopt::socket_type(&socket),
                Ok(SocketType::STREAM | SocketType::SEQPACKET)
            ) && sockopt::socket_acceptconn(&socket) == Ok(false)
                && getpeername(&socket).is_err()
        })
    }

    /// A terminal that is read character by character may have a limit between them (`VTIME`).
    fn terminal_limit(&self, tid: i32, fd: i32) -> (Limit, Option<String>) {
        let settings = self
            .copy(tid, fd)
            .and_then(|terminal| tcgetattr(terminal).ok());
        match settings {
            Some(settings)
                if settings.local_modes.contains(LocalModes::ICANON)
                    || settings.special_codes[SpecialCodeIndex::VTIME] == 0 =>
            {
                (Limit::None, None)
            }
            _ => (
                Limit::Unknown,
                Some(format!(
                    "whether the terminal that is descriptor {fd} has a time limit (VTIME)"
                )),
            ),
        }
    }
}

fn closed(fd: i32) -> Awaited {
    Awaited {
        found: Vec::new(),
        unseen: vec![format!(
            "descriptor {fd}, which a thread waits for and which has been closed since"
        )],
    }
}

/// `[eventfd]` and `inotify` without the brackets that some have.
fn plain(name: &str) -> &str {
    name.strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'))
        .unwrap_or(name)
}

fn field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
        .map(str::trim)
}

/// The count of an eventfd.
fn count(info: &str) -> Option<u64> {
    u64::from_str_radix(field(info, "eventfd-count")?, 16).ok()
}

fn signal_mask(info: &str) -> u64 {
    field(info, "sigmask")
        .and_then(|mask| u64::from_str_radix(mask, 16).ok())
        .unwrap_or(!0)
}

/// When a timerfd expires next. No time left, `Some(None)`, means that it is off or that it is due and the
/// kernel has not come to it yet: both look the same, unless it is periodic and has not expired since it
/// was read.
fn expiry(info: &str) -> Option<Option<Duration>> {
    let remaining = timespec(field(info, "it_value")?)?;
    let interval = timespec(field(info, "it_interval")?)?;
    let is_due = !interval.is_zero() && field(info, "ticks")? == "0";
    Some((!remaining.is_zero() || is_due).then_some(remaining))
}

fn timespec(value: &str) -> Option<Duration> {
    let (seconds, nanoseconds) = value
        .strip_prefix('(')?
        .strip_suffix(')')?
        .split_once(", ")?;
    Some(Duration::new(
        seconds.parse().ok()?,
        nanoseconds.parse().ok()?,
    ))
}

/// The entries of an epoll set.
fn entries(info: &str) -> Option<Vec<Entry>> {
    info.lines()
        .filter(|line| line.starts_with("tfd:"))
        .map(|line| {
            let value = |name: &str| {
                let (_, rest) = line.split_once(name)?;
                rest.split_whitespace().next()
            };
            Some(Entry {
                fd: value("tfd:")?.parse().ok()?,
                events: u32::from_str_radix(value("events:")?, 16).ok()?,
                inode: u64::from_str_radix(value("ino:")?, 16).ok()?,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoll_set_is_read_with_its_flags() {
        let info = "pos:\t0\nflags:\t02000002\nmnt_id:\t15\nino:\t1060\n\
            tfd:        5 events:       19 data:                5  pos:0 ino:61 sdev:9\n\
            tfd:       12 events: 80000001 data: ffffffffffffffff  pos:0 ino:a1 sdev:9\n\
            tfd:       13 events: 40000000 data:                d  pos:0 ino:a2 sdev:9\n";
        let entries = entries(info).unwrap();
        assert_eq!(
            entries.iter().map(|e| (e.fd, e.inode)).collect::<Vec<_>>(),
            [(5, 0x61), (12, 0xa1), (13, 0xa2)]
        );
        assert_eq!(
            entries
                .iter()
                .map(|e| (e.is_disabled(), e.is_edge_triggered()))
                .collect::<Vec<_>>(),
            [(false, false), (false, true), (true, false)]
        );
    }

    #[test]
    fn an_epoll_set_that_is_not_understood_is_not_taken_for_empty() {
        assert_eq!(entries("tfd: 5 events: zz\n"), None);
        assert_eq!(entries("tfd: 5 events: 19 data: 5\n"), None);
    }

    #[test]
    fn a_timer_without_time_left_may_be_due() {
        let armed = "clockid: 1\nticks: 0\nit_value: (2, 500000000)\nit_interval: (0, 0)\n";
        assert_eq!(expiry(armed), Some(Some(Duration::from_millis(2500))));
        let off_or_due = "ticks: 0\nit_value: (0, 0)\nit_interval: (0, 0)\n";
        assert_eq!(expiry(off_or_due), Some(None));
        let due = "ticks: 0\nit_value: (0, 0)\nit_interval: (0, 1000000)\n";
        assert_eq!(expiry(due), Some(Some(Duration::ZERO)));
        let expired = "ticks: 1\nit_value: (0, 0)\nit_interval: (0, 1000000)\n";
        assert_eq!(expiry(expired), Some(None));
        assert_eq!(expiry("pos:\t0\n"), None);
    }

    #[test]
    fn a_count_is_hexadecimal() {
        assert_eq!(count("eventfd-count:               1f\n"), Some(31));
        assert_eq!(count("pos:\t0\n"), None);
    }
}
