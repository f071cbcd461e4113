//! Faults of the thread that submits: each overrides `call_soon_threadsafe`, and only that.

use wakeproof::inbox::{Inbox, Protocol, Step};
use wakeproof::platform::Platform;

/// Enqueues and wakes nobody.
#[derive(Debug)]
pub struct NoNotify;

impl Protocol for NoNotify {
    fn call_soon_threadsafe<P: Platform, T: Send>(inbox: &Inbox<P, T>, item: T) -> Result<(), T> {
        Self::call_soon(inbox, item)
    }
}

/// Wakes first and enqueues then: the loop finds nothing, and sleeps again.
#[derive(Debug)]
pub struct NotifyBeforeEnqueue;

impl Protocol for NotifyBeforeEnqueue {
    fn call_soon_threadsafe<P: Platform, T: Send>(inbox: &Inbox<P, T>, item: T) -> Result<(), T> {
        let mut state = inbox.lock();
        Self::wake(inbox, &mut state);
        inbox.unlock(state);
        let mut state = inbox.lock();
        let accepted = Self::enqueue::<P, T>(&mut state, item);
        inbox.unlock(state);
        accepted
    }
}

/// Looks whether the loop is asleep, lets go of the lock, and believes it still.
#[derive(Debug)]
pub struct StaleAsleepFlag;

impl Protocol for StaleAsleepFlag {
    fn call_soon_threadsafe<P: Platform, T: Send>(inbox: &Inbox<P, T>, item: T) -> Result<(), T> {
        let state = inbox.lock();
        let asleep = state.asleep;
        inbox.unlock(state);
        let mut state = inbox.lock();
        let accepted = Self::enqueue::<P, T>(&mut state, item);
        if asleep {
            Self::wake(inbox, &mut state);
        }
        inbox.unlock(state);
        accepted
    }
}

/// Looks whether the loop is open, lets go of the lock, and believes it still.
#[derive(Debug)]
pub struct AcceptAfterClose;

impl Protocol for AcceptAfterClose {
    fn call_soon_threadsafe<P: Platform, T: Send>(inbox: &Inbox<P, T>, item: T) -> Result<(), T> {
        let state = inbox.lock();
        let closed = state.closed;
        if closed {
            state.step::<P>(Step::Refuse);
        }
        inbox.unlock(state);
        if closed {
            return Err(item);
        }
        let mut state = inbox.lock();
        state.queue.push_back(item);
        state.step::<P>(Step::Enqueue);
        Self::wake(inbox, &mut state);
        inbox.unlock(state);
        Ok(())
    }
}

/// Asks the loop to stop and wakes nobody to hear that.
#[derive(Debug)]
pub struct SilentStop;

impl Protocol for SilentStop {
    fn stop<P: Platform, T: Send>(inbox: &Inbox<P, T>) {
        let mut state = inbox.lock();
        state.stopping = true;
        state.step::<P>(Step::Stop);
        inbox.unlock(state);
    }
}
