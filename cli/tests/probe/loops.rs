//! Loops, right and wrong, and two that must not be called stranded.

use std::fs;
use std::process::Command;

use libtest_mimic::Trial;

use super::command::{probe, trial};

pub fn trials() -> Vec<Trial> {
    vec![
        trial(
            "a_right_loop_is_as_it_must_be",
            a_right_loop_is_as_it_must_be,
        ),
        trial(
            "a_loop_that_polls_is_not_stranded",
            a_loop_that_polls_is_not_stranded,
        ),
        trial(
            "a_loop_behind_a_helper_is_not_stranded",
            a_loop_behind_a_helper_is_not_stranded,
        ),
        trial("each_wrong_loop_is_found_out", each_wrong_loop_is_found_out),
        trial(
            "the_module_of_a_design_tells_a_wrong_loop",
            the_module_of_a_design_tells_a_wrong_loop,
        ),
        trial(
            "recordings_can_be_judged_again",
            recordings_can_be_judged_again,
        ),
    ]
}

fn a_right_loop_is_as_it_must_be() {
    let probe = probe("right", &[]);
    assert_eq!(probe.status(), Some(0), "{}", probe.errors());
    let row = probe.row();
    assert_eq!(
        (&row["loop"], &row["version"]),
        (&"test".into(), &"1".into())
    );
    for cell in row["cells"].as_array().expect("a list") {
        assert_eq!(cell["fine"], true, "{cell:#}");
    }
    let plain = probe.cell("plain");
    assert_eq!(plain["outcome"], "stranded");
    assert_eq!(plain["grounds"], "look", "it was seen, not waited for");
    for (clause, outcome) in [
        ("sleeps-in", "futex"),
        ("safe", "ran"),
        ("then", "ran, before it"),
        ("order", "kept"),
        ("across-kinds", "kept"),
        ("stop-safe", "returned"),
        ("after-stop", "next run"),
        ("stop-first", "one iteration"),
        ("closed", "refused"),
        ("idle", "asleep"),
        ("design", "as SelfPipeLoop"),
    ] {
        assert_eq!(probe.cell(clause)["outcome"], outcome, "{clause}");
    }
    probe.assert_all_gone();
}

fn a_loop_that_polls_is_not_stranded() {
    let probe = probe("polls", &[]);
    assert_eq!(probe.status(), Some(0), "{}", probe.errors());
    assert_eq!(probe.cell("plain")["outcome"], "ran");
    assert_eq!(probe.cell("sleeps-in")["outcome"], "does not sleep");
    let idle = probe.cell("idle");
    assert_eq!(
        (&idle["outcome"], &idle["fine"]),
        (&"wakes up".into(), &false.into())
    );
    assert!(!String::from_utf8_lossy(&probe.output.stdout).contains("stranded"));
    probe.assert_all_gone();
}

fn a_loop_behind_a_helper_is_not_stranded() {
    let soon = probe("helper", &[]);
    assert_eq!(soon.cell("plain")["outcome"], "ran");
    soon.assert_all_gone();
    // It is not seen to run in time. That is no proof of anything.
    let late = probe("late-helper", &[]);
    assert_eq!(late.cell("plain")["outcome"], "not within 1 s");
    late.assert_all_gone();
}

fn each_wrong_loop_is_found_out() {
    for (mode, clause, outcome, broken) in [
        ("never-wakes", "safe", "stranded", "EveryCallbackIsSettled"),
        ("twice", "then", "broken", "NothingRunsTwice"),
        ("wrong-thread", "safe", "ran", "Run"),
        ("swaps", "order", "broken", "FirstInFirstOut"),
        ("ignores-stop", "stop-safe", "stranded", "StopIsHonoured"),
        (
            "accepts-after-close",
            "closed",
            "accepted",
            "NothingAcceptedAfterClose",
        ),
    ] {
        let probe = probe(mode, &[]);
        assert_eq!(probe.status(), Some(0), "{mode}: {}", probe.errors());
        let clause = if mode == "wrong-thread" {
            "then"
        } else {
            clause
        };
        let outcome = if mode == "wrong-thread" {
            "broken"
        } else {
            outcome
        };
        let cell = probe.cell(clause);
        assert_eq!(
            (&cell["outcome"], &cell["fine"]),
            (&outcome.into(), &false.into()),
            "{mode}: {cell:#}"
        );
        let sentence = cell["sentence"].as_str().expect("a sentence");
        assert!(
            sentence.contains(&format!("({broken})")),
            "{mode}: {sentence}"
        );
        assert!(
            !cell["lines"].as_array().expect("a list").is_empty(),
            "{mode}: {cell:#}"
        );
        probe.assert_all_gone();
    }
}

fn the_module_of_a_design_tells_a_wrong_loop() {
    for mode in ["swaps", "never-wakes"] {
        let probe = probe(mode, &[]);
        let cell = probe.cell("design");
        assert_eq!(
            (&cell["outcome"], &cell["detail"], &cell["fine"]),
            (&"broken".into(), &"SelfPipeLoop".into(), &false.into()),
            "{mode}: {cell:#}"
        );
        probe.assert_all_gone();
    }
    let probe = probe("unknown-design", &[]);
    let cell = probe.cell("design");
    assert_eq!(cell["outcome"], "cannot tell", "{cell:#}");
    let sentence = cell["sentence"].as_str().expect("a sentence");
    assert!(sentence.contains("is no module's name"), "{sentence}");
    probe.assert_all_gone();
}

fn recordings_can_be_judged_again() {
    let folder = std::env::temp_dir().join(format!("wakeproof-{}-recordings", std::process::id()));
    let name = folder.to_str().expect("text");
    let probe = probe("accepts-after-close", &["--record", name]);
    assert_eq!(probe.status(), Some(0), "{}", probe.errors());
    let mut refused = Vec::new();
    for entry in fs::read_dir(&folder).expect("it was made") {
        let path = entry.expect("an entry").path();
        let judged = Command::new(env!("CARGO_BIN_EXE_wakeproof"))
            .args(["conform", "--trace"])
            .arg(&path)
            .output()
            .expect("it runs");
        match judged.status.code() {
            Some(0) => {}
            Some(1) => refused.push(
                path.file_name()
                    .expect("a name")
                    .to_string_lossy()
                    .into_owned(),
            ),
            other => panic!("{}: {other:?}", path.display()),
        }
    }
    fs::remove_dir_all(&folder).expect("removable");
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert!(refused[0].ends_with("-close.jsonl"), "{refused:?}");
}
