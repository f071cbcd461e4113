//! The result of a check, and the table that shows it.

use std::fmt;
use std::io::{self, Write};

use anstream::{AutoStream, ColorChoice};
use clap::ValueEnum;
use comfy_table::{Cell, CellAlignment, Color, ContentArrangement, Table, presets};
use serde::Serialize;

/// One check, and what it found in this run.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// Which checker ran: real threads, a model checker, or the specification.
    pub checker: String,
    /// What was checked.
    pub subject: String,
    /// The expected result.
    pub expected: String,
    /// The result.
    pub found: String,
    /// How much was done.
    pub work: Work,
    /// How long it took.
    pub seconds: f64,
    /// Whether what was found is what was expected.
    pub as_expected: bool,
}

/// An amount of work.
#[derive(Debug, Clone, Serialize)]
pub struct Work {
    /// How many.
    pub count: u64,
    /// Of what, in the plural: a word that ends in `s`.
    pub unit: String,
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Work { count, unit } = self;
        let unit = match (count, unit.strip_suffix('s')) {
            (1, Some(singular)) => singular,
            _ => unit,
        };
        write!(f, "{} {unit}", grouped(*count))
    }
}

/// The result of a command that ran without an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Exit status 0.
    AsExpected,
    /// Exit status 1.
    NotAsExpected,
    /// Exit status 2: the output says what is missing.
    Undecided,
    /// Exit status 130.
    Interrupted,
}

impl From<bool> for Verdict {
    fn from(as_expected: bool) -> Self {
        if as_expected {
            Verdict::AsExpected
        } else {
            Verdict::NotAsExpected
        }
    }
}

/// How a command prints its results.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Table,
    /// For programs: one JSON document.
    Json,
}

#[derive(Serialize)]
struct RowsDocument<'a> {
    rows: &'a [Row],
    as_expected: bool,
}

/// Prints the rows. Returns whether all are as expected.
///
/// # Errors
///
/// If standard output cannot be written to.
pub fn print(rows: &[Row], format: Format) -> io::Result<Verdict> {
    let as_expected = rows.iter().all(|row| row.as_expected);
    match format {
        Format::Table => print_table(&table(rows))?,
        Format::Json => print_json(&RowsDocument { rows, as_expected })?,
    }
    Ok(as_expected.into())
}

/// Prints one JSON document.
///
/// # Errors
///
/// If standard output cannot be written to.
pub fn print_json(document: &impl Serialize) -> io::Result<()> {
    let mut out = out();
    serde_json::to_writer_pretty(&mut out, document)?;
    writeln!(out)
}

/// An empty table in the style that all tables of the command have.
#[must_use]
pub fn new_table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(header);
    if colours() {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    table
}

/// Prints a table.
///
/// # Errors
///
/// If standard output cannot be written to.
pub fn print_table(table: &Table) -> io::Result<()> {
    writeln!(out(), "{table}")
}

/// A cell that shows whether its row is as expected.
#[must_use]
pub fn verdict_cell(text: &str, as_expected: bool) -> Cell {
    let (mark, colour) = if as_expected {
        ("✓", Color::Green)
    } else {
        ("✗", Color::Red)
    };
    Cell::new(format!("{mark} {text}")).fg(colour)
}

fn table(rows: &[Row]) -> Table {
    let header = [
        "checker",
        "subject",
        "expected",
        "found",
        "work done",
        "seconds",
    ];
    let mut table = new_table(&header);
    for row in rows {
        table.add_row(vec![
            Cell::new(&row.checker),
            Cell::new(&row.subject),
            Cell::new(&row.expected),
            verdict_cell(&row.found, row.as_expected),
            Cell::new(row.work.to_string()),
            Cell::new(format!("{:.2}", row.seconds)).set_alignment(CellAlignment::Right),
        ]);
    }
    table
}

/// A number with thousands separators: 1,234,567.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// Standard output. What is written is lost once nobody reads it any more: that is no error, since the exit
/// status still tells what came out.
#[must_use]
pub fn out() -> Out {
    Out(anstream::stdout())
}

/// Standard output, which may have lost its reader.
#[derive(Debug)]
pub struct Out(AutoStream<io::Stdout>);

impl Write for Out {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        match self.0.write(text) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(text.len()),
            written => written,
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self.0.flush() {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            flushed => flushed,
        }
    }
}

/// Whether standard output should have colours.
fn colours() -> bool {
    AutoStream::choice(&io::stdout()) != ColorChoice::Never
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_000), "1,000");
        assert_eq!(grouped(1_234_567), "1,234,567");
    }

    #[test]
    fn one_row_that_is_not_as_expected_spoils_the_report() {
        let row = |as_expected| Row {
            checker: "checker".into(),
            subject: "subject".into(),
            expected: "expected".into(),
            found: "found".into(),
            work: Work {
                count: 1_000,
                unit: "executions".into(),
            },
            seconds: 0.5,
            as_expected,
        };
        let good = table(&[row(true)]).to_string();
        assert!(good.contains("✓ found") && good.contains("1,000 executions"));
        let mut one = row(true);
        one.work.count = 1;
        assert!(table(&[one]).to_string().contains("1 execution "));
        assert!(table(&[row(false)]).to_string().contains("✗ found"));
        assert_eq!(Verdict::from(true), Verdict::AsExpected);
        assert_eq!(Verdict::from(false), Verdict::NotAsExpected);
    }
}
