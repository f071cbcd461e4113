//! The second loop takes the steps of `AsyncioLoop.tla`, and all of them; with a fault it does not.

use wakeproof_conform::asyncio_loop::{ALL, FAULTS};
use wakeproof_conform::comparison::Explorer;
use wakeproof_conform::spec::default_directory;
use wakeproof_explore::Limits;

#[test]
fn every_execution_fits_and_all_together_show_the_whole_specification() {
    for model in ALL {
        let compared = model.compare(&default_directory(), &Limits::default());
        let compared = compared.unwrap();
        println!(
            "{}: {} executions, {} steps, {:.1} s",
            model.name, compared.executions, compared.steps, compared.seconds
        );
        assert_eq!(compared.refused, None, "{}", model.name);
        assert_eq!(compared.cut_short, None, "{}", model.name);
        assert!(compared.steps > 100, "{}", model.name);
        let is_exhaustive = model.explorer() == Explorer::ShuttleDepthFirst;
        assert_eq!(compared.covered.is_some(), is_exhaustive);
        let Some(covered) = compared.covered else {
            continue;
        };
        println!(
            "{} of {} states, {} of {} transitions",
            covered.states, covered.of_states, covered.transitions, covered.of_transitions
        );
        assert!(covered.is_everything(), "{:#?}", covered.missing);
    }
}

#[test]
fn each_fault_is_refused_and_accepted_by_a_specification_with_the_same_fault() {
    let mut accepted = Vec::new();
    for fault in FAULTS {
        let tried = fault.try_it(&default_directory(), &Limits::default());
        let tried = tried.unwrap();
        assert!(tried.is_as_expected(), "{tried:#?}");
        if tried.accepted.is_some() {
            accepted.push(fault.name);
        }
    }
    assert_eq!(accepted, ["asyncio-no-byte", "asyncio-byte-first"]);
}
