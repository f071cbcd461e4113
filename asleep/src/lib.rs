#![doc = include_str!("../README.md")]

mod error;
mod report;

#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
mod linux;
#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
#[path = "elsewhere.rs"]
mod linux;

mod until;

pub use error::{Error, UntilError};
pub use report::{
    Activity, Descriptor, File, Limit, Outside, Report, Resemblance, SocketFamily, Target, Thread,
    Time, Unseen, Verdict, Wait, harmless, signal_name,
};
pub use until::{until, until_report};

/// Whose threads to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Threads {
    /// All threads of another process.
    OfProcess(
        /// Its id.
        i32,
    ),
    /// All threads of this process but the one that looks.
    OfThisProcess,
    /// These threads of this process, by their ids: see [`current_thread_id`]. The one that looks must
    /// not be among them.
    Only(
        /// The ids.
        Vec<i32>,
    ),
}

impl From<i32> for Threads {
    fn from(pid: i32) -> Self {
        Threads::OfProcess(pid)
    }
}

impl From<&std::process::Child> for Threads {
    fn from(child: &std::process::Child) -> Self {
        // An id is positive and fits; one that did not would be refused as unknown.
        Threads::OfProcess(i32::try_from(child.id()).unwrap_or(0))
    }
}

/// Looks at every thread twice, and says whether they can still go on by themselves.
///
/// Takes tens of microseconds for each thread. It does not stop the threads, and they notice nothing.
///
/// ```
/// # #[cfg(target_os = "linux")] {
/// // Runs: it is this very program.
/// let parent = std::process::id() as i32;
/// let report = wakeproof_asleep::look(parent)?;
/// assert_eq!(report.verdict, wakeproof_asleep::Verdict::NotAsleep);
/// # }
/// # Ok::<(), wakeproof_asleep::Error>(())
/// ```
///
/// # Errors
///
/// See [`Error`]. That something about a thread could not be seen is no error: the verdict is then
/// [`Verdict::CannotTell`].
pub fn look(threads: impl Into<Threads>) -> Result<Report, Error> {
    linux::look(&threads.into())
}

/// The id of the calling thread, for [`Threads::Only`].
///
/// # Errors
///
/// [`Error::Unsupported`] where there is no [`look`].
pub fn current_thread_id() -> Result<i32, Error> {
    linux::current_thread_id()
}

/// Another process that has a descriptor's file open.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Holder {
    /// The process.
    pub pid: i32,
    /// Its name, with control characters made visible.
    pub name: String,
    /// The pipe or socket, by its inode number.
    pub inode: u64,
}

/// The other processes that have one of the report's pipes or sockets open: those that could write to it
/// or close it. Reads the descriptors of every process there is and takes milliseconds; processes of
/// other users are not seen without root, and of a socket only the same end.
#[must_use]
pub fn holders(report: &Report) -> Vec<Holder> {
    linux::holders(report)
}
