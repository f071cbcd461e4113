//! The whole matrix is the expected one.

use std::fmt::Write;

use wakeproof_model_tests::faults::Checker;
use wakeproof_model_tests::matrix::{self, Bounds, Result};

/// One letter for each checker that is no real thread, in the order of the columns: `f` found, `p`
/// proved to be clean, `c` clean in what was tried, `-` cannot see it.
const EXPECTED: &str = "\
correct                     ppcccc
no-notify                   ffffff
notify-without-lock         fffff-
notify-before-enqueue       ffffff
check-outside-lock          ffffff
stale-asleep-flag           ffffff
if-instead-of-while         ffffff
clear-after-drain           fffff-
notify-only-when-empty      -ffff-
silent-stop                 ffffff
silent-timer                ffffff
stale-deadline              fffcf-
accept-after-close          ffffff
wrong-sleeper               fffff-
timeout-means-nothing-to-do fffff-
two-queues                  fffff-
panic-loses-batch           fffff-
relaxed-flag                -f----
";

#[test]
fn every_fault_is_found_where_it_can_be_seen() {
    let bounds = Bounds::default();
    let matrix = matrix::fill(&bounds, &|_, _| ()).expect("every checker works");
    let mut found = String::new();
    for row in &matrix.rows {
        let letters: String = row
            .cells
            .iter()
            .filter(|cell| cell.checker != Checker::Threads)
            .map(|cell| match cell.result {
                Result::Found { .. } | Result::Falsified { .. } => 'f',
                Result::NotFound { is_proof: true, .. } => 'p',
                Result::NotFound {
                    is_proof: false, ..
                } => 'c',
                Result::CannotSee { .. } => '-',
            })
            .collect();
        writeln!(found, "{:27} {letters}", row.name).expect("a string takes everything");
    }
    assert_eq!(found, EXPECTED);
    assert!(matrix.as_expected, "{matrix:#?}");
}
