//! Every property has been seen to fail: here, each time.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use wakeproof::inbox::Protocol;
use wakeproof::platform::{Shuttle, Variant};
use wakeproof_proptests::command::Command::{Cancel, Close, Run, Stop, Submit};
use wakeproof_proptests::command::{Callback, Caller, Due, StopThrough, Through};
use wakeproof_proptests::concurrent::execution::execute;
use wakeproof_proptests::concurrent::explore::{Search, explore};
use wakeproof_proptests::concurrent::{self, Counterexample, linearize};
use wakeproof_proptests::faults::{
    AcceptsWhenClosed, BelievesEveryWakeup, ClosesWithoutEmptying, DueEarly, DueTimersJoin,
    InOrderOfSubmission, LastInFirstOut, LastOfEqualsFirst, LooksTooEarly, LosesTheLast,
    Oversleeps, StaysStopped, StopsSilently, StopsWhenEmpty, WakesNobody,
};
use wakeproof_proptests::find::{Found, find, same_cases};
use wakeproof_proptests::history;
use wakeproof_proptests::properties::{self, History, Property};
use wakeproof_proptests::record::{Event, OWNER, Outcome};
use wakeproof_proptests::reference::Rules;
use wakeproof_proptests::virtual_time::VirtualTime;

fn property(name: &str) -> Property {
    let found = properties::ALL.iter().find(|found| found.name == name);
    *found.expect("a property of that name")
}

/// The fault breaks this property, and differs from the reference too.
#[track_caller]
fn breaks<V: Protocol>(name: &str) -> String {
    let failure = history::check_property::<VirtualTime<V>>(property(name), same_cases());
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

#[test]
fn a_deadline_that_is_missed_breaks_sleep() {
    breaks::<Oversleeps>("sleep");
}

/// The loop refutes a reference with this rule. Gives the history that does.
#[track_caller]
fn refuted<R: Rules>() -> String {
    let refuted = history::check_against::<VirtualTime, R>(same_cases());
    let refuted = refuted.expect_err("the loop behaves according to the wrong rule");
    let (difference, history) = refuted.split_once("in the history").unwrap();
    assert!(difference.contains("expected: "), "{refuted}");
    history.to_owned()
}

#[test]
fn timers_do_not_run_in_the_order_of_submission() {
    assert!(refuted::<InOrderOfSubmission>().contains("Timer"));
}

#[test]
fn timers_with_equal_deadlines_do_not_run_in_another_order_than_that_of_submission() {
    assert!(refuted::<LastOfEqualsFirst>().contains("Timer"));
}

#[test]
fn a_timer_is_not_early() {
    assert!(refuted::<DueEarly>().contains("Timer"));
}

#[test]
fn a_timer_that_becomes_due_while_others_run_does_not_join_them() {
    let history = refuted::<DueTimersJoin>();
    assert!(
        history.contains("Timer") && history.contains("Elapse"),
        "{history}"
    );
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

/// The same fault, where a timer is all that there is.
#[test]
fn a_timer_that_wakes_nobody_is_a_deadlock() {
    let program = "0 |  | submit_later1".parse().unwrap();
    assert!(concurrent::try_schedules::<Variant<Shuttle>>(&program, 0).is_ok());
    let found = concurrent::try_schedules::<Variant<Shuttle, WakesNobody>>(&program, 0);
    let found = found.expect_err("the fault does not show");
    assert!(found.reason.starts_with("deadlock"), "{found}");
}

/// The same fault, where the loop sleeps until a later deadline, and so not for ever. The second timer
/// is there to read the clock: it shows that the first was set before the deadline came.
#[test]
fn a_timer_that_does_not_shorten_a_sleep_has_no_explanation() {
    let program = "0 | call_later3 | submit_later1 submit_later1"
        .parse()
        .unwrap();
    let mut seeds = 0..20;
    let correct = |seed| concurrent::try_schedules::<Variant<Shuttle>>(&program, seed).is_ok();
    assert!(seeds.clone().all(correct));
    let found = seeds.find_map(|seed| {
        concurrent::try_schedules::<Variant<Shuttle, WakesNobody>>(&program, seed).err()
    });
    let found = found.expect("the fault does not show");
    assert!(found.reason.starts_with("no order of the calls"), "{found}");
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
    let stop = Callback {
        script: vec![Stop(StopThrough::Loop)],
        ..Callback::NOTHING
    };
    let commands = [
        submit(),
        submit(),
        Cancel(1, Caller::Owner),
        Stop(StopThrough::Loop),
        Run,
        Submit(Through::Timer(Due::Later(5)), stop),
        Run,
        Cancel(0, Caller::Owner),
        Close,
        submit(),
    ];
    let mut history = History::of::<VirtualTime>(&commands);
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
fn a_timer_that_is_early_breaks_deadline() {
    let place = falsified("deadline", |records| {
        for record in records {
            if let Event::Began(2, now) = &mut record.event {
                *now -= Duration::from_millis(1);
            }
        }
    });
    assert_eq!(place, "timer 2 ran at 4ms, not at 5ms");
}

#[test]
fn a_deadline_that_nobody_asked_for_breaks_deadline() {
    let place = falsified("deadline", |records| {
        for record in records {
            if let Event::Return(Outcome::Submitted(Ok(Some(deadline)))) = &mut record.event {
                *deadline -= Duration::from_millis(1);
            }
        }
    });
    assert_eq!(place, "timer 2 was to be due at 5ms, not at 4ms");
}

#[test]
fn a_refused_callback_that_the_loop_dropped_breaks_the_promise_to_give_it_back() {
    let place = falsified("an error gives the callback back", |records| {
        let dropped = records
            .iter()
            .position(|record| record.event == Event::Dropped(3))
            .unwrap();
        records.swap(dropped - 1, dropped);
    });
    assert_eq!(place, "callback 3 was refused and not given back");
}

#[test]
fn a_callback_on_another_thread_breaks_the_rule_about_threads() {
    let place = falsified("no callback on a foreign thread", |records| {
        for record in records {
            if let Event::Began(0, _) = record.event {
                record.thread = OWNER + 1;
            }
        }
    });
    assert_eq!(place, "Began(0, 0ns) on thread 1");
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
