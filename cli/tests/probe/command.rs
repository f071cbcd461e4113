//! Running the command with an adapter of the tests' own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use libtest_mimic::{Failed, Trial};
use serde_json::Value;

/// How this binary is told to be an adapter.
pub const ADAPTER: &str = "--adapter=";
/// The variable with the file in which an adapter notes its processes.
pub const PIDS: &str = "WAKEPROOF_TEST_PIDS";

/// A test that fails by a panic, as those of the standard harness do.
pub fn trial(name: &str, test: fn()) -> Trial {
    Trial::test(name, move || {
        test();
        Ok::<(), Failed>(())
    })
}

/// A run of `wakeproof probe`.
pub struct Probe {
    pub output: Output,
    pids: PathBuf,
}

/// Starts the command on an adapter of this mode. The second value is where the adapter notes its processes.
pub fn start(mode: &str, options: &[&str]) -> (Child, PathBuf) {
    start_command("probe", mode, options)
}

fn start_command(command: &str, mode: &str, options: &[&str]) -> (Child, PathBuf) {
    // Tests run beside each other, and two of them may want the same mode.
    static STARTED: AtomicU64 = AtomicU64::new(0);
    let number = STARTED.fetch_add(1, Ordering::Relaxed);
    let pids = std::env::temp_dir().join(format!("wakeproof-{}-{number}", std::process::id()));
    // Left behind by an earlier run, perhaps.
    let _ = fs::remove_file(&pids);
    let exe = std::env::current_exe().expect("it has a path");
    let child = Command::new(env!("CARGO_BIN_EXE_wakeproof"))
        .args([command, "--format", "json"])
        .args(options)
        .arg("--")
        .arg(exe)
        .arg(format!("{ADAPTER}{mode}"))
        .env(PIDS, &pids)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    (child, pids)
}

/// Probes an adapter of this mode, to the end.
pub fn probe(mode: &str, options: &[&str]) -> Probe {
    let (child, pids) = start(mode, options);
    finish(child, pids)
}

/// Begins to check the loop of an adapter of this mode.
pub fn start_check(mode: &str, options: &[&str]) -> (Child, PathBuf) {
    start_command("check", mode, options)
}

/// Waits until at least `count` processes of the adapter have noted themselves.
pub fn await_pids(pids: &Path, count: usize) {
    let begun = Instant::now();
    let noted = || fs::read_to_string(pids).unwrap_or_default().lines().count();
    while noted() < count {
        let is_patient = begun.elapsed() < Duration::from_secs(60);
        assert!(is_patient, "the adapter does not start");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Checks the loop of an adapter of this mode, to the end.
pub fn check(mode: &str, options: &[&str]) -> Probe {
    let (child, pids) = start_command("check", mode, options);
    finish(child, pids)
}

/// Waits for the end.
pub fn finish(child: Child, pids: PathBuf) -> Probe {
    let output = child.wait_with_output().expect("it ends");
    Probe { output, pids }
}

impl Probe {
    pub fn status(&self) -> Option<i32> {
        self.output.status.code()
    }

    pub fn errors(&self) -> String {
        String::from_utf8(self.output.stderr.clone()).expect("text")
    }

    /// What was printed.
    #[track_caller]
    pub fn document(&self) -> Value {
        serde_json::from_slice(&self.output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {:?}", self.output))
    }

    /// The loop's row.
    #[track_caller]
    pub fn row(&self) -> Value {
        let document: Value = serde_json::from_slice(&self.output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {:?}", self.output));
        document["loops"][0].clone()
    }

    /// The answer to a clause.
    #[track_caller]
    pub fn cell(&self, clause: &str) -> Value {
        let row = self.row();
        let cells = row["cells"].as_array().expect("a list");
        let cell = cells.iter().find(|cell| cell["clause"] == clause);
        cell.unwrap_or_else(|| panic!("no answer to {clause}: {row:#}"))
            .clone()
    }

    /// No process of the adapter is left.
    #[track_caller]
    pub fn assert_all_gone(&self) {
        let pids = fs::read_to_string(&self.pids).expect("the adapter noted its processes");
        fs::remove_file(&self.pids).expect("removable");
        assert!(pids.lines().count() > 0);
        for pid in pids.lines() {
            // A child of the adapter's is reaped by another process, soon.
            let state = || fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            let is_gone = |stat: &str| stat.is_empty() || stat.contains(") Z ");
            for _ in 0..1000 {
                if is_gone(&state()) {
                    break;
                }
                std::thread::yield_now();
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
            assert!(
                is_gone(&state()),
                "process {pid} is left behind: {}",
                state()
            );
        }
    }
}
