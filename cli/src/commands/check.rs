//! `wakeproof check`: random histories of anybody's loop against the sequential reference, and random programs of
//! several threads against the contract, too.

use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{anyhow, bail};
use serde::Serialize;
use wakeproof_faults::FaultChoice;
use wakeproof_proptests::concurrent::program::Program;
use wakeproof_proptests::history::{Histories, OnPlatform, Outcome, check_loop};
use wakeproof_proptests::under_test::{Capability, Claims, Maker, Rule, Trouble};
use wakeproof_proptests::virtual_time::VirtualTime;

use super::probe::patience;
use super::spec::progress;
use crate::check::child::{Children, Trouble as ChildTrouble};
use crate::check::claims;
use crate::check::explain::Story;
use crate::check::play::Recording;
use crate::check::programs::{self, Failure, Ours, Player, Programs};
use crate::help;
use crate::interrupt;
use crate::probe::adapter::{Adapter, Hello, Limits, Problem};
use crate::probe::loops;
use crate::report::{self, Format, Verdict, grouped, print_json};
use crate::screen;
use crate::specification::SpecDir;

const EXAMPLES: &str = "\
Examples:
  wakeproof check                                  our own loop, in this process
  wakeproof check --python asyncio                 asyncio; or mymodule:new for a loop of your own
  wakeproof check -- python3 probes/python/asyncio_virtual.py    asyncio with timers, in virtual time
  wakeproof check --programs 5000 --python asyncio more programs of several threads
  wakeproof check -- ./my-adapter                  any program that speaks the words of probes/README.md
  wakeproof check --promise one-order,iteration-snapshot,stop-after-iteration -- ./my-adapter
                                                   holds a loop to what it does not promise itself

An adapter that knows the word threads also gets random programs of several threads. What happens in
them is held against EventLoop.tla and against the reference.";

const MEANS: &str = "1 if a history differs from the reference, a program breaks the contract, or\nthe two judges disagree.";

/// Random histories of anybody's loop, against the sequential reference; and random programs of several threads.
#[derive(Debug, clap::Args)]
#[command(after_help = help::below(EXAMPLES, MEANS))]
pub(crate) struct Args {
    /// Check a loop with asyncio's interface, made by a function of a module.
    #[arg(long, value_name = "MODULE:FACTORY", conflicts_with = "adapter")]
    python: Option<String>,
    /// How many histories.
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..))]
    histories: u64,
    /// How many programs of several threads, if the adapter can run them.
    #[arg(long, value_name = "N", default_value_t = 200)]
    programs: u64,
    /// The seed of the histories and programs; by default a new one.
    #[arg(long)]
    seed: Option<u64>,
    /// Hold the loop to these promises, and not to those that it makes.
    #[arg(long, value_name = "PROMISES", value_delimiter = ',', value_parser = claims::rule)]
    promise: Option<Vec<Rule>>,
    /// How long an adapter may take for a word: a watchdog.
    #[arg(long, value_name = "DURATION", default_value = "20s", value_parser = patience)]
    patience: Duration,
    #[command(flatten)]
    spec_dir: SpecDir,
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
    programs: u64,
    /// What has judged the programs, and accepts them.
    #[serde(skip)]
    judges: &'static str,
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
    /// What the judges of a program of several threads say.
    #[serde(skip_serializing_if = "Option::is_none")]
    judges: Option<Judges>,
}

#[derive(Debug, Serialize)]
struct Judges {
    #[serde(rename = "EventLoop.tla")]
    contract: String,
    #[serde(rename = "sequential reference")]
    reference: String,
    /// One of them is wrong.
    disagree: bool,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Verdict> {
    args.spec_dir.choose();
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
    if !claims.has_histories() && !claims.can.contains(&Capability::Programs) {
        bail!(
            "{} {} promises neither an iteration's snapshot nor when a stop takes effect, so there is no telling \
             how far a run gets; --promise iteration-snapshot,stop-after-iteration holds it to these",
            hello.name,
            hello.version
        );
    }
    let mut children = Children::new(first, command.clone(), limits, claims.clone());
    let threads_stop = !hello.has("stop plain");
    let checked = check(args, &hello, &command, &mut children, threads_stop);
    let checked = checked.and_then(|document| children.quit().map(|()| document));
    match checked {
        Ok(None) => Ok(Verdict::Interrupted),
        Ok(Some(document)) => finish(args.format, &document),
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
    let mut own = Own {
        histories: OnPlatform::<VirtualTime>::claiming(claims),
        programs: Ours {
            seed: 0,
            fault: FaultChoice::CORRECT,
        },
    };
    let calls = [
        ("submit plain", "call_soon"),
        ("submit safe", "call_soon_threadsafe"),
        ("timer plain", "call_later"),
        ("stop plain", "stop"),
    ];
    let hello = Hello::of("wakeproof", env!("CARGO_PKG_VERSION"), &calls);
    match check(args, &hello, &[], &mut own, true)? {
        None => Ok(Verdict::Interrupted),
        Some(document) => finish(args.format, &document),
    }
}

/// Our own loop: its histories, and its programs of several threads.
struct Own {
    histories: OnPlatform<VirtualTime>,
    programs: Ours,
}

impl Player for Own {
    type Trouble = anyhow::Error;

    fn play(&mut self, program: &Program) -> anyhow::Result<Recording> {
        self.programs.play(program)
    }

    fn not_a_recording(&self, error: anyhow::Error) -> anyhow::Error {
        self.programs.not_a_recording(error)
    }
}

impl Checked for Own {
    fn claims(&self) -> &Claims {
        self.histories.claims()
    }

    fn histories(&self, args: &Args, seed: u64) -> anyhow::Result<Outcome> {
        let Ok(outcome) = search(args, &self.histories, seed);
        Ok(outcome)
    }
}

impl Player for Children {
    type Trouble = ChildTrouble;

    fn play(&mut self, program: &Program) -> Result<Recording, ChildTrouble> {
        Children::play(self, program)
    }

    fn not_a_recording(&self, error: anyhow::Error) -> ChildTrouble {
        ChildTrouble {
            words: "threads".into(),
            problem: Problem::Writes(format!("{error:#}")),
        }
    }
}

impl Checked for Children {
    fn claims(&self) -> &Claims {
        Maker::claims(self)
    }

    fn histories(&self, args: &Args, seed: u64) -> Result<Outcome, ChildTrouble> {
        search(args, self, seed)
    }
}

/// A loop that is checked with histories of one thread and with programs of several.
trait Checked: Player {
    fn claims(&self) -> &Claims;
    fn histories(&self, args: &Args, seed: u64) -> Result<Outcome, Self::Trouble>;
}

/// Checks a loop. Returns `None` if that was interrupted.
fn check<C: Checked>(
    args: &Args,
    hello: &Hello,
    command: &[String],
    checked: &mut C,
    threads_stop: bool,
) -> Result<Option<Document>, C::Trouble> {
    let seed = args
        .seed
        .unwrap_or_else(|| RandomState::new().hash_one(()) >> 32);
    let claims = checked.claims().clone();
    let start = Instant::now();
    let mut document = Document {
        of: hello.name.clone(),
        version: hello.version.clone(),
        seed,
        histories: 0,
        programs: 0,
        judges: match claims.promises.contains(&Rule::OrderAcrossThreads) {
            _ if claims.has_reference_for_programs() => {
                "EventLoop.tla and the reference allow what happened"
            }
            true => "EventLoop.tla allows what happened",
            false => {
                "EventLoop.tla allows what happened to the callbacks of each thread by themselves"
            }
        },
        seconds: 0.0,
        held: true,
        not_tested: claims.untested(),
        refutation: None,
    };
    if claims.has_histories() {
        document.histories = args.histories;
        match checked.histories(args, seed)? {
            Outcome::Interrupted => return Ok(None),
            Outcome::Held => {}
            Outcome::Refuted(refutation) => {
                let story = Story::new(hello, &refutation);
                document.histories = refutation.histories;
                document.refutation = Some(Refuted {
                    history: story.lines(),
                    program: story.program(command),
                    is_shortest: refutation.is_shortest,
                    judges: None,
                });
            }
        }
    }
    if document.refutation.is_none() && claims.can.contains(&Capability::Programs) {
        let programs = Programs {
            seed,
            count: args.programs,
            shrinking: SHRINKING,
            threads_stop,
        };
        let bar = progress(
            usize::try_from(args.programs).unwrap_or(usize::MAX),
            "programs",
        );
        let found = programs::search(checked, &claims, programs, &|done| {
            bar.set_position(done);
            !interrupt::flag().load(Ordering::Relaxed)
        });
        bar.finish_and_clear();
        let found = found?;
        if interrupt::flag().load(Ordering::Relaxed) {
            return Ok(None);
        }
        document.programs = found.as_ref().map_or(args.programs, |found| found.programs);
        document.refutation = found.map(|failure| refuted(&failure, hello, command));
    }
    document.held = document.refutation.is_none();
    document.seconds = start.elapsed().as_secs_f64();
    Ok(Some(document))
}

fn refuted(failure: &Failure, hello: &Hello, command: &[String]) -> Refuted {
    let [contract, reference] = failure.verdicts();
    Refuted {
        history: failure.story(hello),
        program: failure.script(hello, command),
        is_shortest: failure.is_shortest,
        judges: Some(Judges {
            contract,
            reference,
            disagree: failure.is_disagreement(),
        }),
    }
}

/// Searches for a history of one thread that differs.
fn search<M: Maker>(args: &Args, maker: &M, seed: u64) -> Result<Outcome, Trouble<M>> {
    let is_interrupted: &AtomicBool = interrupt::flag();
    let bar = progress(
        usize::try_from(args.histories).unwrap_or(usize::MAX),
        "histories",
    );
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
    outcome
}

fn finish(format: Format, document: &Document) -> anyhow::Result<Verdict> {
    match format {
        Format::Json => print_json("check/1", document)?,
        Format::Table => print(document, &mut report::out())?,
    }
    Ok(document.held.into())
}

fn print(document: &Document, out: &mut impl Write) -> io::Result<()> {
    let Document {
        of,
        version,
        seed,
        histories,
        programs,
        seconds,
        ..
    } = document;
    let (histories, programs) = (grouped(*histories), grouped(*programs));
    match &document.refutation {
        None => {
            if document.histories > 0 {
                let text = format!(
                    "{of} {version}: each of {histories} random histories of one thread is as the reference \
                     says."
                );
                writeln!(out, "{}", screen::wrap(&text))?;
            }
            if document.programs > 0 {
                let text = format!(
                    "{of} {version}: in each of {programs} random programs of several threads, {}.",
                    document.judges
                );
                writeln!(out, "{}", screen::wrap(&text))?;
            }
            writeln!(out, "({seconds:.1} s, seed {seed})")?;
        }
        Some(refuted) => {
            match &refuted.judges {
                None => writeln!(
                    out,
                    "{of} {version} differs from the reference, in history {histories} of seed {seed}:\n"
                )?,
                Some(judges) => {
                    let text = match judges.disagree {
                        false => format!(
                            "{of} {version} breaks the contract, in program {programs} of seed {seed}:"
                        ),
                        true => format!(
                            "The two judges of {of} {version} disagree, in program {programs} of seed \
                             {seed}. One of them is wrong: this is a defect of wakeproof, please report it."
                        ),
                    };
                    writeln!(out, "{}\n", screen::wrap(&text))?;
                }
            }
            for line in &refuted.history {
                writeln!(out, "    {line}")?;
            }
            if let Some(Judges {
                contract,
                reference,
                ..
            }) = &refuted.judges
            {
                let text =
                    format!("EventLoop.tla {contract}. The sequential reference {reference}.");
                writeln!(out, "\n{}", screen::wrap(&text))?;
            }
            if !refuted.is_shortest {
                writeln!(out, "\nIt may not be the shortest: there was no more time.")?;
            }
            match refuted.judges {
                None => writeln!(out, "\nThe same without wakeproof:\n")?,
                Some(_) => writeln!(
                    out,
                    "\nThe same without wakeproof, if the threads are as fast as they were here:\n"
                )?,
            }
            out.flush()?;
            for line in refuted.program.lines() {
                writeln!(screen::verbatim(), "    {line}")?;
            }
        }
    }
    let not_tested = document.not_tested.join(", ");
    let text =
        format!("Not tested, as the loop does not claim it or it cannot be seen: {not_tested}.");
    writeln!(out, "\n{}", screen::wrap(&text))
}

#[cfg(test)]
mod tests;
