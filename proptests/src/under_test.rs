//! What a history needs of a loop, and what a loop claims about itself.
//!
//! [`history`](crate::history) makes loops with a [`Maker`] and executes commands on each, a
//! [`LoopUnderTest`]. What the maker does not [claim](Claims) is not tested: commands that the loop does
//! not know are not generated, situations for which it promises nothing are avoided, and what it does not
//! show is not compared.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use wakeproof::{CloseError, RunError};

use crate::command::{Callback, Caller, Command, Destructor, Due, SubmitCall};
use crate::record::{Event, Record, Refusal, ReturnValue};

/// A loop that a history is executed on.
pub trait LoopUnderTest {
    /// What prevents an answer and says nothing about the loop: its process has died, for example.
    type Trouble;

    /// Executes one command of the top level, and returns what happened. `expected` is what the reference
    /// predicts: who drives a loop from outside knows from it which numbers to pass on.
    ///
    /// # Errors
    ///
    /// If there is no answer.
    fn execute(
        &mut self,
        command: &Command,
        expected: &[Record],
    ) -> Result<Vec<Record>, Self::Trouble>;
}

/// Makes loops, one for each history.
pub trait Maker {
    /// The loops.
    type Loop: LoopUnderTest;

    /// What the loops claim. It is the same for all.
    fn claims(&self) -> &Claims;

    /// Makes a loop. `plan` is what the reference predicts for the whole history, so that a loop which
    /// must be told in advance can learn from it what each callback will do.
    ///
    /// # Errors
    ///
    /// If no loop can be made.
    fn make(&self, plan: &[Record]) -> Result<Self::Loop, Trouble<Self>>;
}

/// What prevents an answer of a maker's loops.
pub type Trouble<M> = <<M as Maker>::Loop as LoopUnderTest>::Trouble;

/// Something that a loop can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Capability {
    /// `call_soon`, on the loop's own thread.
    CallSoon,
    /// The call that other threads may use, too.
    Threadsafe,
    /// Calls of other threads, each over before the next command.
    OtherThreads,
    /// The unsafe calls, on purpose.
    Hazard,
    /// Timers. Without [`VirtualTime`](Self::VirtualTime) none is set.
    Timers,
    /// A clock that only sleeping moves, and no real time.
    VirtualTime,
    /// Cancelling callbacks.
    Cancel,
    /// Callbacks that call the loop.
    Scripts,
    /// Callbacks that fail.
    Panics,
    /// Closing the loop.
    Close,
    /// A debug mode that refuses calls from the wrong thread.
    DebugMode,
    /// Tasks, events, and runs until a future completes.
    Tasks,
    /// Programs whose threads call it at the same time.
    Programs,
}

/// Something that a loop can promise, and that other loops rightly do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// What a callback submits runs in a later iteration.
    IterationSnapshot,
    /// A stop ends the run after the current iteration; before a run, after its first.
    StopAfterIteration,
    /// Timers that are due run behind the callbacks of the same iteration.
    TimersBehindCallbacks,
    /// Callbacks run in the order of their submission, whichever call submitted them.
    OneOrder,
    /// Callbacks run in the order of their submission, whichever thread submitted them.
    OrderAcrossThreads,
    /// Timers with equal deadlines run in the order in which they were set.
    EqualDeadlinesInOrder,
}

/// Something that can be seen of a loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sight {
    /// The answers to its queries.
    Queries,
    /// When a callback ends, and when what it owns is dropped.
    Destructors,
    /// What its clock says.
    Times,
    /// Whether a cancellation was in time.
    CancelResults,
    /// The calls of its exception handler and of its slow-callback handler.
    Reports,
    /// Why a call was refused.
    Reasons,
}

/// What a loop claims about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// What it can do.
    pub can: BTreeSet<Capability>,
    /// What it promises.
    pub promises: BTreeSet<Rule>,
    /// What can be seen of it.
    pub shows: BTreeSet<Sight>,
}

impl Capability {
    /// All of them.
    pub const ALL: [Capability; 13] = [
        Capability::CallSoon,
        Capability::Threadsafe,
        Capability::OtherThreads,
        Capability::Hazard,
        Capability::Timers,
        Capability::VirtualTime,
        Capability::Cancel,
        Capability::Scripts,
        Capability::Panics,
        Capability::Close,
        Capability::DebugMode,
        Capability::Tasks,
        Capability::Programs,
    ];
}

impl Rule {
    /// All of them.
    pub const ALL: [Rule; 6] = [
        Rule::IterationSnapshot,
        Rule::StopAfterIteration,
        Rule::TimersBehindCallbacks,
        Rule::OneOrder,
        Rule::OrderAcrossThreads,
        Rule::EqualDeadlinesInOrder,
    ];

    /// Its name on a command line and in an adapter's first line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Rule::IterationSnapshot => "iteration-snapshot",
            Rule::StopAfterIteration => "stop-after-iteration",
            Rule::TimersBehindCallbacks => "timers-behind-callbacks",
            Rule::OneOrder => "one-order",
            Rule::OrderAcrossThreads => "order-across-threads",
            Rule::EqualDeadlinesInOrder => "equal-deadlines-in-order",
        }
    }
}

impl Sight {
    /// All of them.
    pub const ALL: [Sight; 6] = [
        Sight::Queries,
        Sight::Destructors,
        Sight::Times,
        Sight::CancelResults,
        Sight::Reports,
        Sight::Reasons,
    ];
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Capability::CallSoon => "call_soon",
            Capability::Threadsafe => "call_soon_threadsafe",
            Capability::OtherThreads => "calls of other threads between commands",
            Capability::Hazard => "the unsafe calls of other threads",
            Capability::Timers => "timers",
            Capability::VirtualTime => "virtual time",
            Capability::Cancel => "cancelling",
            Capability::Scripts => "callbacks that call the loop",
            Capability::Panics => "callbacks that fail",
            Capability::Close => "close",
            Capability::DebugMode => "debug mode",
            Capability::Tasks => "tasks",
            Capability::Programs => "programs of several threads",
        })
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Sight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Sight::Queries => "its queries",
            Sight::Destructors => "when callbacks end and are dropped",
            Sight::Times => "what its clock says",
            Sight::CancelResults => "whether a cancellation was in time",
            Sight::Reports => "the calls of its handlers",
            Sight::Reasons => "why a call is refused",
        })
    }
}

impl Claims {
    /// Everything, as our own loop claims it.
    #[must_use]
    pub fn all() -> Self {
        Claims {
            can: Capability::ALL.into(),
            promises: Rule::ALL.into(),
            shows: Sight::ALL.into(),
        }
    }

    /// What is not tested because the loop does not claim it.
    #[must_use]
    pub fn untested(&self) -> Vec<String> {
        let mut untested = Vec::new();
        for can in Capability::ALL {
            if !self.can.contains(&can) {
                untested.push(can.to_string());
            }
        }
        for rule in Rule::ALL {
            if !self.promises.contains(&rule) {
                untested.push(rule.to_string());
            }
        }
        for sight in Sight::ALL {
            if !self.shows.contains(&sight) {
                untested.push(sight.to_string());
            }
        }
        untested
    }

    /// Whether histories of one thread say anything about the loop: without a snapshot, and without a
    /// stop that has its moment, there is no telling how far a run gets.
    #[must_use]
    pub fn has_histories(&self) -> bool {
        let needed = [Rule::IterationSnapshot, Rule::StopAfterIteration];
        let submits =
            self.can.contains(&Capability::CallSoon) || self.can.contains(&Capability::Threadsafe);
        submits && needed.iter().all(|rule| self.promises.contains(rule))
    }

    /// Whether the sequential reference says anything about the loop's programs of several threads: it has
    /// one queue for all.
    #[must_use]
    pub fn has_reference_for_programs(&self) -> bool {
        self.has_histories() && self.promises.contains(&Rule::OrderAcrossThreads)
    }

    /// Whether its timers can be tested.
    #[must_use]
    pub fn has_timers(&self) -> bool {
        let can = [Capability::Timers, Capability::VirtualTime];
        let promised = self.promises.contains(&Rule::TimersBehindCallbacks);
        promised && can.iter().all(|can| self.can.contains(can))
    }

    /// How callbacks without a deadline are submitted: if there is no one order, in one way only.
    #[must_use]
    pub fn ways(&self) -> Vec<SubmitCall> {
        let mut ways = Vec::new();
        if self.can.contains(&Capability::Threadsafe) {
            ways.push(SubmitCall::Threadsafe(Caller::Owner));
        }
        let has_order = self.promises.contains(&Rule::OneOrder);
        if self.can.contains(&Capability::CallSoon) && (has_order || ways.is_empty()) {
            ways.push(SubmitCall::CallSoon);
        }
        ways
    }

    /// Whether the loop claims to know a command, and all in it.
    #[must_use]
    pub fn allow(&self, command: &Command) -> bool {
        if *self == Claims::all() {
            return true;
        }
        match command {
            Command::Submit(through, callback) => {
                let knows = match through {
                    SubmitCall::Timer(Due::Later(_)) => self.has_timers(),
                    through => self.ways().contains(through),
                };
                knows && self.allow_callback(callback)
            }
            Command::Cancel(_, Caller::Owner) => self.can.contains(&Capability::Cancel),
            Command::Close => self.can.contains(&Capability::Close),
            Command::Run | Command::Stop(_) => true,
            _ => false,
        }
    }

    fn allow_callback(&self, callback: &Callback) -> bool {
        let may_fail = !callback.panics || self.can.contains(&Capability::Panics);
        let is_quiet = callback.destructor == Destructor::Quiet;
        let may_call = callback.script.is_empty() || self.can.contains(&Capability::Scripts);
        let mut script = callback.script.iter();
        may_fail && is_quiet && may_call && script.all(|command| self.allow(command))
    }

    /// These records, as far as they can be seen of the loop.
    #[must_use]
    pub fn visible(&self, records: &[Record]) -> Vec<Record> {
        let seen = records.iter().filter_map(|Record { thread, event }| {
            Some(Record {
                thread: *thread,
                event: self.seen(event)?,
            })
        });
        seen.collect()
    }

    fn seen(&self, event: &Event) -> Option<Event> {
        let shows = |sight| self.shows.contains(&sight);
        Some(match event {
            Event::Dropped(_) | Event::Ended(_) if !shows(Sight::Destructors) => return None,
            Event::Reported(..) | Event::Slow(..) if !shows(Sight::Reports) => return None,
            Event::Slept(_) if !shows(Sight::Times) => return None,
            Event::Began(id, _) if !shows(Sight::Times) => Event::Began(*id, Duration::ZERO),
            Event::Polled(id, _) if !shows(Sight::Times) => Event::Polled(*id, Duration::ZERO),
            Event::Return(returned) => Event::Return(self.seen_return(returned)),
            other => other.clone(),
        })
    }

    fn seen_return(&self, returned: &ReturnValue) -> ReturnValue {
        let shows = |sight| self.shows.contains(&sight);
        match returned {
            ReturnValue::Submitted(Ok(_)) if !shows(Sight::Times) => {
                ReturnValue::Submitted(Ok(None))
            }
            ReturnValue::Cancelled(_) | ReturnValue::CancelPanicked
                if !shows(Sight::CancelResults) =>
            {
                ReturnValue::Nothing
            }
            ReturnValue::Submitted(Err(_)) if !shows(Sight::Reasons) => {
                ReturnValue::Submitted(Err(Refusal::Closed))
            }
            ReturnValue::Ran(Err(_)) if !shows(Sight::Reasons) => {
                ReturnValue::Ran(Err(RunError::Closed))
            }
            ReturnValue::Closed(Err(_)) if !shows(Sight::Reasons) => {
                ReturnValue::Closed(Err(CloseError::Running))
            }
            other => other.clone(),
        }
    }
}
