//! Callbacks without a handle: like those with one, in everything but the handle.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::thread;

use wakeproof::{Closed, EventLoop, Work};

use crate::common::{TestLoop, wait_until_asleep};

#[test]
fn posted_callbacks_take_their_turn_among_the_others() {
    let event_loop = TestLoop::new();
    let (local, handle) = (event_loop.local(), event_loop.handle());
    let ran = Arc::new(Mutex::new(Vec::new()));
    for n in 0..30 {
        let ran = ran.clone();
        let callback = move || ran.lock().unwrap().push(n);
        match n % 3 {
            0 => handle.post_threadsafe(callback).unwrap(),
            1 => drop(handle.call_soon_threadsafe(callback).unwrap()),
            _ => drop(local.call_soon(callback).unwrap()),
        }
    }
    event_loop.run_once();
    assert_eq!(*ran.lock().unwrap(), Vec::from_iter(0..30));
}

#[test]
fn a_posted_callback_wakes_a_sleeping_loop() {
    TestLoop::new().run_beside(|handle| {
        for _ in 0..100 {
            wait_until_asleep(handle);
            let (sender, receiver) = std::sync::mpsc::channel();
            handle
                .post_threadsafe(move || sender.send(thread::current().id()).unwrap())
                .unwrap();
            assert_ne!(receiver.recv().unwrap(), thread::current().id());
        }
    });
}

#[test]
fn a_closed_loop_gives_a_posted_callback_back() {
    let event_loop = TestLoop::new();
    event_loop.close().unwrap();
    let answer = vec![6, 7];
    let refused = event_loop
        .handle()
        .post_threadsafe(move || assert_eq!(answer, [6, 7]));
    let Closed(callback) = refused.unwrap_err();
    callback();
}

#[test]
fn a_posted_callback_that_panics_is_reported_with_its_place_and_costs_no_other() {
    let event_loop = EventLoop::new();
    let reported = Rc::new(Cell::new(None));
    let reporter = reported.clone();
    event_loop.set_exception_handler(move |panic| {
        assert_eq!(
            (panic.work(), panic.message()),
            (Work::Callback, Some("out of cheese"))
        );
        reporter.set(Some(panic.scheduled_at()));
    });
    let ran = Arc::new(Mutex::new(false));
    let runs = ran.clone();
    let handle = event_loop.handle();
    let panics = || panic!("out of cheese");
    let line = line!() + 1;
    handle.post_threadsafe(panics).unwrap();
    let sets = move || *runs.lock().unwrap() = true;
    handle.post_threadsafe(sets).unwrap();
    event_loop.stop();
    event_loop.run_forever().unwrap();
    let place = reported.get().expect("it was reported");
    assert_eq!((place.file(), place.line()), (file!(), line));
    assert!(*ran.lock().unwrap());
}

/// Panics when it is dropped, and says first on which thread.
struct Dropped(Arc<Mutex<Option<thread::ThreadId>>>);

impl Drop for Dropped {
    fn drop(&mut self) {
        *self.0.lock().unwrap() = Some(thread::current().id());
        panic!("the destructor of a callback");
    }
}

#[test]
fn close_drops_a_posted_callback_on_the_loops_thread_and_reports_its_panic() {
    let event_loop = TestLoop::new();
    let dropped_on = Arc::new(Mutex::new(None));
    let dropped = Dropped(dropped_on.clone());
    let handle = event_loop.handle();
    let submitter = thread::spawn(move || handle.post_threadsafe(move || drop(dropped)).is_ok());
    assert!(submitter.join().unwrap());
    event_loop.close().unwrap();
    assert_eq!(*dropped_on.lock().unwrap(), Some(thread::current().id()));
    assert_eq!(
        event_loop.take_panics(),
        ["Callback: the destructor of a callback"]
    );
}
