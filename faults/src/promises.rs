//! Faults that each break one promise of the loop. A history of one thread can show them.

use std::collections::VecDeque;
use std::mem;
use std::time::Duration;

use wakeproof::inbox::{Correct, Inbox, Next, Protocol, State, StateGuard};
use wakeproof::platform::Platform;

/// Breaks *exactly once*: an iteration loses the last of several callbacks.
#[derive(Debug)]
pub(crate) struct LosesTheLast;

impl<P: Platform, T: Send + 'static> Protocol<P, T> for LosesTheLast {
    fn take<'a>(
        &self,
        inbox: &'a Inbox<P, T>,
        state: StateGuard<'a, P, T>,
        batch: &mut VecDeque<T>,
        deadline: Option<Duration>,
    ) {
        Correct.take(inbox, state, batch, deadline);
        if batch.len() > 1 {
            batch.pop_back();
        }
    }
}

/// Breaks *first in, first out*: the newest callback goes to the front.
#[derive(Debug)]
pub(crate) struct LastInFirstOut;

impl<P: Platform, T: Send + 'static> Protocol<P, T> for LastInFirstOut {
    fn enqueue(&self, state: &mut State<T>, item: T) -> Result<(), T> {
        if state.closed {
            return Err(item);
        }
        state.queue.push_front(item);
        Ok(())
    }
}

/// Breaks *iteration snapshot*: the loop empties its queue before it stops.
#[derive(Debug)]
pub(crate) struct StopsWhenEmpty;

impl<P: Platform, T: Send + 'static> Protocol<P, T> for StopsWhenEmpty {
    fn next_batch(
        &self,
        inbox: &Inbox<P, T>,
        batch: &mut VecDeque<T>,
        deadline: Option<Duration>,
    ) -> Next {
        let mut state = inbox.lock();
        if state.queue.is_empty() && mem::take(&mut state.stopping) {
            inbox.unlock(state);
            return Next::Stop;
        }
        self.take(inbox, state, batch, deadline);
        Next::Iterate
    }
}

/// Breaks *stop*: one stop ends every later run.
#[derive(Debug)]
pub(crate) struct StaysStopped;

impl<P: Platform, T: Send + 'static> Protocol<P, T> for StaysStopped {
    fn next_batch(
        &self,
        inbox: &Inbox<P, T>,
        batch: &mut VecDeque<T>,
        deadline: Option<Duration>,
    ) -> Next {
        let state = inbox.lock();
        if state.stopping {
            inbox.unlock(state);
            return Next::Stop;
        }
        self.take(inbox, state, batch, deadline);
        Next::Iterate
    }
}

/// Breaks *close*: a closed inbox still accepts callbacks.
#[derive(Debug)]
pub(crate) struct AcceptsWhenClosed;

impl<P: Platform, T: Send + 'static> Protocol<P, T> for AcceptsWhenClosed {
    fn enqueue(&self, state: &mut State<T>, item: T) -> Result<(), T> {
        state.queue.push_back(item);
        Ok(())
    }
}

/// Breaks *destructors*: `close` leaves the queue as it is.
#[derive(Debug)]
pub(crate) struct ClosesWithoutEmptying;

impl<P: Platform, T: Send + 'static> Protocol<P, T> for ClosesWithoutEmptying {
    fn close(&self, inbox: &Inbox<P, T>) -> VecDeque<T> {
        let mut state = inbox.lock();
        state.closed = true;
        inbox.unlock(state);
        VecDeque::new()
    }
}
