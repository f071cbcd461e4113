//! A test that hangs is told by its name, and leaves no process behind.

use std::collections::BTreeMap;
use std::env;
use std::io::{self, Write};
use std::process::{self, Command};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::common::TestLoop;

/// Milliseconds after which a test has hung, if not the default.
const PATIENCE: &str = "WAKEPROOF_TEST_PATIENCE";

/// Ends the process if it is not dropped in time.
///
/// The limit says nothing about speed: a lost wakeup waits for ever.
pub struct Watchdog(u64);

#[derive(Default)]
struct Watched {
    next: u64,
    tests: BTreeMap<u64, (String, Instant)>,
}

static WATCHED: LazyLock<Mutex<Watched>> = LazyLock::new(|| {
    thread::spawn(watch);
    Mutex::default()
});

fn with_watched<R>(change: impl FnOnce(&mut Watched) -> R) -> R {
    change(&mut WATCHED.lock().unwrap_or_else(PoisonError::into_inner))
}

fn patience() -> Duration {
    let milliseconds = env::var(PATIENCE).ok().and_then(|text| text.parse().ok());
    milliseconds.map_or(Duration::from_secs(120), Duration::from_millis)
}

fn watch() {
    let patience = patience();
    loop {
        thread::sleep(patience / 10);
        let hung = with_watched(|watched| {
            let mut tests = watched.tests.values();
            let hung = tests.find(|(_, begun)| begun.elapsed() > patience);
            hung.map(|(name, _)| name.clone())
        });
        if let Some(name) = hung {
            let news = format!("test {name} hung for {patience:?}: was a wakeup lost?\n");
            // Not `eprintln`, which the test harness keeps for the end.
            let _ = io::stderr().write_all(news.as_bytes());
            process::exit(101);
        }
    }
}

impl Watchdog {
    /// Watches the calling thread, which has its test's name.
    pub fn start() -> Self {
        let name = thread::current().name().unwrap_or("unnamed").to_owned();
        with_watched(|watched| {
            watched.next += 1;
            watched.tests.insert(watched.next, (name, Instant::now()));
            Watchdog(watched.next)
        })
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        with_watched(|watched| watched.tests.remove(&self.0));
    }
}

/// Runs one of this program's tests in a process of its own, with `variable` set.
pub fn run_alone(test: &str, variable: &str, value: &str) -> process::Output {
    Command::new(env::current_exe().unwrap())
        .args(["--nocapture", "--include-ignored", "--exact", test])
        .env(variable, value)
        .output()
        .unwrap()
}

#[test]
#[ignore = "hangs: the next test runs it, with little patience"]
fn nobody_wakes_this_loop() {
    TestLoop::new().run_forever().unwrap();
}

#[test]
fn a_test_that_hangs_is_named_and_ended() {
    let output = run_alone("watchdog::nobody_wakes_this_loop", PATIENCE, "200");
    let printed = String::from_utf8(output.stderr).unwrap();
    let news = "test watchdog::nobody_wakes_this_loop hung for 200ms";
    assert!(printed.contains(news), "{printed}");
    assert_eq!(output.status.code(), Some(101));
}
