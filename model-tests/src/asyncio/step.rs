//! The steps of asyncio's design, as a journal has them: as words, and read back from the words.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use wakeproof::platform::Platform;
use wakeproof_explore::journal::{QUEUE, action, is_told_in_full, note, value};

macro_rules! steps {
    ($($(#[doc = $doc:literal])+ $step:ident,)+) => {
        /// A step, with the name that its action has in `spec/AsyncioLoop.tla`, or in `SelfPipeLoop.tla`,
        /// which that extends.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Step {
            $($(#[doc = $doc])+ $step,)+
        }

        impl Step {
            const ALL: &[Step] = &[$(Step::$step),+];

            fn name(self) -> &'static str {
                match self {
                    $(Step::$step => stringify!($step),)+
                }
            }
        }
    };
}

steps! {
    /// A thread looks whether the loop is closed, and gives up if it is.
    Check,
    /// A callback is appended to what is ready. On the loop's own thread, `CallSoon`.
    Enqueue,
    /// A byte is written, unless the pipe is full.
    Write,
    /// The loop begins to run.
    Start,
    /// The loop looks whether it may wait: `AsyncioLook`.
    Look,
    /// The selector is about to wait. It is no action of the specification: there, the loop has not taken its
    /// next step yet.
    Wait,
    /// The selector returns: `AsyncioSelect`.
    Select,
    /// The pipe's reader is appended to what is ready.
    Report,
    /// The iteration's length is fixed.
    Take,
    /// The loop runs a callback: `AsyncioRun`.
    Run,
    /// The pipe is read.
    ReadFromSelf,
    /// The loop is asked to stop.
    Stop,
    /// The loop goes on to another iteration.
    Continue,
    /// The loop returns, because it was asked to stop.
    Return,
    /// The loop is closed.
    Close,
}

/// What the interpreter's lock guards, after a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Status {
    /// How many callbacks are ready. The pipe's reader is not counted: it goes when it is about to read, and
    /// has read only later.
    pub ready: usize,
    /// The loop was asked to stop.
    pub stopping: bool,
    /// The loop is closed.
    pub closed: bool,
}

/// A step, and what could be observed of what it has led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Observed {
    /// The step.
    pub step: Step,
    /// What the interpreter's lock guards, if the step held it.
    pub status: Option<Status>,
    /// How many bytes are in the pipe, if the step touched it.
    pub bytes: Option<usize>,
}

impl Step {
    /// What it does, for a drawing.
    fn in_words(self) -> &'static str {
        match self {
            Step::Check => "looks whether the loop is open",
            Step::Enqueue => "appends a callback",
            Step::Write => "writes a byte",
            Step::Start => "begins to run",
            Step::Look => "looks whether anything is ready",
            Step::Wait => "finds the pipe empty",
            Step::Select => "returns from the selector",
            Step::Report => "appends the pipe's reader",
            Step::Take => "begins an iteration",
            Step::Run => "runs a callback",
            Step::ReadFromSelf => "reads the pipe",
            Step::Stop => "sets stopping",
            Step::Continue => "has finished the iteration",
            Step::Return => "returns, as it was asked to",
            Step::Close => "closes the loop",
        }
    }
}

impl Observed {
    /// Writes it into the journal.
    #[track_caller]
    pub(super) fn tell<P: Platform>(self) {
        if !is_told_in_full() {
            return note::<P>(self);
        }
        if let Some(status) = self.status {
            value::<P>(QUEUE, status.ready);
            value::<P>("stopping", status.stopping);
            value::<P>("closed", status.closed);
        }
        if let Some(bytes) = self.bytes {
            value::<P>("pipe", bytes);
        }
        action::<P>(self.step.name(), self.step.in_words());
    }

    pub(super) fn of(step: Step) -> Self {
        Observed {
            step,
            status: None,
            bytes: None,
        }
    }

    pub(super) fn under_the_gil(step: Step, status: Status) -> Self {
        Observed {
            status: Some(status),
            ..Observed::of(step)
        }
    }

    pub(super) fn of_the_pipe(step: Step, bytes: usize) -> Self {
        Observed {
            bytes: Some(bytes),
            ..Observed::of(step)
        }
    }
}

/// Stands behind a wait, in the words by which a drawing knows that a thread sleeps.
const SLEEPS: &str = "is about to sleep";
const STOPPING: &str = ", stopping";
const CLOSED: &str = ", closed";

impl fmt::Display for Observed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.step)?;
        if self.step == Step::Wait {
            write!(f, ": {SLEEPS}")?;
        }
        if let Some(status) = self.status {
            let Status {
                ready,
                stopping,
                closed,
            } = status;
            let stopping = if stopping { STOPPING } else { "" };
            let closed = if closed { CLOSED } else { "" };
            write!(f, ": {ready} ready{stopping}{closed}")?;
        }
        match self.bytes {
            Some(bytes) => write!(f, ": {bytes} in the pipe"),
            None => Ok(()),
        }
    }
}

impl From<Observed> for Cow<'static, str> {
    fn from(observed: Observed) -> Self {
        observed.to_string().into()
    }
}

/// A note that is no step of this design.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoStep;

impl FromStr for Observed {
    type Err = NoStep;

    fn from_str(note: &str) -> Result<Self, NoStep> {
        let (name, rest) = note.split_once(": ").unwrap_or((note, ""));
        let known = Step::ALL.iter().find(|step| format!("{step:?}") == name);
        let observed = Observed::of(*known.ok_or(NoStep)?);
        if rest.is_empty() || rest == SLEEPS {
            return Ok(observed);
        }
        let (number, rest) = rest.split_once(' ').ok_or(NoStep)?;
        let number = number.parse().map_err(|_| NoStep)?;
        if rest == "in the pipe" {
            return Ok(Observed::of_the_pipe(observed.step, number));
        }
        let status = Status {
            ready: number,
            stopping: rest.contains(STOPPING),
            closed: rest.contains(CLOSED),
        };
        Ok(Observed::under_the_gil(observed.step, status))
    }
}
