//! `wakeproof conform`: compares code and specification, step by step, in both directions.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::help;
use crate::report::{
    self, Format, Verdict, grouped, new_table, print_json, print_table, print_table_sparing,
    verdict_cell,
};
use crate::screen;
use crate::specification::{self, SpecDir};
use anyhow::Context;
use comfy_table::{Cell, CellAlignment};
use serde::Serialize;
use wakeproof_conform::asyncio_loop;
use wakeproof_conform::comparison::{Compared, Explorer, compare};
use wakeproof_conform::event_task::{self, Design};
use wakeproof_conform::faults::{self, FaultComparison};
use wakeproof_conform::loop_models;
use wakeproof_conform::models::{self, Model};
use wakeproof_conform::mutants::{self, Fate, Mutant};
use wakeproof_conform::relation::{Bounds, Source};
use wakeproof_conform::spec::in_parallel;
use wakeproof_conform::timers::{self, Timers};
use wakeproof_explore::Limits;
use wakeproof_model_tests::models::CorrectSteps;
use wakeproof_model_tests::pairs::Pair;

use super::recording;
use super::spec::progress;

const EXAMPLES: &str = "\
Examples:
  wakeproof conform                        the code's executions, and how much of the specification they show
  wakeproof conform --model timed-stop     a larger model
  wakeproof conform --faults               faulty code, and the specification without and with the fault
  wakeproof conform --mutants              the code, and the specification with one part left out
  wakeproof conform --trace spec/examples/condition.jsonl          another program's recording
  wakeproof conform --trace spec/examples/condition-broken.jsonl   refused, and why
  python3 my_loop.py | wakeproof conform --trace -                 a recording as it is made";

const MEANS: &str = "0 if every step is one that the specification allows.\ndocs/recording-format.md describes the format of recordings.";

/// Compares code and specification step by step.
#[derive(Debug, clap::Args)]
#[command(after_help = help::below(EXAMPLES, MEANS))]
pub(crate) struct Args {
    /// Compare only in this model; may be repeated.
    #[arg(long = "model", value_name = "NAME", conflicts_with_all = ["faults", "mutants", "trace"])]
    models: Vec<String>,
    /// Compare faulty code with the correct specification, and with one that has the same fault.
    #[arg(long, conflicts_with_all = ["mutants", "trace"])]
    faults: bool,
    /// Leave out each guard and each update of the specification in turn.
    #[arg(long, conflicts_with = "trace")]
    mutants: bool,
    /// Judge a recording that any program in any language has made; - reads standard input.
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Hold the recording against this module, and not against the one that it names.
    #[arg(long, value_name = "MODULE", requires = "trace")]
    against: Option<String>,
    #[command(flatten)]
    spec_dir: SpecDir,
    /// How to print the results.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Verdict> {
    args.spec_dir.choose();
    if let Some(file) = &args.trace {
        recording::run(file, args.against.as_deref(), args.format)
    } else if args.faults {
        try_faults(args)
    } else if args.mutants {
        try_mutants(args)
    } else {
        compare_models(args)
    }
}

#[derive(Serialize)]
struct Comparison {
    model: &'static str,
    about: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    bounds: Option<Bounds>,
    explorer: Explorer,
    #[serde(flatten)]
    compared: Compared,
    as_expected: bool,
}

impl Comparison {
    fn new(model: &'static str, about: String, explorer: Explorer, compared: Compared) -> Self {
        let covered = compared.covered.as_ref();
        let is_shown = covered.is_none_or(|covered| covered.is_everything());
        let as_expected = compared.refused.is_none() && compared.cut_short.is_none() && is_shown;
        Comparison {
            model,
            about,
            bounds: None,
            explorer,
            compared,
            as_expected,
        }
    }
}

/// One comparison.
enum Work {
    /// The inbox, in a model with bounds.
    Inbox(Model, Explorer),
    /// The loop with timers.
    Timers(Timers),
    /// A task and an event.
    EventTask,
    /// A model of the loop that loom and shuttle also check.
    Loop(Pair),
    /// The second loop, asyncio's design.
    Asyncio(asyncio_loop::Model),
}

/// How many schedules of each model of the loop are followed.
const SAMPLES: Explorer = Explorer::ShuttleRandom(SCHEDULES);
const SCHEDULES: u64 = 200;

impl Work {
    fn select(names: &[String]) -> anyhow::Result<Vec<Work>> {
        let inbox = models::select(names)?.into_iter().flat_map(|model| {
            let explorers = model.explorers().into_iter();
            explorers.map(move |explorer| Work::Inbox(model, explorer))
        });
        if !names.is_empty() {
            return Ok(inbox.collect());
        }
        let timers = timers::ALL.into_iter().map(Work::Timers);
        let loops = loop_models::followed().into_iter().map(Work::Loop);
        let event_task = std::iter::once(Work::EventTask);
        let asyncio = asyncio_loop::ALL.into_iter().map(Work::Asyncio);
        let ours = inbox.chain(timers).chain(event_task).chain(loops);
        Ok(ours.chain(asyncio).collect())
    }

    fn compare(&self, folder: &Path) -> anyhow::Result<Comparison> {
        let limits = Limits::default();
        let source = Source::correct(folder);
        Ok(match self {
            Work::Inbox(model, explorer) => {
                let programs = model.programs();
                let compared =
                    compare::<CorrectSteps>(None, &source, &programs, *explorer, &limits)?;
                let about = model.about.to_owned();
                Comparison {
                    bounds: Some(model.bounds),
                    ..Comparison::new(model.name, about, *explorer, compared)
                }
            }
            Work::Timers(timers) => {
                let source = timers.source(folder);
                let compared = timers.compare(None, &source, &limits)?;
                let about = format!("the loop: {}", timers.about);
                Comparison::new(timers.name, about, Explorer::ShuttleDepthFirst, compared)
            }
            Work::EventTask => {
                let compared = event_task::compare(folder, Design::Correct, &limits)?;
                let about = "the loop: a task waits for an event".to_owned();
                Comparison::new("event task", about, Explorer::ShuttleDepthFirst, compared)
            }
            Work::Asyncio(model) => {
                let compared = model.compare(folder, &limits)?;
                let about = format!("asyncio's design: {}", model.about);
                Comparison::new(model.name, about, model.explorer(), compared)
            }
            Work::Loop(pair) => {
                let compared = loop_models::follow(&source, &pair.correct, SCHEDULES)
                    .with_context(|| pair.name)?;
                let about = format!("the loop: {}", pair.name);
                Comparison::new("loop", about, SAMPLES, compared)
            }
        })
    }
}

/// Like [`in_parallel`], and shows the progress.
fn with_progress<T: Sync, R: Send>(
    items: &[T],
    of_what: &str,
    work: impl Fn(&T) -> anyhow::Result<R> + Sync,
) -> anyhow::Result<Vec<R>> {
    let progress = progress(items.len(), of_what);
    let results = in_parallel(items, |item| {
        let result = work(item);
        progress.inc(1);
        result
    });
    progress.finish_and_clear();
    results
}

fn compare_models(args: &Args) -> anyhow::Result<Verdict> {
    #[derive(Serialize)]
    struct Document<'a> {
        models: &'a [Comparison],
        not_compared: &'a [(&'a str, &'a str)],
        steps_followed_per_second: f64,
        as_expected: bool,
    }
    let work = Work::select(&args.models)?;
    let folder = specification::directory()?;
    let compared = with_progress(&work, "comparisons", |work| work.compare(&folder))?;
    let as_expected = compared.iter().all(|comparison| comparison.as_expected);
    // Sampled comparisons evaluate the specification as they go, which takes most of their time.
    let sum = |of: fn(&Compared) -> f64| -> f64 {
        let known = compared.iter().filter(|it| !is_sampled(it.explorer));
        known.map(|comparison| of(&comparison.compared)).sum()
    };
    let rate = sum(|compared| compared.steps as f64) / sum(|compared| compared.seconds_following);
    if args.format == Format::Json {
        print_json(
            "conform/1",
            &Document {
                models: &compared,
                not_compared: &loop_models::NOT_COMPARED,
                steps_followed_per_second: rate,
                as_expected,
            },
        )?;
        return Ok(as_expected.into());
    }
    // The columns that a narrow terminal does without.
    let spare = ["seconds", "steps", "what happens", "executions"];
    print_table_sparing(&models_table(&compared), &spare)?;
    let mut out = report::out();
    for comparison in &compared {
        explain(&mut out, comparison)?;
    }
    if as_expected {
        let conclusion = format!(
            "As expected: every execution is a behaviour of the specification, and all schedules of a model \
             together show each state and each transition that it allows. (loom skips schedules whose \
             difference no thread can see. Timers, tasks and the models of the whole loop do not do \
             everything that the specification allows.) Followed {:.1} million steps a second.",
            rate / 1e6
        );
        writeln!(out, "{}", screen::wrap(&conclusion))?;
    } else {
        writeln!(out, "NOT as expected: look for ✗ in the table.")?;
    }
    Ok(as_expected.into())
}

fn is_sampled(explorer: Explorer) -> bool {
    matches!(explorer, Explorer::ShuttleRandom(_))
}

fn models_table(compared: &[Comparison]) -> comfy_table::Table {
    let mut table = new_table(&[
        "model",
        "what happens",
        "explored by",
        "executions",
        "steps",
        "refused",
        "states shown",
        "transitions shown",
        "seconds",
    ]);
    let loops: Vec<&Comparison> = compared.iter().filter(|it| it.model == "loop").collect();
    for comparison in compared.iter().filter(|it| it.model != "loop") {
        let compared = &comparison.compared;
        let refused = usize::from(compared.refused.is_some());
        let shown = |what: Option<(usize, usize)>| match what {
            Some((shown, of)) => verdict_cell(&format!("{shown} of {of}"), shown == of),
            None => Cell::new("–"),
        };
        let covered = compared.covered.as_ref();
        table.add_row(vec![
            Cell::new(comparison.model),
            Cell::new(&comparison.about),
            Cell::new(in_words(comparison.explorer)),
            right(&grouped(compared.executions)),
            right(&grouped(compared.steps)),
            verdict_cell(&refused.to_string(), refused == 0),
            shown(covered.map(|covered| (covered.states, covered.of_states))),
            shown(covered.map(|covered| (covered.transitions, covered.of_transitions))),
            right(&format!("{:.2}", compared.seconds)),
        ]);
    }
    if !loops.is_empty() {
        let sum = |of: fn(&Compared) -> u64| loops.iter().map(|it| of(&it.compared)).sum();
        let refused = loops
            .iter()
            .filter(|it| it.compared.refused.is_some())
            .count();
        let seconds: f64 = loops.iter().map(|it| it.compared.seconds).sum();
        table.add_row(vec![
            Cell::new("loop"),
            Cell::new(format!("the loop: the {} models of its own", loops.len())),
            Cell::new(in_words(SAMPLES)),
            right(&grouped(sum(|compared| compared.executions))),
            right(&grouped(sum(|compared| compared.steps))),
            verdict_cell(&refused.to_string(), refused == 0),
            Cell::new("–"),
            Cell::new("–"),
            right(&format!("{seconds:.2}")),
        ]);
    }
    table
}

fn in_words(explorer: Explorer) -> &'static str {
    match explorer {
        Explorer::ShuttleDepthFirst => "shuttle, all",
        Explorer::ShuttleRandom(_) => "shuttle, random",
        Explorer::Loom => "loom, all",
    }
}

fn explain(out: &mut impl Write, comparison: &Comparison) -> io::Result<()> {
    let Comparison {
        model,
        about,
        compared,
        ..
    } = comparison;
    if let Some(refused) = &compared.refused {
        writeln!(out, "{model} ({about}): refused\n{}", refused.report)?;
    }
    if let Some(why) = &compared.cut_short {
        writeln!(out, "{model}: cut short ({why}): no proof")?;
    }
    for missing in compared.covered.iter().flat_map(|covered| &covered.missing) {
        writeln!(out, "{model}: not shown: {missing}")?;
    }
    Ok(())
}

fn try_faults(args: &Args) -> anyhow::Result<Verdict> {
    #[derive(Serialize)]
    struct Document<'a> {
        faults: &'a [FaultComparison],
        not_compared: &'a [(&'a str, &'a str)],
        as_expected: bool,
    }
    let folder = specification::directory()?;
    let mut tried = with_progress(&faults::all(), "faults", |fault| {
        faults::try_fault(&folder, fault, &Limits::default())
    })?;
    tried.extend(with_progress(&asyncio_loop::FAULTS, "faults", |fault| {
        fault.try_it(&folder, &Limits::default())
    })?);
    let as_expected = tried.iter().all(FaultComparison::is_as_expected);
    if args.format == Format::Json {
        print_json(
            "conform-faults/1",
            &Document {
                faults: &tried,
                not_compared: &faults::NOT_COMPARED,
                as_expected,
            },
        )?;
        return Ok(as_expected.into());
    }
    let mut table = new_table(&[
        "fault",
        "correct code, correct specification",
        "faulty code, correct specification",
        "faulty code, faulty specification",
    ]);
    for tried in &tried {
        let refused = match &tried.refused.refused {
            Some(refused) => format!(
                "refused at step {}, {}",
                refused.after_steps + 1,
                refused.what
            ),
            None => "accepted".into(),
        };
        table.add_row(vec![
            Cell::new(tried.fault),
            accepted(&tried.correct),
            verdict_cell(&refused, tried.refused.refused.is_some()),
            tried.accepted.as_ref().map_or(Cell::new("–"), accepted),
        ]);
    }
    print_table(&table)?;
    let mut out = report::out();
    for (fault, why) in faults::NOT_COMPARED {
        writeln!(out, "not compared: {fault}: {why}")?;
    }
    let conclusion = if as_expected {
        "As expected: the specification refuses each fault and accepts the correct code, and a specification \
         with the same fault accepts both."
    } else {
        "NOT as expected: look for ✗ in the table."
    };
    writeln!(out, "{}", screen::wrap(conclusion))?;
    Ok(as_expected.into())
}

fn accepted(compared: &Compared) -> Cell {
    match &compared.refused {
        None => {
            let executions = report::Work {
                count: compared.executions,
                unit: "executions".into(),
            };
            verdict_cell(&format!("accepted, {executions}"), true)
        }
        Some(refused) => verdict_cell(&format!("refused at {}", refused.what), false),
    }
}

fn try_mutants(args: &Args) -> anyhow::Result<Verdict> {
    #[derive(Serialize)]
    struct Document<'a> {
        mutants: &'a [Mutant],
        as_expected: bool,
    }
    let folder = specification::directory()?;
    let source = Source::correct(&folder);
    let mutants = mutants::make(&source)?;
    let every_schedule = |model: &Model| !model.is_sampled;
    let models: Vec<Model> = models::select(&[])?
        .into_iter()
        .filter(every_schedule)
        .collect();
    let progress = progress(mutants.len(), "mutants");
    let tried = mutants::explore(&folder, &models, &Limits::default())
        .and_then(|explored| mutants::try_all(&folder, mutants, &explored, || progress.inc(1)));
    progress.finish_and_clear();
    let tried = tried?;
    let standing = tried.iter().filter(|mutant| mutant.fate == Fate::Stands);
    let standing = standing.count();
    let as_expected = standing == 0;
    if args.format == Format::Json {
        print_json(
            "conform-mutants/1",
            &Document {
                mutants: &tried,
                as_expected,
            },
        )?;
        return Ok(as_expected.into());
    }
    let mut table = new_table(&["action", "left out", "how it is noticed"]);
    for mutant in &tried {
        let (fate, is_caught) = match &mutant.fate {
            Fate::Refused { model } => (format!("an execution is refused ({model})"), true),
            Fate::NotCovered { model, how } => (format!("not shown: {how} ({model})"), true),
            Fate::Senseless { why } => (format!("cannot be evaluated: {why}"), true),
            Fate::BreaksTheContract { property } => (format!("same steps; {property} fails"), true),
            Fate::Stands => ("not noticed".to_owned(), false),
        };
        table.add_row(vec![
            Cell::new(&mutant.action),
            Cell::new(&mutant.without),
            verdict_cell(&fate, is_caught),
        ]);
    }
    print_table(&table)?;
    writeln!(
        report::out(),
        "{} guards and updates left out, one at a time; {standing} not noticed.",
        tried.len(),
    )?;
    Ok(as_expected.into())
}

fn right(text: &str) -> Cell {
    Cell::new(text).set_alignment(CellAlignment::Right)
}
