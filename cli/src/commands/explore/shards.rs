//! One search in several processes.

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use serde::{Deserialize, Serialize};
use wakeproof_explore::{Exploration, Limits, Shard, ShardReport, merge as merged};
use wakeproof_faults::InboxFault;

use super::{Args, is_as_expected, watched};
use crate::interrupt;
use crate::report::{self, Format, Verdict, print_json};

/// What a shard prints.
const SHARD: &str = "explore-shard/1";

/// The program, to the letter: shards of different ones do not merge.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Program {
    threads: u16,
    callbacks: u16,
    fault: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Document {
    /// In words.
    said: String,
    #[serde(flatten)]
    report: ShardReport,
}

#[derive(Serialize)]
struct Merged {
    threads: u16,
    callbacks: u16,
    fault: Option<String>,
    shards: usize,
    #[serde(flatten)]
    exploration: Exploration,
    /// The same in words.
    said: String,
    as_expected: bool,
}

/// Searches one shard, and prints what [`merge`] reads, whatever the format.
pub(super) fn search(args: &Args, shard: Shard) -> anyhow::Result<Verdict> {
    let Some(search) = args.search() else {
        bail!(
            "loom's search cannot be divided into shards: add --checker shuttle, random, pct or walk, \
             or divide the bounds, such as --threads, among processes"
        );
    };
    let program = serde_json::to_string(&Program {
        threads: args.threads,
        callbacks: args.callbacks,
        fault: args.wrong().map(|fault| fault.name().to_owned()),
    })?;
    let limits = Limits {
        executions: args.executions,
        processors: Some(args.processors()),
        shard: Some(shard),
        ..Limits::default()
    };
    interrupt::ends(&limits.progress);
    let submissions = args.submissions();
    let progress = limits.progress.clone();
    let report = watched(&progress, move || {
        submissions.search_shard(&program, search, &limits)
    });
    let document = Document {
        said: report.exploration().to_string(),
        report,
    };
    print_json(SHARD, &document)?;
    // What it is worth, all of them say together.
    Ok(Verdict::AsExpected)
}

/// Prints the verdict of the whole.
pub(super) fn merge(files: &[PathBuf], format: Format) -> anyhow::Result<Verdict> {
    let reports = files.iter().map(|file| read(file));
    let reports: Vec<ShardReport> = reports.collect::<anyhow::Result<_>>()?;
    let exploration = merged(&reports)?;
    let program: Program =
        serde_json::from_str(reports[0].program()).context("the shards are of another command")?;
    let fault: Option<InboxFault> = match &program.fault {
        Some(name) => Some(
            name.parse()
                .map_err(|_| anyhow::anyhow!("the shards are of an unknown fault, {name:?}"))?,
        ),
        None => None,
    };
    let as_expected = is_as_expected(&exploration, fault);
    let Program {
        threads,
        callbacks,
        fault,
    } = program;
    let document = Merged {
        threads,
        callbacks,
        fault,
        shards: reports.len(),
        said: exploration.to_string(),
        exploration,
        as_expected,
    };
    match format {
        Format::Json => print_json("explore-merged/1", &document)?,
        Format::Table => {
            let mut out = report::out();
            let number = document.shards;
            let plural = if number == 1 { "shard" } else { "shards" };
            writeln!(out, "{} ({number} {plural})", document.said)?;
            if let Some(replay) = document
                .exploration
                .counterexample()
                .and_then(|found| found.schedule())
            {
                writeln!(out, "Replay: {}", command(&document, replay))?;
            }
        }
    }
    Ok(as_expected.into())
}

fn command(document: &Merged, schedule: &wakeproof_explore::Schedule) -> String {
    let Merged {
        threads, callbacks, ..
    } = document;
    let environment = document.exploration.verdict.scope().environment;
    let fault = document.fault.as_ref();
    let fault = fault.map_or(String::new(), |fault| format!(" --fault {fault}"));
    format!(
        "wakeproof explore --checker shuttle --threads {threads} --callbacks {callbacks} --spurious {} --timeouts {} \
         --overtakings {}{fault} --schedule={schedule}",
        environment.spurious_wakeups, environment.timeouts, environment.overtakings
    )
}

fn read(file: &Path) -> anyhow::Result<ShardReport> {
    #[derive(Deserialize)]
    struct Shaped {
        shape: String,
        #[serde(flatten)]
        rest: serde_json::Value,
    }
    // A device would never end.
    const MOST: u64 = 64 << 20;
    let name = format!("{:?}", file.display().to_string());
    let mut text = String::new();
    let opened = fs::File::open(file).with_context(|| name.clone())?;
    let length = io::BufReader::new(opened)
        .take(MOST)
        .read_to_string(&mut text);
    length.with_context(|| name.clone())?;
    let what = || format!("{name} is not what explore --shard prints");
    let shaped: Shaped = serde_json::from_str(&text).with_context(what)?;
    ensure!(
        shaped.shape == SHARD,
        "{name} is {:?}, and explore --merge reads {SHARD}",
        shaped.shape
    );
    let document: Document = serde_json::from_value(shaped.rest).with_context(what)?;
    Ok(document.report)
}
