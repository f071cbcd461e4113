//! Histories of one thread: the real loop and the reference, step by step, side by side.

use std::any::Any;
use std::fmt::Write;
use std::marker::PhantomData;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseResult, TestError, TestRunner};
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest};
use wakeproof::platform::Platform;

use crate::command::{self, Command};
use crate::prediction::Prediction;
use crate::properties::{self, History, Property};
use crate::real::Real;
use crate::record::{Event, Outcome, Record};
use crate::reference::{Documented, Rules};
use crate::shrink;

/// The longest history that is tried.
const LENGTH: usize = 100;

/// Runs random histories on a loop of this platform, and says what is wrong with the shortest one
/// that goes wrong.
///
/// # Errors
///
/// The history, and where it differs from the reference or which property it breaks.
pub fn check<P: Platform>(config: Config) -> Result<(), String> {
    check_against::<P, Documented>(config)
}

/// As [`check`], against a reference with these rules.
///
/// # Errors
///
/// The history, and where it differs from the reference or which property it breaks.
pub fn check_against<P: Platform, R: Rules>(config: Config) -> Result<(), String> {
    shortest_failure::<R>(config, &|config, state, commands, seen| {
        Test::<P, R>::test_sequential(config, state, commands, seen);
        Ok(())
    })
}

/// As [`check`], but nothing except the one property counts.
///
/// # Errors
///
/// The history, and where it breaks the property.
pub fn check_property<P: Platform>(property: Property, config: Config) -> Result<(), String> {
    shortest_failure::<Documented>(config, &|_, _, commands, seen| {
        if let Some(seen) = seen {
            seen.store(commands.len(), Ordering::Relaxed); // all of them are executed
        }
        // A loop that goes to sleep has broken something, but perhaps not this.
        match panic::catch_unwind(|| History::of::<P>(&commands)) {
            Ok(history) => property.judge(&history).map_err(TestCaseError::fail),
            Err(_) => Ok(()),
        }
    })
}

/// Executes random histories twice, the second time with many timers before each run, which are
/// cancelled if `cancels` says so: then they change nothing but the number of what is queued.
///
/// # Errors
///
/// The history, and the first record that differs.
pub fn check_litter<P: Platform>(config: Config, cancels: bool) -> Result<(), String> {
    shortest_failure::<Documented>(config, &|_, _, commands, seen| {
        if let Some(seen) = seen {
            seen.store(commands.len(), Ordering::Relaxed); // all of them are executed
        }
        let clean: Vec<Vec<Record>> = {
            let real = Real::<P>::new();
            commands
                .iter()
                .map(|command| real.execute(command))
                .collect()
        };
        let littered = Real::<P>::new();
        for (command, mut expected) in commands.iter().zip(clean) {
            if matches!(command, Command::Run | Command::RunUntilComplete(_)) {
                littered.litter(cancels);
            }
            let mut records = littered.execute(command);
            for record in expected.iter_mut().chain(&mut records) {
                if let Event::Return(Outcome::Looked(observation)) = &mut record.event {
                    observation.queued = 0;
                }
            }
            same(command, &expected, &records).map_err(TestCaseError::fail)?;
        }
        Ok(())
    })
}

/// Judges random histories until one fails, and makes that one as short as it gets.
fn shortest_failure<R: Rules>(
    config: Config,
    judge: &dyn Fn(Config, Prediction<R>, Vec<Command>, Seen) -> TestCaseResult,
) -> Result<(), String> {
    let judge = |state, commands, seen| judge(config.clone(), state, commands, seen);
    let histories = Reference::<R>::sequential_strategy(1..LENGTH);
    let judged = TestRunner::new(config.clone()).run(&histories, |(state, commands, seen)| {
        judge(state, commands, seen)
    });
    judged.map_err(|error| match error {
        TestError::Abort(reason) => format!("no histories could be made: {reason}"),
        TestError::Fail(_, (_, commands, _)) => {
            let failure = |commands: &[Command]| {
                let judged = panic::catch_unwind(AssertUnwindSafe(|| {
                    judge(Prediction::default(), commands.to_vec(), None)
                }));
                match judged {
                    Ok(Ok(())) => None,
                    Ok(Err(TestCaseError::Fail(reason) | TestCaseError::Reject(reason))) => {
                        Some(reason.to_string())
                    }
                    Err(payload) => Some(text_of(&*payload)),
                }
            };
            let commands = shrink::shortest(commands, |commands| {
                is_possible::<R>(commands) && failure(commands).is_some()
            });
            let mut text = failure(&commands).unwrap_or_default();
            text.push_str("\n\nin the history\n\n");
            for command in commands {
                let _ = writeln!(text, "    {command:?}");
            }
            text
        }
    })
}

/// Whether every command of the history returns.
fn is_possible<R: Rules>(commands: &[Command]) -> bool {
    let mut predicted = Prediction::<R>::default();
    commands.iter().all(|command| {
        let returns = predicted.returns(command);
        predicted.execute(command);
        returns
    })
}

/// What a panic said.
pub(crate) fn text_of(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    text.or(payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without text")
        .to_owned()
}

/// How much of a history was executed before it failed, for shrinking.
type Seen = Option<Arc<AtomicUsize>>;

/// Runs one history on a loop of this platform.
///
/// # Errors
///
/// Where it differs from the reference, or which property it breaks.
pub fn replay<P: Platform>(commands: &[Command]) -> Result<(), String> {
    let real = Real::<P>::new();
    let mut predicted = Prediction::<Documented>::default();
    let mut history = History::default();
    for command in commands {
        predicted.execute(command);
        compare(&real, &mut history, &predicted, command)?;
    }
    finish(real, history, predicted)
}

impl History {
    /// What these commands do on a loop of this platform, which is dropped behind them.
    #[must_use]
    pub fn of<P: Platform>(commands: &[Command]) -> History {
        let real = Real::<P>::new();
        let records = commands
            .iter()
            .chain([&Command::DropLoop])
            .flat_map(|command| real.execute(command))
            .collect();
        History { records }
    }
}

/// Executes a command on the real loop, and compares what is seen of it with the prediction.
fn compare<P: Platform, R: Rules>(
    real: &Real<P>,
    history: &mut History,
    predicted: &Prediction<R>,
    command: &Command,
) -> Result<(), String> {
    // Whatever the command was, everything that can be asked for is asked for behind it.
    let mut expected = predicted.clone();
    let records = real.execute(command);
    same(command, &expected.records, &records)?;
    history.records.extend(records);
    expected.execute(&Command::Look);
    same(command, &expected.records, &real.execute(&Command::Look))
}

/// Ends the history: the loop is dropped, and then the properties have to hold.
fn finish<P: Platform, R: Rules>(
    real: Real<P>,
    mut history: History,
    mut predicted: Prediction<R>,
) -> Result<(), String> {
    predicted.execute(&Command::DropLoop);
    compare(&real, &mut history, &predicted, &Command::DropLoop)?;
    properties::check(&history)
}

/// Says where the records differ first, if they do.
fn same(command: &Command, expected: &[Record], real: &[Record]) -> Result<(), String> {
    let longest = expected.len().max(real.len());
    for at in 0..longest {
        let (expected, real) = (expected.get(at), real.get(at));
        if expected != real {
            let (expected, real) = difference(expected, real);
            return Err(format!(
                "in {command:?}\n    expected: {expected}\n    but got:  {real}"
            ));
        }
    }
    Ok(())
}

/// The two records as text; of two observations, only the lines in which they differ.
fn difference(expected: Option<&Record>, real: Option<&Record>) -> (String, String) {
    let text = |record: Option<&Record>| match record {
        Some(Record { thread, event }) => format!("thread {thread}: {event:?}"),
        None => "nothing more".to_owned(),
    };
    let observation = |record: Option<&Record>| match record {
        Some(Record {
            event: Event::Return(Outcome::Looked(observation)),
            ..
        }) => Some(format!("{observation:#?}")),
        _ => None,
    };
    let (Some(expected), Some(real)) = (observation(expected), observation(real)) else {
        return (text(expected), text(real));
    };
    expected
        .lines()
        .zip(real.lines())
        .find(|(expected, real)| expected != real)
        .map(|(expected, real)| (expected.trim().to_owned(), real.trim().to_owned()))
        .unwrap_or((expected, real))
}

/// The reference as proptest-state-machine wants it.
struct Reference<R>(PhantomData<R>);

impl<R: Rules> ReferenceStateMachine for Reference<R> {
    type State = Prediction<R>;
    type Transition = Command;

    fn init_state() -> BoxedStrategy<Prediction<R>> {
        Just(Prediction::default()).boxed()
    }

    fn transitions(predicted: &Prediction<R>) -> BoxedStrategy<Command> {
        let returns = predicted.returns(&Command::Run);
        command::top_level(returns).boxed()
    }

    fn preconditions(predicted: &Prediction<R>, command: &Command) -> bool {
        predicted.returns(command)
    }

    fn apply(mut predicted: Prediction<R>, command: &Command) -> Prediction<R> {
        predicted.execute(command);
        predicted
    }
}

/// The real loop as proptest-state-machine wants it.
struct Test<P, R>(PhantomData<(P, R)>);

impl<P: Platform, R: Rules> StateMachineTest for Test<P, R> {
    type SystemUnderTest = (Real<P>, History);
    type Reference = Reference<R>;

    fn init_test(_: &Prediction<R>) -> Self::SystemUnderTest {
        (Real::new(), History::default())
    }

    fn apply(
        (real, mut history): Self::SystemUnderTest,
        predicted: &Prediction<R>,
        command: Command,
    ) -> Self::SystemUnderTest {
        compare(&real, &mut history, predicted, &command).unwrap_or_else(fail);
        (real, history)
    }

    fn teardown((real, history): Self::SystemUnderTest, predicted: Prediction<R>) {
        finish(real, history, predicted).unwrap_or_else(fail);
    }
}

/// Fails the case. Not by `panic!`, whose hook would print every case that shrinking tries.
fn fail(reason: String) {
    panic::resume_unwind(Box::new(reason))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::strategy::ValueTree;

    use super::*;

    /// Random histories are worth as much as what happens in them.
    #[test]
    fn everything_that_can_happen_happens_in_three_hundred_histories() {
        let mut runner = TestRunner::deterministic();
        let histories = Reference::<Documented>::sequential_strategy(1..LENGTH);
        let mut events = BTreeSet::new();
        for _ in 0..300 {
            let (mut predicted, commands, _) = histories.new_tree(&mut runner).unwrap().current();
            for command in commands {
                predicted.execute(&command);
                events.extend(predicted.records.iter().map(|record| {
                    let mut event = format!("{:?}", record.event);
                    event.truncate(event.find("Observation").unwrap_or(event.len()));
                    event.retain(|c| !c.is_ascii_digit() && !",.- ".contains(c));
                    for unit in ["ns", "ms", "s"] {
                        event = event.replace(&format!("({unit})"), "(time)");
                    }
                    event
                }));
            }
        }
        let events: Vec<_> = events.iter().map(String::as_str).collect();
        assert_eq!(
            events,
            [
                "Began(time)",
                "Call(Cancel())",
                "Call(CancelTask())",
                "Call(Close)",
                "Call(DropLoop)",
                "Call(Look)",
                "Call(Run)",
                "Call(RunUntilComplete())",
                "Call(SetEvent())",
                "Call(SetThreadsafe())",
                "Call(Spawn(Local))",
                "Call(Spawn(Threadsafe(Foreign)))",
                "Call(Spawn(Threadsafe(Owner)))",
                "Call(Stop)",
                "Call(Submit(CallSoon))",
                "Call(Submit(Hazard(Foreign)))",
                "Call(Submit(Hazard(Owner)))",
                "Call(Submit(Threadsafe(Foreign)))",
                "Call(Submit(Threadsafe(Owner)))",
                "Call(Submit(Timer(At())))",
                "Call(Submit(Timer(Later())))",
                "Call(Submit(Timer(Never)))",
                "Call(Submit(TimerThreadsafe(At()Foreign)))",
                "Call(Submit(TimerThreadsafe(At()Owner)))",
                "Call(Submit(TimerThreadsafe(Later()Foreign)))",
                "Call(Submit(TimerThreadsafe(Later()Owner)))",
                "Call(Submit(TimerThreadsafe(NeverForeign)))",
                "Call(Submit(TimerThreadsafe(NeverOwner)))",
                "Call(Wake())",
                "Dropped()",
                "Ended()",
                "GoesOn(Elapsed)",
                "GoesOn(End(AwaitsItself))",
                "GoesOn(End(Cancelled))",
                "GoesOn(End(Panicked))",
                "GoesOn(End(Returned))",
                "GoesOn(It)",
                "Polled(time)",
                "Reported()",
                "Return(CancelPanicked)",
                "Return(Cancelled(false))",
                "Return(Cancelled(true))",
                "Return(Closed(Err(Running)))",
                "Return(Closed(Ok(())))",
                "Return(Completed(Err(AlreadyRunning)))",
                "Return(Completed(Err(Closed)))",
                "Return(Completed(Err(Stopped)))",
                "Return(Completed(Ok(Panicked)))",
                "Return(Completed(Ok(Returned)))",
                "Return(Looked(",
                "Return(Nothing)",
                "Return(Ran(Err(AlreadyRunning)))",
                "Return(Ran(Err(Closed)))",
                "Return(Ran(Ok(())))",
                "Return(Submitted(Err(Closed)))",
                "Return(Submitted(Err(WrongThread)))",
                "Return(Submitted(Ok(None)))",
                "Return(Submitted(Ok(Some(time))))",
                "Slept(time)",
                "Slow(time)",
                "Waits(None)",
                "Waits(Some(time))",
            ]
        );
    }
}
