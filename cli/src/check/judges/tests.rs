//! The two judges agree about our own loop, about the same loop with a fault, and about recordings that
//! somebody has changed.

use wakeproof_conform::judge::recording::{CallName, Line};
use wakeproof_faults::{FaultChoice, InboxFault};
use wakeproof_proptests::concurrent::claimed;
use wakeproof_proptests::under_test::{Claims, Rule};

use super::{Finding, judge};
use crate::check::programs::{Ours, Player};

/// Plays random programs on our loop. Returns what happened in those that ended.
fn played(fault: Option<InboxFault>, count: usize, seed: u64) -> Vec<Vec<Line>> {
    let mut ours = Ours {
        seed,
        fault: FaultChoice::from(fault),
    };
    claimed::random(&Claims::all(), true, seed)
        .take(count)
        // With a fault, some sleep for ever.
        .filter_map(|program| match ours.play(&program) {
            Ok(recording) => Some(recording.lines),
            Err(error) => {
                assert!(fault.is_some(), "{error}");
                None
            }
        })
        .collect()
}

#[track_caller]
fn finding(lines: &[Line]) -> Finding {
    let findings = judge(lines, &Claims::all(), true).expect("a recording");
    let finding = findings.finding();
    let shown: Vec<String> = lines.iter().map(ToString::to_string).collect();
    let agree = finding != Finding::Disagreement;
    assert!(agree, "{findings:#?}\n{}", shown.join("\n"));
    finding
}

#[test]
fn both_accept_what_our_loop_does() {
    for lines in played(None, 300, 1) {
        assert_eq!(finding(&lines), Finding::Held);
    }
}

/// Without a promise of an order across threads.
fn unordered() -> Claims {
    let mut claims = Claims::all();
    claims.promises.remove(&Rule::OrderAcrossThreads);
    claims
}

#[test]
fn without_an_order_across_threads_less_is_refused() {
    let (mut held, mut refuted) = (0, 0);
    let ours = played(None, 200, 3);
    for lines in ours
        .into_iter()
        .chain(played(Some(InboxFault::LastInFirstOut), 200, 3))
    {
        let all = judge(&lines, &Claims::all(), true).expect("a recording");
        let each = judge(&lines, &unordered(), true).expect("a recording");
        assert!(each.reference.is_none());
        if all.contract.is_none() {
            held += 1;
            assert!(each.contract.is_none(), "{each:#?}");
        }
        refuted += usize::from(each.contract.is_some());
    }
    assert!(held >= 200 && refuted > 0, "{held} held, {refuted} refuted");
}

#[test]
fn what_a_faulty_loop_does_is_refused() {
    for (fault, expected) in [
        (InboxFault::LastInFirstOut, Finding::Refuted),
        // How soon a stop takes effect, the contract leaves open.
        (InboxFault::StopsWhenEmpty, Finding::LeftOpen),
    ] {
        let recordings = played(Some(fault), 200, 1);
        let found = recordings.iter().filter(|lines| finding(lines) == expected);
        assert!(found.count() > 0, "{}", fault.name());
    }
}

/// A recording with one change: a callback's run is missing, is there twice, or has changed places; a stop
/// is missing; or everybody sleeps.
fn changed(lines: &[Line], random: &mut impl FnMut(usize) -> usize) -> Option<Vec<Line>> {
    let mut lines = lines.to_vec();
    let places = |wanted: fn(&Line) -> bool| {
        let found = lines.iter().enumerate().filter(|(_, line)| wanted(line));
        found.map(|(place, _)| place).collect::<Vec<_>>()
    };
    let runs = places(|line| matches!(line, Line::Runs { .. }));
    match random(5) {
        0 => {
            let place = *runs.get(random(runs.len().max(1)))?;
            lines.remove(place);
        }
        1 => {
            let place = *runs.get(random(runs.len().max(1)))?;
            let twice = lines[place].clone();
            lines.insert(place + 1, twice);
        }
        2 => {
            let place = *runs.get(random(runs.len().max(1)))?;
            let other = *runs.get(random(runs.len().max(1)))?;
            lines.swap(place, other);
        }
        3 => {
            let stops = places(|line| {
                matches!(
                    line,
                    Line::Begins {
                        begins: CallName::Stop,
                        ..
                    }
                )
            });
            let place = *stops.get(random(stops.len().max(1)))?;
            let Line::Begins { thread, .. } = lines.remove(place) else {
                return None;
            };
            let end = lines[place..].iter().position(|line| {
                matches!(line, Line::Ends { thread: of, ends: CallName::Stop, .. } if *of == thread)
            })?;
            lines.remove(place + end);
        }
        _ => {
            // Only where no call is open but a run: the recording would be none otherwise.
            let mut open = 0_i32;
            let quiet: Vec<usize> = lines
                .iter()
                .enumerate()
                .filter_map(|(place, line)| {
                    match line {
                        Line::Begins { begins, .. } if *begins != CallName::Start => open += 1,
                        Line::Ends { ends, .. } if *ends != CallName::Start => open -= 1,
                        _ => {}
                    }
                    (open == 0).then_some(place + 1)
                })
                .collect();
            let place = *quiet.get(random(quiet.len().max(1)))?;
            lines.insert(place, Line::Asleep { asleep: true });
        }
    }
    Some(lines)
}

#[test]
fn they_agree_about_changed_recordings() {
    let mut state = 1_u64;
    let mut random = move |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).expect("31 bits") % below
    };
    let (mut held, mut refuted, mut left_open) = (0, 0, 0);
    for lines in played(None, 400, 2) {
        let Some(changed) = changed(&lines, &mut random) else {
            continue;
        };
        match finding(&changed) {
            Finding::Held => held += 1,
            Finding::Refuted => refuted += 1,
            _ => left_open += 1,
        }
    }
    // All verdicts must be common, or the comparison is worth little.
    let counts = format!("{held} held, {refuted} refuted, {left_open} left open");
    assert!(held > 20 && refuted > 50 && left_open > 0, "{counts}");
}
