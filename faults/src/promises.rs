//! Faults that break one promise of the loop, and that a history of one thread can show.

use std::collections::VecDeque;
use std::mem;
use std::time::Duration;

use wakeproof::inbox::{Correct, Inbox, Next, Protocol, State, StateGuard};
use wakeproof::platform::Platform;

/// Against *exactly once*: an iteration loses the last of several callbacks.
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

/// Against *first in, first out*: the newest callback is put first.
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

/// Against *iteration snapshot*: the loop finishes what there is before it honours a stop.
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

/// Against *stop*: a stop ends every run from then on.
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

/// Against *close*: a closed inbox goes on accepting.
#[derive(Debug)]
pub(crate) struct AcceptsWhenClosed;

impl<P: Platform, T: Send + 'static> Protocol<P, T> for AcceptsWhenClosed {
    fn enqueue(&self, state: &mut State<T>, item: T) -> Result<(), T> {
        state.queue.push_back(item);
        Ok(())
    }
}

/// Against *destructors*: what is queued when the loop is closed stays where it is.
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
