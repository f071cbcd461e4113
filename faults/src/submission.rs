//! Faults of the thread that submits or stops. Each overrides one call.

use wakeproof::inbox::{Correct, Inbox, Protocol, Step};
use wakeproof::platform::Platform;
use wakeproof_explore::journal::look;

/// Enqueues and wakes nobody.
#[derive(Debug)]
pub(crate) struct NoNotify;

impl<P: Platform, T: Send + 'static> Protocol<P, T> for NoNotify {
    fn call_soon_threadsafe(&self, inbox: &Inbox<P, T>, item: T) -> Result<(), T> {
        self.call_soon(inbox, item)
    }
}

/// Wakes the loop first and then enqueues. The loop finds nothing, and sleeps again.
#[derive(Debug)]
pub(crate) struct NotifyBeforeEnqueue;

impl<P: Platform, T: Send + 'static> Protocol<P, T> for NotifyBeforeEnqueue {
    fn call_soon_threadsafe(&self, inbox: &Inbox<P, T>, item: T) -> Result<(), T> {
        let mut state = inbox.lock();
        look::<P>("notifies, if the loop is asleep");
        self.wake(inbox, &mut state);
        inbox.unlock(state);
        self.call_soon(inbox, item)
    }
}

/// Reads whether the loop is asleep, releases the lock, and acts on what may be out of date.
#[derive(Debug)]
pub(crate) struct StaleAsleepFlag;

impl<P: Platform, T: Send + 'static> Protocol<P, T> for StaleAsleepFlag {
    fn call_soon_threadsafe(&self, inbox: &Inbox<P, T>, item: T) -> Result<(), T> {
        let state = inbox.lock();
        let was_asleep = state.asleep;
        look::<P>(if was_asleep {
            "finds asleep set"
        } else {
            "finds asleep not set"
        });
        inbox.unlock(state);
        if was_asleep {
            return Correct.call_soon_threadsafe(inbox, item);
        }
        self.call_soon(inbox, item)
    }
}

/// Reads whether the loop is closed, releases the lock, and acts on what may be out of date.
#[derive(Debug)]
pub(crate) struct AcceptAfterClose;

impl<P: Platform, T: Send + 'static> Protocol<P, T> for AcceptAfterClose {
    fn call_soon_threadsafe(&self, inbox: &Inbox<P, T>, item: T) -> Result<(), T> {
        if is_closed(inbox) {
            return Err(item);
        }
        let mut state = inbox.lock();
        state.push::<P>(item);
        self.wake(inbox, &mut state);
        inbox.unlock(state);
        Ok(())
    }
}

/// Reads whether the loop is closed. If so, records the step of the refusal.
fn is_closed<P: Platform, T: Send + 'static>(inbox: &Inbox<P, T>) -> bool {
    let state = inbox.lock();
    let closed = state.closed;
    if closed {
        state.step::<P>(Step::Refuse);
    } else {
        look::<P>("finds the loop open");
    }
    inbox.unlock(state);
    closed
}

/// Requests a stop and wakes nobody.
#[derive(Debug)]
pub(crate) struct SilentStop;

impl<P: Platform, T: Send + 'static> Protocol<P, T> for SilentStop {
    fn stop(&self, inbox: &Inbox<P, T>) {
        let mut state = inbox.lock();
        state.stopping = true;
        state.step::<P>(Step::Stop);
        inbox.unlock(state);
    }
}
