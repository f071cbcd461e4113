//! `wakeproof probe`: real event loops, driven now and held against the contract.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use anyhow::Context;
use clap::ValueEnum;
use comfy_table::{Cell as TableCell, Table};
use serde::Serialize;
use wakeproof_asleep::harmless;

use super::spec::progress;
use crate::help;
use crate::interrupt;
use crate::probe::adapter::{Limits, Problem};
use crate::probe::cell::{Cell, Clause, Level};
use crate::probe::document;
use crate::probe::expected::{Compared, Expected};
use crate::probe::loops::{self, LOOPS, Loop};
use crate::probe::session::{Probed, Subject, probe};
use crate::probe::table::{Note, PARTS, Part, answer, below, notes, remarks, star};
use crate::report::{self, Verdict, Work, new_table, print_json, print_table, verdict_cell};
use crate::screen;
use crate::specification::SpecDir;
use wakeproof_conform::files;

const EXAMPLES: &str = "\
Examples:
  wakeproof probe                          every loop that is installed and built
  wakeproof probe --build                  builds the adapters first, those in C, Java and Rust
  wakeproof probe asyncio uvloop           these two
  wakeproof probe --python mymodule:new    a loop with asyncio's interface, made by mymodule.new()
  wakeproof probe -- ./my-adapter          any program that speaks the words of probes/README.md
  wakeproof probe rloop --record out       leaves a recording of each scenario in out/
  wakeproof probe --list                   the loops, and what is asked of them";

const MEANS: &str = "0 if every loop does what probes/expected.json knows of its version, and ours\nkeeps every must.";

/// Real event loops, driven now and held against the contract.
#[derive(Debug, clap::Args)]
#[command(after_help = help::below(EXAMPLES, MEANS))]
pub(crate) struct Args {
    /// The loops; all by default.
    #[arg(value_name = "LOOP", conflicts_with_all = ["python", "adapter"])]
    loops: Vec<String>,
    /// List the loops and the questions, and probe nothing.
    #[arg(long)]
    list: bool,
    /// Build the adapters that have to be built.
    #[arg(long)]
    build: bool,
    /// Probe a loop with asyncio's interface, made by a function of a module.
    #[arg(long, value_name = "MODULE:FACTORY", conflicts_with = "adapter")]
    python: Option<String>,
    /// Write the recording of each scenario to a folder.
    #[arg(long, value_name = "DIR")]
    record: Option<PathBuf>,
    /// Note what is found as what is expected of these versions.
    #[arg(long, conflicts_with_all = ["python", "adapter"])]
    update: bool,
    /// How long an adapter may take for a word: a watchdog.
    #[arg(long, value_name = "DURATION", default_value = "20s", value_parser = patience)]
    patience: Duration,
    #[command(flatten)]
    spec_dir: SpecDir,
    /// How to print what is found.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// An adapter of your own, with its arguments.
    #[arg(last = true, value_name = "ADAPTER")]
    adapter: Vec<String>,
}

pub(super) fn patience(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(Duration::ZERO) => Err("a watchdog needs some patience; write for example 20s".into()),
        Ok(patience) => Ok(patience),
        Err(error) => Err(format!("{error}; write for example 20s")),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Table,
    /// For programs: one JSON document.
    Json,
    /// For docs/loops.md.
    Markdown,
}

/// Our own loop.
const OURS: &str = "wakeproof";

/// A loop that is not probed, and why.
#[derive(Debug, Serialize)]
struct Missing {
    name: String,
    install: String,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Verdict> {
    args.spec_dir.choose();
    if args.list {
        return list(args.format);
    }
    let expected = Expected::load()?;
    let chosen = match (&args.python, args.adapter.is_empty()) {
        (None, true) => choose(&args.loops)?,
        _ => Vec::new(),
    };
    if let Some(folder) = &args.record {
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    let is_interrupted = interrupt::flag();
    let (subjects, mut missing) = subjects(args, &chosen, is_interrupted)?;

    let bar = progress(subjects.len(), "scenarios");
    let limits = Limits {
        patience: args.patience,
        is_interrupted,
    };
    let probed = probe(&subjects, limits, &|step| {
        bar.set_length(step.of as u64);
        bar.set_position(step.done as u64);
    });
    bar.finish_and_clear();
    if is_interrupted.load(Ordering::Relaxed) {
        return Ok(Verdict::Interrupted);
    }
    let (probed, absent): (Vec<Probed>, Vec<Probed>) = probed
        .into_iter()
        .partition(|probed| !is_absent(probed, &chosen));
    missing.extend(absent.iter().map(|probed| Missing {
        install: install(&chosen, &probed.name),
        name: probed.name.clone(),
    }));
    if let (Some(missing), false) = (missing.first(), args.loops.is_empty()) {
        anyhow::bail!("{} is not there: {}", missing.name, missing.install);
    }
    anyhow::ensure!(
        !probed.is_empty(),
        "no loop is there; wakeproof probe --list says what each needs"
    );
    if let Some(folder) = &args.record {
        record(folder, &probed)?;
    }
    let run = Run::new(args, &probed, &expected, missing);
    match args.format {
        Format::Table => print_tables(&run)?,
        Format::Json => print_json("probe/1", &run.document())?,
        Format::Markdown => write!(
            screen::verbatim(),
            "{}",
            document::write(&probed, &today())?
        )?,
    }
    if args.update {
        let mut learned = expected;
        let date = today();
        for probed in probed.iter().filter(|probed| probed.problem.is_none()) {
            if let Some(hello) = &probed.hello {
                learned.learn(&probed.name, &hello.version, &date, &probed.cells);
            }
        }
        learned.save()?;
    }
    run.verdict()
}

/// The loops that were asked for, all by default.
fn choose(names: &[String]) -> anyhow::Result<Vec<Loop>> {
    if names.is_empty() {
        return Ok(LOOPS.to_vec());
    }
    let find = |name: &String| {
        let found = LOOPS.iter().find(|known| known.name == name).copied();
        found.with_context(|| {
            let name = harmless(name);
            format!("there is no adapter for {name:?}; wakeproof probe --list has those there are")
        })
    };
    names.iter().map(find).collect()
}

fn subjects(
    args: &Args,
    chosen: &[Loop],
    is_interrupted: &AtomicBool,
) -> anyhow::Result<(Vec<Subject>, Vec<Missing>)> {
    let own = |name, command| {
        let design = None;
        let subject = Subject {
            name,
            command,
            design,
        };
        Ok((vec![subject], Vec::new()))
    };
    if let Some(factory) = &args.python {
        return own(
            factory.replace(['/', ':'], "."),
            loops::asyncio_like(factory),
        );
    }
    if let Some(program) = args.adapter.first() {
        let name = Path::new(program)
            .file_stem()
            .map_or(program.into(), |stem| stem.to_string_lossy());
        return own(harmless(&name), args.adapter.clone());
    }
    let (mut subjects, mut missing) = (Vec::new(), Vec::new());
    let bar = progress(chosen.len(), "adapters that are built");
    for known in chosen {
        let name = known.name.to_owned();
        let built = if args.build {
            known.build(is_interrupted)
        } else {
            Ok(())
        };
        bar.inc(1);
        if is_interrupted.load(Ordering::Relaxed) {
            break;
        }
        match built {
            Err(said) => missing.push(Missing {
                name,
                install: format!("{} ({})", known.install, harmless(&said)),
            }),
            Ok(()) if known.is_unbuilt() => {
                let install = format!(
                    "wakeproof probe --build {name}, which needs: {}",
                    known.install
                );
                missing.push(Missing { name, install });
            }
            Ok(()) => subjects.push(Subject {
                name,
                command: known.command(),
                design: known.design(),
            }),
        }
    }
    bar.finish_and_clear();
    Ok((subjects, missing))
}

/// Whether it is not the adapter that fails, but what it needs that is missing.
fn is_absent(probed: &Probed, chosen: &[Loop]) -> bool {
    let is_ours = chosen.iter().any(|known| known.name == probed.name);
    is_ours
        && probed.hello.is_none()
        && match &probed.problem {
            Some((_, Problem::NotStarted(error))) => error.kind() == io::ErrorKind::NotFound,
            Some((_, Problem::Ended(_, said))) => said.contains("ModuleNotFoundError"),
            _ => false,
        }
}

fn install(chosen: &[Loop], name: &str) -> String {
    let known = chosen.iter().find(|known| known.name == name);
    known.map_or_else(String::new, |known| known.install.to_owned())
}

fn record(folder: &Path, probed: &[Probed]) -> anyhow::Result<()> {
    for probed in probed {
        for (scenario, text) in &probed.recordings {
            let file = folder.join(format!("{}-{scenario}.jsonl", probed.name));
            files::write(&file, text)?;
        }
    }
    Ok(())
}

/// A run, and what is said about it.
struct Run<'a> {
    probed: &'a [Probed],
    compared: Vec<Option<Compared>>,
    missing: Vec<Missing>,
    again: String,
}

#[derive(Serialize)]
struct Document<'a> {
    loops: Vec<Row<'a>>,
    missing: &'a [Missing],
    as_expected: bool,
}

#[derive(Serialize)]
struct Row<'a> {
    name: &'a str,
    #[serde(rename = "loop")]
    of: Option<&'a str>,
    version: Option<&'a str>,
    calls: Option<&'a BTreeMap<String, String>>,
    cells: &'a [Cell],
    problem: Option<String>,
    compared: &'a Option<Compared>,
    seconds: f64,
}

impl<'a> Run<'a> {
    fn new(args: &Args, probed: &'a [Probed], expected: &Expected, missing: Vec<Missing>) -> Self {
        let is_known = args.python.is_none() && args.adapter.is_empty();
        let compare = |probed: &Probed| {
            let hello = probed
                .hello
                .as_ref()
                .filter(|_| is_known && probed.problem.is_none())?;
            Some(expected.compare(&probed.name, &hello.version, &probed.cells))
        };
        let again = match (&args.python, args.adapter.is_empty()) {
            (Some(factory), _) => format!("wakeproof probe --python {}", harmless(factory)),
            (None, false) => format!("wakeproof probe -- {}", harmless(&args.adapter.join(" "))),
            (None, true) => String::new(),
        };
        Run {
            probed,
            compared: probed.iter().map(compare).collect(),
            missing,
            again,
        }
    }

    fn document(&self) -> Document<'_> {
        let rows = self.probed.iter().zip(&self.compared);
        Document {
            loops: rows
                .map(|(probed, compared)| Row {
                    name: &probed.name,
                    of: probed.hello.as_ref().map(|hello| &*hello.name),
                    version: probed.hello.as_ref().map(|hello| &*hello.version),
                    calls: probed.hello.as_ref().map(|hello| &hello.calls),
                    cells: &probed.cells,
                    problem: problem(probed),
                    compared,
                    seconds: probed.took.as_secs_f64(),
                })
                .collect(),
            missing: &self.missing,
            as_expected: !self.is_different(),
        }
    }

    fn is_different(&self) -> bool {
        let is_different =
            |compared: &Option<Compared>| matches!(compared, Some(Compared::Different(_)));
        self.compared.iter().any(is_different) || !self.own_faults().is_empty()
    }

    /// What our own loop does that it must not do. Nobody can come to expect that.
    fn own_faults(&self) -> Vec<&Cell> {
        let ours = self.probed.iter().filter(|probed| probed.name == OURS);
        let is_fault = |cell: &&Cell| cell.level == Level::Must && !cell.fine;
        ours.flat_map(|probed| probed.cells.iter().filter(is_fault))
            .collect()
    }

    /// Says what is wrong with adapters, a line each.
    fn verdict(&self) -> anyhow::Result<Verdict> {
        let problems = self
            .probed
            .iter()
            .filter_map(|probed| Some((&probed.name, problem(probed)?)));
        let mut is_at_fault = false;
        for (name, problem) in problems {
            is_at_fault = true;
            // Nobody is left to tell if standard error is gone.
            let _ = writeln!(io::stderr(), "wakeproof: {name}: {problem}");
        }
        Ok(match (is_at_fault, self.is_different()) {
            (true, _) => Verdict::Undecided,
            (false, true) => Verdict::NotAsExpected,
            (false, false) => Verdict::AsExpected,
        })
    }

    /// The command that probes this loop.
    fn again(&self, name: &str) -> String {
        if self.again.is_empty() {
            format!("wakeproof probe {name}")
        } else {
            self.again.clone()
        }
    }
}

fn problem(probed: &Probed) -> Option<String> {
    let (scenario, problem) = probed.problem.as_ref()?;
    let during = scenario.map_or(String::new(), |scenario| {
        format!(" (scenario {})", scenario.name())
    });
    Some(format!("{problem}{during}").replace('\n', " "))
}

/// A table, or nothing if no loop has an answer to any of its clauses.
fn part_table(run: &Run<'_>, place: usize, part: &Part, notes: &[Note<'_>]) -> Option<Table> {
    let mut head = vec!["loop"];
    if place == 0 {
        head.push("version");
    }
    let names: Vec<String> = part.clauses.iter().map(|clause| clause.name()).collect();
    head.extend(names.iter().map(String::as_str));
    let mut table = new_table(&head);
    for probed in run.probed {
        let has_any = probed
            .cells
            .iter()
            .any(|cell| part.clauses.contains(&cell.clause));
        if !has_any && place > 0 {
            continue;
        }
        let mut row = vec![TableCell::new(&probed.name)];
        if place == 0 {
            let version = probed.hello.as_ref().map_or("-", |hello| &hello.version);
            row.push(TableCell::new(version));
        }
        for clause in part.clauses {
            let cell = probed.cells.iter().find(|cell| cell.clause == *clause);
            let text = answer(cell, notes);
            row.push(match cell {
                Some(cell) if cell.level != Level::Observation || !cell.fine => {
                    verdict_cell(&text, cell.fine)
                }
                _ => TableCell::new(text),
            });
        }
        table.add_row(row);
    }
    if place == 0 {
        for missing in &run.missing {
            let needs = format!("not there: {}", missing.install);
            table.add_row([&*missing.name, "-", &*needs].map(TableCell::new));
        }
    }
    (table.row_count() > 0).then_some(table)
}

fn print_tables(run: &Run<'_>) -> anyhow::Result<()> {
    let notes = notes(run.probed);
    let mut out = report::out();
    for (place, part) in PARTS.iter().enumerate() {
        if let Some(table) = part_table(run, place, part, &notes) {
            writeln!(out, "{}:", part.title)?;
            print_table(&table)?;
        }
    }
    for note in &notes {
        writeln!(out, "{}", below(note, &run.again(note.name)))?;
    }
    for remark in run.probed.iter().flat_map(remarks) {
        writeln!(out, "{remark}")?;
    }
    for star in run.probed.iter().filter_map(star) {
        writeln!(out, "{star}")?;
    }
    for cell in run.own_faults() {
        writeln!(
            out,
            "NOT as expected: {OURS}, {}: {}, and our own loop keeps every must",
            cell.clause, cell.outcome
        )?;
    }
    for (probed, compared) in run.probed.iter().zip(&run.compared) {
        let name = &probed.name;
        match compared {
            Some(Compared::Different(differences)) => {
                for difference in differences {
                    writeln!(
                        out,
                        "NOT as expected: {name}, {}: {}, where {} was expected",
                        difference.clause, difference.found, difference.expected
                    )?;
                }
            }
            Some(Compared::UnknownVersion { known }) => {
                let version = probed.hello.as_ref().map_or("?", |hello| &hello.version);
                let known = if known.is_empty() {
                    "none".to_owned()
                } else {
                    known.join(", ")
                };
                writeln!(
                    out,
                    "nothing is expected of {name} {version} yet (known: {known})"
                )?;
            }
            Some(Compared::AsExpected) | None => {}
        }
    }
    let compared = || run.compared.iter().flatten();
    let as_expected = compared().filter(|compared| **compared == Compared::AsExpected);
    let as_expected = match compared().count() {
        0 => String::new(),
        _ => format!(", {} as expected of their versions", as_expected.count()),
    };
    let wrong = |level| notes.iter().filter(|note| note.cell.level == level).count();
    writeln!(
        out,
        "{}{as_expected}; not as it must be: {}, not as it should be: {}.",
        Work {
            count: run.probed.len() as u64,
            unit: "loops".into(),
        },
        wrong(Level::Must) + wrong(Level::Observation),
        wrong(Level::Should),
    )?;
    Ok(())
}

#[derive(Serialize)]
struct List {
    loops: Vec<&'static str>,
    clauses: BTreeMap<String, String>,
}

fn list(format: Format) -> anyhow::Result<Verdict> {
    let clauses = Clause::value_variants();
    if format == Format::Json {
        print_json(
            "probe-list/1",
            &List {
                loops: LOOPS.iter().map(|known| known.name).collect(),
                clauses: clauses
                    .iter()
                    .map(|clause| (clause.name(), clause.asks()))
                    .collect(),
            },
        )?;
        return Ok(Verdict::AsExpected);
    }
    let mut out = report::out();
    writeln!(out, "Loops, and what each needs:")?;
    for known in LOOPS {
        writeln!(out, "  {:<17} {}", known.name, known.install)?;
    }
    writeln!(out, "\nWhat is asked of each, and what binds it:")?;
    for clause in clauses {
        let level = match clause.level(false) {
            Level::Must => "must",
            Level::Should => "should",
            Level::Observation => "",
        };
        writeln!(out, "  {:<12} {level:<6} {}", clause.name(), clause.asks())?;
    }
    Ok(Verdict::AsExpected)
}

/// The day, in Greenwich.
fn today() -> String {
    let now = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    now[..10].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probed(name: &str) -> Probed {
        let cell = Cell {
            clause: Clause::Safe,
            level: Level::Must,
            outcome: "stranded".into(),
            detail: None,
            fine: false,
            sentence: None,
            grounds: None,
            recording: String::new(),
            lines: Vec::new(),
        };
        Probed {
            name: name.into(),
            hello: None,
            cells: vec![cell],
            recordings: Vec::new(),
            problem: None,
            unseen: None,
            took: Duration::ZERO,
        }
    }

    fn run(probed: &[Probed]) -> Run<'_> {
        Run {
            probed,
            compared: vec![Some(Compared::AsExpected)],
            missing: vec![Missing {
                name: "uvloop".into(),
                install: "pip install uvloop".into(),
            }],
            again: String::new(),
        }
    }

    #[test]
    fn our_own_loop_must_keep_every_must_whatever_is_expected() {
        let (ours, other) = ([probed(OURS)], [probed("asyncio")]);
        assert_eq!(run(&ours).verdict().unwrap(), Verdict::NotAsExpected);
        assert_eq!(run(&other).verdict().unwrap(), Verdict::AsExpected);
    }

    #[test]
    fn what_is_missing_is_a_row_of_the_first_table() {
        let probed = [probed("asyncio")];
        let run = run(&probed);
        let rows = |place: usize| {
            let table = part_table(&run, place, &PARTS[place], &[]);
            table.map_or(String::new(), |table| table.to_string())
        };
        let first = rows(0);
        let row = first.lines().find(|row| row.contains("uvloop"));
        assert!(row.is_some_and(|row| row.contains("not there:")), "{first}");
        assert!(first.contains("pip install"), "{first}");
        assert!(!rows(1).contains("uvloop"));
    }
}
