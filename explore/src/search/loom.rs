//! Exploring with loom.

use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Mutex, PoisonError};

use crate::platform::{Environment, Loom};

use super::quiet::on_a_quiet_thread;
use super::{Budget, Counterexample, DEADLOCK, Exploration, Limits, Outcome, message};
use crate::{journal, observe};

/// Explores every execution of `body` under loom: every order of the threads' steps, everything
/// that the C11 memory model lets them see, and what `environment` admits.
///
/// Stops at the first one that fails. loom explores depth first, and by itself prefers executions
/// in which a thread keeps the processor; with a bound on [`Limits::preemptions`], what is found has
/// no more of them than that.
///
/// `body` may spawn four threads at most, or three if the environment has chances to offer.
pub fn loom(
    environment: Environment,
    limits: &Limits,
    body: impl Fn() + Send + Sync + 'static,
) -> Exploration {
    let budget = Arc::new(Budget::new(limits));
    let enough = Arc::new(Mutex::new(None));
    let outcome = on_a_quiet_thread(|| {
        let mut builder = loom::model::Builder::new();
        builder.max_branches = 10_000;
        builder.preemption_bound = limits.preemptions;
        let (counting, giving_up) = (budget.clone(), enough.clone());
        let explored = panic::catch_unwind(AssertUnwindSafe(|| {
            builder.check(move || {
                if let Err(why) = counting.next_execution() {
                    *giving_up.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
                    panic!("enough");
                }
                journal::begin();
                observe::watch(journal::recorder::<Loom>());
                journal::name_this_thread::<Loom>("loop");
                Loom::enter(environment);
                body();
            });
        }));
        let enough = enough.lock().unwrap_or_else(PoisonError::into_inner).take();
        match (explored, enough, limits.preemptions) {
            (_, Some(why), _) => Outcome::CutShort(why),
            (Ok(()), None, None) => Outcome::Exhausted,
            (Ok(()), None, Some(bound)) => {
                Outcome::CutShort(format!("limit of {bound} preemptions"))
            }
            (Err(payload), None, _) => Outcome::Found(Counterexample {
                message: in_our_words(message(&*payload)),
                execution: budget.executions(),
                journal: journal::take(),
                schedule: None,
            }),
        }
    });
    budget.end(outcome)
}

/// loom's own words for a deadlock list the threads by number; the journal has more to say.
fn in_our_words(message: String) -> String {
    if message.starts_with("deadlock") {
        DEADLOCK.into()
    } else {
        message
    }
}
