//! What the judge says about small recordings, and why.

use wakeproof_conform::judge::{Clause, Judge, Refusal, Verdict};

pub(crate) const HEADER: &str = r#"{"recording":"wakeproof","version":2,"against":"EventLoop"}"#;

/// A recording in short: `main starts`, `w submits 1`, `w calls 2` (without a wakeup), `w accepted`,
/// `main runs 1`, `w stops`, `w cancels 1`, `main closes`, `main iterates`, `asleep`; any call ends with
/// its result.
pub(crate) fn recording(header: &str, lines: &[&str]) -> String {
    let mut open: Vec<(String, &str)> = Vec::new();
    let mut text = format!("{header}\n");
    for line in lines {
        let words: Vec<&str> = line.splitn(3, ' ').collect();
        let thread = words[0].to_owned();
        let mut begins = |call: &'static str, rest: String| {
            open.push((thread.clone(), call));
            format!(r#"{{"thread":"{thread}","begins":"{call}"{rest}}}"#)
        };
        let json = match words[..] {
            ["asleep"] => r#"{"asleep":true}"#.to_owned(),
            [_, "starts"] => begins("start", String::new()),
            [_, "closes"] => begins("close", String::new()),
            [_, "stops"] => begins("stop", r#","wakes":true"#.into()),
            [_, "sets-stop"] => begins("stop", r#","wakes":false"#.into()),
            [_, "submits", n] => begins("submit", format!(r#","callback":{n},"wakes":true"#)),
            [_, "calls", n] => begins("submit", format!(r#","callback":{n},"wakes":false"#)),
            [_, "cancels", n] => begins("cancel", format!(r#","callback":{n}"#)),
            [_, "runs", n] => format!(r#"{{"thread":"{thread}","runs":{n}}}"#),
            [_, "iterates"] => format!(r#"{{"thread":"{thread}","iterates":true}}"#),
            [_, ref result @ ..] => {
                let innermost = open.iter().rposition(|(of, _)| *of == thread).unwrap();
                let (_, call) = open.remove(innermost);
                let result = result.join(" ");
                let (result, why) = match result.strip_suffix(" as closed") {
                    Some(result) => (result, r#","why":"closed""#),
                    None => (&*result, ""),
                };
                format!(r#"{{"thread":"{thread}","ends":"{call}","result":"{result}"{why}}}"#)
            }
            [] => unreachable!("a line has words"),
        };
        text.push_str(&json);
        text.push('\n');
    }
    text + &format!("{{\"end\":{}}}\n", lines.len())
}

#[track_caller]
fn judged(header: &str, lines: &[&str]) -> Verdict {
    Judge::new()
        .judge(recording(header, lines).as_bytes())
        .unwrap()
}

#[track_caller]
fn expect_accepted(lines: &[&str]) -> Verdict {
    let verdict = judged(HEADER, lines);
    assert_eq!(verdict.refusal, None);
    assert_eq!(verdict.lines, lines.len() as u64);
    verdict
}

/// The last line is refused, because of this clause, and with this in the sentence.
#[track_caller]
fn expect_last_refused(lines: &[&str], clause: Clause, did: &str) -> Refusal {
    expect_last_refused_in(HEADER, lines, clause, did)
}

#[track_caller]
fn expect_last_refused_in(header: &str, lines: &[&str], clause: Clause, did: &str) -> Refusal {
    let verdict = judged(header, lines);
    let refusal = verdict.refusal.expect("every line was accepted");
    assert_eq!(refusal.line, lines.len() as u64 + 1, "{refusal:?}");
    assert_eq!(refusal.clause, clause, "{refusal:?}");
    assert!(refusal.did.contains(did), "{refusal:?}");
    assert!(refusal.is_complete, "{refusal:?}");
    refusal
}

#[test]
fn a_call_that_wakes_is_heard_and_one_that_does_not_may_leave_its_callback_stranded() {
    let safe = ["main starts", "w submits 1", "w accepted"];
    expect_accepted(&[&safe[..], &["main runs 1", "asleep"]].concat());
    let refusal = expect_last_refused(
        &[&safe[..], &["asleep"]].concat(),
        Clause::EveryCallbackIsSettled,
        "everybody was asleep, and callback 1 was still to run",
    );
    assert_eq!(refusal.history.len(), 4);

    let plain = ["main starts", "w calls 1", "w accepted", "asleep"];
    assert_eq!(expect_accepted(&plain).stranded, 1);
    // The next call that wakes brings both to run, in their order.
    let both = [
        "w submits 2",
        "w accepted",
        "main runs 1",
        "main runs 2",
        "asleep",
    ];
    assert_eq!(expect_accepted(&[&plain[..], &both].concat()).stranded, 0);
    expect_last_refused(
        &[&plain[..], &["w submits 2", "w accepted", "main runs 2"]].concat(),
        Clause::FirstInFirstOut,
        "main ran callback 2 before callback 1, which was submitted first",
    );
}

#[test]
fn what_was_submitted_before_the_run_or_in_it_by_the_loop_itself_runs_without_a_wakeup() {
    let before = ["main calls 1", "main accepted", "main starts"];
    expect_accepted(&[&before[..], &["main runs 1", "asleep"]].concat());
    let clause = Clause::EveryCallbackIsSettled;
    expect_last_refused(&[&before[..], &["asleep"]].concat(), clause, "callback 1");

    let inside = [
        "main starts",
        "w submits 1",
        "w accepted",
        "main runs 1",
        "main calls 2",
        "main accepted",
    ];
    expect_accepted(&[&inside[..], &["main runs 2", "asleep"]].concat());
    expect_last_refused(&[&inside[..], &["asleep"]].concat(), clause, "callback 2");
}

#[test]
fn nothing_runs_twice_unasked_or_elsewhere() {
    let ran = ["main starts", "w submits 1", "w accepted", "main runs 1"];
    let again = [&ran[..], &["main runs 1"]].concat();
    let refusal = expect_last_refused(&again, Clause::NothingRunsTwice, "for the second time");
    assert_eq!(refusal.history.len(), 5);
    let unasked = [&ran[..], &["main runs 2"]].concat();
    expect_last_refused(
        &unasked,
        Clause::Submit,
        "callback 2, which nobody has submitted",
    );
    let elsewhere = ["main starts", "w submits 1", "w accepted", "w runs 1"];
    expect_last_refused(&elsewhere, Clause::Run, "the loop was in a run on main");
    let outside = ["w submits 1", "w accepted", "main runs 1"];
    expect_last_refused(&outside, Clause::Run, "main ran callback 1 outside a run");
}

#[test]
fn a_submission_that_is_still_open_may_have_taken_effect_or_not() {
    // Nobody knows which of the two was first, and nobody says so before they run.
    let both = [
        "main starts",
        "a submits 1",
        "b submits 2",
        "a accepted",
        "b accepted",
    ];
    expect_accepted(&[&both[..], &["main runs 1", "main runs 2"]].concat());
    expect_accepted(&[&both[..], &["main runs 2", "main runs 1"]].concat());
    // A callback may run before the call that submits it has returned.
    let early = [
        "main starts",
        "a submits 1",
        "main runs 1",
        "a accepted",
        "asleep",
    ];
    expect_accepted(&early);
    expect_last_refused(
        &[
            "main starts",
            "a submits 1",
            "main runs 1",
            "a refused as closed",
        ],
        Clause::OneFateEach,
        "callback 1 of a was refused, and it has run",
    );
}

#[test]
fn first_in_first_out_holds_between_calls_that_do_not_overlap() {
    let two = [
        "main starts",
        "a submits 1",
        "a accepted",
        "b submits 2",
        "b accepted",
    ];
    expect_accepted(&[&two[..], &["main runs 1", "main runs 2"]].concat());
    let clause = Clause::FirstInFirstOut;
    let swapped = [&two[..], &["main runs 2"]].concat();
    let refusal = expect_last_refused(&swapped, clause, "before callback 1");
    assert_eq!(refusal.promise, clause.promise());
    // Between different calls, only if the loop promises it.
    let plain = [
        "main starts",
        "a calls 1",
        "a accepted",
        "b submits 2",
        "b accepted",
        "main runs 2",
    ];
    expect_last_refused(&plain, clause, "before callback 1");
    let by_call = HEADER.replace('}', r#","order":"call"}"#);
    assert_eq!(judged(&by_call, &plain).refusal, None);
    expect_last_refused_in(&by_call, &swapped, clause, "before callback 1");
}

#[test]
fn a_refused_callback_does_not_run() {
    let refused = ["main starts", "a calls 1", "a refused", "main runs 1"];
    expect_last_refused(&refused, Clause::OneFateEach, "which had been refused");
}

#[test]
fn a_closed_loop_accepts_nothing_and_runs_nothing() {
    let closed = [
        "main calls 1",
        "main accepted",
        "main closes",
        "main returned",
    ];
    expect_accepted(
        &[
            &closed[..],
            &["a submits 2", "a refused as closed", "asleep"],
        ]
        .concat(),
    );
    expect_last_refused(
        &[&closed[..], &["a submits 2", "a accepted"]].concat(),
        Clause::NothingAcceptedAfterClose,
        "callback 2 of a was accepted, and the loop had been closed before",
    );
    expect_last_refused(
        &[&closed[..], &["main runs 1"]].concat(),
        Clause::OneFateEach,
        "which had been dropped",
    );
    expect_last_refused(
        &[&closed[..], &["main starts", "main returned"]].concat(),
        Clause::Start,
        "never have begun",
    );
    expect_last_refused(
        &["a submits 1", "a refused as closed"],
        Clause::Refuse,
        "because the loop was closed, and it was not",
    );
    // While it is being closed, both may happen, but not in any order.
    let closing = ["main closes", "a submits 1", "b submits 2"];
    expect_accepted(
        &[
            &closing[..],
            &["a accepted", "b refused as closed", "main returned"],
        ]
        .concat(),
    );
    let late = [
        "main closes",
        "a submits 1",
        "a refused as closed",
        "b submits 2",
        "b accepted",
    ];
    expect_last_refused(&late, Clause::NothingAcceptedAfterClose, "callback 2 of b");
    expect_last_refused(
        &["main starts", "a closes", "main runs 0"],
        Clause::Submit,
        "callback 0",
    );
    expect_last_refused(
        &[
            "a submits 1",
            "a accepted",
            "main starts",
            "main runs 1",
            "a closes",
            "a returned",
        ],
        Clause::Close,
        "in a run all the time",
    );
}

#[test]
fn a_stop_ends_the_run_and_nothing_else_does() {
    let stopped = ["main starts", "w stops", "w returned"];
    expect_accepted(&[&stopped[..], &["main returned", "asleep"]].concat());
    expect_last_refused(
        &[&stopped[..], &["asleep"]].concat(),
        Clause::StopIsHonoured,
        "everybody was asleep, and the loop had been asked to stop",
    );
    let unasked = ["main starts", "main returned"];
    expect_last_refused(&unasked, Clause::Return, "nobody had asked it to stop");
    // A request that does not claim to wake may not be heard.
    expect_accepted(&["main starts", "w sets-stop", "w returned", "asleep"]);
    // One that comes before the run stops it after one iteration.
    let early = [
        "main calls 1",
        "main accepted",
        "w sets-stop",
        "w returned",
        "main starts",
    ];
    expect_accepted(&[&early[..], &["main runs 1", "main returned"]].concat());
    let clause = Clause::Return;
    let none = [&early[..], &["main returned"]].concat();
    expect_last_refused(
        &none,
        clause,
        "in the middle of an iteration: callback 1 was still to run",
    );
    // One request stops one run.
    let twice = [
        &stopped[..],
        &["main returned", "main starts", "main returned"],
    ]
    .concat();
    expect_last_refused(&twice, clause, "nobody had asked it to stop");
}

#[test]
fn what_the_last_iteration_submits_may_run_before_the_loop_returns_or_in_the_next_run() {
    let stopped = [
        "main starts",
        "w submits 1",
        "w accepted",
        "main runs 1",
        "main calls 2",
        "main accepted",
        "main sets-stop",
        "main returned",
    ];
    expect_accepted(&[&stopped[..], &["main returned"]].concat());
    let further = [&stopped[..], &["main runs 2", "main returned"]].concat();
    expect_accepted(&further);
    // A loop that promises to stop promptly begins no further iteration. That shows if iterations are
    // recorded: otherwise, nobody knows whether the callback that asked it to stop was the last of one.
    let prompt = HEADER.replace('}', r#","prompt_stop":true,"iterations":true}"#);
    let stopped = [
        "main starts",
        "w submits 1",
        "w accepted",
        "main iterates",
        "main runs 1",
        "main calls 2",
        "main accepted",
        "main sets-stop",
        "main returned",
    ];
    let next_time = [
        "main returned",
        "main starts",
        "main iterates",
        "main runs 2",
    ];
    assert_eq!(
        judged(&prompt, &[&stopped[..], &next_time].concat()).refusal,
        None
    );
    expect_last_refused_in(
        &prompt,
        &[&stopped[..], &["main iterates", "main runs 2"]].concat(),
        Clause::PromptStop,
        "cannot have begun: the loop had been asked to stop",
    );
}

#[test]
fn a_cancelled_callback_does_not_run() {
    let two = ["main starts", "w submits 1", "w accepted", "w cancels 1"];
    expect_accepted(&[&two[..], &["w cancelled", "asleep"]].concat());
    expect_accepted(&[&two[..], &["main runs 1", "w too late", "asleep"]].concat());
    expect_accepted(&[&two[..], &["main runs 1", "w returned", "asleep"]].concat());
    let cancelled = [&two[..], &["w returned", "main runs 1"]].concat();
    expect_last_refused(&cancelled, Clause::OneFateEach, "which had been cancelled");
    let lie = [&two[..], &["main runs 1", "w cancelled"]].concat();
    expect_last_refused(&lie, Clause::Cancel, "which was not to run any more");
    let other_lie = [&two[..], &["w too late"]].concat();
    expect_last_refused(&other_lie, Clause::Cancel, "which was still to run");
}

#[test]
fn an_iteration_runs_only_what_was_accepted_before_it() {
    let iterations = HEADER.replace('}', r#","iterations":true}"#);
    let first = [
        "main starts",
        "w submits 1",
        "w accepted",
        "main iterates",
        "main runs 1",
    ];
    let nested = [&first[..], &["main calls 2", "main accepted"]].concat();
    let next = [&nested[..], &["main iterates", "main runs 2", "asleep"]].concat();
    assert_eq!(judged(&iterations, &next).refusal, None);
    let same = [&nested[..], &["main runs 2"]].concat();
    let clause = Clause::Iterate;
    expect_last_refused_in(
        &iterations,
        &same,
        clause,
        "in the iteration in which it was submitted",
    );
    // Without iterations in the recording, there may have been one.
    expect_accepted(&[
        "main starts",
        "w submits 1",
        "w accepted",
        "main runs 1",
        "main calls 2",
        "main accepted",
        "main runs 2",
    ]);
    // The one before must be over.
    let early = [
        "main starts",
        "w submits 1",
        "w accepted",
        "w submits 2",
        "w accepted",
        "main iterates",
        "main runs 1",
        "main iterates",
        "main runs 2",
    ];
    let clause = Clause::IterationIsOver;
    expect_last_refused_in(&iterations, &early, clause, "cannot have begun");
    expect_last_refused_in(&iterations, &["w iterates"], Clause::Run, "outside its run");
}

#[test]
fn a_call_that_does_not_return_is_refused_when_everybody_sleeps() {
    let open = ["main starts", "w submits 1", "main runs 1", "asleep"];
    let refusal = expect_last_refused(
        &open,
        Clause::EveryCallReturns,
        "w's call of submit in line 3",
    );
    assert_eq!(refusal.history.len(), 2);
    expect_last_refused(
        &["main closes", "asleep"],
        Clause::EveryCallReturns,
        "call of close",
    );
}

/// Three thousand callbacks that are submitted and run, and one line more.
fn long_recording_and(last: &str) -> Vec<String> {
    let mut lines = vec!["main starts".to_owned()];
    for number in 1..=3_000 {
        lines.push(format!("w submits {number}"));
        lines.push("w accepted".to_owned());
        lines.push(format!("main runs {number}"));
    }
    lines.push(last.to_owned());
    lines
}

#[test]
fn the_history_leaves_out_what_has_nothing_to_do_with_it() {
    let lines = long_recording_and("main runs 2999");
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let refusal = expect_last_refused(
        &lines,
        Clause::NothingRunsTwice,
        "callback 2999 for the second time",
    );
    assert_eq!(refusal.history.len(), 5, "{refusal:?}");
    let drawing = refusal.to_trace().to_text();
    assert!(
        drawing.contains("NothingRunsTwice: a callback runs at most once"),
        "{drawing}"
    );
    assert!(
        drawing.contains("line 9003: runs callback 2999"),
        "{drawing}"
    );
}

#[test]
fn what_happened_long_ago_is_looked_up_in_a_second_reading() {
    let lines = long_recording_and("main runs 1");
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let text = recording(HEADER, &lines);
    let once = Judge::new()
        .judge(text.as_bytes())
        .unwrap()
        .refusal
        .unwrap();
    assert_eq!(
        (once.clause, once.is_complete),
        (Clause::OneFateEach, false)
    );
    let open = || Ok(text.as_bytes());
    let twice = Judge::new().judge_again(open).unwrap();
    let twice = twice.refusal.unwrap();
    assert_eq!(
        (twice.clause, twice.is_complete),
        (Clause::NothingRunsTwice, true)
    );
    assert_eq!(twice.history.len(), 5, "{twice:?}");
}

#[test]
fn a_recording_that_makes_no_sense_is_no_verdict() {
    let whole = recording(HEADER, &["main starts", "w submits 1", "w accepted"]);
    let cut = whole.lines().take(3).collect::<Vec<_>>().join("\n");
    for (text, message) in [
        (String::new(), "line 1: the file is empty"),
        (cut.clone() + "\n", "without its last line"),
        (cut[..cut.len() - 4].to_owned(), "in the middle of a line"),
        (
            whole.clone() + "{\"asleep\":true}\n",
            "line 6: there is more behind the last line",
        ),
        (
            whole.replace("\"end\":3", "\"end\":4"),
            "line 5: the last line counts 4 lines, and there are 3",
        ),
        (
            whole.replace("begins\":\"start", "begins\":\"strat"),
            "line 2: unknown call \"strat\"",
        ),
        (
            whole.replace("\"wakes\"", "\"walks\""),
            "line 3: submit: does the call claim",
        ),
        (
            whole.replace(
                "ends\":\"submit\",\"result\":\"accepted",
                "ends\":\"stop\",\"result\":\"returned",
            ),
            "line 4: stop ends, and w is in submit, since line 3",
        ),
        (
            recording(HEADER, &["w submits 1", "w accepted", "w submits 1"]),
            "line 4: callback 1 is submitted twice",
        ),
        (
            recording(HEADER, &["w cancels 1"]),
            "line 2: callback 1 is cancelled before it is submitted",
        ),
        (
            recording(HEADER, &["w submits 1", "v cancels 1"]),
            "line 3: callback 1 is cancelled before the call that submits it",
        ),
        (
            recording(HEADER, &["w iterates"]),
            "line 2: an iteration, and the first line",
        ),
    ] {
        let error = format!("{:#}", Judge::new().judge(text.as_bytes()).unwrap_err());
        assert!(error.contains(message), "{error:?} instead of {message:?}");
    }
    let marked = format!("\u{feff}{}", whole.replace('\n', "\r\n\r\n"));
    assert_eq!(Judge::new().judge(marked.as_bytes()).unwrap().refusal, None);
}

#[test]
fn what_asyncio_did_once_is_accepted() {
    let asyncio = include_str!("../../spec/examples/asyncio.jsonl");
    let verdict = Judge::new().judge(asyncio.as_bytes()).unwrap();
    assert_eq!(verdict.refusal, None);
    let made = verdict.made.expect("it says how it was made");
    assert!(made.starts_with("record_asyncio.py, CPython 3"), "{made}");
    assert!(verdict.ran > 50);
    // The worker's call_soon from outside is stranded until the next safe call.
    let until_stranded = asyncio
        .lines()
        .take_while(|line| !line.contains("\"callback\":3"));
    let until_stranded: Vec<&str> = until_stranded.collect();
    let end = format!("{{\"end\":{}}}", until_stranded.len() - 1);
    let cut = [&until_stranded[..], &[&end]].concat().join("\n");
    assert_eq!(Judge::new().judge(cut.as_bytes()).unwrap().stranded, 1);
}
