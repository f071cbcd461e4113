//! The checkers' own test-suite, in one table.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;
use wakeproof_explore::suite::{Answers, cases, to_markdown};
use wakeproof_explore::{Checker, Exploration, Limits, Progress};

use crate::help;
use crate::interrupt;
use crate::report::{self, Verdict, new_table, print_json, print_table_sparing, verdict_cell};
use crate::screen;
use clap::ValueEnum;
use comfy_table::Cell;

const EXAMPLES: &str = "\
Examples:
  wakeproof checkers                     every small program under every checker
  wakeproof checkers --format json       the same for a program, with the bounds of each verdict
  wakeproof checkers --format markdown   the tables of explore/CHECKERS.md";

const MEANS: &str = "0 if each verdict is what theory demands.";

#[derive(Debug, clap::Args)]
#[command(after_help = help::below(EXAMPLES, MEANS))]
pub(crate) struct Args {
    /// How to print the table.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Table,
    /// For programs: one JSON document.
    Json,
    /// For a page of the documentation.
    Markdown,
}

#[derive(Serialize)]
struct Report<'a> {
    programs: Vec<Program<'a>>,
    seconds: f64,
    as_expected: bool,
}

#[derive(Serialize)]
struct Program<'a> {
    name: &'static str,
    group: &'static str,
    answers: Vec<Answer<'a>>,
    as_expected: bool,
}

#[derive(Serialize)]
struct Answer<'a> {
    expected: &'static str,
    #[serde(flatten)]
    found: &'a Exploration,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Verdict> {
    let begun = Instant::now();
    let progress = Arc::new(Progress::default());
    interrupt::ends(&progress);
    let cases = cases();
    let spinner = screen::spinner("");
    let mut all = Vec::with_capacity(cases.len());
    for case in cases {
        spinner.set_message(case.name);
        let limits = Limits {
            progress: Arc::new(progress.of_another()),
            ..Limits::default()
        };
        all.push(Answers::of(case, &limits));
        if progress.is_cancelled() {
            break;
        }
    }
    spinner.finish_and_clear();
    let as_expected = all.iter().all(Answers::are_as_expected);
    let seconds = begun.elapsed().as_secs_f64();
    match args.format {
        Format::Json => print_json("checkers/1", &report(&all, seconds, as_expected))?,
        Format::Markdown => write!(screen::verbatim(), "{}", to_markdown(&all).trim_start())?,
        Format::Table => print(&all, seconds, as_expected)?,
    }
    Ok(as_expected.into())
}

fn report(all: &[Answers], seconds: f64, as_expected: bool) -> Report<'_> {
    let programs = all.iter().map(|answers| Program {
        name: answers.case.name,
        group: answers.case.group,
        answers: answers
            .answers
            .iter()
            .map(|(_, expected, found)| Answer {
                expected: expected.in_words(),
                found,
            })
            .collect(),
        as_expected: answers.are_as_expected(),
    });
    Report {
        programs: programs.collect(),
        seconds,
        as_expected,
    }
}

fn print(all: &[Answers], seconds: f64, as_expected: bool) -> io::Result<()> {
    let mut table = new_table(&["program", "world", "loom", "shuttle", "real threads"]);
    for answers in all {
        let mut cells = vec![Cell::new(answers.case.name), Cell::new(answers.world())];
        for checker in [Checker::Loom, Checker::Shuttle, Checker::Threads] {
            let answer = answers.answers.iter().find(|(who, ..)| *who == checker);
            cells.push(match answer {
                None => Cell::new("–"),
                Some((_, expected, explored)) => verdict_cell(
                    answers.word(checker),
                    answers.case.is_as_expected(*expected, explored),
                ),
            });
        }
        table.add_row(cells);
    }
    print_table_sparing(&table, &["world"])?;
    let mut out = report::out();
    for answers in all {
        for (checker, expected, explored) in &answers.answers {
            if !answers.case.is_as_expected(*expected, explored) {
                let (name, expected) = (answers.case.name, expected.in_words());
                writeln!(out, "{name}, {checker}: {expected} expected, {explored}")?;
            }
        }
    }
    let conclusion = if as_expected {
        "As expected: each verdict is what theory demands."
    } else {
        "NOT as expected: look for ✗ in the table."
    };
    writeln!(out, "{conclusion} ({} programs, {seconds:.1} s)", all.len())
}
