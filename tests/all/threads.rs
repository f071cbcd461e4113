//! What real threads see of a loop.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, mpsc};
use std::thread;

use wakeproof::{Handle, hazard};

use crate::common::{TestLoop, wait_until_asleep};

#[test]
fn a_sleeping_loop_wakes_for_a_threadsafe_call() {
    TestLoop::new().run_beside(|handle| {
        for _ in 0..1_000 {
            wait_until_asleep(handle);
            let (ran, wait) = mpsc::channel();
            handle
                .call_soon_threadsafe(move || ran.send(thread::current().id()).unwrap())
                .unwrap();
            wait.recv().unwrap();
        }
    });
}

#[test]
fn a_sleeping_loop_does_not_wake_for_the_unsafe_call() {
    TestLoop::new().run_beside(|handle| {
        wait_until_asleep(handle);
        assert!(!handle.status().is_stranded(), "there is nothing to run");
        let (ran, wait) = mpsc::channel();
        let call = hazard::call_soon_without_wakeup(handle, move || ran.send(()).unwrap());
        let call = call.unwrap();
        // `asleep` beside a queue that is not empty: nobody has decided to wake the loop, and
        // nobody else is there to do so.
        assert!(handle.status().is_stranded());
        assert!(!call.is_done() && wait.try_recv().is_err());
        // Any wakeup shows that the callback was there all along.
        handle.call_soon_threadsafe(|| ()).unwrap();
        wait.recv().unwrap();
    });
}

#[test]
fn a_busy_loop_runs_what_the_unsafe_call_enqueued() {
    fn stay_busy(local: wakeproof::Local) {
        let next = local.clone();
        local.call_soon(move || stay_busy(next)).unwrap();
    }
    let event_loop = TestLoop::new();
    let handle = event_loop.handle();
    stay_busy(event_loop.local());
    let worker = thread::spawn(move || {
        let (ran, wait) = mpsc::channel();
        hazard::call_soon_without_wakeup(&handle, move || ran.send(()).unwrap()).unwrap();
        wait.recv().unwrap();
        handle.stop();
    });
    event_loop.run_forever().unwrap();
    worker.join().unwrap();
}

#[test]
fn every_submission_of_every_thread_runs_once_in_order_on_the_loops_thread() {
    const THREADS: usize = 8;
    const EACH: usize = 2_000;
    let event_loop = TestLoop::new();
    let loop_thread = thread::current().id();
    let (ran, received) = mpsc::channel();
    let start = Arc::new(Barrier::new(THREADS));
    let remaining = Arc::new(AtomicUsize::new(THREADS));
    for submitter in 0..THREADS {
        let (handle, ran) = (event_loop.handle(), ran.clone());
        let (start, remaining) = (start.clone(), remaining.clone());
        thread::spawn(move || {
            start.wait();
            for i in 0..EACH {
                let ran = ran.clone();
                handle
                    .call_soon_threadsafe(move || {
                        assert_eq!(thread::current().id(), loop_thread);
                        ran.send((submitter, i)).unwrap();
                    })
                    .unwrap();
            }
            if remaining.fetch_sub(1, Ordering::AcqRel) == 1 {
                let stop = handle.clone();
                handle.call_soon_threadsafe(move || stop.stop()).unwrap();
            }
        });
    }
    drop(ran);
    event_loop.run_forever().unwrap();

    let mut next: HashMap<usize, usize> = HashMap::new();
    for (submitter, i) in received.iter() {
        let expected = next.entry(submitter).or_default();
        assert_eq!(i, *expected, "order of thread {submitter}");
        *expected += 1;
    }
    assert_eq!(next.len(), THREADS);
    assert!(next.values().all(|&count| count == EACH), "{next:?}");
}

#[test]
fn stop_from_another_thread_wakes_a_sleeping_loop() {
    let event_loop = TestLoop::new();
    for _ in 0..100 {
        let handle = event_loop.handle();
        let worker = thread::spawn(move || {
            wait_until_asleep(&handle);
            handle.stop();
        });
        event_loop.run_forever().unwrap();
        worker.join().unwrap();
    }
}

#[test]
fn a_submission_that_races_with_close_is_either_dropped_by_it_or_given_back() {
    struct Counts(Arc<AtomicUsize>);
    impl Drop for Counts {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    for _ in 0..500 {
        let event_loop = TestLoop::new();
        let handle = event_loop.handle();
        let start = Arc::new(Barrier::new(2));
        let go = start.clone();
        let dropped = Arc::new(AtomicUsize::new(0));
        let counts = Counts(dropped.clone());
        let worker = thread::spawn(move || {
            go.wait();
            handle.call_soon_threadsafe(move || {
                let _counts = counts;
                unreachable!("a loop that never ran has run this");
            })
        });
        start.wait();
        event_loop.close().unwrap();
        match worker.join().unwrap() {
            Ok(call) => {
                assert!(call.is_cancelled() && !call.is_done());
                assert_eq!(dropped.load(Ordering::Relaxed), 1);
            }
            Err(refused) => {
                assert_eq!(dropped.load(Ordering::Relaxed), 0);
                drop(refused.0);
                assert_eq!(dropped.load(Ordering::Relaxed), 1);
            }
        }
    }
}

#[test]
fn a_cancel_that_races_with_the_run_tells_the_truth() {
    TestLoop::new().run_beside(|handle| {
        for _ in 0..2_000 {
            let (ran, wait) = mpsc::channel();
            let call = handle
                .call_soon_threadsafe(move || ran.send(()).unwrap())
                .unwrap();
            let cancelled = call.cancel();
            // A cancelled callback is dropped with its sender; one that was too late is run.
            assert_eq!(wait.recv().is_err(), cancelled);
            assert_eq!(call.is_cancelled(), cancelled);
        }
    });
}

#[test]
fn what_a_callback_wrote_is_visible_to_who_sees_it_done() {
    TestLoop::new().run_beside(|handle| {
        let written = Arc::new(AtomicUsize::new(0));
        let writer = written.clone();
        let call = handle
            .call_soon_threadsafe(move || writer.store(1, Ordering::Relaxed))
            .unwrap();
        while !call.is_done() {
            thread::yield_now();
        }
        assert_eq!(written.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn a_handle_may_outlive_its_loop() {
    let event_loop = TestLoop::new();
    let handle = event_loop.handle();
    drop(event_loop);
    thread::spawn(move || {
        assert!(handle.is_closed() && !handle.is_running());
        assert!(handle.call_soon_threadsafe(|| ()).is_err());
        assert!(hazard::call_soon_without_wakeup(&handle, || ()).is_err());
        handle.stop();
    })
    .join()
    .unwrap();
}

#[test]
fn debug_mode_refuses_the_hazard_on_a_foreign_thread_and_names_both() {
    let owner = thread::Builder::new().name("owner".into());
    let owner = owner.spawn(|| {
        let event_loop = TestLoop::new();
        event_loop.set_debug(true);
        hazard::call_soon_without_wakeup(&event_loop.handle(), || ())
            .expect("the loop's own thread may");
        let handle = event_loop.handle();
        let caller = thread::Builder::new().name("caller".into());
        let caller = caller.spawn(move || {
            let refused = hazard::call_soon_without_wakeup(&handle, || ()).map(drop);
            let refused = refused.unwrap_err();
            let message = refused.to_string();
            assert!(
                message.contains(r#"called on thread "caller""#),
                "{message}"
            );
            assert!(
                message.contains(r#"belongs to thread "owner""#),
                "{message}"
            );
            assert!(message.contains("the _threadsafe call"), "{message}");
            assert_eq!(handle.status().queued, 1, "not enqueued");
            refused.into_submitted()();
        });
        caller.unwrap().join().unwrap();
    });
    owner.unwrap().join().unwrap();
}

#[test]
fn handles_can_be_shared_between_threads() {
    fn send_and_sync<T: Send + Sync + Clone>() {}
    send_and_sync::<Handle>();
    send_and_sync::<wakeproof::CallHandle>();
}
