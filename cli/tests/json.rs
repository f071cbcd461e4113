//! The documents that the command prints for programs are those that `docs/json.md` describes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

const PAGE: &str = include_str!("../../docs/json.md");

/// The keys of each shape in the table: those that are always there, and those that may be.
fn described() -> BTreeMap<String, [BTreeSet<String>; 2]> {
    let rows = PAGE.lines().filter(|line| {
        let shape = line
            .strip_prefix("| `")
            .and_then(|row| row.split('`').next());
        shape.is_some_and(is_shape)
    });
    let rows = rows.map(|row| {
        let mut cells = row.trim_matches('|').split(" | ");
        let shape = cells
            .next()
            .expect("a shape")
            .trim()
            .trim_matches('`')
            .to_owned();
        let keys = cells.nth(1).expect("keys");
        let named = |is_optional: bool| {
            let keys = keys.split(", ").map(str::trim);
            let keys = keys.filter(|key| key.starts_with('[') == is_optional);
            keys.map(|key| key.trim_matches(['[', ']', '`', ' ']).to_owned())
                .collect()
        };
        (shape, [named(false), named(true)])
    });
    rows.collect()
}

fn document(arguments: &[&str]) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_wakeproof"))
        .args(arguments)
        .args(["--format", "json"])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        // What is for programs does not depend on who looks.
        .env("LC_ALL", "C")
        .env("COLUMNS", "40")
        .output()
        .expect("it runs");
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{arguments:?}: {error}: {output:?}"))
}

#[test]
fn documents_have_the_keys_that_are_described() {
    let described = described();
    assert!(described.len() > 15, "{described:#?}");
    let commands: [(&[&str], &str); 15] = [
        (&["--quick"], "overview/1"),
        (&["demo", "--after", "1ms"], "demo/1"),
        (&["trace", "no-notify"], "trace/1"),
        (&["check", "--histories", "3", "--programs", "3"], "check/1"),
        (&["probe", "--list"], "probe-list/1"),
        (&["conform", "--model", "timed"], "conform/1"),
        (
            &["conform", "--trace", "spec/examples/condition.jsonl"],
            "conform-steps/1",
        ),
        (
            &["conform", "--trace", "spec/examples/asyncio.jsonl"],
            "conform-trace/1",
        ),
        (&["explore", "--threads", "1"], "explore/1"),
        (
            &["explore", "--threads", "1", "--without-wakeup"],
            "explore/1",
        ),
        (&["explore", "--executions", "3"], "explore/1"),
        (
            &["explore", "--checker", "random", "--executions", "3"],
            "explore/1",
        ),
        (&["explore", "--examples"], "explore-examples/1"),
        (&["spec", "--model", "LostWakeup"], "spec/1"),
        (
            &["spec", "--model", "LostWakeupUnsafe", "--trace"],
            "spec/1",
        ),
    ];
    // The adapters of other languages are built later, if at all.
    let probe: (&[&str], &str) = (
        &["probe", "--python", "asyncio:SelectorEventLoop"],
        "probe/1",
    );
    let python = Command::new("python3").arg("--version").output().is_ok();
    assert!(
        python || std::env::var_os("ASLEEP_REQUIRE_ALL").is_none(),
        "python3 is missing"
    );
    let probe = (python && cfg!(target_os = "linux")).then_some(probe);
    for (arguments, shape) in commands.into_iter().chain(probe) {
        let document = document(arguments);
        let mut keys: BTreeSet<String> = document
            .as_object()
            .expect("an object")
            .keys()
            .cloned()
            .collect();
        assert_eq!(document["shape"], shape, "{arguments:?}");
        keys.remove("shape");
        let [always, sometimes] = &described[shape];
        assert!(
            keys.is_superset(always),
            "{arguments:?}: not there: {:?}",
            always - &keys
        );
        let unknown = &(&keys - always) - sometimes;
        assert!(
            unknown.is_empty(),
            "{arguments:?}: not described: {unknown:?}"
        );
    }
}

/// A name and a version.
fn is_shape(text: &str) -> bool {
    let parts = text.split_once('/');
    parts.is_some_and(|(name, version)| {
        let is_name = |letter: char| letter.is_ascii_lowercase() || letter == '-';
        !name.is_empty() && name.chars().all(is_name) && version.parse::<u32>().is_ok()
    })
}

/// Every shape that the source prints has its row.
#[test]
fn every_shape_is_described() {
    fn sources(folder: &Path, shapes: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                sources(&path, shapes);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("a source");
                let literals = text.split('"');
                shapes.extend(literals.filter(|text| is_shape(text)).map(str::to_owned));
            }
        }
    }
    let mut printed = BTreeSet::new();
    sources(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
        &mut printed,
    );
    assert!(printed.len() > 15, "{printed:?}");
    let described: BTreeSet<String> = described().into_keys().collect();
    assert_eq!(described, printed);
}
