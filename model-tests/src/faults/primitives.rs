//! Faults of protocols that this loop does not use, but other loops do. Each overrides the one step that
//! it gets wrong.

use std::collections::VecDeque;

use wakeproof::inbox::Inbox;
use wakeproof::platform::Platform;

use crate::models::{
    Announcement, Callback, Drain, OwnSubmission, Parker, RunBatch, Shared, Unpark, WaitingRoom,
    WakeWorker, catch,
};
use wakeproof_explore::journal::{look, value};
use wakeproof_explore::platform::ModelPlatform;

/// Gives the token and notifies without ever taking the parking thread's mutex.
#[derive(Debug)]
pub struct NotifyWithoutTheLock;

impl Unpark for NotifyWithoutTheLock {
    fn unpark<P: ModelPlatform>(parker: &Parker<P>) {
        parker.give_token();
        parker.notify();
    }
}

/// Writes one flag and reads the other with only release and acquire, so the read may overtake the
/// write.
#[derive(Debug)]
pub struct RelaxedFlag;

impl Announcement for RelaxedFlag {
    fn between_write_and_read<P: ModelPlatform>() {}
}

/// Drains the queue and then clears the flag. A submission in between finds the flag set.
#[derive(Debug)]
pub struct ClearAfterDrain;

impl Drain for ClearAfterDrain {
    fn drain<P: ModelPlatform>(shared: &Shared<P>, taken: &mut VecDeque<u32>) {
        shared.take_all(taken);
        shared.clear();
    }
}

/// Wakes a worker only for the first item.
#[derive(Debug)]
pub struct NotifyOnlyWhenEmpty;

impl WakeWorker for NotifyOnlyWhenEmpty {
    fn is_due(was_empty: bool) -> bool {
        was_empty
    }
}

/// Both kinds of thread wait on the same condvar.
#[derive(Debug)]
pub struct WrongSleeper;

impl WaitingRoom for WrongSleeper {
    const FOR_ROOM: usize = 0;
}

/// The loop's own callbacks have a queue of their own, which goes first.
#[derive(Debug)]
pub struct TwoQueues;

impl OwnSubmission for TwoQueues {
    fn submit<P: ModelPlatform>(
        _inbox: &Inbox<P, &'static str>,
        own_queue: &mut VecDeque<&'static str>,
        callback: &'static str,
    ) {
        own_queue.push_back(callback);
        value::<P>("own queue", own_queue.len());
        look::<P>("puts it into a queue of its own");
    }
}

/// A panic ends the whole batch.
#[derive(Debug)]
pub struct PanicLosesTheBatch;

impl RunBatch for PanicLosesTheBatch {
    fn run<P: Platform>(batch: &mut VecDeque<Callback>) {
        catch::<P>(|| batch.drain(..).for_each(|callback| callback()));
        look::<P>("has lost what was left of the batch");
    }
}
