//! The reference: a loop without threads, locks, condvars or closures.
//!
//! This file describes the whole behaviour of the library. Each step happens at once, one after another,
//! and a callback is a number. Two kinds of tests rely on it:
//!
//! - histories of one thread ([`history`](crate::history)), whose records
//!   [`prediction`](crate::prediction) derives from the reference and the callbacks' scripts;
//! - histories of several threads ([`concurrent`](crate::concurrent)), for which a search tries the
//!   reference's steps in every possible order.
//!
//! Each decision that could have been made differently is a function of [`Rules`]. A test can replace
//! one, and must then notice the difference.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::hash::Hash;
use std::marker::PhantomData;
use std::time::Duration;

use wakeproof::{CloseError, RunError};

use crate::command::{Caller, EventId, Id, SubmitCall};
use crate::record::{End, Refusal};

pub mod task;
mod tasks;

use self::task::{Task, Wait};

/// The decisions of the reference. [`Documented`] overrides none of them.
pub trait Rules: fmt::Debug + Clone + Default + Eq + Hash + 'static {
    /// Whether a timer may run. Not before its deadline.
    fn is_due(deadline: Duration, now: Duration) -> bool {
        deadline <= now
    }

    /// A timer's place among the others: by deadline, and then by the order in which they were set.
    fn place(deadline: Duration, number: usize) -> (Duration, usize) {
        (deadline, number)
    }

    /// Whether timers that become due while others run join them in the same iteration. They do not: they
    /// run in the next iteration, after its callbacks.
    fn timers_join() -> bool {
        false
    }

    /// Whether a task that is woken twice before its poll is polled only once.
    fn wakeups_are_one() -> bool {
        true
    }

    /// Whether a task that is woken while it is polled is polled once more.
    fn wakeups_count_in_a_poll() -> bool {
        true
    }

    /// Whether a future that is ready when its timeout elapses is in time.
    fn ready_is_in_time() -> bool {
        true
    }

    /// Whether an iteration runs to its end when the run's future completes in it.
    fn iterations_end() -> bool {
        true
    }

    /// Reorders the tasks that an event releases. They are woken in the order in which they began to wait.
    fn order_released(_released: &mut [Id]) {}

    /// Whether a task that an event has released goes on even if the event is cleared first.
    fn released_stay_released() -> bool {
        true
    }
}

/// The rules as the library documents them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Documented;

impl Rules for Documented {}

/// A loop.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Reference<R = Documented> {
    /// The time on the clock.
    pub now: Duration,
    /// What was accepted and not yet taken by an iteration.
    pub queue: VecDeque<Entry>,
    /// What the iteration must still run, or `close` must still drop.
    pub batch: VecDeque<Entry>,
    /// The deadlines of the timers.
    pub deadlines: BTreeMap<Entry, Duration>,
    /// The timers that an iteration has taken, each at its place.
    pub timers: BTreeMap<(Duration, usize), Entry>,
    /// How many timers have been taken.
    pub timers_taken: usize,
    /// The deadline until which the loop may sleep, as it was at the end of the last iteration. A timer that
    /// is cancelled after that still ends the sleep.
    pub until: Option<Duration>,
    /// Set once the iteration has run its batch: it runs the timers that were due at this time.
    pub due: Option<Duration>,
    /// What became of each accepted callback.
    pub fates: BTreeMap<Id, Fate>,
    /// Every task, in the order of spawning.
    pub tasks: BTreeMap<Id, Task>,
    /// The events that are set.
    pub events: BTreeSet<EventId>,
    /// The tasks that wait for events, in the order in which they began to wait.
    pub waiters: Vec<(EventId, Id)>,
    /// The future of `run_until_complete`: a task without a handle.
    pub main: Option<Id>,
    /// What the loop's thread is doing.
    pub activity: Activity,
    /// The loop sleeps and has not been woken.
    pub asleep: bool,
    /// The loop will return after its current iteration.
    pub stopping: bool,
    /// The loop accepts nothing any more.
    pub closed: bool,
    /// The loop refuses the hazard on other threads.
    pub debug: bool,
    /// The decisions.
    pub rules: PhantomData<R>,
}

/// An entry of the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Entry {
    /// A callback. One with a deadline moves from the queue to its place among the timers.
    Call(Id),
    /// A task to poll.
    Task(Id),
    /// The timer of a task's sleep or timeout, by its number among the timers of that task.
    Alarm(Id, usize),
    /// A panic of a task without a handle, for the exception handler.
    Report(Id),
}

/// What became of a callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fate {
    /// It waits for its turn.
    Scheduled,
    /// It will never run.
    Cancelled,
    /// It is running.
    Started,
    /// It has run, and perhaps panicked.
    Done,
}

/// What the loop's thread is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Activity {
    /// It is outside of `run_forever` and `close`.
    #[default]
    Idle,
    /// It is between two iterations: it will stop or look for work.
    Between,
    /// It looks for work, and begins an iteration as soon as there is some.
    Looking,
    /// A deadline has ended its sleep, and an iteration begins with whatever is queued.
    Waking,
    /// It is between two callbacks of an iteration.
    Iterating,
    /// It is in a callback, or in the poll of a task.
    Calling(Id),
    /// It is in `close`.
    Closing,
}

/// A step that the loop's thread takes by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advance {
    /// An iteration began by taking the whole queue.
    Took,
    /// An iteration ended, and it is determined until when the loop may sleep.
    Ended,
    /// The loop fell asleep. It sleeps until something is submitted or stops it, or a
    /// [deadline passes](Reference::pass_deadline).
    Slept,
    /// This callback begins to run.
    Started(Id),
    /// This task is polled, or dropped if its cancellation was requested.
    Polled(Id),
    /// The exception handler receives this task's panic.
    Reported(Id),
    /// `run_forever` is about to return.
    Returned,
    /// `close` drops this callback.
    Abandoned(Id),
    /// `close` drops this task.
    AbandonedTask(Id),
    /// `close` is about to return.
    Closed,
}

impl<R: Rules> Reference<R> {
    /// Submits a callback. A timer is a callback with a deadline.
    pub fn submit(
        &mut self,
        id: Id,
        through: SubmitCall,
        deadline: Option<Duration>,
    ) -> Result<(), Refusal> {
        if self.debug && through == SubmitCall::Hazard(Caller::Foreign) {
            return Err(Refusal::WrongThread);
        }
        if self.closed {
            return Err(Refusal::Closed);
        }
        self.queue.push_back(Entry::Call(id));
        self.fates.insert(id, Fate::Scheduled);
        self.deadlines
            .extend(deadline.map(|deadline| (Entry::Call(id), deadline)));
        if let SubmitCall::Threadsafe(_) | SubmitCall::TimerThreadsafe(..) = through {
            self.asleep = false; // <- the one line that call_soon does not have
        }
        Ok(())
    }

    /// Cancels a callback that was accepted. Returns whether this was in time.
    pub fn cancel(&mut self, id: Id) -> bool {
        self.change(id, Fate::Scheduled, Fate::Cancelled)
    }

    /// Asks the loop to return.
    pub fn stop(&mut self) {
        self.stopping = true;
        self.asleep = false;
    }

    /// Begins a run. Then [`advance`](Self::advance) takes its steps, up to [`Advance::Returned`].
    pub fn run(&mut self) -> Result<(), RunError> {
        if self.closed {
            return Err(RunError::Closed);
        }
        if self.is_running() {
            return Err(RunError::AlreadyRunning);
        }
        self.until = self.first_deadline();
        self.activity = Activity::Looking;
        Ok(())
    }

    /// Begins a run that ends when this future completes.
    pub fn run_until_complete(&mut self, id: Id) -> Result<(), RunError> {
        self.run()?;
        self.main = Some(id);
        let _ = self.spawn(id, false); // the loop is open
        Ok(())
    }

    /// Ends a run. Returns how its future ended, if it had one that ended.
    pub fn end_run(&mut self) -> Option<End> {
        let id = self.main.take()?;
        let main = self.task(id);
        main.over = true;
        main.end
    }

    /// Begins to close. Then [`advance`](Self::advance) takes its steps, up to [`Advance::Closed`].
    pub fn close(&mut self) -> Result<(), CloseError> {
        if self.is_running() {
            return Err(CloseError::Running);
        }
        if !self.closed {
            self.closed = true;
            self.batch = std::mem::take(&mut self.queue);
            self.activity = Activity::Closing;
        }
        Ok(())
    }

    /// Ends the callback that is running. Whether it returned or panicked makes no difference.
    pub fn finish(&mut self, id: Id) {
        self.change(id, Fate::Started, Fate::Done);
        self.activity = Activity::Iterating;
    }

    /// Takes the next step of the loop's thread, if it can take one by itself.
    pub fn advance(&mut self) -> Option<Advance> {
        match self.activity {
            Activity::Idle | Activity::Calling(_) => None,
            Activity::Between => Some(match std::mem::take(&mut self.stopping) {
                true => {
                    self.activity = Activity::Idle;
                    Advance::Returned
                }
                false => self.look(),
            }),
            Activity::Looking => Some(self.look()),
            Activity::Waking => Some(self.take()),
            Activity::Iterating => Some(match self.next_to_run() {
                Some(Entry::Task(id)) => {
                    self.tasks.entry(id).or_default().scheduled = false;
                    self.activity = Activity::Calling(id);
                    Advance::Polled(id)
                }
                Some(Entry::Report(id)) => Advance::Reported(id),
                Some(Entry::Call(id) | Entry::Alarm(id, _)) => {
                    self.change(id, Fate::Scheduled, Fate::Started);
                    self.activity = Activity::Calling(id);
                    Advance::Started(id)
                }
                None => {
                    self.until = self.first_deadline();
                    self.activity = Activity::Between;
                    Advance::Ended
                }
            }),
            Activity::Closing => Some(match self.next_to_drop() {
                Some(Entry::Task(id)) => Advance::AbandonedTask(id),
                Some(Entry::Report(id)) => Advance::Reported(id),
                Some(Entry::Call(id) | Entry::Alarm(id, _)) => {
                    self.cancel(id);
                    Advance::Abandoned(id)
                }
                None => {
                    self.activity = Activity::Idle;
                    Advance::Closed
                }
            }),
        }
    }

    /// Takes the whole queue, or falls asleep if the queue is empty and no stop was requested.
    fn look(&mut self) -> Advance {
        self.asleep = self.queue.is_empty() && !self.stopping;
        if self.asleep {
            self.activity = Activity::Looking;
            return Advance::Slept;
        }
        self.take()
    }

    fn take(&mut self) -> Advance {
        self.asleep = false;
        self.batch = std::mem::take(&mut self.queue);
        self.activity = Activity::Iterating;
        Advance::Took
    }

    /// The first deadline of a timer that has neither run nor been cancelled, unless it never comes.
    fn first_deadline(&mut self) -> Option<Duration> {
        let mut timers = std::mem::take(&mut self.timers);
        timers.retain(|_, timer| self.can_run(timer));
        self.timers = timers;
        let first = self.timers.values().next();
        let deadline = first.map(|timer| self.deadlines[timer]);
        deadline.filter(|deadline| *deadline < Duration::MAX)
    }

    /// Moves the clock to the deadline of the loop's sleep, and lets the loop wake. Returns false if it does
    /// not sleep or has no deadline.
    pub fn pass_deadline(&mut self) -> bool {
        let sleeps = self.asleep && self.activity == Activity::Looking;
        let Some(deadline) = self.until.filter(|_| sleeps) else {
            return false;
        };
        self.now = self.now.max(deadline);
        self.activity = Activity::Waking;
        true
    }

    /// What the iteration runs next: first its batch, and then the timers that were due when the batch was
    /// done.
    fn next_to_run(&mut self) -> Option<Entry> {
        if let Some(entry) = self.next_in_batch() {
            return Some(entry);
        }
        let due = match R::timers_join() {
            true => self.now,
            false => *self.due.get_or_insert(self.now),
        };
        while let Some(first) = self.timers.first_entry()
            && R::is_due(self.deadlines[first.get()], due)
        {
            let timer = first.remove();
            match timer {
                _ if !self.can_run(&timer) => {}
                Entry::Alarm(task, number) => self.ring(task, number),
                timer => return Some(timer),
            }
        }
        self.due = None;
        None
    }

    /// What `close` drops next: first the queue, then the timers, then the tasks. A task in the queue is
    /// dropped with the other tasks.
    fn next_to_drop(&mut self) -> Option<Entry> {
        while let Some(entry) = self.next_in_batch() {
            if !matches!(entry, Entry::Task(_)) {
                return Some(entry);
            }
        }
        while let Some((_, timer)) = self.timers.pop_first() {
            if self.can_run(&timer) && !matches!(timer, Entry::Alarm(..)) {
                return Some(timer);
            }
        }
        let mut left = self.tasks.iter().filter(|(_, task)| task.end.is_none());
        left.next().map(|(id, _)| Entry::Task(*id))
    }

    /// The first entry of the batch that can run. Moves the timers before it to their places.
    fn next_in_batch(&mut self) -> Option<Entry> {
        while let Some(entry) = self.batch.pop_front() {
            if let Some(deadline) = self.deadlines.get(&entry) {
                let place = R::place(*deadline, self.timers_taken);
                self.timers.insert(place, entry);
                self.timers_taken += 1;
            } else if self.can_run(&entry) {
                return Some(entry);
            }
        }
        None
    }

    /// Whether this entry has neither run nor been cancelled.
    fn can_run(&self, entry: &Entry) -> bool {
        match entry {
            Entry::Call(id) => self.fates[id] == Fate::Scheduled,
            Entry::Task(id) => self.tasks[id].end.is_none(),
            Entry::Alarm(id, number) => {
                let task = &self.tasks[id];
                task.wait == Some(Wait::Sleep(*number)) || task.limit == Some(*number)
            }
            Entry::Report(_) => true,
        }
    }

    /// Changes the fate of a callback from `from` to `to`. Returns false if it had another one.
    fn change(&mut self, id: Id, from: Fate, to: Fate) -> bool {
        let expected = self.fates.get(&id) == Some(&from);
        if expected {
            self.fates.insert(id, to);
        }
        expected
    }

    /// Whether the loop is running.
    pub fn is_running(&self) -> bool {
        !matches!(self.activity, Activity::Idle | Activity::Closing)
    }
}
