//! Faults of the loop that goes to sleep: each overrides `take`, and only that.

use std::collections::VecDeque;
use std::mem;
use std::time::Duration;

use wakeproof::inbox::{Inbox, Protocol, StateGuard, Step};
use wakeproof::platform::Platform;

/// Finds the queue empty, lets go of the lock, takes it again, and sleeps.
#[derive(Debug)]
pub struct CheckOutsideTheLock;

impl Protocol for CheckOutsideTheLock {
    fn take<'a, P: Platform, T: Send>(
        inbox: &'a Inbox<P, T>,
        mut state: StateGuard<'a, P, T>,
        batch: &mut VecDeque<T>,
        deadline: Option<Duration>,
    ) {
        while state.queue.is_empty() && !state.stopping {
            inbox.unlock(state);
            state = inbox.lock();
            let timed_out;
            (state, timed_out) = Self::sleep(inbox, state, deadline);
            if timed_out {
                break;
            }
        }
        mem::swap(&mut state.queue, batch);
        state.step::<P>(Step::Take);
        inbox.unlock(state);
    }
}

/// Takes any wakeup for the one it was waiting for.
#[derive(Debug)]
pub struct IfInsteadOfWhile;

impl Protocol for IfInsteadOfWhile {
    fn take<'a, P: Platform, T: Send>(
        inbox: &'a Inbox<P, T>,
        mut state: StateGuard<'a, P, T>,
        batch: &mut VecDeque<T>,
        deadline: Option<Duration>,
    ) {
        if state.queue.is_empty() && !state.stopping {
            (state, _) = Self::sleep(inbox, state, deadline);
        }
        mem::swap(&mut state.queue, batch);
        state.step::<P>(Step::Take);
        inbox.unlock(state);
    }
}

/// Returns from a wait that timed out without another look at the queue.
#[derive(Debug)]
pub struct TimeoutMeansNothingToDo;

impl Protocol for TimeoutMeansNothingToDo {
    fn take<'a, P: Platform, T: Send>(
        inbox: &'a Inbox<P, T>,
        mut state: StateGuard<'a, P, T>,
        batch: &mut VecDeque<T>,
        deadline: Option<Duration>,
    ) {
        while state.queue.is_empty() && !state.stopping {
            let timed_out;
            (state, timed_out) = Self::sleep(inbox, state, deadline);
            if timed_out {
                inbox.unlock(state);
                return;
            }
        }
        mem::swap(&mut state.queue, batch);
        state.step::<P>(Step::Take);
        inbox.unlock(state);
    }
}
