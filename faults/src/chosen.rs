//! The fault of the current execution.

use std::cell::Cell;

use crate::InboxFault;

/// The fault that an execution has, if any.
#[derive(Debug, Clone, Copy, Default)]
pub struct FaultChoice {
    /// The fault of every inbox.
    pub inbox: Option<InboxFault>,
    /// Called before each notification, on the notifying thread. If it returns true, the notification
    /// gets lost.
    pub is_lost: Option<fn() -> bool>,
    /// Whether every access to a flag is relaxed, whatever the loop asks for.
    pub relaxed_flags: bool,
}

impl FaultChoice {
    /// No fault.
    pub const CORRECT: FaultChoice = FaultChoice {
        inbox: None,
        is_lost: None,
        relaxed_flags: false,
    };
}

impl From<InboxFault> for FaultChoice {
    fn from(fault: InboxFault) -> Self {
        FaultChoice::from(Some(fault))
    }
}

impl From<Option<InboxFault>> for FaultChoice {
    fn from(inbox: Option<InboxFault>) -> Self {
        FaultChoice {
            inbox,
            ..FaultChoice::CORRECT
        }
    }
}

thread_local! {
    // loom and shuttle run all threads of an execution on one thread of the operating system. On real
    // threads, `Faulty::spawn` passes the choice on.
    static CHOSEN: Cell<FaultChoice> = const { Cell::new(FaultChoice::CORRECT) };
}

/// Chooses the fault of the inboxes, condvars and flags that this thread creates from now on, on the platform
/// [`Faulty`](crate::Faulty). Call it when an execution begins. Returns the previous choice.
pub fn choose(chosen: FaultChoice) -> FaultChoice {
    CHOSEN.replace(chosen)
}

/// The choice that this thread made last.
#[must_use]
pub fn chosen() -> FaultChoice {
    CHOSEN.get()
}
