//! A body that aborts, or never comes back, in a child process.

use std::time::Duration;

use wakeproof_explore::platform::{Loom, ModelPlatform, Shuttle};
use wakeproof_explore::{
    self as explore, Checker, Environment, Exploration, Limits, Scope, Search, Stop, Verdict,
    isolated,
};

const ENVIRONMENT: Environment = Environment::HOSTILE;

fn under_loom(test: &str, limits: &Limits, body: fn()) -> Exploration {
    let scope = Scope::new(Checker::Loom, ENVIRONMENT);
    isolated(test, scope, limits, || {
        explore::loom(ENVIRONMENT, &Limits::default(), body)
    })
}

#[test]
fn an_abort_is_a_verdict() {
    let test = "isolated::an_abort_is_a_verdict";
    let explored = under_loom(test, &Limits::default(), || std::process::abort());
    let Some(Stop::Died(how)) = explored.stopped_by() else {
        panic!("{explored}");
    };
    assert!(how.contains("signal"), "{how}");
}

/// A destructor that panics while its thread unwinds ends the process.
#[test]
fn a_panic_in_a_destructor_is_a_verdict() {
    struct Panics;
    impl Drop for Panics {
        fn drop(&mut self) {
            panic!("one too many");
        }
    }
    let test = "isolated::a_panic_in_a_destructor_is_a_verdict";
    let explored = under_loom(test, &Limits::default(), || {
        let _panics = Panics;
        panic!("it fails");
    });
    assert!(
        matches!(explored.stopped_by(), Some(Stop::Died(_))),
        "{explored}"
    );
}

#[test]
fn a_body_that_never_returns_is_a_verdict() {
    let limits = Limits {
        time: Some(Duration::from_secs(2)),
        ..Limits::default()
    };
    let test = "isolated::a_body_that_never_returns_is_a_verdict";
    let explored = under_loom(test, &limits, || {
        loop {
            std::hint::spin_loop();
        }
    });
    assert!(
        matches!(explored.stopped_by(), Some(Stop::Time(_))),
        "{explored}"
    );
}

#[test]
fn what_is_found_comes_back_with_its_journal_and_schedule() {
    let scope = Scope::new(Checker::Shuttle, ENVIRONMENT);
    let test = "isolated::what_is_found_comes_back_with_its_journal_and_schedule";
    let body = || {
        let thread = Shuttle::spawn("other", || {
            explore::journal::note::<Shuttle>("does something");
        });
        Shuttle::join(thread);
        panic!("it fails");
    };
    let explored = isolated(test, scope, &Limits::default(), || {
        explore::shuttle(ENVIRONMENT, Search::Exhaustive, &Limits::default(), body)
    });
    let Verdict::Found(found) = &explored.verdict else {
        panic!("{explored}");
    };
    assert_eq!(found.message, "it fails");
    assert_eq!(found.journal.threads, ["main", "other"]);
    assert_eq!(found.journal.steps(), 1);
    let schedule = found.schedule().expect("shuttle has schedules");
    let replayed = explore::replay(ENVIRONMENT, schedule, body).unwrap();
    assert!(matches!(replayed.verdict, Verdict::Found(_)), "{replayed}");
}

#[test]
fn what_is_proved_is_proved() {
    let test = "isolated::what_is_proved_is_proved";
    let explored = under_loom(test, &Limits::default(), || {
        Loom::join(Loom::spawn("other", || ()));
    });
    assert!(explored.is_proved(), "{explored}");
}

#[test]
fn a_test_that_is_not_there_is_no_verdict() {
    let explored = under_loom("no::such::test", &Limits::default(), || ());
    assert!(
        matches!(explored.verdict, Verdict::CannotJudge(_)),
        "{explored}"
    );
}
