//! Exploring with shuttle.

use std::num::NonZeroUsize;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::platform::{Deadlines, Environment, Shuttle, Unlocks};
use shuttle::Runner;
use shuttle::scheduler::{Schedule as Seeded, Scheduler, Task, TaskId};

use super::claims::{Claims, Known};
use super::exhaustive::Exhaustive;
use super::failure::{self, Failure};
use super::follow::{DoesNotFit, Follow};
use super::merge::{Asked, ShardReport};
use super::sampled::Sampled;
use super::strategy::Search;
use super::supervise::{self, supervised};
use super::supervisor;
use super::{Budget, DEADLOCK, Limits, not_proved};
use crate::journal::{self, Journal};
use crate::schedule::{Choice, Schedule};
use crate::shard::Shard;
use crate::story;
use crate::verdict::{
    CannotJudge, Checker, Counterexample, Exploration, Replay, Scope, Stop, Verdict,
};
use crate::{observe, platform};

/// No execution of a search that tries everything has more steps than this.
const MAX_STEPS: usize = 100_000;
/// No execution of any other search.
const MAX_SAMPLED_STEPS: usize = 10_000_000;
/// How many executions a random search tries, unless told otherwise.
const SAMPLES: u64 = 1000;
/// So many parts, at least, is a tree of choices divided into for each thread that explores it: some parts are much
/// larger than others.
const PARTS: usize = 64;
/// With more deadlines than this, there are too many moments for the clock to jump to.
const MAX_DEADLINES: usize = 8;

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
    let samples = limits.executions.unwrap_or(SAMPLES);
    let mut limits = limits.clone();
    if search != Search::Exhaustive {
        limits.executions = None; // the scheduler ends by itself
    }
    let options = Options {
        scope: Scope::new(Checker::Shuttle, environment),
        stop: Stopping::AtTheFirst,
        search: Some(search),
    };
    let is_shared = limits.processors.is_some() || limits.shard.is_some();
    if is_shared && judge.is_none() {
        return divided(options, search, samples, &limits, body).exploration();
    }
    let guide = move || Guide::new(search, samples, None);
    explore(options, &limits, body, judge, guide).exploration()
}

/// Searches some of the executions: those of a [shard](Limits::shard). All shards, each searched in a process of
/// its own and with the same arguments, [merge](crate::merge()) into the verdict of the whole.
///
/// `program` says what is searched, to the letter.
pub fn search_shard(
    program: &str,
    environment: Environment,
    search: Search,
    limits: &Limits,
    body: impl Fn() + Send + Sync + 'static,
) -> ShardReport {
    let samples = limits.executions.unwrap_or(SAMPLES);
    let mut limits = limits.clone();
    let most = match search {
        Search::Exhaustive => limits.executions,
        _ => limits.executions.take().or(Some(SAMPLES)),
    };
    let options = Options {
        scope: Scope::new(Checker::Shuttle, environment),
        stop: Stopping::AtTheFirst,
        search: Some(search),
    };
    let divided = divided(options, search, samples, &limits, body);
    let (parts, known) = (divided.parts.clone(), divided.known.clone());
    let (tree, found_in) = (
        divided.tree,
        divided.report.found.as_ref().map(|(part, _)| *part),
    );
    let exploration = divided.exploration();
    let shard = limits.shard.unwrap_or(Shard::WHOLE);
    let asked = Asked::new(program, environment, search, most);
    ShardReport::new(asked, shard, tree, known, parts, found_in, &exploration)
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
    let follow = Follow::new(schedule, misfit.clone());
    let guide = move || Guide::Follow(follow);
    let explored = explore(options, &Limits::default(), body, None, guide);
    let misfit = misfit.lock().unwrap_or_else(PoisonError::into_inner).take();
    match misfit {
        Some(misfit) => Err(misfit),
        None => Ok(explored.exploration()),
    }
}

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
    /// With the part of the search that it is in.
    found: Option<(usize, Counterexample)>,
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
            (Some((_, counterexample)), ..) => Verdict::Found(counterexample),
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

/// What is run again and again.
type Body = Arc<dyn Fn() + Send + Sync>;

fn explore(
    options: Options,
    limits: &Limits,
    body: impl Fn() + Send + Sync + 'static,
    judge: Option<Judge>,
    guide: impl FnOnce() -> Guide + Send + 'static,
) -> Explored {
    let budget = Arc::new(Budget::new(limits));
    let pass = Pass {
        options,
        budget: budget.clone(),
        judge,
        claims: None,
        known: Known::default(),
    };
    Explored {
        options,
        budget,
        report: pass.run(Arc::new(body), guide),
    }
}

/// One thread's way through a search.
struct Pass {
    options: Options,
    budget: Arc<Budget>,
    judge: Option<Judge>,
    /// Those who share the search.
    claims: Option<Arc<Claims>>,
    /// What the search has learned before.
    known: Known,
}

impl Pass {
    fn run(self, body: Body, guide: impl FnOnce() -> Guide + Send + 'static) -> Report {
        let report = Arc::new(Mutex::new(Report::default()));
        let shared = report.clone();
        let searched = supervised(&self.budget.clone(), move |_| {
            self.search(body, guide(), &shared)
        });
        let mut report = lock(&report).clone();
        if let Err(stop) = searched {
            report.stopped = Some(stop);
        }
        report
    }

    fn search(self, body: Body, guide: Guide, report: &Arc<Mutex<Report>>) {
        let Pass {
            options,
            budget,
            judge,
            claims,
            known,
        } = self;
        let environment = options.scope.environment;
        let mut config = shuttle::Config::new();
        config.silence_warnings = true;
        // A body may judge what it has seen, and be built without optimisation.
        config.stack_size = 1 << 20;
        config.failure_persistence = shuttle::FailurePersistence::None;
        config.max_steps = shuttle::MaxSteps::None; // the supervisor counts them
        match &guide {
            Guide::Follow(follow) => {
                let (deadlines, unlocks_are_steps) = follow.known();
                Deadlines::remember(deadlines, unlocks_are_steps);
            }
            _ => Deadlines::remember(known.0.clone(), known.1),
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
            is_counted: false,
            execution: 0,
            over: false,
            judge,
            claims,
            known: known.clone(),
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
            lock(report).cannot = Some(format!(
                "shuttle itself fails: {why}; a body that blocks in shuttle's own primitives has to call \
                 wakeproof_explore::uses_shuttle_itself first"
            ));
        }
    }
}

/// What a search came to that several threads shared, or that was for a shard alone.
struct Divided {
    options: Options,
    budget: Arc<Budget>,
    report: Report,
    shard: Shard,
    /// How many parts the search has, and what tells them from those of another.
    tree: Option<(usize, u64)>,
    known: Known,
    parts: Vec<(usize, u64)>,
}

impl Divided {
    fn exploration(self) -> Exploration {
        let Divided {
            options,
            budget,
            mut report,
            shard,
            ..
        } = self;
        if shard.of() > 1 && report.stopped.is_none() {
            report.stopped = Some(Stop::Shard(shard));
        }
        let number = report.found.as_ref().map(|(_, found)| found.execution);
        let explored = Explored {
            options,
            budget,
            report,
        };
        let exploration = explored.exploration();
        Exploration {
            // Others may have explored more until they heard of it.
            executions: number.unwrap_or(exploration.executions),
            ..exploration
        }
    }
}

/// Searches on as many threads as the limits say, and only what belongs to the shard. What comes of it is what one
/// thread alone would have found.
fn divided(
    options: Options,
    search: Search,
    samples: u64,
    limits: &Limits,
    body: impl Fn() + Send + Sync + 'static,
) -> Divided {
    let budget = Arc::new(Budget::new(limits));
    let body: Body = Arc::new(body);
    let shard = limits.shard.unwrap_or(Shard::WHOLE);
    let threads = limits.processors.map_or(1, NonZeroUsize::get);
    let mut known = Known::default();
    let mut before = 0;
    loop {
        let pass = |claims: &Arc<Claims>| Pass {
            options,
            budget: budget.clone(),
            judge: None,
            claims: Some(claims.clone()),
            known: known.clone(),
        };
        let guide =
            |depth, claims: Arc<Claims>| move || Guide::new(search, samples, Some((depth, claims)));
        let mut depth = 0;
        let mut tree = None;
        let wanted = PARTS * threads.max(usize::try_from(shard.of()).unwrap_or(threads));
        let mut end = None;
        while search == Search::Exhaustive && depth < MOST_CHOICES {
            depth += 1;
            let nobodys = Arc::new(Claims::of_nobody());
            let report = pass(&nobodys).run(body.clone(), guide(depth, nobodys.clone()));
            if report.stopped.is_some() || report.cannot.is_some() {
                end = Some(report);
                break;
            }
            let seen = nobodys.all_parts();
            let before = std::mem::replace(&mut tree, seen);
            // Nothing more to divide, or enough.
            if seen == before || seen.is_none_or(|(parts, _)| parts >= wanted) {
                break;
            }
        }
        let claims = Arc::new(Claims::new(shard, options.stop == Stopping::AtTheEnd));
        let reports: Vec<Report> = match end {
            Some(report) => vec![report],
            None => std::thread::scope(|scope| {
                let start = |_| {
                    let (pass, body) = (pass(&claims), body.clone());
                    let guide = guide(depth, claims.clone());
                    scope.spawn(move || pass.run(body, guide))
                };
                let threads: Vec<_> = (0..threads).map(start).collect();
                let join = |thread: std::thread::ScopedJoinHandle<'_, Report>| {
                    thread
                        .join()
                        .unwrap_or_else(|payload| panic::resume_unwind(payload))
                };
                threads.into_iter().map(join).collect()
            }),
        };
        let mut report = joined(reports);
        if report.cannot.is_some() && report.found.is_none() && shard == Shard::WHOLE {
            // shuttle gives up if an execution that belongs to somebody else cannot be left while it unwinds.
            return undivided(options, search, samples, limits, body);
        }
        let has_found = report.found.as_ref().map(|(part, _)| *part);
        if let Some((part, news)) = claims.news()
            && has_found.is_none_or(|found| part < found)
            && report.stopped.is_none()
            && report.cannot.is_none()
        {
            if news.0.len() <= MAX_DEADLINES {
                before += claims
                    .executions()
                    .iter()
                    .map(|(_, number)| number)
                    .sum::<u64>();
                known = news;
                continue;
            }
            report.found = None;
            report.stopped = Some(too_many_deadlines());
        }
        if let Some((part, found)) = &mut report.found {
            found.execution = before + claims.up_to(*part, found.execution);
        }
        report.before = before;
        return Divided {
            options,
            report,
            shard,
            tree: tree.or_else(|| claims.all_parts()),
            known,
            parts: claims.executions(),
            budget,
        };
    }
}

/// What [`divided`] comes to on one thread that explores every part.
fn undivided(
    options: Options,
    search: Search,
    samples: u64,
    limits: &Limits,
    body: Body,
) -> Divided {
    let guide = move || Guide::new(search, samples, None);
    let Explored {
        options,
        budget,
        report,
    } = explore(options, limits, move || body(), None, guide);
    Divided {
        options,
        budget,
        report,
        shard: Shard::WHOLE,
        tree: None,
        known: Known::default(),
        parts: Vec::new(),
    }
}

/// After more choices than this, a tree that is that narrow is not worth being divided further.
const MOST_CHOICES: usize = 64;

fn too_many_deadlines() -> Stop {
    Stop::Clock(format!(
        "more than {MAX_DEADLINES} deadlines: too many moments for the clock to jump to"
    ))
}

/// What several threads report together.
fn joined(reports: Vec<Report>) -> Report {
    let mut together = Report::default();
    for report in reports {
        let found = [together.found, report.found].into_iter().flatten();
        together.found = found.min_by_key(|(part, _)| *part);
        together.stopped = together.stopped.or(report.stopped);
        together.cannot = together.cannot.or(report.cannot);
    }
    together
}

/// More threads than that can seldom run.
const FEW: usize = 16;

/// Who makes the choices.
enum Guide {
    Exhaustive(Exhaustive),
    Sampled(Sampled),
    Follow(Follow),
}

impl Guide {
    /// For a search that is shared, with the depth at which its parts begin.
    fn new(search: Search, samples: u64, shared: Option<(usize, Arc<Claims>)>) -> Self {
        match (search, shared) {
            (Search::Exhaustive, None) => Guide::Exhaustive(Exhaustive::default()),
            (Search::Exhaustive, Some((depth, claims))) => {
                Guide::Exhaustive(Exhaustive::divided(depth, claims))
            }
            (_, shared) => {
                let claims = shared.map(|(_, claims)| claims);
                Guide::Sampled(Sampled::new(search, samples, claims))
            }
        }
    }

    fn scheduler(&mut self) -> &mut dyn Scheduler {
        match self {
            Guide::Exhaustive(scheduler) => scheduler,
            Guide::Sampled(scheduler) => scheduler,
            Guide::Follow(scheduler) => scheduler,
        }
    }

    /// The part of the search in which the execution is, if it is ours.
    fn part(&self) -> Option<usize> {
        match self {
            Guide::Exhaustive(scheduler) => scheduler.part(),
            Guide::Sampled(scheduler) => Some(scheduler.part()),
            Guide::Follow(_) => Some(0),
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
    /// Whether the budget knows of the execution, which it does once it is known to be ours.
    is_counted: bool,
    /// The number of the execution, in its part.
    execution: u64,
    over: bool,
    judge: Option<Judge>,
    claims: Option<Arc<Claims>>,
    /// What those who share the search know.
    known: Known,
}

impl Supervisor {
    /// Counts the execution, if it is ours and was not counted. Returns whether it may go on.
    fn count(&mut self) -> bool {
        if self.is_counted {
            return true;
        }
        let Some(part) = self.guide.part() else {
            return true;
        };
        if let Err(stop) = self.budget.next_execution() {
            self.over = true;
            self.falls_short(stop);
            return false;
        }
        self.is_counted = true;
        self.execution = match &self.claims {
            Some(claims) => claims.count(part),
            None => self.budget.executions(),
        };
        true
    }

    /// The execution is at its end. Returns whether it is one of ours.
    fn ends(&mut self) -> bool {
        if let Guide::Exhaustive(scheduler) = &mut self.guide {
            scheduler.ends();
        }
        self.count() && self.is_counted
    }

    fn found(&mut self, failure: Failure) {
        if !self.ends() {
            return;
        }
        let part = self.guide.part().unwrap_or_default();
        if let Some(claims) = &self.claims {
            claims.fails(part);
        }
        self.over = self.options.stop == Stopping::AtTheFirst;
        let counterexample = Counterexample {
            scope: self.options.scope,
            message: failure.message,
            at: failure.at,
            execution: self.execution,
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
            .is_none_or(|(_, known)| counterexample.journal.steps() < known.journal.steps());
        if is_shorter {
            report.found = Some((part, counterexample));
        }
    }

    /// Goes on to the end, but nothing is proved.
    fn falls_short(&mut self, stop: Stop) {
        lock(&self.report).stopped.get_or_insert(stop);
    }

    /// The clock may jump to a deadline that was learned, or unlocks are steps from now on: a search that
    /// leaves nothing out begins again.
    fn learn(&mut self) {
        if matches!(self.guide, Guide::Follow(_)) || !Deadlines::has_news() {
            return;
        }
        if let (Guide::Exhaustive(scheduler), Some(claims)) = (&self.guide, &self.claims) {
            match scheduler.part() {
                // Whoever shares the search has to hear of it.
                Some(part) => {
                    Deadlines::learn();
                    claims.learns(part, (Deadlines::known(), Unlocks::are_steps()));
                    self.over = true;
                }
                // Whoever explores that part will.
                None => Deadlines::remember(self.known.0.clone(), self.known.1),
            }
            return;
        }
        Deadlines::learn();
        if let Guide::Exhaustive(scheduler) = &mut self.guide {
            scheduler.restart();
            lock(&self.report).before = self.budget.executions();
        }
        if Deadlines::number() > MAX_DEADLINES {
            self.over = true;
            self.falls_short(too_many_deadlines());
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
                && self.ends()
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
        if !self.count() {
            return None;
        }
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
            && self.ends()
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
        if let Some(part) = self.guide.part()
            && let Some(claims) = &self.claims
            && claims.is_superfluous(part)
        {
            return None;
        }
        self.is_counted = false;
        if !self.count() {
            return None;
        }
        if self.budget.limits.progress.is_cancelled() {
            self.falls_short(Stop::Interrupted);
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
