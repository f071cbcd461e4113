//! Faults in how the loop goes to sleep. Each overrides one step.

use std::collections::VecDeque;
use std::mem;
use std::time::Duration;

use wakeproof::inbox::{Correct, Inbox, Next, Protocol, StateGuard, Step};
use wakeproof::platform::Platform;
use wakeproof_explore::journal::look;

/// Finds the queue empty, releases the lock, takes it again, and sleeps.
#[derive(Debug)]
pub(crate) struct CheckOutsideTheLock;

impl<P: Platform, T: Send + 'static> Protocol<P, T> for CheckOutsideTheLock {
    fn sleep<'a>(
        &self,
        inbox: &'a Inbox<P, T>,
        state: StateGuard<'a, P, T>,
        deadline: Option<Duration>,
    ) -> (StateGuard<'a, P, T>, bool) {
        look::<P>("finds nothing to do");
        inbox.unlock(state);
        let state = inbox.lock();
        Correct.sleep(inbox, state, deadline)
    }
}

/// Believes the last look of a spin: if that found nothing, sleeps without looking again.
#[derive(Debug)]
pub(crate) struct BelievesTheSpin;

impl<P: Platform, T: Send + 'static> Protocol<P, T> for BelievesTheSpin {
    fn next_batch(
        &self,
        inbox: &Inbox<P, T>,
        batch: &mut VecDeque<T>,
        deadline: Option<Duration>,
    ) -> Next {
        let seen = inbox.status();
        if seen.queued == 0 {
            look::<P>("finds nothing to do");
        }
        let mut state = inbox.lock();
        if mem::take(&mut state.stopping) {
            state.step::<P>(Step::Stopped);
            inbox.unlock(state);
            return Next::Stop;
        }
        if seen.queued == 0 {
            (state, _) = self.sleep(inbox, state, deadline);
        }
        self.take(inbox, state, batch, deadline);
        Next::Iterate
    }
}

/// Does not look at the queue again after a spurious wakeup.
#[derive(Debug)]
pub(crate) struct IfInsteadOfWhile;

impl<P: Platform, T: Send + 'static> Protocol<P, T> for IfInsteadOfWhile {
    fn wait_for_work<'a>(
        &self,
        inbox: &'a Inbox<P, T>,
        state: StateGuard<'a, P, T>,
        deadline: Option<Duration>,
    ) -> (StateGuard<'a, P, T>, bool) {
        if state.has_nothing_to_do() {
            return self.sleep(inbox, state, deadline);
        }
        (state, false)
    }
}

/// Does not look at the queue again after a wait that timed out.
#[derive(Debug)]
pub(crate) struct TimeoutMeansNothingToDo;

impl<P: Platform, T: Send + 'static> Protocol<P, T> for TimeoutMeansNothingToDo {
    fn take<'a>(
        &self,
        inbox: &'a Inbox<P, T>,
        state: StateGuard<'a, P, T>,
        batch: &mut VecDeque<T>,
        deadline: Option<Duration>,
    ) {
        let (state, timed_out) = self.wait_for_work(inbox, state, deadline);
        if timed_out {
            look::<P>("takes nothing, since the time was up");
            return inbox.unlock(state);
        }
        Correct.take(inbox, state, batch, None);
    }
}

/// Mistakes the deadline for a delay, and so adds the current time to it.
#[derive(Debug)]
pub(crate) struct DeadlineTakenForDelay;

impl<P: Platform, T: Send + 'static> Protocol<P, T> for DeadlineTakenForDelay {
    fn sleep<'a>(
        &self,
        inbox: &'a Inbox<P, T>,
        state: StateGuard<'a, P, T>,
        deadline: Option<Duration>,
    ) -> (StateGuard<'a, P, T>, bool) {
        let deadline = deadline.map(|delay| P::now().saturating_add(delay));
        Correct.sleep(inbox, state, deadline)
    }
}

/// Sleeps until a millisecond after the deadline.
#[derive(Debug)]
pub(crate) struct Oversleeps;

impl<P: Platform, T: Send + 'static> Protocol<P, T> for Oversleeps {
    fn sleep<'a>(
        &self,
        inbox: &'a Inbox<P, T>,
        state: StateGuard<'a, P, T>,
        deadline: Option<Duration>,
    ) -> (StateGuard<'a, P, T>, bool) {
        let later = deadline.map(|deadline| deadline.saturating_add(Duration::from_millis(1)));
        Correct.sleep(inbox, state, later)
    }
}
