//! Histories of several threads: random programs, executed under random schedules.
//!
//! An execution is judged three times. It must end: a lost wakeup is a deadlock. Its history must
//! have the [properties]. And it must be linearizable: there has to be an order
//! of the calls in which the [reference](crate::reference) gives every answer that was given.

pub mod execution;
pub mod explore;
pub mod linearize;
pub mod program;
pub mod schedule;
mod task;

use std::fmt;

use proptest::test_runner::{Config, RngSeed, TestCaseError, TestError, TestRunner};
use wakeproof::platform::Platform;

use self::execution::execute;
use self::explore::{Search, explore};
use self::program::Program;
use self::schedule::Schedule;
use crate::properties::{self, History};
use crate::reference::Rules;

/// How many schedules of each program are tried with each of the schedulers.
const SCHEDULES: usize = 20;

/// A program, and a schedule under which it goes wrong.
#[derive(Debug, Clone)]
pub struct Counterexample {
    /// The program.
    pub program: Program,
    /// The order in which its threads took turns.
    pub schedule: Schedule,
    /// What went wrong.
    pub reason: String,
}

/// Executes random programs on a loop of this platform, a variant of `Shuttle`, and returns the
/// shortest one that goes wrong: first so many of callbacks alone, and then as many with tasks.
///
/// # Errors
///
/// The program, with the schedule under which it goes wrong.
pub fn check<P: Platform>(config: Config) -> Result<(), Box<Counterexample>> {
    check_with(config, try_schedules::<P>)
}

/// [`check`] for all platforms: it is large, and needs compiling only once.
fn check_with(
    config: Config,
    try_schedules: fn(&Program, u64) -> Result<(), Counterexample>,
) -> Result<(), Box<Counterexample>> {
    let seed = match config.rng_seed {
        RngSeed::Fixed(seed) => seed,
        RngSeed::Random => 0,
    };
    let config = Config {
        failure_persistence: None, // what goes wrong is worth more as text than as a seed
        ..config
    };
    for tasks in [false, true] {
        let mut runner = TestRunner::new(config.clone());
        let checked = runner.run(&program::programs(tasks), |program| {
            try_schedules(&program, seed).map_err(|found| TestCaseError::fail(found.reason))
        });
        match checked {
            Ok(()) => {}
            Err(TestError::Abort(reason)) => panic!("no programs could be made: {reason}"),
            Err(TestError::Fail(_, program)) => {
                let fails = |program: &Program| try_schedules(program, seed).err();
                let shortest = program::shortest(program, |program| fails(program).is_some());
                let shortest = fails(&shortest).expect("the same schedules again");
                return Err(Box::new(shortest));
            }
        }
    }
    Ok(())
}

/// Executes one program under random schedules of every kind.
///
/// # Errors
///
/// The first schedule under which the program goes wrong.
pub fn try_schedules<P: Platform>(program: &Program, seed: u64) -> Result<(), Counterexample> {
    judge_schedules::<P>(program, seed, judge)
}

/// As [`try_schedules`], but the only question is whether a reference with these rules explains the
/// histories.
///
/// # Errors
///
/// The first schedule under which it does not.
pub fn explain_by<P: Platform, R: Rules>(
    program: &Program,
    seed: u64,
) -> Result<(), Counterexample> {
    judge_schedules::<P>(program, seed, linearize::check_against::<R>)
}

/// Says what is wrong with a history; the other value says whether there may be spurious wakeups.
type Judge = fn(&History, bool) -> Result<(), String>;

fn judge(history: &History, spurious_wakeups: bool) -> Result<(), String> {
    properties::check(history)?;
    linearize::check(history, spurious_wakeups)
}

fn judge_schedules<P: Platform>(
    program: &Program,
    seed: u64,
    judge: Judge,
) -> Result<(), Counterexample> {
    Search::ALL.into_iter().try_for_each(|search| {
        let scheduler = search.scheduler(seed, SCHEDULES);
        run::<P>(program, scheduler, judge)
    })
}

/// Executes one program under the schedule that was written down.
///
/// # Errors
///
/// The schedule, if the program goes wrong under it.
pub fn replay<P: Platform>(program: &Program, schedule: &Schedule) -> Result<(), Counterexample> {
    run::<P>(program, Box::new(schedule::Follow::new(schedule)), judge)
}

/// Reads a program and a schedule as they are printed: `program @ schedule`.
///
/// # Errors
///
/// What cannot be read.
pub fn parse(text: &str) -> Result<(Program, Schedule), String> {
    let (program, schedule) = text
        .split_once('@')
        .ok_or_else(|| format!("{text:?} is not a program, an @, and a schedule"))?;
    Ok((program.parse()?, schedule.parse()?))
}

/// Executes one program under the schedules of one scheduler.
fn run<P: Platform>(
    program: &Program,
    scheduler: Box<dyn shuttle::scheduler::Scheduler + Send>,
    judge: Judge,
) -> Result<(), Counterexample> {
    let body = {
        let program = program.clone();
        move || {
            let history = execute::<P>(&program);
            judge(&history, program.spurious_wakeups > 0)
        }
    };
    match explore(scheduler, body) {
        Ok(_executions) => Ok(()),
        Err((reason, schedule)) => Err(Counterexample {
            program: program.clone(),
            schedule,
            reason,
        }),
    }
}

impl fmt::Display for Counterexample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counterexample {
            program,
            schedule,
            reason,
        } = self;
        writeln!(f, "{reason}\n\nin the program\n")?;
        program.describe(f)?;
        writeln!(f, "\nunder the schedule\n\n    {schedule}\n\nagain with\n")?;
        writeln!(
            f,
            "    WAKEPROOF_REPLAY='{program} @ {schedule}' cargo test -p wakeproof-proptests --test concurrent"
        )
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::{Arc, Mutex};

    use proptest::strategy::{Strategy, ValueTree};
    use wakeproof::platform::{Shuttle, Variant};

    use super::*;

    /// Random programs are worth as much as what happens in them.
    #[test]
    fn everything_that_can_happen_happens_in_two_hundred_programs() {
        let mut runner = TestRunner::deterministic();
        let events = Arc::new(Mutex::new(BTreeSet::new()));
        for n in 0..200 {
            let programs = program::programs(n % 2 == 0);
            let program = programs.new_tree(&mut runner).unwrap().current();
            let seen = events.clone();
            let body = move || {
                for record in execute::<Variant<Shuttle>>(&program).records {
                    let mut event = format!("{:?}", record.event);
                    if let Some(status) = event.find("queued") {
                        let asleep = event.contains("asleep: true");
                        event.truncate(status);
                        event.push_str(if asleep { "asleep" } else { "awake" });
                    }
                    event.retain(|c| !c.is_ascii_digit() && !", ".contains(c));
                    for unit in ["ns", "ms"] {
                        event = event.replace(&format!("({unit})"), "(time)");
                    }
                    seen.lock().unwrap().insert(event);
                }
                Ok(())
            };
            explore(Search::Random.scheduler(0, 5), body).unwrap();
        }
        let events = events.lock().unwrap();
        let events: Vec<_> = events.iter().map(String::as_str).collect();
        assert_eq!(
            events,
            [
                "Began(time)",
                "Call(Cancel())",
                "Call(CancelTask())",
                "Call(ClearEvent())",
                "Call(Close)",
                "Call(DropLoop)",
                "Call(Result())",
                "Call(Run)",
                "Call(SetEvent())",
                "Call(SetThreadsafe())",
                "Call(Spawn(Local))",
                "Call(Spawn(Threadsafe(Foreign)))",
                "Call(Spawn(Threadsafe(Owner)))",
                "Call(Status)",
                "Call(Stop)",
                "Call(Submit(CallSoon))",
                "Call(Submit(Threadsafe(Foreign)))",
                "Call(Submit(Threadsafe(Owner)))",
                "Call(Submit(Timer(Later())))",
                "Call(Submit(TimerThreadsafe(Later()Foreign)))",
                "Call(Submit(TimerThreadsafe(Later()Owner)))",
                "Call(Wait())",
                "Call(Wake())",
                "Dropped()",
                "Ended()",
                "Panics()",
                "Polled(time)",
                "Return(Cancelled(false))",
                "Return(Cancelled(true))",
                "Return(Closed(Ok(())))",
                "Return(Nothing)",
                "Return(Ran(Err(Closed)))",
                "Return(Ran(Ok(())))",
                "Return(Ready(false))",
                "Return(Ready(true))",
                "Return(Result(None))",
                "Return(Result(Some(Cancelled)))",
                "Return(Result(Some(Panicked)))",
                "Return(Result(Some(Returned)))",
                "Return(Status(Status{asleep",
                "Return(Status(Status{awake",
                "Return(Submitted(Err(Closed)))",
                "Return(Submitted(Ok(None)))",
                "Return(Submitted(Ok(Some(time))))",
                "Waits(None)",
            ]
        );
    }

    #[test]
    fn a_program_reads_as_it_is_written() {
        let mut runner = TestRunner::deterministic();
        for _ in 0..200 {
            let programs = program::programs(true);
            let program = programs.new_tree(&mut runner).unwrap().current();
            assert_eq!(program.to_string().parse(), Ok(program));
        }
        for wrong in [
            "",
            "run",
            "0",
            "0 | jump",
            "0 | await",
            "0 | call_later",
            "0 | result",
            "0 | submit(run",
            "0 | run)",
        ] {
            assert!(wrong.parse::<Program>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_schedule_reads_as_it_is_written() {
        let text = "0x3,2,+,-x2,0";
        assert_eq!(text.parse::<Schedule>().unwrap().to_string(), text);
        assert!("0x3;2".parse::<Schedule>().is_err());
    }
}
