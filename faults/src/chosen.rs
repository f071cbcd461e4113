//! What is wrong in the execution that runs.

use std::cell::Cell;

use crate::InboxFault;

/// What is wrong in an execution.
#[derive(Debug, Clone, Copy, Default)]
pub struct Chosen {
    /// The fault of every inbox, if there is one.
    pub inbox: Option<InboxFault>,
    /// Whether a notification that is made now, on this thread, gets lost. Without it, none does.
    pub is_lost: Option<fn() -> bool>,
}

impl Chosen {
    /// Nothing is wrong.
    pub const CORRECT: Chosen = Chosen {
        inbox: None,
        is_lost: None,
    };
}

impl From<InboxFault> for Chosen {
    fn from(fault: InboxFault) -> Self {
        Chosen::from(Some(fault))
    }
}

impl From<Option<InboxFault>> for Chosen {
    fn from(inbox: Option<InboxFault>) -> Self {
        Chosen {
            inbox,
            is_lost: None,
        }
    }
}

thread_local! {
    // loom and shuttle run all threads of an execution on one of the operating system's; elsewhere,
    // `Faulty::spawn` hands it on.
    static CHOSEN: Cell<Chosen> = const { Cell::new(Chosen::CORRECT) };
}

/// Chooses what is wrong with the inboxes and condvars that this thread makes from now on, on the
/// platform [`Faulty`](crate::Faulty). Call it when an execution begins. Returns what was chosen
/// before.
pub fn choose(chosen: Chosen) -> Chosen {
    CHOSEN.replace(chosen)
}

/// What was chosen on this thread.
#[must_use]
pub fn chosen() -> Chosen {
    CHOSEN.get()
}
