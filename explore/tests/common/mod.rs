//! What several test files need.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// Runs the test on a thread of its own, and fails if it hangs.
///
/// The limit is a watchdog against a lost wakeup, not a statement about speed.
#[track_caller]
pub fn with_watchdog(test: impl FnOnce() + Send + 'static) {
    let (finished, wait) = mpsc::channel();
    let runner = thread::spawn(move || {
        test();
        let _ = finished.send(());
    });
    match wait.recv_timeout(Duration::from_secs(60)) {
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("hung for 60 s: a wakeup was lost"),
        Ok(()) | Err(mpsc::RecvTimeoutError::Disconnected) => {
            if let Err(panic) = runner.join() {
                std::panic::resume_unwind(panic);
            }
        }
    }
}
