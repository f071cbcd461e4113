//! A search that is divided, over threads and over shards, comes to what an undivided one does.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::{Arc as Shared, Mutex as Collected};

use wakeproof_explore::suite::{Expected, cases};
use wakeproof_explore::sync::atomic::{AtomicUsize, Ordering};
use wakeproof_explore::sync::{Arc, Mutex};
use wakeproof_explore::{
    Environment, Exploration, Limits, Search, Shard, ShardReport, Verdict, merge, search_shard,
    shuttle, thread,
};

const SEARCHES: [Search; 4] = [
    Search::Exhaustive,
    Search::Random { seed: 3 },
    Search::Pct { seed: 3, depth: 3 },
    Search::RandomWalk { seed: 3 },
];

fn on(processors: usize) -> Limits {
    Limits {
        processors: NonZeroUsize::new(processors),
        ..Limits::default()
    }
}

/// What must not depend on how the search was divided.
fn essence(explored: &Exploration) -> (String, u64, Option<String>) {
    let schedule = explored.counterexample().and_then(|found| found.schedule());
    (
        explored.to_string(),
        explored.executions,
        schedule.map(ToString::to_string),
    )
}

fn in_shards(of: u32, search: Search, limits: &Limits, body: fn()) -> Vec<ShardReport> {
    let shards = (1..=of).map(|number| {
        let limits = Limits {
            shard: Some(format!("{number}/{of}").parse().unwrap()),
            ..limits.clone()
        };
        search_shard("body", Environment::HOSTILE, search, &limits, body)
    });
    shards.collect()
}

#[test]
fn each_small_program_comes_to_the_same_on_several_processors() {
    for case in cases() {
        // That one passes something on from one execution to the next, as no program may.
        let has_memory = case.name == "a mutex of another execution";
        if has_memory || !matches!(case.shuttle, Expected::Found | Expected::Proved) {
            continue;
        }
        let alone = case.explore_by(Search::Exhaustive, &Limits::default());
        for processors in [1, 3] {
            let divided = case.explore_by(Search::Exhaustive, &on(processors));
            assert_eq!(essence(&divided), essence(&alone), "{}", case.name);
        }
    }
}

/// Threads that count, lock and meet.
fn counting() {
    let shared = Arc::new((AtomicUsize::new(0), Mutex::new(0)));
    let threads = [(); 2].map(|()| {
        let shared = shared.clone();
        thread::spawn(move || {
            shared.0.fetch_add(1, Ordering::AcqRel);
            *shared.1.lock().unwrap() += 1;
            shared.0.fetch_add(1, Ordering::AcqRel);
        })
    });
    shared.0.fetch_add(1, Ordering::AcqRel);
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(*shared.1.lock().unwrap(), 2);
}

/// Fails in few executions: an update is lost in the last of several steps.
fn losing() {
    let number = Arc::new(AtomicUsize::new(0));
    let threads = [(); 2].map(|()| {
        let number = number.clone();
        thread::spawn(move || {
            for _ in 0..2 {
                number.fetch_add(1, Ordering::AcqRel);
            }
            let seen = number.load(Ordering::Acquire);
            number.store(seen + 1, Ordering::Release);
        })
    });
    for thread in threads {
        thread.join().unwrap();
    }
    assert!(number.load(Ordering::Acquire) > 3, "two updates are lost");
}

#[test]
fn shards_merge_into_the_verdict_of_the_whole() {
    let limits = Limits::default();
    let many = Limits {
        executions: Some(2500),
        ..Limits::default()
    };
    for body in [counting as fn(), losing] {
        for search in SEARCHES {
            let limits = if search == Search::Exhaustive {
                &limits
            } else {
                &many
            };
            let whole = shuttle(Environment::HOSTILE, search, limits, body);
            for of in [1, 2, 5] {
                let reports = in_shards(of, search, limits, body);
                let written = serde_json::to_string(&reports).unwrap();
                let read: Vec<ShardReport> = serde_json::from_str(&written).unwrap();
                let merged = merge(&read).unwrap();
                assert_eq!(essence(&merged), essence(&whole), "{search:?} in {of}");
            }
        }
    }
}

/// The outcomes of a program that ends in many ways.
#[test]
fn divided_or_not_the_executions_are_the_same() {
    let outcomes = |limits: &Limits| {
        let collected = Shared::new(Collected::new(Vec::new()));
        let collecting = collected.clone();
        let explored = shuttle(Environment::QUIET, Search::Exhaustive, limits, move || {
            let order = Arc::new(Mutex::new(Vec::new()));
            let threads = [1, 2, 3].map(|number| {
                let order = order.clone();
                thread::spawn(move || {
                    order.lock().unwrap().push(number);
                    order.lock().unwrap().push(-number);
                })
            });
            for thread in threads {
                thread.join().unwrap();
            }
            collecting
                .lock()
                .unwrap()
                .push(order.lock().unwrap().clone());
        });
        let mut collected = collected.lock().unwrap().clone();
        collected.sort();
        (explored.executions, collected)
    };
    let alone = outcomes(&Limits::default());
    let different: BTreeSet<_> = alone.1.iter().cloned().collect();
    assert_eq!(different.len(), 90, "6! / 2! / 2! / 2!");
    assert_eq!(alone.1.len() as u64, alone.0);
    assert!(outcomes(&on(2)) == alone && outcomes(&on(5)) == alone);
    for of in [2, 7] {
        let shard = |number: u32| Limits {
            shard: Some(format!("{number}/{of}").parse().unwrap()),
            ..Limits::default()
        };
        let parts = (1..=of).map(|number| outcomes(&shard(number)));
        let (numbers, collected): (Vec<_>, Vec<_>) = parts.unzip();
        let mut collected = collected.concat();
        collected.sort();
        assert!(numbers.iter().sum::<u64>() == alone.0 && collected == alone.1);
        assert!(numbers.iter().all(|number| *number > 0), "{numbers:?}");
    }
}

#[test]
fn shards_that_do_not_fit_are_refused() {
    let limits = Limits::default();
    let three = in_shards(3, Search::Exhaustive, &limits, counting);
    let refused = |reports: &[ShardReport], says: &str| {
        let why = merge(reports).unwrap_err().to_string();
        assert!(why.contains(says), "{why}");
    };
    refused(&[], "there is no shard");
    refused(&three[..2], "shard 3/3 is missing");
    let twice = [&three[..], &three[1..2]].concat();
    refused(&twice, "shard 2/3 is there twice");
    let with = |report: ShardReport| [&three[..2], &[report]].concat();
    let last = |search, limits: &Limits, body| in_shards(3, search, limits, body).pop().unwrap();
    refused(
        &with(last(Search::Exhaustive, &limits, losing)),
        "their choices differ",
    );
    let random = Search::Random { seed: 1 };
    refused(&with(last(random, &limits, counting)), "search");
    let of_four = in_shards(4, Search::Exhaustive, &limits, counting);
    refused(&with(of_four[2].clone()), "the same number");
    let json = serde_json::to_value(&three[2]).unwrap();
    for (field, value) in [("version", "0.0.0"), ("program", "another")] {
        let mut changed = json.clone();
        changed[field] = value.into();
        refused(&with(serde_json::from_value(changed).unwrap()), field);
    }
    let mut changed = json;
    changed["environment"]["timeouts"] = 7.into();
    refused(
        &with(serde_json::from_value(changed).unwrap()),
        "environment",
    );
}

/// A merged verdict is never better than its worst part.
#[test]
fn the_worst_part_decides() {
    let limits = Limits::default();
    let mut reports = in_shards(3, Search::Exhaustive, &limits, counting);
    assert!(merge(&reports).unwrap().is_proved());
    for report in &reports {
        let alone = report.exploration();
        assert!(matches!(alone.verdict, Verdict::NotProved(_)), "{alone}");
    }
    let few = Limits {
        executions: Some(2),
        ..Limits::default()
    };
    let shard: Shard = "2/3".parse().unwrap();
    let stopped = Limits {
        shard: Some(shard),
        ..few
    };
    let stopped = search_shard(
        "body",
        Environment::HOSTILE,
        Search::Exhaustive,
        &stopped,
        counting,
    );
    let mut json = serde_json::to_value(&stopped).unwrap();
    json["most"] = serde_json::Value::Null; // as if it had been ended otherwise
    reports[1] = serde_json::from_value(json).unwrap();
    let merged = merge(&reports).unwrap();
    assert!(
        merged
            .to_string()
            .contains("shard 2/3: limit of 2 executions"),
        "{merged}"
    );
    assert!(matches!(merged.verdict, Verdict::NotProved(_)), "{merged}");
}
