//! Timers: order, deadlines, cancelling, and what a loop that sleeps makes of a new one.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use wakeproof::{EventLoop, LocalTimerHandle, TimerHandle};

use crate::common::{HOUR, Log, MILLISECOND, OnDrop, TestLoop, wait_until_asleep};
use crate::virtual_time::{VirtualTime, set_clock};

const TICK: Duration = Duration::from_nanos(1);

/// Each way to set a timer, by its name: a callback that is to run when a delay has passed.
type SetTimer = fn(&EventLoop<VirtualTime>, Duration, Box<dyn FnOnce() + Send>);

const WAYS: [(&str, SetTimer); 5] = [
    ("call_later", |event_loop, delay, callback| {
        event_loop.local().call_later(delay, callback).unwrap();
    }),
    ("call_at", |event_loop, delay, callback| {
        let when = event_loop.time().saturating_add(delay);
        event_loop.local().call_at(when, callback).unwrap();
    }),
    ("call_later_threadsafe", |event_loop, delay, callback| {
        let handle = event_loop.handle();
        handle.call_later_threadsafe(delay, callback).unwrap();
    }),
    ("call_at_threadsafe", |event_loop, delay, callback| {
        let (when, handle) = (event_loop.time().saturating_add(delay), event_loop.handle());
        handle.call_at_threadsafe(when, callback).unwrap();
    }),
    ("sleep", |event_loop, delay, callback| {
        let sleep = event_loop.local().sleep(delay);
        let task = event_loop.local().spawn(async {
            sleep.await.unwrap();
            callback();
        });
        drop(task.unwrap());
        event_loop.stop(); // the first poll sets the timer
        event_loop.run_forever().unwrap();
    }),
];

/// One tick before the deadline, at it, and one tick behind; with the clock at its beginning, somewhere,
/// and just before its end; without a delay, with the shortest, and with the longest.
#[test]
fn a_timer_runs_at_its_deadline_and_not_a_tick_earlier() {
    let starts = [Duration::ZERO, TICK, HOUR, Duration::MAX - TICK];
    let delays = [Duration::ZERO, TICK, 2 * TICK, HOUR, Duration::MAX];
    for (way, set_timer) in WAYS {
        for start in starts {
            for delay in delays {
                set_clock(start);
                let event_loop = TestLoop::<VirtualTime>::on_platform();
                let (ran, has_run) = mpsc::channel();
                let callback = Box::new(move || ran.send(()).unwrap());
                set_timer(&event_loop, delay, callback);
                let case = format!("{way} at {start:?} with a delay of {delay:?}");

                let deadline = start.saturating_add(delay);
                if deadline > start {
                    set_clock(deadline - TICK);
                    event_loop.run_once();
                    event_loop.run_once(); // a task that was woken runs in the next iteration
                    assert!(has_run.try_recv().is_err(), "{case}: a tick early");
                }
                // At the deadline, or one tick behind it where there is one: once.
                set_clock(deadline);
                event_loop.run_once();
                event_loop.run_once();
                assert_eq!(has_run.try_recv(), Ok(()), "{case}: at its deadline");
                set_clock(deadline.saturating_add(TICK));
                event_loop.run_once();
                assert!(has_run.try_recv().is_err(), "{case}: twice");
            }
        }
    }
}

#[test]
fn of_two_timers_a_tick_apart_the_later_one_waits_for_its_tick() {
    for (way, set_timer) in WAYS {
        set_clock(HOUR);
        let event_loop = TestLoop::<VirtualTime>::on_platform();
        let (ran, order) = mpsc::channel();
        for (name, delay) in [("second", 2 * TICK), ("first", TICK)] {
            let ran = ran.clone();
            set_timer(
                &event_loop,
                delay,
                Box::new(move || ran.send(name).unwrap()),
            );
        }
        for (delay, expected) in [(TICK, "first"), (2 * TICK, "second")] {
            set_clock(HOUR + delay);
            event_loop.run_once();
            event_loop.run_once();
            let ran: Vec<_> = order.try_iter().collect();
            assert_eq!(ran, [expected], "{way}");
        }
    }
}

/// Not a tick longer, and not a tick less: then it would go round once more.
#[test]
fn a_loop_sleeps_until_its_first_deadline() {
    for (way, set_timer) in WAYS {
        for delay in [Duration::ZERO, TICK, MILLISECOND, Duration::MAX - 2 * HOUR] {
            set_clock(HOUR);
            let event_loop = TestLoop::<VirtualTime>::on_platform();
            let (stop, (ran, at)) = (event_loop.handle(), mpsc::channel());
            let callback = Box::new(move || {
                ran.send(stop.time()).unwrap();
                stop.stop();
            });
            set_timer(&event_loop, delay, callback);
            set_timer(&event_loop, delay.saturating_add(TICK), Box::new(|| ()));
            event_loop.run_forever().unwrap();
            assert_eq!(at.recv(), Ok(HOUR + delay), "{way}");
        }
    }
}

/// The neighbour of the test above: what would be found if the deadline never came.
#[test]
#[should_panic(expected = "the loop sleeps for ever")]
fn nobody_wakes_a_loop_that_waits_for_the_end_of_time() {
    let event_loop = TestLoop::<VirtualTime>::on_platform();
    let local = event_loop.local();
    let timer = local.call_later(Duration::MAX, || unreachable!()).unwrap();
    assert_eq!(timer.when(), Duration::MAX);
    let _ = event_loop.run_forever();
}

#[test]
fn timers_run_in_the_order_of_deadlines_and_equal_ones_in_the_order_of_submission() {
    let event_loop = TestLoop::<VirtualTime>::on_platform();
    let (local, log) = (event_loop.local(), Log::new());
    let start = local.time();
    for (line, ticks) in [(5, 3), (1, 1), (3, 2), (2, 1), (4, 2)] {
        local
            .call_at(start + ticks * TICK, log.callback(line))
            .unwrap();
    }
    let stop = event_loop.local();
    local
        .call_at(start + 4 * TICK, move || stop.stop())
        .unwrap();
    event_loop.run_forever().unwrap();
    assert_eq!(log.take(), [1, 2, 3, 4, 5]);
}

/// A loop with many timers that are due sorts what it has not run yet, whether all are due or a few.
#[test]
fn however_many_timers_are_due_they_run_in_order_and_the_others_stay() {
    const ALL: u32 = 1_000;
    for due in [2, 64, 66, 70, 400, 998, ALL] {
        set_clock(Duration::ZERO);
        let event_loop = TestLoop::<VirtualTime>::on_platform();
        let (local, ran) = (event_loop.local(), Rc::new(RefCell::new(Vec::new())));
        let timers = Rc::new(RefCell::new(HashMap::new()));
        let is_cancelled = |i: u32| i % 10 == 5;
        // In neither order of their deadlines, and each deadline twice.
        let numbers: Vec<u32> = (0..ALL).map(|n| n * 7 % ALL).collect();
        let deadline = |i: u32| HOUR + i / 2 * TICK;
        for &i in &numbers {
            let (ran, others) = (ran.clone(), timers.clone());
            let callback = move || {
                ran.borrow_mut().push(i);
                if is_cancelled(i + 2) {
                    let others: &RefCell<HashMap<u32, LocalTimerHandle>> = &others;
                    assert!(others.borrow()[&(i + 2)].cancel());
                }
            };
            let timer = local.call_at(deadline(i), callback).unwrap();
            timers.borrow_mut().insert(i, timer);
        }
        event_loop.run_once(); // now they are the loop's
        let mut expected: Vec<u32> = numbers.clone();
        expected.sort_by_key(|&i| deadline(i)); // which leaves equal ones as they are
        expected.retain(|&i| !is_cancelled(i));
        for clock in [deadline(due - 1), deadline(ALL)] {
            set_clock(clock);
            event_loop.run_once();
            let until_now = expected.iter().filter(|i| deadline(**i) <= clock);
            assert!(ran.borrow().iter().eq(until_now), "{due} due: {ran:?}");
        }
    }
}

#[test]
fn equal_deadlines_of_both_kinds_keep_the_order_of_submission() {
    let event_loop = TestLoop::new();
    let (local, handle) = (event_loop.local(), event_loop.handle());
    let (ran, order) = mpsc::channel();
    for i in 0..100 {
        let ran = ran.clone();
        let callback = move || ran.send(i).unwrap();
        if i % 3 == 0 {
            local.call_at(Duration::ZERO, callback).unwrap();
        } else {
            handle.call_at_threadsafe(Duration::ZERO, callback).unwrap();
        }
    }
    event_loop.run_once();
    let order: Vec<_> = order.try_iter().collect();
    assert_eq!(order, (0..100).collect::<Vec<_>>());
}

/// More are cancelled than the loop tolerates, so that it sweeps, and nearly as many are not: each of
/// these runs, in its turn.
#[test]
fn a_sweep_throws_out_the_cancelled_timers_and_no_other() {
    enum Timer {
        Local(LocalTimerHandle),
        Shared(TimerHandle),
    }
    type IsCancelled = fn(u32) -> bool;
    const ALL: u32 = 402;
    let cancels: [(&str, IsCancelled); 5] = [
        ("every second and one more", |i| i % 2 == 0 || i < 3),
        ("the earlier half and one more", |i| i <= ALL / 2),
        ("the later half and one more", |i| i >= ALL / 2 - 1),
        ("all but one", |i| i != 300),
        ("as many as are tolerated", |i| i % 2 == 0),
    ];
    for (which, is_cancelled) in cancels {
        set_clock(Duration::ZERO);
        let event_loop = TestLoop::<VirtualTime>::on_platform();
        let (local, handle) = (event_loop.local(), event_loop.handle());
        let (ran, order) = mpsc::channel();
        // In neither order of their deadlines.
        let numbers = (0..ALL).map(|i| i * 5 % ALL);
        let timers: Vec<_> = numbers
            .map(|i| {
                let (ran, when) = (ran.clone(), HOUR + i * TICK);
                let callback = move || ran.send(i).unwrap();
                let timer = match i % 3 {
                    0 => Timer::Shared(handle.call_at_threadsafe(when, callback).unwrap()),
                    _ => Timer::Local(local.call_at(when, callback).unwrap()),
                };
                (i, timer)
            })
            .collect();
        event_loop.run_once(); // now they are the loop's
        for (_, timer) in timers.iter().filter(|(i, _)| is_cancelled(*i)) {
            assert!(match timer {
                Timer::Local(timer) => timer.cancel(),
                Timer::Shared(timer) => timer.cancel(),
            });
        }
        event_loop.run_once(); // the loop looks before it sleeps
        set_clock(2 * HOUR);
        event_loop.run_once();
        let order: Vec<_> = order.try_iter().collect();
        let expected: Vec<_> = (0..ALL).filter(|i| !is_cancelled(*i)).collect();
        assert_eq!(order, expected, "{which} cancelled");
    }
}

/// The loop sleeps, and another thread cancels more timers than it tolerates: it wakes to sweep.
#[test]
fn a_sweep_for_another_thread_leaves_its_other_timers() {
    let event_loop = TestLoop::new();
    let (ran, order) = mpsc::channel();
    let cancelled = event_loop.run_beside(move |handle| {
        let soon = handle.time() + 20 * MILLISECOND;
        for i in 0..150 {
            let ran = ran.clone();
            let callback = move || ran.send(i).unwrap();
            handle.call_at_threadsafe(soon, callback).unwrap();
        }
        drop(ran);
        let set = || handle.call_later_threadsafe(HOUR, || unreachable!());
        let cancelled: Vec<_> = (0..151).map(|_| set().unwrap()).collect();
        wait_until_asleep(handle);
        assert!(cancelled.iter().all(TimerHandle::cancel));
        let order: Vec<_> = order.iter().collect(); // until all have run
        assert_eq!(order, (0..150).collect::<Vec<_>>());
        cancelled
    });
    assert!(cancelled.iter().all(TimerHandle::is_cancelled));
}

#[test]
fn due_timers_run_behind_the_callbacks_of_the_iteration() {
    let event_loop = TestLoop::new();
    let (local, log) = (event_loop.local(), Log::new());
    local.call_later(Duration::ZERO, log.callback(2)).unwrap();
    local.call_soon(log.callback(1)).unwrap();
    event_loop.run_once();
    assert_eq!(log.take(), [1, 2]);
}

#[test]
fn a_timer_that_is_due_at_once_waits_for_the_next_iteration() {
    let event_loop = TestLoop::new();
    let (local, log) = (event_loop.local(), Log::new());
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
    event_loop.run_once();
    assert_eq!(log.take(), [0; 0]);
    event_loop.run_once();
    assert_eq!(log.take(), [0, 1], "and then the earlier deadline first");
}

#[test]
fn a_timer_that_sets_itself_again_does_not_starve_a_stop() {
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
    let event_loop = TestLoop::new();
    let ran = Rc::new(Cell::new(0));
    again(event_loop.local(), ran.clone());
    event_loop.run_forever().unwrap();
    assert_eq!(ran.get(), 1_000);
}

/// On the real clock, too.
#[test]
fn a_timer_never_runs_early() {
    let event_loop = TestLoop::new();
    let (local, log) = (event_loop.local(), Log::new());
    for i in 0..50 {
        let (inner, log) = (local.clone(), log.clone());
        let when = local.time() + i * Duration::from_micros(37);
        local
            .call_at(when, move || {
                log.write(inner.time() >= when);
                if i == 49 {
                    inner.stop();
                }
            })
            .unwrap();
    }
    event_loop.run_forever().unwrap();
    assert_eq!(log.take(), [true; 50]);
}

#[test]
fn a_timer_from_another_thread_wakes_a_loop_that_sleeps_until_a_later_one() {
    let event_loop = TestLoop::new();
    let far = event_loop
        .local()
        .call_later(HOUR, || unreachable!())
        .unwrap();
    for _ in 0..100 {
        let near = event_loop.run_beside(|handle| {
            wait_until_asleep(handle);
            let (ran, has_run) = mpsc::channel();
            let near = handle.call_later_threadsafe(Duration::from_micros(50), move || {
                ran.send(()).unwrap();
            });
            has_run.recv().unwrap();
            near.unwrap()
        });
        assert!(near.is_done() && near.when() < far.when());
    }
}

#[test]
fn delays_without_end_are_timers_that_never_come() {
    let event_loop = TestLoop::new();
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
    let event_loop = TestLoop::new();
    let payload = Arc::new(());
    let held = payload.clone();
    let timer = event_loop
        .handle()
        .call_later_threadsafe(Duration::ZERO, move || panic!("{held:?}"))
        .unwrap();
    assert!(timer.cancel() && !timer.cancel());
    assert_eq!(Arc::strong_count(&payload), 1);
    event_loop.run_once();
    assert!(timer.is_cancelled() && !timer.is_done());
}

#[test]
fn a_timer_may_cancel_its_neighbour_but_not_itself() {
    let event_loop = TestLoop::new();
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
    event_loop.run_once();
    assert!(first.is_done() && !first.is_cancelled());
    assert!(second.is_cancelled() && !second.is_done());
}

#[test]
fn a_panic_in_a_timer_is_reported_with_its_origin_and_costs_no_other() {
    let event_loop = TestLoop::new();
    let (local, log) = (event_loop.local(), Log::new());
    let reports = Log::new();
    let writer = reports.clone();
    event_loop.set_exception_handler(move |panic| writer.write(panic.scheduled_at().line()));
    let line = line!() + 2;
    local
        .call_later(Duration::ZERO, || panic!("too late"))
        .unwrap();
    local.call_later(Duration::ZERO, log.callback(1)).unwrap();
    event_loop.run_once();
    assert_eq!(log.take(), [1]);
    assert_eq!(reports.take(), [line]);
}

#[test]
fn a_timer_that_was_not_due_is_there_in_the_next_run() {
    let event_loop = TestLoop::new();
    let (local, log) = (event_loop.local(), Log::new());
    let (stop, callback) = (local.clone(), log.callback(1));
    local
        .call_later(5 * MILLISECOND, move || {
            callback();
            stop.stop();
        })
        .unwrap();
    event_loop.run_once();
    event_loop.run_forever().unwrap();
    assert_eq!(log.take(), [1]);
}

#[test]
fn close_drops_timers_in_the_order_of_their_deadlines_and_refuses_new_ones() {
    let event_loop = TestLoop::new();
    let (local, log) = (event_loop.local(), Log::new());
    let (mut kept, hour) = (Vec::new(), local.time() + HOUR);
    for (line, when) in [(2, hour), (1, hour - TICK)] {
        let bomb = OnDrop(log.clone(), line);
        kept.push(local.call_at(when, move || drop(bomb)).unwrap());
        event_loop.run_once(); // into the heap
    }
    let bomb = OnDrop(log.clone(), 3);
    kept.push(local.call_at(hour + TICK, move || drop(bomb)).unwrap());
    event_loop.close().unwrap();
    assert_eq!(log.take(), [1, 2, 3]);
    assert!(kept.iter().all(LocalTimerHandle::is_cancelled));

    let refused = local.call_later(HOUR, log.callback(4)).unwrap_err();
    (refused.0)();
    assert_eq!(log.take(), [4]);
    let handle = event_loop.handle();
    assert!(handle.call_later_threadsafe(HOUR, || ()).is_err());
}

#[test]
fn a_cancel_that_races_with_the_deadline_tells_the_truth() {
    TestLoop::new().run_beside(|handle| {
        for _ in 0..2_000 {
            let (ran, wait) = mpsc::channel();
            let timer = handle
                .call_later_threadsafe(Duration::from_micros(5), move || ran.send(()).unwrap())
                .unwrap();
            let cancelled = timer.cancel();
            assert_eq!(wait.recv().is_err(), cancelled);
        }
    });
}

#[test]
fn timers_have_a_debug_form() {
    let event_loop = TestLoop::new();
    let local = event_loop.local().call_later(HOUR, || ()).unwrap();
    let shared = event_loop
        .handle()
        .call_later_threadsafe(HOUR, || ())
        .unwrap();
    let place = format!("{{ scheduled_at: {}:", file!());
    assert!(format!("{local:?}").starts_with(&format!("LocalTimerHandle {place}")));
    assert!(format!("{shared:?}").starts_with(&format!("TimerHandle {place}")));
}

mod under_shuttle {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use shuttle::scheduler::DfsScheduler;
    use shuttle::{Config, Runner, thread};
    use wakeproof::EventLoop;
    use wakeproof::platform::Deliberate;
    use wakeproof_explore::platform::{Environment, Shuttle};

    use crate::common::{HOUR, MILLISECOND};

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

    use crate::common::{HOUR, MILLISECOND};

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
