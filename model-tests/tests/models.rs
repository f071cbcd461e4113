//! Every model of the loop holds under every checker, and its faulty version fails.

use std::time::Duration;

use wakeproof_explore::trace::Trace;
use wakeproof_explore::{Environment, Exploration, Limits, Search, Stop, Verdict};
use wakeproof_faults::InboxFault;
use wakeproof_model_tests::models::{JobsThatMeet, Subject, Submit};
use wakeproof_model_tests::pairs::{Pair, pairs};

use crate::watchdog;

pub(crate) fn assert_proved(name: &str, exploration: &Exploration) {
    println!("{name}: {exploration} ({:?})", exploration.time);
    if let Ok(trace) = Trace::told(name, "must not fail", exploration, "a counterexample") {
        panic!("{}", trace.to_text());
    }
    assert!(exploration.is_proved(), "{name}: {exploration}");
}

pub(crate) fn assert_found(name: &str, exploration: &Exploration) {
    println!("{name}: {exploration} ({:?})", exploration.time);
    assert!(
        matches!(exploration.verdict, Verdict::Found(_)),
        "{name}: {exploration}"
    );
}

/// Adds at most one spurious wakeup to the model's environment.
pub(crate) fn with_a_spurious_wakeup(subject: Subject) -> Subject {
    subject.in_environment(Environment {
        spurious_wakeups: 1,
        ..subject.environment
    })
}

#[test]
fn under_loom() {
    let _watchdog = watchdog::guard();
    let limits = Limits::default();
    let loom = |subject: Subject| subject.loom(&limits).expect("few threads");
    for Pair {
        name,
        correct,
        faulty,
    } in pairs()
    {
        assert_proved(name, &loom(correct));
        let hostile = with_a_spurious_wakeup(correct);
        assert_proved(&format!("{name}, spurious wakeup"), &loom(hostile));
        assert_found(&format!("{name}, faulty"), &loom(faulty));
    }
}

/// Models with more schedules than a test has time for. The two loops have a quarter of a million. loom
/// skips schedules that make no difference, and proves these models.
const TOO_MANY_SCHEDULES: [&str; 3] = [
    "two loops submit to each other",
    "a job's result comes back",
    "a job comes to a thread that may fall asleep",
];
/// Models that have too many schedules only with a spurious wakeup.
const TOO_MANY_WITH_A_SPURIOUS_WAKEUP: [&str; 2] =
    ["2 threads wake a task at once", "a thread awaits a task"];

/// Explores every schedule, unless there are too many. Then the exploration must say that it is no proof.
#[test]
fn under_shuttle_every_schedule() {
    let _watchdog = watchdog::guard();
    let limits = Limits {
        executions: Some(50_000),
        ..Limits::default()
    };
    let shuttle = |subject: Subject| subject.shuttle(Search::Exhaustive, &limits);
    let assert_cut_short = |name: &str, exploration: &Exploration| {
        println!("{name}: {exploration} ({:?})", exploration.time);
        assert!(
            matches!(exploration.stopped_by(), Some(Stop::Executions(_))),
            "{name}: {exploration}"
        );
    };
    for Pair {
        name,
        correct,
        faulty,
    } in pairs()
    {
        if TOO_MANY_SCHEDULES.contains(&name) {
            assert_cut_short(name, &shuttle(correct));
        } else {
            assert_proved(name, &shuttle(correct));
            let hostile = shuttle(with_a_spurious_wakeup(correct));
            let with = format!("{name}, spurious wakeup");
            if TOO_MANY_WITH_A_SPURIOUS_WAKEUP.contains(&name) {
                assert_cut_short(&with, &hostile);
            } else {
                assert_proved(&with, &hostile);
            }
        }
        assert_found(&format!("{name}, faulty"), &shuttle(faulty));
    }
}

/// Sixteen threads with thirty callbacks each are too many to explore every schedule. The seeds are fixed,
/// so that a failure can be repeated.
#[test]
fn under_shuttle_many_threads() {
    let _watchdog = watchdog::guard();
    let limits = Limits {
        executions: Some(10),
        ..Limits::default()
    };
    assert_samples_are_right(Subject::correct::<Submit<16, 30>>(), &limits);
}

/// A loop and two threads of an executor have more executions than a test has time for, also under loom.
/// With only one thread, the two jobs wait for each other for ever.
#[test]
fn under_shuttle_jobs_that_wait_for_each_other() {
    let _watchdog = watchdog::guard();
    let limits = Limits {
        executions: Some(1_000),
        ..Limits::default()
    };
    assert_samples_are_right(Subject::correct::<JobsThatMeet<2>>(), &limits);
    let one_thread = Subject::correct::<JobsThatMeet<1>>();
    let exploration = one_thread.shuttle(Search::Random { seed: 1 }, &limits);
    assert_found("one thread", &exploration);
}

fn assert_samples_are_right(subject: Subject, limits: &Limits) {
    for search in [
        Search::Random { seed: 1 },
        Search::Pct { seed: 2, depth: 3 },
        Search::RandomWalk { seed: 3 },
    ] {
        let exploration = subject.shuttle(search, limits);
        println!("{search:?}: {exploration} ({:?})", exploration.time);
        assert!(
            matches!(exploration.stopped_by(), Some(Stop::Samples(_))),
            "{search:?}: {exploration}; replay with {:?}",
            exploration
                .counterexample()
                .and_then(|found| found.replay.clone())
        );
    }
}

#[test]
fn on_real_threads() {
    let _watchdog = watchdog::guard();
    let limits = Limits {
        executions: Some(100),
        ..Limits::default()
    };
    for Pair { name, correct, .. } in pairs() {
        if correct.for_checkers_only {
            continue;
        }
        let exploration = correct.on_threads(Duration::from_secs(20), &limits);
        println!("{name}: {exploration} ({:?})", exploration.time);
        assert!(
            matches!(exploration.stopped_by(), Some(Stop::Samples(_))),
            "{name}: {exploration}"
        );
    }
}

/// The neighbour that must fail: without the wakeup, some execution on real threads hangs.
#[test]
fn on_real_threads_a_lost_wakeup_hangs() {
    let _watchdog = watchdog::guard();
    let faulty = Subject::with::<Submit<1, 1>>(InboxFault::NoNotify);
    let exploration = faulty.on_threads(Duration::from_secs(30), &Limits::default());
    assert_found("real threads", &exploration);
}

#[test]
fn loom_refuses_more_threads_than_it_has() {
    let refused = Subject::correct::<Submit<5, 1>>().loom(&Limits::default());
    let message = refused.unwrap_err().to_string();
    assert_eq!(
        message,
        "loom starts at most 4 threads in an execution; this model has 5"
    );
}

#[test]
fn cut_short_is_no_proof() {
    let _watchdog = watchdog::guard();
    let limits = Limits {
        executions: Some(3),
        ..Limits::default()
    };
    let subject = Subject::correct::<Submit<2, 1>>();
    for exploration in [
        subject.loom(&limits).expect("few threads"),
        subject.shuttle(Search::Exhaustive, &limits),
    ] {
        let said = exploration.to_string();
        let says = "not proved after 3 executions: limit of 3 executions [";
        assert!(said.starts_with(says), "{said}");
    }
}

/// `cargo test -p wakeproof-model-tests --release --test main models -- --ignored --nocapture`
#[test]
#[ignore = "explores 360,882 executions, which takes about a minute"]
fn three_threads_under_loom() {
    let limits = Limits::default();
    let progress = limits.progress.clone();
    let explorer = std::thread::spawn(move || {
        Subject::correct::<Submit<3, 1>>()
            .loom(&limits)
            .expect("few threads")
    });
    while !explorer.is_finished() {
        std::thread::sleep(Duration::from_secs(1));
        eprint!("\r{} executions", progress.executions());
    }
    eprintln!();
    assert_proved(
        "3 threads submit 1 callback each",
        &explorer.join().unwrap(),
    );
}
