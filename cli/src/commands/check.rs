//! `wakeproof check`: random histories of anybody's loop against the sequential reference.

use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{anyhow, bail};
use serde::Serialize;
use wakeproof_proptests::history::{Histories, OnPlatform, Outcome, check_loop};
use wakeproof_proptests::under_test::{Claims, Maker, Rule, Trouble};
use wakeproof_proptests::virtual_time::VirtualTime;

use super::probe::patience;
use super::spec::progress;
use crate::check::child::{Children, Trouble as ChildTrouble};
use crate::check::claims;
use crate::check::explain::Story;
use crate::interrupt;
use crate::probe::adapter::{Adapter, Hello, Limits, Problem};
use crate::probe::loops;
use crate::report::{Format, Verdict, grouped, print_json};

const EXAMPLES: &str = "\
Examples:
  wakeproof check                                  our own loop, in this process
  wakeproof check --python asyncio                 asyncio; or mymodule:new for a loop of your own
  wakeproof check -- python3 probes/python/asyncio_virtual.py    asyncio with timers, in virtual time
  wakeproof check -- ./my-adapter                  any program that speaks the words of probes/README.md
  wakeproof check --promise one-order,iteration-snapshot,stop-after-iteration -- ./my-adapter
                                                   holds a loop to what it does not promise itself

Exit status: 0 if no history differs from the reference, 1 if one does, 2 if the adapter or the command
line is at fault, 130 if interrupted.";

/// Random histories of anybody's loop, against the sequential reference.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Check a loop with asyncio's interface, made by a function of a module.
    #[arg(long, value_name = "MODULE:FACTORY", conflicts_with = "adapter")]
    python: Option<String>,
    /// How many histories.
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..))]
    histories: u64,
    /// The seed of the histories; by default a new one.
    #[arg(long)]
    seed: Option<u64>,
    /// Hold the loop to these promises, and not to those that it makes.
    #[arg(long, value_name = "PROMISES", value_delimiter = ',', value_parser = claims::rule)]
    promise: Option<Vec<Rule>>,
    /// How long an adapter may take for a word: a watchdog.
    #[arg(long, value_name = "DURATION", default_value = "20s", value_parser = patience)]
    patience: Duration,
    /// How to print what is found.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// An adapter, with its arguments.
    #[arg(last = true, value_name = "ADAPTER")]
    adapter: Vec<String>,
}

/// How long a failure may take to be made short.
const SHRINKING: Duration = Duration::from_secs(8);

/// What is said about a loop.
#[derive(Debug, Serialize)]
struct Document {
    #[serde(rename = "loop")]
    of: String,
    version: String,
    seed: u64,
    histories: u64,
    seconds: f64,
    held: bool,
    not_tested: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refutation: Option<Refuted>,
}

#[derive(Debug, Serialize)]
struct Refuted {
    history: Vec<String>,
    program: String,
    is_shortest: bool,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Verdict> {
    let command = match &args.python {
        Some(factory) => loops::asyncio_like(factory),
        None => args.adapter.clone(),
    };
    if command.is_empty() {
        return ours(args);
    }
    let limits = Limits {
        patience: args.patience,
        is_interrupted: interrupt::flag(),
    };
    let first = match Adapter::start(&command, limits) {
        Ok(first) => first,
        Err(Problem::Interrupted) => return Ok(Verdict::Interrupted),
        Err(problem) => return Err(anyhow!("{problem}")),
    };
    let hello = first.hello().clone();
    let claims = claims::of(&hello, args.promise.as_deref())?;
    if !claims.has_histories() {
        bail!(
            "{} {} promises neither an iteration's snapshot nor when a stop takes effect, so there is no telling \
             how far a run gets; --promise iteration-snapshot,stop-after-iteration holds it to these",
            hello.name,
            hello.version
        );
    }
    let children = Children::new(first, command.clone(), limits, claims);
    let checked = search(args, &children).and_then(|found| children.quit().map(|()| found));
    match checked {
        Ok((Outcome::Interrupted, ..)) => Ok(Verdict::Interrupted),
        Ok((outcome, seed, seconds)) => {
            let document = document(
                &hello,
                children.claims(),
                args.histories,
                seed,
                seconds,
                &outcome,
                &command,
            );
            finish(args.format, &document)
        }
        Err(ChildTrouble {
            problem: Problem::Interrupted,
            ..
        }) => Ok(Verdict::Interrupted),
        Err(trouble) => Err(anyhow!("{}, {trouble}", hello.name)),
    }
}

/// Checks our own loop, in this process, with what can be seen of it from outside.
fn ours(args: &Args) -> anyhow::Result<Verdict> {
    let mut claims = Claims::all();
    claims.shows.clear();
    if let Some(rules) = &args.promise {
        claims.promises = rules.iter().copied().collect();
    }
    let maker = OnPlatform::<VirtualTime>::claiming(claims);
    let Ok((outcome, seed, seconds)) = search(args, &maker);
    if let Outcome::Interrupted = outcome {
        return Ok(Verdict::Interrupted);
    }
    let calls = [
        ("submit plain", "call_soon"),
        ("submit safe", "call_soon_threadsafe"),
        ("timer plain", "call_later"),
        ("stop plain", "stop"),
    ];
    let hello = Hello::of("wakeproof", env!("CARGO_PKG_VERSION"), &calls);
    let document = document(
        &hello,
        maker.claims(),
        args.histories,
        seed,
        seconds,
        &outcome,
        &[],
    );
    finish(args.format, &document)
}

/// Searches, and says with which seed and how long it took.
fn search<M: Maker>(args: &Args, maker: &M) -> Result<(Outcome, u64, f64), Trouble<M>> {
    let seed = args
        .seed
        .unwrap_or_else(|| RandomState::new().hash_one(()) >> 32);
    let is_interrupted: &AtomicBool = interrupt::flag();
    let bar = progress(
        usize::try_from(args.histories).unwrap_or(usize::MAX),
        "histories",
    );
    let start = Instant::now();
    let histories = Histories {
        seed,
        count: args.histories,
        shrinking: SHRINKING,
    };
    let outcome = check_loop(maker, histories, &|done| {
        bar.set_position(done);
        !is_interrupted.load(Ordering::Relaxed)
    });
    bar.finish_and_clear();
    Ok((outcome?, seed, start.elapsed().as_secs_f64()))
}

fn document(
    hello: &Hello,
    claims: &Claims,
    histories: u64,
    seed: u64,
    seconds: f64,
    outcome: &Outcome,
    command: &[String],
) -> Document {
    let refutation = match outcome {
        Outcome::Refuted(refutation) => Some(refutation),
        _ => None,
    };
    let story = refutation.map(|refutation| {
        let story = Story::new(hello, refutation);
        Refuted {
            history: story.lines(),
            program: story.program(command),
            is_shortest: refutation.is_shortest,
        }
    });
    Document {
        of: hello.name.clone(),
        version: hello.version.clone(),
        seed,
        histories: refutation.map_or(histories, |refutation| refutation.histories),
        seconds,
        held: refutation.is_none(),
        not_tested: claims.untested(),
        refutation: story,
    }
}

fn finish(format: Format, document: &Document) -> anyhow::Result<Verdict> {
    match format {
        Format::Json => print_json(document)?,
        Format::Table => print(document)?,
    }
    Ok(document.held.into())
}

fn print(document: &Document) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let Document {
        of,
        version,
        seed,
        histories,
        seconds,
        ..
    } = document;
    let histories = grouped(*histories);
    match &document.refutation {
        None => writeln!(
            out,
            "{of} {version}: each of {histories} random histories of one thread is as the reference \
             says ({seconds:.1} s, seed {seed})."
        )?,
        Some(refuted) => {
            writeln!(
                out,
                "{of} {version} differs from the reference, in history {histories} of seed {seed}:\n"
            )?;
            for line in &refuted.history {
                writeln!(out, "    {line}")?;
            }
            if !refuted.is_shortest {
                writeln!(out, "\nIt may not be the shortest: there was no more time.")?;
            }
            writeln!(out, "\nThe same without wakeproof:\n")?;
            for line in refuted.program.lines() {
                writeln!(out, "    {line}")?;
            }
        }
    }
    let not_tested = document.not_tested.join(", ");
    let text =
        format!("Not tested, as the loop does not claim it or it cannot be seen: {not_tested}.");
    writeln!(out, "\n{}", textwrap::fill(&text, 80))
}
