//! Every property has been seen to fail: here, each time.

use std::sync::{Arc, Mutex};

use wakeproof::inbox::Protocol;
use wakeproof::platform::{Shuttle, Variant};
use wakeproof_proptests::command::Command::{Cancel, Close, Run, Stop, Submit};
use wakeproof_proptests::command::{Callback, Caller, StopThrough, Through};
use wakeproof_proptests::concurrent::execution::execute;
use wakeproof_proptests::concurrent::explore::{Search, explore};
use wakeproof_proptests::concurrent::{self, Counterexample, linearize};
use wakeproof_proptests::faults::{
    AcceptsWhenClosed, BelievesEveryWakeup, ClosesWithoutEmptying, LastInFirstOut, LooksTooEarly,
    LosesTheLast, StaysStopped, StopsSilently, StopsWhenEmpty, WakesNobody,
};
use wakeproof_proptests::find::{Found, find, same_cases};
use wakeproof_proptests::history;
use wakeproof_proptests::properties::{self, History, Property};
use wakeproof_proptests::record::{Event, OWNER, Outcome};
use wakeproof_proptests::sleepless::Sleepless;

fn property(name: &str) -> Property {
    let found = properties::ALL.iter().find(|found| found.name == name);
    *found.expect("a property of that name")
}

/// The fault breaks this property, and differs from the reference too.
#[track_caller]
fn breaks<V: Protocol>(name: &str) -> String {
    let failure = history::check_property::<Sleepless<V>>(property(name), same_cases());
    let failure = failure.expect_err("the property holds in spite of the fault");
    let broken = format!("the history breaks the property {name:?}");
    assert!(failure.starts_with(&broken), "{failure}");
    match find::<V>() {
        Found::InHistory(failure) => failure,
        other => panic!("behaves as the reference; {other}"),
    }
}

#[test]
fn a_lost_callback_breaks_exactly_once() {
    breaks::<LosesTheLast>("exactly once");
}

#[test]
fn another_order_breaks_first_in_first_out() {
    breaks::<LastInFirstOut>("first in, first out");
}

#[test]
fn one_iteration_too_many_breaks_the_iteration_snapshot() {
    breaks::<StopsWhenEmpty>("iteration snapshot");
}

#[test]
fn a_stop_that_stays_breaks_stop() {
    breaks::<StaysStopped>("stop");
}

#[test]
fn accepting_on_a_closed_loop_breaks_close() {
    breaks::<AcceptsWhenClosed>("close");
}

#[test]
fn a_close_that_leaves_the_queue_breaks_destructors() {
    breaks::<ClosesWithoutEmptying>("destructors");
}

/// The fault shows only between threads, and shows again when the execution is repeated.
#[track_caller]
fn goes_wrong<V: Protocol>() -> Counterexample {
    let Found::InProgram(found) = find::<V>() else {
        panic!("the fault does not show");
    };
    let text = found.to_string();
    let (_, command) = text.split_once("WAKEPROOF_REPLAY='").unwrap();
    let (printed, _) = command.split_once('\'').unwrap();
    let (program, schedule) = concurrent::parse(printed).unwrap();
    let again = concurrent::replay::<Variant<Shuttle, V>>(&program, &schedule).unwrap_err();
    assert_eq!(again.to_string(), text);
    *found
}

#[test]
fn a_submission_that_wakes_nobody_is_a_deadlock() {
    let found = goes_wrong::<WakesNobody>();
    assert!(found.reason.starts_with("deadlock"), "{found}");
    let readme = include_str!("../README.md");
    assert!(readme.contains(&format!("```text\n{found}```")), "{found}");
}

#[test]
fn a_stop_that_wakes_nobody_is_a_deadlock() {
    let found = goes_wrong::<StopsSilently>();
    assert!(found.reason.starts_with("deadlock"), "{found}");
}

#[test]
fn a_look_at_the_queue_that_is_out_of_date_is_a_deadlock() {
    let found = goes_wrong::<LooksTooEarly>();
    assert!(found.reason.starts_with("deadlock"), "{found}");
}

#[test]
fn a_spurious_wakeup_that_is_believed_has_no_explanation() {
    let found = goes_wrong::<BelievesEveryWakeup>();
    assert!(found.program.spurious_wakeups > 0, "{found}");
    assert!(found.reason.starts_with("no order of the calls"), "{found}");
}

#[test]
fn an_answer_that_was_never_true_has_no_explanation() {
    let program = "0 |  | look submit look".parse().unwrap();
    let history = Arc::new(Mutex::new(History::default()));
    let keep = history.clone();
    let body = move || {
        *keep.lock().unwrap() = execute::<Shuttle>(&program);
        Ok(())
    };
    explore(Search::Random.scheduler(0, 1), body).unwrap();
    let mut history = history.lock().unwrap().clone();
    assert_eq!(linearize::check(&history, false), Ok(()));
    for record in &mut history.records {
        if let Event::Return(Outcome::Status(status)) = &mut record.event {
            status.queued += 1;
        }
    }
    linearize::check(&history, false).expect_err("no more than one was ever queued");
}

/// A real history that holds one of everything, and is then changed by hand.
fn falsified(
    name: &str,
    falsify: impl Fn(&mut Vec<wakeproof_proptests::record::Record>),
) -> String {
    let submit = || Submit(Through::Threadsafe(Caller::Owner), Callback::NOTHING);
    let commands = [
        submit(),
        submit(),
        Cancel(1, Caller::Owner),
        Stop(StopThrough::Loop),
        Run,
        Cancel(0, Caller::Owner),
        Close,
        submit(),
    ];
    let mut history = History::of::<Sleepless>(&commands);
    assert_eq!(properties::check(&history), Ok(()));
    falsify(&mut history.records);
    (property(name).check)(&history).expect_err("the property holds in spite of the falsification")
}

#[test]
fn a_cancelled_callback_that_ran_breaks_cancel() {
    let place = falsified("cancel", |records| {
        for record in records {
            if record.event == Event::Return(Outcome::Cancelled(false)) {
                record.event = Event::Return(Outcome::Cancelled(true));
            }
        }
    });
    assert_eq!(place, "callback 0 was cancelled, and ran");
}

#[test]
fn a_cancellation_refused_without_reason_breaks_cancel() {
    let place = falsified("cancel", |records| {
        for record in records.iter_mut() {
            if record.event == Event::Return(Outcome::Cancelled(true)) {
                record.event = Event::Return(Outcome::Cancelled(false));
            }
        }
        records.retain(|record| record.event != Event::Dropped(1));
    });
    assert_eq!(place, "it was not too late to cancel callback 1");
}

#[test]
fn a_refused_callback_that_the_loop_dropped_breaks_the_promise_to_give_it_back() {
    let place = falsified("an error gives the callback back", |records| {
        let dropped = records
            .iter()
            .position(|record| record.event == Event::Dropped(2))
            .unwrap();
        records.swap(dropped - 1, dropped);
    });
    assert_eq!(place, "callback 2 was refused and not given back");
}

#[test]
fn a_callback_on_another_thread_breaks_the_rule_about_threads() {
    let place = falsified("no callback on a foreign thread", |records| {
        for record in records {
            if record.event == Event::Began(0) {
                record.thread = OWNER + 1;
            }
        }
    });
    assert_eq!(place, "Began(0) on thread 1");
}

/// The demonstration in the README is what is printed.
#[test]
fn shrinking_gives_a_history_that_a_person_can_read() {
    let failure = breaks::<LastInFirstOut>("first in, first out");
    let readme = include_str!("../README.md");
    assert!(
        readme.contains(&format!("```text\n{failure}```")),
        "{failure}"
    );
}
