//! Exploring with loom.

use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Mutex, PoisonError};

use crate::platform::{Deadlines, Environment, Loom, WeakSpots};

use super::failure::{self, Failure};
use super::supervise::{self, supervised};
use super::{Budget, DEADLOCK, Limits, message, not_proved};
use crate::story;
use crate::verdict::{
    CannotJudge, Checker, Counterexample, Exploration, Replay, Scope, Stop, Verdict,
};
use crate::{journal, observe, platform};

/// loom explores no execution with more branches than this.
const MAX_BRANCHES: usize = 10_000;
/// How loom's mutex fails after a panic of its holder. It blames its caller; our platform's mutex, and the
/// drop-in's, say nothing of the kind under loom.
const POISONED: &str = "called `Result::unwrap()` on an `Err` value: PoisonError";
/// With more deadlines than this, there are too many moments for the clock to jump to.
const MAX_DEADLINES: usize = 8;

/// Explores every execution of `body` under loom: every order of the threads' steps, everything
/// that the C11 memory model lets them see, and what `environment` admits.
///
/// Stops at the first one that fails. loom explores depth first, and by itself prefers executions
/// in which a thread keeps the processor; with a bound on [`Limits::preemptions`], what is found has
/// no more of them than that.
///
/// `body` may spawn four threads at most, or three if the environment has chances to offer; with more,
/// the verdict is [`Verdict::CannotJudge`].
///
/// loom treats sequentially consistent accesses as acquire and release, and lets a read-modify-write
/// miss a store that it must not miss. A body with such accesses that fails is explored once more,
/// with fences around them. If it fails there too, the execution is [found](Verdict::Found); if not,
/// nothing is proved: [`Stop::WeakerThanC11`].
pub fn loom(
    environment: Environment,
    limits: &Limits,
    body: impl Fn() + Send + Sync + 'static,
) -> Exploration {
    let budget = Arc::new(Budget::new(limits));
    let scope = Scope::new(Checker::Loom, environment);
    if let Some(why) = Loom::refuses(environment) {
        return budget.end(Verdict::CannotJudge(CannotJudge {
            scope,
            why,
            who_can: Some("shuttle".into()),
        }));
    }
    let body: Arc<dyn Fn() + Send + Sync> = Arc::new(body);
    let as_it_is = explore(scope, &budget, &body, WeakSpots::default());
    let said = match as_it_is {
        Said {
            verdict: Verdict::Found(found),
            weak_spots,
            ..
        } if !weak_spots.is_none() => {
            let fenced = explore(scope, &budget, &body, weak_spots);
            if matches!(fenced.verdict, Verdict::Proved(_)) {
                let stop = Stop::WeakerThanC11(found.message);
                budget.said(not_proved(scope, stop))
            } else {
                fenced
            }
        }
        said => said,
    };
    Exploration {
        executions: said.executions,
        ..budget.end(said.verdict)
    }
}

/// Explores `body` under loom again, up to the execution of that number, as [`Replay::Execution`] says.
/// loom explores the same executions in the same order each time, so a body that has not changed fails
/// in that execution as before. [`Limits::preemptions`] must be what it was.
pub fn replay_loom(
    environment: Environment,
    execution: u64,
    limits: &Limits,
    body: impl Fn() + Send + Sync + 'static,
) -> Exploration {
    let limits = Limits {
        executions: Some(execution),
        ..limits.clone()
    };
    loom(environment, &limits, body)
}

/// What a search says.
struct Said {
    verdict: Verdict,
    /// How many executions that is about.
    executions: u64,
    /// What loom does not treat as C11 does.
    weak_spots: WeakSpots,
}

impl Budget {
    fn said(&self, verdict: Verdict) -> Said {
        Said {
            verdict,
            executions: self.executions(),
            weak_spots: WeakSpots::seen(),
        }
    }
}

/// How one pass over the executions ended.
enum Pass {
    /// None fails.
    Clean,
    /// A deadline was learned. The clock may jump to it, so the search begins again.
    Again,
    /// Everything was explored that has to be.
    Stopped(Stop),
    /// One fails.
    Failed(Failure),
}

/// Explores everything, with fences around the accesses of the kinds that are given.
fn explore(
    scope: Scope,
    budget: &Arc<Budget>,
    body: &Arc<dyn Fn() + Send + Sync>,
    fenced: WeakSpots,
) -> Said {
    let (searching, body) = (budget.clone(), body.clone());
    let result = supervised(budget, move |reporter| {
        let shared = searching.clone();
        reporter.on_failure(move || {
            let failure = failure::take().unwrap_or_else(|| Failure::now("a panic"));
            shared.said(failed(scope, &shared, failure))
        });
        search(scope, &searching, &body, fenced)
    });
    result.unwrap_or_else(|stop| budget.said(not_proved(scope, stop)))
}

fn search(
    scope: Scope,
    budget: &Arc<Budget>,
    body: &Arc<dyn Fn() + Send + Sync>,
    fenced: WeakSpots,
) -> Said {
    Deadlines::forget();
    WeakSpots::begin(fenced);
    supervise::begin_search();
    loop {
        let before = budget.executions();
        let stop = match pass(scope.environment, budget, body) {
            Pass::Clean => match budget.limits.preemptions {
                None if supervise::has_yielded() => Stop::Yields,
                None => {
                    return Said {
                        executions: budget.executions() - before,
                        ..budget.said(Verdict::Proved(scope))
                    };
                }
                Some(bound) => Stop::Preemptions(bound),
            },
            Pass::Again if Deadlines::number() <= MAX_DEADLINES => continue,
            Pass::Again => Stop::Clock(format!(
                "more than {MAX_DEADLINES} deadlines: too many moments for the clock to jump to"
            )),
            Pass::Stopped(stop) => stop,
            Pass::Failed(failure) => return budget.said(failed(scope, budget, failure)),
        };
        return budget.said(not_proved(scope, stop));
    }
}

/// Why a body unwinds that has nothing more to do.
struct Enough;

fn pass(
    environment: Environment,
    budget: &Arc<Budget>,
    body: &Arc<dyn Fn() + Send + Sync>,
) -> Pass {
    let mut builder = loom::model::Builder::new();
    builder.max_branches = MAX_BRANCHES;
    builder.preemption_bound = budget.limits.preemptions;
    let stopped = Arc::new(Mutex::new(None));
    let (counting, stopping, body) = (budget.clone(), stopped.clone(), body.clone());
    failure::forget();
    let explored = panic::catch_unwind(AssertUnwindSafe(|| {
        builder.check(move || {
            let pass = if Deadlines::has_news() {
                Some(Pass::Again)
            } else {
                counting.next_execution().err().map(Pass::Stopped)
            };
            if let Some(pass) = pass {
                *stopping.lock().unwrap_or_else(PoisonError::into_inner) = Some(pass);
                panic::resume_unwind(Box::new(Enough));
            }
            supervise::begin_execution();
            platform::begin_execution(Checker::Loom);
            journal::begin();
            story::begin::<Loom>();
            observe::watch(journal::recorder::<Loom>());
            journal::name_this_thread::<Loom>(journal::MAIN);
            Loom::enter(environment);
            body();
            platform::ends(platform::this_thread());
            failure::resume_hidden();
        });
    }));
    let stopped = stopped
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take();
    match (explored, stopped, failure::take()) {
        (_, Some(pass), _) => {
            Deadlines::learn();
            pass
        }
        (Ok(()), None, None) if Deadlines::learn() => Pass::Again,
        (Ok(()), None, None) => Pass::Clean,
        (_, None, Some(failure)) => Pass::Failed(failure),
        (Err(payload), None, None) => Pass::Failed(Failure::now(&message(&*payload))),
    }
}

/// What an execution that fails says of the program: loom reports its own limits as failures, too.
fn failed(scope: Scope, budget: &Budget, failure: Failure) -> Verdict {
    let Failure {
        mut message,
        at,
        is_in_checker,
        journal,
    } = failure;
    if let Some(why) = message.strip_prefix(platform::CANNOT_JUDGE) {
        return Verdict::CannotJudge(CannotJudge {
            scope,
            why: why.into(),
            who_can: Some("shuttle".into()),
        });
    }
    if message.starts_with(POISONED) {
        return Verdict::CannotJudge(CannotJudge {
            scope,
            why: "a mutex is locked again after a deliberate panic that unwound while it was locked; loom's cannot be".into(),
            who_can: Some("shuttle".into()),
        });
    }
    if is_in_checker {
        if message.starts_with("deadlock") {
            if supervise::waits_for_time() {
                return not_proved(scope, Stop::Timeouts(scope.environment.timeouts));
            }
            // loom lists the threads by number; the journal has more to say.
            message = DEADLOCK.into();
        } else if message.starts_with("Model exceeded maximum number of branches") {
            return not_proved(scope, Stop::Steps(MAX_BRANCHES));
        } else if !message.starts_with("Causality violation") && !message.contains("leaked") {
            return Verdict::CannotJudge(CannotJudge {
                scope,
                why: in_our_words(&message),
                who_can: Some("shuttle".into()),
            });
        }
    }
    let execution = budget.executions();
    Verdict::Found(Counterexample {
        scope,
        message,
        at,
        execution,
        journal,
        replay: Some(Replay::Execution(execution)),
    })
}

fn in_our_words(message: &str) -> String {
    let most = loom::MAX_THREADS;
    if message.contains("self.threads.len() < self.max()") {
        format!(
            "loom runs at most {most} threads in an execution, and one of them for the environment's chances"
        )
    } else if message.contains("outside a Loom model") {
        "a primitive is used outside of the execution, such as by a thread that the platform did not start".into()
    } else {
        format!("loom itself fails: {message}")
    }
}
