//! Adapters that misbehave, and Ctrl-C: a line each, and no process left behind.

use std::fs;
use std::process::{Command, Stdio};

use libtest_mimic::Trial;
use rustix::process::{Pid, Signal, kill_process};

use super::command::{await_pids, finish, probe, start, trial};

pub fn trials() -> Vec<Trial> {
    vec![
        trial("a_bad_adapter_gets_one_line", a_bad_adapter_gets_one_line),
        trial(
            "an_adapter_that_cannot_be_started",
            an_adapter_that_cannot_be_started,
        ),
        trial("ctrl_c_leaves_nobody_behind", ctrl_c_leaves_nobody_behind),
        trial("mistakes_on_the_command_line", mistakes_on_the_command_line),
        trial(
            "the_list_has_every_loop_and_clause",
            the_list_has_every_loop_and_clause,
        ),
    ]
}

fn a_bad_adapter_gets_one_line() {
    for (mode, message) in [
        ("hangs", "hangs: there is no first line"),
        ("hangs-later", "hangs: "),
        ("dies", "ended (exit status: 7): this is why\\u{1b}[2J"),
        ("dies-later", "ended (exit status: 7)"),
        ("floods", "floods"),
        ("half-line", "ended in the middle of a line"),
        ("long-line", "a line of more than 4096 bytes"),
        ("nonsense", "its first line is"),
        ("no-version", "does not say which loop in which version"),
        ("lies", "fails its self-test"),
        ("ignores-quit", "ignores the word quit"),
    ] {
        let probe = probe(mode, &["--patience", "3s"]);
        let errors = probe.errors();
        assert_eq!(probe.status(), Some(2), "{mode}: {errors}");
        assert_eq!(errors.lines().count(), 1, "{mode}: {errors}");
        assert!(
            errors.starts_with("wakeproof: ") && errors.contains(message),
            "{mode}: {errors}"
        );
        assert!(!errors.contains('\u{1b}'), "{mode}");
        probe.assert_all_gone();
    }
}

fn an_adapter_that_cannot_be_started() {
    let file =
        std::env::temp_dir().join(format!("wakeproof-{}-not-executable", std::process::id()));
    fs::write(&file, "no program").expect("writable");
    for (adapter, message) in [
        (file.to_str().expect("text"), "cannot be started"),
        ("/no/such/program", "cannot be started"),
    ] {
        let output = wakeproof(&["--", adapter]);
        let errors = String::from_utf8(output.stderr).expect("text");
        assert_eq!(output.status.code(), Some(2), "{errors}");
        assert!(
            errors.lines().count() == 1 && errors.contains(message),
            "{errors}"
        );
    }
    fs::remove_file(&file).expect("removable");
}

fn ctrl_c_leaves_nobody_behind() {
    let (child, pids) = start("hangs", &[]);
    // The adapter and its own child have noted themselves.
    await_pids(&pids, 2);
    let pid = Pid::from_raw(child.id().cast_signed()).expect("a process");
    kill_process(pid, Signal::INT).expect("it is there");
    let probe = finish(child, pids);
    assert_eq!(probe.status(), Some(130), "{}", probe.errors());
    probe.assert_all_gone();
}

fn mistakes_on_the_command_line() {
    for (arguments, message) in [
        (
            &["no-such-loop"][..],
            "there is no adapter for \"no-such-loop\"",
        ),
        (&["\u{1b}[2J"], "there is no adapter for"),
        (&["--python", "no_such_module:new"], "no_such_module.new"),
        (&["--patience", "0s"], "patience"),
        (&["--patience", "soon"], "write for example 20s"),
        (&["asyncio", "--python", "a:b"], "cannot be used with"),
        (&["--python", "a:b", "--", "x"], "cannot be used with"),
        (
            &["--record", "/proc/nothing", "--", "true"],
            "/proc/nothing",
        ),
    ] {
        let output = wakeproof(arguments);
        let errors = String::from_utf8(output.stderr).expect("text");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {errors}");
        assert_ne!(errors, "", "{arguments:?}");
        assert!(
            errors.lines().count() == 1 && errors.contains(message),
            "{arguments:?}: {errors}"
        );
        assert!(!errors.contains('\u{1b}'), "{arguments:?}");
    }
}

fn the_list_has_every_loop_and_clause() {
    let output = wakeproof(&["--list"]);
    let text = String::from_utf8(output.stdout).expect("text");
    assert_eq!(output.status.code(), Some(0));
    for word in [
        "asyncio",
        "pip install uvloop",
        "libevent-threads",
        "unchanged",
        "must",
    ] {
        assert!(text.contains(word), "{word}: {text}");
    }
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
}

fn wakeproof(arguments: &[&str]) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_wakeproof"))
        .arg("probe")
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("it runs")
}
