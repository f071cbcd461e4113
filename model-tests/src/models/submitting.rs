//! Threads submit to a loop that may be falling asleep.

use std::collections::VecDeque;
use std::marker::PhantomData;
use std::sync::Arc;

use wakeproof::inbox::Inbox;
use wakeproof_explore::platform::{Environment, Loom, ModelPlatform, Shuttle};
use wakeproof_explore::{
    self as explore, DoesNotFit, Exploration, Limits, Schedule, Search, ShardReport,
};
use wakeproof_faults::{Faulty, InboxFault};

use super::{Log, Model, SPURIOUS, ensure_loom_can, with_fault};
use crate::design::{CondvarLoop, Design, Loop, LoopHandle};

/// `N` threads submit `EACH` callbacks each. The callback that runs last stops the loop.
///
/// The checker tries submissions before the loop looks at its queue, between the look and the sleep, and
/// while the loop is asleep. If a wakeup is lost, the loop stays asleep.
#[derive(Debug)]
pub struct Submit<const N: usize, const EACH: usize, D = CondvarLoop>(PhantomData<D>);

impl<const N: usize, const EACH: usize, D: Design> Model for Submit<N, EACH, D> {
    const THREADS: usize = N;

    fn run<P: ModelPlatform>() {
        submit::<D, P>(N, EACH);
    }
}

fn submit<D: Design, P: ModelPlatform>(threads: usize, each: usize) {
    let event_loop = D::Loop::<P>::new();
    let log = Log::<P>::new();
    let submitters: Vec<_> = (0..threads)
        .map(|by| {
            let (handle, log) = (event_loop.handle(), log.clone());
            P::spawn(&format!("thread {}", by + 1), move || {
                for nth in 0..each {
                    let (stop, log) = (handle.clone(), log.clone());
                    let callback = move || {
                        if log.ran(by, nth) == threads * each {
                            stop.stop();
                        }
                    };
                    handle
                        .call_soon_threadsafe(callback)
                        .expect("the loop is open");
                }
            })
        })
        .collect();
    event_loop.run();
    submitters.into_iter().for_each(P::join);
    log.assert_complete(threads, each);
}

/// Like [`Submit`], with numbers that are chosen at run time.
#[derive(Debug, Clone, Copy)]
pub struct Submissions {
    /// How many threads submit.
    pub threads: usize,
    /// How many callbacks each of them submits. At least one, or nothing stops the loop.
    pub each: usize,
    /// What the environment does.
    pub environment: Environment,
    /// The fault of the loop's inbox.
    pub fault: Option<InboxFault>,
}

impl Submissions {
    /// Explores them under loom.
    ///
    /// # Errors
    ///
    /// If they need more threads than loom has.
    pub fn loom(self, limits: &Limits) -> anyhow::Result<Exploration> {
        let Submissions { threads, each, .. } = self;
        ensure_loom_can(threads, self.environment)?;
        let body = with_fault(self.fault, move || {
            submit::<CondvarLoop, Faulty<Loom>>(threads, each)
        });
        Ok(explore::loom(self.environment, limits, body))
    }

    /// Explores them under shuttle.
    #[must_use]
    pub fn shuttle(self, search: Search, limits: &Limits) -> Exploration {
        explore::shuttle(self.environment, search, limits, self.under_shuttle())
    }

    /// Explores one shard of them under shuttle. `program` is what the shards have in common.
    #[must_use]
    pub fn search_shard(self, program: &str, search: Search, limits: &Limits) -> ShardReport {
        let body = self.under_shuttle();
        explore::search_shard(program, self.environment, search, limits, body)
    }

    /// Runs one schedule under shuttle.
    ///
    /// # Errors
    ///
    /// If the schedule is not one of theirs.
    pub fn replay(self, schedule: &Schedule) -> Result<Exploration, DoesNotFit> {
        explore::replay(self.environment, schedule, self.under_shuttle())
    }

    fn under_shuttle(self) -> impl Fn() + Send + Sync + 'static {
        let Submissions { threads, each, .. } = self;
        with_fault(self.fault, move || {
            submit::<CondvarLoop, Faulty<Shuttle>>(threads, each)
        })
    }
}

/// One thread submits. The loop's first batch must not be empty, since nothing stops the loop and no
/// deadline passes.
#[derive(Debug)]
pub struct Unasked;

impl Model for Unasked {
    const THREADS: usize = 1;
    const ENVIRONMENT: Environment = SPURIOUS;

    fn run<P: ModelPlatform>() {
        let inbox = Arc::new(Inbox::<P, &str>::new());
        let submitter = inbox.clone();
        let thread = P::spawn("thread 1", move || {
            submitter
                .call_soon_threadsafe("work")
                .expect("the loop is open");
        });
        let mut batch = VecDeque::new();
        inbox.first_batch(&mut batch, None);
        assert!(!batch.is_empty(), "an iteration that nobody asked for");
        P::join(thread);
    }
}
