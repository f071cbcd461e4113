//! Exploring with shuttle.

use std::fmt;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::platform::{Deadlines, Environment, Shuttle, Unlocks};
use shuttle::Runner;
use shuttle::scheduler::{
    PctScheduler, RandomScheduler, Schedule as Seeded, Scheduler, Task, TaskId, UrwRandomScheduler,
};

use super::exhaustive::Exhaustive;
use super::failure::{self, Failure};
use super::supervise::{self, supervised};
use super::supervisor;
use super::{Budget, DEADLOCK, Limits, not_proved};
use crate::journal::{self, Journal};
use crate::schedule::{Choice, Schedule};
use crate::story;
use crate::verdict::{
    CannotJudge, Checker, Counterexample, Exploration, Replay, Scope, Stop, Verdict,
};
use crate::{observe, platform};

/// No execution of a search that tries everything has more steps than this.
const MAX_STEPS: usize = 100_000;
/// No execution of any other search.
const MAX_SAMPLED_STEPS: usize = 10_000_000;
/// With more deadlines than this, there are too many moments for the clock to jump to.
const MAX_DEADLINES: usize = 8;

/// Which schedules to try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Search {
    /// Every one, depth first.
    Exhaustive,
    /// Any thread at any point, with equal probability.
    Random {
        /// Where the randomness comes from: the same seed gives the same schedules.
        seed: u64,
    },
    /// Probabilistic concurrency testing: threads have priorities, which change at few points.
    Pct {
        /// Where the randomness comes from.
        seed: u64,
        /// How many steps have to come in the right order for a bug of the kind looked for.
        depth: usize,
    },
    /// A uniform random walk: threads with more steps to go are chosen more often.
    RandomWalk {
        /// Where the randomness comes from.
        seed: u64,
    },
}

/// Explores schedules of `body` under shuttle, within what `environment` admits, and stops at the
/// first one that fails.
///
/// Unless the search is [`Search::Exhaustive`], it tries as many as [`Limits::executions`] says, or
/// a thousand.
pub fn shuttle(
    environment: Environment,
    search: Search,
    limits: &Limits,
    body: impl Fn() + Send + Sync + 'static,
) -> Exploration {
    with_judge(environment, search, limits, body, None)
}

/// As [`shuttle()`], but whether an execution fails, and whether a deadlock is a failure, is for
/// `judge` to say.
pub fn judged(
    environment: Environment,
    search: Search,
    limits: &Limits,
    body: impl Fn() + Send + Sync + 'static,
    judge: Judge,
) -> Exploration {
    with_judge(environment, search, limits, body, Some(judge))
}

fn with_judge(
    environment: Environment,
    search: Search,
    limits: &Limits,
    body: impl Fn() + Send + Sync + 'static,
    judge: Option<Judge>,
) -> Exploration {
    let samples = limits.executions.unwrap_or(1000);
    let mut limits = limits.clone();
    if search != Search::Exhaustive {
        limits.executions = None; // the scheduler ends by itself
    }
    let options = Options {
        scope: Scope::new(Checker::Shuttle, environment),
        stop: Stopping::AtTheFirst,
        search: Some(search),
    };
    let count = usize::try_from(samples).unwrap_or(usize::MAX);
    let explored = explore(options, &limits, body, judge, move || match search {
        Search::Exhaustive => Guide::Exhaustive(Exhaustive::default()),
        Search::Random { seed } => Guide::other(RandomScheduler::new_from_seed(seed, count)),
        Search::Pct { seed, depth } => {
            Guide::other(PctScheduler::new_from_seed(seed, depth, count))
        }
        Search::RandomWalk { seed } => Guide::other(UrwRandomScheduler::new_from_seed(seed, count)),
    });
    explored.exploration()
}

/// Explores every schedule, like [`Search::Exhaustive`], but does not stop at the first one that
/// fails: what it found is the shortest of all that fail. If it is stopped before, the shortest so far.
pub fn shortest(
    environment: Environment,
    limits: &Limits,
    body: impl Fn() + Send + Sync + 'static,
) -> Exploration {
    let options = Options {
        scope: Scope::new(Checker::Shuttle, environment),
        stop: Stopping::AtTheEnd,
        search: Some(Search::Exhaustive),
    };
    let guide = || Guide::Exhaustive(Exhaustive::default());
    explore(options, limits, body, None, guide).exploration()
}

/// Runs one execution, by choices that were written down. If it does not fail, nothing is
/// [proved](Stop::Samples).
///
/// # Errors
///
/// If the choices cannot be made: they are of another program, or of another environment.
pub fn replay(
    environment: Environment,
    schedule: &Schedule,
    body: impl Fn() + Send + Sync + 'static,
) -> Result<Exploration, DoesNotFit> {
    let options = Options {
        scope: Scope::new(Checker::Shuttle, environment),
        stop: Stopping::AtTheFirst,
        search: None,
    };
    let misfit = Arc::new(Mutex::new(None));
    let follow = Follow {
        deadlines: schedule.deadlines(),
        unlocks_are_steps: schedule.unlocks_are_steps(),
        choices: schedule.choices(),
        next: 0,
        begun: false,
        misfit: misfit.clone(),
    };
    let guide = move || Guide::Follow(follow);
    let explored = explore(options, &Limits::default(), body, None, guide);
    let misfit = misfit.lock().unwrap_or_else(PoisonError::into_inner).take();
    match misfit {
        Some(misfit) => Err(misfit),
        None => Ok(explored.exploration()),
    }
}

/// A schedule that is not one of this program's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DoesNotFit(String);

impl fmt::Display for DoesNotFit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the schedule is not one of this program in this environment: {}",
            self.0
        )
    }
}

impl std::error::Error for DoesNotFit {}

/// How an execution ended, if no thread has panicked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Every thread has come to its end.
    Finished,
    /// Some have not, and none of them can go on.
    Deadlock,
}

/// Judges an execution by its journal, at its end. An execution that is not right fails with the
/// message that is returned.
pub type Judge = Box<dyn FnMut(&Journal, Ending) -> Result<(), String> + Send>;

fn no_deadlock(ending: Ending) -> Result<(), String> {
    match ending {
        Ending::Finished => Ok(()),
        Ending::Deadlock => Err(DEADLOCK.into()),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stopping {
    AtTheFirst,
    AtTheEnd,
}

#[derive(Debug, Clone, Copy)]
struct Options {
    scope: Scope,
    stop: Stopping,
    /// What is searched, unless an execution is replayed.
    search: Option<Search>,
}

/// What an exploration left behind.
struct Explored {
    options: Options,
    budget: Arc<Budget>,
    report: Report,
}

#[derive(Debug, Clone, Default)]
struct Report {
    found: Option<Counterexample>,
    stopped: Option<Stop>,
    cannot: Option<String>,
    /// How many executions there were before the search began again.
    before: u64,
}

impl Explored {
    fn exploration(self) -> Exploration {
        let Options {
            scope,
            stop,
            search,
        } = self.options;
        let Report {
            found,
            stopped,
            cannot,
            before,
        } = self.report;
        let executions = self.budget.executions();
        let is_complete = stopped.is_none() && cannot.is_none() && stop == Stopping::AtTheEnd;
        let verdict = match (found, cannot, stopped) {
            (Some(counterexample), ..) => Verdict::Found(counterexample),
            (None, Some(why), _) => Verdict::CannotJudge(CannotJudge {
                scope,
                why,
                who_can: None,
            }),
            (None, None, Some(stop)) => not_proved(scope, stop),
            (None, None, None) if search == Some(Search::Exhaustive) => Verdict::Proved(scope),
            (None, None, None) => not_proved(scope, Stop::Samples(executions)),
        };
        let exploration = self.budget.end(verdict);
        Exploration {
            is_complete: is_complete || exploration.is_complete,
            executions: if exploration.is_proved() {
                executions - before
            } else {
                executions
            },
            ..exploration
        }
    }
}

fn lock(report: &Mutex<Report>) -> MutexGuard<'_, Report> {
    report.lock().unwrap_or_else(PoisonError::into_inner)
}

fn explore(
    options: Options,
    limits: &Limits,
    body: impl Fn() + Send + Sync + 'static,
    judge: Option<Judge>,
    guide: impl FnOnce() -> Guide + Send + 'static,
) -> Explored {
    let budget = Arc::new(Budget::new(limits));
    let report = Arc::new(Mutex::new(Report::default()));
    let shared = (budget.clone(), report.clone());
    let environment = options.scope.environment;
    let searched = supervised(&budget, move |_| {
        let (budget, report) = shared;
        let mut config = shuttle::Config::new();
        config.silence_warnings = true;
        // A body may judge what it has seen, and be built without optimisation.
        config.stack_size = 1 << 20;
        config.failure_persistence = shuttle::FailurePersistence::None;
        config.max_steps = shuttle::MaxSteps::None; // the supervisor counts them
        let guide = guide();
        match &guide {
            Guide::Follow(follow) => {
                Deadlines::remember(follow.deadlines.clone(), follow.unlocks_are_steps);
            }
            _ => Deadlines::forget(),
        }
        // The random walk wants to know every thread, also one whose steps do nothing.
        let from_the_start = matches!(options.search, Some(Search::RandomWalk { .. }));
        let supervised = Supervisor {
            guide,
            options,
            budget,
            report: report.clone(),
            choices: Vec::new(),
            is_running: false,
            over: false,
            judge,
        };
        let ran = panic::catch_unwind(AssertUnwindSafe(|| {
            Runner::new(supervised, config).run(move || {
                if from_the_start {
                    supervisor::start();
                }
                journal::begin();
                story::begin::<Shuttle>();
                observe::watch(journal::recorder::<Shuttle>());
                journal::name_this_thread::<Shuttle>(journal::MAIN);
                Shuttle::enter(environment);
                supervisor::run_body(|| {
                    body();
                    platform::ends(platform::this_thread());
                });
            });
        }));
        if ran.is_err() {
            // Bodies do not panic as far as this: shuttle has.
            let why = failure::take().map_or_else(|| "a panic".into(), |failure| failure.message);
            lock(&report).cannot = Some(format!("shuttle itself fails: {why}"));
        }
    });
    let mut report = lock(&report).clone();
    if let Err(stop) = searched {
        report.stopped = Some(stop);
    }
    Explored {
        options,
        budget,
        report,
    }
}

/// More threads than that can seldom run.
const FEW: usize = 16;

/// Who makes the choices.
enum Guide {
    Exhaustive(Exhaustive),
    Follow(Follow),
    Other(QuietEnd),
}

/// A scheduler of shuttle's. Its random ones print a seed if they are dropped before they have come to
/// their end, although nothing has failed.
struct QuietEnd(Option<Box<dyn Scheduler + Send>>);

impl QuietEnd {
    fn scheduler(&mut self) -> &mut (dyn Scheduler + Send) {
        let scheduler = self.0.as_deref_mut();
        scheduler.expect("it is there until it is dropped")
    }
}

impl Scheduler for QuietEnd {
    /// PCT panics if the program never has two threads to choose from: all its executions are alike, and one was
    /// enough.
    fn new_execution(&mut self) -> Option<Seeded> {
        let next = panic::catch_unwind(AssertUnwindSafe(|| self.scheduler().new_execution()));
        next.unwrap_or_else(|_| {
            failure::forget();
            None
        })
    }

    fn next_task(
        &mut self,
        runnable: &[&Task],
        current: Option<TaskId>,
        is_yielding: bool,
    ) -> Option<TaskId> {
        self.scheduler().next_task(runnable, current, is_yielding)
    }

    fn next_u64(&mut self) -> u64 {
        self.scheduler().next_u64()
    }
}

impl Drop for QuietEnd {
    fn drop(&mut self) {
        const SOON: usize = 100_000;
        if !(0..SOON).any(|_| self.new_execution().is_none()) {
            std::mem::forget(self.0.take());
        }
    }
}

impl Guide {
    fn other(scheduler: impl Scheduler + Send + 'static) -> Self {
        Guide::Other(QuietEnd(Some(Box::new(scheduler))))
    }

    fn scheduler(&mut self) -> &mut dyn Scheduler {
        match self {
            Guide::Exhaustive(scheduler) => scheduler,
            Guide::Follow(scheduler) => scheduler,
            Guide::Other(scheduler) => scheduler,
        }
    }
}

/// Counts the executions of another scheduler, writes its choices down, and notices failures.
struct Supervisor {
    guide: Guide,
    options: Options,
    budget: Arc<Budget>,
    report: Arc<Mutex<Report>>,
    choices: Vec<Choice>,
    /// Whether an execution has begun and was not stopped.
    is_running: bool,
    over: bool,
    judge: Option<Judge>,
}

impl Supervisor {
    fn found(&mut self, failure: Failure) {
        self.over = self.options.stop == Stopping::AtTheFirst;
        let counterexample = Counterexample {
            scope: self.options.scope,
            message: failure.message,
            at: failure.at,
            execution: self.budget.executions(),
            journal: failure.journal,
            replay: Some(Replay::Schedule(Schedule::new(
                Deadlines::known(),
                Unlocks::are_steps(),
                &self.choices,
            ))),
        };
        let mut report = lock(&self.report);
        let is_shorter = report
            .found
            .as_ref()
            .is_none_or(|known| counterexample.journal.steps() < known.journal.steps());
        if is_shorter {
            report.found = Some(counterexample);
        }
    }

    /// Goes on to the end, but nothing is proved.
    fn falls_short(&mut self, stop: Stop) {
        lock(&self.report).stopped.get_or_insert(stop);
    }

    /// The clock may jump to a deadline that was learned, or unlocks are steps from now on: a search that
    /// leaves nothing out begins again.
    fn learn(&mut self) {
        if matches!(self.guide, Guide::Follow(_)) || !Deadlines::learn() {
            return;
        }
        if let Guide::Exhaustive(scheduler) = &mut self.guide {
            scheduler.restart();
            lock(&self.report).before = self.budget.executions();
        }
        if Deadlines::number() > MAX_DEADLINES {
            self.over = true;
            self.falls_short(Stop::Clock(format!(
                "more than {MAX_DEADLINES} deadlines: too many moments for the clock to jump to"
            )));
        }
    }

    fn judge(&mut self, ending: Ending) -> Result<(), Failure> {
        if ending == Ending::Deadlock {
            if let Some(failure) = failure::take() {
                return Err(failure); // its thread waits while it unwinds
            }
            if self.judge.is_none() && supervise::waits_for_time() {
                let most = self.options.scope.environment.timeouts;
                self.falls_short(Stop::Timeouts(most));
                return Ok(());
            }
        }
        let judged = match &mut self.judge {
            Some(judge) => journal::with(|journal| judge(journal, ending)),
            None => no_deadlock(ending),
        };
        judged.map_err(|message| Failure::now(&message))
    }

    /// Which thread runs next; none if the execution is over.
    fn choose(
        &mut self,
        runnable: &[&Task],
        current: Option<TaskId>,
        is_yielding: bool,
    ) -> Option<TaskId> {
        supervise::step();
        if supervisor::has_a_thread_failed() {
            let failure = failure::take().unwrap_or_else(|| Failure::now("a panic"));
            self.found(failure);
            return None;
        }
        let current = current.filter(|task| !supervisor::is(*task));
        if let Some(goes_on) = current
            && (Shuttle::is_unlocking() || supervisor::is_starting())
        {
            return Some(goes_on);
        }
        let can_run = |task: &&&Task| !supervisor::is(task.id());
        let can_run = runnable.iter().filter(can_run).copied();
        // At each step, without an allocation.
        let mut few = [runnable[0]; FEW];
        let many: Vec<&Task>;
        let candidates = if runnable.len() <= FEW {
            let mut number = 0;
            for task in can_run {
                few[number] = task;
                number += 1;
            }
            &few[..number]
        } else {
            many = can_run.collect();
            &many[..]
        };
        if candidates.is_empty() {
            let ending = ending();
            if !supervisor::ends()
                && let Err(failure) = self.judge(ending)
            {
                self.found(failure);
                return None;
            }
            return match ending {
                Ending::Finished => Some(runnable[0].id()),
                // Nothing more can happen; what is left of the execution is thrown away.
                Ending::Deadlock => None,
            };
        }
        let most = match self.guide {
            Guide::Exhaustive(_) => MAX_STEPS,
            _ => MAX_SAMPLED_STEPS,
        };
        if self.choices.len() >= most {
            self.over = true;
            self.falls_short(Stop::Steps(most));
            return None;
        }
        let known = match self.options.search {
            Some(Search::RandomWalk { .. }) => runnable,
            _ => candidates,
        };
        if self.choices.is_empty() {
            // To start the supervisor was the first step of each execution once; schedules still have it.
            self.choose_from(known, current, is_yielding)?;
        }
        self.choose_from(known, current, is_yielding)
    }

    fn choose_from(
        &mut self,
        known: &[&Task],
        current: Option<TaskId>,
        is_yielding: bool,
    ) -> Option<TaskId> {
        let scheduler = self.guide.scheduler();
        let next = scheduler.next_task(known, current, is_yielding)?;
        // The supervisor's steps make no difference, so they are not part of the schedule.
        if !supervisor::is(next) {
            self.choices.push(Choice::Run(supervisor::number(next)));
        }
        Some(next)
    }
}

/// How the execution has ended, now that no thread can run.
fn ending() -> Ending {
    if supervisor::have_all_ended() {
        Ending::Finished
    } else {
        Ending::Deadlock
    }
}

impl Scheduler for Supervisor {
    fn new_execution(&mut self) -> Option<Seeded> {
        // Nobody has stopped it, and shuttle has found no deadlock. But shuttle does not ask after threads that nobody
        // can join any more.
        if self.is_running
            && !supervisor::is_over()
            && let Err(failure) = self.judge(ending())
        {
            self.found(failure);
        }
        self.is_running = false;
        self.learn();
        if self.over {
            return None;
        }
        let next = self.guide.scheduler().new_execution()?;
        if let Err(stop) = self.budget.next_execution() {
            self.falls_short(stop);
            return None;
        }
        self.is_running = true;
        supervisor::begin_execution();
        failure::forget();
        supervise::begin_execution();
        platform::begin_execution(Checker::Shuttle);
        self.choices.clear();
        Some(next)
    }

    fn next_task(
        &mut self,
        runnable: &[&Task],
        current: Option<TaskId>,
        is_yielding: bool,
    ) -> Option<TaskId> {
        supervisor::chooses_from(runnable.len());
        let next = self.choose(runnable, current, is_yielding);
        self.is_running = next.is_some();
        next
    }

    fn next_u64(&mut self) -> u64 {
        let number = self.guide.scheduler().next_u64();
        self.choices.push(Choice::Chance(number & 1 == 1));
        number
    }
}

/// Makes the choices that were written down.
struct Follow {
    deadlines: Vec<Duration>,
    unlocks_are_steps: bool,
    choices: Vec<Choice>,
    next: usize,
    begun: bool,
    misfit: Arc<Mutex<Option<DoesNotFit>>>,
}

impl Follow {
    fn next_choice(&mut self) -> Option<Choice> {
        let choice = self.choices.get(self.next).copied();
        self.next += 1;
        choice
    }

    fn does_not_fit(&self, why: &str) {
        let mut misfit = self.misfit.lock().unwrap_or_else(PoisonError::into_inner);
        misfit.get_or_insert_with(|| DoesNotFit(format!("choice {}: {why}", self.next)));
    }
}

impl Scheduler for Follow {
    fn new_execution(&mut self) -> Option<Seeded> {
        if self.begun {
            let left = self.choices.len().saturating_sub(self.next);
            if left > 0 {
                self.does_not_fit("the execution is over before it");
            }
            return None;
        }
        self.begun = true;
        Some(Seeded::new(0))
    }

    fn next_task(
        &mut self,
        runnable: &[&Task],
        _current: Option<TaskId>,
        _is_yielding: bool,
    ) -> Option<TaskId> {
        let thread = match self.next_choice() {
            Some(Choice::Run(thread)) => thread,
            Some(_) => {
                self.does_not_fit("a thread has to run, not a chance");
                return None;
            }
            None => {
                self.does_not_fit("the execution goes on after it");
                return None;
            }
        };
        let mut can_run = runnable.iter().map(|task| task.id());
        let next = can_run.find(|task| supervisor::number(*task) == thread);
        if next.is_none() {
            self.does_not_fit(&format!("thread {thread} cannot run"));
        }
        next
    }

    fn next_u64(&mut self) -> u64 {
        match self.next_choice() {
            Some(Choice::Chance(happens)) => u64::from(happens),
            _ => {
                self.does_not_fit("a chance, not a thread");
                0
            }
        }
    }
}
