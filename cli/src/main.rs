//! The command `wakeproof`.

mod check;
mod commands;
mod counterexample;
mod diagnosis;
mod difference;
mod group;
mod help;
mod interrupt;
mod matrix;
mod page;
mod probe;
mod report;
mod rows;
mod screen;
mod sources;
mod specification;
mod specified;
mod threads;

use std::io::{self, Write};
use std::process::ExitCode;

use crate::report::Verdict;
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};

const EXAMPLES: &str = "\
Examples:
  wakeproof                   the whole argument, checked now
  wakeproof --quick           smaller bounds; --thorough: larger ones
  wakeproof --format json     the same for a program
  wakeproof demo --hang       the program that hangs, and why
  wakeproof trace no-notify   a lost wakeup, step by step
  wakeproof stuck 4321        is process 4321 asleep for good, and in what
  wakeproof probe asyncio     a real event loop, driven now
  wakeproof check             random histories of a loop, against a reference
  wakeproof explore           every execution of two threads that submit
  wakeproof report            one page with everything, to step through
  wakeproof completions zsh   completions for a shell
  wakeproof man | man -l -    the manual page";

const MEANS: &str = "docs/json.md describes what --format json prints.";

/// Why is call_soon thread-unsafe? Shows the lost wakeup, and proves that the safe call has none.
#[derive(Debug, Parser)]
#[command(name = "wakeproof", version, after_help = help::below(EXAMPLES, MEANS), args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    overview: commands::overview::Args,
}

/// In the order in which one would use them: see it, find it in a process, put a loop to the test, and then check
/// what this project says.
#[derive(Debug, Subcommand)]
enum Command {
    /// The program of the original question: a task waits for an event that another thread sets.
    Demo(commands::demo::Args),
    /// Draws how a fault happens, step by step, with one lane for each thread.
    Trace(commands::trace::Args),
    /// Whether a process that hangs is asleep for good, and what it waits for. Linux only.
    Stuck(commands::stuck::Args),
    /// Real event loops, driven now and held against the contract. Linux only.
    Probe(commands::probe::Args),
    /// Random histories of anybody's loop, against the sequential reference. Linux only.
    Check(commands::check::Args),
    /// Judges a recording of a loop, or compares this code with the specification step by step.
    Conform(commands::conform::Args),
    /// Explores threads that submit to a loop, under a model checker.
    Explore(commands::explore::Args),
    /// Runs every known fault against every checker, and shows which checker finds which fault.
    Matrix(commands::matrix::Args),
    /// Checks the checkers: small programs, each with the verdict that theory requires.
    Checkers(commands::checkers::Args),
    /// Checks the models of the TLA+ specification.
    Spec(commands::spec::Args),
    /// Writes one page with everything: the table, the counterexamples to step through, and how each figure was made.
    Report(commands::report::Args),
    /// Prints completions for a shell.
    Completions(commands::completions::Args),
    /// Prints the manual page.
    Man(commands::man::Args),
}

fn main() -> ExitCode {
    let status = run();
    specification::clean_up();
    status
}

fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    // These have their own idea of Ctrl-C: the one says what hangs, the other how long nothing has changed.
    if !matches!(cli.command, Some(Command::Demo(_) | Command::Stuck(_)))
        && let Err(error) = interrupt::catch()
    {
        return fail(&format!("{error:#}"));
    }
    let result = match cli.command {
        None => commands::overview::run(&cli.overview),
        Some(Command::Demo(args)) => commands::demo::run(&args),
        Some(Command::Trace(args)) => commands::trace::run(&args),
        Some(Command::Stuck(args)) => commands::stuck::run(&args),
        Some(Command::Probe(args)) => commands::probe::run(&args),
        Some(Command::Check(args)) => commands::check::run(&args),
        Some(Command::Conform(args)) => commands::conform::run(&args),
        Some(Command::Explore(args)) => commands::explore::run(&args),
        Some(Command::Matrix(args)) => commands::matrix::run(&args),
        Some(Command::Checkers(args)) => commands::checkers::run(&args),
        Some(Command::Spec(args)) => commands::spec::run(&args),
        Some(Command::Report(args)) => commands::report::run(&args),
        Some(Command::Completions(args)) => commands::completions::run(&args, &mut Cli::command()),
        Some(Command::Man(args)) => commands::man::run(&args, &Cli::command()),
    };
    if let Some(status) = interrupt::status() {
        return status;
    }
    match result {
        Ok(Verdict::AsExpected) => written(),
        Ok(Verdict::NotAsExpected) => {
            written();
            ExitCode::from(1)
        }
        Ok(Verdict::Undecided) => {
            written();
            ExitCode::from(2)
        }
        Ok(Verdict::Interrupted) => ExitCode::from(130),
        Err(error) => fail(&format!("{error:#}")),
    }
}

/// Success, if the output is where it should be: a disk may be full. If its reader has gone, that is no failure.
fn written() -> ExitCode {
    match screen::lost() {
        None => ExitCode::SUCCESS,
        Some(why) => fail(&format!("the output is incomplete: {why}")),
    }
}

/// Prints help and version as clap does, and a usage error as one line.
fn usage(error: &clap::Error) -> ExitCode {
    if matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
    ) {
        // It takes whatever is written, and tells in the end what became of it.
        let _ = write!(report::out(), "{}", error.render().ansi());
        return written();
    }
    let text = error.to_string();
    let mistake: Vec<&str> = text
        .lines()
        .take_while(|line| !line.trim().is_empty())
        .map(str::trim)
        .collect();
    let mistake = mistake.join(" ");
    let mistake = mistake.strip_prefix("error: ").unwrap_or(&mistake);
    fail(&format!("{mistake} (wakeproof --help says more)"))
}

fn fail(message: &str) -> ExitCode {
    // Always one line. If standard error is closed, nobody can read it.
    let message = message.replace('\n', " ");
    let _ = writeln!(io::stderr(), "wakeproof: {message}");
    ExitCode::from(2)
}
