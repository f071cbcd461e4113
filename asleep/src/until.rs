//! Waiting until others sleep, without a guess at how long that takes.

use std::thread;
use std::time::{Duration, Instant};

use crate::{Report, Threads, UntilError, Verdict, look};

/// The longest pause between two looks.
const PAUSE: Duration = Duration::from_millis(5);

/// Looks until the threads are asleep for good, and returns the report that says so.
///
/// For tests: instead of sleeping for a while and hoping that the other thread sleeps by then.
///
/// ```
/// # #[cfg(target_os = "linux")] {
/// use std::sync::mpsc;
/// use std::time::Duration;
/// use wakeproof_asleep::{Threads, current_thread_id, until};
///
/// let (tell, id) = mpsc::channel();
/// let (wake, sleeper) = mpsc::channel();
/// let thread = std::thread::spawn(move || {
///     tell.send(current_thread_id().unwrap()).unwrap();
///     sleeper.recv() // sleeps: nobody has sent anything
/// });
///
/// let ids = vec![id.recv()?];
/// until(Threads::Only(ids), Duration::from_secs(60))?;
/// wake.send("now it was certainly asleep")?;
/// assert!(thread.join().unwrap().is_ok());
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`UntilError::Deadline`], with the last report, if the threads are not asleep for good by then;
/// [`UntilError::Look`] if a look fails.
pub fn until(threads: impl Into<Threads>, deadline: Duration) -> Result<Report, UntilError> {
    until_report(threads, deadline, |report| {
        report.verdict == Verdict::AsleepForGood
    })
}

/// Looks until a report is as `wanted`, and returns that report.
///
/// # Errors
///
/// As for [`until`].
pub fn until_report(
    threads: impl Into<Threads>,
    deadline: Duration,
    mut wanted: impl FnMut(&Report) -> bool,
) -> Result<Report, UntilError> {
    let threads = threads.into();
    let start = Instant::now();
    let mut pause = Duration::from_micros(50);
    loop {
        let report = look(threads.clone())?;
        if wanted(&report) {
            return Ok(report);
        }
        if start.elapsed() >= deadline {
            return Err(UntilError::Deadline(Box::new(report)));
        }
        thread::sleep(pause);
        pause = (pause * 2).min(PAUSE);
    }
}
