//! The files of one process in `/proc`.
//!
//! `status` and `syscall` are taken apart here and not by procfs: a thread's name need not be UTF-8, and
//! `syscall` has fewer fields for a thread that is blocked outside a system call.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::FileExt;

use procfs::ProcError;
use procfs::process::Process;

use crate::report::harmless;

/// A process, held by its directory: another process with the same id is never taken for it.
#[derive(Debug)]
pub(crate) struct Proc {
    process: Process,
}

/// Why a file could not be read.
#[derive(Debug)]
pub(crate) enum ReadError {
    /// The thread or the process has ended, or there is no such file.
    Gone,
    Denied,
    Other(io::Error),
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        const ESRCH: i32 = 3;
        match error.kind() {
            io::ErrorKind::NotFound => ReadError::Gone,
            io::ErrorKind::PermissionDenied => ReadError::Denied,
            _ if error.raw_os_error() == Some(ESRCH) => ReadError::Gone,
            _ => ReadError::Other(error),
        }
    }
}

impl From<ProcError> for ReadError {
    fn from(error: ProcError) -> Self {
        match error {
            ProcError::NotFound(_) => ReadError::Gone,
            ProcError::PermissionDenied(_) => ReadError::Denied,
            ProcError::Io(error, _) => error.into(),
            error => ReadError::Other(io::Error::other(error.to_string())),
        }
    }
}

fn malformed(what: &str) -> ReadError {
    ReadError::Other(io::Error::new(
        io::ErrorKind::InvalidData,
        format!("not understood: {what}"),
    ))
}

/// How far a thread has come: if this has not changed, it has not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Progress {
    /// How often it was let run, or, on a kernel that does not count that, how often it was switched
    /// from.
    pub times_run: u64,
    /// For how long, in nanoseconds; 0 on such a kernel.
    pub processor_time: u64,
}

/// What `/proc/PID/task/TID/syscall` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Position {
    Running,
    /// Off the processor and not woken. A number of -1: not in a system call.
    Blocked {
        number: i64,
        arguments: [u64; 6],
        program_counter: u64,
    },
}

/// What of `/proc/PID/task/TID/status` matters here.
#[derive(Debug, Clone)]
pub(crate) struct Status {
    pub name: String,
    pub state: u8,
    pub tgid: i32,
    pub parent: i32,
    pub tracer: i32,
    /// Signals, the lowest bit for number 1.
    pub pending: u64,
    pub blocked: u64,
    pub ignored: u64,
    pub caught: u64,
    pub switches: u64,
}

/// What of `/proc/PID/stat` matters here.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stat {
    pub is_kernel_thread: bool,
    pub threads: u64,
}

/// The files of `/proc` are not asked for their size first, which takes as long as reading them.
const CHUNK: usize = 4096;

impl Proc {
    pub(crate) fn open(pid: i32) -> Result<Self, ReadError> {
        Ok(Proc {
            process: Process::new(pid)?,
        })
    }

    pub(crate) fn pid(&self) -> i32 {
        self.process.pid
    }

    pub(crate) fn open_file(&self, path: &str) -> Result<File, ReadError> {
        Ok(self.process.open_relative(path)?)
    }

    pub(crate) fn text(&self, path: &str) -> Result<String, ReadError> {
        let mut file = self.open_file(path)?;
        let mut content = vec![0; CHUNK];
        let mut length = 0;
        loop {
            let read = file.read(&mut content[length..])?;
            if read == 0 {
                break;
            }
            length += read;
            content.resize(length + CHUNK, 0);
        }
        Ok(String::from_utf8_lossy(&content[..length]).into_owned())
    }

    /// The same for a file that the kernel writes in one go.
    fn short_text(&self, path: &str) -> Result<String, ReadError> {
        let mut content = [0; CHUNK];
        let length = self.open_file(path)?.read(&mut content)?;
        Ok(String::from_utf8_lossy(&content[..length]).into_owned())
    }

    /// The path of a file, for calls that want one. As long as the process held here is alive, its id
    /// belongs to no other.
    pub(crate) fn path(&self, path: &str) -> String {
        format!("/proc/{}/{path}", self.pid())
    }

    /// The ids of its threads, in order.
    pub(crate) fn thread_ids(&self) -> Result<Vec<i32>, ReadError> {
        let mut ids = Vec::new();
        for entry in fs::read_dir(self.path("task"))? {
            ids.extend(
                entry?
                    .file_name()
                    .to_str()
                    .and_then(|id| id.parse::<i32>().ok()),
            );
        }
        ids.sort_unstable();
        Ok(ids)
    }

    pub(crate) fn progress(&self, tid: i32) -> Result<Progress, ReadError> {
        if let Ok(text) = self.short_text(&format!("task/{tid}/schedstat")) {
            let mut numbers = text.split_whitespace().map(str::parse);
            if let (Some(Ok(processor_time)), Some(Ok(_)), Some(Ok(times_run))) =
                (numbers.next(), numbers.next(), numbers.next())
                // Zero: a kernel that does not count.
                && times_run > 0
            {
                return Ok(Progress {
                    times_run,
                    processor_time,
                });
            }
        }
        Ok(Progress {
            times_run: self.status(tid)?.switches,
            processor_time: 0,
        })
    }

    pub(crate) fn position(&self, tid: i32) -> Result<Position, ReadError> {
        position(&self.short_text(&format!("task/{tid}/syscall"))?)
    }

    pub(crate) fn status(&self, tid: i32) -> Result<Status, ReadError> {
        status(&self.short_text(&format!("task/{tid}/status"))?)
    }

    pub(crate) fn stat(&self) -> Result<Stat, ReadError> {
        stat(&self.short_text("stat")?)
    }

    /// Where in the kernel a thread sleeps; empty if the kernel does not say.
    pub(crate) fn kernel_function(&self, tid: i32) -> String {
        self.short_text(&format!("task/{tid}/wchan"))
            .unwrap_or_default()
    }
}

/// The process's memory.
#[derive(Debug)]
pub(crate) struct Memory(File);

impl Memory {
    /// As a living thread has it: that of a main thread that has ended is gone.
    pub(crate) fn open(process: &Proc, tid: i32) -> Result<Self, ReadError> {
        Ok(Memory(process.open_file(&format!("task/{tid}/mem"))?))
    }

    pub(crate) fn read<const N: usize>(&self, address: u64) -> Option<[u8; N]> {
        let mut bytes = [0; N];
        self.0.read_exact_at(&mut bytes, address).ok()?;
        Some(bytes)
    }

    pub(crate) fn read_vec(&self, address: u64, length: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.0.read_exact_at(&mut bytes, address).ok()?;
        Some(bytes)
    }
}

fn position(text: &str) -> Result<Position, ReadError> {
    let text = text.trim();
    if text == "running" {
        return Ok(Position::Running);
    }
    let mut words = text.split(' ');
    let number = words
        .next()
        .and_then(|word| word.parse().ok())
        .ok_or_else(|| malformed(text))?;
    let mut registers = words
        .map(|word| u64::from_str_radix(word.strip_prefix("0x").unwrap_or(word), 16))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| malformed(text))?;
    let program_counter = registers.pop().ok_or_else(|| malformed(text))?;
    // The stack pointer.
    registers.pop();
    let arguments = match (registers.try_into(), number) {
        (Ok(arguments), _) => arguments,
        (Err(_), ..0) => [0; 6],
        _ => return Err(malformed(text)),
    };
    Ok(Position::Blocked {
        number,
        arguments,
        program_counter,
    })
}

fn status(text: &str) -> Result<Status, ReadError> {
    let field = |name: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
            .map(str::trim)
            .ok_or_else(|| malformed(&format!("status without {name}")))
    };
    let id = |name: &str| -> Result<i32, ReadError> {
        field(name)?.parse().map_err(|_| malformed(name))
    };
    let signals = |name: &str| -> Result<u64, ReadError> {
        u64::from_str_radix(field(name)?, 16).map_err(|_| malformed(name))
    };
    let switches = |name: &str| -> Result<u64, ReadError> {
        field(name)?.parse().map_err(|_| malformed(name))
    };
    Ok(Status {
        name: harmless(field("Name")?),
        state: field("State")?.bytes().next().unwrap_or(b'?'),
        tgid: id("Tgid")?,
        parent: id("PPid")?,
        tracer: id("TracerPid")?,
        pending: signals("SigPnd")? | signals("ShdPnd")?,
        blocked: signals("SigBlk")?,
        ignored: signals("SigIgn")?,
        caught: signals("SigCgt")?,
        switches: switches("voluntary_ctxt_switches")?
            .saturating_add(switches("nonvoluntary_ctxt_switches")?),
    })
}

fn stat(text: &str) -> Result<Stat, ReadError> {
    const PF_KTHREAD: u64 = 0x0020_0000;
    // The name is in parentheses and may have any character in it.
    let (_, fields) = text.rsplit_once(')').ok_or_else(|| malformed("stat"))?;
    let field = |number: usize| -> Result<u64, ReadError> {
        fields
            .split_whitespace()
            // The state is the third field.
            .nth(number - 3)
            .and_then(|field| field.parse().ok())
            .ok_or_else(|| malformed("stat"))
    };
    Ok(Stat {
        is_kernel_thread: field(9)? & PF_KTHREAD != 0,
        threads: field(20)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_blocked_outside_a_system_call_has_fewer_fields() {
        assert!(matches!(
            position("-1 0x7fffe3a1b790 0x7f3c447cdbd1\n"),
            Ok(Position::Blocked {
                number: -1,
                program_counter: 0x7f3c_447c_dbd1,
                ..
            })
        ));
        assert!(matches!(position("running\n"), Ok(Position::Running)));
        assert!(matches!(
            position("232 0x3 0x7f0 0x2 0xffffffff 0x0 0x0 0x7ffc 0x7f1c\n"),
            Ok(Position::Blocked {
                number: 232,
                arguments: [3, 0x7f0, 2, 0xffff_ffff, 0, 0],
                program_counter: 0x7f1c,
            })
        ));
    }

    #[test]
    fn what_is_no_position_is_refused() {
        for text in ["", "x", "232", "232 0x3 0x4", "232 z"] {
            assert!(position(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_name_may_have_anything_in_it() {
        let text = "7 (a) S 1 (b) S 1 7 7 0 -1 2097152 0 0 0 0 0 0 0 0 20 0 12 0 99";
        let stat = stat(text).unwrap();
        assert!(stat.is_kernel_thread);
        assert_eq!(stat.threads, 12);
    }

    #[test]
    fn a_status_with_a_hostile_name() {
        let content =
            b"Name:\ta:b\xff\x1b[2J\nState:\tS (sleeping)\nTgid:\t7\nPPid:\t1\nTracerPid:\t0\n\
            SigPnd:\t0000000000000000\nShdPnd:\t0000000000002000\nSigBlk:\t0000000000002000\n\
            SigIgn:\t0000000000001000\nSigCgt:\t0000000000000002\nvoluntary_ctxt_switches:\t3\n\
            nonvoluntary_ctxt_switches:\t4\n";
        let status = status(&String::from_utf8_lossy(content)).unwrap();
        assert_eq!(status.name, "a:b\u{fffd}\\u{1b}[2J");
        assert_eq!((status.state, status.switches), (b'S', 7));
        assert_eq!((status.pending, status.blocked), (0x2000, 0x2000));
        assert!(super::status("Name:\tx\n").is_err());
    }
}
