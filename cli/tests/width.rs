//! No line of any command is wider than the terminal, and plain characters are enough.

use std::fs;
use std::process::{Command, Output};

/// Ends a process that was started here.
struct Running(std::process::Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn example(name: &str) -> String {
    format!("{}/../spec/examples/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// The commands that take seconds, and what each of them says.
fn commands() -> Vec<Vec<String>> {
    let help = run(&["--help".into()], "200", "C");
    let help = String::from_utf8(help.stdout).expect("text");
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let listed = listed.take_while(|line| !line.is_empty());
    let subcommands: Vec<&str> = listed
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect();
    assert!(subcommands.len() > 10, "{help}");
    let helps = subcommands.iter().map(|name| vec![*name, "--help"]);
    let others: [&[&str]; 21] = [
        &["--quick"],
        &["--help"],
        &["demo", "--after", "1ms"],
        &["demo", "--after", "0s", "--patience", "1ns"],
        &["demo", "--hang", "--after", "1ms", "--patience", "10ms"],
        &["demo", "--hang", "--busy", "--after", "1ms"],
        &["trace", "no-notify"],
        &["trace", "relaxed-flag"],
        &["trace", "no-notify", "--checker", "tla"],
        &["explore", "--threads", "1"],
        &["explore", "--threads", "1", "--without-wakeup"],
        &["explore", "--examples"],
        &["conform", "--model", "timed"],
        &["conform", "--trace", "condition-broken.jsonl"],
        &["conform", "--trace", "asyncio-design.jsonl"],
        &[
            "spec",
            "--model",
            "CondvarLoopUnsafe",
            "--model",
            "LostWakeup",
            "--trace",
        ],
        &[
            "spec",
            "--model",
            "CondvarLoopFaultsTimeoutMeansNothing",
            "--trace",
        ],
        &["check", "--histories", "5", "--programs", "5"],
        &["probe", "--list"],
        &["probe", "wakeproof"],
        &["stuck", "1"],
    ];
    let others = others.iter().map(|arguments| arguments.to_vec());
    let all = helps.chain(others);
    all.map(|arguments| {
        arguments
            .into_iter()
            .map(|argument| match argument.strip_suffix(".jsonl") {
                Some(_) => example(argument),
                None => argument.to_owned(),
            })
            .collect()
    })
    .collect()
}

fn run(arguments: &[String], columns: &str, locale: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_wakeproof"))
        .args(arguments)
        .env("COLUMNS", columns)
        .env("NO_COLOR", "1")
        .env("LC_ALL", locale)
        .output()
        .expect("it runs")
}

/// A path is a word, and words are never cut.
fn is_one_word(line: &str) -> bool {
    line.trim().split(' ').count() == 1
}

#[test]
fn no_line_is_wider_than_80_columns() {
    for arguments in commands() {
        let output = run(&arguments, "80", "C.UTF-8");
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        assert!(
            !text.is_empty() || !output.stderr.is_empty(),
            "{arguments:?} says nothing"
        );
        for line in text.lines() {
            assert!(
                line.chars().count() <= 80 || is_one_word(line),
                "{arguments:?}: {} columns: {line}",
                line.chars().count()
            );
        }
    }
}

#[test]
fn plain_characters_are_enough_for_a_plain_terminal() {
    for arguments in commands() {
        let output = run(&arguments, "120", "C");
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        let fancy = text.lines().find(|line| !line.is_ascii());
        // What somebody else's help says stays as it is: there is none.
        assert_eq!(fancy, None, "{arguments:?}");
    }
}

/// A terminal, as `script` makes one: its size counts, and `NO_COLOR` changes no more than the colours.
#[cfg(target_os = "linux")]
#[test]
fn a_table_fits_the_terminal_with_and_without_colours() {
    let folder = tempfile::tempdir().expect("a folder");
    for (colour, columns) in [
        ("", 80),
        ("NO_COLOR=1 ", 80),
        ("NO_COLOR=1 ", 200),
        ("", 200),
    ] {
        let log = folder.path().join("log");
        let command = format!(
            "stty rows 50 cols {columns}; {colour}{} spec --model CondvarLoop --model CondvarLoopUnsafe",
            env!("CARGO_BIN_EXE_wakeproof")
        );
        let script = Command::new("script")
            .args(["--quiet", "--return", "--command", &command])
            .arg(&log)
            .env_remove("NO_COLOR")
            .env("TERM", "xterm-256color")
            .env("LC_ALL", "C.UTF-8")
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .spawn();
        let Ok(script) = script else {
            assert!(
                std::env::var_os("ASLEEP_REQUIRE_ALL").is_none(),
                "there is no `script` here"
            );
            return;
        };
        let mut script = Running(script);
        let status = script.0.wait().expect("it ends");
        let text = fs::read_to_string(&log).expect("a log");
        assert!(status.success(), "{text}");
        let has_colours = text.contains("\u{1b}[38;5;10m") || text.contains("\u{1b}[32m");
        assert_eq!(has_colours, colour.is_empty(), "{text:?}");
        // The progress comes first, and ends by clearing its line.
        let table = &text[text.find('┌').expect("a table")..];
        let plain = anstream::adapter::strip_str(table).to_string();
        let widest = plain
            .lines()
            .map(|line| line.trim_end().chars().count())
            .max();
        let widest = widest.expect("lines");
        assert!(
            widest <= columns && (columns == 80) == plain.contains("Left out"),
            "{plain}"
        );
    }
}
