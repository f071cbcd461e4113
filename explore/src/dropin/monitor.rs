//! A state that threads change in single steps and wait for: what the drop-in's primitives are made of
//! under a checker, and outside of a search those that the standard library has not.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::Ordering;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::real::{RealQueue, RealSleeper};
use crate::journal::Object;
use crate::platform::{Identity, LoomQueue, LoomSleeper, ShuttleQueue, ShuttleSleeper, checker};
use crate::search::failure;
use crate::story;
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
    /// What it is, for the story of the execution.
    kind: &'static str,
    queue: Queue,
    state: Mutex<S>,
}

#[derive(Debug)]
enum Queue {
    Real(RealQueue),
    Loom(LoomQueue),
    Shuttle(ShuttleQueue),
}

#[derive(Debug)]
enum Sleeper {
    Real(RealSleeper),
    Loom(LoomSleeper),
    Shuttle(ShuttleSleeper),
}

/// When a wait ends at the latest.
#[derive(Debug, Clone, Copy)]
enum Deadline {
    Never,
    Real(Instant),
    Explored(Duration),
}

/// An operation's view of the state, which says whom to wake, and what to tell of it.
pub(crate) struct Turn<'a, S> {
    state: MutexGuard<'a, S>,
    wakes: usize,
    told: Option<&'static str>,
}

impl<S> Turn<'_, S> {
    /// Wakes those that wait, when the operation is over. They look at the state again.
    pub(crate) fn wake_all(&mut self) {
        self.wakes = usize::MAX;
    }

    /// Has the story call the operation that, with `{}` for the primitive: what it has done or, if it has to wait, how
    /// it waits.
    pub(crate) fn tells(&mut self, what: &'static str) {
        self.told = Some(what);
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

/// A state to wait for, and whether it is as wanted.
pub(crate) type Wanted<'a, S> = (&'a Monitor<S>, fn(&S) -> bool);

/// How a wait for a notification has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Woken {
    /// By a notification, or for no reason.
    Notified,
    /// By its deadline.
    TimedOut,
    /// It has not begun.
    NotAtAll,
}

impl<S> Monitor<S> {
    /// A state of the execution that runs on this thread; or a real one, if there is no execution.
    #[track_caller]
    pub(crate) fn new(kind: &'static str, state: S) -> Self {
        Monitor {
            identity: Identity::new(),
            kind,
            queue: match checker() {
                Some(Checker::Loom) => Queue::Loom(LoomQueue::new()),
                Some(Checker::Shuttle) => Queue::Shuttle(ShuttleQueue::new()),
                _ => Queue::Real(RealQueue::default()),
            },
            state: Mutex::new(state),
        }
    }

    /// A state of the execution that runs on this thread; none if there is no execution.
    #[track_caller]
    pub(crate) fn of_the_execution(kind: &'static str, state: S) -> Result<Self, S> {
        if checker().is_some() {
            Ok(Monitor::new(kind, state))
        } else {
            Err(state)
        }
    }

    /// A part of that primitive of the execution: the story calls both by one name.
    pub(crate) fn told_as(mut self, whole: Option<Object>) -> Self {
        if let Some(whole) = whole {
            self.identity.is(whole);
        }
        self
    }

    fn object(&self) -> Object {
        self.identity.object(self.kind)
    }

    /// Tells what this thread has done, and whom it has woken.
    fn did(&self, what: Option<&'static str>, woken: usize) {
        let what = what.unwrap_or("uses {}");
        if woken == 0 {
            story::did(self.object(), || what);
        } else {
            story::wakes(self.object(), what, woken);
        }
    }

    fn begin(&self, ordering: Ordering) -> Turn<'_, S> {
        match &self.queue {
            Queue::Real(_) if checker().is_none() => {}
            _ => self.identity.check(),
        }
        match &self.queue {
            Queue::Real(_) => {}
            Queue::Loom(queue) => queue.step(ordering),
            Queue::Shuttle(queue) => queue.step(),
        }
        Turn {
            state: self.state.lock().unwrap_or_else(PoisonError::into_inner),
            wakes: 0,
            told: None,
        }
    }

    fn wake(&self, most: usize) -> usize {
        match &self.queue {
            Queue::Real(queue) => queue.wake(most),
            Queue::Loom(queue) => queue.wake(most),
            Queue::Shuttle(queue) => queue.wake(most),
        }
    }

    /// One operation, which does not wait.
    #[track_caller]
    pub(crate) fn step<R>(&self, ordering: Ordering, act: impl FnOnce(&mut Turn<'_, S>) -> R) -> R {
        story::here();
        let mut turn = self.begin(ordering);
        let result = act(&mut turn);
        let (told, wakes) = (turn.told, turn.wakes);
        drop(turn);
        let woken = if wakes > 0 { self.wake(wakes) } else { 0 };
        self.did(told, woken);
        result
    }

    /// As [`step`](Self::step), in a destructor: does nothing in an execution that has failed or is over.
    pub(crate) fn step_in_drop(&self, ordering: Ordering, act: impl FnOnce(&mut Turn<'_, S>)) {
        let unwinds = std::thread::panicking() && failure::has_failed();
        let is_real = matches!(self.queue, Queue::Real(_));
        let is_alive = if is_real {
            checker().is_none()
        } else {
            self.identity.is_of_this_execution()
        };
        if !unwinds && is_alive {
            story::nowhere();
            self.step(ordering, act);
        }
    }

    /// Does `act` again and again, each time in one step, until it returns something, and waits in between
    /// until somebody wakes those that wait.
    #[track_caller]
    pub(crate) fn until<R>(
        &self,
        ordering: Ordering,
        act: impl FnMut(&mut Turn<'_, S>) -> Option<R>,
    ) -> R {
        story::here();
        let result = self.until_deadline(ordering, Deadline::Never, act);
        result.expect("without a deadline, there is a result")
    }

    /// As [`until`](Self::until), for at most `timeout`.
    #[track_caller]
    pub(crate) fn until_timeout<R>(
        &self,
        ordering: Ordering,
        timeout: Duration,
        mut act: impl FnMut(&mut Turn<'_, S>) -> Option<R>,
    ) -> Option<R> {
        story::here();
        if timeout.is_zero() {
            return self.step(ordering, act);
        }
        let deadline = self.queue.deadline(Some(timeout));
        self.until_deadline(ordering, deadline, &mut act)
    }

    fn until_deadline<R>(
        &self,
        ordering: Ordering,
        deadline: Deadline,
        mut act: impl FnMut(&mut Turn<'_, S>) -> Option<R>,
    ) -> Option<R> {
        loop {
            let mut turn = self.begin(ordering);
            let result = act(&mut turn);
            let (told, wakes) = (turn.told, turn.wakes);
            if result.is_some() {
                drop(turn);
                let woken = if wakes > 0 { self.wake(wakes) } else { 0 };
                self.did(told, woken);
                return result;
            }
            if wakes > 0 {
                self.wake(wakes);
            }
            let sleeper = Sleeper::of(&self.queue);
            self.queue.join(&sleeper);
            story::sleeps(self.object(), told.unwrap_or("waits for {}"));
            drop(turn);
            if sleeper.sleep(&[&self.queue], deadline) {
                story::did(self.object(), || story::TIME_IS_UP);
                return None;
            }
        }
    }

    /// Waits to be notified, unless `is_over` says, in the same step, that there is no need to. May end
    /// without a notification, if the environment admits it.
    #[track_caller]
    pub(crate) fn wait(&self, timeout: Option<Duration>, is_over: impl FnOnce() -> bool) -> Woken {
        story::here();
        let deadline = self.queue.deadline(timeout);
        let turn = self.begin(Ordering::Relaxed);
        // Under a checker, what comes after the last step of this thread is one step; and another thread
        // may take one while `is_over` looks.
        let turn = matches!(self.queue, Queue::Real(_)).then_some(turn);
        let wakes_spuriously = self.queue.wakes_spuriously();
        if is_over() {
            story::did(self.object(), || "does not wait for {}: it has changed");
            return Woken::NotAtAll;
        }
        if wakes_spuriously {
            story::did(self.object(), || "waits for {}, and wakes for no reason");
            return Woken::Notified;
        }
        let sleeper = Sleeper::of(&self.queue);
        self.queue.join(&sleeper);
        story::sleeps(self.object(), "sleeps on {}");
        drop(turn);
        if sleeper.sleep(&[&self.queue], deadline) {
            story::did(self.object(), || story::TIME_IS_UP);
            Woken::TimedOut
        } else {
            story::did(self.object(), || "is woken");
            Woken::Notified
        }
    }

    /// Wakes at most `most` of the threads that [wait](Self::wait), and returns how many.
    #[track_caller]
    pub(crate) fn notify(&self, most: usize) -> usize {
        story::here();
        let turn = self.begin(Ordering::Relaxed);
        drop(turn);
        let woken = self.wake(most);
        story::wakes(self.object(), "wake", woken);
        woken
    }

    /// Waits until one of several states is as wanted, one looked at after the other, for at most
    /// `timeout`. Returns of each whether it is.
    #[track_caller]
    pub(crate) fn until_any(monitors: &[Wanted<'_, S>], timeout: Option<Duration>) -> Vec<bool> {
        let Some((first, _)) = monitors.first() else {
            return Vec::new();
        };
        story::here();
        let deadline = match timeout {
            Some(Duration::ZERO) => Deadline::Never,
            timeout => first.queue.deadline(timeout),
        };
        let queues: Vec<&Queue> = monitors.iter().map(|(monitor, _)| &monitor.queue).collect();
        loop {
            let sleeper = Sleeper::of(&first.queue);
            let look = |(monitor, is_wanted): &Wanted<'_, S>| {
                let turn = monitor.begin(Ordering::Acquire);
                monitor.queue.join(&sleeper);
                is_wanted(&turn)
            };
            let are: Vec<bool> = monitors.iter().map(look).collect();
            let is_over = are.contains(&true) || timeout == Some(Duration::ZERO);
            if is_over {
                let is_ready = are.iter().position(|is_ready| *is_ready);
                let (ready, what) = match is_ready {
                    Some(index) => (monitors[index].0, "polls {}, which is ready"),
                    None => (*first, "polls {}, which is not ready"),
                };
                ready.did(Some(what), 0);
            } else {
                story::sleeps(first.object(), "polls {}");
            }
            let timed_out = !is_over && sleeper.sleep(&queues, deadline);
            for queue in &queues {
                queue.leave(&sleeper);
            }
            if is_over || timed_out {
                return are;
            }
        }
    }
}

impl Queue {
    fn deadline(&self, timeout: Option<Duration>) -> Deadline {
        let Some(timeout) = timeout.filter(|timeout| *timeout < FOR_EVER) else {
            return Deadline::Never;
        };
        match self {
            Queue::Real(_) => Instant::now()
                .checked_add(timeout)
                .map_or(Deadline::Never, Deadline::Real),
            Queue::Loom(_) => Deadline::Explored(LoomQueue::now().saturating_add(timeout)),
            Queue::Shuttle(_) => Deadline::Explored(ShuttleQueue::now().saturating_add(timeout)),
        }
    }

    fn wakes_spuriously(&self) -> bool {
        match self {
            Queue::Real(_) => false,
            Queue::Loom(_) => LoomQueue::wakes_spuriously(),
            Queue::Shuttle(_) => ShuttleQueue::wakes_spuriously(),
        }
    }

    fn join(&self, sleeper: &Sleeper) {
        match (self, sleeper) {
            (Queue::Real(queue), Sleeper::Real(sleeper)) => queue.join(sleeper),
            (Queue::Loom(queue), Sleeper::Loom(sleeper)) => queue.join(sleeper),
            (Queue::Shuttle(queue), Sleeper::Shuttle(sleeper)) => queue.join(sleeper),
            _ => super::mixed(),
        }
    }

    fn leave(&self, sleeper: &Sleeper) {
        match (self, sleeper) {
            (Queue::Real(queue), Sleeper::Real(sleeper)) => queue.leave(sleeper),
            (Queue::Loom(queue), Sleeper::Loom(sleeper)) => queue.leave(sleeper),
            (Queue::Shuttle(queue), Sleeper::Shuttle(sleeper)) => queue.leave(sleeper),
            _ => super::mixed(),
        }
    }
}

/// Those queues that are of one kind: all of them.
macro_rules! of_kind {
    ($queues:expr, $kind:ident) => {
        $queues
            .iter()
            .filter_map(|queue| match queue {
                Queue::$kind(queue) => Some(queue),
                _ => None,
            })
            .collect::<Vec<_>>()
    };
}

impl Sleeper {
    fn of(queue: &Queue) -> Self {
        match queue {
            Queue::Real(_) => Sleeper::Real(RealSleeper::of_this_thread()),
            Queue::Loom(_) => Sleeper::Loom(LoomQueue::sleeper()),
            Queue::Shuttle(_) => Sleeper::Shuttle(ShuttleQueue::sleeper()),
        }
    }

    /// Blocks this thread, which is in the queues, until it is woken or until the deadline. Returns whether
    /// it was the deadline.
    fn sleep(&self, queues: &[&Queue], deadline: Deadline) -> bool {
        match (self, deadline) {
            (Sleeper::Real(sleeper), Deadline::Real(deadline)) => {
                return sleeper.sleep_until(&of_kind!(queues, Real), deadline);
            }
            (Sleeper::Loom(sleeper), Deadline::Explored(deadline)) => {
                return LoomQueue::sleep_until(&of_kind!(queues, Loom), sleeper, deadline);
            }
            (Sleeper::Shuttle(sleeper), Deadline::Explored(deadline)) => {
                return ShuttleQueue::sleep_until(&of_kind!(queues, Shuttle), sleeper, deadline);
            }
            (Sleeper::Real(sleeper), _) => sleeper.sleep(),
            (Sleeper::Loom(sleeper), _) => LoomQueue::sleep(sleeper),
            (Sleeper::Shuttle(sleeper), _) => ShuttleQueue::sleep(sleeper),
        }
        false
    }
}

impl<S> fmt::Debug for Monitor<S> {
    /// Without the state: to look at it would be a step.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Monitor").finish_non_exhaustive()
    }
}
