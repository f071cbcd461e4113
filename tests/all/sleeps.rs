//! Sleeps and timeouts: their boundaries, who wakes, and what becomes of them when the loop closes.

use std::future::{Future, pending, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use wakeproof::{Closed, TimeoutError};

use crate::common::{HOUR, Log, MILLISECOND, OnDrop, TestLoop, run, wait_until_asleep};
use crate::virtual_time::{VirtualTime, set_clock};

const TICK: Duration = Duration::from_nanos(1);

/// A waker that counts.
#[derive(Default)]
struct CountWakes(AtomicUsize);

impl Wake for CountWakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl CountWakes {
    fn number(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// A future that is ready one tick before the time is up, at that time, or a tick behind it.
#[test]
fn a_future_that_is_ready_when_the_time_has_come_is_in_time() {
    let expected = [
        (HOUR - TICK, HOUR, Ok(())),
        (HOUR, HOUR, Ok(())),
        (HOUR + TICK, HOUR, Err(TimeoutError::Elapsed)),
        (Duration::ZERO, Duration::ZERO, Ok(())),
        (TICK, Duration::ZERO, Err(TimeoutError::Elapsed)),
    ];
    for (ready_after, limit, expected) in expected {
        for is_local in [true, false] {
            set_clock(Duration::ZERO);
            let event_loop = TestLoop::<VirtualTime>::on_platform();
            let (local, handle) = (event_loop.local(), event_loop.handle());
            let sleep = local.sleep(ready_after);
            let outcome = match is_local {
                true => event_loop.run_until_complete(local.timeout(limit, sleep)),
                false => event_loop.run_until_complete(handle.timeout(limit, sleep)),
            };
            let outcome = outcome.unwrap().map(|slept| slept.unwrap());
            assert_eq!(outcome, expected, "{ready_after:?} in {limit:?}");
            assert_eq!(event_loop.time(), limit.min(ready_after));
        }
    }
}

#[test]
fn a_sleep_wakes_the_waker_of_its_last_poll_and_no_other() {
    set_clock(Duration::ZERO);
    let event_loop = TestLoop::<VirtualTime>::on_platform();
    let mut sleep = pin!(event_loop.local().sleep(HOUR));
    let wakers = [Arc::new(CountWakes::default()), Arc::default()];
    for counter in [0, 0, 1, 0, 1, 1] {
        let waker = Waker::from(wakers[counter].clone());
        let mut context = Context::from_waker(&waker);
        assert!(sleep.as_mut().poll(&mut context).is_pending());
    }
    assert_eq!(event_loop.handle().status().queued, 1, "one timer is set");
    assert_eq!(Arc::strong_count(&wakers[0]), 1, "its waker is dropped");
    set_clock(HOUR);
    event_loop.run_once();
    assert_eq!((wakers[0].number(), wakers[1].number()), (0, 1));
}

#[test]
fn a_sleep_that_is_dropped_wakes_nobody_and_leaves_no_deadline() {
    set_clock(Duration::ZERO);
    let event_loop = TestLoop::<VirtualTime>::on_platform();
    let counter = Arc::new(CountWakes::default());
    let waker = Waker::from(counter.clone());
    let mut sleep = Box::pin(event_loop.local().sleep(TICK));
    let mut context = Context::from_waker(&waker);
    assert!(sleep.as_mut().poll(&mut context).is_pending());
    event_loop.run_once();
    drop((sleep, waker));
    assert_eq!((counter.number(), Arc::strong_count(&counter)), (0, 1));
    let stop = event_loop.local();
    event_loop
        .local()
        .call_later(HOUR, move || stop.stop())
        .unwrap();
    event_loop.run_forever().unwrap();
    assert_eq!((event_loop.time(), counter.number()), (HOUR, 0));
}

/// The loop that closes is not the one that awaits. Its timer is on its way or in the heap.
#[test]
fn a_sleep_of_a_loop_that_closes_ends_wherever_it_is_awaited() {
    for polled_before in [true, false] {
        for in_the_heap in [true, false] {
            let (closes, awaits) = (TestLoop::new(), TestLoop::new());
            let tasks = [closes.local().sleep(HOUR), closes.handle().sleep(HOUR)]
                .map(|sleep| awaits.local().spawn(sleep).unwrap());
            if polled_before {
                awaits.run_once();
            }
            if in_the_heap {
                closes.run_once();
            }
            closes.close().unwrap();
            assert!(tasks.iter().all(|task| !task.is_finished()));
            for task in tasks {
                let slept = awaits.run_until_complete(task).unwrap();
                assert_eq!(slept.unwrap(), Err(Closed(())));
            }
        }
    }
}

#[test]
fn a_timeout_of_a_loop_that_closes_ends_and_drops_its_future() {
    for polled_before in [true, false] {
        let (closes, awaits) = (TestLoop::new(), TestLoop::new());
        let log = Log::new();
        let bomb = OnDrop(log.clone(), "dropped");
        let timeout = closes.local().timeout(HOUR, async move {
            let _bomb = bomb;
            pending::<()>().await;
        });
        let task = awaits.local().spawn(timeout).unwrap();
        if polled_before {
            awaits.run_once();
        }
        closes.close().unwrap();
        let outcome = awaits.run_until_complete(task).unwrap().unwrap();
        assert_eq!(outcome, Err(TimeoutError::Closed));
        assert_eq!(log.take(), ["dropped"]);
    }
    let (elapsed, closed) = (TimeoutError::Elapsed, TimeoutError::Closed);
    assert!(elapsed.to_string().contains("in time"));
    assert!(closed.to_string().contains("was closed"));
}

/// The sleeper is a loop that has nothing else to do: it is woken.
#[test]
fn a_close_on_another_thread_wakes_a_loop_that_sleeps_on_its_clock() {
    let awaits = TestLoop::new();
    let handle = awaits.handle();
    let (give, take) = std::sync::mpsc::channel();
    let closer = thread::spawn(move || {
        let closes = TestLoop::new();
        give.send(closes.handle().sleep(HOUR)).unwrap();
        wait_until_asleep(&handle);
        drop(closes);
    });
    let slept = awaits.run_until_complete(take.recv().unwrap()).unwrap();
    assert_eq!(slept, Err(Closed(())));
    closer.join().unwrap();
}

#[test]
fn a_sleep_whose_time_has_come_is_over_though_its_loop_is_closed_then() {
    set_clock(Duration::ZERO);
    let event_loop = TestLoop::<VirtualTime>::on_platform();
    let mut sleep = pin!(event_loop.local().sleep(TICK));
    let mut context = Context::from_waker(Waker::noop());
    assert!(sleep.as_mut().poll(&mut context).is_pending());
    set_clock(TICK);
    event_loop.run_once();
    event_loop.close().unwrap();
    assert_eq!(sleep.as_mut().poll(&mut context), Poll::Ready(Ok(())));
}

#[test]
fn a_task_that_sleeps_on_its_own_loop_is_dropped_when_that_closes() {
    let event_loop = TestLoop::new();
    let (local, log) = (event_loop.local(), Log::new());
    let (bomb, writer) = (OnDrop(log.clone(), "dropped"), log.clone());
    let task = local.clone().spawn(async move {
        let _bomb = bomb;
        let slept = local.sleep(HOUR).await;
        writer.write(if slept.is_ok() { "slept" } else { "closed" });
    });
    event_loop.run_once();
    event_loop.close().unwrap();
    assert_eq!(log.take(), ["dropped"]);
    assert!(task.unwrap().is_cancelled());
}

#[test]
fn a_task_that_is_too_slow_runs_on_if_given_by_value_and_can_be_cancelled_if_by_reference() {
    run(async |local| {
        let log = Log::new();
        let spawn = |name| {
            let (sleep, log) = (local.sleep(5 * MILLISECOND), log.clone());
            let task = local.spawn(async move {
                sleep.await.unwrap();
                log.write(name);
            });
            task.unwrap()
        };
        let by_value = local.timeout(MILLISECOND, spawn("by value"));
        assert_eq!(by_value.await.unwrap_err(), TimeoutError::Elapsed);

        let mut task = spawn("by reference");
        let by_reference = local.timeout(MILLISECOND, &mut task);
        assert_eq!(by_reference.await.unwrap_err(), TimeoutError::Elapsed);
        assert!(task.cancel());
        assert!(task.await.unwrap_err().is_cancelled());

        local.sleep(10 * MILLISECOND).await.unwrap();
        assert_eq!(log.take(), ["by value"]);
    })
    .unwrap();
}

#[test]
fn a_sleep_that_is_dropped_cancels_its_timer_and_one_may_change_hands() {
    let event_loop = TestLoop::new();
    let local = event_loop.local();
    let mut sleep = local.sleep(HOUR);
    event_loop
        .run_until_complete(async {
            assert!(local.timeout(MILLISECOND, &mut sleep).await.is_err());
        })
        .unwrap();
    drop(sleep);

    let mut sleep = local.sleep(5 * MILLISECOND);
    event_loop
        .run_until_complete(poll_fn(|context| {
            assert!(Pin::new(&mut sleep).poll(context).is_pending());
            Poll::Ready(())
        }))
        .unwrap();
    assert!(format!("{sleep:?}").starts_with("Sleep { when: "));
    let moved = local.spawn(sleep).unwrap();
    let slept = event_loop.run_until_complete(moved).unwrap();
    assert_eq!(slept.unwrap(), Ok(()));
}

mod under_shuttle {
    use shuttle::future::block_on;
    use shuttle::scheduler::DfsScheduler;
    use shuttle::{Config, Runner, thread};
    use wakeproof::{Closed, EventLoop};
    use wakeproof_explore::platform::{Environment, Shuttle};

    use crate::common::HOUR;

    /// Before the sleeper's first poll, between its looks, or while it waits: whenever the loop closes,
    /// the sleep ends.
    #[test]
    fn a_sleep_ends_whenever_its_loop_closes() {
        let body = || {
            Shuttle::enter(Environment::QUIET);
            let event_loop = EventLoop::<Shuttle>::on_platform();
            let sleep = event_loop.handle().sleep(HOUR);
            let sleeper = thread::spawn(move || block_on(sleep));
            event_loop.stop();
            event_loop.run_forever().unwrap();
            drop(event_loop);
            assert_eq!(sleeper.join().unwrap(), Err(Closed(())));
        };
        let scheduler = DfsScheduler::new(None, false);
        assert!(Runner::new(scheduler, Config::new()).run(body) > 10);
    }
}
