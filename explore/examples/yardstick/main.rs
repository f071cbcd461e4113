//! A public yardstick: programs after SCTBench's, searched by an `Explorer` and by bare shuttle, in one run.
//!
//! `cargo run --release -p wakeproof-explore --example yardstick > docs/yardstick.md`
//!
//! With names of programs as arguments, only those.

use std::panic;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use wakeproof_explore::{Environment, Explorer};

/// How many schedules bare shuttle tries.
const SCHEDULES: u64 = 10_000;
/// How long it may take for them, and how long an `Explorer` may take.
const TIME: Duration = Duration::from_secs(20);
/// With how many seeds bare shuttle tries: the median counts.
const SEEDS: u64 = 5;
/// Tells this program that it is one search by bare shuttle.
const BARE: &str = "--bare";

mod explored {
    use wakeproof_explore::sync::atomic::{AtomicBool, AtomicI32, Ordering};
    use wakeproof_explore::sync::{Arc, Condvar, Mutex};
    use wakeproof_explore::thread;

    include!("programs.rs");
}

mod bare {
    use shuttle::sync::atomic::{AtomicBool, AtomicI32, Ordering};
    use shuttle::sync::{Arc, Condvar, Mutex};
    use shuttle::thread;

    include!("programs.rs");
}

/// A program: its name in SCTBench, and both forms.
pub(crate) type Program = (&'static str, fn(), fn());

macro_rules! programs {
    ($($name:literal: $function:ident $(::<$number:literal>)?,)*) => {
        pub(crate) const PROGRAMS: &[Program] = &[
            $(($name, explored::$function $(::<$number>)?, bare::$function $(::<$number>)?),)*
        ];
    };
}

programs! {
    "CS.account": account,
    "CS.bluetooth_driver": bluetooth_driver,
    "CS.carter01": carter,
    "CS.deadlock01": deadlock,
    "CS.din_phil2": philosophers::<2>,
    "CS.din_phil3": philosophers::<3>,
    "CS.din_phil4": philosophers::<4>,
    "CS.din_phil5": philosophers::<5>,
    "CS.din_phil6": philosophers::<6>,
    "CS.din_phil7": philosophers::<7>,
    "CS.lazy01": lazy,
    "CS.phase01": phase,
    "CS.reorder_3": reorder::<2>,
    "CS.reorder_4": reorder::<3>,
    "CS.reorder_5": reorder::<4>,
    "CS.reorder_10": reorder::<9>,
    "CS.reorder_20": reorder::<19>,
    "CS.stack": stack,
    "CS.sync01": sync,
    "CS.token_ring": token_ring,
    "CS.twostage": two_stages::<1>,
    "CS.twostage_100": two_stages::<99>,
    "CS.wronglock_3": wrong_lock::<3>,
    "CS.wronglock": wrong_lock::<7>,
    "chess.WSQ": work_stealing,
    "safestack": safe_stack,
}

/// How many executions until one fails, if one does, and how long they took.
#[derive(Debug, Clone, Copy)]
struct Cost {
    executions: u64,
    time: Duration,
    is_found: bool,
}

fn by_explorer(program: fn()) -> (Cost, String) {
    let explorer = Explorer::new(program)
        .environment(Environment::QUIET)
        .time(TIME);
    let story = explorer.run().unwrap_or_else(|why| panic!("{why}"));
    let searches = || story.searches.iter().map(|(_, explored)| explored);
    let cost = Cost {
        executions: searches().map(|explored| explored.executions).sum(),
        time: searches().map(|explored| explored.time).sum(),
        is_found: story.exploration.counterexample().is_some(),
    };
    let by = story.searches.last().map(|(way, _)| way.clone());
    (cost, by.filter(|_| cost.is_found).unwrap_or_default())
}

/// In a process of its own, since bare shuttle prints what it finds and ends by a panic.
fn by_bare_shuttle(name: &str, scheduler: &str) -> Cost {
    let mut costs: Vec<Cost> = (1..=SEEDS)
        .map(|seed| {
            let program = std::env::current_exe().expect("this program has a path");
            let output = Command::new(program)
                .args([BARE, name, scheduler, &seed.to_string()])
                .stderr(Stdio::null())
                .output()
                .expect("a process starts");
            let text = String::from_utf8_lossy(&output.stdout);
            let number = |place| text.split_whitespace().nth(place)?.parse::<u64>().ok();
            let [Some(found), Some(executions), Some(microseconds)] = [0, 1, 2].map(number) else {
                panic!("{name} under shuttle ends: {}", output.status);
            };
            Cost {
                executions,
                time: Duration::from_micros(microseconds),
                is_found: found == 1,
            }
        })
        .collect();
    costs.sort_by_key(|cost| (!cost.is_found, cost.executions));
    costs[costs.len() / 2]
}

fn search_bare(name: &str, scheduler: &str, seed: u64) {
    let program = PROGRAMS.iter().find(|(known, ..)| *known == name);
    let (_, _, program) = program.expect("its parent knows the programs");
    let most = usize::try_from(SCHEDULES).expect("a small number");
    let scheduler: Box<dyn Scheduler + Send> = match scheduler {
        "pct" => Box::new(PctScheduler::new_from_seed(seed, 3, most)),
        _ => Box::new(RandomScheduler::new_from_seed(seed, most)),
    };
    let executions = Arc::new(AtomicU64::new(0));
    let counting = executions.clone();
    let mut config = shuttle::Config::new();
    config.failure_persistence = shuttle::FailurePersistence::None;
    config.max_time = Some(TIME);
    // A schedule that spins is no bug that was found.
    config.max_steps = shuttle::MaxSteps::ContinueAfter(10_000);
    let begun = Instant::now();
    let searched = panic::catch_unwind(panic::AssertUnwindSafe(|| {
        shuttle::Runner::new(scheduler, config).run(move || {
            counting.fetch_add(1, Ordering::Relaxed);
            program();
        });
    }));
    println!(
        "{} {} {}",
        u8::from(searched.is_err()),
        executions.load(Ordering::Relaxed),
        begun.elapsed().as_micros()
    );
}

fn cells(cost: Cost) -> String {
    let Cost {
        executions,
        time,
        is_found,
    } = cost;
    let seconds = time.as_secs_f64();
    if is_found {
        format!("{executions} | {seconds:.3}")
    } else {
        format!("not in {executions} | {seconds:.1}")
    }
}

const HEAD: &str = "\
# A public yardstick

SCTBench (mc-imperial/sctbench) is the benchmark of controlled concurrency testing: small programs, each with a bug
that some schedules show. Here are its family CS in part, its work-stealing queue and SafeStack, each written anew from
the mechanism, over the standard library's names: `explore/examples/yardstick/programs.rs`. One command searches them,
and prints this page:

```console
$ cargo run --release -p wakeproof-explore --example yardstick > docs/yardstick.md
```

*Explorer* is one call of ours, in a quiet environment: searches under loom and shuttle one after the other, until an
execution fails. Its executions and seconds are those of all its searches together. Beside it, in the same run, is bare
shuttle on the same program: at random, and with priorities that change twice (PCT, depth 3). Its figures are the
median of 5 seeds, each with at most 10,000 schedules and 20 seconds.

| program | Explorer: executions | s | found by | shuttle, random: executions | s | shuttle, PCT: executions | s |
|---|---|---|---|---|---|---|---|";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [bare, name, scheduler, seed] = arguments.as_slice()
        && bare == BARE
    {
        search_bare(
            name,
            scheduler,
            seed.parse().expect("its parent gives a number"),
        );
        return ExitCode::SUCCESS;
    }
    if let Some(unknown) = arguments
        .iter()
        .find(|name| !PROGRAMS.iter().any(|(known, ..)| known == name))
    {
        eprintln!("yardstick: there is no program {unknown:?}");
        return ExitCode::from(2);
    }
    println!("{HEAD}");
    let (mut ours, mut random, mut missed) = (Vec::new(), Vec::new(), Vec::new());
    for (name, explored, _) in PROGRAMS {
        if !arguments.is_empty() && !arguments.iter().any(|wanted| wanted == name) {
            continue;
        }
        let (explorer, by) = by_explorer(*explored);
        let [at_random, pct] = ["random", "pct"].map(|scheduler| by_bare_shuttle(name, scheduler));
        println!(
            "| {name} | {} | {by} | {} | {} |",
            cells(explorer),
            cells(at_random),
            cells(pct)
        );
        if explorer.is_found {
            ours.push(explorer.executions);
            random.push(at_random.executions);
        } else {
            missed.push(*name);
        }
    }
    let median = |numbers: &mut Vec<u64>| {
        numbers.sort_unstable();
        numbers.get(numbers.len() / 2).copied().unwrap_or_default()
    };
    println!(
        "\nOf those that an Explorer finds, the median is {} executions; under bare shuttle at random, it is {}.",
        median(&mut ours),
        median(&mut random)
    );
    if missed.is_empty() {
        println!("An Explorer finds every one.");
    } else {
        println!("An Explorer does not find: {}.", missed.join(", "));
    }
    println!("\n{NOTES}");
    ExitCode::SUCCESS
}

const NOTES: &str = "\
## What this does not say

- The published figures (Thomson, Donaldson and Betts, PPoPP 2014 and TOPC 2016; Fray, arXiv 2501.12618) are not
  beside ours: their tables were not at hand to be checked when this was written. Other tools count other scheduling
  points, so they would be for orientation only.
- loom counts executions, shuttle schedules; they are added up as they are.
- Not written yet, of the family CS: arithmetic_prog, circular_buffer, fsbench, queue, stateful, sync02; and the
  programs of RADBench, of PARSEC and SPLASH, and the rest of CHESS.
- An element that is popped from an empty stack is no failure here, where SafeStack's users wait for one.";
