//! Tests the command as a person or a program uses it.

use std::process::{Command, Output, Stdio};

use serde_json::Value;

fn wakeproof(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_wakeproof"))
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

#[track_caller]
fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

#[track_caller]
fn expect_usage_error(arguments: &[&str], expected: &str) {
    let output = wakeproof(arguments);
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(output.stdout.is_empty());
    assert_eq!(message.lines().count(), 1, "{message}");
    assert!(
        message.starts_with("wakeproof: ") && message.contains(expected),
        "{message}"
    );
}

#[test]
fn the_overview_is_as_expected_row_by_row() {
    let output = wakeproof(&["--format", "json"]);
    let report = json(&output);
    assert_eq!(report["as_expected"], true, "{report:#}");
    assert_eq!(output.status.code(), Some(0));
    let rows = report["rows"].as_array().unwrap();
    for row in rows {
        assert!(row["work"]["count"].as_u64().unwrap() > 0, "{row:#}");
        assert!(row["seconds"].as_f64().unwrap() >= 0.0, "{row:#}");
    }
    for call in ["call_soon_threadsafe", "call_soon"] {
        for load in ["an idle", "a busy"] {
            let subject = format!("{call} to {load} loop");
            assert!(
                rows.iter().any(|row| row["subject"] == subject.as_str()),
                "{subject}"
            );
        }
    }
}

#[test]
fn the_overview_is_a_table_without_colours_when_it_is_piped() {
    let output = wakeproof(&[]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(
        text.contains("call_soon_threadsafe to an idle loop"),
        "{text}"
    );
    for part in [
        "+ self.wake(inbox, &mut state);",
        "ASLEEP FOR EVER",
        "Assumed, and so not shown:",
        "As expected",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains('\u{1b}'), "colours: {text:?}");
    assert!(output.stderr.is_empty(), "progress: {:?}", output.stderr);
}

/// Runs the demonstration with short waits, and returns its JSON.
fn demo(arguments: &[&str]) -> (Value, Option<i32>) {
    let mut short = vec!["demo", "--format", "json"];
    if !arguments.contains(&"--after") {
        short.extend(["--after", "1ms"]);
    }
    let output = wakeproof(&[&short, arguments].concat());
    (json(&output), output.status.code())
}

fn events(document: &Value) -> String {
    let events = document["events"].as_array().unwrap();
    let lines = events.iter().map(|event| {
        assert!(event["os_thread_id"].as_u64().unwrap() > 0);
        format!(
            "{}: {}\n",
            event["thread"].as_str().unwrap(),
            event["what"].as_str().unwrap()
        )
    });
    lines.collect()
}

#[test]
fn demo_shows_the_safe_way_and_exits() {
    let (document, status) = demo(&[]);
    assert_eq!(
        (&document["ending"], &document["call"], status),
        (
            &Value::from("ran"),
            &Value::from("call_soon_threadsafe"),
            Some(0)
        )
    );
    let expected = "\
main: main task: begins, on the event loop's thread
main: main task: waits for the event; the loop has nothing else to do, and sleeps
worker: does some other work, for 1ms
worker: sets the event the safe way: submits the call to the loop's thread, and wakes the loop
main: main task: wait completed
main: program exit
";
    assert_eq!(in_the_order_of_the_program(&events(&document)), expected);
}

/// The worker begins while the main task continues, so their first lines may come in either order.
fn in_the_order_of_the_program(events: &str) -> String {
    let mut lines: Vec<&str> = events.lines().collect();
    lines[1..3].sort_by_key(|line| line.starts_with("worker"));
    lines.join("\n") + "\n"
}

#[test]
fn demo_shows_the_unsafe_way_stranded_and_rescued() {
    let (document, status) = demo(&["--hang", "--patience", "50ms"]);
    assert_eq!(
        (&document["ending"], &document["call"], status),
        (
            &Value::from("stranded_then_rescued"),
            &Value::from("call_soon"),
            Some(0)
        )
    );
    let expected = "\
main: main task: begins, on the event loop's thread
main: main task: waits for the event; the loop has nothing else to do, and sleeps
worker: does some other work, for 1ms
worker: sets the event the unsafe way: on this thread, and wakes nobody
watchdog: 50ms later: the event is set, the loop is asleep, nobody will wake it
watchdog: rescues it: wakes the loop, with a callback that does nothing
main: main task: wait completed
main: program exit
";
    assert_eq!(in_the_order_of_the_program(&events(&document)), expected);
}

/// It hangs however short the thread's work is.
#[test]
fn demo_hangs_even_if_the_event_is_set_at_once() {
    for _ in 0..20 {
        let (document, status) = demo(&["--hang", "--after", "0s", "--patience", "10ms"]);
        assert_eq!(
            (&document["ending"], status),
            (&Value::from("stranded_then_rescued"), Some(0))
        );
    }
}

#[test]
fn demo_shows_why_people_believe_that_the_unsafe_way_works() {
    let (document, status) = demo(&["--hang", "--busy"]);
    assert_eq!(
        (&document["ending"], status),
        (&Value::from("ran"), Some(0))
    );
}

#[cfg(unix)]
#[test]
fn demo_hangs_for_ever_until_it_is_interrupted() {
    use std::io::{BufRead, BufReader, Read};

    let arguments = [
        "demo",
        "--hang",
        "--forever",
        "--after",
        "1ms",
        "--patience",
        "10ms",
    ];
    let mut demo = Command::new(env!("CARGO_BIN_EXE_wakeproof"))
        .args(arguments)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(demo.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("Ctrl-C") {
        line.clear();
        assert_ne!(lines.read_line(&mut line).unwrap(), 0, "it ended by itself");
    }
    assert!(demo.try_wait().unwrap().is_none());
    let interrupt = Command::new("kill")
        .args(["-INT", &demo.id().to_string()])
        .status();
    assert!(interrupt.unwrap().success());
    assert_eq!(demo.wait().unwrap().code(), Some(0));
    let mut rest = String::new();
    lines.read_to_string(&mut rest).unwrap();
    assert!(
        rest.split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
            .contains("is interrupted: the event is set and the task still waits"),
        "{rest}"
    );
}

#[test]
fn conform_says_accepted_refused_or_unusable() {
    let trace = |file: &str| {
        let path = format!("{}/../spec/examples/{file}", env!("CARGO_MANIFEST_DIR"));
        wakeproof(&["conform", "--format", "json", "--trace", &path])
    };
    let accepted = trace("condition.jsonl");
    assert_eq!(accepted.status.code(), Some(0));
    let document = json(&accepted);
    assert_eq!(document["accepted"], true);
    assert!(document["steps"].as_u64().unwrap() > 20, "{document:#}");

    let refused = trace("condition-broken.jsonl");
    assert_eq!(refused.status.code(), Some(1));
    assert_eq!(json(&refused)["refused_at_line"], 6);

    expect_usage_error(
        &["conform", "--trace", "/nowhere"],
        "/nowhere: cannot be read",
    );
    expect_usage_error(
        &["conform", "--model", "nosuch"],
        "no model is called \"nosuch\"; the models are timed,",
    );
    expect_usage_error(&["conform", "--faults", "--mutants"], "--mutants");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../spec/examples/condition.py");
    expect_usage_error(&["conform", "--trace", script], "the first line must be");
}

#[test]
fn conform_counts_what_it_compares() {
    let output = wakeproof(&["conform", "--model", "timed", "--format", "json"]);
    assert_eq!(output.status.code(), Some(0));
    let document = json(&output);
    assert_eq!(document["as_expected"], true);
    assert!(document["steps_followed_per_second"].as_f64().unwrap() > 0.0);
    let shuttle = &document["models"][0];
    assert_eq!(shuttle["explorer"], "shuttle-depth-first");
    assert_eq!(shuttle["refused"], serde_json::Value::Null);
    assert!(
        shuttle["executions"].as_u64().unwrap() > 100,
        "{document:#}"
    );
    let covered = &shuttle["covered"];
    assert_eq!(covered["states"], covered["of_states"]);
    assert_eq!(covered["transitions"], covered["of_transitions"]);
}

#[test]
fn conform_shows_each_fault_from_both_sides() {
    let output = wakeproof(&["conform", "--faults"]);
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).unwrap();
    let row = text
        .lines()
        .find(|line| line.contains("│ no-notify"))
        .unwrap();
    assert!(row.contains("✓ refused at step 5, s1: Unlock"), "{row}");
    assert_eq!(row.matches("✓ accepted").count(), 2, "{row}");
    assert!(text.contains("not compared: relaxed-flag: "), "{text}");
}

#[test]
fn bad_usage_is_one_line_and_exit_status_2() {
    expect_usage_error(&["--nonsense"], "unexpected argument '--nonsense'");
    expect_usage_error(&["nonsense"], "unrecognized subcommand 'nonsense'");
    expect_usage_error(&["--format", "yaml"], "'yaml'");
    expect_usage_error(&["demo", "--after", "-5s"], "cannot be negative");
    expect_usage_error(&["demo", "--after", "1000000000000h"], "1h");
    expect_usage_error(&["demo", "--after", "soon"], "write for example 500ms");
    expect_usage_error(&["demo", "--patience", "0s"], "needs some patience");
}

#[test]
fn help_has_examples() {
    for arguments in [&["--help"][..], &["demo", "--help"]] {
        let output = wakeproof(arguments);
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(0));
        assert!(
            text.contains("Examples:") && text.contains("Exit status:"),
            "{text}"
        );
    }
}

/// `wakeproof … | true`: whoever asks for the exit status gets the verdict's, even if nobody reads the output.
#[cfg(unix)]
#[test]
fn the_exit_status_is_the_verdicts_though_nobody_reads_the_output() {
    let broken = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../spec/examples/condition-broken.jsonl"
    );
    let commands: [(&[&str], i32); 7] = [
        (&["conform", "--trace", broken], 1),
        (&["conform", "--trace", broken, "--format", "json"], 1),
        (&["spec", "--model", "LostWakeupUnsafe", "--trace"], 0),
        (&["explore", "--threads", "1", "--quiet"], 0),
        (&["explore", "--threads", "1", "--without-wakeup"], 0),
        (&["trace", "no-notify"], 0),
        (&["check", "--histories", "5", "--programs", "5"], 0),
    ];
    for (arguments, expected) in commands {
        let mut child = Command::new(env!("CARGO_BIN_EXE_wakeproof"))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(
            output.status.code(),
            Some(expected),
            "{arguments:?}: {errors}"
        );
    }
}

/// The names below `Commands:` in the help.
fn subcommands() -> Vec<String> {
    let output = wakeproof(&["--help"]);
    let help = String::from_utf8(output.stdout).unwrap();
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let listed = listed.take_while(|line| !line.is_empty());
    let names = listed.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    let names = names.filter(|name| !name.is_empty() && *name != "help");
    names.map(str::to_owned).collect()
}

/// Each has examples, and the same exit statuses.
#[test]
fn every_subcommand_has_examples_and_the_same_exit_statuses() {
    let names = subcommands();
    assert!(names.len() > 10, "{names:?}");
    let status = "Exit status: 0 as expected, 1 not as expected, 2 usage or environment (what\n\
                  cannot be decided or written, too), 130 interrupted.";
    for name in &names {
        let output = wakeproof(&[name, "--help"]);
        let help = String::from_utf8(output.stdout).unwrap();
        let example = format!("wakeproof {name}");
        let examples = help.split("Examples:").nth(1).unwrap_or_default();
        assert!(examples.contains(&example), "{name}: {help}");
        assert!(help.contains(status), "{name}: {help}");
    }
}

#[test]
fn completions_and_the_manual_page_know_every_subcommand() {
    let names = subcommands();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = wakeproof(&["completions", shell]);
        let script = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(0));
        for name in &names {
            assert!(script.contains(name), "{shell}: {name}");
        }
    }
    let page = |arguments: &[&str]| String::from_utf8(wakeproof(arguments).stdout).unwrap();
    let whole = page(&["man"]);
    assert!(
        whole.starts_with(".ie ") || whole.contains(".TH wakeproof"),
        "{whole}"
    );
    for name in &names {
        assert!(
            whole.contains(&format!("wakeproof\\-{name}(1)")),
            "{name}: {whole}"
        );
    }
    assert!(page(&["man", "stuck"]).contains("wakeproof\\-stuck"));
    expect_usage_error(
        &["man", "nonsense"],
        "no subcommand is called \"nonsense\"; there are demo,",
    );
    expect_usage_error(&["completions", "tcsh"], "'tcsh'");
}
