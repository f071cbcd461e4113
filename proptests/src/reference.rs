//! The reference: what a loop is, without threads, locks, condvars and closures.
//!
//! This page is the whole behaviour of the library. Everything here happens at once, one step after
//! the other; a callback is a number. Two tests lean on it:
//!
//! - the histories of one thread ([`history`](crate::history)), for which [`prediction`](crate::prediction)
//!   tells what the reference and the callbacks' scripts amount to;
//! - the histories of several threads, for which the steps are
//!   put into every order that explains what was seen.
//!
//! Where the order of things is a choice, it is a function of [`Rules`], so that a test can choose
//! otherwise and see that somebody notices.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::hash::Hash;
use std::marker::PhantomData;
use std::time::Duration;

use wakeproof::{CloseError, RunError};

use crate::command::{Caller, Event, Id, Through};
use crate::record::{End, Refusal};

pub mod tasks;

use self::tasks::{Task, Wait};

/// The choices. Every function has a body; [`Documented`] overrides none of them.
pub trait Rules: fmt::Debug + Clone + Default + Eq + Hash + 'static {
    /// Whether a timer may run: never before its deadline.
    fn is_due(deadline: Duration, now: Duration) -> bool {
        deadline <= now
    }

    /// A timer's place among the others: by deadline, and of equal ones the first that was set.
    fn place(deadline: Duration, number: usize) -> (Duration, usize) {
        (deadline, number)
    }

    /// Whether the timers that have become due while others ran join them in the same iteration: they
    /// run in the next one, behind its callbacks.
    fn timers_join() -> bool {
        false
    }

    /// Whether a task that is woken twice before it is polled is polled once.
    fn wakeups_are_one() -> bool {
        true
    }

    /// Whether a task that is woken while it is polled is polled once more.
    fn wakeups_count_in_a_poll() -> bool {
        true
    }

    /// Whether a future that is ready when its time has come is in time.
    fn ready_is_in_time() -> bool {
        true
    }

    /// Whether the iteration in which a run's future completes runs to its end.
    fn iterations_end() -> bool {
        true
    }

    /// In which order those are woken that an event has released: in that of their arrival.
    fn order_released(_released: &mut [Id]) {}

    /// Whether who has been released by an event goes on even if it has been cleared meanwhile.
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
    /// What the clock shows.
    pub now: Duration,
    /// Accepted, and not yet taken by an iteration.
    pub queue: VecDeque<Entry>,
    /// What the iteration still has to run, or `close` to drop.
    pub batch: VecDeque<Entry>,
    /// The deadlines of what has one.
    pub deadlines: BTreeMap<Entry, Duration>,
    /// Timers that an iteration has taken, each in its place.
    pub timers: BTreeMap<(Duration, usize), Entry>,
    /// How many timers have been taken.
    pub timers_taken: usize,
    /// Until when the loop may sleep. What is cancelled after it has looked for that shortens no sleep.
    pub until: Option<Duration>,
    /// The iteration has run its batch, and runs the timers that were due at this time.
    pub due: Option<Duration>,
    /// What became of each accepted callback.
    pub fates: BTreeMap<Id, Fate>,
    /// Every task, in the order in which they were spawned.
    pub tasks: BTreeMap<Id, Task>,
    /// The events that are set.
    pub events: BTreeSet<Event>,
    /// The tasks that wait for events, in the order of their arrival.
    pub waiters: Vec<(Event, Id)>,
    /// The future that the loop runs until it completes; a task without a handle.
    pub main: Option<Id>,
    /// What the loop's thread is doing.
    pub activity: Activity,
    /// The loop sleeps, and nobody has woken it yet.
    pub asleep: bool,
    /// The loop is to return after its current iteration.
    pub stopping: bool,
    /// Nothing is accepted any more.
    pub closed: bool,
    /// The hazard is refused on foreign threads.
    pub debug: bool,
    /// The choices.
    pub rules: PhantomData<R>,
}

/// What the queue holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Entry {
    /// A callback; with a deadline, on the way to its place among the timers.
    Call(Id),
    /// A task that is to be polled.
    Task(Id),
    /// A timer of a task that sleeps, or waits for a limited time, by its number among that task's.
    Alarm(Id, usize),
    /// A panic of a task that nobody but the exception handler will hear of.
    Report(Id),
}

/// What became of a callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fate {
    /// It waits for its turn.
    Scheduled,
    /// It will never run.
    Cancelled,
    /// It is the one that runs.
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
    /// It is about to stop, or to look for work.
    Between,
    /// It looks for work: an iteration begins when there is some.
    Looking,
    /// A deadline has ended its sleep: an iteration begins, whatever is queued by then.
    Waking,
    /// It is between two callbacks of an iteration, which may be timers.
    Iterating,
    /// It is in a callback, or in the poll of a task.
    Calling(Id),
    /// It is in `close`.
    Closing,
}

/// What the loop's thread does by itself, when nobody calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advance {
    /// An iteration begins: it has taken the whole queue.
    Took,
    /// An iteration has ended, and it is clear until when the loop may sleep.
    Ended,
    /// There is nothing to do, and nothing happens until something is submitted or stops the loop,
    /// or a [deadline passes](Reference::pass_deadline).
    Slept,
    /// This callback begins to run.
    Started(Id),
    /// This task is polled, or dropped if it is to be cancelled.
    Polled(Id),
    /// The exception handler is told of this task's panic.
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
    /// The submissions. A timer is one with a deadline.
    pub fn submit(
        &mut self,
        id: Id,
        through: Through,
        deadline: Option<Duration>,
    ) -> Result<(), Refusal> {
        if self.debug && through == Through::Hazard(Caller::Foreign) {
            return Err(Refusal::WrongThread);
        }
        if self.closed {
            return Err(Refusal::Closed);
        }
        self.queue.push_back(Entry::Call(id));
        self.fates.insert(id, Fate::Scheduled);
        self.deadlines
            .extend(deadline.map(|deadline| (Entry::Call(id), deadline)));
        if let Through::Threadsafe(_) | Through::TimerThreadsafe(..) = through {
            self.asleep = false; // <- the one line that the others do not have
        }
        Ok(())
    }

    /// Cancels a callback that was accepted, and says whether that was in time.
    pub fn cancel(&mut self, id: Id) -> bool {
        self.change(id, Fate::Scheduled, Fate::Cancelled)
    }

    /// Asks the loop to return.
    pub fn stop(&mut self) {
        self.stopping = true;
        self.asleep = false;
    }

    /// Begins to run; [`advance`](Self::advance) then goes on until [`Advance::Returned`].
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

    /// Begins to run until a future has completed.
    pub fn run_until_complete(&mut self, id: Id) -> Result<(), RunError> {
        self.run()?;
        self.main = Some(id);
        let _ = self.spawn(id, false); // the loop is open
        Ok(())
    }

    /// A run has returned. How its future has ended, if it had one, and that has.
    pub fn end_run(&mut self) -> Option<End> {
        let id = self.main.take()?;
        let main = self.task(id);
        main.over = true;
        main.end
    }

    /// Begins to close; [`advance`](Self::advance) then goes on until [`Advance::Closed`].
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

    /// The callback that runs has returned or panicked, which is the same.
    pub fn finish(&mut self, id: Id) {
        self.change(id, Fate::Started, Fate::Done);
        self.activity = Activity::Iterating;
    }

    /// The next step of the loop's thread, if there is one that it can take by itself.
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

    /// Takes the whole queue, or sleeps if it is empty; but never when the loop is to stop.
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

    /// The first deadline of the timers that are to run, if it ever comes.
    fn first_deadline(&mut self) -> Option<Duration> {
        let mut timers = std::mem::take(&mut self.timers);
        timers.retain(|_, timer| self.is_to_run(timer));
        self.timers = timers;
        let first = self.timers.values().next();
        let deadline = first.map(|timer| self.deadlines[timer]);
        deadline.filter(|deadline| *deadline < Duration::MAX)
    }

    /// Lets time pass until the deadline that the loop sleeps for, which is about to wake it. False if
    /// it does not sleep, or there is no such deadline: then it sleeps on.
    pub fn pass_deadline(&mut self) -> bool {
        let sleeps = self.asleep && self.activity == Activity::Looking;
        let Some(deadline) = self.until.filter(|_| sleeps) else {
            return false;
        };
        self.now = self.now.max(deadline);
        self.activity = Activity::Waking;
        true
    }

    /// What the iteration runs next: its batch, and then the timers that were due when that had been
    /// run.
    fn next_to_run(&mut self) -> Option<Entry> {
        if let Some(entry) = self.next_of_batch() {
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
                _ if !self.is_to_run(&timer) => {}
                Entry::Alarm(task, number) => self.ring(task, number),
                timer => return Some(timer),
            }
        }
        self.due = None;
        None
    }

    /// What `close` drops next: the queue, the timers, and then the tasks. Those in the queue come
    /// with the others.
    fn next_to_drop(&mut self) -> Option<Entry> {
        while let Some(entry) = self.next_of_batch() {
            if !matches!(entry, Entry::Task(_)) {
                return Some(entry);
            }
        }
        while let Some((_, timer)) = self.timers.pop_first() {
            if self.is_to_run(&timer) && !matches!(timer, Entry::Alarm(..)) {
                return Some(timer);
            }
        }
        let mut left = self.tasks.iter().filter(|(_, task)| task.end.is_none());
        left.next().map(|(id, _)| Entry::Task(*id))
    }

    /// The first of the batch that is still to run. Timers that come before it get their places.
    fn next_of_batch(&mut self) -> Option<Entry> {
        while let Some(entry) = self.batch.pop_front() {
            if let Some(deadline) = self.deadlines.get(&entry) {
                let place = R::place(*deadline, self.timers_taken);
                self.timers.insert(place, entry);
                self.timers_taken += 1;
            } else if self.is_to_run(&entry) {
                return Some(entry);
            }
        }
        None
    }

    /// Whether it was neither run nor cancelled.
    fn is_to_run(&self, entry: &Entry) -> bool {
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

    /// Gives a callback another fate, if it had the expected one.
    fn change(&mut self, id: Id, from: Fate, to: Fate) -> bool {
        let expected = self.fates.get(&id) == Some(&from);
        if expected {
            self.fates.insert(id, to);
        }
        expected
    }

    /// Whether the loop runs.
    pub fn is_running(&self) -> bool {
        !matches!(self.activity, Activity::Idle | Activity::Closing)
    }
}
