//! `wakeproof explore`: bounds of the user's own.

mod common;

fn explore(arguments: &[&str]) -> (Option<i32>, String, String) {
    common::wakeproof("explore", arguments)
}

#[test]
fn every_execution_is_a_proof() {
    let (status, output, errors) = explore(&[]);
    assert!(
        output.starts_with("all 804 executions are right"),
        "{output}"
    );
    assert_eq!((status, errors.as_str()), (Some(0), ""));
}

#[test]
fn a_schedule_that_fails_comes_with_the_command_that_replays_it() {
    for checker in ["shuttle", "random", "pct", "walk"] {
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
fn what_is_cut_short_is_not_as_expected() {
    let (status, output, _) = explore(&["--executions", "3"]);
    assert_eq!(status, Some(1));
    assert!(output.contains("no proof"), "{output}");
}

#[test]
fn bad_input_is_one_line() {
    for (arguments, says) in [
        (
            &["--threads", "5"][..],
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
