//! Tests the comparison with wrong code: the specification must refuse it, and a specification that is wrong
//! in the same way must accept it.

use std::path::Path;

use serde::Serialize;

use crate::action::Action;
use crate::comparison::{Compared, Explorer, compare};
use crate::program::Program;
use crate::relation::{Bounds, Source};
use wakeproof_explore::Limits;
use wakeproof_faults::InboxFault;
use wakeproof_model_tests::faults::PanicLosesTheBatch;
use wakeproof_model_tests::models::CorrectSteps;

/// A fault of the catalogue that both the code and the specification can have.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    /// Its name in the catalogue.
    pub name: &'static str,
    inbox: Option<InboxFault>,
    compare: Compare,
    bounds: Bounds,
    panics: bool,
    wakes: bool,
    instead: &'static [(Action, &'static [&'static str])],
}

type Compare =
    fn(Option<InboxFault>, &Source, &[Program], Explorer, &Limits) -> anyhow::Result<Compared>;

/// The result for one fault.
#[derive(Debug, Clone, Serialize)]
pub struct FaultComparison {
    /// The fault's name in the catalogue.
    pub fault: &'static str,
    /// The correct code in the same model. It must be accepted.
    pub correct: Compared,
    /// The faulty code, compared with the correct specification. It must be refused.
    pub refused: Compared,
    /// The faulty code, compared with the specification that has the same fault, if there is one. It must be
    /// accepted.
    pub accepted: Option<Compared>,
}

impl FaultComparison {
    /// Whether exactly the second of the three comparisons is refused.
    #[must_use]
    pub fn is_as_expected(&self) -> bool {
        self.correct.refused.is_none()
            && self.refused.refused.is_some()
            && self
                .accepted
                .as_ref()
                .is_none_or(|accepted| accepted.refused.is_none() && accepted.cut_short.is_none())
    }
}

/// The other faults of the catalogue, and why they are not compared.
pub const NOT_COMPARED: [(&str, &str); 11] = [
    ("notify-without-lock", OWN_PROTOCOL),
    ("clear-after-drain", OWN_PROTOCOL),
    ("notify-only-when-empty", OWN_PROTOCOL),
    ("wrong-sleeper", OWN_PROTOCOL),
    (
        "two-queues",
        "its second queue has no lock, so putting a callback into it is not a step",
    ),
    (
        "believes-the-spin",
        "its look is no step: it is check-outside-lock, with a look that is one",
    ),
    ("relaxed-flag", OWN_PROTOCOL),
    (
        "relaxed-done",
        "the specification has no flags of callbacks",
    ),
    (
        "silent-timer",
        "it is no-notify in a loop with timers, which is compared with TimerLoop",
    ),
    ("stale-deadline", OWN_PROTOCOL),
    (
        "asyncio-blocking-write",
        "the loop's own thread waits for itself, and in AsyncioLoop it writes no byte",
    ),
];

const OWN_PROTOCOL: &str = "it is in a small protocol whose steps are not those of the inbox";

const ONE_CALLBACK: Bounds = Bounds {
    submitters: 1,
    ..Bounds::NOTHING
};

/// Every fault that can be compared.
#[must_use]
pub fn all() -> Vec<Fault> {
    fn fault(inbox: InboxFault, instead: &'static [(Action, &'static [&'static str])]) -> Fault {
        Fault {
            name: inbox.name(),
            inbox: Some(inbox),
            compare: compare::<CorrectSteps>,
            bounds: ONE_CALLBACK,
            panics: false,
            wakes: true,
            instead,
        }
    }
    use Action::{Enqueue, Lock, Notify, Refuse, Run, Sleep, Stop, Unlock, Wake};
    use InboxFault::{
        AcceptAfterClose, CheckOutsideTheLock, IfInsteadOfWhile, NoNotify, NotifyBeforeEnqueue,
        SilentStop, StaleAsleepFlag, TimeoutMeansNothingToDo,
    };
    vec![
        Fault {
            wakes: false,
            ..fault(NoNotify, &[])
        },
        fault(
            NotifyBeforeEnqueue,
            &[
                (Notify, &["NotifyFirst"]),
                (Unlock, &["Unlock", "UnlockToEnqueue"]),
                (Lock, &["Lock", "LockToEnqueue"]),
                (Enqueue, &["EnqueueLate"]),
                (Refuse, &["RefuseLate"]),
            ],
        ),
        fault(
            CheckOutsideTheLock,
            &[
                (Unlock, &["Unlock", "UnlockToSleep"]),
                (Lock, &["Lock", "LockToSleep"]),
                (Sleep, &["SleepAnyway"]),
            ],
        ),
        fault(
            StaleAsleepFlag,
            &[
                (Unlock, &["Unlock", "UnlockByTheFlag"]),
                (Lock, &["Lock", "LockByTheFlag"]),
                (Enqueue, &["EnqueueByTheFlag"]),
                (Refuse, &["RefuseByTheFlag"]),
            ],
        ),
        Fault {
            bounds: Bounds {
                spurious_wakeups: 1,
                ..ONE_CALLBACK
            },
            ..fault(IfInsteadOfWhile, &[(Wake, &["WakeWithoutLooking"])])
        },
        Fault {
            bounds: Bounds {
                stoppers: 1,
                ..ONE_CALLBACK
            },
            ..fault(SilentStop, &[(Stop, &["StopSilently"])])
        },
        fault(
            AcceptAfterClose,
            &[
                (Unlock, &["Unlock", "UnlockByTheCheck"]),
                (Lock, &["Lock", "LockByTheCheck"]),
                (Enqueue, &["EnqueueByTheCheck"]),
            ],
        ),
        Fault {
            bounds: Bounds {
                timeouts: 1,
                ..ONE_CALLBACK
            },
            ..fault(TimeoutMeansNothingToDo, &[(Wake, &["WakeToTakeNothing"])])
        },
        Fault {
            name: "panic-loses-batch",
            inbox: None,
            compare: compare::<PanicLosesTheBatch>,
            bounds: Bounds {
                callbacks_each: 2,
                ..ONE_CALLBACK
            },
            panics: true,
            wakes: true,
            instead: &[(Run, &["RunAndLoseTheRest"])],
        },
    ]
}

/// Compares a fault under every schedule.
///
/// # Errors
///
/// If the specification cannot be read or evaluated.
pub fn try_fault(folder: &Path, fault: &Fault, limits: &Limits) -> anyhow::Result<FaultComparison> {
    let correct = Source::correct(folder);
    let faulty = Source {
        module: "CondvarLoopFaults",
        wakes: fault.wakes,
        instead: fault.instead,
        ..correct.clone()
    };
    let programs = Program::all(fault.bounds, fault.panics);
    let every_schedule = Explorer::ShuttleDepthFirst;
    Ok(FaultComparison {
        fault: fault.name,
        correct: compare::<CorrectSteps>(None, &correct, &programs, every_schedule, limits)?,
        refused: (fault.compare)(fault.inbox, &correct, &programs, every_schedule, limits)?,
        accepted: Some((fault.compare)(
            fault.inbox,
            &faulty,
            &programs,
            every_schedule,
            limits,
        )?),
    })
}
