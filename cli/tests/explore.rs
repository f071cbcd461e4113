//! `wakeproof explore`, with different bounds.

mod common;

use std::process::Command;

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
    assert!(output.replace('\n', " ").contains(bounds), "{output}");
    let (_, output, _) = explore(&["--threads", "1", "--format", "json"]);
    assert!(output.contains(r#""verdict": "proved""#), "{output}");
    assert!(output.contains(r#""memory": "c11-of-loom""#), "{output}");
}

#[test]
fn a_reported_bug_is_found_and_drawn_and_its_repair_proved() {
    let (status, listed, errors) = explore(&["--examples"]);
    assert_eq!((status, errors.as_str()), (Some(0), ""));
    assert!(listed.contains("waitout") && listed.contains("glibc bug 25847"));
    let (status, found, errors) = explore(&["--example", "waitout"]);
    assert_eq!((status, errors.as_str()), (Some(0), ""), "{found}");
    assert!(found.starts_with("softprops/waitout issue 2: "), "{found}");
    assert!(
        found.contains("\n=> waiter is asleep on the condvar"),
        "{found}"
    );
    let replay = found
        .lines()
        .find_map(|line| line.strip_prefix("Replay: WAKEPROOF_REPLAY='"));
    let replay = replay.and_then(|line| line.strip_suffix("' wakeproof explore --example waitout"));
    let replayed = Command::new(env!("CARGO_BIN_EXE_wakeproof"))
        .args(["explore", "--example", "waitout"])
        .env("WAKEPROOF_REPLAY", replay.unwrap())
        .output();
    assert_eq!(String::from_utf8(replayed.unwrap().stdout).unwrap(), found);
    let (status, repaired, _) = explore(&["--example", "waitout", "--repaired"]);
    assert_eq!(status, Some(0), "{repaired}");
    assert!(repaired.contains("\nproved: all "), "{repaired}");
    let json = ["--example", "diem", "--format", "json"];
    let (status, document, _) = explore(&json);
    assert_eq!(status, Some(0));
    let document: serde_json::Value = serde_json::from_str(&document).unwrap();
    assert_eq!(document["verdict"], "found");
    assert_eq!(document["as_expected"], true);
    assert_eq!(document["counterexample"]["threads"][1], "sender");
    assert_eq!(document["replay"], "execution 1");
    let replay_by = document["replay_by"].as_str().unwrap();
    assert!(
        replay_by.starts_with("WAKEPROOF_REPLAY='1 diem "),
        "{replay_by}"
    );
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
        (
            &["--example"],
            "--example needs the name of one: wakeproof explore --examples lists them",
        ),
        (
            &["--example", "no\u{1b}one"],
            "there is no example \"no\\u{1b}one\": wakeproof explore --examples lists them",
        ),
        (
            &["--example", "waitout", "--seed", "2"],
            "cannot be used with",
        ),
        (&["--repaired"], "--example"),
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
    const LONG: [&[&str]; 3] = [
        &["explore", "--threads", "3", "--callbacks", "3"],
        &["explore", "--threads", "3", "--checker", "shuttle"],
        &["matrix"],
    ];
    for arguments in LONG {
        let search = long::start(arguments);
        long::press_ctrl_c(&search);
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

/// The checker of the specification does not hear of the first Ctrl-C: it is cut off after a second and a half, never
/// earlier. So a command that ends earlier was ended by the second. A busy machine may delay that; one try in ten is
/// enough.
#[cfg(target_os = "linux")]
#[test]
fn a_second_ctrl_c_ends_a_command_at_once() {
    use std::time::{Duration, Instant};

    let ends_early = || {
        let command = long::start(&["spec", "--mutants"]);
        let first = Instant::now();
        long::press_ctrl_c(&command);
        long::press_ctrl_c(&command);
        let output = command.wait_with_output().unwrap();
        let elapsed = first.elapsed();
        assert_eq!(output.status.code(), Some(130));
        assert_eq!(
            String::from_utf8_lossy(&output.stderr),
            "wakeproof: interrupted; nothing is proved\n"
        );
        elapsed < Duration::from_millis(1500)
    };
    assert!((0..10).any(|_| ends_early()));
}

/// Commands that would take minutes.
#[cfg(target_os = "linux")]
mod long {
    use std::fs;
    use std::process::{Child, Command, Stdio};
    use std::thread;

    /// Starts a command. Returns once it catches Ctrl-C.
    pub(super) fn start(arguments: &[&str]) -> Child {
        let command = Command::new(env!("CARGO_BIN_EXE_wakeproof"))
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        while !has_interrupt(&command, "SigCgt:") {
            thread::yield_now();
        }
        command
    }

    /// Returns once the command has the signal. Two that were pending together would be one.
    pub(super) fn press_ctrl_c(command: &Child) {
        let interrupt = Command::new("kill")
            .args(["-INT", &command.id().to_string()])
            .status();
        assert!(interrupt.unwrap().success());
        while has_interrupt(command, "ShdPnd:") {
            thread::yield_now();
        }
    }

    /// Whether a mask of a process's signals has SIGINT, which is signal 2.
    fn has_interrupt(command: &Child, mask: &str) -> bool {
        let status = fs::read_to_string(format!("/proc/{}/status", command.id())).unwrap();
        // A process that has ended has no masks.
        let mask = status.lines().find_map(|line| line.strip_prefix(mask));
        mask.is_some_and(|mask| u64::from_str_radix(mask.trim(), 16).unwrap() & 0b10 != 0)
    }
}

/// Shards are processes of their own, and merge into what one process says.
#[test]
fn shards_merge_into_the_verdict_of_the_whole() {
    let folder = tempfile::tempdir().unwrap();
    let shards_of = |arguments: &[&str], of: usize| -> Vec<String> {
        let shards = (1..=of).map(|number| {
            let shard = format!("{number}/{of}");
            let (status, output, errors) = explore(&[arguments, &["--shard", &shard]].concat());
            assert_eq!((status, errors.as_str()), (Some(0), ""), "{output}");
            let file = folder
                .path()
                .join(format!("{}-{number}.json", arguments.len()));
            std::fs::write(&file, output).unwrap();
            file.to_str().unwrap().to_owned()
        });
        shards.collect()
    };
    let merge = |files: &[String]| {
        let files: Vec<&str> = files.iter().map(String::as_str).collect();
        explore(&[&["--merge"], &files[..]].concat())
    };
    let executions = |said: &str| said.split(" [").next().unwrap().to_owned();

    let right = ["--checker", "shuttle", "--quiet"];
    let (_, whole, _) = explore(&right);
    let shards = shards_of(&right, 3);
    let (status, merged, errors) = merge(&shards);
    assert_eq!((status, errors.as_str()), (Some(0), ""), "{merged}");
    assert!(merged.starts_with("proved: all "), "{merged}");
    assert_eq!(executions(&merged), executions(&whole));

    let wrong = ["--checker", "shuttle", "--quiet", "--without-wakeup"];
    let (status, merged, _) = merge(&shards_of(&wrong, 2));
    assert_eq!(status, Some(0), "{merged}");
    let (_, whole, _) = explore(&wrong);
    let found = merged.lines().next().map(executions).unwrap();
    assert!(
        found.starts_with("found: ") && whole.contains(&found),
        "{merged}{whole}"
    );
    let replay = merged
        .lines()
        .find_map(|line| line.strip_prefix("Replay: wakeproof explore "));
    let replay: Vec<&str> = replay.unwrap().split(' ').collect();
    assert_eq!(explore(&replay).0, Some(0));

    for (files, says) in [
        (&shards[..2], "shard 3/3 is missing"),
        (
            &[&shards[..], &shards[..1]].concat()[..],
            "shard 1/3 is there twice",
        ),
        (
            &["Cargo.toml".to_owned()][..],
            "is not what explore --shard prints",
        ),
        (&["nowhere".to_owned()][..], "No such file"),
    ] {
        let (status, output, errors) = merge(files);
        assert_eq!((status, output.as_str()), (Some(2), ""), "{errors}");
        assert!(
            errors.lines().count() == 1 && errors.contains(says),
            "{errors}"
        );
    }
    let (status, _, errors) = explore(&["--shard", "1/2"]);
    assert_eq!(status, Some(2));
    assert!(
        errors.contains("loom's search cannot be divided"),
        "{errors}"
    );
}
