//! A million timers: set, and fired in the order of their deadlines.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use wakeproof::EventLoop;

const TIMERS: u64 = 1_000_000;

/// The deadline of the n-th timer, in nanoseconds.
type Deadlines = fn(u64) -> u64;

/// Any number and no other twice: the multiplier is odd, and the modulus a power of two.
fn shuffled(i: u64) -> u64 {
    i.wrapping_mul(0x9e37_79b9) % (1 << 20)
}

/// Sets the timers, all of them overdue, and runs the loop until the last has fired.
fn set_and_fire(event_loop: &EventLoop, deadline: Deadlines) {
    let local = event_loop.local();
    let fired = Rc::new(Cell::new(0));
    for i in 0..TIMERS {
        let (fired, stop) = (fired.clone(), local.clone());
        let when = Duration::from_nanos(deadline(i));
        let timer = local.call_at(when, move || {
            fired.set(fired.get() + 1);
            if fired.get() == TIMERS {
                stop.stop();
            }
        });
        drop(timer.expect("the loop is open"));
    }
    event_loop.run_forever().expect("the loop is open");
    assert_eq!(fired.get(), TIMERS);
}

fn timers(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("a million timers");
    group.sample_size(10);
    let orders: [(&str, Deadlines); 3] = [
        ("in order", |i| i),
        ("in reverse", |i| TIMERS - i),
        ("shuffled", shuffled),
    ];
    for (name, deadline) in orders {
        group.bench_function(name, |bencher| {
            bencher.iter_batched_ref(
                EventLoop::new,
                |event_loop| set_and_fire(event_loop, deadline),
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, timers);
criterion_main!(benches);
