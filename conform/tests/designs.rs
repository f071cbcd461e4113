//! What the judge says about recordings that are held against a design: kept ones of real programs, and
//! the same with something changed.

use wakeproof_conform::judge::{Clause, Judge, Refusal, Verdict};

use crate::contract::{HEADER, recording};

const ASYNCIO: &str = include_str!("../../spec/examples/asyncio-design.jsonl");
const CONDITION: &str = include_str!("../../spec/examples/condition-calls.jsonl");
const GLIB: &str = include_str!("../../spec/examples/glib.jsonl");
const LIBUV: &str = include_str!("../../spec/examples/libuv.jsonl");
const MIO: &str = include_str!("../../spec/examples/mio.jsonl");
const TOKIO: &str = include_str!("../../spec/examples/tokio.jsonl");
const UVLOOP: &str = include_str!("../../spec/examples/uvloop.jsonl");

#[track_caller]
fn judged(recording: &str) -> Verdict {
    Judge::new().judge(recording.as_bytes()).unwrap()
}

#[track_caller]
fn refused(recording: &str) -> Refusal {
    let refusal = judged(recording).refusal;
    refusal.expect("it is not what the design does")
}

/// The recording with this in place of that, which must be there, the first time.
#[track_caller]
fn changed(recording: &str, from: &str, to: &str) -> String {
    assert!(recording.contains(from), "{from}");
    recording.replacen(from, to, 1)
}

/// Gives a recording the last line that fits.
fn ended(lines: &str) -> String {
    let mut lines: Vec<&str> = lines.lines().collect();
    lines.pop();
    let end = lines.len() - 1;
    format!("{}\n{{\"end\":{end}}}\n", lines.join("\n"))
}

fn step(thread: &str, step: &str) -> String {
    format!(
        "{{\"thread\":\"{thread}\",\"enters\":\"{step}\"}}\n{{\"thread\":\"{thread}\",\"leaves\":\"{step}\"}}\n"
    )
}

#[test]
fn what_real_loops_did_once_is_what_their_designs_do_and_keeps_the_contract() {
    for (recording, module, made, callbacks) in [
        (ASYNCIO, "AsyncioLoop", "record_asyncio.py, CPython 3", 51),
        (
            UVLOOP,
            "SelfPipeLoop",
            "record_system_calls.py uvloop: uvloop 0.",
            126,
        ),
        (
            LIBUV,
            "SelfPipeLoop",
            "record_system_calls.py libuv: libuv 1.",
            131,
        ),
        (
            GLIB,
            "SelfPipeLoop",
            "record_system_calls.py glib: glib 2.",
            131,
        ),
        (
            MIO,
            "EdgeTriggeredLoop",
            "record_system_calls.py mio: mio 1.",
            131,
        ),
        (
            TOKIO,
            "EdgeTriggeredLoop",
            "record_system_calls.py tokio: tokio current_thread 1.",
            9,
        ),
        (
            CONDITION,
            "CondvarLoop",
            "condition.py --calls, CPython 3",
            2,
        ),
    ] {
        let verdict = judged(recording);
        assert_eq!((&*verdict.against, verdict.refusal), (module, None));
        let said = verdict.made.expect("it says how it was made");
        assert!(said.starts_with(made), "{said}");
        assert!(verdict.ran >= callbacks, "{said}: {}", verdict.ran);
        let contract = Judge::new().against("EventLoop");
        let verdict = contract.judge(recording.as_bytes()).unwrap();
        assert_eq!(verdict.refusal, None, "{said}");
    }
}

#[test]
fn asyncio_does_not_read_its_pipe_before_it_runs_callbacks() {
    let runs = "{\"thread\":\"MainThread\",\"runs\":1}\n";
    let reads = step("MainThread", "read");
    let early = changed(
        ASYNCIO,
        &format!("{runs}{reads}"),
        &format!("{reads}{runs}"),
    );
    let contract = Judge::new().against("EventLoop");
    assert_eq!(contract.judge(early.as_bytes()).unwrap().refusal, None);
    let refusal = refused(&early);
    assert_eq!(refusal.clause, Clause::Design);
    assert_eq!(refusal.did, "MainThread was about to take the step read");
    assert_eq!(
        refusal.promise,
        "read is ReadFromSelf (comes to the pipe's reader, which reads whatever is in the pipe) in \
         AsyncioLoop, which is not possible there"
    );
    assert_eq!(
        refusal.allowed,
        ["loop: AsyncioRun, of callback 1: runs the first that is ready, if it is a callback"]
    );
    // The run begins, the callback is submitted, the selector reports it.
    assert!(refusal.is_complete);
    let told: Vec<String> = refusal
        .history
        .iter()
        .map(|moment| moment.what.clone())
        .collect();
    assert_eq!(
        told,
        [
            "runs the loop by run_forever",
            "enters select",
            "submits callback 1 by call_soon_threadsafe",
            "enters write",
            "leaves write",
            "callback 1 is accepted",
            "leaves select",
            "enters read",
        ]
    );
}

#[test]
fn libuv_reads_its_eventfd_before_it_runs_callbacks_and_one_write_does_for_several() {
    for (recording, thread) in [(UVLOOP, "loop"), (LIBUV, "loop")] {
        let runs = format!("{{\"thread\":\"{thread}\",\"runs\":1}}\n");
        let reads = step(thread, "read");
        let late = changed(
            recording,
            &format!("{reads}{runs}"),
            &format!("{runs}{reads}"),
        );
        assert_eq!(refused(&late).did, "loop ran callback 1");
        // Some submissions write nothing, since another thread's signal is still to be noticed.
        let each_writes = changed(recording, "\"Coalesces\":true", "\"Coalesces\":false");
        let refusal = refused(&each_writes);
        assert!(
            refusal.did.starts_with("the call in which w"),
            "{}",
            refusal.did
        );
        assert!(
            refusal.allowed[0].contains(": Write: writes a byte"),
            "{:?}",
            refusal.allowed
        );
        assert_eq!(refusal.history.len(), 2, "{:#?}", refusal.history);
    }
}

#[test]
fn libuv_polls_once_more_when_it_is_asked_to_stop_and_glib_writes_a_byte() {
    let at_once = changed(LIBUV, "\"PollsOnStop\":true", "\"PollsOnStop\":false");
    let refusal = refused(&at_once);
    assert_eq!(refusal.did, "loop was about to take the step select");
    let promptly = changed(GLIB, "\"OwnWrites\":true", "\"OwnWrites\":false");
    assert_eq!(
        refused(&promptly).did,
        "loop was about to take the step write"
    );
    // glib does not poll once more.
    let polls = changed(
        GLIB,
        "\"OwnWrites\":true",
        "\"OwnWrites\":true,\"PollsOnStop\":true",
    );
    assert_eq!(refused(&polls).did, "loop's run returned");
}

#[test]
fn mio_and_tokio_never_read_what_they_write() {
    for recording in [MIO, TOKIO] {
        let level = recording
            .replace("EdgeTriggeredLoop", "SelfPipeLoop")
            .replace("EdgeSelect", "Select")
            .replace("EdgeWrite", "Write")
            .replace(
                "\"run\":[\"Run\"]",
                "\"read\":[\"Drain\"],\"run\":[\"Run\"]",
            );
        // A selector that reports what there is to read reports it until somebody reads it. After the
        // first callback this one would return at once.
        assert_eq!(refused(&level).did, "loop ran callback 1");
        let silent = ended(&changed(recording, &step("main", "write"), ""));
        let refusal = refused(&silent);
        assert!(
            refusal
                .did
                .starts_with("the call in which main submitted callback")
                || refusal.did == "loop took the step select",
            "{}",
            refusal.did
        );
    }
}

#[test]
fn a_wakeup_that_is_left_out_is_refused_by_the_condvars_design() {
    let notifies = r#"{"thread": "worker", "enters": "notify"}
{"thread": "worker", "leaves": "notify"}
"#;
    let silent = ended(&changed(CONDITION, notifies, ""));
    let refusal = refused(&silent);
    assert_eq!(
        refusal.did,
        "the call in which worker submitted callback 1 ended"
    );
    assert_eq!(
        refusal.allowed,
        ["worker: Notify: notifies whichever waiter the condvar picks, or nobody"]
    );
}

#[test]
fn what_breaks_the_contract_too_is_told_in_its_words() {
    let run = "{\"thread\":\"loop\",\"runs\":1}\n";
    let doubled = ended(&changed(GLIB, run, &format!("{run}{run}")));
    let refusal = refused(&doubled);
    assert_eq!(refusal.clause, Clause::NothingRunsTwice);
    assert_eq!(refusal.did, "loop ran callback 1 for the second time");
    assert_eq!(refusal.history.len(), 5, "{:#?}", refusal.history);
}

#[test]
fn a_design_must_know_what_is_recorded() {
    let design = r#"{"recording":"wakeproof","version":2,"against":"SelfPipeLoop","submitters":["w"],"steps":{"read":["Drain"],"run":["Run"]}}"#;
    for (header, lines, message) in [
        (
            HEADER.replace("EventLoop", "SelfPipeLoop"),
            &["asleep"][..],
            "says in \"steps\" what it shows",
        ),
        (
            design.replace("SelfPipeLoop", "../SelfPipeLoop"),
            &[],
            "no module's name",
        ),
        (
            design.replace("SelfPipeLoop", "Nothing"),
            &[],
            "nothing is held against \"Nothing\"",
        ),
        (
            design.replace("Drain", "Dring"),
            &[],
            "no action \"Dring\", which step \"read\" is to show",
        ),
        (
            design.replace(r#""steps""#, r#""constants":{"Wakes":"yes"},"steps""#),
            &[],
            "the constant \"Wakes\" must be",
        ),
        (
            design.into(),
            &["v submits 1"],
            "line 2: v submits, and is not in the first line's \"submitters\"",
        ),
        (
            design.into(),
            &["w submits 1", "w accepted", "w cancels 1"],
            "line 4: nobody cancels",
        ),
    ] {
        let text = recording(&header, lines);
        let error = format!("{:#}", Judge::new().judge(text.as_bytes()).unwrap_err());
        assert!(error.contains(message), "{error:?} instead of {message:?}");
    }
}
