//! Events: who waits, who is released, and the two ways to set one from another thread.

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;
use std::thread;
use std::time::Duration;

use wakeproof::Event;
use wakeproof::hazard::{self, HazardError};

use crate::common::{TestLoop, run, wait_until_asleep};

#[test]
fn set_releases_all_who_wait_in_the_order_of_their_arrival() {
    let event_loop = TestLoop::new();
    let local = event_loop.local();
    let event = Event::new(&local);
    let order = Rc::new(RefCell::new(Vec::new()));
    for i in 0..10 {
        let (wait, order) = (event.wait(), order.clone());
        let waiter = local.spawn(async move {
            wait.await;
            order.borrow_mut().push(i);
        });
        drop(waiter.unwrap());
    }
    event_loop.run_once();
    assert!(order.borrow().is_empty() && !event.is_set());
    event.set();
    event.set();
    assert!(event.is_set());
    event_loop.run_once();
    assert_eq!(*order.borrow(), (0..10).collect::<Vec<_>>());
    event_loop.run_until_complete(event.wait()).unwrap();
}

#[test]
fn who_waited_at_a_set_is_released_though_the_event_is_cleared_again() {
    let event_loop = TestLoop::new();
    let local = event_loop.local();
    let event = Event::new(&local);
    let before = local.spawn(event.wait()).unwrap();
    event_loop.run_once();
    event.set();
    event.clear();
    let behind = local.spawn(event.wait()).unwrap();
    event_loop.run_once();
    assert!(before.is_finished() && !behind.is_finished());
    assert!(!event.is_set());
    event.set();
    event_loop.run_once();
    assert!(behind.is_finished());
}

#[test]
fn a_wait_that_is_dropped_is_forgotten_and_the_others_are_not() {
    let event_loop = TestLoop::new();
    let event = Event::new(&event_loop.local());
    let mut waits: Vec<_> = (0..5).map(|_| Box::pin(event.wait())).collect();
    event_loop
        .run_until_complete(poll_fn(|context| {
            for wait in &mut waits {
                assert!(wait.as_mut().poll(context).is_pending());
                assert!(wait.as_mut().poll(context).is_pending(), "not twice");
            }
            Poll::Ready(())
        }))
        .unwrap();
    for i in [3, 0, 2] {
        drop(waits.remove(i));
    }
    event.set();
    event_loop
        .run_until_complete(poll_fn(|context| {
            for wait in &mut waits {
                assert!(wait.as_mut().poll(context).is_ready());
            }
            Poll::Ready(())
        }))
        .unwrap();
    assert_eq!(waits.len(), 2);
}

#[test]
fn a_wait_may_move_to_another_task() {
    let event_loop = TestLoop::new();
    let local = event_loop.local();
    let event = Event::new(&local);
    let mut wait = event.wait();
    event_loop
        .run_until_complete(poll_fn(|context| {
            assert!(Pin::new(&mut wait).poll(context).is_pending());
            Poll::Ready(())
        }))
        .unwrap();
    let task = local.spawn(wait).unwrap();
    event_loop.run_once();
    event.set();
    event_loop.run_until_complete(task).unwrap().unwrap();
}

#[test]
fn the_safe_way_wakes_a_loop_that_sleeps() {
    let event_loop = TestLoop::new();
    for _ in 0..200 {
        let event = Event::new(&event_loop.local());
        let (handle, setter) = (event_loop.handle(), event.handle());
        let worker = thread::spawn(move || {
            wait_until_asleep(&handle);
            setter.set_threadsafe().unwrap()
        });
        event_loop.run_until_complete(event.wait()).unwrap();
        assert!(worker.join().unwrap().is_done() && event.handle().is_set());
    }
}

#[test]
fn the_unsafe_way_sets_the_event_and_leaves_the_loop_asleep_beside_it() {
    let event_loop = TestLoop::new();
    let event = Event::new(&event_loop.local());
    let (handle, setter) = (event_loop.handle(), event.handle());
    let worker = thread::spawn(move || {
        wait_until_asleep(&handle);
        hazard::set_event_without_wakeup(&setter).unwrap();
        // Nobody else is there to wake it.
        assert!(setter.is_set() && handle.status().is_stranded());
        handle.call_soon_threadsafe(|| ()).unwrap();
    });
    event_loop.run_until_complete(event.wait()).unwrap();
    worker.join().unwrap();
}

#[test]
fn the_unsafe_way_goes_unnoticed_while_nobody_waits_or_the_loop_is_busy() {
    let event_loop = TestLoop::new();
    let local = event_loop.local();
    let (idle, busy) = (Event::new(&local), Event::new(&local));
    hazard::set_event_without_wakeup(&idle.handle()).unwrap();
    assert_eq!(event_loop.handle().status().queued, 0);
    let task = local.spawn(busy.wait()).unwrap();
    event_loop.run_once();
    let setter = busy.handle();
    let worker = thread::spawn(move || hazard::set_event_without_wakeup(&setter).unwrap());
    worker.join().unwrap();
    event_loop.run_once();
    event_loop.run_once();
    assert!(task.is_finished());
}

#[test]
fn debug_mode_refuses_the_unsafe_way_on_a_foreign_thread_and_sets_nothing() {
    let event_loop = TestLoop::new();
    event_loop.set_debug(true);
    let (own, foreign) = (
        Event::new(&event_loop.local()),
        Event::new(&event_loop.local()),
    );
    hazard::set_event_without_wakeup(&own.handle()).unwrap();
    let setter = foreign.handle();
    let refused = thread::spawn(move || hazard::set_event_without_wakeup(&setter));
    let error = refused.join().unwrap().unwrap_err();
    assert!(matches!(error, HazardError::WrongThread { .. }));
    let message = error.to_string();
    assert!(message.contains("belongs to") && message.contains("the _threadsafe call"));
    assert!(own.is_set() && !foreign.is_set());
}

#[test]
fn a_closed_loop_sets_no_event() {
    let event_loop = TestLoop::new();
    let event = Event::new(&event_loop.local());
    drop(event_loop);
    assert!(event.handle().set_threadsafe().is_err());
    assert!(!event.is_set());
    event.set();
    hazard::set_event_without_wakeup(&event.handle()).unwrap();

    // Somebody waits for it on another loop.
    event.clear();
    let other = TestLoop::new();
    let task = other.local().spawn(event.wait()).unwrap();
    other.run_once();
    let error = hazard::set_event_without_wakeup(&event.handle()).unwrap_err();
    assert!(matches!(error, HazardError::Closed(_)), "{error}");
    assert!(event.is_set() && !task.is_finished());
}

#[test]
fn a_loop_that_closes_forgets_who_waits() {
    let event_loop = TestLoop::new();
    let event = Event::new(&event_loop.local());
    let task = event_loop.local().spawn(event.wait()).unwrap();
    event_loop.run_once();
    event_loop.close().unwrap();
    assert!(task.is_cancelled());
    event.set(); // wakes nobody, and is not refused
}

#[test]
fn an_event_that_is_waited_for_with_a_timeout() {
    run(async |local| {
        let event = Event::new(&local);
        let short = local.timeout(Duration::from_millis(1), event.wait());
        assert!(short.await.is_err());
        event.set();
        let zero = local.timeout(Duration::ZERO, event.wait());
        assert_eq!(zero.await, Ok(()));
    })
    .unwrap();
}

#[test]
fn events_have_a_debug_form() {
    let event_loop = TestLoop::new();
    let event = Event::new(&event_loop.local());
    assert_eq!(format!("{event:?}"), "Event { set: false, .. }");
    assert_eq!(
        format!("{:?}", event.handle()),
        "EventHandle { set: false, .. }"
    );
    assert!(format!("{:?}", event.clone().wait()).starts_with("EventWait { event: Event"));
}

mod under_loom {
    use loom::thread;
    use wakeproof::{Event, EventLoop};
    use wakeproof_explore::platform::{Environment, Loom};

    #[test]
    fn the_safe_way_is_safe() {
        loom::model(|| {
            Loom::enter(Environment::QUIET);
            let event_loop = EventLoop::<Loom>::on_platform();
            let event = Event::new(&event_loop.local());
            let setter = event.handle();
            let worker = thread::spawn(move || drop(setter.set_threadsafe().unwrap()));
            event_loop.run_until_complete(event.wait()).unwrap();
            worker.join().unwrap();
        });
    }

    /// There is an execution in which the loop sleeps for ever beside an event that is set.
    #[test]
    #[should_panic(expected = "deadlock")]
    fn the_unsafe_way_is_not() {
        loom::model(|| {
            Loom::enter(Environment::QUIET);
            let event_loop = EventLoop::<Loom>::on_platform();
            let event = Event::new(&event_loop.local());
            let setter = event.handle();
            let worker = thread::spawn(move || {
                wakeproof::hazard::set_event_without_wakeup(&setter).unwrap();
            });
            event_loop.run_until_complete(event.wait()).unwrap();
            worker.join().unwrap();
        });
    }
}
