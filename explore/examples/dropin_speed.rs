//! How many executions a second a search over the drop-in explores, beside the same body over bare loom and
//! over bare shuttle, all measured in this run. Nothing is recorded, and the environment is quiet.
//!
//! `cargo run --release -p wakeproof-explore --example dropin_speed`

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use wakeproof_explore::{self as explore, Environment, Limits, Search};

const SAMPLES: usize = 20_000;
const ROUNDS: usize = 7;

/// Two threads put numbers into a mailbox, and the main one waits for them.
macro_rules! waiting {
    ($($checker:ident)::+) => {{
        use std::sync::Arc;
        use $($checker)::+::sync::{Condvar, Mutex};
        use $($checker)::+::thread;
        let mailbox = Arc::new((Mutex::new(0), Condvar::new()));
        let threads = [(); 2].map(|()| {
            let mailbox = mailbox.clone();
            thread::spawn(move || {
                *mailbox.0.lock().unwrap() += 1;
                mailbox.1.notify_one();
            })
        });
        let mut sum = mailbox.0.lock().unwrap();
        while *sum < 2 {
            sum = mailbox.1.wait(sum).unwrap();
        }
        drop(sum);
        for thread in threads {
            thread.join().unwrap();
        }
    }};
}

/// Three threads add to a number behind a mutex and to an atomic one.
macro_rules! adding {
    ($($checker:ident)::+) => {{
        use std::sync::Arc;
        use $($checker)::+::sync::Mutex;
        use $($checker)::+::sync::atomic::{AtomicUsize, Ordering};
        use $($checker)::+::thread;
        let shared = Arc::new((Mutex::new(0), AtomicUsize::new(0)));
        let threads = [(); 2].map(|()| {
            let shared = shared.clone();
            thread::spawn(move || {
                shared.1.fetch_add(1, Ordering::AcqRel);
                *shared.0.lock().unwrap() += 1;
            })
        });
        shared.1.fetch_add(1, Ordering::AcqRel);
        *shared.0.lock().unwrap() += 1;
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(*shared.0.lock().unwrap(), 3);
    }};
}

fn report(checker: &str, ours: (u64, Duration), bare: (u64, Duration)) {
    let rate = |(executions, time): (u64, Duration)| executions as f64 / time.as_secs_f64();
    println!(
        "{checker}: {:.0} executions/s over the drop-in, {:.0} bare: ratio {:.2}",
        rate(ours),
        rate(bare),
        rate(ours) / rate(bare)
    );
}

/// By turns, the search over the drop-in and the bare one. The fastest round of each counts.
fn compare(
    checker: &str,
    mut over_the_drop_in: impl FnMut() -> (u64, Duration),
    mut bare: impl FnMut() -> (u64, Duration),
) {
    let faster = |one: (u64, Duration), other: (u64, Duration)| {
        if one.1 <= other.1 { one } else { other }
    };
    let (mut ours, mut theirs) = (over_the_drop_in(), bare());
    for _ in 1..ROUNDS {
        ours = faster(ours, over_the_drop_in());
        theirs = faster(theirs, bare());
    }
    report(checker, ours, theirs);
}

fn main() {
    let (quiet, limits) = (Environment::QUIET, Limits::default());
    let over_the_drop_in = |body: fn()| {
        let explored = explore::loom(quiet, &limits, body);
        assert!(explored.is_proved(), "{explored}");
        (explored.executions, explored.time)
    };
    let bare = |body: fn()| {
        let counter = Arc::new(AtomicU64::new(0));
        let counting = counter.clone();
        let begun = Instant::now();
        loom::model(move || {
            counting.fetch_add(1, Ordering::Relaxed);
            body();
        });
        (counter.load(Ordering::Relaxed), begun.elapsed())
    };
    compare(
        "loom, adding",
        || over_the_drop_in(|| adding!(wakeproof_explore)),
        || bare(|| adding!(loom)),
    );
    compare(
        "loom, waiting",
        || over_the_drop_in(|| waiting!(wakeproof_explore)),
        || bare(|| waiting!(loom)),
    );
    let limits = Limits {
        executions: Some(SAMPLES as u64),
        ..Limits::default()
    };
    let over_the_drop_in = |body: fn()| {
        let explored = explore::shuttle(quiet, Search::Random { seed: 1 }, &limits, body);
        (explored.executions, explored.time)
    };
    let bare = |body: fn()| {
        let begun = Instant::now();
        shuttle::check_random(body, SAMPLES);
        (SAMPLES as u64, begun.elapsed())
    };
    compare(
        "shuttle, adding",
        || over_the_drop_in(|| adding!(wakeproof_explore)),
        || bare(|| adding!(shuttle)),
    );
    compare(
        "shuttle, waiting",
        || over_the_drop_in(|| waiting!(wakeproof_explore)),
        || bare(|| waiting!(shuttle)),
    );
}
