//! Histories of several threads: random programs, executed under random schedules.
//!
//! Each execution must pass three checks. It must end: a lost wakeup is a deadlock. Its history must
//! have the [properties]. And the history must be linearizable: in some order of the calls, the
//! [reference](crate::reference) returns what the loop returned.

pub mod claimed;
pub mod execution;
pub mod explore;
pub mod linearize;
pub mod program;
mod progress;
mod task;

use std::fmt;

use proptest::test_runner::{Config, RngSeed, TestCaseError, TestError, TestRunner};
use wakeproof_explore::{DoesNotFit, Schedule};
use wakeproof_faults::FaultChoice;

use self::execution::execute;
use self::explore::{explore, searches};
use self::program::Program;
use crate::properties::{self, History};
use crate::reference::Rules;

/// How many schedules of each program are tried with each of the schedulers.
const SCHEDULES: u64 = 20;

/// A program, and a schedule under which it fails.
#[derive(Debug, Clone)]
pub struct Counterexample {
    /// The program.
    pub program: Program,
    /// The order in which its threads took turns.
    pub schedule: Schedule,
    /// How it fails.
    pub reason: String,
}

/// Executes random programs on a loop with this fault, or with none: first programs that only have
/// callbacks, then as many programs with tasks.
///
/// # Errors
///
/// The shortest program that fails, with the schedule under which it does.
pub fn check(wrong: FaultChoice, config: Config) -> Result<(), Box<Counterexample>> {
    let seed = match config.rng_seed {
        RngSeed::Fixed(seed) => seed,
        RngSeed::Random => 0,
    };
    let config = Config {
        failure_persistence: None, // a failing program is more useful as text than as a seed
        ..config
    };
    for tasks in [false, true] {
        let mut runner = TestRunner::new(config.clone());
        let checked = runner.run(&program::programs(tasks), |program| {
            try_schedules(wrong, &program, seed).map_err(|found| TestCaseError::fail(found.reason))
        });
        match checked {
            Ok(()) => {}
            Err(TestError::Abort(reason)) => panic!("cannot generate programs: {reason}"),
            Err(TestError::Fail(_, program)) => {
                let fails = |program: &Program| try_schedules(wrong, program, seed).err();
                let shortest = program::shortest(program, |program| fails(program).is_some());
                let shortest = fails(&shortest).expect("the same schedules fail again");
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
/// The first schedule under which the program fails.
pub fn try_schedules(
    wrong: FaultChoice,
    program: &Program,
    seed: u64,
) -> Result<(), Counterexample> {
    judge_schedules(wrong, program, seed, judge)
}

/// Like [`try_schedules`], but only checks whether a reference with these rules explains the histories.
///
/// # Errors
///
/// The first schedule under which it does not.
pub fn explain_by<R: Rules>(program: &Program, seed: u64) -> Result<(), Counterexample> {
    judge_schedules(
        FaultChoice::CORRECT,
        program,
        seed,
        linearize::check_against::<R>,
    )
}

/// Returns what is wrong with a history. The second argument says whether wakeups may be spurious.
type Judge = fn(&History, bool) -> Result<(), String>;

fn judge(history: &History, spurious_wakeups: bool) -> Result<(), String> {
    properties::check(history)?;
    linearize::check(history, spurious_wakeups)
}

fn judge_schedules(
    wrong: FaultChoice,
    program: &Program,
    seed: u64,
    judge: Judge,
) -> Result<(), Counterexample> {
    searches(seed).into_iter().try_for_each(|search| {
        let run = explore(search, SCHEDULES, wrong, judged(program, judge));
        counterexample(program, run)
    })
}

/// Executes one program under one schedule, and returns the schedule if the program fails under it.
///
/// # Errors
///
/// If the schedule is not one of this program's.
pub fn replay(
    wrong: FaultChoice,
    program: &Program,
    schedule: &Schedule,
) -> Result<Result<(), Counterexample>, DoesNotFit> {
    let run = explore::replay(schedule, wrong, judged(program, judge))?;
    Ok(counterexample(program, run))
}

/// Parses a program and a schedule as they are printed: `program @ schedule`.
///
/// # Errors
///
/// What cannot be parsed.
pub fn parse(text: &str) -> Result<(Program, Schedule), String> {
    let (program, schedule) = text
        .split_once('@')
        .ok_or_else(|| format!("{text:?} is not of the form PROGRAM @ SCHEDULE"))?;
    let schedule = schedule.trim().parse();
    let schedule = schedule.map_err(|wrong: wakeproof_explore::NotASchedule| wrong.to_string())?;
    Ok((program.parse()?, schedule))
}

/// A body that executes the program and judges its history.
fn judged(
    program: &Program,
    judge: Judge,
) -> impl Fn() -> Result<(), String> + Send + Sync + 'static {
    let program = program.clone();
    move || {
        let history = execute(&program);
        judge(&history, program.spurious_wakeups > 0)
    }
}

fn counterexample(
    program: &Program,
    run: Result<(), (String, Schedule)>,
) -> Result<(), Counterexample> {
    run.map_err(|(reason, schedule)| Counterexample {
        program: program.clone(),
        schedule,
        reason,
    })
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
        writeln!(
            f,
            "\nunder the schedule\n\n    {schedule}\n\nto repeat it, run\n"
        )?;
        writeln!(
            f,
            "    WAKEPROOF_REPLAY='{program} @ {schedule}' cargo test -p wakeproof-proptests --test main concurrent"
        )
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::{Arc, Mutex};

    use proptest::strategy::{Strategy, ValueTree};
    use wakeproof_explore::Search;

    use super::*;

    /// Random programs find only what happens in them, so everything must happen in some.
    #[test]
    fn everything_that_can_happen_happens_in_two_hundred_programs() {
        let mut runner = TestRunner::deterministic();
        let events = Arc::new(Mutex::new(BTreeSet::new()));
        for n in 0..200 {
            let programs = program::programs(n % 2 == 0);
            let program = programs.new_tree(&mut runner).unwrap().current();
            let seen = events.clone();
            let body = move || {
                for record in execute(&program).records {
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
            explore(Search::Random { seed: 0 }, 5, FaultChoice::CORRECT, body).unwrap();
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
