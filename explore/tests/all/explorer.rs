//! One call that searches, and the story that it tells.

use std::sync::atomic::{AtomicU32, Ordering as Real};

use wakeproof_explore::sync::atomic::{AtomicBool, Ordering};
use wakeproof_explore::sync::{Arc, Condvar, Mutex};
use wakeproof_explore::{Environment, Explorer, Story, Verdict, thread};

/// A message for another thread, which waits in a loop, or does not.
fn mailbox(waits_in_a_loop: bool, notifies_first: bool) {
    let mailbox = Arc::new((Mutex::new(None), Condvar::new()));
    let other = mailbox.clone();
    let builder = thread::Builder::new().name("sender".to_owned());
    let sender = builder.spawn(move || {
        if notifies_first {
            other.1.notify_one();
        }
        *other.0.lock().unwrap() = Some(42);
        if !notifies_first {
            other.1.notify_one();
        }
    });
    let mut message = mailbox.0.lock().unwrap();
    while message.is_none() {
        message = mailbox.1.wait(message).unwrap();
        if !waits_in_a_loop {
            break;
        }
    }
    assert_eq!(*message, Some(42), "the message");
    drop(message);
    sender.unwrap().join().unwrap();
}

fn told(explorer: &Explorer) -> Story {
    let story = explorer.run().unwrap();
    assert!(story.exploration.counterexample().is_some(), "{story}");
    assert_eq!(story.not_deterministic, None);
    story
}

/// The words of the lanes, without the lines of the source.
fn steps(story: &Story) -> Vec<String> {
    let trace = story.trace.as_ref().unwrap();
    let without_line = |what: &str| match what.split_once(": ") {
        Some((line, what)) if line.parse::<u32>().is_ok() => what.to_owned(),
        _ => what.to_owned(),
    };
    trace
        .steps
        .iter()
        .map(|step| {
            format!(
                "{}: {}",
                trace.threads[step.thread],
                without_line(&step.what)
            )
        })
        .collect()
}

#[test]
fn a_lost_wakeup_is_told() {
    let story = told(&Explorer::new(|| mailbox(true, true)));
    assert_eq!(
        steps(&story),
        [
            "main: starts sender",
            "main: locks the mutex",
            "main: sleeps on the condvar",
            "sender: notify_one on the condvar wakes main",
            "main: is woken",
            "main: locks the mutex",
            "main: sleeps on the condvar",
            "sender: locks the mutex",
            "sender: unlocks the mutex",
        ]
    );
    let trace = story.trace.as_ref().unwrap();
    assert_eq!(trace.ends, ["ASLEEP FOR EVER", "ends"]);
    let asleep = format!("main is asleep on the condvar (line {})", 25);
    assert!(trace.end.starts_with(&asleep), "{}", trace.end);
    assert!(
        trace
            .end
            .contains("the notify_one of sender (line 16) came before it slept again"),
        "{}",
        trace.end
    );
}

#[test]
fn an_assertion_is_told_with_its_line_and_without_its_own_words() {
    let story = told(&Explorer::new(|| mailbox(false, false)));
    let end = &story.trace.as_ref().unwrap().end;
    assert_eq!(end, "explorer.rs:30: the message: it is None, not Some(42)");
}

#[test]
fn what_is_right_is_proved_and_the_environment_may_be_kinder() {
    let story = Explorer::new(|| mailbox(true, false)).run().unwrap();
    assert!(story.exploration.is_proved(), "{story}");
    assert_eq!(story.replay, None);
    let kinder = Explorer::new(|| mailbox(false, false)).environment(Environment::QUIET);
    kinder.prove();
}

#[test]
#[should_panic(expected = "the message: it is None, not Some(42)")]
fn what_cannot_be_proved_fails_a_test_with_its_story() {
    Explorer::new(|| mailbox(false, false)).prove();
}

#[test]
fn of_threads_that_wait_for_each_other_it_is_said_who_holds_what() {
    let story = told(&Explorer::new(|| {
        let mutexes = Arc::new((Mutex::new(()), Mutex::new(())));
        let other = mutexes.clone();
        let builder = thread::Builder::new().name("other".to_owned());
        let thread = builder.spawn(move || {
            let second = other.1.lock().unwrap();
            drop(other.0.lock().unwrap());
            drop(second);
        });
        let first = mutexes.0.lock().unwrap();
        drop(mutexes.1.lock().unwrap());
        drop(first);
        thread.unwrap().join().unwrap();
    }));
    let end = &story.trace.as_ref().unwrap().end;
    for part in [
        "main waits for mutex",
        "which other holds",
        "other waits for mutex",
        "which main holds",
    ] {
        assert!(end.contains(part), "{end}");
    }
}

#[test]
fn a_park_and_atomics_are_told() {
    let story = told(&Explorer::new(|| {
        let ready = Arc::new(AtomicBool::new(false));
        let (flag, waiter) = (ready.clone(), thread::current());
        let builder = thread::Builder::new().name("setter".to_owned());
        let setter = builder.spawn(move || {
            waiter.unpark();
            flag.store(true, Ordering::Release);
        });
        while !ready.load(Ordering::Acquire) {
            thread::park();
        }
        setter.unwrap().join().unwrap();
    }));
    let steps = steps(&story);
    assert!(
        steps.contains(&"main: reads false from the atomic (Acquire)".to_owned()),
        "{steps:?}"
    );
    assert!(
        steps.contains(&"setter: writes true to the atomic (Release)".to_owned()),
        "{steps:?}"
    );
    let end = &story.trace.as_ref().unwrap().end;
    assert!(end.starts_with("main is parked (line "), "{end}");
    assert!(end.contains("setter unparked it before (line "), "{end}");
}

/// The same execution fails again, in the same words.
#[test]
fn the_line_that_is_printed_replays_the_counterexample() {
    for (waits_in_a_loop, notifies_first) in [(false, false), (true, true)] {
        let explorer = Explorer::new(move || mailbox(waits_in_a_loop, notifies_first));
        let story = told(&explorer);
        let line = story.replay.as_deref().unwrap();
        let line = line.strip_prefix("WAKEPROOF_REPLAY='").unwrap();
        let again = explorer.replay(line.strip_suffix('\'').unwrap()).unwrap();
        assert_eq!(again.to_string(), story.to_string());
    }
}

#[test]
fn a_line_that_does_not_fit_is_refused() {
    let explorer = Explorer::new(|| mailbox(true, false));
    let made = format!("explorer.rs:{}", line!() - 1);
    for (line, why) in [
        ("nonsense".to_owned(), "no line that a search has printed"),
        (
            format!("2 {made} 1,1,1 loom 1"),
            "no line that a search has printed",
        ),
        (
            format!("1 {made} 1,1 loom 1"),
            "no line that a search has printed",
        ),
        (
            format!("1 {made} 1,1,1 loom x"),
            "no line that a search has printed",
        ),
        (
            "1 other.rs:1 1,1,1 loom 1".to_owned(),
            "it is of the exploration at other.rs:1",
        ),
        (
            format!("1 {made} 1,1,1 loom 1"),
            "the execution does not fail",
        ),
        (
            format!("1 {made} 1,1,1 shuttle 7x3"),
            "not one of this program",
        ),
    ] {
        let refused = explorer.replay(&line).unwrap_err().to_string();
        assert!(
            refused.contains(why) && refused.lines().count() == 1,
            "{refused}"
        );
    }
}

#[test]
fn a_body_that_is_not_deterministic_is_told_so() {
    static EXECUTIONS: AtomicU32 = AtomicU32::new(0);
    let story = Explorer::new(|| assert!(EXECUTIONS.fetch_add(1, Real::Relaxed) != 0, "the first"))
        .run()
        .unwrap();
    assert!(matches!(story.exploration.verdict, Verdict::Found(_)));
    assert!(story.not_deterministic.is_some());
    assert!(
        story.to_string().contains("The body is not deterministic"),
        "{story}"
    );
}
