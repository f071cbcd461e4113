//! What one of many takes in memory: `cargo bench -p wakeproof-benches --bench memory`.
//!
//! Apart from the other benchmarks, since the allocator that counts is slower.

use std::time::Duration;

use allocation_counter::measure;
use wakeproof::EventLoop;

const MANY: u64 = 100_000;

fn main() {
    println!("bytes for each of {MANY}, with what the queues keep in reserve, and allocations\n");
    row("callback, call_soon_threadsafe", |event_loop, n| {
        drop(event_loop.handle().call_soon_threadsafe(move || used(n)));
    });
    row("callback, post_threadsafe", |event_loop, n| {
        let posted = event_loop.handle().post_threadsafe(move || used(n));
        assert!(posted.is_ok(), "the loop is open");
    });
    row("callback, call_soon", |event_loop, n| {
        drop(event_loop.local().call_soon(move || used(n)));
    });
    row("timer", |event_loop, n| {
        let timer = event_loop.local().call_at(Duration::MAX, move || used(n));
        drop(timer);
    });
    row("task", |event_loop, n| {
        drop(event_loop.local().spawn(async move { used(n) }));
    });
    let mut channel = None;
    print("boxed callback in a kanal channel", || {
        let (sender, receiver) = kanal::unbounded::<Box<dyn FnOnce() + Send>>();
        for n in 0..MANY {
            assert!(sender.send(Box::new(move || used(n))).is_ok());
        }
        channel = Some((sender, receiver));
    });
}

fn used(n: u64) {
    std::hint::black_box(n);
}

fn row(what: &str, submit: fn(&EventLoop, u64)) {
    let event_loop = EventLoop::new();
    print(what, || (0..MANY).for_each(|n| submit(&event_loop, n)));
}

fn print(what: &str, work: impl FnOnce()) {
    let memory = measure(work);
    let (bytes, allocations) = (memory.bytes_current, memory.count_total);
    let each = bytes as f64 / MANY as f64;
    let times = allocations as f64 / MANY as f64;
    println!("{what:<36}{each:>6.0} bytes {times:>6.2} allocations");
}
