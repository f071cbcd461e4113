//! The result of a check, and the table that shows it.

use std::fmt;
use std::io::{self, Write};

use anstyle::AnsiColor;
use clap::ValueEnum;
use comfy_table::{
    Cell, CellAlignment, Color, ColumnConstraint, ContentArrangement, Row as TableRow, Table,
    Width, presets,
};
use serde::Serialize;
use unicode_width::UnicodeWidthStr;

use crate::screen;

pub(crate) use crate::screen::out;

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
    /// Whether what was found is what was expected. `None` if it could not be checked; `found` says why.
    pub as_expected: Option<bool>,
}

impl Row {
    /// A row of what cannot be checked here.
    #[must_use]
    pub fn not_checked(checker: &str, subject: &str, why: &anyhow::Error) -> Self {
        Row {
            checker: checker.into(),
            subject: subject.into(),
            expected: String::new(),
            found: format!("not checked: {why:#}"),
            work: Work {
                count: 0,
                unit: "checks".into(),
            },
            seconds: 0.0,
            as_expected: None,
        }
    }
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

/// What the rows say together.
#[must_use]
pub fn verdict(rows: &[Row]) -> Verdict {
    let is = |what: Option<bool>| rows.iter().any(|row| row.as_expected == what);
    match (is(Some(false)), is(None)) {
        (true, _) => Verdict::NotAsExpected,
        (false, true) => Verdict::Undecided,
        (false, false) => Verdict::AsExpected,
    }
}

/// Prints one JSON document. `shape` says what it holds: a name, and a number that grows if a program which reads
/// it has to change. `docs/json.md` describes each.
///
/// # Errors
///
/// If the document is none.
pub fn print_json(shape: &str, document: &impl Serialize) -> io::Result<()> {
    #[derive(Serialize)]
    struct Shaped<'a, D> {
        shape: &'a str,
        #[serde(flatten)]
        document: &'a D,
    }
    let mut out = screen::verbatim();
    serde_json::to_writer_pretty(&mut out, &Shaped { shape, document })?;
    writeln!(out)
}

/// An empty table in the style that all tables of the command have.
#[must_use]
pub fn new_table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(header)
        .force_no_tty();
    if screen::has_colours() {
        table.enforce_styling();
    }
    table
}

/// Prints a table, or, if the terminal is too narrow for it, a record a row.
///
/// # Errors
///
/// If standard output cannot be written to.
pub fn print_table(table: &Table) -> io::Result<()> {
    print_table_sparing(table, &[])
}

/// Prints a table. If the terminal is too narrow, it does without some columns, in this order; and if that is not
/// enough, it prints a record a row.
///
/// # Errors
///
/// If standard output cannot be written to.
pub fn print_table_sparing(table: &Table, spare: &[&str]) -> io::Result<()> {
    write!(out(), "{}", fitted(table, spare, screen::width()))
}

/// A column's content without borders.
struct Need {
    /// As wide as its longest line.
    all: usize,
    /// As wide as its longest word, and wide enough to be read with ease.
    least: usize,
}

impl Need {
    /// How wide a column must be for a sentence to be read in it.
    const SENTENCE: usize = 22;

    fn of(column: usize, table: &Table) -> Need {
        let texts: Vec<String> = texts(table)
            .filter_map(|row| row.into_iter().nth(column))
            .collect();
        let lines = |text: &String| text.lines().map(UnicodeWidthStr::width).max();
        let words = |text: &String| text.split_whitespace().map(UnicodeWidthStr::width).max();
        let widest = |widths: Vec<Option<usize>>| widths.into_iter().flatten().max().unwrap_or(0);
        // A header may be broken between any two words.
        let sentence = widest(texts.iter().skip(1).map(lines).collect()).min(Need::SENTENCE);
        Need {
            all: widest(texts.iter().map(lines).collect()),
            least: widest(texts.iter().map(words).collect()).max(sentence),
        }
    }
}

/// The texts of each row, the header first.
fn texts(table: &Table) -> impl Iterator<Item = Vec<String>> + '_ {
    let rows = table.header().into_iter().chain(table.row_iter());
    rows.map(|row| row.cell_iter().map(Cell::content).collect())
}

fn fitted(table: &Table, spare: &[&str], width: Option<usize>) -> String {
    let Some(width) = width else {
        return format!("{table}\n");
    };
    let header: Vec<String> = texts(table).next().unwrap_or_default();
    let needs: Vec<Need> = (0..header.len())
        .map(|column| Need::of(column, table))
        .collect();
    let mut shown = vec![true; header.len()];
    // A border on each side, and one space on each side of the text.
    let borders = |shown: &[bool]| 3 * shown.iter().filter(|is_shown| **is_shown).count() + 1;
    let needed = |shown: &[bool]| -> usize {
        let columns = needs.iter().zip(shown).filter(|(_, is_shown)| **is_shown);
        columns.map(|(need, _)| need.least).sum::<usize>() + borders(shown)
    };
    let mut left_out = Vec::new();
    for name in spare {
        if needed(&shown) > width
            && let Some(column) = header.iter().position(|head| head == name)
        {
            shown[column] = false;
            left_out.push(*name);
        }
    }
    if needed(&shown) > width {
        return records(table, width);
    }
    // What is left over goes to those who lack most.
    let mut widths: Vec<usize> = needs.iter().map(|need| need.least).collect();
    for _ in needed(&shown)..width {
        let lacking = (0..widths.len()).filter(|&column| shown[column]);
        let most = lacking.max_by_key(|&column| needs[column].all - widths[column]);
        if let Some(column) = most.filter(|&column| needs[column].all > widths[column]) {
            widths[column] += 1;
        }
    }
    let mut table = table.clone();
    table.set_width(u16::try_from(width).unwrap_or(u16::MAX));
    for (column, width) in widths.iter().enumerate() {
        let width = u16::try_from(width + 2).unwrap_or(u16::MAX);
        let constraint = if shown[column] {
            ColumnConstraint::Absolute(Width::Fixed(width))
        } else {
            ColumnConstraint::Hidden
        };
        if let Some(column) = table.column_mut(column) {
            column.set_constraint(constraint);
        }
    }
    let mut text = format!("{table}\n");
    if !left_out.is_empty() {
        let names = left_out.join(", ");
        let sentence = format!("Left out for want of room: {names}. A wider terminal shows them.");
        text += &(textwrap::fill(&sentence, width) + "\n");
    }
    text
}

/// Each row as a record: the first column, and below it the others, each after its name.
fn records(table: &Table, width: usize) -> String {
    let mut rows = texts(table);
    let header = rows.next().unwrap_or_default();
    let longest = header.iter().skip(1).map(|name| name.width()).max();
    let label = longest.unwrap_or(0);
    let mut text = String::new();
    for row in rows {
        let mut cells = row.iter().zip(&header);
        if let Some((title, _)) = cells.next() {
            text += &format!("{title}\n");
        }
        for (cell, name) in cells.filter(|(cell, _)| !cell.is_empty()) {
            let indent = format!("  {name:label$}  ");
            let below = " ".repeat(indent.width());
            let options = textwrap::Options::new(width)
                .initial_indent(&indent)
                .subsequent_indent(&below)
                .break_words(false);
            text += &(marked(&textwrap::fill(cell, options)) + "\n");
        }
    }
    text
}

/// A cell that shows whether its row is as expected.
#[must_use]
pub fn verdict_cell(text: &str, as_expected: bool) -> Cell {
    let (mark, colour) = mark(Some(as_expected));
    Cell::new(format!("{mark} {text}")).fg(colour)
}

fn mark(as_expected: Option<bool>) -> (char, Color) {
    match as_expected {
        Some(true) => ('✓', Color::Green),
        Some(false) => ('✗', Color::Red),
        None => ('–', Color::Yellow),
    }
}

/// The rows as a table or, where that is too wide, as a list with a heading for each checker.
#[must_use]
pub fn rows_as_text(rows: &[Row], width: Option<usize>) -> String {
    let table = format!("{}\n", table(rows));
    let widest = table.lines().next().map_or(0, UnicodeWidthStr::width);
    match width {
        Some(width) if width < widest => list(rows, width),
        _ => table,
    }
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
        let (mark, colour) = mark(row.as_expected);
        table.add_row(TableRow::from(vec![
            Cell::new(&row.checker),
            Cell::new(&row.subject),
            Cell::new(&row.expected),
            Cell::new(format!("{mark} {}", row.found)).fg(colour),
            Cell::new(row.work.to_string()),
            Cell::new(format!("{:.2}", row.seconds)).set_alignment(CellAlignment::Right),
        ]));
    }
    table
}

/// A text whose first mark has its colour, where there are colours.
fn marked(text: &str) -> String {
    let styles = [('✓', AnsiColor::Green), ('✗', AnsiColor::Red)];
    let mark = styles
        .iter()
        .find(|(mark, _)| screen::has_colours() && text.contains(*mark));
    match mark {
        Some((mark, colour)) => {
            let style = colour.on_default();
            text.replacen(*mark, &format!("{style}{mark}{style:#}"), 1)
        }
        None => text.to_owned(),
    }
}

/// A space at which no line is broken.
const UNBROKEN: &str = "\u{a0}";

fn list(rows: &[Row], width: usize) -> String {
    let subject = rows.iter().map(|row| row.subject.width()).max();
    let subject = subject.unwrap_or(0);
    /// How wide the second column must be for what was found to stand beside the subject.
    const FOUND: usize = 25;
    let is_beside = subject + 4 + FOUND <= width;
    let mut text = String::new();
    let mut checker = "";
    for row in rows {
        if row.checker != checker {
            checker = &row.checker;
            text += &format!("{checker}:\n");
        }
        let (mark, _) = mark(row.as_expected);
        let (label, below) = if is_beside {
            let label = format!("{mark} {:subject$}  ", row.subject);
            let below = " ".repeat(label.width());
            (label, below)
        } else {
            let subject = format!("{mark} {}", row.subject);
            text += &marked(&(textwrap::fill(&subject, width) + "\n"));
            ("    ".into(), "    ".into())
        };
        let options = textwrap::Options::new(width)
            .initial_indent(&label)
            .subsequent_indent(&below)
            .break_words(false);
        let work = row.work.to_string();
        // What ran and what was stranded are the submissions.
        let found = match row.as_expected {
            Some(_) if row.work.unit != "submissions" => format!("{}: {work}", row.found),
            _ => row.found.clone(),
        };
        // A number stays with its unit.
        let found = found.replace(&work, &work.replace(' ', UNBROKEN));
        text += &marked(&textwrap::fill(&found, options)).replace(UNBROKEN, " ");
        text.push('\n');
    }
    text
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

    fn row(as_expected: Option<bool>) -> Row {
        Row {
            checker: "loom".into(),
            subject: "call_soon_threadsafe from 2 threads".into(),
            expected: "no lost wakeup".into(),
            found: "no lost wakeup, proved".into(),
            work: Work {
                count: 3_014,
                unit: "executions".into(),
            },
            seconds: 0.5,
            as_expected,
        }
    }

    #[test]
    fn one_row_that_is_not_as_expected_spoils_the_report() {
        let text = |row: Row| rows_as_text(&[row], None);
        assert!(text(row(Some(true))).contains("✓ no lost wakeup, proved ┆ 3,014 executions"));
        let mut one = row(Some(true));
        one.work.count = 1;
        assert!(text(one).contains("1 execution "));
        assert!(text(row(Some(false))).contains("✗ no lost wakeup"));
        let of = |all: &[Option<bool>]| verdict(&all.iter().copied().map(row).collect::<Vec<_>>());
        assert_eq!(of(&[Some(true), Some(true)]), Verdict::AsExpected);
        assert_eq!(of(&[Some(true), None]), Verdict::Undecided);
        assert_eq!(of(&[None, Some(false), Some(true)]), Verdict::NotAsExpected);
    }

    #[test]
    fn rows_fit_a_narrow_terminal() {
        let rows = [row(Some(true)), row(None)];
        let text = rows_as_text(&rows, Some(80));
        let expected = "\
loom:
✓ call_soon_threadsafe from 2 threads  no lost wakeup, proved: 3,014 executions
– call_soon_threadsafe from 2 threads  no lost wakeup, proved
";
        assert_eq!(text, expected);
        for width in 40..200 {
            let text = rows_as_text(&rows, Some(width));
            assert!(text.lines().all(|line| line.width() <= width), "{text}");
        }
    }

    #[test]
    fn a_table_that_is_too_wide_does_without_columns_and_then_becomes_records() {
        let mut table = new_table(&["fault", "what is wrong with it", "seconds"]);
        table.add_row(vec![
            "notify-only-when-empty",
            "wakes the loop only if the queue was empty before",
            "✓ 0.51",
        ]);
        let all = fitted(&table, &["seconds"], Some(100));
        assert!(all.contains("seconds") && all.lines().count() == 5, "{all}");
        let fewer = fitted(&table, &["seconds"], Some(60));
        assert!(
            fewer.contains("Left out for want of room: seconds."),
            "{fewer}"
        );
        assert!(fewer.contains("┆ wakes the loop only if the"), "{fewer}");
        let expected = "\
notify-only-when-empty
  what is wrong with it  wakes the loop
                         only if the
                         queue was empty
                         before
  seconds                ✓ 0.51
";
        assert_eq!(fitted(&table, &["seconds"], Some(40)), expected);
        for width in 40..120 {
            let text = fitted(&table, &["seconds"], Some(width));
            assert!(text.lines().all(|line| line.width() <= width), "{text}");
            assert!(
                text.contains("notify-only-when-empty"),
                "a word is cut: {text}"
            );
        }
    }
}
