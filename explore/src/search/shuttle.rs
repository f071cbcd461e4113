//! Exploring with shuttle.

use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Mutex, PoisonError};

use crate::platform::{Environment, Shuttle};
use shuttle::Runner;
use shuttle::scheduler::{
    PctScheduler, RandomScheduler, Schedule as Seeded, Scheduler, Task, TaskId, UrwRandomScheduler,
};

use super::exhaustive::Exhaustive;
use super::quiet::on_a_quiet_thread;
use super::schedule::{Choice, Schedule};
use super::{Budget, Counterexample, DEADLOCK, Exploration, Limits, Outcome, message};
use crate::journal::{self, Journal};
use crate::observe;

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
    judged(environment, search, limits, body, Box::new(no_deadlock))
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
    let samples = limits.executions.unwrap_or(1000);
    let count = usize::try_from(samples).unwrap_or(usize::MAX);
    let mut limits = limits.clone();
    if search != Search::Exhaustive {
        limits.executions = None; // the scheduler ends by itself, and that is not cut short
    }
    let knows_the_watchman = matches!(search, Search::RandomWalk { .. });
    let scheduler = move || -> Box<dyn Scheduler + Send> {
        match search {
            Search::Exhaustive => Box::new(Exhaustive::default()),
            Search::Random { seed } => Box::new(RandomScheduler::new_from_seed(seed, count)),
            Search::Pct { seed, depth } => {
                Box::new(PctScheduler::new_from_seed(seed, depth, count))
            }
            Search::RandomWalk { seed } => Box::new(UrwRandomScheduler::new_from_seed(seed, count)),
        }
    };
    explore(
        environment,
        &limits,
        Stop::AtTheFirst,
        knows_the_watchman,
        body,
        judge,
        scheduler,
    )
    .exploration(if search == Search::Exhaustive {
        Outcome::Exhausted
    } else {
        Outcome::Sampled
    })
}

/// Explores every schedule, like [`Search::Exhaustive`], but does not stop at the first one that
/// fails: what it found is the shortest of all that fail. If it is cut short, the shortest so far.
pub fn shortest(
    environment: Environment,
    limits: &Limits,
    body: impl Fn() + Send + Sync + 'static,
) -> Exploration {
    explore(
        environment,
        limits,
        Stop::AtTheEnd,
        false,
        body,
        Box::new(no_deadlock),
        || Box::new(Exhaustive::default()),
    )
    .exploration(Outcome::Exhausted)
}

/// Runs one execution, by choices that were written down. If it does not fail, the outcome is
/// [`Outcome::Sampled`].
pub fn replay(
    environment: Environment,
    schedule: &Schedule,
    body: impl Fn() + Send + Sync + 'static,
) -> Exploration {
    let choices = schedule.0.clone();
    let limits = Limits::default();
    explore(
        environment,
        &limits,
        Stop::AtTheFirst,
        false,
        body,
        Box::new(no_deadlock),
        move || {
            Box::new(Follow {
                choices: choices.into_iter(),
                begun: false,
            })
        },
    )
    .exploration(Outcome::Sampled)
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

fn no_deadlock(_journal: &Journal, ending: Ending) -> Result<(), String> {
    match ending {
        Ending::Finished => Ok(()),
        Ending::Deadlock => Err(DEADLOCK.into()),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stop {
    AtTheFirst,
    AtTheEnd,
}

/// What an exploration left behind.
struct Explored {
    budget: Arc<Budget>,
    stop: Stop,
    report: Report,
}

#[derive(Default)]
struct Report {
    found: Option<Counterexample>,
    cut_short: Option<String>,
}

impl Explored {
    fn exploration(self, otherwise: Outcome) -> Exploration {
        let Report { found, cut_short } = self.report;
        let is_complete = cut_short.is_none() && self.stop == Stop::AtTheEnd;
        let outcome = match (found, cut_short) {
            (Some(counterexample), _) => Outcome::Found(counterexample),
            (None, Some(why)) => Outcome::CutShort(why),
            (None, None) => otherwise,
        };
        let exploration = self.budget.end(outcome);
        Exploration {
            is_complete: is_complete || exploration.is_complete,
            ..exploration
        }
    }
}

fn explore(
    environment: Environment,
    limits: &Limits,
    stop: Stop,
    knows_the_watchman: bool,
    body: impl Fn() + Send + Sync + 'static,
    judge: Judge,
    scheduler: impl FnOnce() -> Box<dyn Scheduler + Send> + Send,
) -> Explored {
    let budget = Arc::new(Budget::new(limits));
    let report = Arc::new(Mutex::new(Report::default()));
    let supervisor = (budget.clone(), report.clone());
    on_a_quiet_thread(move || {
        let (budget, report) = supervisor;
        let mut config = shuttle::Config::new();
        config.silence_warnings = true;
        // A body may judge what it has seen, and be built without optimisation.
        config.stack_size = 1 << 20;
        config.failure_persistence = shuttle::FailurePersistence::None;
        let supervised = Supervisor {
            scheduler: scheduler(),
            stop,
            budget,
            report,
            choices: Vec::new(),
            over: false,
            knows_the_watchman,
            judge,
        };
        Runner::new(supervised, config).run(move || {
            shuttle::thread::spawn(watch);
            journal::begin();
            observe::watch(journal::recorder::<Shuttle>());
            journal::name_this_thread::<Shuttle>("loop");
            Shuttle::enter(environment);
            guarded(&body);
        });
    });
    let report = std::mem::take(&mut *report.lock().unwrap_or_else(PoisonError::into_inner));
    Explored {
        budget,
        stop,
        report,
    }
}

/// The thread that [`explore`] starts first in each execution. It is scheduled when no other thread
/// can run: the execution is over or it is deadlocked, and shuttle, which would report the latter by
/// a panic, need not find out.
const WATCHMAN: usize = 1;

fn watch() {
    while !OVER.get() {
        shuttle::thread::yield_now();
    }
}

thread_local! {
    /// How many bodies of threads have begun to run or wait to begin, and have not ended.
    static UNFINISHED: Cell<usize> = const { Cell::new(0) };
    /// Whether the watchman may go home.
    static OVER: Cell<bool> = const { Cell::new(false) };
    /// The first panic of this execution.
    static FAILURE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs a thread's body, and tells the supervisor of its end, or of its panic, which goes no
/// further than this: the thread then waits for an execution that is over to be thrown away.
pub(crate) fn guarded<T>(body: impl FnOnce() -> T) -> T {
    UNFINISHED.set(UNFINISHED.get() + 1);
    match panic::catch_unwind(AssertUnwindSafe(body)) {
        Ok(value) => {
            UNFINISHED.set(UNFINISHED.get() - 1);
            value
        }
        Err(payload) => {
            FAILURE.with_borrow_mut(|failure| {
                failure.get_or_insert_with(|| message(&*payload));
            });
            loop {
                shuttle::thread::park();
            }
        }
    }
}

/// Counts the executions of another scheduler, writes its choices down, and notices failures.
struct Supervisor {
    scheduler: Box<dyn Scheduler + Send>,
    stop: Stop,
    budget: Arc<Budget>,
    report: Arc<Mutex<Report>>,
    choices: Vec<Choice>,
    over: bool,
    knows_the_watchman: bool,
    judge: Judge,
}

impl Supervisor {
    fn found(&mut self, message: String) {
        self.over = self.stop == Stop::AtTheFirst;
        let counterexample = Counterexample {
            message,
            execution: self.budget.executions(),
            journal: journal::take(),
            schedule: Some(Schedule(self.choices.clone())),
        };
        let mut report = self.report.lock().unwrap_or_else(PoisonError::into_inner);
        let is_shorter = report
            .found
            .as_ref()
            .is_none_or(|known| counterexample.journal.steps() < known.journal.steps());
        if is_shorter {
            report.found = Some(counterexample);
        }
    }
}

impl Scheduler for Supervisor {
    fn new_execution(&mut self) -> Option<Seeded> {
        if self.over {
            // shuttle's random scheduler complains if it is dropped before it has come to its end.
            while self.scheduler.new_execution().is_some() {}
            return None;
        }
        let next = self.scheduler.new_execution()?;
        if let Err(why) = self.budget.next_execution() {
            let mut report = self.report.lock().unwrap_or_else(PoisonError::into_inner);
            report.cut_short = Some(why);
            return None;
        }
        UNFINISHED.set(0);
        OVER.set(false);
        FAILURE.take();
        self.choices.clear();
        Some(next)
    }

    fn next_task(
        &mut self,
        runnable: &[&Task],
        current: Option<TaskId>,
        is_yielding: bool,
    ) -> Option<TaskId> {
        if let Some(failure) = FAILURE.take() {
            self.found(failure);
            return None;
        }
        // Threads that are parked could wake spuriously; only `guarded` parks them, for good.
        let candidates: Vec<&Task> = runnable
            .iter()
            .copied()
            .filter(|task| task.runnable() && usize::from(task.id()) != WATCHMAN)
            .collect();
        if candidates.is_empty() {
            let ending = if UNFINISHED.get() > 0 {
                Ending::Deadlock
            } else {
                Ending::Finished
            };
            if !OVER.replace(true)
                && let Err(message) = journal::with(|journal| (self.judge)(journal, ending))
            {
                self.found(message);
                return None;
            }
            return match ending {
                Ending::Finished => Some(TaskId::from(WATCHMAN)),
                // Nothing more can happen; what is left of the execution is thrown away.
                Ending::Deadlock => None,
            };
        }
        let is_watchman = |task: &TaskId| usize::from(*task) == WATCHMAN;
        let current = current.filter(|task| !is_watchman(task));
        if let Some(unlocking) = current
            && Shuttle::is_unlocking()
        {
            return Some(unlocking);
        }
        // The random walk wants to know every thread, also one whose steps do nothing.
        let known = if self.knows_the_watchman {
            runnable
        } else {
            &candidates
        };
        let next = self.scheduler.next_task(known, current, is_yielding)?;
        // Nor does a step of the watchman's make a difference to the schedule.
        if !is_watchman(&next) {
            self.choices.push(Choice::Run(next.into()));
        }
        Some(next)
    }

    fn next_u64(&mut self) -> u64 {
        let number = self.scheduler.next_u64();
        self.choices.push(Choice::Chance(number & 1 == 1));
        number
    }
}

/// Makes the choices that were written down.
struct Follow {
    choices: std::vec::IntoIter<Choice>,
    begun: bool,
}

impl Scheduler for Follow {
    fn new_execution(&mut self) -> Option<Seeded> {
        (!std::mem::replace(&mut self.begun, true)).then(|| Seeded::new(0))
    }

    fn next_task(
        &mut self,
        runnable: &[&Task],
        _current: Option<TaskId>,
        _is_yielding: bool,
    ) -> Option<TaskId> {
        // A schedule that does not fit the model ends the execution.
        let Some(Choice::Run(thread)) = self.choices.next() else {
            return None;
        };
        let thread = TaskId::from(thread);
        runnable
            .iter()
            .any(|task| task.id() == thread)
            .then_some(thread)
    }

    fn next_u64(&mut self) -> u64 {
        u64::from(self.choices.next() == Some(Choice::Chance(true)))
    }
}
