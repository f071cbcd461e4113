//! Running a body again and again: every execution that a checker knows, or a number of them.
//!
//! [`loom()`] and [`shuttle()`] take the body of a model, run it on their platform in the given
//! [`Environment`], and return what they found. A body fails by a panic or by a deadlock.
//!
//! ```
//! use wakeproof::platform::Platform;
//! use wakeproof_explore::platform::{Environment, Loom, Shuttle};
//! use wakeproof_explore::{self as explore, Limits, Outcome, Search};
//! use wakeproof_explore::platform::ModelPlatform;
//!
//! /// Two threads increment a counter, each in two steps.
//! fn lost_update<P: ModelPlatform>() {
//!     let counter = std::sync::Arc::new(P::mutex(0));
//!     let other = counter.clone();
//!     let thread = P::spawn("other", move || {
//!         let seen = *P::lock(&other);
//!         *P::lock(&other) = seen + 1;
//!     });
//!     let seen = *P::lock(&counter);
//!     *P::lock(&counter) = seen + 1;
//!     P::join(thread);
//!     assert_eq!(*P::lock(&counter), 2);
//! }
//!
//! let limits = Limits::default();
//! let found = explore::loom(Environment::QUIET, &limits, lost_update::<Loom>);
//! assert!(matches!(found.outcome, Outcome::Found(_)));
//! let found = explore::shuttle(Environment::QUIET, Search::Exhaustive, &limits, lost_update::<Shuttle>);
//! assert!(matches!(found.outcome, Outcome::Found(_)));
//! ```

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::journal::Journal;

mod exhaustive;
mod loom;
mod quiet;
mod schedule;
pub(crate) mod shuttle;
mod threads;

pub use self::loom::loom;
pub use self::schedule::{NotASchedule, Schedule};
pub use self::shuttle::{Ending, Judge, Search, judged, replay, shortest, shuttle};
pub use self::threads::threads;

/// When to give up, and how to hear how far it came.
#[derive(Debug, Clone, Default)]
pub struct Limits {
    /// After so many executions.
    pub executions: Option<u64>,
    /// After so much time.
    pub time: Option<Duration>,
    /// How often loom may take the processor from a thread that could go on. Within the bound, its
    /// exploration is exhaustive; as a whole, it is cut short.
    pub preemptions: Option<usize>,
    /// Shared with those who watch, and who may end it.
    pub progress: Arc<Progress>,
}

/// An exploration that runs, seen from another thread.
#[derive(Debug, Default)]
pub struct Progress {
    executions: AtomicU64,
    cancelled: Arc<AtomicBool>,
}

impl Progress {
    /// How many executions have begun.
    #[must_use]
    pub fn executions(&self) -> u64 {
        self.executions.load(Ordering::Relaxed)
    }

    /// Whether somebody has ended the exploration.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    /// Of another exploration, which counts its own executions, and is ended together with this one.
    #[must_use]
    pub fn of_another(&self) -> Progress {
        Progress {
            executions: AtomicU64::new(0),
            cancelled: self.cancelled.clone(),
        }
    }

    /// Ends the exploration after the execution that is running.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }
}

/// What came of an exploration.
#[derive(Debug, Clone)]
pub struct Exploration {
    /// What was found, and what that is worth.
    pub outcome: Outcome,
    /// Whether nothing is left to explore. Without a counterexample, that is a proof; with one, there
    /// is none that is shorter.
    pub is_complete: bool,
    /// How many executions were run.
    pub executions: u64,
    /// How long it took.
    pub time: Duration,
}

/// What was found, and what that is worth.
#[derive(Debug, Clone)]
#[must_use]
pub enum Outcome {
    /// Every execution was explored and none fails: a proof, for this model and these bounds.
    Exhausted,
    /// The executions that were asked for were run and none failed: no proof.
    Sampled,
    /// It ended before every execution was explored; none failed until then: no proof.
    CutShort(String),
    /// One fails.
    Found(Counterexample),
}

/// An execution that fails.
#[derive(Debug, Clone)]
pub struct Counterexample {
    /// How it fails.
    pub message: String,
    /// Which execution it was, counted from one.
    pub execution: u64,
    /// Its steps, up to the failure.
    pub journal: Journal,
    /// The scheduler's choices, where they can be replayed.
    pub schedule: Option<Schedule>,
}

impl Exploration {
    /// The execution that fails, if one was found.
    #[must_use]
    pub fn counterexample(&self) -> Option<&Counterexample> {
        match &self.outcome {
            Outcome::Found(counterexample) => Some(counterexample),
            _ => None,
        }
    }
}

impl fmt::Display for Exploration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let executions = self.executions;
        match &self.outcome {
            Outcome::Exhausted => write!(f, "all {executions} executions are right"),
            Outcome::Sampled => write!(f, "{executions} executions are right, others not tried"),
            Outcome::CutShort(why) => {
                write!(
                    f,
                    "cut short after {executions} executions ({why}): no proof"
                )
            }
            Outcome::Found(counterexample) => {
                let Counterexample {
                    message, execution, ..
                } = counterexample;
                write!(f, "execution {execution} fails: {message}")
            }
        }
    }
}

/// Counts executions and knows when it is enough.
struct Budget {
    limits: Limits,
    begun: Instant,
}

impl Budget {
    fn new(limits: &Limits) -> Self {
        limits.progress.executions.store(0, Ordering::Relaxed);
        Budget {
            limits: limits.clone(),
            begun: Instant::now(),
        }
    }

    /// Counts one more execution, unless that would be too many: then says why.
    fn next_execution(&self) -> Result<(), String> {
        let progress = &self.limits.progress;
        let executions = progress.executions();
        if progress.is_cancelled() {
            return Err("interrupted".into());
        }
        if self
            .limits
            .executions
            .is_some_and(|most| executions >= most)
        {
            return Err(format!("limit of {executions} executions"));
        }
        if let Some(most) = self.limits.time
            && self.begun.elapsed() >= most
        {
            return Err(format!("limit of {most:?}"));
        }
        progress.executions.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn executions(&self) -> u64 {
        self.limits.progress.executions()
    }

    fn end(&self, outcome: Outcome) -> Exploration {
        Exploration {
            is_complete: matches!(outcome, Outcome::Exhausted),
            outcome,
            executions: self.executions(),
            time: self.begun.elapsed(),
        }
    }
}

/// How a deadlock is reported.
const DEADLOCK: &str = "deadlock: no thread can go on";

/// What a panic says.
fn message(payload: &(dyn std::any::Any + Send)) -> String {
    let text = payload
        .downcast_ref::<&'static str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "a panic without text".into())
}
