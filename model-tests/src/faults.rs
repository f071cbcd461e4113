//! The catalogue of faults: lost wakeups and related bugs, each the smallest change to correct code.
//!
//! A fault of the loop's protocol overrides one function of [`Protocol`](wakeproof::inbox::Protocol). The
//! others override one step of a small protocol of their own, and the same model runs with the correct
//! step and with the faulty one. The difference between the two is the bug.

use std::fmt;

use serde::Serialize;

use wakeproof_faults::InboxFault;

use self::asyncio::{BlockingWrite, ByteFirst, NoByte, ReadAfterLook, SilentStop, TornAppend};
use crate::design::AsyncioLoop;
use crate::models::{
    AnnouncedSleep, BoundedBuffer, CallbackSubmits, CloseRacesWithSubmit, CorrectSteps,
    DeadlinePasses, DoneIsSeen, EarlierTimer, OwnAfterForeign, PanicInBatch, ParkOnce, Pipe,
    SpinBeforeSleep, StopRacesWithSleep, Subject, Submit, TimerFromAnotherThread, Unasked,
    WorkerPool,
};

pub mod asyncio;
mod calls;
mod jobs;
mod primitives;
mod tasks;
mod timers;

pub use self::calls::RelaxedDone;
pub use self::jobs::JobWithoutWakeup;
pub use self::primitives::{
    ClearAfterDrain, NotifyOnlyWhenEmpty, NotifyWithoutTheLock, PanicLosesTheBatch, RelaxedFlag,
    TwoQueues, WrongSleeper,
};
pub use self::tasks::{AnyWakeupWillDo, LookThenCancel, SetWithoutWakeup, WakerHoldsFuture};
pub use self::timers::StaleDeadline;

/// An entry of the catalogue.
#[derive(Debug, Clone)]
pub struct Fault {
    /// Its name on the command line.
    pub name: &'static str,
    /// What goes wrong, in one sentence.
    pub wrong: &'static str,
    /// Where it has occurred.
    pub seen_in: &'static str,
    /// The promise that it breaks.
    pub breaks: Promise,
    /// The model that shows it.
    pub faulty: Subject,
    /// The same model without the fault.
    pub correct: Subject,
    /// Which step of an execution goes wrong: the last one that says this, or has this name.
    pub wrong_step: &'static str,
    /// The model of the specification that shows it.
    pub specified_as: Option<&'static str>,
    /// The action of the specification that goes wrong: its last step.
    pub wrong_action: Option<&'static str>,
    /// The checkers that cannot see it, and why.
    pub blind: &'static [(Checker, &'static str)],
}

/// What a correct loop promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Promise {
    /// The loop does not sleep while there is work.
    NoLostWakeup,
    /// An accepted callback runs exactly once, or `close` drops it.
    ExactlyOnce,
    /// If one submission happens-before another, its callback runs first.
    InOrder,
    /// What a callback has written is visible to whoever is told that it is done.
    DoneIsVisible,
    /// The loop begins an iteration only for a submission, a stop or a deadline.
    OnlyWhenAsked,
}

impl fmt::Display for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Promise::NoLostWakeup => "the loop does not sleep while there is work",
            Promise::ExactlyOnce => "an accepted callback runs once, or close drops it",
            Promise::InOrder => "first in, first out",
            Promise::DoneIsVisible => "what a callback has written is there once it is done",
            Promise::OnlyWhenAsked => "an iteration has a reason",
        })
    }
}

/// A way to look for a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Checker {
    /// The specification, in every state.
    Tla,
    /// loom, in every execution.
    Loom,
    /// shuttle, under every schedule.
    ShuttleDepthFirst,
    /// shuttle, with random priorities of threads.
    ShuttlePct,
    /// shuttle, under random schedules.
    ShuttleRandom,
    /// Threads of the operating system, with a watchdog.
    Threads,
    /// The property tests: random histories and programs, compared with a sequential reference.
    Properties,
}

impl Checker {
    /// Every checker, in the order of the matrix's columns.
    pub const ALL: [Checker; 7] = [
        Checker::Tla,
        Checker::Loom,
        Checker::ShuttleDepthFirst,
        Checker::ShuttlePct,
        Checker::ShuttleRandom,
        Checker::Threads,
        Checker::Properties,
    ];
}

impl fmt::Display for Checker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Checker::Tla => "TLA+",
            Checker::Loom => "loom",
            Checker::ShuttleDepthFirst => "shuttle depth-first",
            Checker::ShuttlePct => "shuttle PCT",
            Checker::ShuttleRandom => "shuttle random",
            Checker::Threads => "real threads",
            Checker::Properties => "properties",
        })
    }
}

impl Fault {
    /// Why a checker cannot see this fault, if it cannot.
    #[must_use]
    pub fn blindness(&self, checker: Checker) -> Option<&'static str> {
        let listed = self.blind.iter().find(|(blind, _)| *blind == checker);
        listed.map(|(_, why)| *why).or_else(|| {
            let elsewhere = checker == Checker::Properties && self.faulty.fault.is_none();
            elsewhere.then_some(NOT_IN_THE_LOOP)
        })
    }
}

/// The fault with this name.
///
/// # Errors
///
/// If there is none. The message lists the faults.
pub fn find(name: &str) -> anyhow::Result<Fault> {
    let catalogue = catalogue();
    let names: Vec<&str> = catalogue.iter().map(|fault| fault.name).collect();
    let Some(index) = names.iter().position(|known| *known == name) else {
        anyhow::bail!(
            "no fault is called {name:?}; the faults are {}",
            names.join(", ")
        );
    };
    Ok(catalogue
        .into_iter()
        .nth(index)
        .expect("the index was found above"))
}

const SEQUENTIAL: &str =
    "it explores sequentially consistent executions only, in which a read cannot overtake a write";
const NO_FLAGS: &str = "the specification has no flags of callbacks";
const STORES_IN_ORDER: &str =
    "processors of the kind x86 write in order, so that this needs another kind of machine";
const NO_MEMORY: &str = "the properties are about results, not about what memory shows";
const NEVER_SPURIOUS: &str = "parking_lot's condvar does not wake spuriously";
const VIRTUAL_TIME: &str =
    "the deadline must pass at one particular moment, which real time cannot be made to do";

const NOT_IN_THE_LOOP: &str =
    "the properties are about the library's loop, and this fault is in another protocol";
const LATE_NOT_LOST: &str = "a whole loop looks at its queue again before it sleeps, so the callback only comes an iteration late; with several threads, the properties allow that";

const APPEND_IS_ONE_STEP: &str =
    "the specification appends in one step, since CPython's interpreter has a lock of its own";
const NO_OWN_WRITES: &str = "in the specification only other threads write bytes, and here the loop's own thread writes one that it waits for itself to read";
const STOPS_WITH_A_CALLBACK: &str =
    "in the specification, other threads stop the loop as asyncio documents it, with a callback";

const ONE_CONSUMER: &str = "the specification describes a loop, which takes the whole queue, not workers that take one item each";

/// Every fault, in the best order to read them.
#[must_use]
pub fn catalogue() -> Vec<Fault> {
    use Checker::{Properties, ShuttleDepthFirst, ShuttlePct, ShuttleRandom, Threads, Tla};
    use Promise::{DoneIsVisible, ExactlyOnce, InOrder, NoLostWakeup, OnlyWhenAsked};

    let submit = Subject::correct::<Submit<1, 1>>;
    vec![
        Fault {
            name: "no-notify",
            wrong: "another thread enqueues and wakes nobody",
            seen_in: "asyncio's call_soon from another thread; python/cpython issue 137817",
            breaks: NoLostWakeup,
            faulty: Subject::with::<Submit<1, 1>>(InboxFault::NoNotify),
            correct: submit(),
            wrong_step: "has woken nobody",
            specified_as: Some("CondvarLoopUnsafe"),
            wrong_action: Some("Enqueue"),
            blind: &[],
        },
        Fault {
            name: "notify-without-lock",
            wrong: "the predicate changes and the notification fires outside the waiter's mutex, between its look and its wait",
            seen_in: "tokio PR 2134; opentelemetry-cpp issue 4400; onnxruntime PR 157; zeek PR 761; bshoshany/thread-pool PR 108; wpilibsuite/allwpilib PR 9423",
            breaks: NoLostWakeup,
            faulty: Subject::correct::<ParkOnce<NotifyWithoutTheLock>>(),
            correct: Subject::correct::<ParkOnce<CorrectSteps>>(),
            wrong_step: "notifies: nobody",
            specified_as: Some("CondvarLoopFaultsNotifyWithoutLock"),
            wrong_action: Some("EnqueueOutsideTheLock"),
            blind: &[],
        },
        Fault {
            name: "notify-before-enqueue",
            wrong: "the wakeup arrives before there is anything to run",
            seen_in: "diem/diem PR 4479",
            breaks: NoLostWakeup,
            faulty: Subject::with::<Submit<1, 1>>(InboxFault::NotifyBeforeEnqueue),
            correct: submit(),
            wrong_step: "has woken nobody",
            specified_as: Some("CondvarLoopFaultsNotifyBeforeEnqueue"),
            wrong_action: Some("EnqueueAfterNotifying"),
            blind: &[],
        },
        Fault {
            name: "check-outside-lock",
            wrong: "the loop finds the queue empty, unlocks, locks again, and sleeps",
            seen_in: "bloomberg/ntf-core PR 395",
            breaks: NoLostWakeup,
            faulty: Subject::with::<Submit<1, 1>>(InboxFault::CheckOutsideTheLock),
            correct: submit(),
            wrong_step: "does not look again",
            specified_as: Some("CondvarLoopFaultsCheckOutsideLock"),
            wrong_action: Some("SleepByAnOldLook"),
            blind: &[],
        },
        Fault {
            name: "believes-the-spin",
            wrong: "the loop finds the queue empty while it spins, and sleeps without looking again under the lock",
            seen_in: "textbook",
            breaks: NoLostWakeup,
            faulty: Subject::with::<SpinBeforeSleep>(InboxFault::BelievesTheSpin),
            correct: Subject::correct::<SpinBeforeSleep>(),
            wrong_step: "does not look again",
            // The spin's look, the unlock after it and the lock before the sleep are the same mistake.
            specified_as: Some("CondvarLoopFaultsCheckOutsideLock"),
            wrong_action: Some("SleepByAnOldLook"),
            blind: &[],
        },
        Fault {
            name: "stale-asleep-flag",
            wrong: "the submitter reads whether the loop is asleep before it takes the lock",
            seen_in: "cloudius-systems/osv PR 1480",
            breaks: NoLostWakeup,
            faulty: Subject::with::<Submit<1, 1>>(InboxFault::StaleAsleepFlag),
            correct: submit(),
            wrong_step: "has woken nobody",
            specified_as: Some("CondvarLoopFaultsStaleFlag"),
            wrong_action: Some("EnqueueByAnOldFlag"),
            blind: &[],
        },
        Fault {
            name: "if-instead-of-while",
            wrong: "a spurious wakeup is taken for a real one",
            seen_in: "tokio-rs/loom issue 1",
            breaks: OnlyWhenAsked,
            faulty: Subject::with::<Unasked>(InboxFault::IfInsteadOfWhile),
            correct: Subject::correct::<Unasked>(),
            wrong_step: "Take",
            specified_as: Some("CondvarLoopFaultsIfInsteadOfWhile"),
            wrong_action: Some("WakeWithoutLooking"),
            blind: &[(Threads, NEVER_SPURIOUS)],
        },
        Fault {
            name: "clear-after-drain",
            wrong: "the flag for a wakeup on its way is cleared after the queue is drained, not before",
            seen_in: "dbmail PR 559",
            breaks: NoLostWakeup,
            faulty: Subject::correct::<Pipe<ClearAfterDrain>>(),
            correct: Subject::correct::<Pipe<CorrectSteps>>(),
            wrong_step: "clears the signal",
            specified_as: Some("SelfPipeLoopFaultsClearAfterDrain"),
            wrong_action: Some("LookThenDrain"),
            blind: &[],
        },
        Fault {
            name: "notify-only-when-empty",
            wrong: "a submitter that finds the queue not empty notifies nobody, but each woken worker takes only one item",
            seen_in: "bloomberg/ntf-core PR 395",
            breaks: NoLostWakeup,
            faulty: Subject::correct::<WorkerPool<NotifyOnlyWhenEmpty>>(),
            correct: Subject::correct::<WorkerPool<CorrectSteps>>(),
            wrong_step: "notifies nobody",
            specified_as: None,
            wrong_action: None,
            blind: &[(Tla, ONE_CONSUMER)],
        },
        Fault {
            name: "silent-stop",
            wrong: "stop from another thread sets the flag and wakes nobody",
            seen_in: "python/asyncio issue 244",
            breaks: NoLostWakeup,
            faulty: Subject::with::<StopRacesWithSleep>(InboxFault::SilentStop),
            correct: Subject::correct::<StopRacesWithSleep>(),
            wrong_step: "has woken nobody",
            specified_as: Some("CondvarLoopFaultsSilentStop"),
            wrong_action: Some("StopSilently"),
            blind: &[],
        },
        Fault {
            name: "silent-timer",
            wrong: "call_later from another thread does not wake a loop that sleeps until a later deadline",
            seen_in: "SharpTS issue 194",
            breaks: NoLostWakeup,
            faulty: Subject::with::<EarlierTimer>(InboxFault::NoNotify),
            correct: Subject::correct::<EarlierTimer>(),
            wrong_step: "has woken nobody",
            specified_as: Some("TimerLoopUnsafe"),
            wrong_action: Some("TimedEnqueue"),
            blind: &[],
        },
        Fault {
            name: "stale-deadline",
            wrong: "the loop computes its deadline before it takes the lock under which it goes to sleep",
            seen_in: "bloomberg/ntf-core PR 395; SharpTS issue 194",
            breaks: NoLostWakeup,
            faulty: Subject::correct::<TimerFromAnotherThread<StaleDeadline>>(),
            correct: Subject::correct::<TimerFromAnotherThread<CorrectSteps>>(),
            wrong_step: "does not look again",
            specified_as: Some("TimerLoopFaultsStaleDeadline"),
            wrong_action: Some("SleepByAnOldDeadline"),
            blind: &[(Threads, VIRTUAL_TIME)],
        },
        Fault {
            name: "accept-after-close",
            wrong: "the check for closed and the enqueue are separate: a callback is accepted, and never run or dropped",
            seen_in: "asyncio's call_soon_threadsafe against close from another thread",
            breaks: ExactlyOnce,
            faulty: Subject::with::<CloseRacesWithSubmit>(InboxFault::AcceptAfterClose),
            correct: Subject::correct::<CloseRacesWithSubmit>(),
            wrong_step: "Enqueue",
            specified_as: Some("CondvarLoopFaultsAcceptAfterClose"),
            wrong_action: Some("EnqueueByAnOldCheck"),
            blind: &[],
        },
        Fault {
            name: "wrong-sleeper",
            wrong: "two kinds of waiter share one condvar, and notify_one wakes the wrong one",
            seen_in: "lemmy/BlockingQueue; nanocurrency/nano-node PR 2831",
            breaks: NoLostWakeup,
            faulty: Subject::correct::<BoundedBuffer<WrongSleeper>>(),
            correct: Subject::correct::<BoundedBuffer<CorrectSteps>>(),
            wrong_step: "notifies: wakes",
            specified_as: Some("CondvarLoopFaultsWrongSleeper"),
            wrong_action: Some("NotifyTheWrongSleeper"),
            blind: &[],
        },
        Fault {
            name: "timeout-means-nothing-to-do",
            wrong: "a wait that timed out returns without looking at the queue",
            seen_in: "textbook",
            breaks: NoLostWakeup,
            faulty: Subject::with::<DeadlinePasses>(InboxFault::TimeoutMeansNothingToDo),
            correct: Subject::correct::<DeadlinePasses>(),
            wrong_step: "takes nothing",
            specified_as: Some("CondvarLoopFaultsTimeoutMeansNothing"),
            wrong_action: Some("WakeToTakeNothing"),
            blind: &[(Threads, VIRTUAL_TIME), (Properties, LATE_NOT_LOST)],
        },
        Fault {
            name: "two-queues",
            wrong: "the loop's own callbacks have a queue of their own, which overtakes the shared queue",
            seen_in: "the first idea for this loop",
            breaks: InOrder,
            faulty: Subject::correct::<OwnAfterForeign<TwoQueues>>(),
            correct: Subject::correct::<OwnAfterForeign<CorrectSteps>>(),
            wrong_step: "queue of its own",
            specified_as: Some("CondvarLoopFaultsTwoQueues"),
            wrong_action: Some("EnqueueInTwoQueues"),
            blind: &[],
        },
        Fault {
            name: "panic-loses-batch",
            wrong: "a callback that panics takes the rest of its batch with it",
            seen_in: "textbook",
            breaks: ExactlyOnce,
            faulty: Subject::correct::<PanicInBatch<PanicLosesTheBatch>>(),
            correct: Subject::correct::<PanicInBatch<CorrectSteps>>(),
            wrong_step: "has lost",
            specified_as: Some("CondvarLoopFaultsPanicLosesBatch"),
            wrong_action: Some("RunAndLoseTheRest"),
            blind: &[],
        },
        Fault {
            name: "relaxed-flag",
            wrong: "the loop announces its sleep in an atomic with acquire and release, but the read must not overtake the write",
            seen_in: "Dekker's mutual exclusion; apache/brpc PR 3539; scylladb/seastar PR 1488",
            breaks: NoLostWakeup,
            faulty: Subject::correct::<AnnouncedSleep<RelaxedFlag>>(),
            correct: Subject::correct::<AnnouncedSleep<CorrectSteps>>(),
            wrong_step: "sees the loop awake",
            specified_as: None,
            wrong_action: None,
            blind: &[
                (Tla, SEQUENTIAL),
                (ShuttleDepthFirst, SEQUENTIAL),
                (ShuttlePct, SEQUENTIAL),
                (ShuttleRandom, SEQUENTIAL),
            ],
        },
        Fault {
            name: "relaxed-done",
            wrong: "a callback's done flag is written and read without release and acquire",
            seen_in: "textbook",
            breaks: DoneIsVisible,
            faulty: Subject::correct::<DoneIsSeen<RelaxedDone>>(),
            correct: Subject::correct::<DoneIsSeen<CorrectSteps>>(),
            wrong_step: "is told that the callback is done",
            specified_as: None,
            wrong_action: None,
            blind: &[
                (Tla, NO_FLAGS),
                (ShuttleDepthFirst, SEQUENTIAL),
                (ShuttlePct, SEQUENTIAL),
                (ShuttleRandom, SEQUENTIAL),
                (Threads, STORES_IN_ORDER),
                (Properties, NO_MEMORY),
            ],
        },
        Fault {
            name: "asyncio-no-byte",
            wrong: "in asyncio's design: another thread appends and writes no byte to the pipe",
            seen_in: "asyncio's call_soon from another thread; python/cpython issue 137817",
            breaks: NoLostWakeup,
            faulty: Subject::correct::<Submit<1, 1, AsyncioLoop<NoByte>>>(),
            correct: Subject::correct::<Submit<1, 1, AsyncioLoop>>(),
            wrong_step: "Enqueue",
            specified_as: Some("AsyncioLoopUnsafe"),
            wrong_action: Some("Enqueue"),
            blind: &[],
        },
        Fault {
            name: "asyncio-byte-first",
            wrong: "in asyncio's design: the byte comes before the append, and the loop reads it and waits in between",
            seen_in: "textbook",
            breaks: NoLostWakeup,
            faulty: Subject::correct::<Submit<1, 1, AsyncioLoop<ByteFirst>>>(),
            correct: Subject::correct::<Submit<1, 1, AsyncioLoop>>(),
            wrong_step: "Enqueue",
            specified_as: Some("AsyncioLoopFaultsWriteFirst"),
            wrong_action: Some("WriteFirst"),
            blind: &[],
        },
        Fault {
            name: "asyncio-read-after-look",
            wrong: "in asyncio's design: the pipe is emptied after the look at what is ready, just before the wait",
            seen_in: "textbook",
            breaks: NoLostWakeup,
            faulty: Subject::correct::<Submit<1, 1, AsyncioLoop<ReadAfterLook>>>(),
            correct: Subject::correct::<Submit<1, 1, AsyncioLoop>>(),
            wrong_step: "ReadFromSelf",
            specified_as: Some("AsyncioLoopFaultsLookEarly"),
            wrong_action: Some("ReadAfterTheLook"),
            blind: &[],
        },
        Fault {
            name: "asyncio-torn-append",
            wrong: "in asyncio's design: an append is two steps, and overwrites what another thread appends in between",
            seen_in: "textbook",
            breaks: ExactlyOnce,
            faulty: Subject::correct::<CallbackSubmits<AsyncioLoop<TornAppend>>>(),
            correct: Subject::correct::<CallbackSubmits<AsyncioLoop>>(),
            wrong_step: "has overwritten",
            specified_as: None,
            wrong_action: None,
            blind: &[(Tla, APPEND_IS_ONE_STEP)],
        },
        Fault {
            name: "asyncio-blocking-write",
            wrong: "in asyncio's design: a write to a full pipe waits for room, and the loop's own thread waits for itself",
            seen_in: "textbook",
            breaks: NoLostWakeup,
            faulty: Subject::correct::<CallbackSubmits<AsyncioLoop<BlockingWrite>>>(),
            correct: Subject::correct::<CallbackSubmits<AsyncioLoop>>(),
            wrong_step: "finds the pipe full",
            specified_as: None,
            wrong_action: None,
            blind: &[(Tla, NO_OWN_WRITES)],
        },
        Fault {
            name: "asyncio-silent-stop",
            wrong: "in asyncio's design: another thread calls stop itself, which writes no byte",
            seen_in: "python/asyncio issue 244",
            breaks: NoLostWakeup,
            faulty: Subject::correct::<StopRacesWithSleep<AsyncioLoop<SilentStop>>>(),
            correct: Subject::correct::<StopRacesWithSleep<AsyncioLoop>>(),
            wrong_step: "Stop",
            specified_as: None,
            wrong_action: None,
            blind: &[(Tla, STOPS_WITH_A_CALLBACK)],
        },
    ]
}
