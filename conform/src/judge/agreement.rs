//! On small recordings, the judge and the search that tries every order say the same.
//!
//! A recording is grown line by line: of all lines that could come next, one is chosen at random. If
//! both accept it, it stays; if both refuse it, it is left out again, and the recording goes on. So
//! most lines are compared at the end of a long recording that is in order so far.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::clause::Clause;
use super::contract::{Contract, TEXT, Windows};
use super::events::{Call, Callback, Event, Outcome, What};
use super::late::Late;
use super::plain::Plain;
use super::recording::{BLACK_BOX, Header, Order};

/// How many callbacks are submitted at most.
const CALLBACKS: Callback = 4;

/// What the judge says about a recording.
fn judge(windows: &mut Windows, header: &Header, events: &[(u64, Event)]) -> Result<(), Clause> {
    let mut late = Late::new(windows, header);
    events.iter().try_for_each(|(line, event)| {
        let survival = late.event(*line, event);
        survival.expect("it can be evaluated")
    })
}

/// What could come next.
#[derive(Default)]
struct Grower {
    /// Each thread's open calls.
    open: BTreeMap<&'static str, Vec<(u64, Call)>>,
    submitted: Vec<Callback>,
    /// Those whose submission has ended.
    ended: Vec<Callback>,
}

impl Grower {
    fn proposals(&self, iterations: bool) -> Vec<Event> {
        // Everybody is asleep at rare moments only, and much is to be said about them.
        let mut proposals = vec![Event::Asleep; 5];
        let next = self.submitted.len() as Callback + 1;
        for thread in ["main", "a", "b"] {
            let open = self.open.get(thread).map_or(&[][..], Vec::as_slice);
            // One that nobody submits is among them.
            for callback in self.submitted.iter().copied().chain([CALLBACKS + 1]) {
                let thread = thread.into();
                proposals.push(Event::Runs { thread, callback });
            }
            if iterations {
                let thread = thread.into();
                proposals.push(Event::Iterates { thread });
            }
            if let Some((id, call)) = open.last() {
                let outcomes: &[Outcome] = match call.what {
                    What::Submit { .. } => &[
                        Outcome::Accepted,
                        Outcome::RefusedAsClosed,
                        Outcome::Refused,
                    ],
                    What::Cancel { .. } => {
                        &[Outcome::Cancelled, Outcome::TooLate, Outcome::Returned]
                    }
                    _ => &[Outcome::Returned, Outcome::Refused],
                };
                for &outcome in outcomes {
                    proposals.push(Event::Ends {
                        id: *id,
                        call: call.clone(),
                        outcome,
                        why: None,
                    });
                }
            }
            let is_in_a_run_only = open.iter().all(|(_, call)| call.what == What::Start);
            if !is_in_a_run_only || open.len() > 1 {
                continue;
            }
            let mut calls = vec![What::Start, What::Close];
            for wakes in [true, false] {
                calls.push(What::Stop { wakes });
                if next <= CALLBACKS {
                    let callback = next;
                    calls.push(What::Submit { callback, wakes });
                }
            }
            let cancels = self.ended.iter();
            calls.extend(cancels.map(|&callback| What::Cancel { callback }));
            proposals.extend(calls.into_iter().map(|what| {
                Event::Begins(Call {
                    thread: thread.into(),
                    what,
                    by: None,
                    stops: false,
                })
            }));
        }
        proposals
    }

    fn grow(&mut self, line: u64, event: &Event) {
        let thread_of = |call: &Call| {
            let known = ["main", "a", "b"].into_iter();
            known
                .into_iter()
                .find(|name| *name == &*call.thread)
                .expect("one of three")
        };
        match event {
            Event::Begins(call) => {
                self.open
                    .entry(thread_of(call))
                    .or_default()
                    .push((line, call.clone()));
                if let What::Submit { callback, .. } = call.what {
                    self.submitted.push(callback);
                }
            }
            Event::Ends { call, .. } => {
                self.open.entry(thread_of(call)).or_default().pop();
                if let What::Submit { callback, .. } = call.what {
                    self.ended.push(callback);
                }
            }
            _ => {}
        }
    }
}

/// Grows a recording by these choices, and compares the verdicts about each line of it. Returns the lines
/// that were accepted, and why others were refused.
fn compare(header: &Header, choices: &[u16]) -> (Vec<(u64, Event)>, BTreeSet<Clause>) {
    let contract = Contract::new(TEXT, header.prompt_stop, 1..=CALLBACKS);
    let contract = contract.expect("the contract can be read");
    let mut windows = Windows::new(TEXT, header.prompt_stop).expect("the contract can be read");
    let mut plain = Plain::new(&contract, header);
    let mut grower = Grower::default();
    let mut events: Vec<(u64, Event)> = Vec::new();
    let mut refused = BTreeSet::new();
    for &choice in choices {
        let proposals = grower.proposals(header.iterations);
        let event = proposals[usize::from(choice) % proposals.len()].clone();
        let line = events.len() as u64 + 2;
        let mut grown = plain.clone();
        let plain_accepts = grown.event(line, &event).expect("few enough ways");
        events.push((line, event.clone()));
        let verdict = judge(&mut windows, header, &events);
        assert_eq!(
            plain_accepts,
            verdict.is_ok(),
            "accepted by the plain search: {plain_accepts}; the judge: {verdict:?}; {header}\n{events:#?}"
        );
        if plain_accepts {
            grower.grow(line, &event);
            plain = grown;
        } else {
            events.pop();
            refused.extend(verdict.err());
        }
    }
    (events, refused)
}

fn headers() -> impl Strategy<Value = Header> {
    any::<[bool; 3]>().prop_map(|[iterations, by_call, prompt_stop]| {
        let mut header = Header::new(BLACK_BOX);
        header.iterations = iterations;
        header.prompt_stop = prompt_stop;
        header.order = if by_call { Order::Call } else { Order::All };
        header
    })
}

proptest! {
    #[test]
    fn the_judge_and_the_plain_search_agree(
        header in headers(),
        choices in prop::collection::vec(any::<u16>(), 1..60),
    ) {
        compare(&header, &choices);
    }
}

/// The comparison would be worth little if nothing much happened in it.
#[test]
fn what_is_compared_breaks_every_clause_and_shows_every_event() {
    let mut runner = TestRunner::deterministic();
    let choices = prop::collection::vec(any::<u16>(), 60);
    let (mut shown, mut broken) = (BTreeSet::new(), BTreeSet::new());
    for _ in 0..400 {
        let header = headers().new_tree(&mut runner).unwrap().current();
        let choices = choices.new_tree(&mut runner).unwrap().current();
        let (events, refused) = compare(&header, &choices);
        broken.extend(refused);
        shown.extend(events.iter().map(|(_, event)| match event {
            Event::Begins(call) => format!("begins {}", call.what.name()),
            Event::Ends { call, outcome, .. } => format!("ends {}: {outcome:?}", call.what.name()),
            Event::Runs { .. } => "runs".to_owned(),
            Event::Iterates { .. } => "iterates".to_owned(),
            _ => "asleep".to_owned(),
        }));
    }
    // Five calls begin; they end in three, three, two, two and two ways.
    assert_eq!(shown.len(), 5 + 12 + 3, "{shown:?}");
    let missing = Clause::ALL.iter().filter(|clause| !broken.contains(clause));
    assert_eq!(missing.collect::<Vec<_>>(), Vec::<&Clause>::new());
}
