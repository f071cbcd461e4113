//! Running something under many schedules, with deadlocks found and the choices written down.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Mutex, Once, PoisonError};

use shuttle::Runner;
use shuttle::scheduler::{
    PctScheduler, RandomScheduler, Schedule as Begin, Scheduler, Task, TaskId, UrwRandomScheduler,
};

use super::schedule::{Choice, Schedule};
use crate::history::text_of;

/// A kind of random schedules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Search {
    /// Any thread takes the next turn, with equal probability.
    Random,
    /// Threads have priorities, which change at few points: finds what takes few context switches
    /// at the right places.
    Priorities,
    /// A thread with more turns to come is chosen more often, so that all schedules are about as
    /// probable as each other.
    Walk,
}

impl Search {
    /// All of them.
    pub const ALL: [Search; 3] = [Search::Random, Search::Priorities, Search::Walk];

    /// A scheduler for so many executions.
    #[must_use]
    pub fn scheduler(self, seed: u64, executions: usize) -> Box<dyn Scheduler + Send> {
        match self {
            Search::Random => Box::new(RandomScheduler::new_from_seed(seed, executions)),
            Search::Priorities => Box::new(PctScheduler::new_from_seed(seed, 3, executions)),
            Search::Walk => Box::new(UrwRandomScheduler::new_from_seed(seed, executions)),
        }
    }
}

/// Runs `body` under the scheduler's schedules, until one fails or there are no more. Returns how
/// many there were. The body has to say when [`all_threads_are_started`].
///
/// # Errors
///
/// Why an execution failed, and its schedule. A panic is a failure, and so is a deadlock.
pub fn explore(
    scheduler: Box<dyn Scheduler + Send>,
    body: impl Fn() -> Result<(), String> + Send + Sync + 'static,
) -> Result<usize, (String, Schedule)> {
    keep_the_panic_hook();
    let verdict = Arc::new(Mutex::new(Verdict::default()));
    let supervisor = Supervisor {
        scheduler,
        verdict: verdict.clone(),
        choices: Vec::new(),
    };
    let mut config = shuttle::Config::new();
    config.silence_warnings = true;
    config.stack_size = 1 << 20; // the judgement is recursive, and may be built without optimisation
    config.failure_persistence = shuttle::FailurePersistence::None;
    let judged = verdict.clone();
    let executions = Runner::new(supervisor, config).run(move || {
        let result = panic::catch_unwind(AssertUnwindSafe(&body));
        let result = result.unwrap_or_else(|payload| Err(text_of(&*payload)));
        UNFINISHED.set(false);
        lock(&judged).failure = result.err();
        // The supervisor looks at the failure when it chooses who takes the next turn.
        shuttle::thread::yield_now();
    });
    match lock(&verdict).counterexample.take() {
        None => Ok(executions),
        Some(counterexample) => Err(counterexample),
    }
}

/// shuttle puts a panic hook of its own in front at its first execution, which from then on prints
/// something about schedules at every panic of the process. Here it has no part in reporting.
fn keep_the_panic_hook() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let hook = panic::take_hook();
        Runner::new(Search::Priorities.scheduler(0, 1), shuttle::Config::new()).run(|| ());
        panic::set_hook(hook);
    });
}

#[derive(Default)]
struct Verdict {
    /// What is wrong with the execution that is running.
    failure: Option<String>,
    counterexample: Option<(String, Schedule)>,
}

thread_local! {
    /// The body of this execution has not ended. shuttle runs all threads of an execution on one of
    /// the operating system's.
    static UNFINISHED: Cell<bool> = const { Cell::new(false) };
    /// The thread that gets a turn only if no other can take one.
    static LAST: Cell<Option<usize>> = const { Cell::new(None) };
}

/// Tells that the body has started its last thread.
///
/// One more is started here, which gets a turn only if no other thread can take one: if the body
/// has not ended by then, it is deadlocked. shuttle would find that out by itself, and print it;
/// this way it is an ordinary result. It is the last because [`Search::Walk`] wants to see every
/// thread up to the last one that it sees.
pub fn all_threads_are_started() {
    let last = shuttle::thread::spawn(|| ());
    LAST.set(Some(last.thread().id().into()));
}

/// Lets another scheduler choose, writes its choices down, and ends an execution that has failed.
struct Supervisor {
    scheduler: Box<dyn Scheduler + Send>,
    verdict: Arc<Mutex<Verdict>>,
    choices: Vec<Choice>,
}

impl Scheduler for Supervisor {
    fn new_execution(&mut self) -> Option<Begin> {
        if lock(&self.verdict).counterexample.is_some() {
            // Uses up what is left: a scheduler that is dropped before its end prints its seed.
            while self.scheduler.new_execution().is_some() {}
            return None;
        }
        self.choices.clear();
        UNFINISHED.set(true);
        LAST.set(None);
        self.scheduler.new_execution()
    }

    fn next_task(
        &mut self,
        runnable: &[&Task],
        current: Option<TaskId>,
        is_yielding: bool,
    ) -> Option<TaskId> {
        let is_last = |id: TaskId| Some(usize::from(id)) == LAST.get();
        let tasks: Vec<&Task> = runnable
            .iter()
            .copied()
            .filter(|task| task.runnable() && !is_last(task.id()))
            .collect();
        let mut verdict = lock(&self.verdict);
        let deadlock = (tasks.is_empty() && UNFINISHED.get())
            .then(|| "deadlock: every thread waits for another".to_owned());
        if let Some(reason) = verdict.failure.take().or(deadlock) {
            verdict.counterexample = Some((reason, Schedule(self.choices.clone())));
            return None;
        }
        if tasks.is_empty() {
            return LAST.get().map(TaskId::from);
        }
        let current = current.filter(|id| !is_last(*id));
        let next = self.scheduler.next_task(&tasks, current, is_yielding)?;
        self.choices.push(Choice::Run(next.into()));
        Some(next)
    }

    fn next_u64(&mut self) -> u64 {
        let number = self.scheduler.next_u64();
        self.choices.push(Choice::Chance(number & 1 == 1));
        number
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
