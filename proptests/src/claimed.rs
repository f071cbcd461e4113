//! Random histories of what a loop claims, for loops that do not claim everything.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::Union;

use crate::command::{Callback, Caller, Command, Destructor, Due, StopCall, SubmitCall};
use crate::under_test::{Capability, Claims, Rule};

/// Histories of what a loop claims, as long as `length` at most. Some of their runs may not return.
pub(crate) fn claimed(claims: &Claims, length: usize) -> BoxedStrategy<Vec<Command>> {
    let depth = if claims.can.contains(&Capability::Scripts) {
        2
    } else {
        0
    };
    let mut commands = vec![
        (10, claimed_anywhere(claims, depth)),
        (4, Just(Command::Run).boxed()),
    ];
    if claims.can.contains(&Capability::Close) {
        commands.push((1, Just(Command::Close).boxed()));
    }
    vec(Union::new_weighted(commands), 1..length).boxed()
}

/// A command that a loop claims to know, for the top level and for scripts.
fn claimed_anywhere(claims: &Claims, depth: u32) -> BoxedStrategy<Command> {
    let script = match depth {
        0 => Just(Vec::new()).boxed(),
        _ => vec(claimed_anywhere(claims, depth - 1), 0..4).boxed(),
    };
    let failing = if claims.can.contains(&Capability::Panics) {
        0.05
    } else {
        0.0
    };
    let callback = (script, prop::bool::weighted(failing)).prop_map(|(script, panics)| Callback {
        script,
        panics,
        destructor: Destructor::Quiet,
    });
    let submit = |through: BoxedStrategy<SubmitCall>| {
        let submission = (through, callback.clone());
        submission
            .prop_map(|(through, callback)| Command::Submit(through, callback))
            .boxed()
    };
    let ways = prop::sample::select(claims.ways());
    let mut commands = vec![
        (6, submit(ways.boxed())),
        (2, Just(Command::Stop(StopCall::Local)).boxed()),
    ];
    if claims.has_timers() {
        // Where equal deadlines have no order, they must be rare, as histories with some are of no use.
        let ordered = claims.promises.contains(&Rule::EqualDeadlinesInOrder);
        let longest: u64 = if ordered { 5 } else { 60 };
        let due = (0..longest).prop_map(|delay| SubmitCall::Timer(Due::Later(delay)));
        commands.push((3, submit(due.boxed())));
    }
    if claims.can.contains(&Capability::Cancel) {
        let cancel = (0..8_usize).prop_map(|pick| Command::Cancel(pick, Caller::Owner));
        commands.push((2, cancel.boxed()));
    }
    Union::new_weighted(commands).boxed()
}
