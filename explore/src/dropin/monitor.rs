//! A state that threads change in single steps and wait for: what the drop-in's primitives are made of
//! under a checker.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::Ordering;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::platform::{Identity, LoomQueue, LoomSleeper, ShuttleQueue, ShuttleSleeper, checker};
use crate::search::failure;
use crate::verdict::Checker;

/// Longer than this is for ever: no clock comes so far.
pub(crate) const FOR_EVER: Duration = Duration::from_secs(u64::MAX / 4);

/// A state of an execution. Each operation on it is one step.
///
/// The ordering that an operation names is that of a read-modify-write of one atomic word: an operation that
/// acquires sees what was written before those that released, as it does with the standard library's own
/// primitives, whose state is such a word.
pub(crate) struct Monitor<S> {
    identity: Identity,
    queue: Queue,
    state: Mutex<S>,
}

#[derive(Debug)]
enum Queue {
    Loom(LoomQueue),
    Shuttle(ShuttleQueue),
}

#[derive(Debug)]
enum Sleeper {
    Loom(LoomSleeper),
    Shuttle(ShuttleSleeper),
}

/// An operation's view of the state, which says whom to wake.
pub(crate) struct Turn<'a, S> {
    state: MutexGuard<'a, S>,
    wakes: usize,
}

impl<S> Turn<'_, S> {
    /// Wakes those that wait, when the operation is over. They look at the state again.
    pub(crate) fn wake_all(&mut self) {
        self.wakes = usize::MAX;
    }
}

impl<S> Deref for Turn<'_, S> {
    type Target = S;

    fn deref(&self) -> &S {
        &self.state
    }
}

impl<S> DerefMut for Turn<'_, S> {
    fn deref_mut(&mut self) -> &mut S {
        &mut self.state
    }
}

impl<S> Monitor<S> {
    /// A state of the execution that runs on this thread; none if there is no execution.
    #[track_caller]
    pub(crate) fn of_the_execution(state: S) -> Result<Self, S> {
        let queue = match checker() {
            Some(Checker::Loom) => Queue::Loom(LoomQueue::new()),
            Some(Checker::Shuttle) => Queue::Shuttle(ShuttleQueue::new()),
            _ => return Err(state),
        };
        Ok(Monitor {
            identity: Identity::new(),
            queue,
            state: Mutex::new(state),
        })
    }

    fn begin(&self, ordering: Ordering) -> Turn<'_, S> {
        self.identity.check();
        match &self.queue {
            Queue::Loom(queue) => queue.step(ordering),
            Queue::Shuttle(queue) => queue.step(),
        }
        self.now()
    }

    fn now(&self) -> Turn<'_, S> {
        Turn {
            state: self.state.lock().unwrap_or_else(PoisonError::into_inner),
            wakes: 0,
        }
    }

    fn finish(&self, turn: Turn<'_, S>) {
        let wakes = turn.wakes;
        drop(turn);
        if wakes > 0 {
            self.wake(wakes);
        }
    }

    fn wake(&self, most: usize) -> usize {
        match &self.queue {
            Queue::Loom(queue) => queue.wake(most),
            Queue::Shuttle(queue) => queue.wake(most),
        }
    }

    /// One operation, which does not wait.
    pub(crate) fn step<R>(&self, ordering: Ordering, act: impl FnOnce(&mut Turn<'_, S>) -> R) -> R {
        let mut turn = self.begin(ordering);
        let result = act(&mut turn);
        self.finish(turn);
        result
    }

    /// As [`step`](Self::step), in a destructor: does nothing in an execution that has failed or is over.
    pub(crate) fn step_in_drop(&self, ordering: Ordering, act: impl FnOnce(&mut Turn<'_, S>)) {
        if self.is_alive() {
            self.step(ordering, act);
        }
    }

    fn is_alive(&self) -> bool {
        let unwinds = std::thread::panicking() && failure::has_failed();
        !unwinds && self.identity.is_of_this_execution()
    }

    /// Does `act` again and again, each time in one step, until it returns something, and waits in between
    /// until somebody wakes those that wait.
    pub(crate) fn until<R>(
        &self,
        ordering: Ordering,
        mut act: impl FnMut(&mut Turn<'_, S>) -> Option<R>,
    ) -> R {
        loop {
            let mut turn = self.begin(ordering);
            let result = act(&mut turn);
            if let Some(result) = result {
                self.finish(turn);
                return result;
            }
            let sleeper = Sleeper::of(&self.queue);
            self.finish(turn);
            self.join(&sleeper);
            sleeper.sleep();
        }
    }

    /// As [`until`](Self::until), for at most `timeout`.
    pub(crate) fn until_timeout<R>(
        &self,
        ordering: Ordering,
        timeout: Duration,
        mut act: impl FnMut(&mut Turn<'_, S>) -> Option<R>,
    ) -> Option<R> {
        if timeout >= FOR_EVER {
            return Some(self.until(ordering, act));
        }
        let now = self.queue.clock();
        let deadline = now.saturating_add(timeout);
        loop {
            let mut turn = self.begin(ordering);
            let result = act(&mut turn);
            if result.is_some() || timeout.is_zero() {
                self.finish(turn);
                return result;
            }
            let sleeper = Sleeper::of(&self.queue);
            self.finish(turn);
            self.join(&sleeper);
            if sleep_until(&[&self.queue], &sleeper, deadline) {
                return None;
            }
        }
    }

    fn join(&self, sleeper: &Sleeper) {
        match (&self.queue, sleeper) {
            (Queue::Loom(queue), Sleeper::Loom(sleeper)) => queue.join(sleeper),
            (Queue::Shuttle(queue), Sleeper::Shuttle(sleeper)) => queue.join(sleeper),
            _ => super::mixed(),
        }
    }
}

impl Queue {
    fn clock(&self) -> Duration {
        match self {
            Queue::Loom(_) => LoomQueue::now(),
            Queue::Shuttle(_) => ShuttleQueue::now(),
        }
    }
}

impl Sleeper {
    fn of(queue: &Queue) -> Self {
        match queue {
            Queue::Loom(_) => Sleeper::Loom(LoomQueue::sleeper()),
            Queue::Shuttle(_) => Sleeper::Shuttle(ShuttleQueue::sleeper()),
        }
    }

    fn sleep(&self) {
        match self {
            Sleeper::Loom(sleeper) => LoomQueue::sleep(sleeper),
            Sleeper::Shuttle(sleeper) => ShuttleQueue::sleep(sleeper),
        }
    }
}

/// Blocks the thread, which is in the queues, until it is woken or until the deadline. Returns whether it
/// was the deadline.
fn sleep_until(queues: &[&Queue], sleeper: &Sleeper, deadline: Duration) -> bool {
    match sleeper {
        Sleeper::Loom(sleeper) => {
            let queues: Vec<&LoomQueue> = queues
                .iter()
                .filter_map(|queue| match queue {
                    Queue::Loom(queue) => Some(queue),
                    Queue::Shuttle(_) => None,
                })
                .collect();
            LoomQueue::sleep_until(&queues, sleeper, deadline)
        }
        Sleeper::Shuttle(sleeper) => {
            let queues: Vec<&ShuttleQueue> = queues
                .iter()
                .filter_map(|queue| match queue {
                    Queue::Shuttle(queue) => Some(queue),
                    Queue::Loom(_) => None,
                })
                .collect();
            ShuttleQueue::sleep_until(&queues, sleeper, deadline)
        }
    }
}

impl<S> fmt::Debug for Monitor<S> {
    /// Without the state: to look at it would be a step.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Monitor").finish_non_exhaustive()
    }
}
