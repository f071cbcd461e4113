//! A fault for each property, to see the property fail.
//!
//! Each one overrides a single step of the protocol. The three properties that are not the
//! protocol's have none: histories are falsified instead, in `tests/faults.rs`.

use std::collections::VecDeque;
use std::mem;
use std::time::Duration;

use wakeproof::inbox::{Inbox, Next, Protocol, State, StateGuard};
use wakeproof::platform::Platform;

/// Against *exactly once*: an iteration loses the last of several callbacks.
#[derive(Debug)]
pub struct LosesTheLast;

impl Protocol for LosesTheLast {
    fn take<'a, P: Platform, T: Send>(
        inbox: &'a Inbox<P, T>,
        mut state: StateGuard<'a, P, T>,
        batch: &mut VecDeque<T>,
        _deadline: Option<Duration>,
    ) {
        mem::swap(&mut state.queue, batch);
        if batch.len() > 1 {
            batch.pop_back();
        }
        inbox.unlock(state);
    }
}

/// Against *first in, first out*: the newest callback is put first.
#[derive(Debug)]
pub struct LastInFirstOut;

impl Protocol for LastInFirstOut {
    fn enqueue<P: Platform, T: Send>(state: &mut State<T>, item: T) -> Result<(), T> {
        if state.closed {
            return Err(item);
        }
        state.queue.push_front(item);
        Ok(())
    }
}

/// Against *iteration snapshot*: the loop finishes what there is before it honours a stop.
#[derive(Debug)]
pub struct StopsWhenEmpty;

impl Protocol for StopsWhenEmpty {
    fn next_batch<P: Platform, T: Send>(
        inbox: &Inbox<P, T>,
        batch: &mut VecDeque<T>,
        deadline: Option<Duration>,
    ) -> Next {
        let mut state = inbox.lock();
        if state.queue.is_empty() && mem::take(&mut state.stopping) {
            inbox.unlock(state);
            return Next::Stop;
        }
        Self::take(inbox, state, batch, deadline);
        Next::Iterate
    }
}

/// Against *stop*: a stop ends every run from then on.
#[derive(Debug)]
pub struct StaysStopped;

impl Protocol for StaysStopped {
    fn next_batch<P: Platform, T: Send>(
        inbox: &Inbox<P, T>,
        batch: &mut VecDeque<T>,
        deadline: Option<Duration>,
    ) -> Next {
        let state = inbox.lock();
        if state.stopping {
            inbox.unlock(state);
            return Next::Stop;
        }
        Self::take(inbox, state, batch, deadline);
        Next::Iterate
    }
}

/// Against *close*: a closed inbox goes on accepting.
#[derive(Debug)]
pub struct AcceptsWhenClosed;

impl Protocol for AcceptsWhenClosed {
    fn enqueue<P: Platform, T: Send>(state: &mut State<T>, item: T) -> Result<(), T> {
        state.queue.push_back(item);
        Ok(())
    }
}

/// Against *destructors*: what is queued when the loop is closed stays where it is.
#[derive(Debug)]
pub struct ClosesWithoutEmptying;

impl Protocol for ClosesWithoutEmptying {
    fn close<P: Platform, T: Send>(inbox: &Inbox<P, T>) -> VecDeque<T> {
        let mut state = inbox.lock();
        state.closed = true;
        inbox.unlock(state);
        VecDeque::new()
    }
}
