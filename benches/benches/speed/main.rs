//! How fast the loop is beside what people use instead: `cargo bench -p wakeproof-benches`.
//!
//! Each peer does the same work in the same run. The last thing printed is a table of ratios. Needs
//! nothing installed; what Python has of asyncio, uvloop and rloop takes part.

mod asleep;
mod channels;
mod contest;
mod counted;
mod growth;
mod own_thread;
mod plot;
mod python;
mod report;
mod submission;
mod tally;
mod timers;

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use contest::{Contest, Row};
use report::{Page, Report};
use wakeproof_benches::{Arguments, HELP};

fn main() -> ExitCode {
    let arguments = match Arguments::parse(std::env::args().skip(1)) {
        Ok(Some(arguments)) => arguments,
        Ok(None) => {
            print!("{}", HELP);
            return ExitCode::SUCCESS;
        }
        Err(message) => {
            eprintln!("error: {message}");
            return ExitCode::from(2);
        }
    };
    // Before the minutes that measuring takes, not after them.
    let page = arguments.write.as_deref().map(Page::open).transpose();
    let page = match page {
        Ok(page) => page,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::from(2);
        }
    };
    let report = measure(&arguments);
    print!("{}", report.text());
    if let Some(page) = page
        && let Err(error) = page.write(&report)
    {
        eprintln!("error: {error}");
        return ExitCode::from(2);
    }
    ExitCode::SUCCESS
}

fn measure(arguments: &Arguments) -> Report {
    let (rounds, total, timers) = match arguments.quick {
        true => (3, 100_000, 100_000),
        false => (9, 200_000, 1_000_000),
    };
    let python = python::loops();
    let mut contests = submission::contests(total, &python);
    contests.extend(submission::notified_under_the_lock_or_after_it(total));
    contests.extend(own_thread::contests(total, &python));
    contests.push(asleep::round_trips(total / 100, &python));
    contests.push(asleep::spinning_round_trips(total / 20));
    contests.extend(timers::contests(timers, total / 100, &python));
    contests.retain(|contest| arguments.selects(&contest.work));

    let rows = contests.iter().flat_map(|contest| run(contest, rounds));
    let rows = rows.collect();
    let (mut bursts, mut curves) = (Vec::new(), Vec::new());
    if arguments.selects("burst to a sleeping loop") {
        progress("burst to a sleeping loop");
        bursts.extend([1, 100, 10_000].map(asleep::burst));
    }
    if arguments.selects("growth") {
        progress("growth");
        curves = growth::curves(timers, total, rounds.min(5));
    }
    progress("");
    Report {
        quick: arguments.quick,
        rounds,
        rows,
        bursts,
        curves,
    }
}

fn run(contest: &Contest, rounds: usize) -> Vec<Row> {
    progress(&contest.work);
    contest.run(rounds)
}

/// Says on a terminal what is being measured.
fn progress(what: &str) {
    let mut stderr = io::stderr();
    if stderr.is_terminal() {
        let _ = write!(stderr, "\r\x1b[K{what}");
        let _ = stderr.flush();
    }
}
