//! Histories of one thread: runs the real loop and the reference side by side, and compares them.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::fmt::{self, Write};
use std::marker::PhantomData;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngSeed, TestCaseResult, TestError, TestRunner};
use proptest_state_machine::ReferenceStateMachine;
use wakeproof::platform::Platform;

use crate::claimed;
use crate::command::{self, Command, StopCall};
use crate::prediction::Prediction;
use crate::properties::{self, History, Property};
use crate::real::RealLoop;
use crate::record::{Event, OWNER, Record, ReturnValue, text_of};
use crate::reference::{Documented, Rules};
use crate::under_test::{Claims, LoopUnderTest, Maker, Rule, Sight, Trouble};
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
    shortest_failure::<R>(config, &|commands, executed| {
        let compared =
            follow::<OnPlatform<P>, R>(&OnPlatform::new(), &commands, executed.as_deref());
        compared.map_err(|failure| match failure {
            Failure::Differs(difference) => TestCaseError::fail(difference.to_string()),
            Failure::Breaks(property) => TestCaseError::fail(property),
        })
    })
}

/// Like [`check`], but checks only this property.
///
/// # Errors
///
/// The history, and where it breaks the property.
pub fn check_property<P: Platform>(property: Property, config: Config) -> Result<(), String> {
    shortest_failure::<Documented>(config, &|commands, executed| {
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
    shortest_failure::<Documented>(config, &|commands, executed| {
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
    judge: &dyn Fn(Vec<Command>, ExecutedCount) -> TestCaseResult,
) -> Result<(), String> {
    let histories = Reference::<R>::sequential_strategy(1..LENGTH);
    let judged = TestRunner::new(config).run(&histories, |(_, commands, executed)| {
        judge(commands, executed)
    });
    judged.map_err(|error| match error {
        TestError::Abort(reason) => format!("cannot generate histories: {reason}"),
        TestError::Fail(_, (_, commands, _)) => {
            let failure = |commands: &[Command]| {
                let judged =
                    panic::catch_unwind(AssertUnwindSafe(|| judge(commands.to_vec(), None)));
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
    let compared = follow::<OnPlatform<P>, Documented>(&OnPlatform::new(), commands, None);
    compared.map_err(|failure| match failure {
        Failure::Differs(difference) => difference.to_string(),
        Failure::Breaks(property) => property,
    })
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

/// Makes our own loops, on a platform.
#[derive(Debug)]
pub struct OnPlatform<P> {
    claims: Claims,
    platform: PhantomData<fn() -> P>,
}

impl<P> OnPlatform<P> {
    /// A maker of loops that claim everything.
    #[must_use]
    pub fn new() -> Self {
        Self::claiming(Claims::all())
    }

    /// A maker of the same loops, which claim only this.
    #[must_use]
    pub fn claiming(claims: Claims) -> Self {
        OnPlatform {
            claims,
            platform: PhantomData,
        }
    }
}

impl<P> Default for OnPlatform<P> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P: Platform> Maker for OnPlatform<P> {
    type Loop = RealLoop<P>;

    fn claims(&self) -> &Claims {
        &self.claims
    }

    fn make(&self, _plan: &[Record]) -> Result<RealLoop<P>, Infallible> {
        Ok(RealLoop::new())
    }
}

impl<P: Platform> LoopUnderTest for RealLoop<P> {
    type Trouble = Infallible;

    fn execute(&mut self, command: &Command, _: &[Record]) -> Result<Vec<Record>, Infallible> {
        let executed = panic::catch_unwind(AssertUnwindSafe(|| RealLoop::execute(self, command)));
        Ok(executed.unwrap_or_else(|payload| {
            if text_of(&*payload) != virtual_time::SLEEPS_FOR_EVER {
                panic::resume_unwind(payload);
            }
            let mut records = self.take_records();
            records.push(Record {
                thread: OWNER,
                event: Event::SleepsForEver,
            });
            records
        }))
    }
}

/// How a history fails.
enum Failure {
    /// It differs from the reference.
    Differs(Difference),
    /// It breaks a property.
    Breaks(String),
}

/// Where a loop does something else than the reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The index of the command in the history.
    pub command: usize,
    /// The command.
    pub of: Command,
    /// What the reference predicts for this command, as far as it can be seen of the loop.
    pub expected: Vec<Record>,
    /// What the loop did.
    pub got: Vec<Record>,
}

impl Difference {
    /// The first record that differs.
    #[must_use]
    pub fn place(&self) -> usize {
        let same = self.expected.iter().zip(&self.got);
        same.take_while(|(expected, got)| expected == got).count()
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.place();
        let (expected, got) = difference(self.expected.get(place), self.got.get(place));
        write!(
            f,
            "in {:?}\n    expected: {expected}\n    but got:  {got}",
            self.of
        )
    }
}

/// What the reference predicts for a history: the records of each command, and of a look after it.
fn predict<R: Rules>(commands: &[Command]) -> Vec<[Vec<Record>; 2]> {
    let mut predicted = Prediction::<R>::default();
    let mut records = Vec::new();
    for command in commands {
        predicted.execute(command);
        let of_command = std::mem::take(&mut predicted.records);
        predicted.execute(&Command::Look);
        records.push([of_command, std::mem::take(&mut predicted.records)]);
    }
    records
}

/// What the reference predicts for a history: the records of each command.
#[must_use]
pub fn predict_records(commands: &[Command]) -> Vec<Vec<Record>> {
    let predicted = predict::<Documented>(commands).into_iter();
    predicted.map(|[of_command, _]| of_command).collect()
}

/// Executes a history on a loop of ours and compares it with the reference. Then it drops the loop, and
/// checks the properties.
fn follow<M, R: Rules>(
    maker: &M,
    commands: &[Command],
    executed: Option<&AtomicUsize>,
) -> Result<(), Failure>
where
    M: Maker,
    M::Loop: LoopUnderTest<Trouble = Infallible>,
{
    let commands: Vec<Command> = commands
        .iter()
        .cloned()
        .chain([Command::DropLoop])
        .collect();
    let mut history = History::default();
    let Ok(difference) = compare::<M, R>(maker, &commands, executed, &mut history.records);
    match difference {
        Some(difference) => Err(Failure::Differs(difference)),
        None => properties::check(&history).map_err(Failure::Breaks),
    }
}

/// Executes a history on a loop, up to where it first differs from the reference. `records` get what the
/// loop did.
fn compare<M: Maker, R: Rules>(
    maker: &M,
    commands: &[Command],
    executed: Option<&AtomicUsize>,
    records: &mut Vec<Record>,
) -> Result<Option<Difference>, Trouble<M>> {
    let predicted = predict::<R>(commands);
    let plan: Vec<Record> = predicted
        .iter()
        .flat_map(|[of_command, _]| of_command.clone())
        .collect();
    let claims = maker.claims();
    let mut under_test = maker.make(&plan)?;
    for (place, (command, [of_command, of_look])) in commands.iter().zip(&predicted).enumerate() {
        if let Some(executed) = executed {
            executed.store(place + 1, Ordering::Relaxed);
        }
        let done = under_test.execute(command, of_command)?;
        let differs = |of: &Command, expected: &[Record], got: &[Record]| {
            let (expected, got) = (claims.visible(expected), claims.visible(got));
            (expected != got).then(|| Difference {
                command: place,
                of: of.clone(),
                expected,
                got,
            })
        };
        if let Some(difference) = differs(command, of_command, &done) {
            return Ok(Some(difference));
        }
        records.extend(done);
        // After each command, the answers to all queries are compared as well.
        if claims.shows.contains(&Sight::Queries) {
            let looked = under_test.execute(&Command::Look, of_look)?;
            if let Some(difference) = differs(command, of_look, &looked) {
                return Ok(Some(difference));
            }
        }
    }
    Ok(None)
}

/// Which random histories are executed on a loop, and how long a failure may take to be made short.
#[derive(Debug, Clone, Copy)]
pub struct Histories {
    /// The seed.
    pub seed: u64,
    /// How many.
    pub count: u64,
    /// How long shrinking may take.
    pub shrinking: Duration,
}

/// What random histories have said about a loop.
#[derive(Debug)]
pub enum Outcome {
    /// None of them differs from the reference.
    Held,
    /// One differs.
    Refuted(Box<Refutation>),
    /// The caller had enough.
    Interrupted,
}

/// A history in which a loop differs from the reference.
#[derive(Debug)]
pub struct Refutation {
    /// How many histories were executed, this one included.
    pub histories: u64,
    /// The history, as short as it has become.
    pub commands: Vec<Command>,
    /// Where it differs.
    pub difference: Difference,
    /// Whether nothing simpler fails. Otherwise there was no more time.
    pub is_shortest: bool,
}

/// The length of the longest history of a loop that need not be ours.
const LENGTH_OF_OTHERS: usize = 20;

/// Executes random histories of what a loop claims, until one differs from the reference, and makes that
/// one short. `goes_on` is told how many have been executed, and returns false to interrupt.
///
/// # Errors
///
/// What prevents an answer.
pub fn check_loop<M: Maker>(
    maker: &M,
    histories: Histories,
    goes_on: &dyn Fn(u64) -> bool,
) -> Result<Outcome, Trouble<M>> {
    let claims = maker.claims();
    let commands = claimed::claimed(claims, LENGTH_OF_OTHERS);
    let config = Config {
        rng_seed: RngSeed::Fixed(histories.seed),
        failure_persistence: None,
        ..Config::default()
    };
    let mut runner = TestRunner::new(config);
    for done in 0..histories.count {
        if !goes_on(done) {
            return Ok(Outcome::Interrupted);
        }
        let tree = commands.new_tree(&mut runner);
        let commands = tree.expect("no value is rejected").current();
        let commands = possible(claims, commands);
        let Some(difference) = compare::<M, Documented>(maker, &commands, None, &mut Vec::new())?
        else {
            continue;
        };
        return shorten(
            maker,
            commands,
            difference,
            histories.shrinking,
            goes_on,
            done + 1,
        );
    }
    Ok(Outcome::Held)
}

/// Makes a history that fails short, as long as there is time.
fn shorten<M: Maker>(
    maker: &M,
    commands: Vec<Command>,
    difference: Difference,
    limit: Duration,
    goes_on: &dyn Fn(u64) -> bool,
    histories: u64,
) -> Result<Outcome, Trouble<M>> {
    let (claims, start) = (maker.claims(), Instant::now());
    let is_shortest = Cell::new(true);
    let last = RefCell::new((commands.clone(), difference));
    let trouble = RefCell::new(None);
    shrink::shortest(commands, |commands| {
        if trouble.borrow().is_some() {
            return false;
        }
        if start.elapsed() > limit || !goes_on(histories) {
            is_shortest.set(false);
            return false;
        }
        let is_claimed = commands.iter().all(|command| claims.allow(command));
        if !is_claimed || possible(claims, commands.to_vec()) != commands {
            return false;
        }
        match compare::<M, Documented>(maker, commands, None, &mut Vec::new()) {
            Ok(Some(difference)) => {
                last.replace((commands.to_vec(), difference));
                true
            }
            Ok(None) => false,
            Err(found) => {
                trouble.replace(Some(found));
                false
            }
        }
    });
    if let Some(found) = trouble.into_inner() {
        return Err(found);
    }
    let (commands, difference) = last.into_inner();
    Ok(Outcome::Refuted(Box::new(Refutation {
        histories,
        commands,
        difference,
        is_shortest: is_shortest.get(),
    })))
}

/// The history without what cannot be compared. In the place of a run that does not return there is a
/// stop. A command after which two timers have the same deadline is left out, if the loop promises no
/// order for these.
fn possible(claims: &Claims, commands: Vec<Command>) -> Vec<Command> {
    let has_order = claims.promises.contains(&Rule::EqualDeadlinesInOrder);
    let mut predicted = Prediction::<Documented>::default();
    let mut kept = Vec::new();
    for mut command in commands {
        if !predicted.returns(&command) {
            command = Command::Stop(StopCall::Local);
        }
        let mut after = predicted.clone();
        after.execute(&command);
        if has_order || !after.has_equal_deadlines() {
            predicted = after;
            kept.push(command);
        }
    }
    kept
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
