//! Output that cannot be written is one line on standard error, and the exit status tells.

#![cfg(target_os = "linux")]

use std::fs::OpenOptions;
use std::io::Read;
use std::process::{Command, Stdio};

fn example(name: &str) -> String {
    format!("{}/../spec/examples/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// Runs the command with a full disk behind its standard output.
fn on_a_full_disk(arguments: &[&str]) -> (Option<i32>, String) {
    let full = OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .expect("Linux has it");
    let output = Command::new(env!("CARGO_BIN_EXE_wakeproof"))
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(full)
        .stderr(Stdio::piped())
        .output()
        .expect("it runs");
    (
        output.status.code(),
        String::from_utf8(output.stderr).expect("text"),
    )
}

#[test]
fn a_full_disk_is_one_line_and_no_success() {
    let accepted = example("condition.jsonl");
    let commands: [&[&str]; 16] = [
        &["--quick"],
        &["--quick", "--format", "json"],
        &["--help"],
        &["--version"],
        &["demo", "--after", "1ms"],
        &["demo", "--after", "1ms", "--format", "json"],
        &["trace", "no-notify"],
        &["trace", "no-notify", "--format", "svg"],
        &["explore", "--threads", "1"],
        &["conform", "--trace", &accepted],
        &["conform", "--model", "timed"],
        &["spec", "--model", "LostWakeup"],
        &["probe", "--list"],
        &["check", "--histories", "3", "--programs", "3"],
        &["completions", "bash"],
        &["man"],
    ];
    for arguments in commands {
        let (status, errors) = on_a_full_disk(arguments);
        let expected =
            "wakeproof: the output is incomplete: No space left on device (os error 28)\n";
        assert_eq!(
            (status, errors.as_str()),
            (Some(2), expected),
            "{arguments:?}"
        );
    }
}

/// A verdict that says no says so, whatever becomes of the output.
#[test]
fn a_refusal_on_a_full_disk_stays_one() {
    let broken = example("condition-broken.jsonl");
    for format in ["table", "json"] {
        let (status, errors) = on_a_full_disk(&["conform", "--trace", &broken, "--format", format]);
        assert_eq!(status, Some(1), "{errors}");
        assert_eq!(errors.lines().count(), 1, "{errors}");
    }
}

/// `wakeproof … | head -1`: the rest is not missed, and nothing is said about it.
#[test]
fn a_reader_who_has_seen_enough_is_no_failure() {
    for arguments in [
        &["trace", "no-notify"][..],
        &["conform", "--model", "timed", "--format", "json"],
        &["--quick"],
        &["--help"],
        &["completions", "zsh"],
    ] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_wakeproof"))
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it runs");
        let mut first = [0];
        let mut output = child.stdout.take().expect("a pipe");
        output.read_exact(&mut first).expect("it says something");
        drop(output);
        let ended = child.wait_with_output().expect("it ends");
        let errors = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(
            (ended.status.code(), &*errors),
            (Some(0), ""),
            "{arguments:?}"
        );
    }
}

/// Nobody reads what is wrong either: the status is the same.
#[test]
fn a_full_disk_behind_both_is_a_status() {
    let full = || {
        let full = OpenOptions::new().write(true).open("/dev/full");
        full.expect("Linux has it")
    };
    for (arguments, expected) in [
        (&["trace", "no-notify"][..], 2),
        (&["trace", "nonsense"], 2),
        (&["--nonsense"], 2),
    ] {
        let status = Command::new(env!("CARGO_BIN_EXE_wakeproof"))
            .args(arguments)
            .stdout(full())
            .stderr(full())
            .status();
        assert_eq!(
            status.expect("it runs").code(),
            Some(expected),
            "{arguments:?}"
        );
    }
}

#[test]
fn an_interrupted_run_leaves_one_line_and_no_file() {
    let temporary = tempfile::tempdir().expect("a folder");
    let child = Command::new(env!("CARGO_BIN_EXE_wakeproof"))
        .args(["spec", "--model", "CondvarLoopLarge"])
        .env("TMPDIR", temporary.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    // It is at work once it has written the specification.
    while std::fs::read_dir(temporary.path())
        .expect("a folder")
        .next()
        .is_none()
    {
        std::thread::yield_now();
    }
    let interrupt = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(interrupt.expect("kill").success());
    let output = child.wait_with_output().expect("it ends");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(
        (output.status.code(), &*errors),
        (Some(130), "wakeproof: interrupted; nothing is proved\n")
    );
    assert!(output.stdout.is_empty());
    let left = std::fs::read_dir(temporary.path())
        .expect("a folder")
        .count();
    assert_eq!(left, 0, "temporary files stay behind");
}
