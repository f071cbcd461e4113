//! A bug of the gallery: found anew, and drawn.

use std::io::{self, Write};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::anyhow;
use comfy_table::Cell;
use serde::Serialize;
use wakeproof_explore::suite::Expected;
use wakeproof_explore::trace::Trace;
use wakeproof_explore::{Exploration, Progress, Story, Verdict as Said};
use wakeproof_in_the_wild::{Report, report, reports};

use crate::interrupt;
use crate::report::{self as shown, Format, Verdict, new_table, print_json, print_table};
use crate::screen;

/// Lists all.
pub(super) fn list(format: Format) -> anyhow::Result<Verdict> {
    let reports = reports();
    let entries: Vec<Entry> = reports.iter().map(Entry::of).collect();
    match format {
        Format::Json => print_json("explore-examples/1", &List { examples: &entries })?,
        Format::Table => {
            let mut table = new_table(&["name", "reported in", "what goes wrong"]);
            for entry in &entries {
                let cells = [entry.name, &entry.reported_in, entry.wrong].map(Cell::new);
                table.add_row(cells);
            }
            print_table(&table)?;
        }
    }
    Ok(Verdict::AsExpected)
}

/// Finds the one of that name, or its repair right.
pub(super) fn show(name: &str, is_repaired: bool, format: Format) -> anyhow::Result<Verdict> {
    let how = "wakeproof explore --examples lists them";
    if name.is_empty() {
        return Err(anyhow!("--example needs the name of one: {how}"));
    }
    let found = report(name);
    let report = found.ok_or_else(|| anyhow!("there is no example {name:?}: {how}"))?;
    let story = search(&report, is_repaired)?;
    let as_expected = is_as_expected(&report, &story, is_repaired);
    let trace = story.trace.as_ref();
    match format {
        Format::Json => print_json(
            "explore-example/1",
            &Shown {
                entry: Entry::of(&report),
                words: report.words(),
                is_repaired,
                exploration: &story.exploration,
                said: story.exploration.to_string(),
                searches: story.searches.iter().map(Searched::of).collect(),
                replay_by: story.replay.as_deref(),
                counterexample: trace,
                as_expected,
            },
        )?,
        Format::Table => print(&report, &story, is_repaired)?,
    }
    Ok(as_expected.into())
}

fn search(report: &Report, is_repaired: bool) -> anyhow::Result<Story> {
    let progress = Arc::<Progress>::default();
    interrupt::ends(&progress);
    let explorer = if is_repaired {
        report.repair()
    } else {
        report.fault()
    };
    let explorer = explorer.progress(progress);
    let search = thread::spawn(move || explorer.run());
    let spinner = screen::spinner(format!("{}: searching", report.name));
    while !search.is_finished() {
        thread::park_timeout(Duration::from_millis(50));
    }
    spinner.finish_and_clear();
    let story = search
        .join()
        .unwrap_or_else(|payload| std::panic::resume_unwind(payload));
    Ok(story?)
}

/// The fault is to be found; of its repair, nothing, and it is to be proved if a checker can.
fn is_as_expected(report: &Report, story: &Story, is_repaired: bool) -> bool {
    match &story.exploration.verdict {
        Said::Found(_) => !is_repaired,
        Said::Proved(_) => is_repaired,
        Said::NotProved(_) => is_repaired && !report.of_repair.contains(&Expected::Proved),
        Said::CannotJudge(_) => false,
    }
}

fn print(report: &Report, story: &Story, is_repaired: bool) -> io::Result<()> {
    let mut out = shown::out();
    for paragraph in report.words().split("\n\n") {
        writeln!(out, "{}\n", screen::wrap(&paragraph.replace('\n', " ")))?;
    }
    match &story.trace {
        Some(trace) => writeln!(out, "{}", trace.to_page(&crate::screen::page()))?,
        None => writeln!(out, "{story}")?,
    }
    if let Some(replay) = &story.replay {
        let repaired = if is_repaired { " --repaired" } else { "" };
        let name = report.name;
        writeln!(
            out,
            "Replay: {replay} wakeproof explore --example {name}{repaired}"
        )?;
    }
    Ok(())
}

#[derive(Serialize)]
struct List<'a> {
    examples: &'a [Entry],
}

#[derive(Serialize)]
struct Entry {
    name: &'static str,
    reported_in: String,
    primitive: &'static str,
    wrong: &'static str,
    repair: &'static str,
}

impl Entry {
    fn of(report: &Report) -> Self {
        Entry {
            name: report.name,
            reported_in: report.cited(),
            primitive: report.primitive,
            wrong: report.wrong,
            repair: report.of_repair(),
        }
    }
}

#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    entry: Entry,
    words: String,
    is_repaired: bool,
    #[serde(flatten)]
    exploration: &'a Exploration,
    /// The same in words.
    said: String,
    searches: Vec<Searched<'a>>,
    /// What to put in front of the command to see the counterexample again.
    replay_by: Option<&'a str>,
    counterexample: Option<&'a Trace>,
    as_expected: bool,
}

#[derive(Serialize)]
struct Searched<'a> {
    how: &'a str,
    said: String,
    executions: u64,
    seconds: f64,
}

impl<'a> Searched<'a> {
    fn of((how, explored): &'a (String, Exploration)) -> Self {
        Searched {
            how,
            said: explored.to_string(),
            executions: explored.executions,
            seconds: explored.time.as_secs_f64(),
        }
    }
}
