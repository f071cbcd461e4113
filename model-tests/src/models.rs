//! What threads do to a loop: the bodies that the checkers explore.
//!
//! Each is written once, over the platform, and checks what the loop promises: an accepted callback
//! runs exactly once, on the loop's thread, in order, and the execution comes to its end. Each takes
//! its protocol from the platform, so that the correct loop and its faulty twins are examined by the
//! same body.

use std::fmt::Debug;

use wakeproof::inbox::{Correct, Protocol};
use wakeproof::platform::{Environment, Loom, ParkingLot, Shuttle, Variant};

use crate::explore::shuttle::Judge;
use crate::explore::{self, Exploration, Limits, Schedule, Search};
use crate::faults::{
    AcceptAfterClose, AnyWakeupWillDo, CorrectSteps, DeadlineTakenForDelay, IfInsteadOfWhile,
    JobWithoutWakeup, LookThenCancel, NoNotify, NotifyWithoutTheLock, SetWithoutWakeup, SilentStop,
    WakerHoldsFuture,
};
use crate::journal::Recorder;
use crate::platform::ModelPlatform;

mod announced_sleep;
mod bounded_buffer;
mod cancelling;
mod checked_loop;
mod closing;
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
pub(crate) use self::checked_loop::CheckedLoop;
pub use self::closing::{CloseRacesWithSubmit, HandlesDropped};
pub use self::events::{EventFromAnotherThread, EventSetAndCleared, SetEvent};
pub(crate) use self::guarded_batch::catch;
pub use self::guarded_batch::{Callback, PanicInBatch, RunBatch};
pub use self::jobs::{JobsInTurn, JobsThatMeet, PoolPlatform};
pub(crate) use self::log::Log;
pub use self::nesting::CallbackSubmits;
pub use self::own_submissions::{OwnAfterForeign, OwnSubmission};
pub use self::panicking::PanicInCallback;
pub use self::parker::{ParkOnce, Parker, Unpark};
pub use self::ping_pong::TwoLoops;
pub use self::pipe::{Drain, Pipe, Shared};
pub use self::stopping::{StopBehindCallbacks, StopRacesWithSleep, StopRacesWithSubmit};
pub use self::submitting::{Submissions, Submit, Unasked};
pub use self::tasks::{AwaitedElsewhere, ResultAwaited, SpawnRacesWithClose, SpawnRacesWithSleep};
pub use self::timers::{
    CancelRacesWithTimer, CancelTimer, EarlierTimer, HourPasses, PollSleep, SleeperWoken,
};
pub use self::timing::{DeadlinePasses, TimerFromAnotherThread, TimerSteps};
pub use self::waking::{
    LastWakerDropped, TwoWakeAtOnce, WakeAfterCompletion, WakeRacesWithPoll, WakerHolds,
};
pub use self::worker_pool::{WakeWorker, WorkerPool};

/// A body that checkers explore.
pub trait Model: Debug + 'static {
    /// How many threads it starts, beside the one that it begins on.
    const THREADS: usize;
    /// What its environment does, unless somebody asks for another.
    const ENVIRONMENT: Environment = Environment::QUIET;
    /// Whether only checkers can run it. On real threads, it would take as long as the deadlines in
    /// it, or rely on more than real threads promise.
    const FOR_CHECKERS_ONLY: bool = false;

    /// One execution. Panics if something is not as it should be.
    fn run<P: ModelPlatform>();
}

/// A model with a protocol, ready to be explored.
#[derive(Debug, Clone, Copy)]
pub struct Subject {
    /// How many threads the model starts.
    pub threads: usize,
    /// What the environment does.
    pub environment: Environment,
    /// Whether real threads cannot run it.
    pub for_checkers_only: bool,
    under_loom: fn(),
    under_shuttle: fn(),
    on_threads: fn(),
}

/// The platform `P` with the protocol `V`, whose steps are written down.
type Recorded<P, V> = Variant<P, V, Recorder<P>>;

impl Subject {
    /// The model `M` with the protocol `V`.
    #[must_use]
    pub fn new<M: Model, V: Protocol + Debug>() -> Self {
        Subject {
            threads: M::THREADS,
            environment: M::ENVIRONMENT,
            for_checkers_only: M::FOR_CHECKERS_ONLY,
            under_loom: M::run::<Recorded<Loom, V>>,
            under_shuttle: M::run::<Recorded<Shuttle, V>>,
            on_threads: M::run::<Variant<ParkingLot, V>>,
        }
    }

    /// The model `M` as it is proved.
    #[must_use]
    pub fn correct<M: Model>() -> Self {
        Self::new::<M, Correct>()
    }

    /// The same in another environment.
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
    /// If it starts more threads than loom can.
    pub fn loom(&self, limits: &Limits) -> anyhow::Result<Exploration> {
        ensure_loom_can(self.threads, self.environment)?;
        Ok(explore::loom(self.environment, limits, self.under_loom))
    }

    /// Explores it under shuttle.
    #[must_use]
    pub fn shuttle(&self, search: Search, limits: &Limits) -> Exploration {
        explore::shuttle(self.environment, search, limits, self.under_shuttle)
    }

    /// Looks for the shortest schedule that fails under shuttle.
    #[must_use]
    pub fn shortest(&self, limits: &Limits) -> Exploration {
        explore::shortest(self.environment, limits, self.under_shuttle)
    }

    /// Runs one schedule under shuttle.
    #[must_use]
    pub fn replay(&self, schedule: &Schedule) -> Exploration {
        explore::replay(self.environment, schedule, self.under_shuttle)
    }

    /// Explores it under shuttle, and has each execution judged by its journal.
    pub(crate) fn judged(&self, search: Search, limits: &Limits, judge: Judge) -> Exploration {
        explore::shuttle::judged(self.environment, search, limits, self.under_shuttle, judge)
    }

    /// Runs it on real threads, which hang if nothing happens for `patience`.
    #[must_use]
    pub fn on_threads(&self, patience: std::time::Duration, limits: &Limits) -> Exploration {
        explore::threads(patience, limits, self.on_threads)
    }
}

/// loom has five threads for an execution, of which the body runs on one.
fn ensure_loom_can(threads: usize, environment: Environment) -> anyhow::Result<()> {
    let Environment {
        spurious_wakeups,
        overtakings,
        ..
    } = environment;
    let has_chances = spurious_wakeups + overtakings > 0;
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

/// A model, and its twin in which one step is wrong.
#[derive(Debug, Clone, Copy)]
pub struct Pair {
    /// What the model is called.
    pub name: &'static str,
    /// As it is proved.
    pub correct: Subject,
    /// Without the wakeup, or with another fault that the model is about.
    pub faulty: Subject,
}

/// Every model of the loop, beside a twin that must fail.
#[must_use]
pub fn pairs() -> Vec<Pair> {
    fn pair<M: Model, V: Protocol + Debug>(name: &'static str) -> Pair {
        Pair {
            name,
            correct: Subject::correct::<M>(),
            faulty: Subject::new::<M, V>(),
        }
    }
    /// For a fault that is not in the protocol.
    fn twins<M: Model, F: Model>(name: &'static str) -> Pair {
        Pair {
            name,
            correct: Subject::correct::<M>(),
            faulty: Subject::correct::<F>(),
        }
    }
    vec![
        pair::<Submit<1, 1>, NoNotify>("1 thread submits 1 callback"),
        pair::<Submit<1, 2>, NoNotify>("1 thread submits 2 callbacks"),
        pair::<Submit<2, 1>, NoNotify>("2 threads submit 1 callback each"),
        pair::<CallbackSubmits, NoNotify>("callbacks submit callbacks"),
        pair::<CancelRacesWithRun, NoNotify>("cancel races with run"),
        pair::<StopBehindCallbacks, NoNotify>("stop behind a callback"),
        pair::<StopRacesWithSleep, SilentStop>("stop races with sleep"),
        pair::<StopRacesWithSubmit, SilentStop>("stop races with submit"),
        pair::<CloseRacesWithSubmit, AcceptAfterClose>("close races with submit"),
        pair::<PanicInCallback, NoNotify>("a callback panics"),
        pair::<HandlesDropped, NoNotify>("handles are dropped"),
        pair::<TwoLoops, NoNotify>("two loops submit to each other"),
        pair::<Unasked, IfInsteadOfWhile>("nobody asks for an iteration"),
        twins::<EventFromAnotherThread<1, CorrectSteps>, EventFromAnotherThread<1, SetWithoutWakeup>>(
            "event set from another thread",
        ),
        twins::<EventFromAnotherThread<2, CorrectSteps>, EventFromAnotherThread<2, SetWithoutWakeup>>(
            "two tasks wait for an event",
        ),
        twins::<EventSetAndCleared<CorrectSteps>, EventSetAndCleared<SetWithoutWakeup>>(
            "event set and cleared",
        ),
        pair::<WakeRacesWithPoll, NoNotify>("wake races with poll"),
        pair::<TwoWakeAtOnce, NoNotify>("2 threads wake a task at once"),
        pair::<WakeAfterCompletion, NoNotify>("wake after completion"),
        twins::<LastWakerDropped<CorrectSteps>, LastWakerDropped<WakerHoldsFuture>>(
            "the last waker is dropped elsewhere",
        ),
        pair::<SpawnRacesWithSleep, NoNotify>("spawn races with sleep"),
        pair::<SpawnRacesWithClose, AcceptAfterClose>("spawn races with close"),
        pair::<ResultAwaited, SilentStop>("a thread waits for a task's result"),
        twins::<AwaitedElsewhere<CorrectSteps>, AwaitedElsewhere<NotifyWithoutTheLock>>(
            "a thread awaits a task",
        ),
        pair::<JobsInTurn<1, CorrectSteps>, NoNotify>("a job's result comes back"),
        twins::<JobsInTurn<2, CorrectSteps>, JobsInTurn<2, JobWithoutWakeup>>(
            "a job comes to a thread that may fall asleep",
        ),
        pair::<EarlierTimer, NoNotify>("an earlier timer from another thread"),
        twins::<CancelRacesWithTimer<CorrectSteps>, CancelRacesWithTimer<LookThenCancel>>(
            "cancel races with a timer",
        ),
        twins::<SleeperWoken<CorrectSteps>, SleeperWoken<AnyWakeupWillDo>>(
            "a sleeper is woken before its time",
        ),
        pair::<HourPasses, DeadlineTakenForDelay>("an hour passes"),
    ]
}

/// One spurious wakeup may come.
pub const SPURIOUS: Environment = Environment {
    spurious_wakeups: 1,
    ..Environment::QUIET
};

/// One deadline may pass.
pub const TIMED: Environment = Environment {
    timeouts: 1,
    ..Environment::QUIET
};
