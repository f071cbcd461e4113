//! The correct steps of the small protocols.

use super::{
    Announcement, CallFlags, CancelTimer, Drain, MakePool, OwnSubmission, PollSleep, RunBatch,
    SetEvent, TimerSteps, Unpark, WaitingRoom, WakeWorker, WakerHolds,
};

/// Gets every step right.
#[derive(Debug)]
pub struct CorrectSteps;

impl Announcement for CorrectSteps {}
impl CallFlags for CorrectSteps {}
impl CancelTimer for CorrectSteps {}
impl Drain for CorrectSteps {}
impl MakePool for CorrectSteps {}
impl OwnSubmission for CorrectSteps {}
impl PollSleep for CorrectSteps {}
impl RunBatch for CorrectSteps {}
impl SetEvent for CorrectSteps {}
impl TimerSteps for CorrectSteps {}
impl Unpark for CorrectSteps {}
impl WaitingRoom for CorrectSteps {}
impl WakeWorker for CorrectSteps {}
impl WakerHolds for CorrectSteps {}
