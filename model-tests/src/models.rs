//! The models: what threads do with a loop.
//!
//! Each model is generic over the platform and checks what the loop promises: an accepted callback
//! runs exactly once, on the loop's thread, in order, and the execution ends. The protocol comes from
//! the platform, so the same code checks the correct loop and the faulty ones.

use std::fmt::Debug;

use wakeproof_explore::platform::{Environment, Loom, ModelPlatform, RealThreads, Shuttle};
use wakeproof_explore::{
    self as explore, DoesNotFit, Exploration, Judge, Limits, Replay, Schedule, Search,
};
use wakeproof_faults::{FaultChoice, Faulty, InboxFault, choose};

mod announced_sleep;
mod bounded_buffer;
mod cancelling;
mod checked_loop;
mod closing;
mod correct_steps;
mod done;
mod events;
mod guarded_batch;
mod jobs;
mod log;
mod nesting;
mod own_submissions;
mod panicking;
mod parker;
mod ping_pong;
mod pipe;
mod spinning;
mod stopping;
mod submitting;
mod tasks;
mod timers;
mod timing;
mod waking;
mod worker_pool;

pub use self::announced_sleep::{AnnouncedSleep, Announcement};
pub use self::bounded_buffer::{BoundedBuffer, WaitingRoom};
pub use self::cancelling::CancelRacesWithRun;
pub use self::checked_loop::CheckedLoop;
pub use self::closing::{CloseAmidSubmission, CloseRacesWithSubmit, HandlesDropped};
pub use self::correct_steps::CorrectSteps;
pub use self::done::{CallFlags, DoneIsSeen};
pub use self::events::{EventFromAnotherThread, EventSetAndCleared, SetEvent};
pub(crate) use self::guarded_batch::catch;
pub use self::guarded_batch::{Callback, PanicInBatch, RunBatch};
pub use self::jobs::{JobsInTurn, JobsThatMeet, MakePool};
pub(crate) use self::log::Log;
pub use self::nesting::CallbackSubmits;
pub use self::own_submissions::{OwnAfterForeign, OwnSubmission};
pub use self::panicking::PanicInCallback;
pub use self::parker::{ParkOnce, Parker, Unpark};
pub use self::ping_pong::TwoLoops;
pub use self::pipe::{Drain, Pipe, Shared};
pub use self::spinning::SpinBeforeSleep;
pub use self::stopping::{StopBehindCallbacks, StopRacesWithSleep, StopRacesWithSubmit};
pub use self::submitting::{Submissions, Submit, Unasked};
pub use self::tasks::{AwaitedElsewhere, ResultAwaited, SpawnRacesWithClose, SpawnRacesWithSleep};
pub use self::timers::{
    CancelRacesWithTimer, CancelTimer, EarlierTimer, HourPasses, PollSleep, SleeperWoken,
};
pub(crate) use self::timing::works_out;
pub use self::timing::{DeadlinePasses, TimerFromAnotherThread, TimerSteps};
pub use self::waking::{
    LastWakerDropped, TwoWakeAtOnce, WakeAfterCompletion, WakeRacesWithPoll, WakerHolds,
};
pub use self::worker_pool::{WakeWorker, WorkerPool};

/// A program that checkers explore.
pub trait Model: Debug + 'static {
    /// How many threads it starts, in addition to the thread on which it begins.
    const THREADS: usize;
    /// Its default environment.
    const ENVIRONMENT: Environment = Environment::QUIET;
    /// Whether only checkers can run it. On real threads it would take as long as its deadlines say, or
    /// it relies on more than real threads promise.
    const FOR_CHECKERS_ONLY: bool = false;

    /// Runs one execution. Panics if the loop breaks a promise.
    fn run<P: ModelPlatform>();
}

/// A model with an environment and perhaps a fault, ready to be explored.
#[derive(Debug, Clone, Copy)]
pub struct Subject {
    /// How many threads the model starts.
    pub threads: usize,
    /// What the environment does.
    pub environment: Environment,
    /// Whether only checkers can run it.
    pub for_checkers_only: bool,
    /// The fault of every inbox in it.
    pub fault: Option<InboxFault>,
    under_loom: fn(),
    under_shuttle: fn(),
    on_threads: fn(),
}

impl Subject {
    /// The model `M` without a fault.
    #[must_use]
    pub fn correct<M: Model>() -> Self {
        Subject {
            threads: M::THREADS,
            environment: M::ENVIRONMENT,
            for_checkers_only: M::FOR_CHECKERS_ONLY,
            fault: None,
            under_loom: M::run::<Faulty<Loom>>,
            under_shuttle: M::run::<Faulty<Shuttle>>,
            on_threads: M::run::<Faulty<RealThreads>>,
        }
    }

    /// The model `M` with a fault in every inbox.
    #[must_use]
    pub fn with<M: Model>(fault: InboxFault) -> Self {
        Self::correct::<M>().with_fault(fault)
    }

    /// Adds a fault to every inbox.
    #[must_use]
    pub fn with_fault(self, fault: InboxFault) -> Self {
        Subject {
            fault: Some(fault),
            ..self
        }
    }

    /// Replaces the environment.
    #[must_use]
    pub fn in_environment(self, environment: Environment) -> Self {
        Subject {
            environment,
            ..self
        }
    }

    /// Explores it under loom.
    ///
    /// # Errors
    ///
    /// If it needs more threads than loom has.
    pub fn loom(&self, limits: &Limits) -> anyhow::Result<Exploration> {
        ensure_loom_can(self.threads, self.environment)?;
        let body = self.body(self.under_loom);
        Ok(explore::loom(self.environment, limits, body))
    }

    /// Runs the execution of that number under loom, and those before it.
    ///
    /// # Errors
    ///
    /// If it starts more threads than loom can.
    pub fn replay_loom(&self, execution: u64, limits: &Limits) -> anyhow::Result<Exploration> {
        ensure_loom_can(self.threads, self.environment)?;
        let body = self.body(self.under_loom);
        Ok(explore::replay_loom(
            self.environment,
            execution,
            limits,
            body,
        ))
    }

    /// Explores it under shuttle.
    #[must_use]
    pub fn shuttle(&self, search: Search, limits: &Limits) -> Exploration {
        explore::shuttle(
            self.environment,
            search,
            limits,
            self.body(self.under_shuttle),
        )
    }

    /// Looks for the shortest schedule that fails under shuttle.
    #[must_use]
    pub fn shortest(&self, limits: &Limits) -> Exploration {
        explore::shortest(self.environment, limits, self.body(self.under_shuttle))
    }

    /// Runs one schedule under shuttle.
    ///
    /// # Errors
    ///
    /// If the schedule is not one of this model's.
    pub fn replay(&self, schedule: &Schedule) -> Result<Exploration, DoesNotFit> {
        explore::replay(self.environment, schedule, self.body(self.under_shuttle))
    }

    /// Runs the execution of a counterexample again, to be drawn.
    ///
    /// # Errors
    ///
    /// If it is not one of this model's.
    pub fn told(&self, replay: &Replay, limits: &Limits) -> Result<Exploration, DoesNotFit> {
        let run = match replay {
            Replay::Schedule(_) => self.under_shuttle,
            Replay::Execution(_) => self.under_loom,
        };
        explore::told(self.environment, replay, limits, self.body(run))
    }

    /// Explores it under shuttle, and passes the journal of each execution to `judge`.
    #[must_use]
    pub fn judged(&self, search: Search, limits: &Limits, judge: Judge) -> Exploration {
        explore::judged(
            self.environment,
            search,
            limits,
            self.body(self.under_shuttle),
            judge,
        )
    }

    /// Runs it on real threads. An execution that takes longer than `patience` counts as hanging.
    #[must_use]
    pub fn on_threads(&self, patience: std::time::Duration, limits: &Limits) -> Exploration {
        explore::threads(patience, limits, self.body(self.on_threads))
    }

    /// An execution, which begins by choosing the fault.
    fn body(&self, run: fn()) -> impl Fn() + Send + Sync + 'static {
        with_fault(self.fault, run)
    }
}

/// `run`, with a fault in every inbox that it creates.
pub fn with_fault(
    fault: Option<InboxFault>,
    run: impl Fn() + Send + Sync + 'static,
) -> impl Fn() + Send + Sync + 'static {
    move || {
        choose(FaultChoice::from(fault));
        run();
    }
}

/// Checks loom's bound: five threads for an execution, one of which runs the model itself.
fn ensure_loom_can(threads: usize, environment: Environment) -> anyhow::Result<()> {
    let Environment {
        spurious_wakeups,
        overtakings,
        ..
    } = environment;
    let has_chances = Loom::needs_a_thread(environment);
    let most = loom::MAX_THREADS - 1;
    anyhow::ensure!(
        threads + usize::from(has_chances) <= most,
        "loom starts at most {most} threads in an execution; this model has {threads}{}",
        if has_chances {
            ", and its environment needs one"
        } else {
            ""
        },
    );
    anyhow::ensure!(
        spurious_wakeups.max(overtakings) <= Loom::MAX_CHANCES,
        "loom explores at most {} spurious wakeups",
        Loom::MAX_CHANCES
    );
    Ok(())
}

/// An environment with at most one spurious wakeup.
pub const SPURIOUS: Environment = Environment {
    spurious_wakeups: 1,
    ..Environment::QUIET
};

/// An environment in which at most one deadline passes, and no thread is late.
pub const TIMED: Environment = Environment {
    timeouts: 1,
    punctual: true,
    ..Environment::QUIET
};
