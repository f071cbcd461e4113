//! Recorded executions, compared with the specification.

use std::fs::File;
use std::io::{self, BufReader, Write};
use std::path::PathBuf;
use std::time::Instant;

use anyhow::Context;
use clap::ValueEnum;
use serde::Serialize;
use wakeproof_model_tests::conform::recording::{self, Followed};
use wakeproof_model_tests::report::{Verdict, grouped, print_json};
use wakeproof_model_tests::spec::default_directory;

const EXAMPLES: &str = "\
Examples:
  wakeproof conform --trace spec/examples/condition.jsonl          accepted
  wakeproof conform --trace spec/examples/condition-broken.jsonl   refused, and why

The format is described in spec/README.md. Exit status: 0 if every step is one that
spec/CondvarLoop.tla allows, 1 if one is not, 2 if the file is no whole recording.";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// A recording of an execution, by any program in any language.
    #[arg(long, value_name = "FILE")]
    trace: PathBuf,
    /// How to print what came of it.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// One JSON document.
    Json,
}

#[derive(Debug, Serialize)]
struct Document {
    accepted: bool,
    steps: u64,
    seconds: f64,
    refused_at_line: Option<u64>,
    explanation: Option<String>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Verdict> {
    let file = args.trace.display();
    let input = File::open(&args.trace)
        .with_context(|| format!("{file}: cannot be read; is this the file's name?"))?;
    let start = Instant::now();
    let followed = recording::follow(&default_directory(), &args.trace, BufReader::new(input))?;
    let seconds = start.elapsed().as_secs_f64();
    let accepted = followed.refused.is_none();
    match args.format {
        Format::Text => {
            let steps = grouped(followed.steps);
            let mut out = io::stdout().lock();
            match &followed.refused {
                None => writeln!(
                    out,
                    "{file}: accepted: each of its {steps} steps is one that the specification allows"
                )?,
                Some((line, refusal)) => writeln!(
                    out,
                    "{file}:{line}: refused, after {steps} steps that the specification allows\n{}",
                    refusal.explanation
                )?,
            }
        }
        Format::Json => print_json(&document(followed, seconds))?,
    }
    Ok(accepted.into())
}

fn document(followed: Followed, seconds: f64) -> Document {
    let (refused_at_line, explanation) = followed
        .refused
        .map(|(line, refusal)| (line, refusal.explanation))
        .unzip();
    Document {
        accepted: refused_at_line.is_none(),
        steps: followed.steps,
        seconds,
        refused_at_line,
        explanation,
    }
}
