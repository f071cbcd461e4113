//! Running on real threads, watched by a watchdog.

use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use super::{Budget, Limits, failure, message, not_proved};
use crate::journal::Journal;
use crate::platform::{self, Environment};
use crate::verdict::{Checker, Counterexample, Exploration, Scope, Stop, Verdict};

/// How often the watchdog looks whether somebody has ended the search.
const LOOK: Duration = Duration::from_millis(20);

/// Runs `body` again and again on the operating system's threads, as often as
/// [`Limits::executions`] says, or a thousand times. A panic of any thread that the platform started
/// fails the run, even if nobody waits for the thread. A run that has not ended after `patience` is
/// found to hang; its threads, which nobody can end, stay behind.
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
        };
        let body = body.clone();
        std::thread::spawn(move || {
            let told = run.clone();
            let ran = run.take_part(|| {
                body();
                platform::ends(std::thread::current().id());
            });
            if ran.is_ok() {
                told.tell(Ok(()));
            }
        });
        match watch(&ended, patience, &budget) {
            Watched::Ended(Ok(())) => {}
            Watched::Ended(Err(message)) => {
                return budget.end(Verdict::Found(Counterexample {
                    scope,
                    message,
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
    patience: Duration,
    budget: &Budget,
) -> Watched {
    let begun = Instant::now();
    loop {
        let left = patience.saturating_sub(begun.elapsed());
        if let Ok(result) = ended.recv_timeout(left.min(LOOK)) {
            return Watched::Ended(result);
        }
        if begun.elapsed() >= patience {
            let message = format!("nothing has happened for {patience:?}: it hangs");
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

/// One run, to which each of its threads belongs.
#[derive(Clone)]
pub(crate) struct Run {
    sender: mpsc::Sender<Result<(), String>>,
    execution: u64,
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

    /// Runs `body` on this thread, on which panics print nothing, and tells the watchdog of one.
    pub(crate) fn take_part<T>(self, body: impl FnOnce() -> T) -> std::thread::Result<T> {
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
