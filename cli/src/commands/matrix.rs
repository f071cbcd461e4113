//! `wakeproof matrix`: a row for each fault, a column for each checker.

use std::io::Write;

use crate::help;
use crate::interrupt;
use crate::matrix::{self, Body, Bounds, CellResult, Line, Matrix};
use crate::report::{
    self, Format, Verdict, grouped, new_table, print_json, print_table, verdict_cell,
};
use crate::screen;
use crate::specification::SpecDir;
use comfy_table::Cell;
use wakeproof_model_tests::faults::Checker;

const EXAMPLES: &str = "\
Examples:
  wakeproof matrix                 which checker finds which fault, from runs made now
  wakeproof matrix --format json   the same for a program
  wakeproof matrix --seed 7        other random schedules
  wakeproof trace no-notify        what a fault that was found looks like

A proof is a search that left nothing out: \"all\" in the first row. Everything else has only
not found anything yet.";

const MEANS: &str = "0 if every cell is as expected.";

#[derive(Debug, clap::Args)]
#[command(after_help = help::below(EXAMPLES, MEANS))]
pub(crate) struct Args {
    #[command(flatten)]
    spec_dir: SpecDir,
    /// How to print the matrix.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// The seed of the random schedules: the same seed gives the same schedules.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many random schedules to try for each fault.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u64).range(1..))]
    samples: u64,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Verdict> {
    args.spec_dir.choose();
    let bounds = Bounds {
        seed: args.seed,
        samples: args.samples,
        ..Bounds::default()
    };
    interrupt::ends(&bounds.progress);

    let spinner = screen::spinner("");
    let filled = matrix::fill(&bounds, &|name, checker| {
        spinner.set_message(format!("{name}: {checker}"));
    });
    spinner.finish_and_clear();
    let matrix = filled?;
    match args.format {
        Format::Json => print_json("matrix/1", &matrix)?,
        Format::Table => print(&matrix)?,
    }
    Ok(matrix.as_expected.into())
}

fn print(matrix: &Matrix) -> anyhow::Result<()> {
    let names = Checker::ALL.map(|checker| checker.to_string());
    let mut header = vec!["fault"];
    header.extend(names.iter().map(String::as_str));
    let mut table = new_table(&header);
    let mut reasons: Vec<&str> = Vec::new();
    for line in &matrix.rows {
        table.add_row(cells(line, &mut reasons));
    }
    print_table(&table)?;
    let mut out = report::out();
    for (index, reason) in reasons.iter().enumerate() {
        writeln!(out, "[{}] cannot see it: {reason}", index + 1)?;
    }
    print_two_loops(&mut out, &matrix.two_loops)?;
    let conclusion = if matrix.as_expected {
        "As expected: an exhaustive search finds every fault, and nothing is wrong with the correct code."
    } else {
        "NOT as expected: look for ✗ in the matrix."
    };
    let conclusion = format!("{conclusion} ({:.1} s)", matrix.seconds);
    writeln!(out, "{}", screen::wrap(&conclusion))?;
    Ok(())
}

/// What holds for one loop, and what comes of it on the other.
fn print_two_loops(out: &mut impl Write, bodies: &[Body]) -> anyhow::Result<()> {
    writeln!(
        out,
        "\nThe models of the condvar loop, on asyncio's design under loom:"
    )?;
    let mut not_run: Vec<(&str, usize)> = Vec::new();
    for body in bodies {
        let what = match &body.on_asyncio {
            Some(CellResult::Found { after, .. }) => format!("fails: #{}", grouped(*after)),
            Some(CellResult::Proved { within }) => format!("holds: all {}", grouped(*within)),
            Some(CellResult::NotProved { within, .. }) => {
                format!("no failure in {}", grouped(*within))
            }
            other => match (other, body.why) {
                (None, Some(why)) => {
                    match not_run.iter_mut().find(|(known, _)| *known == why) {
                        Some((_, count)) => *count += 1,
                        None => not_run.push((why, 1)),
                    }
                    continue;
                }
                _ => "cannot be judged".to_owned(),
            },
        };
        let mark = if body.as_expected { "✓" } else { "✗" };
        writeln!(out, "  {mark} {:34} {what}", body.model)?;
        if let Some(why) = body.why {
            writeln!(out, "      {why}")?;
        }
    }
    for (why, count) in not_run {
        let models = if count == 1 { "model" } else { "models" };
        writeln!(out, "  – {count} {models} not run: {why}")?;
    }
    writeln!(out)?;
    Ok(())
}

fn cells<'a>(line: &'a Line, reasons: &mut Vec<&'a str>) -> Vec<Cell> {
    let mut cells = vec![Cell::new(line.name)];
    for cell in &line.cells {
        let text = match &cell.result {
            CellResult::Found {
                after,
                steps,
                is_shortest,
                ..
            } => {
                let steps = match steps {
                    Some(steps) if *is_shortest => format!(", shortest: {steps} steps"),
                    Some(steps) => format!(", {steps} steps"),
                    None => String::new(),
                };
                format!("found: #{}{steps}", grouped(*after))
            }
            CellResult::Falsified { by, .. } => format!("found: {by}"),
            CellResult::Proved { within } => format!("proved: all {}", grouped(*within)),
            CellResult::NotProved { within, .. } => format!("not in {}", grouped(*within)),
            CellResult::CannotJudge { why } => {
                let index = reasons
                    .iter()
                    .position(|known| known == why)
                    .unwrap_or_else(|| {
                        reasons.push(why);
                        reasons.len() - 1
                    });
                cells.push(Cell::new(format!("– [{}]", index + 1)));
                continue;
            }
        };
        cells.push(verdict_cell(&text, cell.as_expected));
    }
    cells
}
