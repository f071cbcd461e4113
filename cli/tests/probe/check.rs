//! `wakeproof check`, with the same adapters: right and wrong loops, and adapters that misbehave.

use std::time::{Duration, Instant};

use libtest_mimic::Trial;
use rustix::process::{Pid, Signal, kill_process};

use super::command::{Probe, await_pids, check, finish, start_check, trial};

pub fn trials() -> Vec<Trial> {
    vec![
        trial(
            "a_right_loop_is_as_the_reference",
            a_right_loop_is_as_the_reference,
        ),
        trial(
            "a_wrong_loop_is_refuted_in_few_lines",
            a_wrong_loop_is_refuted_in_few_lines,
        ),
        trial(
            "what_is_not_promised_is_not_tested",
            what_is_not_promised_is_not_tested,
        ),
        trial(
            "an_adapter_that_misbehaves_gets_one_line",
            an_adapter_that_misbehaves_gets_one_line,
        ),
        trial(
            "a_loop_that_only_threads_break_is_refuted",
            a_loop_that_only_threads_break_is_refuted,
        ),
        trial(
            "without_promises_only_the_contract_judges",
            without_promises_only_the_contract_judges,
        ),
        trial(
            "an_order_across_threads_is_a_promise_of_its_own",
            an_order_across_threads_is_a_promise_of_its_own,
        ),
        trial("ctrl_c_ends_a_check", ctrl_c_ends_a_check),
    ]
}

fn a_right_loop_is_as_the_reference() {
    let checked = check("right", &["--histories", "60", "--seed", "1"]);
    assert_eq!(checked.status(), Some(0), "{}", checked.errors());
    let document = checked.document();
    assert_eq!(document["held"], true);
    assert_eq!(document["histories"], 60);
    assert_eq!(document["seed"], 1);
    assert_eq!(document["programs"], 200);
    let not_tested = document["not_tested"].as_array().expect("a list");
    assert!(not_tested.contains(&"tasks".into()), "{not_tested:?}");
    assert!(not_tested.contains(&"cancelling".into()), "{not_tested:?}");
    assert!(!not_tested.contains(&"one-order".into()), "{not_tested:?}");
    checked.assert_all_gone();
}

#[track_caller]
fn story(checked: &Probe) -> String {
    assert_eq!(checked.status(), Some(1), "{}", checked.errors());
    let document = checked.document();
    let lines = document["refutation"]["history"]
        .as_array()
        .expect("a list");
    assert!(lines.len() <= 12, "{document:#}");
    let program = document["refutation"]["program"].as_str().expect("text");
    assert!(program.lines().count() <= 20, "{program}");
    let lines = lines.iter().map(|line| line.as_str().expect("text"));
    lines.collect::<Vec<_>>().join("\n")
}

fn a_wrong_loop_is_refuted_in_few_lines() {
    for (mode, expected, got) in [
        ("last-in-first-out", "callback 1 runs", "callback 2 runs"),
        ("stops-late", "the run returns", "callback 3 runs"),
        (
            "accepts-after-close",
            "the call is refused",
            "the loop sleeps for ever",
        ),
        (
            "ignores-stop",
            "the run returns",
            "the loop sleeps for ever",
        ),
        ("lies", "callback 1 runs", "the run returns"),
    ] {
        let checked = check(mode, &["--seed", "1"]);
        let story = story(&checked);
        let end = format!("  expected: {expected}\n  but:      {got}");
        assert!(story.ends_with(&end), "{mode}: {story}");
        checked.assert_all_gone();
    }
}

fn what_is_not_promised_is_not_tested() {
    let nothing = check("promises-no-threads", &[]);
    assert_eq!(nothing.status(), Some(2));
    let errors = nothing.errors();
    assert!(errors.contains("promises neither"), "{errors}");
    nothing.assert_all_gone();
    // Without one order, it is only submitted in one way. It can still be held to a promise.
    let promise = "iteration-snapshot,stop-after-iteration";
    let held = check(
        "promises-nothing",
        &["--histories", "30", "--promise", promise],
    );
    assert_eq!(held.status(), Some(0), "{}", held.errors());
    let document = held.document();
    let not_tested = document["not_tested"].as_array().expect("a list");
    assert!(not_tested.contains(&"one-order".into()), "{not_tested:?}");
    held.assert_all_gone();
}

fn an_adapter_that_misbehaves_gets_one_line() {
    for (mode, message) in [
        ("hangs", "hangs: there is no first line"),
        ("dies", "ended (exit status: 7): this is why\\u{1b}[2J"),
        ("floods", "floods"),
        ("half-line", "ended in the middle of a line"),
        ("long-line", "a line of more than 4096 bytes"),
        ("nonsense", "its first line is"),
        ("promises-the-moon", "no promise is called \"the-moon\""),
        ("dies-when-told", "told \"submit"),
        ("says-nothing", "there was no answer"),
        ("talks-nonsense", "\"good morning\""),
        ("floods-when-told", "floods: more than 50000 lines"),
        (
            "answers-another",
            "it answered {\"thread\":\"main\",\"begins\":\"close\"}",
        ),
        ("answers-late", "after its answer"),
        ("cannot-cancel", "told \"cancel"),
        ("cannot-thread", "told \"threads"),
        (
            "ignores-quit",
            "told \"quit\": the adapter ignores the word quit",
        ),
    ] {
        let checked = check(
            mode,
            &["--patience", "3s", "--seed", "1", "--histories", "40"],
        );
        let errors = checked.errors();
        assert_eq!(checked.status(), Some(2), "{mode}: {errors}");
        assert_eq!(errors.lines().count(), 1, "{mode}: {errors}");
        let is_told = errors.starts_with("wakeproof: ");
        let is_told = is_told
            && (errors.contains(message)
                || (mode == "floods" && errors.contains("after its answer")));
        assert!(is_told, "{mode}: {errors}");
        assert!(!errors.contains('\u{1b}'), "{mode}");
        checked.assert_all_gone();
    }
}

/// These keep every promise to one thread.
fn a_loop_that_only_threads_break_is_refuted() {
    for (mode, got) in [
        ("never-wakes", &["everybody was asleep"][..]),
        (
            "loses-one",
            &["everybody was asleep", "in the middle of an iteration"],
        ),
        ("pushes-in-front", &["which was submitted first"]),
        ("second-first", &["which was submitted first"]),
    ] {
        let checked = check(mode, &["--seed", "1", "--histories", "20"]);
        let story = story(&checked);
        let but = story.lines().last().expect("a line");
        assert!(but.starts_with("  but: "), "{mode}: {story}");
        assert!(got.iter().any(|got| but.contains(got)), "{mode}: {story}");
        let document = checked.document();
        assert_eq!(
            document["histories"], 20,
            "{mode}: no history of one thread shows it"
        );
        let judges = &document["refutation"]["judges"];
        assert_eq!(judges["disagree"], false, "{mode}: {judges}");
        for judge in ["EventLoop.tla", "sequential reference"] {
            let said = judges[judge].as_str().expect("a sentence");
            assert!(said.starts_with("refuses it: "), "{mode}: {judges}");
        }
        checked.assert_all_gone();
    }
}

/// A queue for each thread keeps no order across them: that is wrong only where it is promised.
fn an_order_across_threads_is_a_promise_of_its_own() {
    let options = ["--seed", "1", "--histories", "20"];
    let held = check("second-first-unordered", &options);
    assert_eq!(held.status(), Some(0), "{}", held.errors());
    let document = held.document();
    assert_eq!(document["programs"], 200);
    let not_tested = document["not_tested"].as_array().expect("a list");
    let rule = "order-across-threads".into();
    assert!(not_tested.contains(&rule), "{not_tested:?}");
    held.assert_all_gone();
    // What one thread submits has an order all the same, and is not lost.
    for (mode, got) in [
        ("pushes-in-front-unordered", "which was submitted first"),
        ("never-wakes-unordered", "everybody was asleep"),
    ] {
        let refuted = check(mode, &options);
        let story = story(&refuted);
        let but = story.lines().last().expect("a line");
        assert!(but.contains(got), "{mode}: {story}");
        let reference = &refuted.document()["refutation"]["judges"]["sequential reference"];
        let said = reference.as_str().expect("a sentence");
        assert!(said.starts_with("was not asked: "), "{mode}: {said}");
        refuted.assert_all_gone();
    }
}

fn without_promises_only_the_contract_judges() {
    let held = check("promises-nothing", &["--seed", "1", "--programs", "20"]);
    assert_eq!(held.status(), Some(0), "{}", held.errors());
    let document = held.document();
    assert_eq!(document["histories"], 0);
    assert_eq!(document["programs"], 20);
    held.assert_all_gone();
}

fn ctrl_c_ends_a_check() {
    for options in [
        &["--histories", "100000000"][..],
        &["--histories", "1", "--programs", "100000000"],
    ] {
        let (child, pids) = start_check("right", options);
        // Each history has a process of its own: it is in the middle of its work.
        await_pids(&pids, 20);
        let pid = Pid::from_raw(child.id().cast_signed()).expect("a process");
        let pressed = Instant::now();
        kill_process(pid, Signal::INT).expect("it is there");
        let checked = finish(child, pids);
        let took = pressed.elapsed();
        assert_eq!(checked.status(), Some(130), "{}", checked.errors());
        // It promises two seconds; this is a watchdog for a busy machine.
        assert!(took < Duration::from_secs(20), "{took:?}");
        let errors = checked.errors();
        assert_eq!(errors, "wakeproof: interrupted; nothing is proved\n");
        assert!(checked.output.stdout.is_empty());
        checked.assert_all_gone();
    }
}
