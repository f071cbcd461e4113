//! Lines that make sense together: each end has its beginning, and each number is used once.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::BufRead;
use std::sync::Arc;

use anyhow::{Context, bail};

use super::lines::{Lines, harmless};
use super::numbers::Numbers;
use super::recording::{CLOSED, CallName, CallResult, Header, Line, Order};

/// A thread's name, made harmless.
pub(super) type Thread = Arc<str>;

/// A call, by the line in which it begins.
pub(super) type CallId = u64;

/// A callback, by the number that the recording gives it.
pub(super) type Callback = u64;

/// A call, as it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) thread: Thread,
    pub(super) what: What,
    /// What the recording calls it.
    pub(super) by: Option<Arc<str>>,
    /// It submits a callback that asks the loop to stop.
    pub(super) stops: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Submit { callback: Callback, wakes: bool },
    Cancel { callback: Callback },
    Stop { wakes: bool },
    Start,
    Close,
}

impl What {
    pub(super) fn name(self) -> CallName {
        match self {
            What::Submit { .. } => CallName::Submit,
            What::Cancel { .. } => CallName::Cancel,
            What::Stop { .. } => CallName::Stop,
            What::Start => CallName::Start,
            What::Close => CallName::Close,
        }
    }

    /// The callback that the call submits.
    pub(super) fn submits(self) -> Option<Callback> {
        match self {
            What::Submit { callback, .. } => Some(callback),
            _ => None,
        }
    }

    /// The callback that the call is about.
    pub(super) fn callback(self) -> Option<Callback> {
        match self {
            What::Submit { callback, .. } | What::Cancel { callback } => Some(callback),
            _ => None,
        }
    }
}

/// Between callbacks of the same kind, there is an order.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    All,
    Waking,
    Silent,
    Named(Arc<str>),
}

impl Call {
    /// Between which callbacks the loop promises an order.
    pub(super) fn kind(&self, order: Order) -> Kind {
        let wakes = matches!(self.what, What::Submit { wakes: true, .. });
        match (order, &self.by) {
            (Order::All, _) => Kind::All,
            (Order::Call, Some(by)) => Kind::Named(by.clone()),
            (Order::Call, None) if wakes => Kind::Waking,
            (Order::Call, None) => Kind::Silent,
        }
    }
}

/// How a call ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Accepted,
    /// By a closed loop.
    RefusedAsClosed,
    /// For a reason that the contract has no opinion about.
    Refused,
    Returned,
    Cancelled,
    TooLate,
}

/// What a line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Event {
    Begins(Call),
    Ends {
        id: CallId,
        call: Call,
        outcome: Outcome,
        why: Option<Arc<str>>,
    },
    Runs {
        thread: Thread,
        callback: Callback,
    },
    Iterates {
        thread: Thread,
    },
    /// A thread is about to take a step of a design.
    Enters {
        thread: Thread,
        step: Arc<str>,
    },
    /// It has.
    Leaves {
        thread: Thread,
        step: Arc<str>,
    },
    Asleep,
}

impl Event {
    /// Whose doing it is; nobody's when all are asleep.
    pub(super) fn thread(&self) -> Option<&Thread> {
        match self {
            Event::Begins(call) | Event::Ends { call, .. } => Some(&call.thread),
            Event::Runs { thread, .. }
            | Event::Iterates { thread }
            | Event::Enters { thread, .. }
            | Event::Leaves { thread, .. } => Some(thread),
            Event::Asleep => None,
        }
    }

    /// The callback that it is about.
    pub(super) fn callback(&self) -> Option<Callback> {
        match self {
            Event::Begins(call) | Event::Ends { call, .. } => call.what.callback(),
            Event::Runs { callback, .. } => Some(*callback),
            _ => None,
        }
    }

    /// Whether it is about the loop's runs.
    pub(super) fn is_of_the_loop(&self) -> bool {
        match self {
            Event::Begins(call) | Event::Ends { call, .. } => {
                matches!(call.what, What::Start | What::Close)
            }
            _ => false,
        }
    }
}

/// Makes events of lines, and refuses lines that no loop, however wrong, can have led to.
#[derive(Debug, Default)]
pub(super) struct Sense {
    /// The calls that each thread is in, the innermost last. Threads in no call are forgotten.
    calls: HashMap<Thread, Vec<(CallId, Call)>>,
    /// The callbacks that are being submitted.
    submitting: BTreeMap<Callback, CallId>,
    /// All callbacks that were ever submitted.
    used: Numbers,
    iterations: bool,
    /// Names that have been seen lately, so that each is in memory once.
    names: HashMap<String, Arc<str>>,
    /// The steps that the first line has.
    steps: BTreeSet<String>,
    /// The step that each thread is in.
    entered: HashMap<Thread, Arc<str>>,
}

/// How many names are kept.
const NAMES: usize = 4096;

impl Sense {
    pub(super) fn new(header: &Header) -> Self {
        Sense {
            iterations: header.iterations,
            steps: header
                .design
                .iter()
                .flat_map(|design| design.steps.keys().cloned())
                .collect(),
            ..Self::default()
        }
    }

    /// What line `number` says.
    pub(super) fn event(&mut self, number: u64, line: Line) -> anyhow::Result<Event> {
        match line {
            Line::Begins {
                thread,
                begins,
                callback,
                wakes,
                by,
                stops,
            } => {
                let (callback, wakes) = (callback.unwrap_or(0), wakes.unwrap_or(false));
                let what = match begins {
                    CallName::Submit => What::Submit { callback, wakes },
                    CallName::Cancel => What::Cancel { callback },
                    CallName::Stop => What::Stop { wakes },
                    CallName::Start => What::Start,
                    CallName::Close => What::Close,
                };
                let call = Call {
                    thread: self.name(thread),
                    what,
                    by: by.map(|by| self.name(by)),
                    stops,
                };
                self.begin(number, call)
            }
            Line::Ends {
                thread,
                ends,
                result,
                why,
            } => self.end(thread, ends, result, why),
            Line::Runs { thread, runs } => Ok(Event::Runs {
                thread: self.name(thread),
                callback: runs,
            }),
            Line::Iterates { thread, .. } => {
                if !self.iterations {
                    bail!("an iteration, and the first line does not say \"iterations\":true");
                }
                Ok(Event::Iterates {
                    thread: self.name(thread),
                })
            }
            Line::Enters { thread, enters } => {
                let (thread, step) = (self.name(thread), self.step(enters)?);
                if let Some(known) = self.entered.insert(thread.clone(), step.clone()) {
                    bail!("{thread} enters {step}, and it has not left {known}");
                }
                Ok(Event::Enters { thread, step })
            }
            Line::Leaves { thread, leaves } => {
                let (thread, step) = (self.name(thread), self.step(leaves)?);
                match self.entered.remove(&thread) {
                    Some(entered) if entered == step => Ok(Event::Leaves { thread, step }),
                    Some(entered) => bail!("{thread} leaves {step}, and it is in {entered}"),
                    None => bail!("{thread} leaves {step}, and it has not entered it"),
                }
            }
            Line::Asleep { .. } => Ok(Event::Asleep),
            Line::End { .. } => bail!("there is more behind the last line"),
        }
    }

    fn name(&mut self, name: String) -> Arc<str> {
        if let Some(known) = self.names.get(&name) {
            return known.clone();
        }
        if self.names.len() == NAMES {
            self.names.clear();
        }
        let shown: Arc<str> = harmless(&name).into();
        self.names.insert(name, shown.clone());
        shown
    }

    fn step(&mut self, step: String) -> anyhow::Result<Arc<str>> {
        if !self.steps.contains(&step) {
            bail!("step {step:?} is not in the first line's \"steps\"");
        }
        Ok(self.name(step))
    }

    fn begin(&mut self, number: u64, call: Call) -> anyhow::Result<Event> {
        match call.what {
            What::Submit { callback, .. } => {
                if !self.used.insert(callback) {
                    bail!("callback {callback} is submitted twice; each needs a number of its own");
                }
                self.submitting.insert(callback, number);
            }
            What::Cancel { callback } => {
                if !self.used.contains(callback) {
                    bail!("callback {callback} is cancelled before it is submitted");
                }
                if let Some(submit) = self.submitting.get(&callback) {
                    bail!(
                        "callback {callback} is cancelled before the call that submits it, line {submit}, has ended"
                    );
                }
            }
            _ => {}
        }
        let open = self.calls.entry(call.thread.clone()).or_default();
        open.push((number, call.clone()));
        Ok(Event::Begins(call))
    }

    fn end(
        &mut self,
        thread: String,
        ends: CallName,
        result: CallResult,
        why: Option<String>,
    ) -> anyhow::Result<Event> {
        let thread = self.name(thread);
        let open = self.calls.get_mut(&thread);
        let innermost = open.and_then(|open| open.pop());
        let (id, call) =
            innermost.with_context(|| format!("{ends} ends, and {thread} is in no call"))?;
        if call.what.name() != ends {
            let innermost = call.what.name();
            bail!("{ends} ends, and {thread} is in {innermost}, since line {id}");
        }
        if self.calls.get(&thread).is_some_and(Vec::is_empty) {
            self.calls.remove(&thread);
        }
        if let What::Submit { callback, .. } = call.what {
            self.submitting.remove(&callback);
        }
        let outcome = match result {
            CallResult::Accepted => Outcome::Accepted,
            CallResult::Refused if why.as_deref() == Some(CLOSED) => Outcome::RefusedAsClosed,
            CallResult::Refused => Outcome::Refused,
            CallResult::Returned => Outcome::Returned,
            CallResult::Cancelled => Outcome::Cancelled,
            CallResult::TooLate => Outcome::TooLate,
        };
        Ok(Event::Ends {
            id,
            call,
            outcome,
            why: why.map(|why| self.name(why)),
        })
    }
}

/// A recording, event by event.
#[derive(Debug)]
pub(super) struct Reader<R> {
    lines: Lines<R>,
    header: Header,
    order: Sense,
    events: u64,
    has_ended: bool,
}

impl<R: BufRead> Reader<R> {
    /// Reads the first line.
    pub(super) fn new(input: R) -> anyhow::Result<Self> {
        let mut lines = Lines::new(input);
        let header = lines
            .next()
            .and_then(|text| Header::parse(&text.context("the file is empty")?.text));
        let header = header.with_context(|| format!("line {}", lines.number().max(1)))?;
        Ok(Reader {
            lines,
            order: Sense::new(&header),
            header,
            events: 0,
            has_ended: false,
        })
    }

    pub(super) fn header(&self) -> &Header {
        &self.header
    }

    /// The next event, with its line; nothing at the end of a whole recording.
    pub(super) fn next(&mut self) -> anyhow::Result<Option<(u64, Event)>> {
        let result = self.next_event();
        result.with_context(|| format!("line {}", self.lines.number().max(1)))
    }

    fn next_event(&mut self) -> anyhow::Result<Option<(u64, Event)>> {
        let Some(text) = self.lines.next()? else {
            if self.has_ended {
                return Ok(None);
            }
            bail!("the file ends without its last line, {{\"end\": …}}; has it been cut off?");
        };
        let line = match Line::parse(&text.text) {
            Err(_) if !text.is_whole => {
                bail!("the file ends in the middle of a line; has it been cut off?")
            }
            line => line?,
        };
        if self.has_ended {
            bail!("there is more behind the last line");
        }
        if let Line::End { end } = line {
            let events = self.events;
            if end != events {
                bail!("the last line counts {end} lines, and there are {events}; is one missing?");
            }
            self.has_ended = true;
            return self.next_event();
        }
        self.events += 1;
        let number = self.lines.number();
        Ok(Some((number, self.order.event(number, line)?)))
    }
}
