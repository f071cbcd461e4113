//! Shows that each property test can fail: a fault or a wrong rule breaks it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::test_runner::Config;
use wakeproof_explore::Search;
use wakeproof_faults::InboxFault::{
    AcceptsWhenClosed, BelievesTheSpin, CheckOutsideTheLock, ClosesWithoutEmptying,
    IfInsteadOfWhile, LastInFirstOut, LosesTheLast, NoNotify, Oversleeps, SilentStop, StaysStopped,
    StopsWhenEmpty,
};
use wakeproof_faults::{FaultChoice, InboxFault, choose};
use wakeproof_proptests::command::Command::{Cancel, Close, Run, Spawn, Stop, Submit};
use wakeproof_proptests::command::{Callback, Caller, Due, SpawnCall, StopCall, SubmitCall};
use wakeproof_proptests::concurrent::execution::execute;
use wakeproof_proptests::concurrent::explore::{explore, searches};
use wakeproof_proptests::concurrent::program::{self, Program};
use wakeproof_proptests::concurrent::{self, Counterexample, linearize};
use wakeproof_proptests::faults::{
    ClearTakesBack, CompletionCutsShort, DueEarly, DueTimersJoin, EveryWakeupCounts,
    InOrderOfSubmission, LastOfEqualsFirst, LastWaiterFirst, PollsForgetWakeups, ReadyIsTooLate,
    loop_notifies_nobody,
};
use wakeproof_proptests::find::{Found, find, same_cases};
use wakeproof_proptests::history;
use wakeproof_proptests::properties::{self, History, Property};
use wakeproof_proptests::record::{Call, End, Event, OWNER, Record, ReturnValue};
use wakeproof_proptests::reference::{Documented, Rules};
use wakeproof_proptests::virtual_time::VirtualTime;

use crate::watchdog;

fn property(name: &str) -> Property {
    let found = properties::ALL.iter().find(|found| found.name == name);
    *found.expect("no property has that name")
}

/// Checks that the fault breaks this property, and that the loop with the fault differs from the
/// reference. Returns the history that shows the difference.
#[track_caller]
fn breaks(fault: InboxFault, name: &str) -> String {
    let _watchdog = watchdog::guard();
    choose(fault.into());
    let failure = history::check_property::<VirtualTime>(property(name), same_cases());
    choose(FaultChoice::CORRECT);
    let failure = failure.expect_err("the property holds despite the fault");
    let broken = format!("the history breaks the property {name:?}");
    assert!(failure.starts_with(&broken), "{failure}");
    match find(Some(fault)) {
        Found::InHistory(failure) => failure,
        other => panic!("the histories do not show the fault: {other}"),
    }
}

#[test]
fn a_lost_callback_breaks_exactly_once() {
    breaks(LosesTheLast, "exactly once");
}

#[test]
fn another_order_breaks_first_in_first_out() {
    breaks(LastInFirstOut, "first in, first out");
}

#[test]
fn one_iteration_too_many_breaks_the_iteration_snapshot() {
    breaks(StopsWhenEmpty, "iteration snapshot");
}

#[test]
fn a_stop_that_stays_breaks_stop() {
    breaks(StaysStopped, "stop");
}

#[test]
fn accepting_on_a_closed_loop_breaks_close() {
    breaks(AcceptsWhenClosed, "close");
}

#[test]
fn a_close_that_leaves_the_queue_breaks_destructors() {
    breaks(ClosesWithoutEmptying, "destructors");
}

#[test]
fn a_deadline_that_is_missed_breaks_sleep() {
    breaks(Oversleeps, "sleep");
}

/// Checks that the loop refutes a reference with this wrong rule. Returns the history that does.
#[track_caller]
fn refuted<R: Rules>() -> String {
    let _watchdog = watchdog::guard();
    let refuted = history::check_against::<VirtualTime, R>(same_cases());
    let refuted = refuted.expect_err("the loop follows the wrong rule");
    let (difference, history) = refuted.split_once("in the history").unwrap();
    assert!(difference.contains("expected: "), "{refuted}");
    history.to_owned()
}

/// Whether the history sets timers, for callbacks or for tasks.
fn sets_timers(history: &str) -> bool {
    ["Timer", "Sleep(", "Timeout("]
        .iter()
        .any(|call| history.contains(call))
}

/// Whether the history has a task or the future of a run.
fn has_tasks(history: &str) -> bool {
    history.contains("Spawn") || history.contains("RunUntilComplete")
}

#[test]
fn timers_do_not_run_in_the_order_of_submission() {
    let history = refuted::<InOrderOfSubmission>();
    assert!(sets_timers(&history), "{history}");
}

#[test]
fn timers_with_equal_deadlines_do_not_run_in_another_order_than_that_of_submission() {
    let history = refuted::<LastOfEqualsFirst>();
    assert!(sets_timers(&history), "{history}");
}

#[test]
fn a_timer_is_not_early() {
    let history = refuted::<DueEarly>();
    assert!(sets_timers(&history), "{history}");
}

#[test]
fn a_timer_that_becomes_due_while_others_run_does_not_join_them() {
    let history = refuted::<DueTimersJoin>();
    assert!(
        sets_timers(&history) && history.contains("Elapse"),
        "{history}"
    );
}

#[test]
fn hundreds_of_timers_that_are_not_cancelled_change_something() {
    let _watchdog = watchdog::guard();
    let failure = history::check_among_timers::<VirtualTime>(same_cases(), false).unwrap_err();
    assert!(failure.starts_with("in Run"), "{failure}");
    assert!(failure.contains("\n    expected: "), "{failure}");
}

#[test]
fn a_task_is_not_polled_as_many_times_as_it_is_woken() {
    let history = refuted::<EveryWakeupCounts>();
    assert!(has_tasks(&history), "{history}");
}

#[test]
fn a_task_that_is_woken_while_it_is_polled_does_not_sleep_on() {
    let history = refuted::<PollsForgetWakeups>();
    assert!(has_tasks(&history), "{history}");
}

#[test]
fn a_wait_that_is_ready_when_its_time_has_come_is_not_too_late() {
    let history = refuted::<ReadyIsTooLate>();
    assert!(history.contains("Await(Timeout("), "{history}");
}

#[test]
fn a_future_that_completes_does_not_cut_the_iteration_short() {
    let history = refuted::<CompletionCutsShort>();
    assert!(history.contains("RunUntilComplete("), "{history}");
}

#[test]
fn an_event_does_not_release_the_last_waiter_first() {
    let history = refuted::<LastWaiterFirst>();
    assert!(history.contains("Await(Event("), "{history}");
    assert!(history.contains("SetEvent("), "{history}");
}

#[test]
fn a_clear_does_not_take_back_a_set() {
    let history = refuted::<ClearTakesBack>();
    assert!(history.contains("Await("), "{history}");
    assert!(history.contains("ClearEvent("), "{history}");
}

/// Checks that the fault shows only between threads, and shows again when the execution is repeated.
#[track_caller]
fn goes_wrong(fault: InboxFault) -> Counterexample {
    let _watchdog = watchdog::guard();
    let few = Config {
        cases: 64,
        ..same_cases()
    };
    choose(fault.into());
    assert_eq!(history::check::<VirtualTime>(few), Ok(()));
    choose(FaultChoice::CORRECT);
    let found = concurrent::check(fault.into(), same_cases());
    let found = found.expect_err("the fault does not show");
    let text = found.to_string();
    let (_, command) = text.split_once("WAKEPROOF_REPLAY='").unwrap();
    let (printed, _) = command.split_once('\'').unwrap();
    let (program, schedule) = concurrent::parse(printed).unwrap();
    let again = concurrent::replay(fault.into(), &program, &schedule)
        .unwrap()
        .unwrap_err();
    assert_eq!(again.to_string(), text);
    *found
}

#[test]
fn a_submission_that_wakes_nobody_is_a_deadlock() {
    let found = goes_wrong(NoNotify);
    assert!(found.reason.starts_with("deadlock"), "{found}");
    let readme = include_str!("../README.md");
    assert!(readme.contains(&format!("```text\n{found}```")), "{found}");
}

/// Checks that the program ends on the correct loop, and deadlocks with the fault.
#[track_caller]
fn deadlocks(wrong: FaultChoice, program: &str) {
    let _watchdog = watchdog::guard();
    let program = program.parse().unwrap();
    if let Err(found) = concurrent::try_schedules(FaultChoice::CORRECT, &program, 0) {
        panic!("{found}");
    }
    let found = concurrent::try_schedules(wrong, &program, 0);
    let found = found.expect_err("the fault does not show");
    assert!(found.reason.starts_with("deadlock"), "{found}");
}

/// The same fault in programs where only one call can wake the loop.
mod without_a_wakeup {
    use super::*;

    #[test]
    fn a_timer_is_a_deadlock() {
        deadlocks(NoNotify.into(), "0 |  | submit_later1");
    }

    #[test]
    fn a_spawn_is_a_deadlock() {
        deadlocks(NoNotify.into(), "0 |  | spawn");
        deadlocks(NoNotify.into(), "0 |  | spawn result0");
    }

    #[test]
    fn an_event_is_a_deadlock() {
        deadlocks(NoNotify.into(), "0 | spawn_local(wait) | set_threadsafe");
    }

    #[test]
    fn a_waker_is_a_deadlock() {
        deadlocks(NoNotify.into(), "0 | spawn_local(keep_waker wait) | wake0");
    }

    #[test]
    fn a_cancellation_is_a_deadlock() {
        deadlocks(NoNotify.into(), "0 | spawn(wait) | cancel_task0");
        deadlocks(NoNotify.into(), "0 | spawn(wait) | result0");
    }
}

#[test]
fn a_result_that_nobody_is_told_of_is_a_deadlock() {
    deadlocks(loop_notifies_nobody(), "0 |  | spawn result0");
    deadlocks(
        loop_notifies_nobody(),
        "0 |  | spawn(wait) set_threadsafe result0",
    );
}

/// The mistake of the original question: shrinking a longer program leads to it.
#[test]
fn an_event_that_is_set_without_the_wakeup_is_a_deadlock() {
    let _watchdog = watchdog::guard();
    let deadlocks = |program: &Program| {
        let found = searches(0).into_iter().find_map(|search| {
            let program = program.clone();
            let body = move || {
                execute(&program);
                Ok(())
            };
            explore(search, 50, FaultChoice::CORRECT, body).err()
        });
        found.is_some_and(|(reason, _)| reason.starts_with("deadlock"))
    };
    let long = "1 | call_soon(look) | look spawn(yield wait) await0 await1 set_without_wakeup";
    let shortest = program::shortest(long.parse().unwrap(), deadlocks);
    assert_eq!(
        shortest.to_string(),
        "0 |  | spawn(wait) set_without_wakeup"
    );
    let safe = "0 |  | spawn(wait) set_threadsafe".parse().unwrap();
    assert!(!deadlocks(&safe));
}

/// Checks that the documented rules explain what this program does, and that the wrong rule does not.
#[track_caller]
fn refuted_by<R: Rules>(program: &str) {
    let _watchdog = watchdog::guard();
    let program = program.parse().unwrap();
    if let Err(found) = concurrent::explain_by::<Documented>(&program, 0) {
        panic!("{found}");
    }
    let refuted = concurrent::explain_by::<R>(&program, 0);
    let refuted = refuted.expect_err("the loop follows the wrong rule");
    assert!(refuted.reason.starts_with("no order"), "{refuted}");
}

#[test]
fn a_wakeup_that_comes_in_a_poll_is_not_forgotten() {
    refuted_by::<PollsForgetWakeups>("0 |  | spawn(yield)");
    refuted_by::<PollsForgetWakeups>("0 |  | spawn(keep_waker wait) | wake0 wake0");
}

#[test]
fn wakeups_from_several_threads_are_one() {
    refuted_by::<EveryWakeupCounts>("0 | spawn_local(keep_waker wait) | await0 wake0 wake0 look");
}

#[test]
fn an_event_that_another_thread_sets_does_not_release_the_last_waiter_first() {
    refuted_by::<LastWaiterFirst>("0 | spawn_local(wait) spawn_local(wait) | set_threadsafe");
}

#[test]
fn a_clear_does_not_take_back_a_set_on_the_way_to_another_thread() {
    refuted_by::<ClearTakesBack>("0 | spawn(wait) | submit(set clear) | result0");
}

/// The same fault where the loop sleeps only until a later deadline, not for ever. The second timer reads
/// the clock, which shows that the first was set before the deadline.
#[test]
fn a_timer_that_does_not_shorten_a_sleep_has_no_explanation() {
    let _watchdog = watchdog::guard();
    let program = "0 | call_later3 | submit_later1 submit_later1"
        .parse()
        .unwrap();
    let mut seeds = 0..20;
    let correct = |seed| concurrent::try_schedules(FaultChoice::CORRECT, &program, seed).is_ok();
    assert!(seeds.clone().all(correct));
    // A schedule on which both timers come after the last deadline ends in a deadlock.
    let found = seeds.find_map(|seed| {
        let found = concurrent::try_schedules(NoNotify.into(), &program, seed).err()?;
        found
            .reason
            .starts_with("no order of the calls")
            .then_some(found)
    });
    assert!(found.is_some(), "the fault does not show");
}

#[test]
fn a_stop_that_wakes_nobody_is_a_deadlock() {
    let found = goes_wrong(SilentStop);
    assert!(found.reason.starts_with("deadlock"), "{found}");
}

#[test]
fn a_look_at_the_queue_that_is_out_of_date_is_a_deadlock() {
    let found = goes_wrong(CheckOutsideTheLock);
    assert!(found.reason.starts_with("deadlock"), "{found}");
}

#[test]
fn a_spin_that_is_believed_is_a_deadlock() {
    let found = goes_wrong(BelievesTheSpin);
    assert!(found.reason.starts_with("deadlock"), "{found}");
}

#[test]
fn a_spurious_wakeup_that_is_believed_has_no_explanation() {
    let found = goes_wrong(IfInsteadOfWhile);
    assert!(found.program.spurious_wakeups > 0, "{found}");
    assert!(found.reason.starts_with("no order of the calls"), "{found}");
}

/// Executes this program once, and returns its history.
fn history_of(program: &str) -> History {
    let _watchdog = watchdog::guard();
    let program = program.parse().unwrap();
    let history = Arc::new(Mutex::new(History::default()));
    let keep = history.clone();
    let body = move || {
        *keep.lock().unwrap() = execute(&program);
        Ok(())
    };
    explore(Search::Random { seed: 0 }, 1, FaultChoice::CORRECT, body).unwrap();
    let history = history.lock().unwrap().clone();
    assert_eq!(properties::check(&history), Ok(()));
    assert_eq!(linearize::check(&history, false), Ok(()));
    history
}

#[test]
fn an_answer_that_was_never_true_has_no_explanation() {
    let mut history = history_of("0 |  | look submit look");
    for record in &mut history.records {
        if let Event::Return(ReturnValue::Status(status)) = &mut record.event {
            status.queued += 1;
        }
    }
    linearize::check(&history, false).expect_err("at most one callback was ever queued");
}

/// Changes the history of a thread that waits for the end of a task. Returns how it breaks `result`.
#[track_caller]
fn falsified_result(falsify: impl Fn(&mut Vec<Record>)) -> String {
    let mut history = history_of("0 |  | spawn result0");
    falsify(&mut history.records);
    let broken = (property("result").check)(&history);
    broken.expect_err("the property holds despite the change")
}

#[test]
fn an_end_that_is_another_breaks_result() {
    let place = falsified_result(|records| {
        for record in records {
            if record.event == Event::Return(ReturnValue::Result(Some(End::Returned))) {
                record.event = Event::Return(ReturnValue::Result(Some(End::Cancelled)));
            }
        }
    });
    assert_eq!(place, "the wrong end of task 0 was reported: Cancelled");
}

#[test]
fn an_end_that_is_told_again_breaks_result() {
    let place = falsified_result(|records| again(records, Some(End::Returned)));
    assert_eq!(place, "the end of task 0 was reported twice");
}

#[test]
fn a_task_that_outlives_its_loop_breaks_result() {
    let place = falsified_result(|records| again(records, None));
    assert_eq!(place, "the loop is closed, but task 0 has not ended");
}

/// Adds another call that asks how the task ended.
fn again(records: &mut Vec<Record>, end: Option<End>) {
    let events = [
        Event::Call(Call::Result(0)),
        Event::Return(ReturnValue::Result(end)),
    ];
    records.extend(events.map(|event| Record {
        thread: OWNER,
        event,
    }));
}

#[test]
fn an_end_before_the_destructor_breaks_result() {
    let place = falsified_result(|records| {
        let dropped = records
            .iter()
            .position(|record| record.event == Event::Dropped(0))
            .unwrap();
        let dropped = records.remove(dropped);
        records.push(dropped);
    });
    assert_eq!(
        place,
        "the end of task 0 was reported before its future was dropped"
    );
}

/// Changes a real history that has one call of each kind. Returns how it breaks the property.
fn falsified(name: &str, falsify: impl Fn(&mut Vec<Record>)) -> String {
    let _watchdog = watchdog::guard();
    let submit = || Submit(SubmitCall::Threadsafe(Caller::Owner), Callback::NOTHING);
    let stop = Callback {
        script: vec![Stop(StopCall::Loop)],
        ..Callback::NOTHING
    };
    let commands = [
        submit(),
        submit(),
        Cancel(1, Caller::Owner),
        Stop(StopCall::Loop),
        Run,
        Submit(SubmitCall::Timer(Due::Later(5)), stop),
        Run,
        Cancel(0, Caller::Owner),
        Spawn(SpawnCall::Local, Callback::NOTHING),
        Stop(StopCall::Loop),
        Run,
        Close,
        submit(),
    ];
    let mut history = History::of::<VirtualTime>(&commands);
    assert_eq!(properties::check(&history), Ok(()));
    falsify(&mut history.records);
    (property(name).check)(&history).expect_err("the property holds despite the change")
}

#[test]
fn a_cancelled_callback_that_ran_breaks_cancel() {
    let place = falsified("cancel", |records| {
        for record in records {
            if record.event == Event::Return(ReturnValue::Cancelled(false)) {
                record.event = Event::Return(ReturnValue::Cancelled(true));
            }
        }
    });
    assert_eq!(place, "callback 0 was cancelled, and ran");
}

#[test]
fn a_cancellation_refused_without_reason_breaks_cancel() {
    let place = falsified("cancel", |records| {
        for record in records.iter_mut() {
            if record.event == Event::Return(ReturnValue::Cancelled(true)) {
                record.event = Event::Return(ReturnValue::Cancelled(false));
            }
        }
        records.retain(|record| record.event != Event::Dropped(1));
    });
    assert_eq!(place, "callback 1 could have been cancelled, but was not");
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
            if let Event::Return(ReturnValue::Submitted(Ok(Some(deadline)))) = &mut record.event {
                *deadline -= Duration::from_millis(1);
            }
        }
    });
    assert_eq!(place, "timer 2 was requested for 5ms, not for 4ms");
}

#[test]
fn a_task_that_overtakes_a_callback_breaks_first_in_first_out() {
    let place = falsified("first in, first out", |records| {
        let polled = records
            .iter()
            .position(|record| matches!(record.event, Event::Polled(3, _)))
            .unwrap();
        let polled = records.remove(polled);
        records.insert(0, polled);
    });
    assert_eq!(
        place,
        "callback 0 was accepted before 3 was submitted, and ran after it"
    );
}

#[test]
fn a_task_that_is_polled_when_it_is_over_breaks_task() {
    let place = falsified("task", |records| {
        let polled = records
            .iter()
            .position(|record| matches!(record.event, Event::Polled(3, _)))
            .unwrap();
        let dropped = records
            .iter()
            .position(|record| record.event == Event::Dropped(3))
            .unwrap();
        records.insert(dropped + 1, records[polled].clone());
    });
    assert_eq!(
        place,
        "task 3 was polled, although it was over or was never spawned"
    );
}

#[test]
fn a_task_that_is_left_behind_breaks_task() {
    let place = falsified("task", |records| {
        records.retain(|record| !matches!(record.event, Event::Ended(3) | Event::Dropped(3)));
    });
    assert_eq!(place, "task 3 neither ended nor was dropped");
}

#[test]
fn a_task_that_another_thread_drops_breaks_task() {
    let place = falsified("task", |records| {
        for record in records {
            if record.event == Event::Dropped(3) {
                record.thread = OWNER + 1;
            }
        }
    });
    assert_eq!(place, "task 3 ended on a foreign thread");
}

#[test]
fn a_refused_callback_that_the_loop_dropped_breaks_the_promise_to_give_it_back() {
    let place = falsified("an error gives the callback back", |records| {
        let dropped = records
            .iter()
            .position(|record| record.event == Event::Dropped(4))
            .unwrap();
        records.swap(dropped - 1, dropped);
    });
    assert_eq!(place, "callback 4 was refused and not given back");
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

fn at(records: &[Record], event: &Event) -> usize {
    let found = records.iter().position(|record| record.event == *event);
    found.expect("no record has this event")
}

/// Adds an event on the loop's thread at this index.
fn insert(records: &mut Vec<Record>, at: usize, event: Event) {
    records.insert(
        at,
        Record {
            thread: OWNER,
            event,
        },
    );
}

fn push(records: &mut Vec<Record>, event: Event) {
    insert(records, records.len(), event);
}

/// A change to the history of [`falsified`], the property that it breaks, and what the check says.
type Change = (&'static str, fn(&mut Vec<Record>), &'static str);

/// Every message of a property that no test above has seen.
const CHANGES: [Change; 16] = [
    (
        "exactly once",
        |records| push(records, Event::Began(4, Duration::ZERO)),
        "callback 4 was refused, and ran",
    ),
    (
        "exactly once",
        |records| push(records, Event::Began(0, Duration::ZERO)),
        "callback 0 ran more than once",
    ),
    (
        "exactly once",
        |records| push(records, Event::Began(1, Duration::ZERO)),
        "callback 1 ran and was cancelled, or was cancelled twice",
    ),
    (
        "exactly once",
        |records| records.retain(|record| !matches!(record.event, Event::Began(0, _))),
        "callback 0 neither ran, nor was cancelled, nor was dropped by the close",
    ),
    (
        "sleep",
        |records| {
            let began = at(records, &Event::Began(0, Duration::ZERO));
            insert(records, began, Event::Slept(Duration::ZERO));
        },
        "the loop slept while callback 0 was queued",
    ),
    (
        "sleep",
        |records| {
            for record in records {
                if let Event::Slept(until) = &mut record.event {
                    *until += Duration::from_nanos(1);
                }
            }
        },
        "the loop slept until 5.000001ms, and timer 2 was due at 5ms",
    ),
    (
        "sleep",
        |records| push(records, Event::Slept(Duration::from_millis(7))),
        "the loop slept until 7ms without a timer",
    ),
    (
        "task",
        |records| {
            push(records, Event::Call(Call::Spawn(9, SpawnCall::Local)));
            push(records, Event::Polled(9, Duration::ZERO));
        },
        "task 9 was polled on a closed loop",
    ),
    (
        "iteration snapshot",
        |records| {
            let ended = at(records, &Event::Ended(2));
            let submitted = Event::Return(ReturnValue::Submitted(Ok(None)));
            insert(records, ended, Event::Began(5, Duration::ZERO));
            insert(records, ended, submitted);
            insert(
                records,
                ended,
                Event::Call(Call::Submit(5, SubmitCall::CallSoon)),
            );
        },
        "callback 2 stopped the loop, but 5, submitted after it began, ran in the same run",
    ),
    (
        "stop",
        |records| records.retain(|record| record.event != Event::Call(Call::Stop)),
        "1 runs returned after 0 stops",
    ),
    (
        "stop",
        |records| {
            let dropped = at(records, &Event::Dropped(0));
            let dropped = records.remove(dropped);
            records.push(dropped);
        },
        "callback 0 was left over by a run",
    ),
    (
        "close",
        |records| {
            let is_close =
                |event: &Event| matches!(event, Event::Call(Call::Close | Call::DropLoop));
            records.retain(|record| !is_close(&record.event));
        },
        "the history does not end with a close",
    ),
    (
        "close",
        |records| push(records, Event::Began(0, Duration::ZERO)),
        "callback 0 ran on a closed loop",
    ),
    (
        "close",
        |records| {
            for record in records {
                if let Event::Return(ReturnValue::Submitted(submitted)) = &mut record.event {
                    *submitted = Ok(None);
                }
            }
        },
        "callback 4 was accepted by a closed loop",
    ),
    (
        "destructors",
        |records| push(records, Event::Dropped(0)),
        "callback 0 was dropped 2 times",
    ),
    (
        "destructors",
        |records| {
            let dropped = at(records, &Event::Dropped(0));
            records[dropped].thread = OWNER + 1;
        },
        "callback 0 was dropped at the wrong time, or on the wrong thread",
    ),
];

#[test]
fn every_other_change_breaks_its_property() {
    for (name, change, message) in CHANGES {
        assert_eq!(falsified(name, change), message);
    }
}

/// The README shows what is really printed.
#[test]
fn shrinking_gives_a_history_that_a_person_can_read() {
    let failure = breaks(LastInFirstOut, "first in, first out");
    let readme = include_str!("../README.md");
    assert!(
        readme.contains(&format!("```text\n{failure}```")),
        "{failure}"
    );
}
