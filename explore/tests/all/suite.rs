//! The checkers' own test-suite: each small program comes to the verdict that theory demands.

use std::path::Path;
use std::{env, fs};

use wakeproof_explore::suite::{Answers, Case, Expected, cases, to_markdown};
use wakeproof_explore::{Limits, Search};

/// `WAKEPROOF_BLESS=1 cargo test -p wakeproof-explore suite` writes the page's tables anew.
#[test]
fn every_program_comes_to_its_verdict_and_the_page_says_so() {
    let mut all = Vec::new();
    let mut wrong = Vec::new();
    for case in cases() {
        let answers = Answers::of(case, &Limits::default());
        for (checker, expected, explored) in &answers.answers {
            println!("{}: {explored} ({:?})", answers.case.name, explored.time);
            if !answers.case.is_as_expected(*expected, explored) {
                wrong.push(format!(
                    "{}, {checker}: {} expected, {explored}",
                    answers.case.name,
                    expected.in_words()
                ));
            }
        }
        all.push(answers);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));

    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("CHECKERS.md");
    let text = fs::read_to_string(&page).unwrap();
    let (words, _) = text.split_once("\n## ").expect("there are tables");
    let anew = format!("{words}{}", to_markdown(&all));
    if env::var_os("WAKEPROOF_BLESS").is_some() {
        fs::write(&page, anew).unwrap();
    } else {
        assert!(text == anew, "CHECKERS.md does not say what the run says");
    }
}

/// Priorities that change at two points are not enough for these, nor for programs of one thread. A thread that
/// yields has the lowest from then on.
const NOT_BY_PRIORITIES: [&str; 5] = [
    "spin_loop, three times at most",
    "posted, the clock first",
    "relies on being quick",
    "try_lock, believes it",
    "try_write, believes it",
];

/// Searches that try only some schedules find the same faults, deadlocks among them, and no others.
#[test]
fn at_random_every_fault_is_found() {
    let limits = Limits {
        executions: Some(1000),
        ..Limits::default()
    };
    let searches = [
        Search::Random { seed: 1 },
        Search::Pct { seed: 1, depth: 3 },
        Search::RandomWalk { seed: 1 },
    ];
    let mut wrong = Vec::new();
    for case in cases() {
        if !matches!(case.shuttle, Expected::Found | Expected::Proved) {
            continue;
        }
        let expected = match case.shuttle {
            Expected::Proved => Expected::NotProved,
            other => other,
        };
        for search in searches {
            let explored = case.explore_by(search, &limits);
            let is_hard =
                matches!(search, Search::Pct { .. }) && NOT_BY_PRIORITIES.contains(&case.name);
            let expected = if is_hard {
                Expected::NotProved
            } else {
                expected
            };
            if Expected::of(&explored) != expected {
                wrong.push(format!("{}, {search:?}: {explored}", case.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_suite_is_large_and_has_each_verdict() {
    let cases = cases();
    assert!(cases.len() >= 40, "{}", cases.len());
    for expected in [
        Expected::Proved,
        Expected::Found,
        Expected::NotProved,
        Expected::CannotJudge,
    ] {
        let has = |case: &Case| case.checkers().iter().any(|(_, of)| *of == expected);
        assert!(cases.iter().any(has), "{expected:?}");
    }
    let mut names: Vec<_> = cases.iter().map(|case| case.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), cases.len(), "each has a name of its own");
}
