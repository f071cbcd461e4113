//! The book in `docs/`, and README.md: their commands print what they say, their links lead somewhere, and the table of
//! contents is whole.

#[path = "common/shape.rs"]
mod shape;

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use shape::shape;

/// A line after `$`, and what the page shows below it.
struct Shown {
    command: String,
    output: Vec<String>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The front page, as seen from the book's folder.
const FRONT: &str = "../README.md";

fn pages() -> Vec<(String, String)> {
    let mut pages = Vec::new();
    for entry in fs::read_dir(root().join("docs")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "md") {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            pages.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
    assert!(pages.len() > 5, "the book has pages");
    pages.push((
        FRONT.to_owned(),
        fs::read_to_string(root().join("README.md")).unwrap(),
    ));
    pages.sort();
    pages
}

/// The blocks of one language, without their fences.
fn blocks<'a>(page: &'a str, language: &str) -> Vec<Vec<&'a str>> {
    let mut blocks = Vec::new();
    let mut open: Option<(bool, Vec<&str>)> = None;
    for line in page.lines() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(fence), None) => open = Some((fence == language, Vec::new())),
            (Some(_), Some(_)) => {
                let (wanted, lines) = open.take().unwrap();
                if wanted {
                    blocks.push(lines);
                }
            }
            (None, Some((_, lines))) => lines.push(line),
            (None, None) => {}
        }
    }
    blocks
}

fn shown(block: &[&str]) -> Vec<Shown> {
    let mut all: Vec<Shown> = Vec::new();
    for line in block {
        match (line.strip_prefix("$ "), all.last_mut()) {
            (Some(command), _) => all.push(Shown {
                // A comment says what the command is for.
                command: command.to_owned(),
                output: Vec::new(),
            }),
            (None, Some(last)) => last.output.push((*line).to_owned()),
            (None, None) => panic!("a block of commands begins with one: {line}"),
        }
    }
    all
}

/// Whether what a page shows is what was printed. `…` stands for any number of lines, and any number for any other.
fn is_shown(page: &[String], printed: &str) -> Result<(), String> {
    let mut printed = printed.lines().map(shape).peekable();
    let mut skips = false;
    for line in page {
        if line.trim() == "…" {
            skips = true;
            continue;
        }
        let wanted = shape(line);
        let found = match skips {
            true => printed.any(|line| line == wanted),
            false => printed.next().as_ref() == Some(&wanted),
        };
        if !found {
            return Err(line.clone());
        }
        skips = false;
    }
    match printed.next() {
        Some(rest) if !skips && !page.is_empty() => Err(format!("(not shown) {rest}")),
        _ => Ok(()),
    }
}

#[test]
fn what_a_page_shows_is_compared() {
    let page = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    assert!(is_shown(&page("ran 12\nend"), "ran 7\nend\n").is_ok());
    assert!(is_shown(&page("…\nend"), "ran 7\nend\n").is_ok());
    assert!(is_shown(&page("ran 12\n…"), "ran 7\nend\n").is_ok());
    assert!(is_shown(&page("ran 12"), "ran 7\nend\n").is_err());
    assert!(is_shown(&page("ran 12\nstop"), "ran 7\nend\n").is_err());
    assert!(is_shown(&page("…\nstop"), "ran 7\nend\n").is_err());
}

struct Background(Child);

impl Drop for Background {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.0.kill();
        self.0.wait().unwrap();
    }
}

fn bash(line: &str, background: Option<&Background>) -> Command {
    let line = match line {
        "cargo run" => "\"$WAKEPROOF\"".to_owned(),
        _ => line.replace("cargo run -- ", "\"$WAKEPROOF\" "),
    };
    let pid = background.map_or(String::new(), |b| b.0.id().to_string());
    let mut bash = Command::new("bash");
    bash.args(["-o", "pipefail", "-c", &line.replace("$!", &pid)])
        .env("WAKEPROOF", env!("CARGO_BIN_EXE_wakeproof"))
        .env("COLUMNS", "80")
        .current_dir(root())
        .stdin(Stdio::null());
    bash
}

/// Whether Python is there, if a command needs it. In CI it must be.
fn can_run(command: &str) -> bool {
    let tools = [("python3", "python3"), ("record_system_calls.py", "strace")];
    tools.iter().all(|(word, tool)| {
        let there = || Command::new(tool).arg("--version").output().is_ok();
        let can = !command.contains(word) || there();
        if !can {
            assert!(
                std::env::var_os("ASLEEP_REQUIRE_ALL").is_none(),
                "{tool} is missing"
            );
            eprintln!("SKIPPED, since {tool} is missing: {command}");
        }
        can
    })
}

/// The lines of `.ci/run` that run our command, and the tests that do: what is run there need not be run here again.
fn run_elsewhere(command: &str) -> bool {
    let ci = fs::read_to_string(root().join(".ci/run")).unwrap();
    let in_ci = ci.lines().any(|line| {
        let line = line.strip_prefix("step ").unwrap_or(line);
        line.replace(" --locked", "") == command
    });
    in_ci
        // The gate does so for several loops, once it has installed them.
        || command.contains("record_system_calls.py") && ci.contains("record_system_calls.py")
        // `conform/recorders/check.py` does so, in the gate.
        || command.contains("target/design.jsonl") && ci.contains("recorders/check.py")
        // Another test reads every cell.
        || command == "cargo run -- matrix"
        // `cargo test` runs all tests, so also those of one package.
        || command.starts_with("cargo test ")
        // Measurements, which are made by hand on a machine with nothing else to do.
        || command.starts_with("cargo run --release ")
}

#[test]
fn the_commands_of_the_book_print_what_it_shows() {
    let mut ran = 0;
    for (name, page) in pages() {
        for block in blocks(&page, "console") {
            let mut background: Option<Background> = None;
            for Shown { command, output } in shown(&block) {
                let compared = output.iter().any(|line| line.trim() != "…");
                if !compared && run_elsewhere(&command) || !can_run(&command) {
                    continue;
                }
                if let Some(command) = command.strip_suffix(" &") {
                    let mut child = bash(&format!("exec {command}"), None)
                        .stdout(Stdio::piped())
                        .spawn()
                        .unwrap();
                    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
                    background = Some(Background(child));
                    for (wanted, line) in output.iter().zip(lines) {
                        assert_eq!(&line.unwrap(), wanted, "docs/{name}: {command}");
                    }
                    if let Some(child) = &background {
                        wakeproof_asleep::until(&child.0, std::time::Duration::from_secs(60))
                            .unwrap();
                    }
                    continue;
                }
                let result = bash(&command, background.as_ref()).output().unwrap();
                let printed = String::from_utf8(result.stdout).unwrap();
                let status = result.status.code();
                let refused = command.contains("broken");
                assert_eq!(
                    status,
                    Some(i32::from(refused)),
                    "docs/{name}: {command}\n{printed}\n{}",
                    String::from_utf8_lossy(&result.stderr)
                );
                if let Err(line) = is_shown(&output, &printed) {
                    panic!("docs/{name}: {command}\nnot printed: {line}\nbut:\n{printed}");
                }
                ran += 1;
            }
        }
    }
    assert!(ran > 5, "only {ran} commands were run");
}

/// The programs in Python: the one that hangs is seen asleep for good, and the others end.
#[cfg(target_os = "linux")]
#[test]
fn the_programs_in_python_do_what_the_book_says() {
    if !can_run("python3") {
        return;
    }
    let [front, question] = ["README.md", "docs/question.md"]
        .map(|page| fs::read_to_string(root().join(page)).unwrap());
    let programs = [blocks(&front, "python"), blocks(&question, "python")].concat();
    let [front, hangs, ends] = &programs[..] else {
        panic!("{} programs", programs.len());
    };
    let python = |program: &[&str]| {
        let mut python = Command::new("python3");
        python.args(["-c", &program.join("\n")]);
        python
    };
    let output = python(ends).output().unwrap();
    assert_eq!(output.stdout, b"the event was set\n");

    // Until the timer's thread has set the event and is gone, the process is not asleep for good.
    for hangs in [front, hangs] {
        let child = Background(python(hangs).stdout(Stdio::piped()).spawn().unwrap());
        wakeproof_asleep::until(&child.0, std::time::Duration::from_secs(60)).unwrap();
    }
    // The repair is a change of one line.
    let repair = "    threading.Timer(0.5, loop.call_soon_threadsafe, [event.set]).start()";
    let repaired = front.iter().map(|line| {
        let is_faulty = line.contains("threading.Timer");
        if is_faulty {
            "    loop = asyncio.get_running_loop()\n".to_owned() + repair
        } else {
            (*line).to_owned()
        }
    });
    let repaired: Vec<String> = repaired.collect();
    let repaired: Vec<&str> = repaired.iter().map(String::as_str).collect();
    let output = python(&repaired).output().unwrap();
    assert_eq!(output.stdout, b"the event was set\n");
}

#[test]
fn every_page_is_in_the_table_of_contents_and_every_link_leads_somewhere() {
    let docs = root().join("docs");
    let mut linked = BTreeSet::new();
    for (name, page) in pages() {
        for target in page.split("](").skip(1) {
            let target = target.split(')').next().unwrap();
            if target.starts_with("https://") {
                continue;
            }
            let (file, _) = target.split_once('#').unwrap_or((target, ""));
            assert!(docs.join(file).exists(), "docs/{name}: {target}");
            if name == "SUMMARY.md" {
                linked.insert(file.to_owned());
            }
        }
    }
    for (name, _) in pages() {
        assert!(
            name == "SUMMARY.md" || name == FRONT || linked.contains(&name),
            "docs/SUMMARY.md lacks {name}"
        );
    }
}

/// The places of the references at the end of a text, each as `[name]: place`.
fn references(text: &str) -> Vec<(String, String)> {
    let lines = text.lines().map(|line| line.trim_start_matches("//! "));
    let references = lines.filter_map(|line| {
        let (name, place) = line.strip_prefix('[')?.split_once("]: ")?;
        Some((name.to_owned(), place.to_owned()))
    });
    references.collect()
}

/// README.md is also the front page of the library's documentation, whose links are references with other places.
#[test]
fn the_links_of_the_front_page_work_in_the_repository_and_in_the_documentation() {
    let page = fs::read_to_string(root().join("README.md")).unwrap();
    let library = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let (here, there) = (references(&page), references(&library));
    let names = |references: &[(String, String)]| {
        let names = references.iter().map(|(name, _)| name.clone());
        names.collect::<Vec<_>>()
    };
    assert_eq!(names(&here), names(&there));
    for (name, place) in &here {
        assert!(
            page.contains(&format!("][{name}]")),
            "nothing refers to {name}"
        );
        assert!(root().join(place).exists(), "README.md: {place}");
    }
    for (_, place) in &there {
        // As seen from target/doc/wakeproof. What is an item, rustdoc finds.
        match place.strip_prefix("../../../") {
            Some(place) => assert!(root().join(place).exists(), "src/lib.rs: {place}"),
            None => assert!(place.starts_with("crate::"), "src/lib.rs: {place}"),
        }
    }
    assert!(
        !page.contains("]("),
        "a link that is no reference is dead in the documentation"
    );
    assert!(!page.contains("```mermaid"), "rustdoc draws no diagram");
    assert!(
        page.lines().count() <= 200,
        "{} lines",
        page.lines().count()
    );
}
