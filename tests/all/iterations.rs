//! What one thread can see of a loop: iterations, stop, close, cancel, panics.

use std::cell::{Cell, RefCell};
use std::fmt::Debug;
use std::rc::Rc;
use std::sync::mpsc;

use wakeproof::{CallHandle, CloseError, Local, LocalCallHandle, RunError};

use crate::common::{Log, OnDrop, TestLoop};

/// A loop, its local side, and a log.
fn fixture() -> (TestLoop, Local, Log<&'static str>) {
    let event_loop = TestLoop::new();
    let local = event_loop.local();
    (event_loop, local, Log::new())
}

#[test]
fn callbacks_run_in_the_order_of_submission_whichever_call_submitted_them() {
    let (event_loop, local, _) = fixture();
    let (ran, order) = mpsc::channel();
    for i in 0..100 {
        let ran = ran.clone();
        let callback = move || ran.send(i).unwrap();
        if i % 3 == 0 {
            local.call_soon(callback).unwrap();
        } else {
            event_loop.handle().call_soon_threadsafe(callback).unwrap();
        }
    }
    event_loop.run_once();
    let order: Vec<_> = order.try_iter().collect();
    assert_eq!(order, (0..100).collect::<Vec<_>>());
}

#[test]
fn what_a_callback_schedules_runs_in_the_next_iteration() {
    let (event_loop, local, log) = fixture();
    let (inner, inner_log) = (local.clone(), log.clone());
    local
        .call_soon(move || {
            inner_log.write("first");
            inner.call_soon(inner_log.callback("nested")).unwrap();
        })
        .unwrap();
    local.call_soon(log.callback("second")).unwrap();

    event_loop.run_once();
    log.expect(&["first", "second"]);
    event_loop.run_once();
    log.expect(&["first", "second", "nested"]);
}

#[test]
fn stop_lets_the_current_iteration_finish_and_what_is_left_survives() {
    let (event_loop, local, log) = fixture();
    let (stopper, stopper_log) = (local.clone(), log.clone());
    local
        .call_soon(move || {
            stopper.stop();
            stopper
                .call_soon(stopper_log.callback("after the stop"))
                .unwrap();
        })
        .unwrap();
    local.call_soon(log.callback("same iteration")).unwrap();

    event_loop.run_forever().unwrap();
    log.expect(&["same iteration"]);
    assert_eq!(event_loop.handle().status().queued, 1);

    event_loop.run_once();
    log.expect(&["same iteration", "after the stop"]);
}

#[test]
fn stop_before_a_run_means_one_iteration_and_only_once() {
    let (event_loop, local, log) = fixture();
    event_loop.stop();
    event_loop.stop();
    local.call_soon(log.callback("one")).unwrap();
    event_loop.run_forever().unwrap();
    log.expect(&["one"]);

    // The two stops are used up: the next run ends because of this callback alone.
    let stopper = local.clone();
    local.call_soon(move || stopper.stop()).unwrap();
    assert!(!event_loop.handle().status().stopping);
    event_loop.run_forever().unwrap();
}

#[test]
fn a_loop_runs_inside_its_callbacks_and_at_no_other_time() {
    let (event_loop, local, _) = fixture();
    let seen = Rc::new(Cell::new(false));
    let (inner, inner_seen) = (local.clone(), seen.clone());
    local
        .call_soon(move || inner_seen.set(inner.is_running() && inner.handle().is_running()))
        .unwrap();
    assert!(!event_loop.is_running());
    event_loop.run_once();
    assert!(seen.get());
    assert!(!event_loop.is_running());
}

#[test]
fn running_a_loop_inside_its_own_callback_is_refused_and_harmless() {
    let event_loop = Rc::new(TestLoop::new());
    let result = Rc::new(Cell::new(None));
    let (inner, inner_result) = (event_loop.clone(), result.clone());
    event_loop
        .local()
        .call_soon(move || inner_result.set(Some((inner.run_forever(), inner.close()))))
        .unwrap();
    event_loop.run_once();
    assert_eq!(
        result.get(),
        Some((Err(RunError::AlreadyRunning), Err(CloseError::Running)))
    );
    assert!(!event_loop.is_closed());
    event_loop.run_once();
}

#[test]
fn a_closed_loop_gives_callbacks_back_and_does_not_run() {
    let (event_loop, local, log) = fixture();
    event_loop.close().unwrap();
    event_loop.close().unwrap();
    assert!(event_loop.is_closed() && local.is_closed() && event_loop.handle().is_closed());
    assert_eq!(event_loop.run_forever(), Err(RunError::Closed));

    let refused = local.call_soon(log.callback("local")).unwrap_err();
    (refused.0)();
    log.expect(&["local"]);

    let (send, receive) = std::sync::mpsc::channel();
    let refused = event_loop
        .handle()
        .call_soon_threadsafe(move || send.send("threadsafe").unwrap())
        .unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the event loop is closed; nothing was scheduled, and what was submitted comes back in this error"
    );
    (refused.0)();
    assert_eq!(receive.recv(), Ok("threadsafe"));
}

#[test]
fn close_drops_what_is_queued_in_order_even_if_handles_are_kept() {
    let (event_loop, local, log) = fixture();
    let kept: Vec<LocalCallHandle> = ["one", "two", "three"]
        .map(|name| {
            let bomb = OnDrop(log.clone(), name);
            local.call_soon(move || drop(bomb)).unwrap()
        })
        .into();
    kept[1].cancel();
    log.expect(&["two"]);
    event_loop.close().unwrap();
    log.expect(&["two", "one", "three"]);
    assert!(kept.iter().all(LocalCallHandle::is_cancelled));
    assert!(!kept.iter().any(LocalCallHandle::is_done));
}

#[test]
fn dropping_a_loop_drops_its_callbacks_even_if_they_hold_the_loop() {
    let (event_loop, local, log) = fixture();
    let bomb = OnDrop(log.clone(), "dropped");
    let cycle = local.clone();
    local
        .call_soon(move || {
            let _both = (&bomb, &cycle);
        })
        .unwrap();
    drop(event_loop);
    log.expect(&["dropped"]);
    assert!(local.is_closed());
    assert!(local.call_soon(|| ()).is_err());
    assert!(local.handle().call_soon_threadsafe(|| ()).is_err());
    local.stop(); // no effect, no panic
}

#[test]
fn a_destructor_that_schedules_during_close_is_refused() {
    struct Schedules(Local, Log<&'static str>);
    impl Drop for Schedules {
        fn drop(&mut self) {
            let refused = self.0.call_soon(|| ()).is_err();
            self.1.write(if refused { "refused" } else { "accepted" });
        }
    }
    let (event_loop, local, log) = fixture();
    let schedules = Schedules(local.clone(), log.clone());
    local.call_soon(move || drop(schedules)).unwrap();
    drop(event_loop);
    log.expect(&["refused"]);
}

#[test]
fn a_destructor_that_panics_during_close_costs_no_other_callback_its_own() {
    struct Panics;
    impl Drop for Panics {
        fn drop(&mut self) {
            panic!("destructor");
        }
    }
    let (event_loop, local, log) = fixture();
    let reported = log.clone();
    event_loop.set_exception_handler(move |panic| {
        reported.write(match panic.message() {
            Some("destructor") => "reported",
            _ => "something else",
        });
    });
    let panics = Panics;
    local.call_soon(move || drop(panics)).unwrap();
    let bomb = OnDrop(log.clone(), "dropped");
    local.call_soon(move || drop(bomb)).unwrap();
    drop(event_loop);
    log.expect(&["reported", "dropped"]);
}

#[test]
fn a_callback_may_cancel_its_neighbour_but_not_itself() {
    let (event_loop, local, log) = fixture();
    let own: Rc<RefCell<Option<LocalCallHandle>>> = Rc::default();
    let neighbour: Rc<RefCell<Option<CallHandle>>> = Rc::default();
    let (cancel_own, cancel_neighbour, writer) = (own.clone(), neighbour.clone(), log.clone());
    let first = local
        .call_soon(move || {
            let own = cancel_own.take().unwrap();
            assert!(!own.cancel() && !own.is_cancelled() && !own.is_done());
            assert!(cancel_neighbour.borrow().as_ref().unwrap().cancel());
            writer.write("first");
        })
        .unwrap();
    *own.borrow_mut() = Some(first.clone());
    let second = event_loop
        .handle()
        .call_soon_threadsafe(|| panic!("cancelled, and run all the same"))
        .unwrap();
    *neighbour.borrow_mut() = Some(second.clone());
    local.call_soon(log.callback("third")).unwrap();

    event_loop.run_once();
    log.expect(&["first", "third"]);
    assert!(first.is_done() && !first.is_cancelled() && !first.cancel());
    assert!(second.is_cancelled() && !second.is_done() && !second.cancel());
}

#[test]
fn cancel_drops_the_callback_at_once() {
    let (event_loop, local, log) = fixture();
    let bomb = OnDrop(log.clone(), "dropped");
    let call = local.call_soon(move || drop(bomb)).unwrap();
    assert!(call.cancel());
    log.expect(&["dropped"]);
    assert!(!call.cancel());
    event_loop.run_once();
    log.expect(&["dropped"]);
}

#[test]
fn a_panic_is_reported_with_its_origin_and_costs_no_other_callback() {
    let (event_loop, local, log) = fixture();
    let reports = Rc::new(RefCell::new(Vec::new()));
    let writer = reports.clone();
    event_loop.set_exception_handler(move |panic| {
        let text = panic.payload().downcast_ref::<&str>().copied();
        let messages = (panic.message() == text, format!("{panic:?}"));
        let line = panic.scheduled_at().line();
        writer
            .borrow_mut()
            .push((panic.to_string(), line, messages));
    });
    local.call_soon(log.callback("before")).unwrap();
    let line = line!() + 1;
    let call = local.call_soon(|| panic!("mid-iteration")).unwrap();
    local.call_soon(log.callback("after")).unwrap();
    event_loop.run_once();

    log.expect(&["before", "after"]);
    assert!(call.is_done() && !call.is_cancelled());
    let reports = reports.borrow();
    assert_eq!(reports.len(), 1);
    assert_eq!(reports[0].1, line);
    let (says_what_it_carries, debug) = &reports[0].2;
    assert!(says_what_it_carries);
    assert!(debug.contains(r#"message: Some("mid-iteration")"#));
    let file = file!();
    assert!(
        reports[0]
            .0
            .starts_with(&format!("the callback scheduled at {file}:{line}:"))
            && reports[0].0.ends_with("panicked: mid-iteration"),
        "{}",
        reports[0].0
    );
}

#[test]
fn the_place_of_a_threadsafe_submission_is_the_callers() {
    let (event_loop, _, log) = fixture();
    let line = line!() + 1;
    let call = event_loop.handle().call_soon_threadsafe(|| ()).unwrap();
    let place = format!("{}:{line}:", file!());
    assert!(format!("{call:?}").contains(&place), "{call:?}");
    let line = line!() + 1;
    let call = wakeproof::hazard::call_soon_without_wakeup(&event_loop.handle(), || ()).unwrap();
    let place = format!("{}:{line}:", file!());
    assert!(format!("{call:?}").contains(&place), "{call:?}");
    log.expect(&[]);
}

#[test]
fn a_handler_that_panics_does_not_stop_the_loop() {
    let (event_loop, local, log) = fixture();
    event_loop.set_exception_handler(|_| panic!("the handler too"));
    local.call_soon(|| panic!("a callback")).unwrap();
    local.call_soon(log.callback("still running")).unwrap();
    event_loop.run_once();
    log.expect(&["still running"]);
}

#[test]
fn what_a_panic_carries_may_panic_when_it_is_dropped() {
    struct PanicsOnDrop;
    impl Drop for PanicsOnDrop {
        fn drop(&mut self) {
            panic!("destructor of what a panic carried");
        }
    }
    let (event_loop, local, log) = fixture();
    let reported = log.clone();
    event_loop.set_exception_handler(move |_| {
        reported.write("reported");
        std::panic::panic_any(PanicsOnDrop);
    });
    local
        .call_soon(|| std::panic::panic_any(PanicsOnDrop))
        .unwrap();
    local.call_soon(log.callback("same iteration")).unwrap();
    event_loop.run_once();
    log.expect(&["reported", "same iteration"]);
}

#[test]
fn a_handler_that_is_replaced_may_set_another_when_it_is_dropped() {
    struct SetsOnDrop(Rc<TestLoop>, Log<&'static str>);
    impl Drop for SetsOnDrop {
        fn drop(&mut self) {
            let log = self.1.clone();
            self.0.set_exception_handler(move |_| log.write("told"));
        }
    }
    let event_loop = Rc::new(TestLoop::new());
    let log = Log::new();
    let sets = SetsOnDrop(event_loop.clone(), log.clone());
    event_loop.set_exception_handler(move |_| {
        let _sets = &sets;
    });
    event_loop.set_exception_handler(|_| ());
    event_loop.local().call_soon(|| panic!("again")).unwrap();
    event_loop.run_once();
    log.expect(&["told"]);
}

#[test]
fn a_handler_may_replace_itself() {
    let event_loop = Rc::new(TestLoop::new());
    let log = Log::new();
    let (inner, inner_log) = (event_loop.clone(), log.clone());
    event_loop.set_exception_handler(move |_| {
        inner_log.write("old");
        let new = inner_log.clone();
        inner.set_exception_handler(move |_| new.write("new"));
    });
    for _ in 0..2 {
        event_loop.local().call_soon(|| panic!("again")).unwrap();
    }
    event_loop.run_once();
    log.expect(&["old", "new"]);
}

/// A handler that owns a `Local` owns the loop that owns the handler.
#[test]
fn a_closed_loop_drops_its_handlers() {
    for by_drop in [true, false] {
        let event_loop = TestLoop::new();
        let witness = Rc::new(());
        let holds = || {
            let both = (event_loop.local(), witness.clone());
            move || _ = &both
        };
        let (exception, slow) = (holds(), holds());
        event_loop.set_exception_handler(move |_| exception());
        event_loop.set_slow_callback_handler(move |_| slow());
        assert_eq!(Rc::strong_count(&witness), 3);
        if by_drop {
            drop(event_loop);
        } else {
            event_loop.close().unwrap();
            assert_eq!(Rc::strong_count(&witness), 1);
            // One that is set now would never be called.
            let (exception, slow) = (holds(), holds());
            event_loop.set_exception_handler(move |_| exception());
            event_loop.set_slow_callback_handler(move |_| slow());
        }
        assert_eq!(Rc::strong_count(&witness), 1);
    }
}

#[test]
fn a_handler_that_another_sets_while_the_loop_closes_is_dropped_too() {
    struct SetsOnDrop(Rc<TestLoop>, Rc<()>);
    impl Drop for SetsOnDrop {
        fn drop(&mut self) {
            let held = self.1.clone();
            self.0.set_exception_handler(move |_| _ = &held);
        }
    }
    let (event_loop, witness) = (Rc::new(TestLoop::new()), Rc::new(()));
    let sets = SetsOnDrop(event_loop.clone(), witness.clone());
    event_loop.set_exception_handler(move |_| _ = &sets);
    event_loop.close().unwrap();
    assert_eq!(Rc::strong_count(&witness), 1);
}

#[test]
fn a_handler_whose_destructor_panics_does_not_keep_the_loop_from_closing() {
    struct PanicsOnDrop;
    impl Drop for PanicsOnDrop {
        fn drop(&mut self) {
            panic!("destructor of a handler");
        }
    }
    let (event_loop, witness) = (TestLoop::new(), Rc::new(()));
    let (panics, held) = (PanicsOnDrop, witness.clone());
    event_loop.set_exception_handler(move |_| _ = &panics);
    event_loop.set_slow_callback_handler(move |_| _ = &held);
    event_loop.close().unwrap();
    assert_eq!(Rc::strong_count(&witness), 1);
}

#[test]
fn slow_callbacks_are_reported_in_debug_mode_only() {
    let (event_loop, local, log) = fixture();
    let reporter = log.clone();
    event_loop.set_slow_callback_handler(move |slow| {
        let is_slow = slow.duration > slow.allowed && slow.to_string().contains("ran for");
        reporter.write(match is_slow && slow.scheduled_at.file() == file!() {
            true => "slow",
            false => "wrong",
        });
    });
    // As long as it takes the clock to show a difference.
    let spin = |clock: Local| {
        move || {
            let start = clock.time();
            while clock.time() == start {
                std::hint::spin_loop();
            }
        }
    };
    event_loop.set_slow_callback_duration(std::time::Duration::ZERO);
    local.call_soon(spin(local.clone())).unwrap();
    event_loop.run_once();
    log.expect(&[]);

    event_loop.set_debug(true);
    assert!(event_loop.is_debug());
    local.call_soon(spin(local.clone())).unwrap();
    event_loop.run_once();
    log.expect(&["slow"]);

    event_loop.set_slow_callback_duration(std::time::Duration::MAX);
    local.call_soon(spin(local.clone())).unwrap();
    event_loop.run_once();
    log.expect(&["slow"]);
}

#[test]
fn a_cancelled_callback_is_not_slow() {
    let (event_loop, local, log) = fixture();
    let reporter = log.clone();
    event_loop.set_slow_callback_handler(move |_| reporter.write("slow"));
    event_loop.set_slow_callback_duration(std::time::Duration::ZERO);
    event_loop.set_debug(true);
    for _ in 0..100 {
        local.call_soon(|| ()).unwrap().cancel();
    }
    event_loop.run_once();
    log.expect(&[]);
}

#[test]
fn messages_are_one_line_and_say_what_to_do() {
    for (message, advice) in [
        (RunError::Closed.to_string(), "create a new one"),
        (RunError::AlreadyRunning.to_string(), "call_soon"),
        (CloseError::Running.to_string(), "stop it"),
    ] {
        assert!(
            !message.contains('\n') && message.contains(advice),
            "{message}"
        );
    }
}

#[test]
fn everything_public_has_a_debug_form() {
    let (event_loop, local, _) = fixture();
    let call = local.call_soon(|| ()).unwrap();
    let values: [&dyn Debug; 3] = [&*event_loop, &local, &event_loop.handle()];
    for value in values {
        let text = format!("{value:?}");
        assert!(text.contains("running: false, debug: false"), "{text}");
    }
    assert!(format!("{call:?}").contains("cancelled: false, done: false"));

    event_loop.set_debug(true);
    let handle = event_loop.handle();
    let refused = std::thread::scope(|scope| {
        let foreign = scope.spawn(|| wakeproof::hazard::call_soon_without_wakeup(&handle, || ()));
        foreign.join().unwrap().unwrap_err()
    });
    assert!(format!("{refused:?}").starts_with("WrongThread { owner: "));
    event_loop.close().unwrap();
    let refused = local.call_soon(|| ()).unwrap_err();
    assert_eq!(format!("{refused:?}"), "Closed(..)");
    let refused = wakeproof::hazard::call_soon_without_wakeup(&handle, || ()).unwrap_err();
    assert_eq!(format!("{refused:?}"), "Closed(Closed(..))");
}
