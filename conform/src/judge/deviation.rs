//! Why a design refuses a recording, in words.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use super::clause::Clause;
use super::design::{Allowed, Follower, LOOP, Line};
use super::events::{CallId, Event, Outcome, Thread, What};
use super::refusal::{Refusal, moment};

/// Longer histories are not made shorter, and only their last lines are told.
const LINES: usize = 2_000;
/// How many lines of them.
const TOLD: usize = 12;

/// How many moments at which everybody was asleep are tried as a beginning.
const MOMENTS: usize = 8;

/// How often lines are left out on trial.
const TRIALS: usize = 3_000;

/// Tells why the last of these lines is refused, and what has led to it.
pub(super) fn explain(follower: &mut Follower<'_>, lines: Vec<Line>) -> anyhow::Result<Refusal> {
    let Some((line, event)) = lines.last().cloned() else {
        anyhow::bail!("no line is refused");
    };
    let thread = event.thread().cloned();
    let is_the_loops = thread
        .as_ref()
        .is_some_and(|thread| runs_the_loop(&lines, thread));
    let concerns = |allowed: &Allowed| match &thread {
        None => true,
        Some(_) if is_the_loops => *allowed.mover == *LOOP,
        Some(thread) => *allowed.mover == **thread || allowed.mover.starts_with("stopper"),
    };
    let reason = |follower: &mut Follower<'_>, lines: &[Line]| {
        let mut allowed = follower.allowed(lines)?;
        allowed.retain(concerns);
        anyhow::Ok(allowed)
    };
    let (lines, is_complete, allowed) = if lines.len() <= LINES {
        let why = reason(follower, &lines)?;
        // Without what is left out, the same line is refused, and no other step is allowed in its place.
        // Lines that make no sense without those that are left out are no shorter history.
        let mut is_refused = |lines: &[Line]| {
            if !follower.refuses_the_last(lines).unwrap_or(false) {
                return false;
            }
            let allowed = reason(follower, lines).unwrap_or_default();
            allowed.is_empty() == why.is_empty() && allowed.iter().all(|step| why.contains(step))
        };
        let lines = recent(lines, &mut is_refused);
        let lines = shortest(lines, &mut is_refused);
        let why = reason(follower, &lines)?;
        (lines, true, why)
    } else {
        let allowed = reason(follower, &lines)?;
        let last = lines.len() - TOLD;
        (lines[last..].to_vec(), false, allowed)
    };
    let allowed = allowed.iter().map(|allowed| in_words(follower, allowed));
    Ok(Refusal {
        line,
        did: did(&event),
        clause: Clause::Design,
        promise: Cow::Owned(promise(follower, &event)),
        callback: event.callback(),
        allowed: allowed.collect(),
        history: lines.iter().map(moment).collect(),
        is_complete,
    })
}

/// A step that is allowed, with what the module says about it.
fn in_words(follower: &Follower<'_>, allowed: &Allowed) -> String {
    let Allowed {
        mover,
        action,
        runs,
    } = allowed;
    let who = if **mover == *LOOP { "loop" } else { mover };
    let callback = runs.map_or_else(String::new, |callback| format!(", of callback {callback}"));
    let about = about(follower, action);
    let about = about.map_or_else(String::new, |about| format!(": {about}"));
    format!("{who}: {action}{callback}{about}")
}

/// What the module says about an action, without its subject, in one sentence.
fn about(follower: &Follower<'_>, action: &str) -> Option<String> {
    let said = follower.sentence(action)?;
    let said = said.split_once(": ").map_or(said, |(_, said)| said);
    let first = said.split_once(". ").map_or(said, |(first, _)| first);
    Some(first.trim_end_matches('.').to_owned())
}

fn did(event: &Event) -> String {
    match event {
        Event::Enters { thread, step } => format!("{thread} was about to take the step {step}"),
        Event::Leaves { thread, step } => format!("{thread} took the step {step}"),
        Event::Runs { thread, callback } => format!("{thread} ran callback {callback}"),
        Event::Ends { call, outcome, .. } => {
            let thread = &call.thread;
            match (call.what, outcome) {
                (What::Submit { callback, .. }, Outcome::Accepted) => {
                    format!("the call in which {thread} submitted callback {callback} ended")
                }
                (What::Submit { callback, .. }, _) => {
                    format!("callback {callback} of {thread} was refused")
                }
                (What::Start, _) => format!("{thread}'s run returned"),
                (what, _) => format!("{thread}'s call of {} ended", what.name()),
            }
        }
        Event::Asleep => "everybody was asleep".to_owned(),
        Event::Begins(call) => format!("{} called {}", call.thread, call.what.name()),
        Event::Iterates { thread } => format!("{thread} was about to begin an iteration"),
    }
}

/// What the design says about such a line.
fn promise(follower: &Follower<'_>, event: &Event) -> String {
    let module = follower.module();
    let step_is = |step: &str| {
        let actions = follower.actions(step).iter().map(|action| {
            let about = about(follower, action);
            about.map_or_else(|| action.clone(), |about| format!("{action} ({about})"))
        });
        let actions: Vec<String> = actions.collect();
        format!("{step} is {} in {module}", actions.join(" or "))
    };
    match event {
        Event::Enters { step, .. } | Event::Leaves { step, .. } => {
            format!("{}, which is not possible there", step_is(step))
        }
        Event::Runs { callback, .. } => format!(
            "{}, which is not possible there with callback {callback}",
            step_is("run")
        ),
        Event::Ends { call, outcome, .. } => match (call.what, outcome) {
            (What::Submit { .. }, Outcome::RefusedAsClosed) => {
                format!("in {module}, only a closed loop gives a callback back")
            }
            _ => format!(
                "in {module}, a call ends when its thread has taken all the steps that belong to it"
            ),
        },
        Event::Asleep => {
            format!("in {module}, nobody sleeps for good who has a step left to take")
        }
        Event::Begins(_) | Event::Iterates { .. } => Clause::Design.promise().to_owned(),
    }
}

/// Whether a thread runs the loop somewhere in these lines.
fn runs_the_loop(lines: &[Line], thread: &Thread) -> bool {
    lines.iter().any(|(_, event)| {
        matches!(event, Event::Begins(call) if call.what == What::Start && call.thread == *thread)
    })
}

/// Leaves out all lines before a moment at which everybody was asleep, but for the calls that were open
/// then: the last such moment before which nothing is needed. Most often nothing is, and little is left.
fn recent(lines: Vec<Line>, is_refused: &mut dyn FnMut(&[Line]) -> bool) -> Vec<Line> {
    let is_asleep = |place: &usize| lines[*place].1 == Event::Asleep;
    let mut moments: Vec<usize> = (0..lines.len() - 1).filter(is_asleep).collect();
    moments.reverse();
    for moment in moments.into_iter().take(MOMENTS) {
        let (before, after) = lines.split_at(moment);
        let mut open: BTreeMap<CallId, &Event> = BTreeMap::new();
        for (line, event) in before {
            match event {
                Event::Begins(_) => {
                    open.insert(*line, event);
                }
                Event::Ends { id, .. } => {
                    open.remove(id);
                }
                _ => {}
            }
        }
        // Whoever was inside a step stays there.
        let mut entered: HashMap<&str, (u64, &Event)> = HashMap::new();
        for (line, event) in before {
            match event {
                Event::Enters { thread, .. } => {
                    entered.insert(thread, (*line, event));
                }
                Event::Leaves { thread, .. } => {
                    entered.remove(&**thread);
                }
                _ => {}
            }
        }
        let mut shorter: Vec<Line> = open
            .into_iter()
            .chain(entered.into_values())
            .map(|(line, event)| (line, event.clone()))
            .collect();
        shorter.sort_unstable_by_key(|(line, _)| *line);
        shorter.extend_from_slice(after);
        if is_refused(&shorter) {
            return shorter;
        }
    }
    lines
}

/// Leaves out lines as long as the last one is refused all the same.
///
/// What goes together goes at once: the two lines of a call or of a step, and all about a callback. Those
/// that lie beside each other are tried together, since a round of the loop is of no use without the call
/// that led to it.
fn shortest(mut lines: Vec<Line>, is_refused: &mut dyn FnMut(&[Line]) -> bool) -> Vec<Line> {
    let mut trials = 0;
    loop {
        let before = lines.len();
        for groups in [callbacks_and_calls, calls] {
            let mut at_once = groups(&lines).1.div_ceil(2);
            while at_once > 0 {
                let mut first = 0;
                while trials < TRIALS {
                    let (groups, number) = groups(&lines);
                    if first >= number {
                        break;
                    }
                    let last = lines.len() - 1;
                    let is_kept = |place: usize| {
                        place == last || !(first..first + at_once).contains(&groups[place])
                    };
                    let places = (0..lines.len()).filter(|&place| is_kept(place));
                    let shorter: Vec<Line> = places.map(|place| lines[place].clone()).collect();
                    trials += 1;
                    if shorter.len() < lines.len() && is_refused(&shorter) {
                        lines = shorter;
                    } else {
                        first += at_once.div_ceil(4);
                    }
                }
                // A round of the loop may be three or four groups.
                at_once = if at_once > 8 {
                    at_once / 2
                } else {
                    at_once - 1
                };
            }
        }
        if lines.len() == before {
            return lines;
        }
    }
}

/// Which group each line belongs to, and how many groups there are: all about a callback together.
fn callbacks_and_calls(lines: &[Line]) -> (Vec<usize>, usize) {
    groups(lines, true)
}

/// The same: the two lines of a call or of a step together.
fn calls(lines: &[Line]) -> (Vec<usize>, usize) {
    groups(lines, false)
}

#[derive(PartialEq, Eq, Hash)]
enum Group {
    Callback(u64),
    Call(CallId),
    Line(u64),
}

/// Groups are numbered in the order in which they begin.
fn groups(lines: &[Line], of_callbacks: bool) -> (Vec<usize>, usize) {
    let mut numbers: HashMap<Group, usize> = HashMap::new();
    let mut open: BTreeMap<&str, Vec<(CallId, Option<u64>)>> = BTreeMap::new();
    let mut entered: HashMap<&str, u64> = HashMap::new();
    let mut places = Vec::new();
    for (line, event) in lines {
        let group = match event {
            Event::Begins(call) => {
                let submits = call.what.submits();
                open.entry(&call.thread).or_default().push((*line, submits));
                Group::Call(*line)
            }
            Event::Ends { id, call, .. } => {
                open.entry(&call.thread).or_default().pop();
                Group::Call(*id)
            }
            Event::Enters { thread, .. } => {
                entered.insert(thread, *line);
                Group::Line(*line)
            }
            Event::Leaves { thread, .. } => Group::Line(entered.remove(&**thread).unwrap_or(*line)),
            _ => Group::Line(*line),
        };
        // What a thread does to submit a callback is about that callback.
        let inside = event
            .thread()
            .and_then(|thread| open.get(&**thread)?.last());
        let submits = match event {
            Event::Enters { .. } | Event::Leaves { .. } => inside.and_then(|(_, submits)| *submits),
            _ => None,
        };
        let callback = event.callback().or(submits).filter(|_| of_callbacks);
        let group = callback.map_or(group, Group::Callback);
        let next = numbers.len();
        places.push(*numbers.entry(group).or_insert(next));
    }
    (places, numbers.len())
}
