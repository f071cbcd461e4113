//! The ways to get the protocol of the wakeproof event loop wrong.
//!
//! An [`InboxFault`] is a value. It stands for a protocol that overrides the one step that it gets wrong,
//! so that the source of a fault shows the bug and nothing else. The inboxes of the platform [`Faulty`]
//! follow the protocol that was [chosen](choose) when the execution began. So any program that is
//! generic over the platform can run with any fault, without being compiled again.
//!
//! ```
//! use wakeproof::inbox::Inbox;
//! use wakeproof::platform::ParkingLot;
//! use wakeproof_faults::{FaultChoice, Faulty, InboxFault, choose};
//!
//! fn accepts_after_close() -> bool {
//!     let inbox = Inbox::<Faulty<ParkingLot>, &str>::new();
//!     assert!(inbox.close().is_empty());
//!     inbox.call_soon_threadsafe("too late").is_ok()
//! }
//!
//! choose(FaultChoice::CORRECT);
//! assert!(!accepts_after_close());
//! choose(InboxFault::AcceptsWhenClosed.into());
//! assert!(accepts_after_close());
//! ```

mod chosen;
mod platform;
mod promises;
mod sleeping;
mod submission;

pub use chosen::{FaultChoice, choose, chosen};
pub use platform::{Faulty, FaultyCondvar, FaultyFlag};

use std::fmt;

use wakeproof::inbox::Protocol;
use wakeproof::platform::Platform;

use promises::{
    AcceptsWhenClosed, ClosesWithoutEmptying, LastInFirstOut, LosesTheLast, StaysStopped,
    StopsWhenEmpty,
};
use sleeping::{
    BelievesTheSpin, CheckOutsideTheLock, DeadlineTakenForDelay, IfInsteadOfWhile, Oversleeps,
    TimeoutMeansNothingToDo,
};
use submission::{AcceptAfterClose, NoNotify, NotifyBeforeEnqueue, SilentStop, StaleAsleepFlag};

macro_rules! faults {
    ($($(#[doc = $doc:literal])+ $fault:ident = $name:literal;)+) => {
        /// A way to get the inbox's protocol wrong.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum InboxFault {
            $($(#[doc = $doc])+ $fault,)+
        }

        impl InboxFault {
            /// Every fault.
            pub const ALL: &[InboxFault] = &[$(InboxFault::$fault),+];

            /// Its name on the command line.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(InboxFault::$fault => $name,)+
                }
            }

            /// The protocol with this fault.
            #[must_use]
            pub fn protocol<P: Platform, T: Send + 'static>(self) -> &'static dyn Protocol<P, T> {
                match self {
                    $(InboxFault::$fault => &$fault,)+
                }
            }
        }
    };
}

faults! {
    /// Enqueues and wakes nobody.
    NoNotify = "no-notify";
    /// Wakes the loop first and then enqueues.
    NotifyBeforeEnqueue = "notify-before-enqueue";
    /// Reads whether the loop is asleep under one lock, and acts on it under another.
    StaleAsleepFlag = "stale-asleep-flag";
    /// Reads whether the loop is closed under one lock, and acts on it under another.
    AcceptAfterClose = "accept-after-close";
    /// Requests a stop and wakes nobody.
    SilentStop = "silent-stop";
    /// The loop finds its queue empty, releases the lock, takes it again, and sleeps.
    CheckOutsideTheLock = "check-outside-lock";
    /// The loop finds its queue empty while it spins, and sleeps without looking again.
    BelievesTheSpin = "believes-the-spin";
    /// The loop does not look at its queue again after a spurious wakeup.
    IfInsteadOfWhile = "if-instead-of-while";
    /// After a wait that timed out, the loop does not look at its queue again.
    TimeoutMeansNothingToDo = "timeout-means-nothing-to-do";
    /// The loop mistakes a deadline for a delay, and sleeps too long.
    DeadlineTakenForDelay = "deadline-taken-for-delay";
    /// The loop sleeps until a millisecond after the deadline.
    Oversleeps = "oversleeps";
    /// Breaks *exactly once*: an iteration loses the last of several callbacks.
    LosesTheLast = "loses-the-last";
    /// Breaks *first in, first out*: the newest callback goes to the front.
    LastInFirstOut = "last-in-first-out";
    /// Breaks *iteration snapshot*: the loop empties its queue before it stops.
    StopsWhenEmpty = "stops-when-empty";
    /// Breaks *stop*: one stop ends every later run.
    StaysStopped = "stays-stopped";
    /// Breaks *close*: a closed inbox still accepts callbacks.
    AcceptsWhenClosed = "accepts-when-closed";
    /// Breaks *destructors*: `close` leaves the queue as it is.
    ClosesWithoutEmptying = "closes-without-emptying";
}

impl fmt::Display for InboxFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No fault has this name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoSuchFault(String);

impl fmt::Display for NoSuchFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = InboxFault::ALL.iter().map(|fault| fault.name()).collect();
        write!(
            f,
            "no fault of the inbox is called {:?}; the faults are {}",
            self.0,
            names.join(", ")
        )
    }
}

impl std::error::Error for NoSuchFault {}

impl std::str::FromStr for InboxFault {
    type Err = NoSuchFault;

    fn from_str(name: &str) -> Result<Self, NoSuchFault> {
        let known = InboxFault::ALL.iter().find(|fault| fault.name() == name);
        known.copied().ok_or_else(|| NoSuchFault(name.to_owned()))
    }
}
