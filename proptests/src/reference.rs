//! The reference: what a loop is, without threads, locks, condvars and closures.
//!
//! This page is the whole behaviour of the library. Everything here happens at once, one step after
//! the other; a callback is a number. Two tests lean on it:
//!
//! - the histories of one thread ([`history`](crate::history)), for which [`prediction`](crate::prediction)
//!   tells what the reference and the callbacks' scripts amount to;
//! - the histories of several threads, for which the steps are
//!   put into every order that explains what was seen.

use std::collections::{BTreeMap, VecDeque};

use wakeproof::{CloseError, RunError};

use crate::command::{Caller, Id, Through};
use crate::record::Refusal;

/// A loop.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Reference {
    /// Accepted, and not yet taken by an iteration.
    pub queue: VecDeque<Id>,
    /// What the iteration still has to run, or `close` to drop.
    pub batch: VecDeque<Id>,
    /// What became of each accepted callback.
    pub fates: BTreeMap<Id, Fate>,
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
    /// It looks for work: an iteration begins when there is some.
    Looking,
    /// It is between two callbacks of an iteration.
    Iterating,
    /// It is in a callback.
    Calling(Id),
    /// It is in `close`.
    Closing,
}

/// What the loop's thread does by itself, when nobody calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advance {
    /// An iteration begins: it has taken the whole queue.
    Took,
    /// There is nothing to do, and nothing happens until something is submitted or stops the loop.
    Slept,
    /// This callback begins to run.
    Started(Id),
    /// `run_forever` is about to return.
    Returned,
    /// `close` drops this callback.
    Abandoned(Id),
    /// `close` is about to return.
    Closed,
}

impl Reference {
    /// The three submissions.
    pub fn submit(&mut self, id: Id, through: Through) -> Result<(), Refusal> {
        if self.debug && through == Through::Hazard(Caller::Foreign) {
            return Err(Refusal::WrongThread);
        }
        if self.closed {
            return Err(Refusal::Closed);
        }
        self.queue.push_back(id);
        self.fates.insert(id, Fate::Scheduled);
        if let Through::Threadsafe(_) = through {
            self.asleep = false; // <- the one line that the two others do not have
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
        self.activity = Activity::Looking;
        Ok(())
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
            Activity::Looking => Some(self.look()),
            Activity::Iterating => Some(match self.next_scheduled() {
                Some(id) => {
                    self.change(id, Fate::Scheduled, Fate::Started);
                    self.activity = Activity::Calling(id);
                    Advance::Started(id)
                }
                None if std::mem::take(&mut self.stopping) => {
                    self.activity = Activity::Idle;
                    Advance::Returned
                }
                None => self.look(),
            }),
            Activity::Closing => Some(match self.next_scheduled() {
                Some(id) => {
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
        self.batch = std::mem::take(&mut self.queue);
        self.activity = Activity::Iterating;
        Advance::Took
    }

    /// The first of the batch that was not cancelled meanwhile.
    fn next_scheduled(&mut self) -> Option<Id> {
        while let Some(id) = self.batch.pop_front() {
            if self.fates[&id] == Fate::Scheduled {
                return Some(id);
            }
        }
        None
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
