//! The ways to get the protocol of the wakeproof event loop wrong.
//!
//! An [`InboxFault`] is a value. It names a protocol that overrides the one step that it gets wrong, so
//! the source of a fault is the bug and nothing else. [`Faulty`] is a platform whose inboxes follow the
//! protocol that was [chosen](choose) when the execution began: any fault goes into any program that
//! is generic over the platform, without compiling the program again.
//!
//! ```
//! use wakeproof::inbox::Inbox;
//! use wakeproof::platform::ParkingLot;
//! use wakeproof_faults::{Chosen, Faulty, InboxFault, choose};
//!
//! fn accepts_after_close() -> bool {
//!     let inbox = Inbox::<Faulty<ParkingLot>, &str>::new();
//!     assert!(inbox.close().is_empty());
//!     inbox.call_soon_threadsafe("too late").is_ok()
//! }
//!
//! choose(Chosen::CORRECT);
//! assert!(!accepts_after_close());
//! choose(InboxFault::AcceptsWhenClosed.into());
//! assert!(accepts_after_close());
//! ```

mod chosen;
mod platform;
mod promises;
mod sleeping;
mod submission;

pub use chosen::{Chosen, choose, chosen};
pub use platform::{Faulty, FaultyCondvar};

use std::fmt;

use wakeproof::inbox::Protocol;
use wakeproof::platform::Platform;

use promises::{
    AcceptsWhenClosed, ClosesWithoutEmptying, LastInFirstOut, LosesTheLast, StaysStopped,
    StopsWhenEmpty,
};
use sleeping::{
    CheckOutsideTheLock, DeadlineTakenForDelay, IfInsteadOfWhile, Oversleeps,
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
            /// All of them.
            pub const ALL: &[InboxFault] = &[$(InboxFault::$fault),+];

            /// What it is called on the command line.
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
    /// Wakes first and enqueues then.
    NotifyBeforeEnqueue = "notify-before-enqueue";
    /// Decides whether to wake by a look at the flag under an earlier lock.
    StaleAsleepFlag = "stale-asleep-flag";
    /// Decides whether to accept by a look at the flag under an earlier lock.
    AcceptAfterClose = "accept-after-close";
    /// Asks the loop to stop and wakes nobody.
    SilentStop = "silent-stop";
    /// The loop finds its queue empty, releases the lock, takes it again, and sleeps.
    CheckOutsideTheLock = "check-outside-lock";
    /// The loop takes any wakeup for the one that it was waiting for.
    IfInsteadOfWhile = "if-instead-of-while";
    /// The loop returns from a wait that timed out without another look at the queue.
    TimeoutMeansNothingToDo = "timeout-means-nothing-to-do";
    /// The loop takes a deadline for a delay, and sleeps too long.
    DeadlineTakenForDelay = "deadline-taken-for-delay";
    /// The loop sleeps a millisecond longer than until the deadline.
    Oversleeps = "oversleeps";
    /// Against *exactly once*: an iteration loses the last of several callbacks.
    LosesTheLast = "loses-the-last";
    /// Against *first in, first out*: the newest callback is put first.
    LastInFirstOut = "last-in-first-out";
    /// Against *iteration snapshot*: the loop finishes what there is before it honours a stop.
    StopsWhenEmpty = "stops-when-empty";
    /// Against *stop*: a stop ends every run from then on.
    StaysStopped = "stays-stopped";
    /// Against *close*: a closed inbox goes on accepting.
    AcceptsWhenClosed = "accepts-when-closed";
    /// Against *destructors*: what is queued when the loop is closed stays where it is.
    ClosesWithoutEmptying = "closes-without-emptying";
}

impl fmt::Display for InboxFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// There is no fault of that name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoSuchFault(String);

impl fmt::Display for NoSuchFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = InboxFault::ALL.iter().map(|fault| fault.name()).collect();
        write!(
            f,
            "no fault of the inbox is called {:?}; there are {}",
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
