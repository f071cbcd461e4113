//! Ends the process if a test hangs, and says which test it was.

use std::env;
use std::io::{self, Write};
use std::process::{self, Command};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

/// How long a test may take. A limit against hanging, not a claim about speed.
const LIMIT: Duration = Duration::from_secs(600);

/// Guards the test on this thread. If the guard lives longer than the limit, the process ends with
/// status 101 and the test's name on standard error. A hanging thread cannot be stopped in any other way.
///
/// `PROPTEST_CASES` raises the limit by a second for each case.
pub fn guard() -> Watchdog {
    start(limit())
}

/// Dropping it ends the watch.
#[must_use]
pub struct Watchdog {
    _alive: Sender<()>,
}

fn limit() -> Duration {
    let cases = env::var("PROPTEST_CASES").ok();
    let cases = cases.and_then(|cases| cases.parse().ok()).unwrap_or(0);
    LIMIT + Duration::from_secs(cases)
}

fn start(limit: Duration) -> Watchdog {
    let name = thread::current().name().unwrap_or("a test").to_owned();
    let (alive, ended) = mpsc::channel();
    thread::spawn(move || {
        if ended.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
            // Not `eprintln!`, whose output the test harness keeps back.
            let _ = writeln!(io::stderr(), "{name} hangs: it has not ended in {limit:?}");
            process::exit(101);
        }
    });
    Watchdog { _alive: alive }
}

/// Tells the test below to hang.
const HANG: &str = "WAKEPROOF_TEST_HANGS";

#[test]
#[ignore = "hangs if it is told to, for the next test"]
fn hangs() {
    if env::var_os(HANG).is_some() {
        let _watchdog = start(Duration::from_millis(100));
        loop {
            thread::park();
        }
    }
}

#[test]
fn a_test_that_hangs_ends_with_its_name() {
    let output = Command::new(env::current_exe().unwrap())
        .args(["--exact", "watchdog::hangs", "--ignored"])
        .env(HANG, "1")
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(101), "{errors}");
    assert!(errors.contains("watchdog::hangs hangs"), "{errors}");
}
