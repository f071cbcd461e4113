//! What the drop-in costs outside of a search: the time of an operation beside the standard library's, both
//! measured in this run, by turns. The least of several rounds counts.
//!
//! `cargo run --release -p wakeproof-explore --example dropin_cost`

use std::hint::black_box;
use std::time::{Duration, Instant};

const ROUNDS: usize = 15;
const OPERATIONS: u32 = 200_000;

fn time(operation: &mut dyn FnMut()) -> Duration {
    let begun = Instant::now();
    operation();
    begun.elapsed()
}

/// Prints how long one of `OPERATIONS` takes, of each.
fn compare(name: &str, mut of_std: impl FnMut(), mut of_drop_in: impl FnMut()) {
    let (mut std, mut drop_in) = (Duration::MAX, Duration::MAX);
    for _ in 0..ROUNDS {
        std = std.min(time(&mut of_std));
        drop_in = drop_in.min(time(&mut of_drop_in));
    }
    let nanoseconds = |time: Duration| time.as_secs_f64() * 1e9 / f64::from(OPERATIONS);
    let (std, drop_in) = (nanoseconds(std), nanoseconds(drop_in));
    println!(
        "{name:<28} {std:>7.2} ns std {drop_in:>7.2} ns drop-in {:>+7.2} ns",
        drop_in - std
    );
}

/// The same body over the standard library and over the drop-in.
macro_rules! both {
    ($name:literal, |$sync:ident| $make:expr, |$value:ident| $operation:expr) => {{
        let of_std = {
            use std::sync as $sync;
            $make
        };
        let of_drop_in = {
            use wakeproof_explore::sync as $sync;
            $make
        };
        compare(
            $name,
            || {
                for _ in 0..OPERATIONS {
                    let $value = &of_std;
                    black_box($operation);
                }
            },
            || {
                for _ in 0..OPERATIONS {
                    let $value = &of_drop_in;
                    black_box($operation);
                }
            },
        );
    }};
}

fn main() {
    use std::sync::atomic::Ordering;

    both!(
        "AtomicU64::load",
        |sync| sync::atomic::AtomicU64::new(1),
        |number| number.load(Ordering::Acquire)
    );
    both!(
        "AtomicU64::fetch_add",
        |sync| sync::atomic::AtomicU64::new(1),
        |number| number.fetch_add(1, Ordering::AcqRel)
    );
    both!(
        "Mutex::lock and unlock",
        |sync| sync::Mutex::new(1_u64),
        |mutex| *mutex.lock().unwrap() += 1
    );
    both!(
        "RwLock::read and unlock",
        |sync| sync::RwLock::new(1_u64),
        |lock| *lock.read().unwrap()
    );
    both!(
        "Condvar::notify_one, nobody",
        |sync| sync::Condvar::new(),
        |condvar| condvar.notify_one()
    );
    both!(
        "OnceLock::get",
        |sync| sync::OnceLock::from(1_u64),
        |cell| *cell.get().unwrap()
    );
    both!(
        "mpsc: send and recv",
        |sync| sync::mpsc::channel::<u64>(),
        |channel| {
            channel.0.send(1).unwrap();
            channel.1.recv().unwrap()
        }
    );
}
