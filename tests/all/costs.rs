//! What a callback costs: allocations, locks, notifications. Counted, not timed.

use std::cell::Cell;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use allocation_counter::measure;
use wakeproof::inbox::{Status, Step};
use wakeproof::platform::ParkingLot;
use wakeproof_explore::platform::{Observed, Observer};

use crate::common::{HOUR, MILLISECOND, TestLoop, wait_until_asleep};

/// The production platform, with every step counted for the thread that takes it.
type Counting = Observed<ParkingLot, CountSteps>;

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

#[test]
fn a_callback_costs_one_allocation() {
    let event_loop = TestLoop::new();
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
    let posted = measure(|| {
        let callback = move || assert_eq!(payload[0], 0);
        handle.post_threadsafe(callback).unwrap();
    });
    assert_eq!(posted.count_total, 1);
    assert_eq!(
        posted.bytes_total as usize,
        size_of_val(&payload) + size_of::<usize>(),
        "the callback and where it was scheduled"
    );
    event_loop.stop();
    let run = measure(|| event_loop.run_forever().unwrap());
    assert_eq!(run.count_total, 0);
}

#[test]
fn a_loop_that_looks_for_work_before_it_sleeps_needs_no_notification() {
    let event_loop = TestLoop::<Counting>::on_platform();
    event_loop.set_spin_before_sleep(Duration::MAX);
    // So that the loop does not sleep before its first iteration.
    event_loop.local().call_soon(|| ()).unwrap();
    event_loop.run_beside(|handle| {
        for _ in 0..100 {
            let (sender, receiver) = mpsc::channel();
            handle
                .post_threadsafe(move || sender.send(()).unwrap())
                .unwrap();
            receiver.recv().unwrap();
            assert!(!handle.status().asleep);
        }
        assert_eq!(NOTIFICATIONS.get(), 0);
    });
    assert_eq!(WAKES.get(), 0);
}

#[test]
fn a_loop_that_has_looked_for_long_enough_sleeps_and_is_woken() {
    let event_loop = TestLoop::<Counting>::on_platform();
    event_loop.set_spin_before_sleep(Duration::from_nanos(1));
    event_loop.run_beside(|handle| {
        for _ in 0..10 {
            wait_until_asleep(handle);
            let before = NOTIFICATIONS.get();
            handle.post_threadsafe(|| ()).unwrap();
            assert_eq!(NOTIFICATIONS.get(), before + 1);
        }
        wait_until_asleep(handle);
    });
}

#[test]
fn looking_for_work_ends_at_the_next_deadline() {
    let event_loop = TestLoop::new();
    event_loop.set_spin_before_sleep(Duration::MAX);
    let stop = event_loop.local();
    let timer = event_loop.local();
    event_loop
        .local()
        .call_soon(move || drop(timer.call_later(MILLISECOND, move || stop.stop())))
        .unwrap();
    event_loop.run_forever().unwrap();
}

#[test]
fn a_submission_costs_one_lock_and_a_batch_one_more() {
    let event_loop = TestLoop::<Counting>::on_platform();
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
    let event_loop = TestLoop::<Counting>::on_platform();
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
    TestLoop::<Counting>::on_platform().run_beside(|handle| {
        for _ in 0..100 {
            wait_until_asleep(handle);
            let before = NOTIFICATIONS.get();
            handle.call_soon_threadsafe(|| ()).unwrap();
            assert_eq!(NOTIFICATIONS.get(), before + 1);
        }
        wait_until_asleep(handle);
    });
}

#[test]
fn an_idle_loop_does_not_wake() {
    let event_loop = TestLoop::<Counting>::on_platform();
    event_loop.run_beside(|handle| {
        wait_until_asleep(handle);
        // Not a wait for something to happen: this is the second in which nothing must.
        thread::sleep(Duration::from_secs(1));
        assert!(handle.status().asleep);
    });
    assert_eq!(WAKES.get(), 1, "the stop alone");
}

#[test]
fn a_timer_costs_one_allocation() {
    let event_loop = TestLoop::new();
    let (local, handle) = (event_loop.local(), event_loop.handle());
    let payload = [0_u64; 16];
    let mut costs = Vec::with_capacity(2);
    for _ in 0..3 {
        costs.clear(); // the queue, the slab and the heap have grown to their size
        costs.push(measure(|| {
            drop(local.call_later(Duration::ZERO, move || assert_eq!(payload[0], 0)));
        }));
        costs.push(measure(|| {
            let check = move || assert_eq!(payload[0], 0);
            drop(handle.call_later_threadsafe(Duration::ZERO, check));
        }));
        event_loop.stop();
        costs.push(measure(|| event_loop.run_forever().unwrap()));
    }
    let counts: Vec<u64> = costs.iter().map(|cost| cost.count_total).collect();
    assert_eq!(counts, [1, 1, 0]);
}

#[test]
fn cancelled_timers_cost_no_memory_for_long() {
    let event_loop = TestLoop::new();
    let (local, handle) = (event_loop.local(), event_loop.handle());
    let kept = local.call_later(HOUR, || ()).unwrap();
    let memory = measure(|| {
        for _ in 0..1_000 {
            for _ in 0..50 {
                local.call_later(HOUR, || ()).unwrap().cancel();
                let timer = handle.call_later_threadsafe(HOUR, || ()).unwrap();
                event_loop.stop();
                event_loop.run_forever().unwrap(); // it is among the loop's timers
                timer.cancel();
            }
        }
    });
    assert!(!kept.is_cancelled());
    assert!(
        memory.count_max < 500,
        "{memory:?}: of a hundred thousand timers, a few hundred are there at a time"
    );
}

#[test]
fn a_loop_that_sleeps_is_woken_now_and_then_to_clear_up_what_another_thread_cancels() {
    TestLoop::<Counting>::on_platform().run_beside(|handle| {
        let set = || handle.call_later_threadsafe(HOUR, || ()).unwrap();
        let timers: Vec<_> = (0..1_000).map(|_| set()).collect();
        wait_until_asleep(handle);
        NOTIFICATIONS.set(0);
        for timer in &timers {
            timer.cancel();
        }
        let notifications = NOTIFICATIONS.get();
        assert!((1..20).contains(&notifications), "{notifications}");
        wait_until_asleep(handle);
    });
}

#[test]
fn a_task_costs_one_allocation_and_its_wakeups_and_polls_none() {
    let event_loop = TestLoop::new();
    let local = event_loop.local();
    let payload = [1_u64; 16];
    let spawn = || {
        let task = local.spawn(async move {
            for _ in 0..10 {
                yield_once().await;
            }
            payload[0]
        });
        task.unwrap()
    };
    let run_once = || {
        event_loop.stop();
        event_loop.run_forever().unwrap();
    };
    for _ in 0..2 {
        drop(spawn()); // the queue and the slab grow to their size, and a first task leaves its cells
        (0..12).for_each(|_| run_once());
    }

    let mut task = None;
    let spawned = measure(|| task = Some(spawn()));
    assert_eq!(spawned.count_total, 1);
    let task = task.unwrap();
    let polled = measure(|| (0..12).for_each(|_| run_once()));
    assert!(task.is_finished());
    assert_eq!(polled.count_total, 0);
}

#[test]
fn a_task_of_another_thread_costs_one_allocation_there_and_one_on_the_loops() {
    let event_loop = TestLoop::new();
    let handle = event_loop.handle();
    let mut costs = [0; 3];
    for _ in 0..3 {
        let mut task = None;
        let spawned = measure(|| task = Some(handle.spawn_threadsafe(yield_once()).unwrap()));
        event_loop.stop();
        let first_poll = measure(|| event_loop.run_forever().unwrap());
        event_loop.stop();
        let rest = measure(|| event_loop.run_forever().unwrap());
        assert!(task.unwrap().is_finished());
        // The queue, the slab and the batch grow to their size.
        costs = [&spawned, &first_poll, &rest].map(|cost| cost.count_total);
    }
    assert_eq!(costs, [1, 1, 0]);
}

/// Wakes its task and lets it go once round the queue.
fn yield_once() -> impl Future<Output = ()> {
    let mut yielded = false;
    std::future::poll_fn(move |context| {
        if std::mem::replace(&mut yielded, true) {
            return std::task::Poll::Ready(());
        }
        context.waker().wake_by_ref();
        std::task::Poll::Pending
    })
}

#[test]
fn wakeups_before_a_poll_are_one_and_on_the_loops_thread_they_notify_nobody() {
    let event_loop = TestLoop::<Counting>::on_platform();
    let mut polls = 0;
    let main = std::future::poll_fn(|context| {
        polls += 1;
        if polls == 10 {
            return std::task::Poll::Ready(());
        }
        for _ in 0..100 {
            context.waker().wake_by_ref();
        }
        assert_eq!(event_loop.handle().status().queued, 1);
        std::task::Poll::Pending
    });
    event_loop.run_until_complete(main).unwrap();
    assert_eq!(polls, 10);
    assert_eq!(NOTIFICATIONS.get(), 0);
}
