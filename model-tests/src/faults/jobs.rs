//! A fault of the threads that take jobs off the loop's hands.

use wakeproof_proptests::lossy::{Lossy, Lost};

use super::CorrectSteps;
use crate::models::PoolPlatform;
use crate::platform::ModelPlatform;

impl PoolPlatform for CorrectSteps {
    type On<P: ModelPlatform> = P;
}

/// Who gives the threads a job wakes none of them.
#[derive(Debug)]
pub struct JobWithoutWakeup;

impl PoolPlatform for JobWithoutWakeup {
    type On<P: ModelPlatform> = Lossy<P, Self>;
}

/// All that concern the threads' pool.
impl Lost for JobWithoutWakeup {
    fn is_lost() -> bool {
        true
    }
}
