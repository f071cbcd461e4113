//! The main job: every check, in one table.

use std::io::Write;
use std::time::Duration;

use indicatif::ProgressBar;

use crate::report::{self, Format, Row, Verdict};
use crate::specification::SpecDir;
use crate::{rows, threads};

/// A name, and a function that takes a while and returns rows of the table.
type Check = (&'static str, fn() -> anyhow::Result<Vec<Row>>);

const CHECKS: [Check; 5] = [
    ("real threads", || Ok(threads::rows())),
    ("loom and shuttle", rows::explored),
    ("the specification", rows::specified),
    ("code and specification", rows::followed),
    ("the proofs", rows::proved),
];

pub(crate) fn run(format: Format, spec_dir: &SpecDir) -> anyhow::Result<Verdict> {
    spec_dir.choose();
    let mut rows = Vec::new();
    for (name, check) in CHECKS {
        let progress = ProgressBar::new_spinner().with_message(format!("checking: {name}"));
        progress.enable_steady_tick(Duration::from_millis(100));
        let found = check();
        progress.finish_and_clear();
        rows.extend(found?);
    }
    let verdict = report::print(&rows, format)?;
    if format == Format::Table {
        writeln!(report::out(), "{}", conclusion(verdict))?;
    }
    Ok(verdict)
}

fn conclusion(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::AsExpected => {
            "As expected: without the wakeup a callback can wait for ever; with it, none does."
        }
        _ => "NOT as expected: look for ✗ in the table.",
    }
}
