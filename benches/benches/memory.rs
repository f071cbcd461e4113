//! What one of many takes in memory: `cargo bench -p wakeproof-benches --bench memory`.
//!
//! Apart from the other benchmarks, since the allocator that counts is slower.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, VecDeque};
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
    println!();
    let mut by_hand = VecDeque::new();
    print("boxed callback in a VecDeque", || {
        (0..MANY).for_each(|n| by_hand.push_back(boxed(n)));
    });
    let (sender, _receiver) = kanal::unbounded();
    print("boxed callback in a kanal channel", || {
        (0..MANY).for_each(|n| assert!(sender.send(boxed(n)).is_ok()));
    });
    let (sender, _receiver) = crossbeam_channel::unbounded();
    print("boxed callback in crossbeam-channel", || {
        (0..MANY).for_each(|n| assert!(sender.send(boxed(n)).is_ok()));
    });
    let (sender, _receiver) = std::sync::mpsc::channel();
    print("boxed callback in std mpsc", || {
        (0..MANY).for_each(|n| assert!(sender.send(boxed(n)).is_ok()));
    });
    let (sender, _receiver) = flume::unbounded();
    print("boxed callback in flume", || {
        (0..MANY).for_each(|n| assert!(sender.send(boxed(n)).is_ok()));
    });
    let (sender, _receiver) = tokio::sync::mpsc::unbounded_channel();
    print("boxed callback in tokio's mpsc", || {
        (0..MANY).for_each(|n| assert!(sender.send(boxed(n)).is_ok()));
    });
    let mut heap = BinaryHeap::new();
    print("boxed callback in a binary heap", || {
        let timers = (0..MANY).map(|n| Timer(Duration::MAX, n, boxed(n)));
        heap.extend(timers);
    });
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.expect("tokio starts");
    print("task, tokio current_thread", || {
        (0..MANY).for_each(|n| drop(runtime.spawn(async move { used(n) })));
    });
    let executor = async_executor::Executor::new();
    print("task, smol", || {
        (0..MANY).for_each(|n| executor.spawn(async move { used(n) }).detach());
    });
    // What is queued was there until now.
    for Timer(_, _, callback) in heap {
        by_hand.push_back(callback);
    }
    by_hand.into_iter().for_each(|callback| callback());
}

type Callback = Box<dyn FnOnce() + Send>;

fn boxed(n: u64) -> Callback {
    Box::new(move || used(n))
}

/// A timer as one writes it by hand.
struct Timer(Duration, u64, Callback);

impl Ord for Timer {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.0, other.1).cmp(&(self.0, self.1))
    }
}

impl PartialOrd for Timer {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Timer {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Timer {}

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
