//! Running a body again and again: every execution that a checker knows, or a number of them.
//!
//! [`loom()`] and [`shuttle()`] take the body of a model, run it on their platform in the given
//! [`Environment`], and return a [verdict](Verdict). A body fails by a panic, even by one that it
//! catches, unless that is [`Deliberate`](wakeproof::platform::Deliberate); by a deadlock; and by
//! misuse of a primitive.
//!
//! ```
//! use wakeproof::platform::Platform;
//! use wakeproof_explore::platform::{Environment, Loom, Shuttle};
//! use wakeproof_explore::{self as explore, Limits, Search, Verdict};
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
//! assert!(matches!(found.verdict, Verdict::Found(_)));
//! let found = explore::shuttle(Environment::QUIET, Search::Exhaustive, &limits, lost_update::<Shuttle>);
//! assert!(matches!(found.verdict, Verdict::Found(_)));
//! ```

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::shard::Shard;
use crate::verdict::{Exploration, NotProved, Scope, Stop, Verdict};

mod claims;
mod exhaustive;
pub(crate) mod failure;
mod follow;
mod loom;
pub(crate) mod merge;
mod sampled;
pub(crate) mod shuttle;
mod strategy;
pub(crate) mod supervise;
pub(crate) mod supervisor;
pub(crate) mod threads;
mod told;

pub use self::follow::DoesNotFit;
pub use self::loom::{loom, replay_loom};
pub use self::merge::{CannotMerge, ShardReport, merge};
pub use self::shuttle::{Ending, Judge, judged, replay, search_shard, shortest, shuttle};
pub use self::strategy::Search;
pub use self::supervisor::uses_shuttle_itself;
pub use self::threads::threads;
pub use self::told::told;

/// When to give up, and how to hear how far it came.
#[derive(Debug, Clone, Default)]
pub struct Limits {
    /// After this many executions.
    pub executions: Option<u64>,
    /// After this much time, even if an execution does not come to its end.
    pub time: Option<Duration>,
    /// After this much time without a step of any thread; a minute if nothing is said.
    pub silence: Option<Duration>,
    /// How often loom may take the processor from a thread that could go on. Within the bound, its
    /// exploration is exhaustive; as a whole, it is cut short.
    pub preemptions: Option<usize>,
    /// How many threads of the operating system search under shuttle at once. Without it, one does; with it, the
    /// body must not use anything that its executions share, such as a static. What is found, and how many
    /// executions that takes, is the same. A search with a [judge](Judge), one for the
    /// [shortest](shortest()), and loom have one thread.
    pub processors: Option<NonZeroUsize>,
    /// Only that share of the executions, under shuttle. It proves nothing alone: see
    /// [`search_shard`].
    pub shard: Option<Shard>,
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

    /// Ends the exploration: after the execution that is running, or within a second.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
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
    fn next_execution(&self) -> Result<(), Stop> {
        let progress = &self.limits.progress;
        let executions = progress.executions();
        if progress.is_cancelled() {
            return Err(Stop::Interrupted);
        }
        if self
            .limits
            .executions
            .is_some_and(|most| executions >= most)
        {
            return Err(Stop::Executions(executions));
        }
        if let Some(most) = self.limits.time
            && self.begun.elapsed() >= most
        {
            return Err(Stop::Time(most));
        }
        progress.executions.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn executions(&self) -> u64 {
        self.limits.progress.executions()
    }

    fn end(&self, verdict: Verdict) -> Exploration {
        Exploration {
            is_complete: matches!(verdict, Verdict::Proved(_)),
            verdict,
            executions: self.executions(),
            time: self.begun.elapsed(),
        }
    }
}

fn not_proved(scope: Scope, stopped_by: Stop) -> Verdict {
    Verdict::NotProved(NotProved { scope, stopped_by })
}

/// How a deadlock is reported.
const DEADLOCK: &str = "deadlock: no thread can go on";

/// What a panic says.
fn message(payload: &dyn std::any::Any) -> String {
    let text = payload
        .downcast_ref::<&'static str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "a panic without text".into())
}
