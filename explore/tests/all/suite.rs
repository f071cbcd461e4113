//! The checkers' own test-suite: each small program comes to the verdict that theory demands.

use std::path::Path;
use std::{env, fs};

use wakeproof_explore::Limits;
use wakeproof_explore::suite::{Answers, Case, Expected, cases, to_markdown};

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
