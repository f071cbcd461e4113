//! Running on real threads, watched by a watchdog.

use std::sync::{Arc, mpsc};
use std::time::Duration;

use super::{Budget, Counterexample, Exploration, Limits, Outcome, message};
use crate::journal::Journal;

/// Runs `body` again and again on the operating system's threads, as often as
/// [`Limits::executions`] says, or a thousand times. One that has not ended after `patience` is
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
    let body = Arc::new(body);
    let found = |message| Counterexample {
        message,
        execution: budget.executions(),
        journal: Journal::default(),
        schedule: None,
    };
    for _ in 0..samples {
        if let Err(why) = budget.next_execution() {
            return budget.end(Outcome::CutShort(why));
        }
        let (ended, watchdog) = mpsc::channel();
        let body = body.clone();
        std::thread::spawn(move || {
            let result = super::quiet::catch(|| body());
            // Nobody listens if it took too long.
            let _ = ended.send(result);
        });
        match watchdog.recv_timeout(patience) {
            Ok(Ok(())) => {}
            Ok(Err(payload)) => return budget.end(Outcome::Found(found(message(&*payload)))),
            Err(_) => {
                let message = format!("nothing has happened for {patience:?}: it hangs");
                return budget.end(Outcome::Found(found(message)));
            }
        }
    }
    budget.end(Outcome::Sampled)
}
