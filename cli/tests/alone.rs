//! The command alone: copied to an empty folder, it has all that it needs.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::process::{Command, Output};
use std::thread;

use serde_json::Value;
use tempfile::TempDir;

/// A folder with nothing but the command in it, and another for temporary files.
fn alone() -> (TempDir, TempDir) {
    let [home, temporary] = [(); 2].map(|()| TempDir::new().expect("a folder"));
    fs::copy(
        env!("CARGO_BIN_EXE_wakeproof"),
        home.path().join("wakeproof"),
    )
    .expect("it can be copied");
    (home, temporary)
}

fn run(home: &Path, temporary: &Path, arguments: &[&str]) -> Output {
    let mut copy = Command::new(home.join("wakeproof"));
    copy.args(arguments)
        .current_dir(home)
        .env("TMPDIR", temporary);
    loop {
        match copy.output() {
            // A process that another test has just started may hold our copy open for writing, from before it
            // executes its own program.
            Err(busy) if busy.kind() == ErrorKind::ExecutableFileBusy => thread::yield_now(),
            output => return output.expect("it runs"),
        }
    }
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).expect("a folder").next().is_none()
}

#[test]
fn a_copy_elsewhere_reads_the_specification_that_it_carries_and_leaves_nothing_behind() {
    let (home, temporary) = alone();
    let (home, temporary) = (home.path(), temporary.path());
    for arguments in [
        &["spec", "--model", "LostWakeupUnsafe", "--trace"][..],
        &["spec", "--model", "AsyncioLoopUnsafe", "--format", "json"],
        &["conform", "--model", "stop"],
        &["trace", "no-notify", "--checker", "tla"],
    ] {
        let output = run(home, temporary, arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {output:?}");
        assert!(!output.stdout.is_empty() && output.stderr.is_empty());
        assert!(is_empty(temporary), "{arguments:?} leaves a file behind");
    }
    // It does read its own copy: without a place for that it says what to do.
    let nowhere = temporary.join("nowhere");
    let output = run(home, &nowhere, &["spec", "--model", "LostWakeup"]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert!(
        errors.lines().count() == 1 && errors.contains("nowhere") && errors.contains("--spec-dir"),
        "{errors}"
    );
}

#[test]
fn every_command_that_reads_the_specification_reads_another_if_it_is_told_to() {
    let recording = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../spec/examples/asyncio-design.jsonl"
    );
    let commands: [&[&str]; 6] = [
        &["spec"],
        &["spec", "--mutants"],
        &["conform", "--model", "stop"],
        &["conform", "--trace", recording],
        &["trace", "no-notify", "--checker", "tla"],
        &["matrix"],
    ];
    let (home, temporary) = alone();
    for arguments in commands {
        let arguments = [arguments, &["--spec-dir", "/nowhere"]].concat();
        let output = run(home.path(), temporary.path(), &arguments);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {output:?}");
        assert_eq!(errors.lines().count(), 1, "{errors}");
        assert!(errors.contains("/nowhere/"), "{arguments:?}: {errors}");
    }
}

/// Somebody who has no specification sees what needs none.
#[test]
fn without_a_specification_the_other_rows_are_shown() {
    let (home, temporary) = alone();
    let arguments = ["--spec-dir", "/nowhere", "--format", "json"];
    let output = run(home.path(), temporary.path(), &arguments);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let document: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let rows = document["rows"].as_array().expect("rows");
    let (missing, there): (Vec<_>, Vec<_>) =
        rows.iter().partition(|row| row["as_expected"].is_null());
    assert!(there.len() >= 12 && missing.len() == 3, "{document:#}");
    for row in missing {
        let found = row["found"].as_str().expect("words");
        assert!(found.contains("/nowhere/"), "{found}");
    }
    assert!(
        there.iter().all(|row| row["as_expected"] == true),
        "{document:#}"
    );
}
