//! Runs random histories of one thread, with every public call, on the real loop and the reference.

use std::sync::mpsc;
use std::time::Duration;

use proptest::test_runner::FileFailurePersistence;
use wakeproof::EventLoop;
use wakeproof_faults::{FaultChoice, InboxFault, choose};
use wakeproof_proptests::config::config;
use wakeproof_proptests::history::{self, Histories, OnPlatform, Outcome};
use wakeproof_proptests::under_test::{Capability, Claims, Rule};
use wakeproof_proptests::virtual_time::VirtualTime;

use crate::watchdog;

/// The seeds of failures. They are tried first.
const REGRESSIONS: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/proptest-regressions/sequential.txt"
);

#[test]
fn the_real_loop_behaves_as_the_reference_in_random_histories() {
    let _watchdog = watchdog::guard();
    let mut config = config("histories of one thread", 300);
    config.failure_persistence = Some(Box::new(FileFailurePersistence::Direct(REGRESSIONS)));
    if let Err(failure) = history::check::<VirtualTime>(config) {
        panic!("{failure}");
    }
}

/// What another loop with asyncio's interface can claim, seen from outside.
fn as_from_outside() -> Claims {
    let can = [
        Capability::CallSoon,
        Capability::Threadsafe,
        Capability::Timers,
        Capability::VirtualTime,
        Capability::Cancel,
        Capability::Scripts,
        Capability::Panics,
        Capability::Close,
    ];
    Claims {
        can: can.into(),
        promises: Rule::ALL.into(),
        shows: [].into(),
    }
}

fn histories(count: u64) -> Histories {
    Histories {
        seed: 0,
        count,
        shrinking: Duration::from_secs(10),
    }
}

#[test]
fn the_real_loop_keeps_less_than_it_claims_too() {
    let _watchdog = watchdog::guard();
    let mut claims = as_from_outside();
    loop {
        let maker = OnPlatform::<VirtualTime>::claiming(claims.clone());
        let Ok(outcome) = history::check_loop(&maker, histories(200), &|_| true);
        assert!(matches!(outcome, Outcome::Held), "{claims:?}: {outcome:?}");
        let left_out = claims.promises.pop_last();
        if left_out == Some(Rule::StopAfterIteration) || !claims.has_histories() {
            break;
        }
    }
}

/// What is claimed is tested, and what is not claimed does not occur.
#[test]
fn a_fault_is_found_where_it_can_be_seen() {
    let _watchdog = watchdog::guard();
    let check = |fault: InboxFault, claims: &Claims| {
        choose(Some(fault).into());
        let maker = OnPlatform::<VirtualTime>::claiming(claims.clone());
        let Ok(outcome) = history::check_loop(&maker, histories(1000), &|_| true);
        choose(FaultChoice::CORRECT);
        outcome
    };
    let claims = as_from_outside();
    for fault in [
        InboxFault::AcceptsWhenClosed,
        InboxFault::LosesTheLast,
        InboxFault::LastInFirstOut,
        InboxFault::StopsWhenEmpty,
        InboxFault::StaysStopped,
    ] {
        let Outcome::Refuted(refutation) = check(fault, &claims) else {
            panic!("{fault} was not found");
        };
        let commands = &refutation.commands;
        assert!(commands.len() <= 6, "{fault}: {commands:?}");
        assert!(refutation.is_shortest, "{fault}");
    }
    let mut without_close = claims;
    without_close.can.remove(&Capability::Close);
    let hidden = check(InboxFault::AcceptsWhenClosed, &without_close);
    assert!(matches!(hidden, Outcome::Held), "{hidden:?}");
    assert!(without_close.untested().contains(&"close".to_owned()));
}

#[test]
fn a_search_can_be_interrupted() {
    let maker = OnPlatform::<VirtualTime>::claiming(as_from_outside());
    let outcome = history::check_loop(&maker, histories(1000), &|done| done < 10);
    assert!(matches!(outcome, Ok(Outcome::Interrupted)), "{outcome:?}");
}

/// The loop may remove a cancelled timer at once, at its deadline, or when there are too many. The choice
/// must not be visible.
#[test]
fn hundreds_of_cancelled_timers_change_nothing() {
    let _watchdog = watchdog::guard();
    let config = config("histories among cancelled timers", 40);
    history::check_among_timers::<VirtualTime>(config, true)
        .unwrap_or_else(|text| panic!("{text}"));
}

/// Time passes only while the loop sleeps until a deadline.
#[test]
fn a_day_takes_no_time() {
    let _watchdog = watchdog::guard();
    const DAY: Duration = Duration::from_secs(24 * 3600);
    let event_loop = EventLoop::<VirtualTime>::on_platform();
    let local = event_loop.local();
    let midnight = local.time();
    let clock = event_loop.local();
    let (ran, time) = mpsc::channel();
    let timer = local.call_later(DAY, move || {
        ran.send(clock.time()).unwrap();
        clock.stop();
    });
    assert_eq!(timer.unwrap().when(), midnight + DAY);
    event_loop.run_forever().unwrap();
    assert_eq!(time.try_recv(), Ok(midnight + DAY));
    assert_eq!(local.time(), midnight + DAY);
}

/// Histories that once failed.
mod found {
    use wakeproof_proptests::command::Command::*;
    use wakeproof_proptests::command::{
        Callback, Caller, Destructor, Due, SpawnCall, StopCall, SubmitCall,
    };

    use super::*;

    #[test]
    fn a_cancelled_callback_was_reported_as_slow() {
        let history = [
            SetDebug(true),
            Stop(StopCall::Local),
            Submit(SubmitCall::CallSoon, Callback::NOTHING),
            Cancel(0, Caller::Owner),
            SetSlowCallbackDuration(0),
            Run,
        ];
        assert_eq!(history::replay::<VirtualTime>(&history), Ok(()));
    }

    #[test]
    fn a_destructor_that_panicked_in_a_cancel_left_the_deadline_behind() {
        let timer = |delay, callback| Submit(SubmitCall::Timer(Due::Later(delay)), callback);
        let panics = Callback {
            destructor: Destructor::Panics,
            ..Callback::NOTHING
        };
        let stops = Callback {
            script: vec![Stop(StopCall::Local)],
            ..Callback::NOTHING
        };
        let history = [
            timer(1, panics),
            Cancel(0, Caller::Owner),
            timer(2, stops),
            Run,
        ];
        assert_eq!(history::replay::<VirtualTime>(&history), Ok(()));
    }

    #[test]
    fn a_close_dropped_tasks_in_another_order_than_they_were_spawned() {
        let history = [
            Spawn(SpawnCall::Threadsafe(Caller::Owner), Callback::NOTHING),
            Spawn(SpawnCall::Local, Callback::NOTHING),
            Close,
        ];
        assert_eq!(history::replay::<VirtualTime>(&history), Ok(()));
    }
}
