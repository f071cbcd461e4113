//! A fault of a call's flags.

use wakeproof_faults::{FaultChoice, choose, chosen};

use crate::models::CallFlags;

/// The flag that says that a callback is done is written and read without release and acquire.
#[derive(Debug)]
pub struct RelaxedDone;

impl CallFlags for RelaxedDone {
    fn choose() {
        choose(FaultChoice {
            relaxed_flags: true,
            ..chosen()
        });
    }
}
