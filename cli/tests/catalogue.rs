//! The book's catalogue: a page for each fault, made from the catalogue itself and from what `trace` draws.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

#[path = "common/shape.rs"]
mod shape;

use shape::shape;
use wakeproof_faults::InboxFault;
use wakeproof_model_tests::faults::{Checker, Fault, catalogue};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(char::to_uppercase).unwrap();
    format!("{}{}.", first.collect::<String>(), letters.as_str())
}

/// What `trace` draws, 80 columns wide.
fn drawn(fault: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_wakeproof"))
        .args(["trace", fault])
        .env("COLUMNS", "80")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "trace {fault}");
    String::from_utf8(output.stdout).unwrap()
}

/// The fault's own code: the one step of the protocol that it overrides.
fn code(fault: &str) -> Option<String> {
    let fault = InboxFault::ALL.iter().find(|f| f.name() == fault)?;
    let ends = format!(" for {fault:?} {{");
    for file in fs::read_dir(root().join("faults/src")).unwrap() {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        let Some(at) = text.find(&ends) else { continue };
        let begins = text[..at].rfind("\nimpl").unwrap() + 1;
        let length = text[begins..].find("\n}\n").unwrap() + 3;
        return Some(text[begins..begins + length].to_owned());
    }
    panic!("no file of faults/src has an impl for {fault:?}");
}

fn checkers(fault: &Fault) -> String {
    if fault.blind.is_empty() {
        return "Every checker of the matrix can see it.\n".to_owned();
    }
    let mut text = "These cannot see it, and the matrix says so:\n\n".to_owned();
    for (checker, reason) in fault.blind {
        writeln!(text, "- {checker}: {reason}").unwrap();
    }
    text
}

fn page(fault: &Fault) -> String {
    let Fault {
        name,
        wrong,
        seen_in,
        breaks,
        ..
    } = fault;
    let mut page = format!("# {name}\n\n{}\n\n", sentence(wrong));
    writeln!(page, "- **Breaks the promise**: {breaks}").unwrap();
    writeln!(page, "- **Seen in**: {seen_in}").unwrap();
    if let Some(model) = fault.specified_as {
        writeln!(page, "- **In the specification**: the model `{model}`").unwrap();
    }
    if let Some(code) = code(name) {
        write!(
            page,
            "\n## The difference\n\nThe step that it overrides:\n\n```rust,ignore\n{code}```\n"
        )
        .unwrap();
    }
    let drawn = drawn(name);
    write!(
        page,
        "\n## Step by step\n\n```console\n$ cargo run -- trace {name}\n{drawn}```\n"
    )
    .unwrap();
    // Made when the book is built: see .ci/run.
    let stepped = format!("../report/index.html#fault-{name}");
    write!(
        page,
        "\nIn the built book, <a href=\"{stepped}\">step through it</a>: by clicks or keys, with the line of the source.\n"
    )
    .unwrap();
    write!(page, "\n## Who finds it\n\n{}", checkers(fault)).unwrap();
    page
}

fn index(faults: &[Fault]) -> String {
    let mut page = "# The catalogue of faults\n\n\
        Each is the smallest change to correct code that breaks a promise of the loop. `cargo run -- matrix` runs each \
        of\nthem against every checker. `cargo run -- report` makes a page on which each can be stepped through; in the \
        built book,\nit is <a href=\"report/index.html\">here</a>.\n\n\
        | fault | what goes wrong | seen in |\n|---|---|---|\n"
        .to_owned();
    for fault in faults {
        let Fault {
            name,
            wrong,
            seen_in,
            ..
        } = fault;
        writeln!(
            page,
            "| [{name}](catalogue/{name}.md) | {wrong} | {seen_in} |"
        )
        .unwrap();
    }
    write!(
        page,
        "\nThe checkers are {}.\n",
        Checker::ALL.map(|checker| checker.to_string()).join(", ")
    )
    .unwrap();
    page
}

/// Numbers are not compared: they are lines of our own sources, for example.
///
/// `WAKEPROOF_BLESS=1 cargo test -p wakeproof-cli --test catalogue` writes the pages anew.
#[test]
fn each_fault_has_a_page_with_its_drawing() {
    let docs = root().join("docs");
    let faults = catalogue();
    let mut pages = vec![("catalogue.md".to_owned(), index(&faults))];
    pages.extend(
        faults
            .iter()
            .map(|fault| (format!("catalogue/{}.md", fault.name), page(fault))),
    );
    if std::env::var_os("WAKEPROOF_BLESS").is_some() {
        fs::create_dir_all(docs.join("catalogue")).unwrap();
        for (name, text) in &pages {
            fs::write(docs.join(name), text).unwrap();
        }
    }
    let summary = fs::read_to_string(docs.join("SUMMARY.md")).unwrap();
    let mut expected = BTreeSet::new();
    for (name, text) in &pages {
        let written = fs::read_to_string(docs.join(name)).unwrap_or_default();
        assert!(
            shape(&written) == shape(text),
            "docs/{name} differs: write it with WAKEPROOF_BLESS=1. It should be:\n{text}"
        );
        assert!(
            summary.contains(&format!("({name})")),
            "docs/SUMMARY.md lacks {name}"
        );
        expected.insert(docs.join(name));
    }
    for entry in fs::read_dir(docs.join("catalogue")).unwrap() {
        let path = entry.unwrap().path();
        assert!(
            expected.contains(&path),
            "{} belongs to no fault",
            path.display()
        );
    }
}
