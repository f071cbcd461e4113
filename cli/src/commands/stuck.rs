//! Whether a process that hangs can still go on by itself.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::ValueEnum;
use indicatif::ProgressBar;
use wakeproof_asleep::{Error, Report, Verdict as Found, holders, look};

use crate::diagnosis::Diagnosis;
use crate::help;
use crate::report::{self, Verdict, grouped, print_json};
use crate::screen;

const EXAMPLES: &str = "\
Examples:
  wakeproof stuck 4321                  looks at process 4321, twice within a millisecond
  wakeproof stuck $(pgrep -n python3)   at the Python that started last
  sudo wakeproof stuck 4321             at somebody else's process
  wakeproof stuck 4321 --watch          looks again and again until something changes
  wakeproof stuck 4321 --format json    for a program";

const MEANS: &str = "0 if the process is asleep for good unless the outside acts, 1 if it is not,\n2 if that cannot be told or seen.";

#[derive(Debug, clap::Args)]
#[command(after_help = help::below(EXAMPLES, MEANS))]
pub(crate) struct Args {
    /// The process's id.
    #[arg(value_parser = clap::value_parser!(i32).range(1..))]
    pid: i32,
    /// Looks again until the verdict changes, a sleeping thread has run, or the process has ended.
    #[arg(long)]
    watch: bool,
    /// How long to wait between two looks of --watch.
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = humantime::parse_duration)]
    every: Duration,
    /// How to print it.
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

pub(crate) fn run(args: &Args) -> anyhow::Result<Verdict> {
    let first = look(args.pid)?;
    if !args.watch {
        return show(args, diagnosis(first, 1));
    }
    watch(args, first)
}

/// Every report is two looks; a thread that has not run between two reports has slept through both.
fn diagnosis(report: Report, reports: u64) -> Diagnosis {
    let looks: BTreeMap<i32, u64> = report
        .threads
        .iter()
        .map(|thread| (thread.tid, 2 * reports))
        .collect();
    let mut holders = holders(&report);
    // Inherited from the shell, and of no interest.
    holders.retain(|holder| holder.pid != std::process::id().cast_signed());
    Diagnosis {
        holders,
        looks,
        report,
    }
}

fn show(args: &Args, diagnosis: Diagnosis) -> anyhow::Result<Verdict> {
    match args.format {
        Format::Json => print_json("stuck/1", &diagnosis)?,
        Format::Text => write!(report::out(), "{}", diagnosis.text())?,
    }
    Ok(match diagnosis.report.verdict {
        Found::AsleepForGood => Verdict::AsExpected,
        Found::AsleepUntil { .. } | Found::NotAsleep => Verdict::NotAsExpected,
        _ => Verdict::Undecided,
    })
}

fn watch(args: &Args, first: Report) -> anyhow::Result<Verdict> {
    let (interrupt, interrupted) = mpsc::channel();
    // Nobody listens any more if the command is about to end anyway.
    ctrlc::set_handler(move || {
        let _ = interrupt.send(());
    })
    .context("Ctrl-C cannot be caught")?;
    if args.format == Format::Text {
        show(args, diagnosis(first.clone(), 1))?;
    }
    let progress = progress();
    let start = Instant::now();
    let mut last = first.clone();
    let mut reports = 1_u64;
    loop {
        progress.set_message(format!(
            "unchanged in {} looks, {} seconds; Ctrl-C ends this",
            grouped(2 * reports),
            start.elapsed().as_secs()
        ));
        match interrupted.recv_timeout(args.every) {
            Err(RecvTimeoutError::Timeout) => {}
            _ => {
                progress.finish_and_clear();
                if args.format == Format::Json {
                    show(args, diagnosis(last, reports))?;
                } else {
                    say(
                        args,
                        &format!("Unchanged in {} looks.", grouped(2 * reports)),
                    )?;
                }
                return Ok(Verdict::Interrupted);
            }
        }
        let now = match look(args.pid) {
            Ok(now) => now,
            Err(
                error @ (Error::Ended { .. } | Error::NoSuchProcess { .. } | Error::Zombie { .. }),
            ) => {
                progress.finish_and_clear();
                say(
                    args,
                    &format!("After {} looks: {error}.", grouped(2 * reports)),
                )?;
                return Ok(Verdict::NotAsExpected);
            }
            Err(error) => return Err(error.into()),
        };
        if let Some(change) = change(&last, &now) {
            progress.finish_and_clear();
            say(
                args,
                &format!("\nAfter {} looks: {change}.\n", grouped(2 * reports)),
            )?;
            return show(args, diagnosis(now, 1));
        }
        reports += 1;
        last = now;
    }
}

/// What is new, if anything. Of a process that was awake all that counts is that it no longer is.
fn change(last: &Report, now: &Report) -> Option<String> {
    if kind(last.verdict) != kind(now.verdict) {
        return Some("another verdict".into());
    }
    if last.verdict == Found::NotAsleep {
        return None;
    }
    let before: BTreeMap<i32, u64> = last.threads.iter().map(|t| (t.tid, t.times_run)).collect();
    if before.len() != now.threads.len() {
        return Some("a thread has begun or ended".into());
    }
    now.threads
        .iter()
        .find(|thread| before.get(&thread.tid) != Some(&thread.times_run))
        .map(|thread| format!("thread {} ({}) has run", thread.tid, thread.name))
}

fn kind(verdict: Found) -> std::mem::Discriminant<Found> {
    std::mem::discriminant(&verdict)
}

/// A line for people. A program gets the document alone.
fn say(args: &Args, line: &str) -> anyhow::Result<()> {
    if args.format == Format::Text {
        writeln!(report::out(), "{line}")?;
    }
    Ok(())
}

/// On a terminal only.
fn progress() -> ProgressBar {
    if std::io::stderr().is_terminal() {
        screen::spinner("")
    } else {
        ProgressBar::hidden()
    }
}
