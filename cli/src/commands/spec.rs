//! `wakeproof spec`: checks the TLA+ specification, model by model.

use std::io::{self, Write};

use crate::help;
use crate::report::{self, Format, Verdict, grouped, new_table, verdict_cell};
use crate::screen;
use crate::specification::{self, SpecDir};
use comfy_table::{Cell, CellAlignment};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use wakeproof_conform::spec::mutants::{self, Fate, Mutant};
use wakeproof_conform::spec::tlc::{self, TlcFinding};
use wakeproof_conform::spec::{self, Expected, Finding, Model, Specification};

const EXAMPLES: &str = "\
Examples:
  wakeproof spec                                     every model that takes seconds
  wakeproof spec --model CondvarLoopUnsafe --trace   how a wakeup is lost, step by step
  wakeproof spec --model CondvarLoopLarge            one that takes longer
  wakeproof spec --tlc                               compared with TLC, the official checker
  wakeproof spec --mutants                           whether the specification is sharp
  wakeproof spec --proofs                            proved again, where tlapm is installed
  wakeproof spec --proofs --mutants                  whether the proofs are sharp: takes hours";

const MEANS: &str = "0 if every model comes out as spec/manifest.json says.";

/// Checks the models of the TLA+ specification.
#[derive(Debug, clap::Args)]
#[command(after_help = help::below(EXAMPLES, MEANS))]
pub(crate) struct Args {
    /// Check only this model; may be repeated.
    #[arg(long = "model", value_name = "NAME", conflicts_with = "mutants")]
    models: Vec<String>,
    /// Print each counterexample as steps in words.
    #[arg(long, conflicts_with = "mutants")]
    trace: bool,
    /// Also check with TLC, and compare.
    #[arg(long, conflicts_with = "mutants")]
    tlc: bool,
    /// Leave out each condition of each module in turn, and see whether some model notices.
    #[arg(long)]
    mutants: bool,
    /// Have tlapm check the proofs, and record what it accepts.
    #[arg(long, conflicts_with_all = ["models", "trace", "tlc", "format"])]
    proofs: bool,
    /// With --proofs: only those modules that have changed since, or build on one that has.
    #[arg(long, requires = "proofs", conflicts_with = "mutants")]
    changed: bool,
    /// With --proofs: only this module's proofs, or with --mutants its mutants; may be repeated.
    #[arg(long, value_name = "MODULE", requires = "proofs")]
    of: Vec<String>,
    #[command(flatten)]
    spec_dir: SpecDir,
    /// How to print the results.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Serialize)]
struct ModelsDocument<'a> {
    models: Vec<ModelEntry<'a>>,
    as_expected: bool,
}

#[derive(Serialize)]
struct ModelEntry<'a> {
    model: &'a str,
    module: &'a str,
    about: &'a str,
    expected: &'a Expected,
    /// The result of tla-checker, unless only TLC can check the model.
    found: Option<&'a Finding>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tlc: Option<&'a TlcFinding>,
    /// How the results differ from what is expected.
    differences: Vec<String>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Verdict> {
    if args.proofs && args.mutants {
        return super::sharp::run(&args.spec_dir.to_write()?, &args.of);
    }
    if args.proofs {
        return super::proofs::run(&args.spec_dir.to_write()?, &args.of, args.changed);
    }
    args.spec_dir.choose();
    let specification = Specification::load(&specification::directory()?)?;
    if args.mutants {
        return run_mutants(&specification, args.format);
    }
    let mut models = specification.select(&args.models)?;
    if !args.tlc && args.models.is_empty() {
        models.retain(|model| !model.is_for_tlc_only);
    }
    let left_out = specification.select(&args.models)?.len() - models.len();
    let progress = progress(models.len(), "models");
    let found = spec::in_parallel(&models, |model| {
        let skip = args.tlc && model.is_for_tlc_only;
        let found = if skip { None } else { Some(model.check()?) };
        progress.inc(1);
        Ok(found)
    });
    progress.finish_and_clear();
    let found = found?;
    let by_tlc = if args.tlc {
        let progress = screen::spinner("checking with TLC");
        let by_tlc = tlc::check(
            specification.directory(),
            &specification::downloads(),
            &models,
        );
        progress.finish_and_clear();
        by_tlc?
    } else {
        Vec::new()
    };

    let models = models
        .iter()
        .zip(&found)
        .map(|(model, found)| ModelEntry::new(model, found.as_ref(), &by_tlc));
    let models: Vec<ModelEntry<'_>> = models.collect();
    let as_expected = models.iter().all(|model| model.differences.is_empty());
    match args.format {
        Format::Table => {
            print_table(&models, args)?;
            if left_out > 0 {
                let mut out = report::out();
                writeln!(out, "Only TLC can check {left_out} more models: --tlc.")?;
            }
        }
        Format::Json => report::print_json(
            "spec/1",
            &ModelsDocument {
                models,
                as_expected,
            },
        )?,
    }
    Ok(as_expected.into())
}

impl<'a> ModelEntry<'a> {
    fn new(model: &'a Model, found: Option<&'a Finding>, by_tlc: &'a [TlcFinding]) -> Self {
        let tlc = by_tlc.iter().find(|tlc| tlc.model == model.name);
        let mut differences = Vec::new();
        if let Some(found) = found {
            differences.extend(found.differences(&model.expected));
            differences.extend(tlc.iter().flat_map(|tlc| tlc.disagreements(found)));
        }
        if let Some(tlc) = tlc {
            let of_tlc = tlc.differences.iter();
            differences.extend(of_tlc.map(|difference| format!("TLC: {difference}")));
        }
        ModelEntry {
            model: &model.name,
            module: &model.module,
            about: &model.about,
            expected: &model.expected,
            found,
            tlc,
            differences,
        }
    }
}

fn print_table(models: &[ModelEntry<'_>], args: &Args) -> io::Result<()> {
    let mut header = vec!["model", "expected", "found", "states", "depth", "seconds"];
    if args.tlc {
        header.extend(["TLC: states", "TLC: depth", "TLC: seconds"]);
    }
    let mut table = new_table(&header);
    let number = |number: Option<u64>| {
        let text = number.map_or_else(|| "–".to_owned(), grouped);
        Cell::new(text).set_alignment(CellAlignment::Right)
    };
    let seconds =
        |seconds: f64| Cell::new(format!("{seconds:.2}")).set_alignment(CellAlignment::Right);
    for model in models {
        let as_expected = model.differences.is_empty();
        let mut row = vec![Cell::new(model.model), Cell::new(model.expected.in_words())];
        match (model.found, model.tlc) {
            (Some(found), _) => row.extend([
                verdict_cell(&found.in_words(), as_expected),
                number(Some(found.distinct_states)),
                number(Some(found.depth)),
                seconds(found.seconds),
            ]),
            (None, tlc) => row.extend([
                verdict_cell(
                    &tlc.map_or_else(String::new, |tlc| tlc.in_words()),
                    as_expected,
                ),
                number(None),
                number(None),
                Cell::new("TLC only"),
            ]),
        }
        if let Some(tlc) = model.tlc {
            row.extend([
                number(Some(tlc.distinct_states)),
                number(tlc.state_depth),
                seconds(tlc.seconds),
            ]);
        }
        table.add_row(row);
    }
    // The columns that a narrow terminal does without.
    let spare = ["depth", "TLC: depth", "TLC: seconds", "expected", "seconds"];
    report::print_table_sparing(&table, &spare)?;
    let mut out = report::out();
    for model in models {
        for difference in &model.differences {
            writeln!(out, "NOT as expected: {}: {difference}", model.model)?;
        }
    }
    for model in models.iter().filter(|_| args.trace) {
        let found = model.found.iter();
        for (found, trace) in found.filter_map(|found| Some((found, found.trace.as_ref()?))) {
            let failure = found.in_words();
            writeln!(
                out,
                "\n{}: {failure}. {}\n{trace}",
                model.model, model.about
            )?;
        }
    }
    Ok(())
}

#[derive(Serialize)]
struct MutantsDocument<'a> {
    made: usize,
    caught: usize,
    may_stand: usize,
    mutants: &'a [Mutant],
    as_expected: bool,
}

fn run_mutants(specification: &Specification, format: Format) -> anyhow::Result<Verdict> {
    let made = mutants::make(specification)?;
    let progress = progress(made.len(), "mutants");
    let mutants = mutants::check_all(specification, made, || progress.inc(1));
    progress.finish_and_clear();
    let mutants = mutants?;
    let caught = mutants.iter().filter(|mutant| mutant.is_caught()).count();
    let as_expected = mutants.iter().all(Mutant::is_as_expected);
    let may_stand = mutants.iter().filter(|mutant| mutant.may_stand.is_some());
    let may_stand = may_stand.count();
    if format == Format::Json {
        report::print_json(
            "spec-mutants/1",
            &MutantsDocument {
                made: mutants.len(),
                caught,
                may_stand,
                mutants: &mutants,
                as_expected,
            },
        )?;
        return Ok(as_expected.into());
    }
    let mut table = new_table(&["without", "in", "what becomes of it"]);
    for mutant in &mutants {
        let fate = match (&mutant.fate, &mutant.may_stand) {
            (Fate::Caught { model, how }, _) => format!("{model}: {how}"),
            (Fate::Stands, Some(reason)) => format!("may stand: {reason}"),
            (Fate::Stands, None) => "no model notices".to_owned(),
        };
        table.add_row(vec![
            Cell::new(&mutant.without),
            Cell::new(format!("{}: {}", mutant.module, mutant.definition)),
            verdict_cell(&fate, mutant.is_as_expected()),
        ]);
    }
    report::print_table(&table)?;
    let made = mutants.len();
    writeln!(
        report::out(),
        "{made} mutants, {caught} caught, {may_stand} may stand."
    )?;
    Ok(as_expected.into())
}

/// Shows progress on standard error, if that is a terminal.
pub(super) fn progress(length: usize, of_what: &str) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg} {pos}/{len}");
    ProgressBar::new(length as u64)
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        .with_message(format!("checking {of_what}"))
}
