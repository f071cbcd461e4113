//! `wakeproof conform --trace`: what it says about recordings, and how it ends.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const WHOLE: &str = r#"{"recording":"wakeproof","version":2,"against":"EventLoop"}
{"thread":"main","begins":"start"}
{"thread":"w\u001b[2J","begins":"submit","callback":1,"wakes":true}
{"thread":"w\u001b[2J","ends":"submit","result":"accepted"}
{"thread":"main","runs":1}
{"asleep":true}
{"end":5}
"#;

/// The same, but nobody runs the callback.
fn lost() -> String {
    WHOLE
        .replace("{\"thread\":\"main\",\"runs\":1}\n", "")
        .replace("\"end\":5", "\"end\":4")
}

fn example(name: &str) -> PathBuf {
    let cli = Path::new(env!("CARGO_MANIFEST_DIR"));
    cli.parent().unwrap().join("spec/examples").join(name)
}

fn judge(arguments: &[&str], input: &str) -> Output {
    judge_into(Stdio::piped(), arguments, input)
}

fn judge_into(stdout: Stdio, arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_wakeproof"))
        .args(["conform", "--trace", "-"])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(stdout)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // It need not read to the end.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    child.wait_with_output().unwrap()
}

#[test]
fn standard_input_is_judged_and_names_cannot_steer_the_terminal() {
    let accepted = judge(&[], WHOLE);
    assert_eq!(accepted.status.code(), Some(0), "{accepted:?}");
    let printed = String::from_utf8(accepted.stdout).unwrap();
    assert!(printed.contains("standard input: accepted: EventLoop allows each of its 5 lines"));

    let refused = judge(&[], &lost());
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    let printed = String::from_utf8(refused.stdout).unwrap();
    for part in [
        "standard input:5: refused, after 3 lines that EventLoop allows",
        "everybody was asleep, and callback 1 was still to run",
        "EveryCallbackIsSettled, in EventLoop.tla",
        "w\\u{1b}[2J",
        "line 3: submits callback 1",
    ] {
        assert!(printed.contains(part), "{part}: {printed}");
    }
    assert!(!printed.contains('\u{1b}'), "{printed}");
}

#[test]
fn a_program_gets_the_verdict_as_json() {
    let refused = judge(&["--format", "json"], &lost());
    assert_eq!(refused.status.code(), Some(1));
    let verdict: serde_json::Value = serde_json::from_slice(&refused.stdout).unwrap();
    assert_eq!(verdict["accepted"], false);
    assert_eq!(verdict["refusal"]["line"], 5);
    assert_eq!(verdict["refusal"]["clause"], "EveryCallbackIsSettled");
    assert_eq!(verdict["refusal"]["history"][0]["thread"], "main");
    assert_eq!(verdict["refusal"]["is_complete"], true);

    let accepted = judge(&["--format", "json"], WHOLE);
    assert_eq!(accepted.status.code(), Some(0));
    let verdict: serde_json::Value = serde_json::from_slice(&accepted.stdout).unwrap();
    assert_eq!(verdict["accepted"], true);
    assert_eq!(verdict["refusal"], serde_json::Value::Null);
}

#[test]
fn the_exit_status_is_the_verdict_whatever_becomes_of_the_output() {
    for (recording, status) in [(WHOLE.to_owned(), 0), (lost(), 1)] {
        for format in ["table", "json"] {
            let (reader, writer) = std::io::pipe().unwrap();
            // Nobody will read it.
            drop(reader);
            let output = judge_into(writer.into(), &["--format", format], &recording);
            assert_eq!(output.status.code(), Some(status), "{output:?}");
            assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
        }
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_turns_no_refusal_into_something_else() {
    let full = || File::options().write(true).open("/dev/full").unwrap();
    let refused = judge_into(full().into(), &[], &lost());
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    let accepted = judge_into(full().into(), &[], WHOLE);
    assert_eq!(accepted.status.code(), Some(2), "{accepted:?}");
}

#[test]
fn both_versions_are_read_from_files_and_from_standard_input() {
    for (name, status) in [
        ("condition.jsonl", 0),
        ("condition-broken.jsonl", 1),
        ("asyncio.jsonl", 0),
        ("asyncio-design.jsonl", 0),
    ] {
        let path = example(name);
        let output = Command::new(env!("CARGO_BIN_EXE_wakeproof"))
            .args(["conform", "--trace"])
            .arg(&path)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(status), "{name}: {output:?}");
        let recording = std::fs::read_to_string(&path).unwrap();
        let output = judge(&[], &recording);
        assert_eq!(output.status.code(), Some(status), "{name}: {output:?}");
        // A mark at the beginning and blank lines are no lines of a recording.
        let marked = format!("\u{feff}\n{}", recording.replace('\n', "\r\n\n"));
        let output = judge(&[], &marked);
        assert_eq!(output.status.code(), Some(status), "{name}: {output:?}");
    }
}

#[test]
fn bad_input_is_one_line_and_exit_status_2() {
    let version_1 = std::fs::read_to_string(example("condition.jsonl")).unwrap();
    for (arguments, input, message) in [
        (
            &[][..],
            String::new(),
            "standard input: line 1: the file is empty",
        ),
        (&[], "hello\n".into(), "the first line must be like"),
        (
            &[],
            WHOLE.replace("\"version\":2", "\"version\":7"),
            "version 7 is unknown",
        ),
        (
            &[],
            WHOLE.replace("\"runs\"", "\"rnus\""),
            "line 5: unknown key \"rnus\"",
        ),
        (
            &[],
            WHOLE.replace("\"end\":5", "\"end\":6"),
            "line 7: the last line counts 6",
        ),
        (
            &["--against", "Nothing"],
            WHOLE.into(),
            "says in \"steps\" what it shows",
        ),
        (
            &["--against", "EventLoop"],
            version_1,
            "is always held against CondvarLoop",
        ),
    ] {
        let output = judge(arguments, &input);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains(message), "{error:?} instead of {message:?}");
        assert_eq!(error.lines().count(), 1, "{error}");
        assert_eq!(output.stdout, b"");
    }
}
