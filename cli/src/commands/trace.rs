//! `wakeproof trace`: draws a counterexample.

use std::io::Write;

use crate::counterexample;
use crate::help;
use crate::interrupt;
use crate::report::{self, Verdict, print_json};
use crate::screen;
use crate::specification::SpecDir;
use clap::ValueEnum;
use wakeproof_explore::{Limits, Schedule};
use wakeproof_model_tests::faults::{self, Checker};

const EXAMPLES: &str = "\
Examples:
  wakeproof trace no-notify                          the unsafe call, and how its wakeup is lost
  wakeproof trace relaxed-flag --checker loom        what only loom can see
  wakeproof trace clear-after-drain --format mermaid a diagram for markdown
  wakeproof trace silent-stop --format svg > stop.svg
  wakeproof trace no-notify --schedule 0x5,2x2       replays a schedule that was found before

wakeproof matrix has the names of the faults.";

const MEANS: &str = "0 if a counterexample was found, 1 if the search found none.";

#[derive(Debug, clap::Args)]
#[command(after_help = help::below(EXAMPLES, MEANS))]
pub(crate) struct Args {
    /// The fault's name, such as no-notify.
    fault: String,
    /// Which checker looks for it. The default is shuttle, or loom if shuttle cannot see the fault.
    #[arg(long, value_enum)]
    checker: Option<TraceChecker>,
    #[command(flatten)]
    spec_dir: SpecDir,
    /// How to draw it.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Replays these choices of shuttle's scheduler instead of searching.
    #[arg(long, value_name = "CHOICES", conflicts_with = "checker")]
    schedule: Option<Schedule>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum TraceChecker {
    /// The first execution in the C11 memory model that fails with the fewest preemptions.
    Loom,
    /// The shortest schedule that fails.
    Shuttle,
    /// The specification.
    Tla,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Lanes, for a terminal.
    Text,
    /// A sequence diagram, for markdown.
    Mermaid,
    /// A picture in one file.
    Svg,
    /// One JSON document.
    Json,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Verdict> {
    args.spec_dir.choose();
    let fault = faults::find(&args.fault)?;
    let trace = match &args.schedule {
        Some(schedule) => {
            let replayed = fault.faulty.replay(schedule)?;
            counterexample::told(
                &fault,
                replayed,
                "shuttle: a schedule replayed",
                &Limits::default(),
            )?
        }
        None => {
            let checker = match args.checker {
                Some(TraceChecker::Loom) => Checker::Loom,
                Some(TraceChecker::Shuttle) => Checker::ShuttleDepthFirst,
                Some(TraceChecker::Tla) => Checker::Tla,
                None if fault.blindness(Checker::ShuttleDepthFirst).is_some() => Checker::Loom,
                None => Checker::ShuttleDepthFirst,
            };
            let limits = Limits {
                executions: Some(100_000),
                ..Limits::default()
            };
            interrupt::ends(&limits.progress);
            let Some(found) = counterexample::find(&fault, checker, &limits)? else {
                let name = fault.name;
                let sentence =
                    format!("NOT as expected: {checker} finds nothing wrong with {name}.");
                writeln!(report::out(), "{}", screen::wrap(&sentence))?;
                return Ok(Verdict::NotAsExpected);
            };
            found
        }
    };
    let mut out = report::out();
    match args.format {
        Format::Text => {
            write!(out, "{}", trace.to_page(&crate::screen::page()))?;
            if let Some(schedule) = &trace.schedule {
                let replay = format!("wakeproof trace {} --schedule={schedule}", fault.name);
                writeln!(out, "\n{}", screen::command("Replay: ", &replay))?;
            }
        }
        Format::Mermaid => write!(screen::verbatim(), "{}", trace.to_mermaid())?,
        Format::Svg => write!(screen::verbatim(), "{}", trace.to_svg())?,
        Format::Json => print_json("trace/1", &trace)?,
    }
    Ok(Verdict::AsExpected)
}
