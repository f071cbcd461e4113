//! `wakeproof report`: one page with everything.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, bail};
use serde_json::Value;
use tempfile::NamedTempFile;
use wakeproof_conform::comparison::{Explorer, compare};
use wakeproof_conform::files;
use wakeproof_conform::models;
use wakeproof_conform::relation::Source;
use wakeproof_conform::spec::states::StateGraph;
use wakeproof_conform::spec::{Specification, in_parallel};
use wakeproof_explore::Limits;
use wakeproof_explore::trace::Trace;
use wakeproof_in_the_wild::Report;
use wakeproof_model_tests::faults::{self, Checker, Fault};
use wakeproof_model_tests::models::CorrectSteps;

use super::overview;
use crate::matrix::{self, Bounds};
use crate::page::{self, Coverage, DRAWN, Drawn, Made, Page};
use crate::report::{self, Verdict};
use crate::specification::{self, SpecDir};
use crate::{counterexample, help, interrupt, screen};

const EXAMPLES: &str = "\
Examples:
  wakeproof report                           wakeproof-report/index.html: open it in a browser
  wakeproof report --out /tmp/page           the same elsewhere
  wakeproof report --matrix                  every checker against every fault, too: some minutes
  wakeproof probe --format json > loops.json
  wakeproof report --loops loops.json        with the table of real loops

The page is one file. It needs no network, and can be read without a script.";

const MEANS: &str = "0 if everything on the page is as expected.";

/// The page in its folder.
const FILE: &str = "index.html";
/// What `probe --format json` prints.
const LOOPS: &str = "probe/1";
/// The models of the specification whose graphs are drawn: without the wakeup, and with it.
const SMALL: [&str; 2] = ["LostWakeupUnsafe", "LostWakeup"];
/// How many states can be drawn.
const MOST_STATES: usize = 20;
/// The models in which it is counted how much of the specification is shown.
const COVERED: [&str; 3] = ["stop", "local", "spurious"];
/// How many schedules are searched for the shortest counterexample.
const MOST_SCHEDULES: u64 = 20_000;
/// The gallery, with the executions that it draws.
const GALLERY: &str = include_str!("../../../docs/in-the-wild.md");

#[derive(Debug, clap::Args)]
#[command(after_help = help::below(EXAMPLES, MEANS))]
pub(crate) struct Args {
    /// The folder for the page: a new one, or an empty one.
    #[arg(long, value_name = "DIR", default_value = "wakeproof-report")]
    out: PathBuf,
    /// Fill in the whole matrix, which takes some minutes.
    #[arg(long)]
    matrix: bool,
    /// What `wakeproof probe --format json` has printed.
    #[arg(long, value_name = "FILE")]
    loops: Option<PathBuf>,
    /// Smaller bounds for the table.
    #[arg(long)]
    quick: bool,
    #[command(flatten)]
    spec_dir: SpecDir,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Verdict> {
    args.spec_dir.choose();
    let loops = args.loops.as_deref().map(read_loops).transpose()?;
    let folder = Folder::prepare(&args.out)?;
    let page = make(args, loops)?;
    if interrupt::status().is_some() {
        return Ok(Verdict::Interrupted);
    }
    let path = folder.write(&page::write(&page))?;
    let mut out = report::out();
    writeln!(out, "{}", page.conclusion)?;
    writeln!(out, "{}", path.display())?;
    Ok(page.verdict)
}

/// The folder that the page goes to, which was seen to take files.
struct Folder {
    path: PathBuf,
    /// What is written before it has its name. Gone if nothing comes of it.
    unfinished: NamedTempFile,
    /// Whether it was made for the page, and so goes if nothing comes of it.
    made: Option<MadeHere>,
}

/// A folder that is removed, if it is empty.
struct MadeHere(PathBuf);

impl Drop for MadeHere {
    fn drop(&mut self) {
        // With the page in it, it is not empty and stays.
        let _ = fs::remove_dir(&self.0);
    }
}

impl Folder {
    fn prepare(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        let made = match fs::read_dir(path) {
            Ok(mut entries) => {
                if entries.next().is_some() {
                    bail!("{shown} is not empty; name a new folder with --out, or empty this one");
                }
                None
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                fs::create_dir_all(path)
                    .with_context(|| format!("cannot make the folder {shown}"))?;
                Some(MadeHere(path.to_owned()))
            }
            Err(error) => {
                return Err(error).with_context(|| format!("cannot use {shown} as a folder"));
            }
        };
        let unfinished = NamedTempFile::new_in(path)
            .with_context(|| format!("cannot write into the folder {shown}"))?;
        interrupt::removes(unfinished.path());
        if made.is_some() {
            interrupt::removes(path);
        }
        Ok(Folder {
            path: path.to_owned(),
            unfinished,
            made,
        })
    }

    /// Writes aside, and renames.
    fn write(self, text: &str) -> anyhow::Result<PathBuf> {
        let path = self.path.join(FILE);
        files::put(self.unfinished, &path, text)
            .with_context(|| format!("cannot write {}", path.display()))?;
        drop(self.made);
        Ok(path)
    }
}

fn read_loops(path: &Path) -> anyhow::Result<Value> {
    let shown = path.display();
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {shown}"))?;
    let how = "make it with `wakeproof probe --format json` of this version";
    let document: Value =
        serde_json::from_str(&text).with_context(|| format!("{shown} is no JSON: {how}"))?;
    if document["shape"] != LOOPS || !document["loops"].is_array() {
        bail!("{shown} has not the shape {LOOPS}: {how}");
    }
    Ok(document)
}

/// Makes every figure, and notes how.
fn make(args: &Args, loops: Option<Value>) -> anyhow::Result<Page> {
    let spinner = screen::spinner("");
    let mut made = Vec::new();
    let mut figure = |what: &'static str, command: &str, bounds: String, begun: Instant| {
        made.push(Made {
            what,
            command: command.to_owned(),
            bounds,
            seconds: Some(begun.elapsed().as_secs_f64()),
        });
    };

    let begun = Instant::now();
    spinner.set_message("the table");
    let checked = overview::checked(args.quick)?;
    let command = if args.quick {
        "wakeproof --quick"
    } else {
        "wakeproof"
    };
    figure("table", command, checked.bounds.clone(), begun);

    let begun = Instant::now();
    spinner.set_message("the counterexamples");
    let drawn = drawn()?;
    let bounds = format!(
        "the shortest of at most {MOST_SCHEDULES} schedules; at most 4 preemptions under loom"
    );
    figure(
        "counterexamples",
        "wakeproof trace NAME --checker CHECKER",
        bounds,
        begun,
    );

    let begun = Instant::now();
    spinner.set_message("the bugs in the wild");
    let gallery = gallery()?;
    let bounds = "the executions of docs/in-the-wild.md, replayed".to_owned();
    figure(
        "bugs in the wild",
        "wakeproof explore --example NAME",
        bounds,
        begun,
    );

    let begun = Instant::now();
    spinner.set_message("the state graph");
    let specification = Specification::load(&specification::directory()?)?;
    let graph = |name| StateGraph::of(specification.model(name)?, MOST_STATES);
    let graphs = [graph(SMALL[0])?, graph(SMALL[1])?];
    figure(
        "state graph",
        &format!("wakeproof spec {}", SMALL.join(" ")),
        "all its states".to_owned(),
        begun,
    );

    let begun = Instant::now();
    spinner.set_message("the code against the specification");
    let coverage = coverage()?;
    let command = COVERED.map(|model| format!(" --model {model}")).concat();
    figure(
        "coverage",
        &format!("wakeproof conform{command}"),
        "every schedule of each model".to_owned(),
        begun,
    );

    let bounds = Bounds::default();
    let about = format!(
        "seed {}, {} samples, {} runs on real threads, at most {} executions",
        bounds.seed, bounds.samples, bounds.repetitions, bounds.most_executions
    );
    let filled = if args.matrix {
        let begun = Instant::now();
        interrupt::ends(&bounds.progress);
        let watch = |name: &str, checker: Checker| {
            spinner.set_message(format!("the matrix: {name}: {checker}"));
        };
        let filled = matrix::fill(&bounds, &watch)?;
        figure("matrix", "wakeproof report --matrix", about, begun);
        Some(filled)
    } else {
        made.push(Made {
            what: "matrix",
            command: "wakeproof report --matrix".to_owned(),
            bounds: about,
            seconds: None,
        });
        None
    };
    spinner.finish_and_clear();
    let not_made = |what, command: &str, bounds: &str| Made {
        what,
        command: command.to_owned(),
        bounds: bounds.to_owned(),
        seconds: None,
    };
    made.push(not_made(
        "real loops",
        "wakeproof probe --build --format json",
        "each loop, each question",
    ));
    made.push(not_made(
        "speed",
        "cargo bench",
        "docs/speed.md says which machine",
    ));

    let [unsafe_call, safe_call] = &graphs;
    let is_lost_without = !unsafe_call.path.is_empty() && safe_call.path.is_empty();
    let is_right = is_lost_without
        && filled.as_ref().is_none_or(|matrix| matrix.as_expected)
        && coverage
            .iter()
            .all(|row| row.states[0] == row.states[1] && row.steps[0] == row.steps[1]);
    let verdict = match checked.verdict {
        Verdict::AsExpected if !is_right => Verdict::NotAsExpected,
        verdict => verdict,
    };
    Ok(Page {
        verdict,
        conclusion: overview::conclusion(verdict).to_owned(),
        rows: checked.rows,
        assumed: checked.assumed,
        faults: drawn,
        matrix: filled,
        gallery,
        loops,
        graphs,
        coverage,
        made,
        by: vec![
            (
                "version",
                format!("wakeproof {}", env!("CARGO_PKG_VERSION")),
            ),
            (
                "system",
                format!("{}, {}", std::env::consts::OS, std::env::consts::ARCH),
            ),
            (
                "made on",
                humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
            ),
        ],
    })
}

/// Each fault of the catalogue, and what each checker that can be drawn finds.
fn drawn() -> anyhow::Result<Vec<Drawn>> {
    let faults = faults::catalogue();
    let pairs: Vec<(&Fault, Checker)> = faults
        .iter()
        .flat_map(|fault| DRAWN.map(|checker| (fault, checker)))
        .collect();
    let found = in_parallel(&pairs, |(fault, checker)| {
        if let Some(why) = fault.blindness(*checker) {
            return Ok(Err(why.to_owned()));
        }
        // A few need more schedules than the others.
        for most in [MOST_SCHEDULES, 10 * MOST_SCHEDULES] {
            let limits = Limits {
                executions: Some(most),
                ..Limits::default()
            };
            interrupt::ends(&limits.progress);
            if let Some(trace) = counterexample::find(fault, *checker, &limits)? {
                return Ok(Ok(trace));
            }
        }
        bail!("{checker} finds nothing wrong with {}", fault.name)
    })?;
    let mut found = pairs.iter().map(|(_, checker)| *checker).zip(found);
    let mut drawn = Vec::new();
    for fault in &faults {
        drawn.push(Drawn {
            fault: fault.clone(),
            found: found.by_ref().take(DRAWN.len()).collect(),
        });
    }
    Ok(drawn)
}

/// Each bug of the gallery, replayed.
fn gallery() -> anyhow::Result<Vec<(Report, Trace)>> {
    let reports = wakeproof_in_the_wild::reports();
    let traces = in_parallel(&reports, |report| {
        let name = report.name;
        let section = GALLERY.split(&format!("\n## {name}\n")).nth(1);
        let line = section
            .and_then(|section| section.split_once("\nReplay: `"))
            .and_then(|(_, rest)| rest.split('`').next())
            .with_context(|| format!("docs/in-the-wild.md has no execution of {name}"))?;
        let story = report.fault().replay(line)?;
        story
            .trace
            .with_context(|| format!("{name} does not fail any more"))
    })?;
    Ok(reports.into_iter().zip(traces).collect())
}

fn coverage() -> anyhow::Result<Vec<Coverage>> {
    let directory = specification::directory()?;
    let models: Vec<_> = models::ALL
        .iter()
        .filter(|model| COVERED.contains(&model.name))
        .collect();
    in_parallel(&models, |model| {
        let limits = Limits {
            time: Some(Duration::from_secs(120)),
            ..Limits::default()
        };
        interrupt::ends(&limits.progress);
        let compared = compare::<CorrectSteps>(
            None,
            &Source::correct(&directory),
            &model.programs(),
            Explorer::ShuttleDepthFirst,
            &limits,
        )?;
        let covered = compared
            .covered
            .with_context(|| format!("it was not counted what {} shows", model.name))?;
        Ok(Coverage {
            model: model.name.to_owned(),
            about: model.about.to_owned(),
            executions: compared.executions,
            states: [covered.states, covered.of_states],
            steps: [covered.transitions, covered.of_transitions],
        })
    })
}
