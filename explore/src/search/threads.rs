//! Running on real threads, watched by a watchdog.

use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

use wakeproof_asleep as asleep;

use super::{Budget, Limits, failure, message, not_proved};
use crate::journal::Journal;
use crate::platform::{self, Environment};
use crate::verdict::{Checker, Counterexample, Exploration, Scope, Stop, Verdict};

/// How often the watchdog looks whether the threads are asleep, and whether somebody has ended the search.
const LOOK: Duration = Duration::from_millis(20);

/// Runs `body` again and again on the operating system's threads, as often as
/// [`Limits::executions`] says, or a thousand times. A panic of any thread that the platform started
/// fails the run, even if nobody waits for the thread.
///
/// A run hangs if every thread of it is asleep and none of their waits has a time limit, or none that ends
/// within `patience`. On 64-bit Linux that is read from the state of the threads
/// ([`wakeproof_asleep`]), and takes milliseconds. Elsewhere, and
/// for a run whose threads go on for ever, `patience` decides: a run that has not ended by then is taken
/// to hang. The threads of a run that hangs, which nobody can end, stay behind.
///
/// The body must start its threads through the platform. Others are not seen: a run that sleeps until
/// one of them wakes it is taken to hang.
///
/// What is found depends on timing. What is not found proves nothing.
pub fn threads(
    patience: Duration,
    limits: &Limits,
    body: impl Fn() + Send + Sync + 'static,
) -> Exploration {
    let samples = limits.executions.unwrap_or(1000);
    let limits = Limits {
        executions: None,
        ..limits.clone()
    };
    let budget = Budget::new(&limits);
    let scope = Scope::new(Checker::Threads, Environment::QUIET);
    let body = Arc::new(body);
    for _ in 0..samples {
        if let Err(stop) = budget.next_execution() {
            return budget.end(not_proved(scope, stop));
        }
        let (sender, ended) = mpsc::channel();
        let run = Run {
            sender,
            execution: platform::new_execution(),
            threads: Arc::default(),
        };
        let threads = run.threads.clone();
        let body = body.clone();
        run.starts_thread();
        std::thread::spawn(move || {
            let told = run.clone();
            let ran = run.take_part(|| {
                body();
                platform::ends(platform::key(std::thread::current().id()));
            });
            if ran.is_ok() {
                told.tell(Ok(()));
            }
        });
        match watch(&ended, &threads, patience, &budget) {
            Watched::Ended(Ok(())) => {}
            Watched::Ended(Err(message)) => {
                return budget.end(Verdict::Found(Counterexample {
                    scope,
                    message,
                    at: None,
                    execution: budget.executions(),
                    journal: Journal::default(),
                    replay: None,
                }));
            }
            Watched::Stopped(stop) => return budget.end(not_proved(scope, stop)),
        }
    }
    budget.end(not_proved(scope, Stop::Samples(samples)))
}

enum Watched {
    Ended(Result<(), String>),
    Stopped(Stop),
}

fn watch(
    ended: &mpsc::Receiver<Result<(), String>>,
    threads: &Mutex<Threads>,
    patience: Duration,
    budget: &Budget,
) -> Watched {
    let begun = Instant::now();
    loop {
        let left = patience.saturating_sub(begun.elapsed());
        if let Ok(result) = ended.recv_timeout(left.min(LOOK)) {
            return Watched::Ended(result);
        }
        let hangs = match all_asleep(threads) {
            Some(asleep::Verdict::AsleepForGood) => Some(ASLEEP.into()),
            Some(asleep::Verdict::AsleepUntil { within })
                // The wait may have begun when the run did.
                if within.saturating_sub(begun.elapsed()) > patience =>
            {
                Some(format!(
                    "every thread is asleep, and goes on only when a time limit of {} has passed",
                    asleep::Time(within)
                ))
            }
            _ => None,
        };
        if let Some(message) = hangs {
            // One of them may have sent its result, and then have gone to sleep.
            return Watched::Ended(ended.try_recv().unwrap_or(Err(message)));
        }
        if begun.elapsed() >= patience {
            let message = format!("it has not ended within {patience:?}, so it is taken to hang");
            return Watched::Ended(Err(message));
        }
        if budget.limits.progress.is_cancelled() {
            return Watched::Stopped(Stop::Interrupted);
        }
        if let Some(most) = budget.limits.time
            && budget.begun.elapsed() >= most
        {
            return Watched::Stopped(Stop::Time(most));
        }
    }
}

const ASLEEP: &str = "deadlock: every thread is asleep, and none of their waits has a time limit";

/// How all threads of the run sleep, so that none will take another step before a time limit, if there is
/// one, has passed. `None` if one of them runs, or if that cannot be seen.
fn all_asleep(threads: &Mutex<Threads>) -> Option<asleep::Verdict> {
    let ids = Threads::started(threads)?;
    let alive: Vec<i32> = ids.iter().copied().filter(|&id| is_alive(id)).collect();
    if alive.is_empty() {
        return None;
    }
    let report = asleep::look(asleep::Threads::Only(alive)).ok()?;
    // A thread that was started before the look and is not on the list would be missing from it.
    (Threads::started(threads) == Some(ids)).then_some(report.verdict)
}

/// Whether this process has the thread. One that has ended wakes nobody.
fn is_alive(id: i32) -> bool {
    std::path::Path::new(&format!("/proc/self/task/{id}")).exists()
}

/// The threads of a run.
#[derive(Debug, Default)]
struct Threads {
    /// How many have been started and have not yet said who they are.
    unknown: usize,
    ids: Vec<i32>,
}

impl Threads {
    /// All threads that were started. `None` if not all of them are known.
    fn started(threads: &Mutex<Self>) -> Option<Vec<i32>> {
        let threads = threads.lock().unwrap_or_else(PoisonError::into_inner);
        (threads.unknown == 0).then(|| threads.ids.clone())
    }
}

/// One run, to which each of its threads belongs.
#[derive(Clone)]
pub(crate) struct Run {
    sender: mpsc::Sender<Result<(), String>>,
    execution: u64,
    threads: Arc<Mutex<Threads>>,
}

thread_local! {
    static RUN: RefCell<Option<Run>> = const { RefCell::new(None) };
}

impl Run {
    /// The one that this thread takes part in.
    pub(crate) fn current() -> Option<Run> {
        RUN.with_borrow(Clone::clone)
    }

    fn tell(&self, result: Result<(), String>) {
        // Nobody listens if the run was given up.
        let _ = self.sender.send(result);
    }

    /// To be called before each new thread, which then [takes part](Run::take_part): until it does, the
    /// others may sleep and will be woken by it.
    pub(crate) fn starts_thread(&self) {
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        threads.unknown += 1;
    }

    fn names_this_thread(&self) {
        // Where threads cannot be looked at, this one stays unknown.
        if let Ok(id) = asleep::current_thread_id() {
            let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
            threads.unknown -= 1;
            threads.ids.push(id);
        }
    }

    /// Runs `body` on this thread, on which panics print nothing, and tells the watchdog of one.
    pub(crate) fn take_part<T>(self, body: impl FnOnce() -> T) -> std::thread::Result<T> {
        self.names_this_thread();
        failure::listen();
        failure::forget();
        platform::join_execution(self.execution);
        RUN.set(Some(self.clone()));
        let mut result = panic::catch_unwind(AssertUnwindSafe(body));
        let caught = failure::take();
        if let Some(failure) = caught {
            self.tell(Err(failure.message.clone()));
            // One that somebody caught is a failure all the same.
            result = result.and(Err(Box::new(failure.message)));
        } else if let Err(payload) = &result {
            self.tell(Err(message(&**payload)));
        }
        result
    }
}
