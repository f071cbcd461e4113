//! `wakeproof explore`, with different bounds.

mod common;

fn explore(arguments: &[&str]) -> (Option<i32>, String, String) {
    common::wakeproof("explore", arguments)
}

#[test]
fn every_execution_is_a_proof() {
    let (status, output, errors) = explore(&["--quiet"]);
    assert!(
        output.starts_with("proved: all 804 executions are right"),
        "{output}"
    );
    assert_eq!((status, errors.as_str()), (Some(0), ""));
}

#[test]
fn a_schedule_that_fails_comes_with_the_command_that_replays_it() {
    for checker in ["loom", "shuttle", "random", "pct", "walk"] {
        let (status, output, errors) = explore(&["--checker", checker, "--without-wakeup"]);
        assert_eq!((status, errors.as_str()), (Some(0), ""), "{output}");
        let command = output
            .lines()
            .find_map(|line| line.strip_prefix("Replay: wakeproof explore "))
            .unwrap_or_else(|| panic!("{output}"));
        let arguments: Vec<&str> = command.split(' ').collect();
        let (status, replayed, _) = explore(&arguments);
        assert_eq!(status, Some(0));
        let end = output.lines().find(|line| line.starts_with("=> "));
        assert!(
            end.is_some() && replayed.contains(end.unwrap_or_default()),
            "{replayed}"
        );
    }
}

#[test]
fn as_many_as_were_asked_for_is_as_expected_and_no_proof() {
    let (status, output, _) = explore(&["--executions", "3"]);
    assert_eq!(status, Some(0));
    let says = "not proved after 3 executions: limit of 3 executions";
    assert!(output.starts_with(says), "{output}");
}

#[test]
fn the_world_is_hostile_unless_somebody_asks_for_another() {
    let (status, output, _) = explore(&["--threads", "1"]);
    assert_eq!(status, Some(0), "{output}");
    assert!(output.starts_with("proved: all "), "{output}");
    let bounds = "at most 1 spurious wakeup, 1 timeout, 1 overtaking";
    assert!(output.contains(bounds), "{output}");
    let (_, output, _) = explore(&["--threads", "1", "--format", "json"]);
    assert!(output.contains(r#""verdict": "proved""#), "{output}");
    assert!(output.contains(r#""memory": "c11-of-loom""#), "{output}");
}

#[test]
fn bad_input_is_one_line() {
    for (arguments, says) in [
        (
            &["--threads", "5", "--quiet"][..],
            "loom starts at most 4 threads in an execution; this model has 5",
        ),
        (
            &["--threads", "4", "--spurious", "1"],
            "its environment needs one",
        ),
        (&["--spurious", "7"], "at most 6 spurious wakeups"),
        (&["--threads", "0"], "0 is not in 1..=1000"),
        (&["--checker", "gdb"], "invalid value 'gdb'"),
        (&["--schedule", "0;1"], "is no part of a schedule"),
        (
            &["--schedule", "9,9,9"],
            "the schedule is not one of this program in this environment: choice 1: thread 9 cannot run",
        ),
    ] {
        let (status, output, errors) = explore(arguments);
        assert_eq!(
            (status, output.as_str()),
            (Some(2), ""),
            "{arguments:?}: {errors}"
        );
        assert_eq!(errors.lines().count(), 1, "{errors}");
        assert!(
            errors.starts_with("wakeproof: ") && errors.contains(says),
            "{errors}"
        );
    }
}

/// Ctrl-C ends a search that would take minutes, with one line and a status of its own.
#[cfg(target_os = "linux")]
#[test]
fn ctrl_c_ends_a_search_with_one_line() {
    use std::process::{Command, Stdio};

    const LONG: [&[&str]; 3] = [
        &["explore", "--threads", "3", "--callbacks", "3"],
        &["explore", "--threads", "3", "--checker", "shuttle"],
        &["matrix"],
    ];
    for arguments in LONG {
        let search = Command::new(env!("CARGO_BIN_EXE_wakeproof"))
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let status = format!("/proc/{}/status", search.id());
        while !catches_interrupts(&std::fs::read_to_string(&status).unwrap()) {
            std::thread::yield_now();
        }
        let interrupt = Command::new("kill")
            .args(["-INT", &search.id().to_string()])
            .status();
        assert!(interrupt.unwrap().success());
        let output = search.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(130), "{arguments:?}");
        assert_eq!(
            String::from_utf8_lossy(&output.stderr),
            "wakeproof: interrupted; nothing is proved\n",
            "{arguments:?}"
        );
        // How far it came may be said.
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(
            said.is_empty() || said.starts_with("not proved after "),
            "{arguments:?}: {said}"
        );
    }
}

/// Whether a process has a handler for SIGINT, which is signal 2.
#[cfg(target_os = "linux")]
fn catches_interrupts(status: &str) -> bool {
    let caught = status
        .lines()
        .find_map(|line| line.strip_prefix("SigCgt:"))
        .expect("a line for the signals that are caught");
    u64::from_str_radix(caught.trim(), 16).expect("a mask") & 0b10 != 0
}
