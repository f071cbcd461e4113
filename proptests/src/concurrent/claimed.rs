//! Random programs of what a loop claims, for loops that do not claim everything.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::{Union, ValueTree};
use proptest::test_runner::{Config, RngSeed, TestRunner};

use super::program::{Instruction, Program};
use crate::command::SubmitCall;
use crate::under_test::{Capability, Claims, Rule};

/// Random programs whose threads submit at once, without an end. The loop's thread begins with a run, or
/// with submissions and then a run; or it runs the loop while the others submit already. Callbacks submit
/// others and stop the run, if the loop promises what a stop does. `threads_stop` says whether threads other
/// than the loop's stop it, too.
pub fn random(
    claims: &Claims,
    threads_stop: bool,
    seed: u64,
) -> impl Iterator<Item = Program> + use<> {
    let mut inside = vec![(2, Just(Instruction::Submit(Vec::new())).boxed())];
    // Without a promise, a stop may leave anything behind.
    let stops = claims.promises.contains(&Rule::StopAfterIteration);
    if stops {
        inside.push((1, Just(Instruction::Stop).boxed()));
    }
    let ways = claims.ways();
    if ways.contains(&SubmitCall::CallSoon) {
        inside.push((2, Just(Instruction::CallSoon(Vec::new())).boxed()));
    }
    let inside = Union::new_weighted(inside);
    let callback = match claims.can.contains(&Capability::Scripts) {
        true => prop_oneof![2 => Just(Vec::new()), 1 => vec(inside, 1..3)].boxed(),
        false => Just(Vec::new()).boxed(),
    };
    let submit = callback.clone().prop_map(Instruction::Submit).boxed();
    let mut before = vec![(1, submit.clone())];
    if ways.contains(&SubmitCall::CallSoon) {
        before.push((2, callback.prop_map(Instruction::CallSoon).boxed()));
    }
    let mut other = vec![(6, submit)];
    if stops && threads_stop {
        other.push((1, Just(Instruction::Stop).boxed()));
    }
    let programs = (
        vec(Union::new_weighted(before), 0..3),
        prop::bool::weighted(0.7),
        vec(vec(Union::new_weighted(other), 1..4), 1..4),
    );
    let programs = programs.prop_map(|(mut owner, runs, others)| {
        owner.extend(runs.then_some(Instruction::Run));
        Program {
            spurious_wakeups: 0,
            owner,
            others,
        }
    });
    let mut runner = TestRunner::new(Config {
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: None,
        ..Config::default()
    });
    std::iter::from_fn(move || {
        let tree = programs.new_tree(&mut runner);
        Some(tree.expect("no value is rejected").current())
    })
}

/// The programs that are one step simpler than this one, and still of this kind: the loop is run once, by
/// the last instruction of its thread.
#[must_use]
pub fn simpler(program: &Program) -> Vec<Program> {
    let is_of_this_kind = |program: &Program| {
        let has_ended = program
            .owner
            .iter()
            .position(|instruction| *instruction == Instruction::Run)
            .is_none_or(|at| at + 1 == program.owner.len());
        has_ended && program.others.iter().all(|thread| !thread.is_empty())
    };
    let simpler = super::program::simpler(program);
    simpler.into_iter().filter(is_of_this_kind).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The programs of a loop that promises this, as text.
    fn programs(promises: &[Rule], threads_stop: bool) -> String {
        let mut claims = Claims::all();
        claims.promises = promises.iter().copied().collect();
        let programs = random(&claims, threads_stop, 1).take(200);
        programs.map(|program| format!("{program}\n")).collect()
    }

    #[test]
    fn nothing_is_asked_that_is_not_promised() {
        let stop = Rule::StopAfterIteration;
        let all = programs(&Rule::ALL, true);
        assert!(all.contains("call_soon") && all.contains("stop"), "{all}");
        assert!(!programs(&[Rule::OneOrder], true).contains("stop"));
        // Without one order, in one way only.
        assert!(!programs(&[stop], true).contains("call_soon"));
        // A stop of a callback stands behind a parenthesis or another of its instructions.
        let of_callbacks = programs(&Rule::ALL, false);
        assert!(of_callbacks.contains("(stop"), "{of_callbacks}");
        assert!(!of_callbacks.contains("| stop"), "{of_callbacks}");
    }

    #[test]
    fn what_is_simpler_is_of_the_same_kind() {
        for program in random(&Claims::all(), true, 2).take(50) {
            for simpler in simpler(&program) {
                let text = simpler.to_string();
                assert!(text.matches("run").count() <= 1, "{text}");
                assert!(!text.contains("| |") && !text.ends_with("| "), "{text}");
            }
        }
    }
}
