//! `wakeproof conform --trace`: another program's recording, judged.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read, Write};
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, bail};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use wakeproof_conform::judge::recording::{BLACK_BOX, Header};
use wakeproof_conform::judge::{Clause, Refusal, Verdict as Judged};
use wakeproof_conform::recording;

use crate::report::{self, Format, Verdict, grouped, print_json};
use crate::{screen, specification};

/// The name of standard input.
const STDIN: &str = "-";

/// Judges the recording in a file, or on standard input.
pub(crate) fn run(path: &Path, against: Option<&str>, format: Format) -> anyhow::Result<Verdict> {
    let (name, start) = (name(path), Instant::now());
    let (version, read) = Header::version_of(&mut open(path)?).with_context(|| name.clone())?;
    let (accepted, printed) = if version == u64::from(recording::VERSION) {
        if against.is_some() {
            bail!("{name}: a recording of version 1 is always held against CondvarLoop");
        }
        let input = from_the_beginning(path, read)?;
        let followed = recording::follow(&specification::directory()?, Path::new(&name), input)?;
        let seconds = start.elapsed().as_secs_f64();
        let accepted = followed.refused.is_none();
        (accepted, print_steps(&name, followed, seconds, format))
    } else {
        let progress = progress();
        let watched = progress.clone();
        let mut judge =
            specification::judge_of_designs()?.watching(move |line| watched.set_position(line));
        if let Some(module) = against {
            judge = judge.against(module);
        }
        let judged = if path == Path::new(STDIN) {
            judge.judge(from_the_beginning(path, read)?)
        } else {
            judge.judge_again(|| open(path))
        };
        progress.finish_and_clear();
        let judged = judged.with_context(|| name.clone())?;
        let seconds = start.elapsed().as_secs_f64();
        let accepted = judged.refusal.is_none();
        (accepted, print(&name, &judged, seconds, format))
    };
    match printed {
        // A refusal stays one, also if it cannot be printed.
        Err(error) if accepted => Err(error.into()),
        _ => Ok(accepted.into()),
    }
}

/// Shows on standard error which line has been judged, if that is a terminal.
fn progress() -> ProgressBar {
    let style = ProgressStyle::with_template("judging line {human_pos}");
    screen::spinner("").with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()))
}

fn name(path: &Path) -> String {
    if path == Path::new(STDIN) {
        "standard input".to_owned()
    } else {
        path.display().to_string()
    }
}

fn open(path: &Path) -> anyhow::Result<Box<dyn BufRead>> {
    if path == Path::new(STDIN) {
        return Ok(Box::new(io::stdin().lock()));
    }
    let file = File::open(path)
        .with_context(|| format!("{}: cannot be read; is this the file's name?", name(path)))?;
    Ok(Box::new(BufReader::new(file)))
}

/// What has been read of standard input is not read again.
fn from_the_beginning(path: &Path, read: Vec<u8>) -> anyhow::Result<Box<dyn BufRead>> {
    let rest = open(path)?;
    if path == Path::new(STDIN) {
        return Ok(Box::new(Cursor::new(read).chain(rest)));
    }
    Ok(rest)
}

/// What came of a recording of version 1.
fn print_steps(
    file: &str,
    followed: recording::Followed,
    seconds: f64,
    format: Format,
) -> io::Result<()> {
    #[derive(Serialize)]
    struct Document {
        accepted: bool,
        steps: u64,
        seconds: f64,
        refused_at_line: Option<u64>,
        explanation: Option<String>,
    }
    let steps = grouped(followed.steps);
    match (format, followed.refused) {
        (Format::Json, refused) => {
            let (refused_at_line, explanation) = refused
                .map(|(line, refusal)| (line, refusal.explanation))
                .unzip();
            print_json(
                "conform-steps/1",
                &Document {
                    accepted: refused_at_line.is_none(),
                    steps: followed.steps,
                    seconds,
                    refused_at_line,
                    explanation,
                },
            )
        }
        (Format::Table, None) => writeln!(
            report::out(),
            "{file}: accepted: each of its {steps} steps is one that the specification allows"
        ),
        (Format::Table, Some((line, refusal))) => writeln!(
            report::out(),
            "{file}:{line}: refused, after {steps} steps that the specification allows\n{}",
            refusal.explanation
        ),
    }
}

/// What came of a recording of version 2.
fn print(file: &str, judged: &Judged, seconds: f64, format: Format) -> io::Result<()> {
    #[derive(Serialize)]
    struct Document<'a> {
        accepted: bool,
        #[serde(flatten)]
        judged: &'a Judged,
        seconds: f64,
    }
    if format == Format::Json {
        return print_json(
            "conform-trace/1",
            &Document {
                accepted: judged.refusal.is_none(),
                judged,
                seconds,
            },
        );
    }
    let lines = grouped(judged.lines);
    let mut out = report::out();
    let Some(refusal) = &judged.refusal else {
        writeln!(
            out,
            "{file}: accepted: {} allows each of its {lines} lines",
            judged.against
        )?;
        writeln!(out, "callbacks that ran: {}", grouped(judged.ran))?;
        if judged.stranded > 0 {
            writeln!(
                out,
                "callbacks stranded: {} (accepted by calls that do not claim to wake the loop, and not \
                 run when everybody was asleep)",
                judged.stranded
            )?;
        }
        return Ok(());
    };
    let Refusal {
        line,
        did,
        clause,
        promise,
        ..
    } = refusal;
    let whose = match clause {
        Clause::Design => &judged.against,
        _ => BLACK_BOX,
    };
    writeln!(
        out,
        "{file}:{line}: refused, after {lines} lines that {} allows\n",
        judged.against
    )?;
    print_field(&mut out, "what happened:", did)?;
    print_field(&mut out, "what the loop promises:", promise)?;
    print_field(
        &mut out,
        "the clause:",
        &format!("{clause}, in {whose}.tla"),
    )?;
    for (place, allowed) in refusal.allowed.iter().enumerate() {
        let label = if place == 0 {
            "what it allows there:"
        } else {
            ""
        };
        print_field(&mut out, label, allowed)?;
    }
    writeln!(out)?;
    write!(
        out,
        "{}",
        refusal.to_trace().to_page(&crate::screen::page())
    )
}

/// How wide the first column is.
const LABEL: usize = 24;

/// Prints a sentence beside its label, wrapped.
fn print_field(out: &mut impl Write, label: &str, sentence: &str) -> io::Result<()> {
    let label = format!("{label:<LABEL$}");
    writeln!(out, "{}", screen::wrap_beside(&label, sentence))
}
