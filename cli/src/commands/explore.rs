//! Threads that submit to a loop, under a model checker, within bounds of the user's own.

mod example;
mod shards;

use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use crate::help;
use crate::interrupt;
use crate::report::{self, Format, Verdict, grouped, print_json};
use crate::screen;
use clap::ValueEnum;
use serde::Serialize;
use wakeproof_explore::trace::Trace;
use wakeproof_explore::{
    Environment, Exploration, Limits, Progress, Replay, Schedule, Search, Shard, Stop,
    Verdict as Said,
};
use wakeproof_faults::InboxFault;
use wakeproof_model_tests::models::Submissions;

const EXAMPLES: &str = "\
Examples:
  wakeproof explore                                  2 threads, under loom: every execution
  wakeproof explore --quiet                          no spurious wakeups and the like
  wakeproof explore --threads 3                      takes long; Ctrl-C ends it
  wakeproof explore --without-wakeup                 the unsafe call: an execution that fails
  wakeproof explore --fault stale-asleep-flag        another fault of the inbox
  wakeproof explore --checker pct --threads 16 --callbacks 30 --seed 7
  wakeproof explore --checker shuttle --without-wakeup --quiet --schedule 0x6,2x2,3x2
  wakeproof explore --checker shuttle --shard 1/2 > 1.json
  wakeproof explore --merge 1.json 2.json            both shards: the verdict of the whole
  wakeproof explore --examples                       reported bugs, each a small program
  wakeproof explore --example waitout                finds one of them, and draws it
  wakeproof explore --example waitout --repaired     its repair: proved";

const MEANS: &str = "0 if nothing was found with the wakeup, or a lost wakeup without it.";

#[derive(Debug, clap::Args)]
#[command(after_help = help::below(EXAMPLES, MEANS))]
pub(crate) struct Args {
    /// How to explore.
    #[arg(long, value_enum, default_value_t = Checker::Loom)]
    checker: Checker,
    /// How many threads submit: at most 4 under loom.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=1000))]
    threads: u16,
    /// How many callbacks each of them submits.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1000))]
    callbacks: u16,
    /// How many times a thread may wake for no reason.
    #[arg(long, default_value_t = 1)]
    spurious: u16,
    /// How many times the clock may move.
    #[arg(long, default_value_t = 1)]
    timeouts: u16,
    /// How many times a notification may pass over the thread that has waited for longest.
    #[arg(long, default_value_t = 1)]
    overtakings: u16,
    /// A world that is kinder than the real one: none of the three happens.
    #[arg(long, conflicts_with_all = ["spurious", "timeouts", "overtakings"])]
    quiet: bool,
    /// Submit without waking the loop: short for --fault no-notify.
    #[arg(long, conflicts_with = "fault")]
    without_wakeup: bool,
    /// What is wrong with the loop's inbox, such as stale-asleep-flag.
    #[arg(long)]
    fault: Option<InboxFault>,
    /// Where random schedules come from: the same seed gives the same ones.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Ends after this many executions. Random searches try 1000 unless told otherwise.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    executions: Option<u64>,
    /// Replays these choices of shuttle's scheduler instead of searching.
    #[arg(long, value_name = "CHOICES", conflicts_with = "executions")]
    schedule: Option<Schedule>,
    /// Goes up to the execution of that number under loom, which fails in the same one each time.
    #[arg(long, value_name = "NUMBER", conflicts_with_all = ["executions", "schedule"])]
    execution: Option<u64>,
    /// How many threads search under shuttle at once: as many as there are processors, unless told otherwise.
    #[arg(long, value_name = "NUMBER")]
    processors: Option<NonZeroUsize>,
    /// Only one share of shuttle's executions, such as 3/8, the third of eight: prints what --merge reads.
    #[arg(long, conflicts_with_all = ["schedule", "execution"])]
    shard: Option<Shard>,
    /// Merges what the shards of one search have printed, all of them, into the verdict of the whole.
    #[arg(
        long,
        value_name = "FILES",
        num_args = 1..,
        conflicts_with_all = [
            "checker", "threads", "callbacks", "spurious", "timeouts", "overtakings", "quiet",
            "without_wakeup", "fault", "seed", "executions", "schedule", "execution", "shard", "processors",
            "example", "examples",
        ]
    )]
    merge: Option<Vec<PathBuf>>,
    /// Searches a reported bug instead, written as a small program.
    #[arg(
        long,
        value_name = "NAME",
        num_args = 0..=1,
        default_missing_value = "",
        conflicts_with_all = [
            "checker", "threads", "callbacks", "spurious", "timeouts", "overtakings", "quiet",
            "without_wakeup", "fault", "seed", "executions", "schedule", "execution",
        ]
    )]
    example: Option<String>,
    /// With its repair.
    #[arg(long, requires = "example")]
    repaired: bool,
    /// Lists the reported bugs that --example has.
    #[arg(
        long,
        conflicts_with_all = [
            "checker", "threads", "callbacks", "spurious", "timeouts", "overtakings", "quiet",
            "without_wakeup", "fault", "seed", "executions", "schedule", "execution", "example",
        ]
    )]
    examples: bool,
    /// How to print what was found.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Checker {
    /// loom: every execution in the C11 memory model.
    Loom,
    /// shuttle: every schedule, depth first.
    Shuttle,
    /// shuttle: random schedules.
    Random,
    /// shuttle: threads with random priorities that change once.
    Pct,
    /// shuttle: a uniform random walk.
    Walk,
}

#[derive(Serialize)]
struct Report {
    threads: u16,
    callbacks: u16,
    fault: Option<&'static str>,
    #[serde(flatten)]
    exploration: Exploration,
    /// The same in words.
    said: String,
    as_expected: bool,
    counterexample: Option<Trace>,
}

impl Args {
    fn environment(&self) -> Environment {
        if self.quiet {
            return Environment::QUIET;
        }
        Environment {
            spurious_wakeups: self.spurious.into(),
            timeouts: self.timeouts.into(),
            overtakings: self.overtakings.into(),
            punctual: false,
        }
    }

    /// Which search under shuttle; none if loom searches.
    fn search(&self) -> Option<Search> {
        let seed = self.seed;
        match self.checker {
            Checker::Loom => None,
            Checker::Shuttle => Some(Search::Exhaustive),
            Checker::Random => Some(Search::Random { seed }),
            Checker::Pct => Some(Search::Pct { seed, depth: 2 }),
            Checker::Walk => Some(Search::RandomWalk { seed }),
        }
    }

    fn processors(&self) -> NonZeroUsize {
        let all = || thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        self.processors.unwrap_or_else(all)
    }

    fn submissions(&self) -> Submissions {
        Submissions {
            threads: self.threads.into(),
            each: self.callbacks.into(),
            environment: self.environment(),
            fault: self.wrong(),
        }
    }

    /// The command line that shows the counterexample again.
    fn replay(&self, replay: &Replay) -> String {
        let checker = match replay {
            Replay::Execution(_) => "loom",
            Replay::Schedule(_) => "shuttle",
        };
        let mut command = format!(
            "wakeproof explore --checker {checker} --threads {} --callbacks {}",
            self.threads, self.callbacks
        );
        if self.environment() == Environment::QUIET {
            command += " --quiet";
        } else {
            let Environment {
                spurious_wakeups,
                timeouts,
                overtakings,
                ..
            } = self.environment();
            command += &format!(
                " --spurious {spurious_wakeups} --timeouts {timeouts} --overtakings {overtakings}"
            );
        }
        if let Some(fault) = self.wrong() {
            command += &format!(" --fault {fault}");
        }
        match replay {
            Replay::Execution(number) => command + &format!(" --execution {number}"),
            Replay::Schedule(schedule) => command + &format!(" --schedule={schedule}"),
        }
    }

    fn wrong(&self) -> Option<InboxFault> {
        let without_wakeup = self.without_wakeup.then_some(InboxFault::NoNotify);
        self.fault.or(without_wakeup)
    }
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Verdict> {
    if let Some(files) = &args.merge {
        return shards::merge(files, args.format);
    }
    if let Some(shard) = args.shard {
        return shards::search(args, shard);
    }
    if args.examples {
        return example::list(args.format);
    }
    if let Some(name) = &args.example {
        return example::show(name, args.repaired, args.format);
    }
    let exploration = explore(args)?;
    let as_expected = is_as_expected(&exploration, args.wrong());
    let wrong = "threads submit to a loop that may be asleep";
    let counterexample = match exploration.verdict {
        Said::Found(_) => Some(Trace::told("explore", wrong, &exploration, "as found")?),
        _ => None,
    };
    let report = Report {
        threads: args.threads,
        callbacks: args.callbacks,
        fault: args.wrong().map(InboxFault::name),
        said: exploration.to_string(),
        exploration,
        as_expected,
        counterexample,
    };
    match args.format {
        Format::Json => print_json("explore/1", &report)?,
        Format::Table => print(args, &report)?,
    }
    Ok(as_expected.into())
}

/// With a fault, an execution that fails is expected; without, none is.
fn is_as_expected(exploration: &Exploration, fault: Option<InboxFault>) -> bool {
    match &exploration.verdict {
        Said::Found(_) => fault.is_some(),
        Said::Proved(_) => fault.is_none(),
        // As many as were asked for.
        Said::NotProved(not_proved) => match not_proved.stopped_by {
            Stop::Samples(_) | Stop::Executions(_) => fault.is_none(),
            _ => false,
        },
        Said::CannotJudge(_) => false,
    }
}

fn explore(args: &Args) -> anyhow::Result<Exploration> {
    let submissions = args.submissions();
    if let Some(schedule) = &args.schedule {
        return Ok(submissions.replay(schedule)?);
    }
    let limits = Limits {
        executions: args.execution.or(args.executions),
        processors: Some(args.processors()),
        ..Limits::default()
    };
    interrupt::ends(&limits.progress);
    let progress = limits.progress.clone();
    let search = args.search();
    watched(&progress, move || match search {
        None => submissions.loom(&limits),
        Some(search) => Ok(submissions.shuttle(search, &limits)),
    })
}

/// Does `search` on another thread, and shows how far it has come.
fn watched<T: Send + 'static>(
    progress: &Progress,
    search: impl FnOnce() -> T + Send + 'static,
) -> T {
    let explorer = thread::spawn(search);
    let spinner = screen::spinner("");
    while !explorer.is_finished() {
        spinner.set_message(format!("{} executions", grouped(progress.executions())));
        thread::park_timeout(Duration::from_millis(50));
    }
    spinner.finish_and_clear();
    let searched = explorer.join();
    searched.unwrap_or_else(|payload| std::panic::resume_unwind(payload))
}

fn print(args: &Args, report: &Report) -> io::Result<()> {
    let mut out = report::out();
    if let Some(trace) = &report.counterexample {
        writeln!(out, "{}", trace.to_page(&crate::screen::page()))?;
        let found = report.exploration.counterexample();
        if let Some(replay) = found.and_then(|found| found.replay.as_ref()) {
            writeln!(
                out,
                "{}\n",
                screen::command("Replay: ", &args.replay(replay))
            )?;
        }
    }
    let seconds = report.exploration.time.as_secs_f64();
    let said = format!("{} ({seconds:.2} s)", report.said);
    writeln!(out, "{}", screen::wrap(&said))
}
