//! Why there is no report.

use std::io;

use crate::report::Report;

/// Why a process could not be looked at. Each message fits on one line and says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no process with this id.
    #[error("there is no process {pid}")]
    NoSuchProcess {
        /// The id.
        pid: i32,
    },
    /// There is such a process, but `/proc` does not show it.
    #[error(
        "process {pid} is hidden: /proc is mounted with hidepid; look as root or as the process's own user"
    )]
    Hidden {
        /// The id.
        pid: i32,
    },
    /// The id is that of a thread, and not the first of its process.
    #[error("{tid} is a thread of process {pid}; ask for process {pid}")]
    Thread {
        /// The thread's id.
        tid: i32,
        /// The process it belongs to.
        pid: i32,
    },
    /// The process has ended, and its parent has not asked how.
    #[error(
        "process {pid} has ended already: it is a zombie until its parent, process {parent}, waits for it"
    )]
    Zombie {
        /// The process.
        pid: i32,
        /// Its parent.
        parent: i32,
    },
    /// It is a part of the kernel.
    #[error("process {pid} is a kernel thread: it runs no program, and waits in no system call")]
    KernelThread {
        /// The process.
        pid: i32,
    },
    /// The process ended while it was looked at.
    #[error("process {pid} ended during the look")]
    Ended {
        /// The process.
        pid: i32,
    },
    /// A thread that was asked for is not there.
    #[error("this process has no thread {tid}")]
    NoSuchThread {
        /// The thread's id.
        tid: i32,
    },
    /// The rights of a debugger are needed and missing.
    #[error("process {pid} may not be looked at: {remedy}")]
    NotPermitted {
        /// The process.
        pid: i32,
        /// The cause, and what to do.
        remedy: String,
    },
    /// `/proc` is missing, or shows something that this crate does not know.
    #[error("/proc cannot be read as expected ({path}): {source}")]
    Proc {
        /// The file in question.
        path: String,
        /// What went wrong.
        source: io::Error,
    },
    /// This operating system has no such view of its processes.
    #[error(
        "whether a process is asleep can be seen on 64-bit Linux only: it takes /proc/PID/syscall"
    )]
    Unsupported,
}

/// Why [`until`](crate::until) has given up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UntilError {
    /// The deadline has come first.
    #[error("not asleep for good by the deadline: {}", .0.summary())]
    Deadline(
        /// The last look.
        Box<Report>,
    ),
    /// The process could not be looked at.
    #[error(transparent)]
    Look(#[from] Error),
}
