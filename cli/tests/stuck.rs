//! `wakeproof stuck`, as a person or a program meets it.
#![cfg(target_os = "linux")]

#[path = "common/shape.rs"]
mod shape;

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use shape::shape;

const README: &str = include_str!("../../README.md");

/// Ends a test that hangs, and says nothing about speed.
const WATCHDOG: Duration = Duration::from_secs(120);

/// Ends the process with this value.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A program that sleeps until somebody writes to its standard input, or closes it.
fn sleeper() -> Killed {
    let child = Command::new("cat")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let killed = Killed(child);
    wakeproof_asleep::until(&killed.0, WATCHDOG).unwrap();
    killed
}

fn stuck(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wakeproof"));
    command.arg("stuck").args(arguments).stdin(Stdio::null());
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[track_caller]
fn expect_error(output: &Output, expected: &str) {
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(output.stdout.is_empty());
    assert_eq!(message.lines().count(), 1, "{message}");
    assert!(
        message.starts_with("wakeproof: ") && message.contains(expected),
        "{message}"
    );
}

#[test]
fn a_sleeper_is_asleep_for_good_unless_its_writer_acts() {
    let sleeper = sleeper();
    let pid = sleeper.0.id().to_string();
    let output = stuck(&[&pid]).output().unwrap();
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(
        said.starts_with(&format!("process {pid} (cat): ASLEEP FOR GOOD")),
        "{said}"
    );
    assert!(said.contains("read, no time limit, in 2 looks"), "{said}");
    // The one that has the other end is this test.
    let me = std::process::id().to_string();
    assert!(
        said.contains("fd 0, a pipe, which process") && said.contains(&me),
        "{said}"
    );
    assert!(
        said.lines().all(|line| line.chars().count() <= 80),
        "{said}"
    );
    assert!(
        !said.contains('\x1b'),
        "no colours without a terminal: {said:?}"
    );
}

/// The README's asyncio program: an event set from another thread, which wakes nobody.
#[test]
fn the_questions_program_is_diagnosed_as_in_the_readme() {
    let program = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../asleep/tests/looks/programs/event_set_from_another_thread.py"
    );
    let started = Command::new("python3")
        .arg(program)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn();
    let Ok(child) = started else {
        assert!(
            std::env::var_os("ASLEEP_REQUIRE_ALL").is_none(),
            "python3 is not installed"
        );
        eprintln!("SKIPPED: python3 is not installed");
        return;
    };
    let mut python = Killed(child);
    // The event is set, beside a loop that sleeps.
    let mut line = String::new();
    let mut output = BufReader::new(python.0.stdout.take().unwrap());
    output.read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    wakeproof_asleep::until(&python.0, WATCHDOG).unwrap();

    let output = stuck(&[&python.0.id().to_string()]).output().unwrap();
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let readme = shape(README);
    for paragraph in said.split("\n\n") {
        // The README leaves out what stands below: what could make it go on, and what cannot be seen.
        let below = ["What could", "Nothing outside", "Cannot be seen"];
        if !below.iter().any(|below| paragraph.starts_with(below)) {
            // It may be python3.11 there.
            let paragraph = shape(paragraph).replace("python0.0", "python0");
            assert!(
                readme.contains(&paragraph),
                "not in the README:\n{paragraph}"
            );
        }
    }
}

#[test]
fn a_program_gets_one_document() {
    let sleeper = sleeper();
    let pid = sleeper.0.id();
    let output = stuck(&[&pid.to_string(), "--format", "json"])
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{report:#}");
    assert_eq!(report["verdict"]["kind"], "asleep_for_good", "{report:#}");
    assert_eq!(report["pid"], pid);
    let wait = &report["threads"][0]["activity"];
    assert_eq!(wait["syscall"], "read", "{report:#}");
    assert_eq!(wait["limit"]["kind"], "none", "{report:#}");
    assert_eq!(wait["target"]["descriptors"][0]["unread"], 0, "{report:#}");
    assert!(report["took_seconds"].as_f64().unwrap() > 0.0, "{report:#}");
}

#[test]
fn a_process_that_goes_on_has_status_1() {
    let child = Command::new("sleep").arg("3600").spawn().unwrap();
    let child = Killed(child);
    wakeproof_asleep::until_report(&child.0, WATCHDOG, |report| {
        matches!(
            report.verdict,
            wakeproof_asleep::Verdict::AsleepUntil { .. }
        )
    })
    .unwrap();
    let output = stuck(&[&child.0.id().to_string()]).output().unwrap();
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("ASLEEP, for ") && said.contains("at the latest"),
        "{said}"
    );
}

#[test]
fn what_cannot_be_told_has_status_2_and_says_what_helps() {
    let sleeper = sleeper();
    let pid = Pid::from_child(&sleeper.0);
    kill_process(pid, Signal::STOP).unwrap();
    wakeproof_asleep::until_report(&sleeper.0, WATCHDOG, |report| {
        report.verdict == wakeproof_asleep::Verdict::CannotTell
    })
    .unwrap();
    let output = stuck(&[&sleeper.0.id().to_string()]).output().unwrap();
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.contains("CANNOT TELL") && said.contains("kill -CONT"),
        "{said}"
    );
}

#[test]
fn what_is_no_process_is_refused_in_one_line() {
    let refused = |pid: &str| stuck(&[pid]).output().unwrap();
    expect_error(&refused("2147483647"), "there is no process 2147483647");
    expect_error(&refused("0"), "invalid value '0'");
    expect_error(&refused("firefox"), "invalid value 'firefox'");
    let mut child = Command::new("true").spawn().unwrap();
    rustix::process::waitid(
        rustix::process::WaitId::Pid(Pid::from_child(&child)),
        rustix::process::WaitIdOptions::EXITED | rustix::process::WaitIdOptions::NOWAIT,
    )
    .unwrap();
    expect_error(&refused(&child.id().to_string()), "zombie");
    child.wait().unwrap();
}

/// Starts to watch, and returns once the first report is out.
fn watch(pid: u32) -> (Killed, BufReader<std::process::ChildStdout>) {
    let mut watcher = stuck(&[&pid.to_string(), "--watch", "--every", "1ms"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(watcher.stdout.take().unwrap());
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    assert!(line.contains("ASLEEP FOR GOOD"), "{line}");
    (Killed(watcher), lines)
}

#[test]
fn watch_ends_when_the_outside_acts() {
    let mut sleeper = sleeper();
    let (mut watcher, lines) = watch(sleeper.0.id());
    writeln!(sleeper.0.stdin.take().unwrap(), "a line").unwrap();
    // Its standard input is closed, too: it ends.
    let said: Vec<String> = lines.lines().map(Result::unwrap).collect();
    assert!(
        said.iter().any(|line| line.starts_with("After ")),
        "{said:?}"
    );
    let status = watcher.0.wait().unwrap();
    assert!(matches!(status.code(), Some(0 | 1)), "{said:?}");
}

#[test]
fn watch_is_interrupted_and_leaves_the_process_alone() {
    let sleeper = sleeper();
    let (mut watcher, lines) = watch(sleeper.0.id());
    // The first line comes after the handler is in place.
    kill_process(Pid::from_child(&watcher.0), Signal::INT).unwrap();
    let said: Vec<String> = lines.lines().map(Result::unwrap).collect();
    assert!(
        said.last().unwrap().starts_with("Unchanged in "),
        "{said:?}"
    );
    assert_eq!(watcher.0.wait().unwrap().code(), Some(130));
    let report = wakeproof_asleep::look(&sleeper.0).unwrap();
    assert!(report.is_asleep_for_good());
}
