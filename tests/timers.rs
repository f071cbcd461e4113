//! Timers: order, deadlines, cancelling, and what a loop that sleeps makes of a new one.

mod common;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use common::with_watchdog;
use wakeproof::{EventLoop, Handle, LocalTimerHandle, TimerHandle};

const MILLISECOND: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3600);

/// Runs exactly one iteration.
fn run_once(event_loop: &EventLoop) {
    event_loop.stop();
    event_loop.run_forever().unwrap();
}

fn wait_until_asleep(handle: &Handle) {
    while !handle.status().asleep {
        thread::yield_now();
    }
}

/// A log, and a callback that writes to it.
#[derive(Clone, Default)]
struct Log(Rc<RefCell<Vec<u32>>>);

impl Log {
    fn callback(&self, line: u32) -> impl FnOnce() + 'static {
        let log = self.clone();
        move || log.0.borrow_mut().push(line)
    }

    fn take(&self) -> Vec<u32> {
        self.0.take()
    }
}

#[test]
fn timers_run_in_the_order_of_deadlines_and_equal_ones_in_the_order_of_submission() {
    let event_loop = EventLoop::new();
    let (local, log) = (event_loop.local(), Log::default());
    let start = local.time();
    for (line, milliseconds) in [(5, 3), (1, 1), (3, 2), (2, 1), (4, 2)] {
        local
            .call_at(start + milliseconds * MILLISECOND, log.callback(line))
            .unwrap();
    }
    let stop = event_loop.local();
    local
        .call_at(start + 4 * MILLISECOND, move || stop.stop())
        .unwrap();
    event_loop.run_forever().unwrap();
    assert_eq!(log.take(), [1, 2, 3, 4, 5]);
}

#[test]
fn equal_deadlines_of_both_kinds_keep_the_order_of_submission() {
    let event_loop = EventLoop::new();
    let (local, handle) = (event_loop.local(), event_loop.handle());
    let ran = Arc::new(AtomicUsize::new(0));
    for i in 0..100 {
        let ran = ran.clone();
        let check = move || assert_eq!(ran.fetch_add(1, Ordering::Relaxed), i);
        if i % 3 == 0 {
            local.call_at(Duration::ZERO, check).unwrap();
        } else {
            handle.call_at_threadsafe(Duration::ZERO, check).unwrap();
        }
    }
    event_loop.set_exception_handler(|_| panic!("out of order"));
    run_once(&event_loop);
    assert_eq!(ran.load(Ordering::Relaxed), 100);
}

#[test]
fn due_timers_run_behind_the_callbacks_of_the_iteration() {
    let event_loop = EventLoop::new();
    let (local, log) = (event_loop.local(), Log::default());
    local.call_later(Duration::ZERO, log.callback(2)).unwrap();
    local.call_soon(log.callback(1)).unwrap();
    run_once(&event_loop);
    assert_eq!(log.take(), [1, 2]);
}

#[test]
fn a_timer_that_is_due_at_once_waits_for_the_next_iteration() {
    let event_loop = EventLoop::new();
    let (local, log) = (event_loop.local(), Log::default());
    let (inner, inner_log) = (local.clone(), log.clone());
    local
        .call_soon(move || {
            inner
                .call_later(Duration::ZERO, inner_log.callback(1))
                .unwrap();
            inner
                .call_at(Duration::ZERO, inner_log.callback(0))
                .unwrap();
        })
        .unwrap();
    run_once(&event_loop);
    assert_eq!(log.take(), []);
    run_once(&event_loop);
    assert_eq!(log.take(), [0, 1], "and then the earlier deadline first");
}

#[test]
fn a_timer_that_sets_itself_again_does_not_starve_a_stop() {
    with_watchdog(|| {
        fn again(local: wakeproof::Local, ran: Rc<Cell<u32>>) {
            ran.set(ran.get() + 1);
            if ran.get() == 1_000 {
                local.stop();
            }
            let next = local.clone();
            local
                .call_at(Duration::ZERO, move || again(next, ran))
                .unwrap();
        }
        let event_loop = EventLoop::new();
        let ran = Rc::new(Cell::new(0));
        again(event_loop.local(), ran.clone());
        event_loop.run_forever().unwrap();
        assert_eq!(ran.get(), 1_000);
    });
}

#[test]
fn a_timer_never_runs_early() {
    with_watchdog(|| {
        let event_loop = EventLoop::new();
        let local = event_loop.local();
        let remaining = Rc::new(Cell::new(50));
        for i in 0..50 {
            let (inner, remaining) = (local.clone(), remaining.clone());
            let when = local.time() + i * Duration::from_micros(37);
            local
                .call_at(when, move || {
                    assert!(inner.time() >= when);
                    remaining.set(remaining.get() - 1);
                    if remaining.get() == 0 {
                        inner.stop();
                    }
                })
                .unwrap();
        }
        event_loop.set_exception_handler(|panic| panic!("{panic}"));
        event_loop.run_forever().unwrap();
        assert_eq!(remaining.get(), 0);
    });
}

#[test]
fn a_timer_from_another_thread_wakes_a_loop_that_sleeps_until_a_later_one() {
    with_watchdog(|| {
        let event_loop = EventLoop::new();
        let far = event_loop
            .local()
            .call_later(HOUR, || unreachable!())
            .unwrap();
        for _ in 0..100 {
            let handle = event_loop.handle();
            let worker = thread::spawn(move || {
                wait_until_asleep(&handle);
                let stop = handle.clone();
                handle
                    .call_later_threadsafe(Duration::from_micros(50), move || stop.stop())
                    .unwrap()
            });
            event_loop.run_forever().unwrap();
            let near = worker.join().unwrap();
            assert!(near.is_done() && near.when() < far.when());
        }
    });
}

#[test]
fn delays_without_end_are_timers_that_never_come() {
    let event_loop = EventLoop::new();
    let (local, handle) = (event_loop.local(), event_loop.handle());
    let forever = local.call_later(Duration::MAX, || unreachable!()).unwrap();
    let threadsafe = handle
        .call_later_threadsafe(Duration::MAX, || unreachable!())
        .unwrap();
    assert_eq!(forever.when(), Duration::MAX);
    assert_eq!(threadsafe.when(), Duration::MAX);
    let stop = local.clone();
    local.call_later(MILLISECOND, move || stop.stop()).unwrap();
    event_loop.run_forever().unwrap();
    assert!(!forever.is_done() && !threadsafe.is_done());
    event_loop.close().unwrap();
    assert!(forever.is_cancelled() && threadsafe.is_cancelled());
}

#[test]
fn a_cancelled_timer_drops_its_callback_at_once_and_does_not_run() {
    let event_loop = EventLoop::new();
    let payload = Arc::new(());
    let held = payload.clone();
    let timer = event_loop
        .handle()
        .call_later_threadsafe(Duration::ZERO, move || panic!("{held:?}"))
        .unwrap();
    assert!(timer.cancel() && !timer.cancel());
    assert_eq!(Arc::strong_count(&payload), 1);
    event_loop.set_exception_handler(|panic| panic!("{panic}"));
    run_once(&event_loop);
    assert!(timer.is_cancelled() && !timer.is_done());
}

#[test]
fn a_timer_may_cancel_its_neighbour_but_not_itself() {
    let event_loop = EventLoop::new();
    let local = event_loop.local();
    let own: Rc<RefCell<Option<LocalTimerHandle>>> = Rc::default();
    let neighbour: Rc<RefCell<Option<TimerHandle>>> = Rc::default();
    let (cancel_own, cancel_neighbour) = (own.clone(), neighbour.clone());
    let first = local
        .call_at(Duration::ZERO, move || {
            assert!(!cancel_own.take().unwrap().cancel());
            assert!(cancel_neighbour.take().unwrap().cancel());
        })
        .unwrap();
    let second = event_loop
        .handle()
        .call_at_threadsafe(Duration::ZERO, || panic!("cancelled, and run all the same"))
        .unwrap();
    *own.borrow_mut() = Some(first.clone());
    *neighbour.borrow_mut() = Some(second.clone());
    event_loop.set_exception_handler(|panic| panic!("{panic}"));
    run_once(&event_loop);
    assert!(first.is_done() && !first.is_cancelled());
    assert!(second.is_cancelled() && !second.is_done());
}

#[test]
fn a_panic_in_a_timer_is_reported_with_its_origin_and_costs_no_other() {
    let event_loop = EventLoop::new();
    let (local, log) = (event_loop.local(), Log::default());
    let reports = Rc::new(RefCell::new(Vec::new()));
    let writer = reports.clone();
    event_loop.set_exception_handler(move |panic| {
        writer.borrow_mut().push(panic.scheduled_at().line());
    });
    let line = line!() + 2;
    local
        .call_later(Duration::ZERO, || panic!("too late"))
        .unwrap();
    local.call_later(Duration::ZERO, log.callback(1)).unwrap();
    run_once(&event_loop);
    assert_eq!(log.take(), [1]);
    assert_eq!(*reports.borrow(), [line]);
}

#[test]
fn a_timer_that_was_not_due_is_there_in_the_next_run() {
    let event_loop = EventLoop::new();
    let (local, log) = (event_loop.local(), Log::default());
    let (stop, callback) = (local.clone(), log.callback(1));
    local
        .call_later(5 * MILLISECOND, move || {
            callback();
            stop.stop();
        })
        .unwrap();
    run_once(&event_loop);
    assert_eq!(log.take(), []);
    event_loop.run_forever().unwrap();
    assert_eq!(log.take(), [1]);
}

#[test]
fn close_drops_timers_in_the_order_of_their_deadlines_and_refuses_new_ones() {
    struct OnDrop(Log, u32);
    impl Drop for OnDrop {
        fn drop(&mut self) {
            self.0.callback(self.1)();
        }
    }
    let event_loop = EventLoop::new();
    let (local, log) = (event_loop.local(), Log::default());
    let mut kept = Vec::new();
    for (line, delay) in [(2, HOUR), (1, MILLISECOND)] {
        let bomb = OnDrop(log.clone(), line);
        kept.push(local.call_later(delay, move || drop(bomb)).unwrap());
        run_once(&event_loop); // into the heap
    }
    let bomb = OnDrop(log.clone(), 3);
    kept.push(local.call_later(2 * HOUR, move || drop(bomb)).unwrap());
    event_loop.close().unwrap();
    assert_eq!(log.take(), [1, 2, 3]);
    assert!(kept.iter().all(LocalTimerHandle::is_cancelled));

    let refused = local.call_later(HOUR, log.callback(4)).unwrap_err();
    (refused.0)();
    assert_eq!(log.take(), [4]);
    assert!(
        event_loop
            .handle()
            .call_later_threadsafe(HOUR, || ())
            .is_err()
    );
}

#[test]
fn a_cancel_that_races_with_the_deadline_tells_the_truth() {
    with_watchdog(|| {
        let event_loop = EventLoop::new();
        let handle = event_loop.handle();
        let worker = thread::spawn(move || {
            for _ in 0..2_000 {
                let (ran, wait) = std::sync::mpsc::channel();
                let timer = handle
                    .call_later_threadsafe(Duration::from_micros(5), move || ran.send(()).unwrap())
                    .unwrap();
                let cancelled = timer.cancel();
                assert_eq!(wait.recv().is_err(), cancelled);
            }
            handle.stop();
        });
        event_loop.run_forever().unwrap();
        worker.join().unwrap();
    });
}

#[test]
fn timers_have_a_debug_form() {
    let event_loop = EventLoop::new();
    let local = event_loop.local().call_later(HOUR, || ()).unwrap();
    let shared = event_loop
        .handle()
        .call_later_threadsafe(HOUR, || ())
        .unwrap();
    assert!(format!("{local:?}").starts_with("LocalTimerHandle { scheduled_at: tests/timers.rs:"));
    assert!(format!("{shared:?}").starts_with("TimerHandle { scheduled_at: tests/timers.rs:"));
}

mod under_shuttle {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use shuttle::scheduler::DfsScheduler;
    use shuttle::{Config, Runner, thread};
    use wakeproof::EventLoop;
    use wakeproof::platform::Deliberate;
    use wakeproof_explore::platform::{Environment, Shuttle};

    use super::{HOUR, MILLISECOND};

    /// Time is the platform's, and moves to a deadline when that ends a wait.
    #[test]
    fn an_hour_takes_no_time() {
        shuttle::check_random(
            || {
                Shuttle::enter(Environment {
                    timeouts: 3,
                    ..Environment::QUIET
                });
                let event_loop = EventLoop::<Shuttle>::on_platform();
                let local = event_loop.local();
                let (start, clock) = (local.time(), event_loop.local());
                let slept = event_loop.run_until_complete(async move {
                    for _ in 0..3 {
                        local.sleep(HOUR).await.unwrap();
                    }
                    clock.time() - start
                });
                assert_eq!(slept, Ok(3 * HOUR));
            },
            10,
        );
    }

    /// A deadline that is cancelled ends no sleep, even if the destructor of its callback has panicked
    /// in the canceller: one deadline is all that the loop gets to see here.
    #[test]
    fn a_destructor_that_panics_leaves_no_deadline_behind() {
        struct PanicsWhenDropped;
        impl Drop for PanicsWhenDropped {
            fn drop(&mut self) {
                std::panic::panic_any(Deliberate);
            }
        }
        shuttle::check_random(
            || {
                Shuttle::enter(Environment {
                    timeouts: 1,
                    ..Environment::QUIET
                });
                let event_loop = EventLoop::<Shuttle>::on_platform();
                let (local, handle) = (event_loop.local(), event_loop.handle());
                let (first, second) = (PanicsWhenDropped, PanicsWhenDropped);
                let first = local.call_later(MILLISECOND, || drop(first)).unwrap();
                let second = handle.call_later_threadsafe(MILLISECOND, || drop(second));
                let second = second.map_err(|_| "closed").unwrap();
                let stop = event_loop.local();
                local.call_later(HOUR, move || stop.stop()).unwrap();
                catch_unwind(AssertUnwindSafe(|| first.cancel())).unwrap_err();
                catch_unwind(AssertUnwindSafe(|| second.cancel())).unwrap_err();
                event_loop.run_forever().unwrap();
                assert_eq!(event_loop.time(), HOUR);
            },
            10,
        );
    }

    /// Set while the loop sleeps until an hour has passed, or before, or when it has passed: a timer
    /// of another thread runs.
    #[test]
    fn a_timer_of_another_thread_runs_whenever_it_is_set() {
        let body = || {
            Shuttle::enter(Environment {
                timeouts: 2,
                ..Environment::QUIET
            });
            let event_loop = EventLoop::<Shuttle>::on_platform();
            let hour = event_loop.local().call_at(HOUR, || ()).unwrap();
            let handle = event_loop.handle();
            let worker = thread::spawn(move || {
                let stop = handle.clone();
                handle
                    .call_at_threadsafe(MILLISECOND, move || stop.stop())
                    .map(drop)
            });
            event_loop.run_forever().unwrap();
            worker.join().unwrap().unwrap();
            assert_eq!(hour.is_done(), event_loop.time() == HOUR);
        };
        let scheduler = DfsScheduler::new(None, false);
        assert!(Runner::new(scheduler, Config::new()).run(body) > 1);
    }
}

mod under_loom {
    use loom::thread;
    use wakeproof::EventLoop;
    use wakeproof_explore::platform::{Environment, Loom};

    use super::{HOUR, MILLISECOND};

    /// A loop that is about to sleep until the hour, or does so already, hears of the millisecond.
    #[test]
    fn a_timer_of_another_thread_wakes_the_loop() {
        loom::model(|| {
            Loom::enter(Environment {
                timeouts: 1,
                ..Environment::QUIET
            });
            let event_loop = EventLoop::<Loom>::on_platform();
            let handle = event_loop.handle();
            let worker = thread::spawn(move || {
                let stop = handle.clone();
                handle
                    .call_at_threadsafe(MILLISECOND, move || stop.stop())
                    .map(drop)
            });
            event_loop.run_forever().unwrap();
            assert!(event_loop.time() >= MILLISECOND && event_loop.time() < HOUR);
            worker.join().unwrap().unwrap();
        });
    }
}
