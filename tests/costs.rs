//! What a callback costs: allocations, locks, notifications. Counted, not timed.

mod common;

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use allocation_counter::measure;
use common::with_watchdog;
use wakeproof::inbox::{Correct, Status, Step};
use wakeproof::platform::{Observer, ParkingLot, Variant};
use wakeproof::{EventLoop, Handle};

/// The production platform, with every step counted for the thread that takes it.
type Counting = Variant<ParkingLot, Correct, CountSteps>;

#[derive(Debug)]
struct CountSteps;

thread_local! {
    static LOCKS: Cell<usize> = const { Cell::new(0) };
    static NOTIFICATIONS: Cell<usize> = const { Cell::new(0) };
    static WAKES: Cell<usize> = const { Cell::new(0) };
}

impl Observer for CountSteps {
    fn step(step: Step, _status: Option<Status>) {
        let counter = match step {
            Step::Lock => &LOCKS,
            Step::Notify => &NOTIFICATIONS,
            Step::Wake => &WAKES,
            _ => return,
        };
        counter.set(counter.get() + 1);
    }
}

fn wait_until_asleep(handle: &Handle<Counting>) {
    while !handle.status().asleep {
        thread::yield_now();
    }
}

#[test]
fn a_callback_costs_one_allocation() {
    let event_loop = EventLoop::new();
    let (local, handle) = (event_loop.local(), event_loop.handle());
    let payload = [0_u64; 16];
    let submit_both = || {
        local.call_soon(move || assert_eq!(payload[0], 0)).unwrap();
        handle
            .call_soon_threadsafe(move || assert_eq!(payload[1], 0))
            .unwrap();
        event_loop.stop();
        event_loop.run_forever().unwrap();
    };
    submit_both(); // the queue, the slab and the batch grow to their size
    submit_both();

    let local_only = measure(|| drop(local.call_soon(move || assert_eq!(payload[0], 0))));
    assert_eq!(local_only.count_total, 1);
    let threadsafe = measure(|| {
        drop(handle.call_soon_threadsafe(move || assert_eq!(payload[0], 0)));
    });
    assert_eq!(threadsafe.count_total, 1);
    event_loop.stop();
    let run = measure(|| event_loop.run_forever().unwrap());
    assert_eq!(run.count_total, 0);
}

#[test]
fn a_submission_costs_one_lock_and_a_batch_one_more() {
    let event_loop = EventLoop::<Counting>::on_platform();
    let locks = || LOCKS.replace(0);
    for _ in 0..100 {
        event_loop.local().call_soon(|| ()).unwrap();
    }
    assert_eq!(locks(), 100);
    event_loop.stop();
    assert_eq!(locks(), 1);
    event_loop.run_forever().unwrap();
    assert_eq!(locks(), 2, "one batch of a hundred callbacks, and the stop");
}

#[test]
fn nobody_notifies_a_loop_that_is_awake() {
    let event_loop = EventLoop::<Counting>::on_platform();
    let handle = event_loop.handle();
    for _ in 0..100 {
        let handle_inside = handle.clone();
        handle
            .call_soon_threadsafe(move || drop(handle_inside.call_soon_threadsafe(|| ())))
            .unwrap();
    }
    event_loop.stop();
    event_loop.run_forever().unwrap();
    assert_eq!(NOTIFICATIONS.get(), 0);
}

#[test]
fn one_sleep_costs_one_notification_however_many_callbacks_follow() {
    with_watchdog(|| {
        let event_loop = EventLoop::<Counting>::on_platform();
        let handle = event_loop.handle();
        let worker = thread::spawn(move || {
            for _ in 0..100 {
                wait_until_asleep(&handle);
                let before = NOTIFICATIONS.get();
                handle.call_soon_threadsafe(|| ()).unwrap();
                assert_eq!(NOTIFICATIONS.get(), before + 1);
            }
            wait_until_asleep(&handle);
            handle.stop();
        });
        event_loop.run_forever().unwrap();
        worker.join().unwrap();
    });
}

#[test]
fn an_idle_loop_does_not_wake() {
    static WAKES_OF_THE_LOOP: AtomicUsize = AtomicUsize::new(0);
    with_watchdog(|| {
        let event_loop = EventLoop::<Counting>::on_platform();
        let handle = event_loop.handle();
        let worker = thread::spawn(move || {
            wait_until_asleep(&handle);
            // Not a wait for something to happen: this is the second in which nothing must.
            thread::sleep(Duration::from_secs(1));
            assert!(handle.status().asleep);
            handle.stop();
        });
        event_loop.run_forever().unwrap();
        WAKES_OF_THE_LOOP.store(WAKES.get(), Ordering::Relaxed);
        worker.join().unwrap();
    });
    assert_eq!(
        WAKES_OF_THE_LOOP.load(Ordering::Relaxed),
        1,
        "the stop alone"
    );
}
