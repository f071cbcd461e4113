//! The checkers' own test-suite: each small program comes to the verdict that theory demands.

use wakeproof_explore::Limits;
use wakeproof_explore::suite::{Expected, cases};

#[test]
fn every_program_comes_to_its_verdict() {
    let mut wrong = Vec::new();
    for case in cases() {
        for (checker, expected) in case.checkers() {
            let explored = case.explore(checker, &Limits::default());
            println!("{}: {explored} ({:?})", case.name, explored.time);
            if !case.is_as_expected(expected, &explored) {
                wrong.push(format!(
                    "{}, {checker}: {} expected, {explored}",
                    case.name,
                    expected.in_words()
                ));
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
        let has = |case: &wakeproof_explore::suite::Case| {
            case.checkers().iter().any(|(_, of)| *of == expected)
        };
        assert!(cases.iter().any(has), "{expected:?}");
    }
    let mut names: Vec<_> = cases.iter().map(|case| case.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), cases.len(), "each has a name of its own");
}
