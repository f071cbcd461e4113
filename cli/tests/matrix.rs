//! Checks every cell of the matrix, except those of real threads.

mod common;

use std::fmt::Write;

use common::wakeproof;
use serde_json::Value;

/// One letter for each checker except real threads, in the order of the columns: `f` found, `p` proved
/// correct, `c` nothing found in what was tried, `-` cannot see it.
const EXPECTED: &str = "\
correct                     ppcccc
no-notify                   ffffff
notify-without-lock         fffff-
notify-before-enqueue       ffffff
check-outside-lock          ffffff
believes-the-spin           ffffff
stale-asleep-flag           ffffff
if-instead-of-while         ffffff
clear-after-drain           fffff-
notify-only-when-empty      -ffff-
silent-stop                 ffffff
silent-timer                ffffff
stale-deadline              fffff-
accept-after-close          ffffff
wrong-sleeper               fffff-
timeout-means-nothing-to-do fffff-
two-queues                  fffff-
panic-loses-batch           fffff-
relaxed-flag                -f----
relaxed-done                -f----
asyncio-no-byte             fffff-
asyncio-byte-first          fffff-
asyncio-read-after-look     fffff-
asyncio-torn-append         -ffff-
asyncio-blocking-write      -ffff-
asyncio-silent-stop         -ffff-
";

#[test]
fn every_fault_is_found_where_it_can_be_seen() {
    let (status, matrix, complaint) = wakeproof("matrix", &["--format", "json"]);
    assert_eq!(status, Some(0), "{complaint}\n{matrix}");
    let matrix: Value = serde_json::from_str(&matrix).expect("JSON");
    let list = |value: &Value| value.as_array().expect("a list").clone();
    let mut found = String::new();
    for row in list(&matrix["rows"]) {
        let letters: String = list(&row["cells"])
            .iter()
            .filter(|cell| cell["checker"] != "threads")
            .map(|cell| {
                let result = &cell["result"];
                match result["is"].as_str().expect("a word") {
                    "found" | "falsified" => 'f',
                    "proved" => 'p',
                    "not-proved" => 'c',
                    "cannot-judge" => '-',
                    other => panic!("{other}"),
                }
            })
            .collect();
        let name = row["name"].as_str().expect("a name");
        writeln!(found, "{name:27} {letters}").expect("a string takes everything");
    }
    assert_eq!(found, EXPECTED);
    let differ: Vec<Value> = list(&matrix["two_loops"])
        .into_iter()
        .filter(|row| row["on_asyncio"]["is"] == "found")
        .map(|row| row["model"].clone())
        .collect();
    assert_eq!(differ, ["close races with submit"]);
    assert_eq!(matrix["as_expected"], true);
}
