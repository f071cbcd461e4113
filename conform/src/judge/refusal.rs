//! Why a recording is refused, in words.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};

use serde::Serialize;
use wakeproof_explore::trace::{Told, Trace};

use super::History;
use super::clause::Clause;
use super::contract::Windows;
use super::events::{Call, CallId, Callback, Event, Outcome, What};
use super::late::{Fate, Late};
use super::recording::Header;

/// How many pending callbacks are told of at most.
const PENDING: usize = 64;

/// What a recording does that the contract does not allow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// The line.
    pub line: u64,
    /// What the loop did there.
    pub did: String,
    /// The clause of the contract that this breaks.
    pub clause: Clause,
    /// What the clause promises.
    pub promise: Cow<'static, str>,
    /// The callback that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callback: Option<u64>,
    /// What a design would have allowed; nothing, where the contract has been broken.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed: Vec<String>,
    /// What has led to it: as few lines as will do.
    pub history: Vec<Moment>,
    /// Whether the judge refuses these lines on their own, and no call or callback of them can be left
    /// out. Otherwise they are what is remembered: something else happened too long ago.
    pub is_complete: bool,
}

/// A line of a recording, in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Moment {
    /// The line.
    pub line: u64,
    /// Whose doing it is, unless it is about all threads.
    pub thread: Option<String>,
    /// What it says.
    pub what: String,
}

impl Refusal {
    /// The history as a drawing: a lane for each thread, time downwards.
    #[must_use]
    pub fn to_trace(&self) -> Trace {
        let mut threads: Vec<String> = Vec::new();
        let mut steps = Vec::new();
        for moment in &self.history {
            let thread = moment.thread.as_deref();
            let lane = match thread.and_then(|name| threads.iter().position(|lane| lane == name)) {
                Some(lane) => lane,
                None => {
                    if thread.is_some() || threads.is_empty() {
                        threads.push(thread.unwrap_or("all").to_owned());
                    }
                    if thread.is_some() {
                        threads.len() - 1
                    } else {
                        0
                    }
                }
            };
            let what = format!("line {}: {}", moment.line, moment.what);
            steps.push(Told::new(Some(lane), what));
        }
        let found = if self.is_complete {
            "the fewest lines that lead to it"
        } else {
            "the last lines that lead to it"
        };
        Trace {
            fault: self.clause.name(),
            wrong: self.promise.to_string(),
            found: found.into(),
            schedule: None,
            ends: threads.iter().map(|_| "…".into()).collect(),
            threads,
            // The line that is refused comes last.
            wrong_step: steps.len().checked_sub(1),
            steps,
            end: self.did.clone(),
        }
    }
}

/// Tells why a line is refused, and what has led to it.
pub(super) fn explain(
    late: Late<'_>,
    header: &Header,
    history: &History,
    line: u64,
    event: &Event,
    clause: Clause,
) -> anyhow::Result<Refusal> {
    let did = did(&late, event, clause);
    let mut events = remembered(&late, history, event);
    events.push((line, event.clone()));
    let windows = late.into_windows();
    let mut is_complete = false;
    // What is left out of the history must not change the verdict.
    if is_refused_at_the_end(windows, header, &events, clause)? {
        is_complete = true;
        events = shortest(windows, header, events, clause)?;
    } else {
        let about = event.callback();
        events.retain(|(of, event)| *of == line || (about.is_some() && event.callback() == about));
    }
    Ok(Refusal {
        line,
        did,
        clause,
        promise: clause.promise().into(),
        callback: event.callback(),
        allowed: Vec::new(),
        history: events.iter().map(moment).collect(),
        is_complete,
    })
}

/// A line, in words.
pub(super) fn moment((line, event): &(u64, Event)) -> Moment {
    Moment {
        line: *line,
        thread: event.thread().map(ToString::to_string),
        what: in_words(event),
    }
}

/// What is known of what has happened: the last lines, the calls that are open, the callbacks that are to
/// be run, and what is remembered of the callback that it is about.
fn remembered(late: &Late<'_>, history: &History, event: &Event) -> Vec<(u64, Event)> {
    let mut events: BTreeMap<u64, Event> = BTreeMap::new();
    let lists = [&history.recent, &history.of_the_loop];
    events.extend(lists.into_iter().flatten().cloned());
    events.extend(history.about_watched.iter().cloned());
    for (&id, call) in late.open() {
        events.insert(id, Event::Begins(call.clone()));
    }
    let mut pending = late.pending().oldest(PENDING);
    pending.extend(event.callback());
    for callback in pending {
        if let Some(submitted) = late.pending().get(callback) {
            let (id, call) = (submitted.begin, submitted.call.clone());
            events.insert(id, Event::Begins(call.clone()));
            if let Some(end) = submitted.end {
                let ends = Event::Ends {
                    id,
                    call,
                    outcome: Outcome::Accepted,
                    why: None,
                };
                events.insert(end, ends);
            }
        }
    }
    // Of what began too long ago, the rest says nothing.
    let begun: HashSet<CallId> = events
        .iter()
        .filter(|(_, event)| matches!(event, Event::Begins(_)))
        .map(|(&line, _)| line)
        .collect();
    let submitted: HashSet<Callback> = events
        .values()
        .filter_map(|event| match event {
            Event::Begins(call) => call.what.submits(),
            _ => None,
        })
        .collect();
    events.retain(|_, event| match event {
        Event::Ends { id, call, .. } => {
            let about = call.what.callback();
            begun.contains(id) && about.is_none_or(|callback| submitted.contains(&callback))
        }
        Event::Begins(Call {
            what: What::Cancel { callback },
            ..
        })
        | Event::Runs { callback, .. } => submitted.contains(callback),
        _ => true,
    });
    events.into_iter().collect()
}

/// Whether the last of these events is the first that is refused, for the same reason.
fn is_refused_at_the_end(
    windows: &mut Windows,
    header: &Header,
    events: &[(u64, Event)],
    clause: Clause,
) -> anyhow::Result<bool> {
    let mut late = Late::new(windows, header);
    for (place, (line, event)) in events.iter().enumerate() {
        if let Err(broken) = late.event(*line, event)? {
            return Ok(place + 1 == events.len() && broken == clause);
        }
    }
    Ok(false)
}

/// What is left out together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Group {
    Callback(Callback),
    Call(CallId),
    Line(u64),
}

/// All about a callback together, and both lines of a call.
fn coarse(line: u64, event: &Event) -> Group {
    match event.callback() {
        Some(callback) => Group::Callback(callback),
        None => fine(line, event),
    }
}

/// Both lines of a call together.
fn fine(line: u64, event: &Event) -> Group {
    match event {
        Event::Begins(_) => Group::Call(line),
        Event::Ends { id, .. } => Group::Call(*id),
        _ => Group::Line(line),
    }
}

/// Leaves out whatever does not change the verdict about the last event.
fn shortest(
    windows: &mut Windows,
    header: &Header,
    mut events: Vec<(u64, Event)>,
    clause: Clause,
) -> anyhow::Result<Vec<(u64, Event)>> {
    // Many at once as long as that works, then fewer, in the end one by one.
    let mut at_once = events.len().div_ceil(2);
    while at_once > 1 {
        events = shorter(windows, header, events, clause, coarse, at_once)?;
        at_once = at_once.div_ceil(2);
    }
    loop {
        let before = events.len();
        events = shorter(windows, header, events, clause, coarse, 1)?;
        events = shorter(windows, header, events, clause, fine, 1)?;
        if events.len() == before {
            return Ok(events);
        }
    }
}

/// Leaves out groups of events, this many at once, wherever that does not change the verdict.
fn shorter(
    windows: &mut Windows,
    header: &Header,
    mut events: Vec<(u64, Event)>,
    clause: Clause,
    group: fn(u64, &Event) -> Group,
    at_once: usize,
) -> anyhow::Result<Vec<(u64, Event)>> {
    let of = |(line, event): &(u64, Event)| group(*line, event);
    let mut groups: Vec<Group> = events.iter().map(of).collect();
    groups.sort_unstable();
    groups.dedup();
    for left_out in groups.chunks(at_once) {
        let last = events.len() - 1;
        let is_kept = |place: usize, event| place == last || !left_out.contains(&of(event));
        let shorter: Vec<(u64, Event)> = events
            .iter()
            .enumerate()
            .filter(|&(place, event)| is_kept(place, event))
            .map(|(_, event)| event.clone())
            .collect();
        if shorter.len() < events.len() && is_refused_at_the_end(windows, header, &shorter, clause)?
        {
            events = shorter;
        }
    }
    Ok(events)
}

/// What the loop did, in a sentence.
fn did(late: &Late<'_>, event: &Event, clause: Clause) -> String {
    match event {
        Event::Runs { thread, callback } => {
            let ran = format!("{thread} ran callback {callback}");
            match clause {
                Clause::Submit => format!("{ran}, which nobody has submitted"),
                Clause::NothingRunsTwice => format!("{ran} for the second time"),
                Clause::OneFateEach => match late.fate(*callback) {
                    Some(Fate::Refused) => format!("{ran}, which had been refused"),
                    Some(Fate::Cancelled) => format!("{ran}, which had been cancelled"),
                    Some(Fate::Dropped) => {
                        format!("{ran}, which had been dropped when the loop was closed")
                    }
                    _ if late.pending().get(*callback).is_some() => {
                        format!("{ran}, which had been cancelled or dropped")
                    }
                    _ => format!("{ran}, which had run, or had been refused, cancelled or dropped"),
                },
                Clause::FirstInFirstOut => match late.overtaken(*callback) {
                    Some(first) => {
                        format!("{ran} before callback {first}, which was submitted first")
                    }
                    None => format!("{ran} out of order"),
                },
                Clause::Iterate => format!("{ran} in the iteration in which it was submitted"),
                Clause::IterationIsOver | Clause::PromptStop => {
                    format!("{ran}, and {}", not_begun(late, clause))
                }
                _ => match late.runner() {
                    Some(runner) if runner == &**thread => {
                        format!("{ran} although its run was over")
                    }
                    Some(runner) => format!("{ran}, and the loop was in a run on {runner}"),
                    None => format!("{ran} outside a run"),
                },
            }
        }
        Event::Iterates { thread } => match clause {
            Clause::IterationIsOver | Clause::PromptStop => {
                format!(
                    "{thread} announced another, and {}",
                    not_begun(late, clause)
                )
            }
            _ => format!("{thread} announced an iteration outside its run"),
        },
        Event::Asleep => asleep(late, clause),
        Event::Enters { thread, step } => format!("{thread} entered {step}"),
        Event::Leaves { thread, step } => format!("{thread} left {step}"),
        Event::Begins(call) => format!("{} went on, and {}", call.thread, not_begun(late, clause)),
        Event::Ends {
            call, outcome, id, ..
        } => ended(late, call, *id, *outcome, clause),
    }
}

fn ended(late: &Late<'_>, call: &Call, id: CallId, outcome: Outcome, clause: Clause) -> String {
    let Call { thread, what, .. } = call;
    match (what, clause) {
        (_, Clause::IterationIsOver | Clause::PromptStop) => {
            format!("{thread} went on, and {}", not_begun(late, clause))
        }
        (What::Submit { callback, .. }, Clause::NothingAcceptedAfterClose) => format!(
            "callback {callback} of {thread} was accepted, and the loop had been closed before it was \
             submitted in line {id}"
        ),
        (What::Submit { callback, .. }, Clause::OneFateEach) => {
            format!("callback {callback} of {thread} was refused, and it has run")
        }
        (What::Submit { callback, .. }, _) => format!(
            "callback {callback} of {thread} was refused because the loop was closed, and it was not"
        ),
        (What::Cancel { callback }, _) => match outcome {
            Outcome::Cancelled => format!(
                "{thread} was told that its call cancelled callback {callback}, which was not to run \
                 any more"
            ),
            Outcome::TooLate => format!(
                "{thread} was told that it is too late to cancel callback {callback}, which was still \
                 to run"
            ),
            _ => format!("{thread} cancelled callback {callback}, which changed something else"),
        },
        (What::Stop { .. }, _) => {
            format!("{thread}'s request to stop was refused, and nothing else has stopped the run")
        }
        (What::Start, Clause::Start) => {
            format!(
                "{thread}'s run, begun in line {id}, ended, and it can never have begun properly"
            )
        }
        (What::Start, _) if late.is_unasked() => {
            format!("{thread}'s run returned, and nobody had asked it to stop")
        }
        (What::Start, _) => format!(
            "{thread}'s run returned in the middle of an iteration: {}",
            still_to_run(late)
        ),
        (What::Close, _) => match outcome {
            Outcome::Returned => {
                format!("{thread} closed the loop, which was in a run all the time since line {id}")
            }
            _ => format!(
                "{thread}'s call of close was refused, and the loop was closed all the same"
            ),
        },
    }
}

fn asleep(late: &Late<'_>, clause: Clause) -> String {
    match clause {
        Clause::EveryCallReturns => {
            let mut open = late.open().iter();
            let open = open.find(|(_, call)| call.what != What::Start);
            match open.or_else(|| late.open().iter().next()) {
                Some((line, call)) => format!(
                    "everybody was asleep, and {}'s call of {} in line {line} had not returned",
                    call.thread,
                    call.what.name()
                ),
                None => "everybody was asleep, and a call had not returned".to_owned(),
            }
        }
        Clause::StopIsHonoured => {
            "everybody was asleep, and the loop had been asked to stop".to_owned()
        }
        _ => format!("everybody was asleep, and {}", still_to_run(late)),
    }
}

/// Why the iteration that was announced cannot have begun before this line.
fn not_begun(late: &Late<'_>, clause: Clause) -> String {
    let why = match clause {
        Clause::PromptStop => "the loop had been asked to stop".to_owned(),
        _ => still_to_run(late),
    };
    format!("the iteration that it announced cannot have begun: {why}")
}

fn still_to_run(late: &Late<'_>) -> String {
    let all = late.pending().accepted();
    match *late.pending().oldest(3) {
        [] => "nothing was to run".to_owned(),
        [one] => format!("callback {one} was still to run"),
        [one, two] => format!("callbacks {one} and {two} were still to run"),
        [one, two, three, ..] if all == 3 => {
            format!("callbacks {one}, {two} and {three} were still to run")
        }
        [one, two, ..] => format!(
            "callbacks {one}, {two} and {} more were still to run",
            all - 2
        ),
    }
}

/// What a line says, in words.
fn in_words(event: &Event) -> String {
    match event {
        Event::Begins(call) => {
            let by = call.by.as_ref();
            let by = by.map_or_else(String::new, |by| format!(" by {by}"));
            let silently = |wakes: bool| if wakes { "" } else { ", without a wakeup" };
            match call.what {
                What::Submit { callback, wakes } => {
                    format!("submits callback {callback}{by}{}", silently(wakes))
                }
                What::Cancel { callback } => format!("cancels callback {callback}{by}"),
                What::Stop { wakes } => format!("asks the loop to stop{by}{}", silently(wakes)),
                What::Start => format!("runs the loop{by}"),
                What::Close => format!("closes the loop{by}"),
            }
        }
        Event::Ends {
            call, outcome, why, ..
        } => {
            let why = why.as_ref();
            let why = why.map_or_else(String::new, |why| format!(": {why}"));
            match (call.what, outcome) {
                (What::Submit { callback, .. }, Outcome::Accepted) => {
                    format!("callback {callback} is accepted")
                }
                (What::Submit { callback, .. }, _) => {
                    format!("callback {callback} is refused{why}")
                }
                (What::Cancel { callback }, Outcome::Cancelled) => {
                    format!("callback {callback} is cancelled")
                }
                (What::Cancel { callback }, Outcome::TooLate) => {
                    format!("it is too late to cancel callback {callback}")
                }
                (What::Start, Outcome::Returned) => "the run returns".to_owned(),
                (what, Outcome::Returned) => format!("{} returns", what.name()),
                (what, _) => format!("{} is refused{why}", what.name()),
            }
        }
        Event::Runs { callback, .. } => format!("runs callback {callback}"),
        Event::Iterates { .. } => "is about to begin an iteration".to_owned(),
        Event::Enters { step, .. } => format!("enters {step}"),
        Event::Leaves { step, .. } => format!("leaves {step}"),
        Event::Asleep => "everybody is asleep".to_owned(),
    }
}
