//! Histories of one thread: runs the real loop and the reference side by side, and compares them.

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
use crate::real::RealLoop;
use crate::record::{Event, Record, ReturnValue, text_of};
use crate::reference::{Documented, Rules};
use crate::{shrink, virtual_time};

/// The length of the longest history.
const LENGTH: usize = 100;

/// Runs random histories on a loop of this platform.
///
/// # Errors
///
/// The shortest history that fails, and where it differs from the reference or which property it breaks.
pub fn check<P: Platform>(config: Config) -> Result<(), String> {
    check_against::<P, Documented>(config)
}

/// Like [`check`], with a reference that has these rules.
///
/// # Errors
///
/// The history, and where it differs from the reference or which property it breaks.
pub fn check_against<P: Platform, R: Rules>(config: Config) -> Result<(), String> {
    shortest_failure::<R>(config, &|config, state, commands, executed| {
        SideBySide::<P, R>::test_sequential(config, state, commands, executed);
        Ok(())
    })
}

/// Like [`check`], but checks only this property.
///
/// # Errors
///
/// The history, and where it breaks the property.
pub fn check_property<P: Platform>(property: Property, config: Config) -> Result<(), String> {
    shortest_failure::<Documented>(config, &|_, _, commands, executed| {
        if let Some(executed) = executed {
            executed.store(commands.len(), Ordering::Relaxed); // all of them are executed
        }
        match panic::catch_unwind(|| History::of::<P>(&commands)) {
            Ok(history) => property.judge(&history).map_err(TestCaseError::fail),
            // A loop that sleeps for ever is wrong, but need not break this property.
            Err(payload) if text_of(&*payload) == virtual_time::SLEEPS_FOR_EVER => Ok(()),
            Err(payload) => panic::resume_unwind(payload),
        }
    })
}

/// Executes each random history twice, the second time with hundreds of additional timers before each run.
/// If `cancels`, the additional timers are cancelled at once, and then they must change nothing except
/// the length of the queue.
///
/// # Errors
///
/// The history, and the first record that differs.
pub fn check_among_timers<P: Platform>(config: Config, cancels: bool) -> Result<(), String> {
    shortest_failure::<Documented>(config, &|_, _, commands, executed| {
        if let Some(executed) = executed {
            executed.store(commands.len(), Ordering::Relaxed); // all of them are executed
        }
        let clean: Vec<Vec<Record>> = {
            let real = RealLoop::<P>::new();
            commands
                .iter()
                .map(|command| real.execute(command))
                .collect()
        };
        let crowded = RealLoop::<P>::new();
        for (command, mut expected) in commands.iter().zip(clean) {
            if matches!(command, Command::Run | Command::RunUntilComplete(_)) {
                crowded.set_many_timers(cancels);
            }
            let mut records = crowded.execute(command);
            for record in expected.iter_mut().chain(&mut records) {
                if let Event::Return(ReturnValue::Looked(observation)) = &mut record.event {
                    observation.queued = 0;
                }
            }
            same(command, &expected, &records).map_err(TestCaseError::fail)?;
        }
        Ok(())
    })
}

/// Judges random histories until one fails, and makes that one as short as possible.
fn shortest_failure<R: Rules>(
    config: Config,
    judge: &dyn Fn(Config, Prediction<R>, Vec<Command>, ExecutedCount) -> TestCaseResult,
) -> Result<(), String> {
    let judge = |state, commands, executed| judge(config.clone(), state, commands, executed);
    let histories = Reference::<R>::sequential_strategy(1..LENGTH);
    let judged = TestRunner::new(config.clone()).run(&histories, |(state, commands, executed)| {
        judge(state, commands, executed)
    });
    judged.map_err(|error| match error {
        TestError::Abort(reason) => format!("cannot generate histories: {reason}"),
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

/// Counts how many commands of a history were executed before it failed, for shrinking.
type ExecutedCount = Option<Arc<AtomicUsize>>;

/// Runs one history on a loop of this platform.
///
/// # Errors
///
/// Where it differs from the reference, or which property it breaks.
pub fn replay<P: Platform>(commands: &[Command]) -> Result<(), String> {
    let real = RealLoop::<P>::new();
    let mut predicted = Prediction::<Documented>::default();
    let mut history = History::default();
    for command in commands {
        predicted.execute(command);
        compare(&real, &mut history, &predicted, command)?;
    }
    finish(real, history, predicted)
}

impl History {
    /// Executes these commands on a loop of this platform, and then drops the loop.
    #[must_use]
    pub fn of<P: Platform>(commands: &[Command]) -> History {
        let real = RealLoop::<P>::new();
        let records = commands
            .iter()
            .chain([&Command::DropLoop])
            .flat_map(|command| real.execute(command))
            .collect();
        History { records }
    }
}

/// Executes a command on the real loop, and compares its records with the prediction.
fn compare<P: Platform, R: Rules>(
    real: &RealLoop<P>,
    history: &mut History,
    predicted: &Prediction<R>,
    command: &Command,
) -> Result<(), String> {
    // After each command, the answers to all queries are compared as well.
    let mut expected = predicted.clone();
    let records = real.execute(command);
    same(command, &expected.records, &records)?;
    history.records.extend(records);
    expected.execute(&Command::Look);
    same(command, &expected.records, &real.execute(&Command::Look))
}

/// Ends the history: drops the loop, and checks the properties.
fn finish<P: Platform, R: Rules>(
    real: RealLoop<P>,
    mut history: History,
    mut predicted: Prediction<R>,
) -> Result<(), String> {
    predicted.execute(&Command::DropLoop);
    compare(&real, &mut history, &predicted, &Command::DropLoop)?;
    properties::check(&history)
}

/// Compares the records. The error says where they first differ.
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

/// The two records as text. If both are observations, only the first line that differs.
fn difference(expected: Option<&Record>, real: Option<&Record>) -> (String, String) {
    let text = |record: Option<&Record>| match record {
        Some(Record { thread, event }) => format!("thread {thread}: {event:?}"),
        None => "nothing more".to_owned(),
    };
    let observation = |record: Option<&Record>| match record {
        Some(Record {
            event: Event::Return(ReturnValue::Looked(observation)),
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

/// The reference, in the form that proptest-state-machine expects.
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

/// The real loop beside the reference, in the form that proptest-state-machine expects.
struct SideBySide<P, R>(PhantomData<(P, R)>);

impl<P: Platform, R: Rules> StateMachineTest for SideBySide<P, R> {
    type SystemUnderTest = (RealLoop<P>, History);
    type Reference = Reference<R>;

    fn init_test(_: &Prediction<R>) -> Self::SystemUnderTest {
        (RealLoop::new(), History::default())
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

/// Fails the case. Does not use `panic!`, whose hook would print every case that shrinking tries.
fn fail(reason: String) {
    panic::resume_unwind(Box::new(reason))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::strategy::ValueTree;

    use super::*;

    /// Random histories find only what happens in them, so everything must happen in some.
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
                    for unit in ["ns", "µs", "ms", "s"] {
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
                "Polled(time)",
                "Reported()",
                "Resumes(Arrived)",
                "Resumes(TaskEnded(AwaitsItself))",
                "Resumes(TaskEnded(Cancelled))",
                "Resumes(TaskEnded(Panicked))",
                "Resumes(TaskEnded(Returned))",
                "Resumes(TimedOut)",
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
