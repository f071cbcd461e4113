//! On small recordings, the follower and the search that tries everything say the same.
//!
//! A recording is grown line by line, as for the contract: of all lines that could come next, one is
//! chosen at random. If both accept it, it stays; if both refuse it, it is left out again.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::super::events::{Call, Event, Outcome, What};
use super::super::recording::{Constant, Design, Header};
use super::super::refusal::{Moment, moment};
use super::course::{Course, Search};
use super::{Follower, Line};
use crate::spec::default_directory;

/// How many callbacks are submitted at most.
const CALLBACKS: u64 = 4;

const SELECTOR: [(&str, &[&str]); 4] = [
    ("select", &["Select"]),
    ("read", &["Drain"]),
    ("write", &["Write", "OwnWrite"]),
    ("run", &["Run"]),
];

/// The designs, each with the steps that are shown.
fn design(choice: [bool; 4], kind: usize) -> (Header, Design) {
    let [coalesces, polls, own_writes, early] = choice;
    let flag = |name: &str, flag: bool| (name.to_owned(), Constant::Flag(flag));
    let mut constants = vec![flag("TimedWaits", early)];
    let (module, steps): (&str, &[(&str, &[&str])]) = match kind {
        0 => {
            constants.extend([
                flag("Coalesces", coalesces),
                flag("PollsOnStop", polls),
                flag("OwnWrites", own_writes),
            ]);
            ("SelfPipeLoop", &SELECTOR)
        }
        1 => (
            "AsyncioLoop",
            &[
                ("select", &["AsyncioSelect"]),
                ("read", &["ReadFromSelf"]),
                ("write", &["Write"]),
                ("run", &["AsyncioRun"]),
            ],
        ),
        2 => (
            "EdgeTriggeredLoop",
            &[
                ("select", &["EdgeSelect", "EdgeTimeout"]),
                ("write", &["EdgeWrite"]),
                ("run", &["Run"]),
            ],
        ),
        _ => {
            constants.push(flag("SpuriousWakeups", coalesces));
            (
                "CondvarLoop",
                &[
                    ("wait", &["Sleep"]),
                    ("notify", &["Notify"]),
                    ("run", &["Run"]),
                ],
            )
        }
    };
    let names = |names: &[&str]| names.iter().map(ToString::to_string).collect();
    let steps = steps
        .iter()
        .map(|(step, actions)| (step.to_string(), names(actions)));
    let design = Design {
        steps: steps.collect(),
        submitters: names(&["a", "b"]),
        stoppers: 1,
        constants: constants.into_iter().collect(),
    };
    (Header::new(module), design)
}

/// What could come next.
#[derive(Default)]
struct Grower {
    open: BTreeMap<&'static str, Vec<(u64, Call)>>,
    entered: BTreeMap<&'static str, String>,
    submitted: u64,
    stops: u64,
}

impl Grower {
    fn proposals(&self, design: &Design, module: &str) -> Vec<Event> {
        let mut proposals = vec![Event::Asleep; 3];
        for name in ["main", "a", "b"] {
            let thread: super::super::events::Thread = name.into();
            let open = self.open.get(name).map_or(&[][..], Vec::as_slice);
            let runs = open.iter().any(|(_, call)| call.what == What::Start);
            for callback in 1..=self.submitted {
                let again = if name == "main" { 4 } else { 1 };
                let thread = thread.clone();
                proposals.extend(vec![Event::Runs { thread, callback }; again]);
            }
            match self.entered.get(name) {
                Some(step) => {
                    let (thread, step) = (thread.clone(), step.as_str().into());
                    proposals.extend(vec![Event::Leaves { thread, step }; 6]);
                }
                None => proposals.extend(design.steps.keys().filter(|step| *step != "run").map(
                    |step| {
                        let (thread, step) = (thread.clone(), step.as_str().into());
                        Event::Enters { thread, step }
                    },
                )),
            }
            if let Some((id, call)) = open.last() {
                let outcomes: &[Outcome] = match call.what {
                    What::Submit { .. } => &[
                        Outcome::Accepted,
                        Outcome::Accepted,
                        Outcome::RefusedAsClosed,
                        Outcome::Refused,
                    ],
                    _ => &[Outcome::Returned, Outcome::Refused],
                };
                proposals.extend(outcomes.iter().map(|&outcome| Event::Ends {
                    id: *id,
                    call: call.clone(),
                    outcome,
                    why: None,
                }));
            }
            let mut calls = Vec::new();
            let is_main = name == "main";
            if is_main && open.is_empty() {
                calls.extend([(What::Start, false); 6]);
                calls.push((What::Close, false));
            }
            let is_free = if is_main {
                runs && open.len() == 1
            } else {
                open.is_empty()
            };
            if is_free {
                let callback = self.submitted + 1;
                let submit = What::Submit {
                    callback,
                    wakes: true,
                };
                let may_stop = self.stops == 0;
                if callback <= CALLBACKS {
                    calls.extend([(submit, false); 3]);
                    if may_stop && module != "CondvarLoop" && !is_main {
                        calls.extend([(submit, true); 3]);
                    }
                }
                if is_main || (may_stop && module == "CondvarLoop") {
                    calls.push((What::Stop { wakes: true }, false));
                }
            }
            proposals.extend(calls.into_iter().map(|(what, stops)| {
                Event::Begins(Call {
                    thread: thread.clone(),
                    what,
                    by: None,
                    stops,
                })
            }));
        }
        proposals
    }

    fn grow(&mut self, line: u64, event: &Event) {
        let Some(thread) = event.thread() else {
            return;
        };
        let mut names = ["main", "a", "b"].into_iter();
        let name = names.find(|name| **name == **thread).expect("one of three");
        match event {
            Event::Begins(call) => {
                self.open
                    .entry(name)
                    .or_default()
                    .push((line, call.clone()));
                self.submitted += u64::from(call.what.submits().is_some());
                let stops =
                    call.stops || (name != "main" && call.what == What::Stop { wakes: true });
                self.stops += u64::from(stops);
            }
            Event::Ends { .. } => {
                self.open.entry(name).or_default().pop();
            }
            Event::Enters { step, .. } => {
                self.entered.insert(name, step.to_string());
            }
            Event::Leaves { .. } => {
                self.entered.remove(name);
            }
            _ => {}
        }
    }
}

fn told(lines: &[Line]) -> String {
    let told = lines.iter().map(|line| {
        let Moment { line, thread, what } = moment(line);
        format!("{line} {}: {what}\n", thread.unwrap_or_default())
    });
    told.collect()
}

/// Grows a recording by these choices, and compares the verdicts about each line of it. Returns the lines
/// that were accepted, and how many were refused.
fn compare(header: &Header, design: &Design, choices: &[u16]) -> (Vec<Line>, usize) {
    let mut follower = Follower::new(&default_directory(), header, design).expect("a module");
    let mut plain = Course::new(&follower.steps, design, Search::Plain);
    let mut grower = Grower::default();
    let (mut lines, mut refused): (Vec<Line>, usize) = (Vec::new(), 0);
    for &choice in choices {
        let proposals = grower.proposals(design, &header.against);
        let event = proposals[usize::from(choice) % proposals.len()].clone();
        let line = lines.len() as u64 + 2;
        let mut grown = plain.clone();
        let plain_accepts = grown.event(&mut follower.steps, line, &event);
        let plain_accepts = plain_accepts.expect("few enough ways").is_ok();
        lines.push((line, event.clone()));
        let verdict = follower.first_refused(&lines, &mut |_| {});
        let verdict = verdict.expect("few enough ways");
        let expected = (!plain_accepts).then_some(lines.len() - 1);
        assert_eq!(
            verdict,
            expected,
            "accepted by the plain search: {plain_accepts}; {header} {design:?}\n{}",
            told(&lines)
        );
        if plain_accepts {
            grower.grow(line, &event);
            plain = grown;
        } else {
            lines.pop();
            refused += 1;
        }
    }
    (lines, refused)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn the_follower_and_the_plain_search_agree(
        options in any::<[bool; 4]>(),
        kind in 0..4usize,
        choices in prop::collection::vec(any::<u16>(), 1..120),
    ) {
        let (header, design) = design(options, kind);
        compare(&header, &design, &choices);
    }
}

/// The comparison would be worth little if nothing much happened in it.
#[test]
fn what_is_compared_shows_every_event_of_every_design() {
    let mut runner = TestRunner::deterministic();
    let strategy = (any::<[bool; 4]>(), prop::collection::vec(any::<u16>(), 150));
    let mut shown_by_any = BTreeSet::new();
    for kind in 0..4 {
        let (mut shown, mut refusals) = (BTreeSet::new(), 0);
        for _ in 0..16 {
            let (options, choices) = strategy.new_tree(&mut runner).unwrap().current();
            let (header, design) = design(options, kind);
            let (lines, refused) = compare(&header, &design, &choices);
            refusals += refused;
            shown.extend(lines.iter().map(|(_, event)| match event {
                Event::Begins(call) => format!("begins {}", call.what.name()),
                Event::Ends { call, outcome, .. } => {
                    format!("ends {}: {outcome:?}", call.what.name())
                }
                Event::Leaves { step, .. } => format!("leaves {step}"),
                Event::Runs { .. } => "runs".to_owned(),
                Event::Asleep => "asleep".to_owned(),
                _ => "enters".to_owned(),
            }));
        }
        assert!(refusals > 300, "{refusals}");
        for wanted in [
            "asleep",
            "begins close",
            "begins start",
            "begins stop",
            "begins submit",
            "ends close: Returned",
            "ends submit: Accepted",
            "ends submit: Refused",
            "runs",
        ] {
            assert!(shown.contains(wanted), "{kind}: no {wanted}: {shown:?}");
        }
        shown_by_any.extend(shown.iter().cloned());
        let steps = design([false; 4], kind).1.steps;
        for step in steps.keys().filter(|step| *step != "run") {
            assert!(
                shown.contains(&format!("leaves {step}")),
                "{kind}: {step}: {shown:?}"
            );
        }
    }
    // These need a few lines that fit.
    for wanted in [
        "ends start: Returned",
        "ends stop: Returned",
        "ends submit: RefusedAsClosed",
    ] {
        assert!(shown_by_any.contains(wanted), "no {wanted}");
    }
}
