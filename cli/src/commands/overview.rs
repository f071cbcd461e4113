//! The main job, which is the whole argument: the line that differs, every check in one table, the shortest
//! counterexample, what is assumed, and the verdict.

use std::io::{self, Write};
use std::time::Duration;

use anyhow::Context;
use serde::Serialize;
use wakeproof_explore::Limits;
use wakeproof_explore::platform::Environment;
use wakeproof_explore::trace::Trace;
use wakeproof_model_tests::faults::{self, Checker};

use crate::difference::{self, PLACE};
use crate::report::{self, Format, Row, Verdict, Work};
use crate::specification::SpecDir;
use crate::{counterexample, interrupt, rows, screen, threads};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Smaller bounds: about a second.
    #[arg(long, conflicts_with = "thorough")]
    quick: bool,
    /// Larger bounds: a minute or two.
    #[arg(long)]
    thorough: bool,
    #[command(flatten)]
    spec_dir: SpecDir,
    /// How to print it.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// How much is tried.
#[derive(Debug, Clone, Copy, Serialize)]
struct Bounds {
    /// What they are called.
    name: &'static str,
    /// How many submissions of each kind real threads make.
    submissions: u32,
    /// How long a loop has nothing to do.
    #[serde(skip)]
    idle: Duration,
    /// How many threads submit under loom and shuttle, each a callback.
    threads: u32,
    /// How many waits may end for no reason there.
    spurious_wakeups: usize,
    /// The models of the specification: the unsafe variant beside the safe one.
    models: [&'static str; 6],
    /// The model in which code and specification are compared.
    compared_in: &'static str,
}

const USUAL: Bounds = Bounds {
    name: "usual",
    submissions: 200,
    idle: Duration::from_secs(1),
    threads: 2,
    spurious_wakeups: 1,
    models: [
        "LostWakeup",
        "LostWakeupUnsafe",
        "CondvarLoop",
        "CondvarLoopUnsafe",
        "AsyncioLoop",
        "AsyncioLoopUnsafe",
    ],
    compared_in: "stop",
};

const QUICK: Bounds = Bounds {
    name: "quick",
    submissions: 50,
    idle: Duration::from_millis(100),
    spurious_wakeups: 0,
    models: [
        "LostWakeup",
        "LostWakeupUnsafe",
        "CondvarLoopOrder",
        "CondvarLoopUnsafe",
        "AsyncioLoopLocal",
        "AsyncioLoopUnsafe",
    ],
    compared_in: "local",
    ..USUAL
};

const THOROUGH: Bounds = Bounds {
    name: "thorough",
    submissions: 2_000,
    idle: Duration::from_secs(5),
    spurious_wakeups: 2,
    models: [
        "LostWakeup",
        "LostWakeupUnsafe",
        "CondvarLoopLarge",
        "CondvarLoopUnsafe",
        "AsyncioLoopLarge",
        "AsyncioLoopUnsafe",
    ],
    compared_in: "spurious",
    ..USUAL
};

/// The fault whose counterexample is drawn: the unsafe call.
const FAULT: &str = "no-notify";

#[derive(Serialize)]
struct Document<'a> {
    bounds: Bounds,
    the_line_that_differs: &'static str,
    rows: &'a [Row],
    counterexample: &'a Trace,
    assumed: Vec<Assumption>,
    /// `null` if something could not be checked, and nothing else is wrong.
    as_expected: Option<bool>,
}

/// What the checks take for granted, and so cannot show.
#[derive(Serialize)]
struct Assumption {
    about: &'static str,
    what: String,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Verdict> {
    args.spec_dir.choose();
    let bounds = match (args.quick, args.thorough) {
        (true, _) => QUICK,
        (_, true) => THOROUGH,
        _ => USUAL,
    };
    if args.format == Format::Table {
        show_the_line()?;
    }
    let rows = check(&bounds)?;
    let limits = Limits::default();
    interrupt::ends(&limits.progress);
    let fault = faults::find(FAULT)?;
    let found = counterexample::find(&fault, Checker::ShuttleDepthFirst, &limits)?;
    let counterexample = found.context("shuttle finds nothing wrong with the unsafe call")?;
    let verdict = report::verdict(&rows);
    let assumed = assumed(&bounds);
    match args.format {
        Format::Json => report::print_json(
            "overview/1",
            &Document {
                bounds,
                the_line_that_differs: difference::lines()
                    .iter()
                    .find(|line| !line.is_common)
                    .map_or("", |line| line.text),
                rows: &rows,
                counterexample: &counterexample,
                assumed,
                as_expected: match verdict {
                    Verdict::AsExpected => Some(true),
                    Verdict::NotAsExpected => Some(false),
                    _ => None,
                },
            },
        )?,
        Format::Table => {
            let mut out = report::out();
            writeln!(out, "Checked in this run, with the {} bounds:", bounds.name)?;
            write!(out, "{}", report::rows_as_text(&rows, screen::width()))?;
            writeln!(
                out,
                "\nHow call_soon loses its wakeup, in the fewest steps:\n"
            )?;
            writeln!(
                out,
                "{}",
                counterexample.to_page(&crate::screen::page()).trim_end()
            )?;
            writeln!(out, "\nAssumed, and so not shown:")?;
            for Assumption { about, what } in assumed {
                let label = format!("  {about:10}");
                writeln!(out, "{}", screen::wrap_beside(&label, &what))?;
            }
            writeln!(out, "\n{}", screen::wrap(conclusion(verdict)))?;
        }
    }
    Ok(verdict)
}

/// What the checks have come to, for a page that shows more.
pub(crate) struct Checked {
    pub(crate) rows: Vec<Row>,
    /// What they take for granted: about what, and what.
    pub(crate) assumed: Vec<(String, String)>,
    /// The name of the bounds, and the bounds.
    pub(crate) bounds: String,
    pub(crate) verdict: Verdict,
}

/// Runs every check.
pub(crate) fn checked(is_quick: bool) -> anyhow::Result<Checked> {
    let bounds = if is_quick { QUICK } else { USUAL };
    let rows = check(&bounds)?;
    let assumed = assumed(&bounds);
    Ok(Checked {
        bounds: format!("{}: {}", bounds.name, assumed[0].what),
        assumed: assumed
            .into_iter()
            .map(|Assumption { about, what }| (about.to_owned(), what))
            .collect(),
        verdict: report::verdict(&rows),
        rows,
    })
}

/// The body of `call_soon_threadsafe`, with the line marked that `call_soon` does not have.
fn show_the_line() -> io::Result<()> {
    let mut out = report::out();
    writeln!(
        out,
        "The one line that makes call_soon threadsafe, in {PLACE}:\n"
    )?;
    for line in difference::lines() {
        let mark = if line.is_common { ' ' } else { '+' };
        writeln!(out, "  {mark} {}", line.text)?;
    }
    writeln!(out)
}

/// What one checker does: its name, what it is about, and its rows.
type Check<'a> = (
    &'static str,
    &'static str,
    Box<dyn Fn() -> anyhow::Result<Vec<Row>> + 'a>,
);

/// Runs every check. What cannot be checked becomes a row that says so.
fn check(bounds: &Bounds) -> anyhow::Result<Vec<Row>> {
    let environment = Environment {
        spurious_wakeups: bounds.spurious_wakeups,
        ..Environment::QUIET
    };
    let checks: [Check<'_>; 5] = [
        (
            "real threads",
            "both calls",
            Box::new(|| Ok(threads::rows(bounds.submissions, bounds.idle))),
        ),
        (
            "loom, shuttle",
            "both calls",
            Box::new(move || rows::explored(environment)),
        ),
        (
            "TLA+",
            "the specification",
            Box::new(|| rows::specified(&bounds.models)),
        ),
        (
            "TLA+ steps",
            "code and specification",
            Box::new(|| rows::followed(bounds.compared_in)),
        ),
        ("TLAPS", "the proofs", Box::new(rows::proved)),
    ];
    let mut rows = Vec::new();
    for (checker, subject, check) in checks {
        let progress = screen::spinner(format!("checking {subject} with {checker}"));
        let found = check();
        progress.finish_and_clear();
        match found {
            Ok(found) => rows.extend(found),
            Err(error) => rows.push(Row::not_checked(checker, subject, &error)),
        }
    }
    Ok(rows)
}

fn assumed(bounds: &Bounds) -> Vec<Assumption> {
    let wakeups = Work {
        count: bounds.spurious_wakeups as u64,
        unit: "spurious wakeups".into(),
    };
    let threads = bounds.threads;
    let assumption = |about, what: String| Assumption { about, what };
    vec![
        assumption(
            "bounds",
            format!("at most {threads} threads, {threads} callbacks, {wakeups} (not for TLAPS)"),
        ),
        assumption(
            "memory",
            "C11 without load buffering (loom); sequential consistency (others)".into(),
        ),
        assumption(
            "fairness",
            "a thread that can go on does so in the end; nothing says how soon".into(),
        ),
    ]
}

pub(crate) fn conclusion(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::AsExpected => {
            "As expected: without the wakeup a callback can wait for ever; with it none does."
        }
        Verdict::Undecided => {
            "Undecided: look for – in the table. All that was checked is as expected."
        }
        _ => "NOT as expected: look for ✗ in the table.",
    }
}
