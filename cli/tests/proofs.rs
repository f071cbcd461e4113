//! Tests the proofs' record: it fits the specification as it stands, and notices what has changed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use wakeproof_conform::spec::proofs::Proofs;
use wakeproof_conform::spec::sharp::Sharpness;
use wakeproof_conform::spec::{Specification, default_directory};

fn problems(directory: &Path) -> Vec<String> {
    Proofs::load(directory).unwrap().problems()
}

/// A copy of the modules and the record, and the path of one file in it.
fn copy(file: &str) -> (tempfile::TempDir, PathBuf) {
    let copy = tempfile::tempdir().unwrap();
    fs::create_dir(copy.path().join("proofs")).unwrap();
    for folder in ["", "proofs"] {
        for entry in fs::read_dir(default_directory().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                let to = copy.path().join(folder).join(path.file_name().unwrap());
                fs::copy(&path, to).unwrap();
            }
        }
    }
    let path = copy.path().join(file);
    (copy, path)
}

fn replace(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{} has no {from}", path.display());
    fs::write(path, text.replacen(from, to, 1)).unwrap();
}

#[test]
fn every_proof_is_in_the_record_and_nothing_has_changed_since() {
    let proofs = Proofs::load(&default_directory()).unwrap();
    assert!(proofs.modules().contains(&"CondvarLoopSafety"));
    let problems = proofs.problems();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn a_guard_that_is_taken_out_is_noticed_and_a_better_comment_is_not() {
    let (folder, path) = copy("CondvarLoop.tla");
    replace(&path, "(* Any thread: takes the mutex. *)", "(* Locks. *)");
    assert_eq!(problems(folder.path()), [""; 0]);
    replace(&path, "    /\\ ~closed\n", "");
    assert_eq!(
        problems(folder.path()),
        [
            "CondvarLoop.tla has changed since its proofs were checked: run `wakeproof spec --proofs`"
        ]
    );
}

#[test]
fn what_was_never_checked_or_is_left_out_is_noticed() {
    let (folder, path) = copy("proofs/New.tla");
    let text = "---- MODULE New ----\nEXTENDS EventLoop\nTHEOREM Wakes = Wakes\n  OMITTED\n====\n";
    fs::write(&path, text).unwrap();
    let found = problems(folder.path());
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(
        found[0].starts_with("New.tla contains OMITTED"),
        "{found:?}"
    );
    assert!(
        found[1].starts_with("New.tla is not in checked.json"),
        "{found:?}"
    );
}

#[test]
fn a_record_that_is_broken_is_named_in_one_line() {
    let (folder, path) = copy("proofs/checked.json");
    replace(&path, "\"modules\"", "\"moduls\"");
    let error = format!("{:#}", Proofs::load(folder.path()).unwrap_err());
    assert!(error.contains("checked.json is broken"), "{error}");
}

#[test]
fn without_tlapm_one_line_says_where_to_get_it() {
    let (folder, path) = copy("proofs/checked.json");
    let before = fs::read(&path).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_wakeproof"))
        .args(["spec", "--proofs", "--spec-dir"])
        .arg(folder.path())
        .env("PATH", folder.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert_eq!(message.lines().count(), 1, "{message}");
    assert!(message.contains("get it from"), "{message}");
    assert_eq!(fs::read(&path).unwrap(), before);
}

/// Why the record of the mutants does not hold for a specification.
fn problems_with_mutants(directory: &Path) -> Vec<String> {
    let proofs = Proofs::load(directory).unwrap();
    let specification = Specification::load(directory).unwrap();
    let record = Sharpness::load(&proofs).unwrap();
    record.problems(&proofs, &specification).unwrap()
}

#[test]
fn each_mutant_was_tried_with_the_proofs_as_they_are() {
    let problems = problems_with_mutants(&default_directory());
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    let record = Sharpness::load(&Proofs::load(&default_directory()).unwrap()).unwrap();
    let page = &record.modules["LostWakeup"];
    assert!(page.mutants.iter().all(|tried| tried.proof.is_some()));
}

#[test]
fn a_condition_whose_mutant_was_tried_is_noticed_when_it_changes() {
    let (folder, path) = copy("LostWakeup.tla");
    assert_eq!(problems_with_mutants(folder.path()), [""; 0]);
    replace(&path, "    /\\ ~queued\n", "    /\\ queued = FALSE\n");
    assert_eq!(
        problems_with_mutants(folder.path()),
        [
            "LostWakeup.tla, or a proof that builds on it, has changed since its mutants were tried: run `wakeproof spec --proofs --mutants --of LostWakeup`"
        ]
    );
}
