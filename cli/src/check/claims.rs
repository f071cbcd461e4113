//! What a loop claims, from the first line of its adapter.

use anyhow::bail;
use wakeproof_asleep::harmless;
use wakeproof_proptests::under_test::{Capability, Claims, Rule};

use crate::probe::adapter::Hello;

/// What asyncio's documentation promises. It leaves the order of equal deadlines open.
const ASYNCIO: [Rule; 5] = [
    Rule::IterationSnapshot,
    Rule::StopAfterIteration,
    Rule::TimersBehindCallbacks,
    Rule::OneOrder,
    Rule::OrderAcrossThreads,
];

/// What a loop claims. `instead` replaces its promises.
///
/// # Errors
///
/// If it promises something that nobody knows.
pub(crate) fn of(hello: &Hello, instead: Option<&[Rule]>) -> anyhow::Result<Claims> {
    let mut can = Vec::new();
    let either =
        |word: &str| hello.has(&format!("{word} plain")) || hello.has(&format!("{word} safe"));
    for (is_there, capability) in [
        (hello.has("submit plain"), Capability::CallSoon),
        (hello.has("submit safe"), Capability::Threadsafe),
        (either("timer"), Capability::Timers),
        (hello.virtual_time, Capability::VirtualTime),
        (hello.has("cancel"), Capability::Cancel),
        (hello.has("when"), Capability::Scripts),
        (hello.has("fail"), Capability::Panics),
        (hello.has("close"), Capability::Close),
        (has_programs(hello), Capability::Programs),
    ] {
        if is_there {
            can.push(capability);
        }
    }
    let mut promises = Vec::new();
    match instead {
        Some(rules) => promises.extend(rules),
        None if hello.interface == "asyncio" => promises.extend(ASYNCIO),
        None => {}
    }
    for name in hello.promises.iter().filter(|_| instead.is_none()) {
        match rule(name) {
            Ok(rule) => promises.push(rule),
            Err(error) => bail!("the adapter's first line: {error}"),
        }
    }
    // Nobody can be told to stop: there is no history with an end.
    if !either("stop") {
        promises.clear();
    }
    Ok(Claims {
        can: can.into_iter().collect(),
        promises: promises.into_iter().collect(),
        shows: [].into(),
    })
}

/// Whether the adapter can run programs of several threads: it lets threads call the loop in the way that
/// is meant for them.
fn has_programs(hello: &Hello) -> bool {
    let needed = ["threads", "submit safe", "stop safe"];
    needed.iter().all(|word| hello.has(word))
}

/// The rule of this name.
///
/// # Errors
///
/// A sentence with those there are.
pub(crate) fn rule(name: &str) -> Result<Rule, String> {
    let found = Rule::ALL.into_iter().find(|rule| rule.name() == name);
    found.ok_or_else(|| {
        let names = Rule::ALL.map(Rule::name).join(", ");
        format!(
            "no promise is called {:?}; there are {names}",
            harmless(name)
        )
    })
}
