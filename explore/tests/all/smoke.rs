//! The same generic loop runs on every platform, in one build.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use shuttle::scheduler::DfsScheduler;
use wakeproof::EventLoop;
use wakeproof::platform::{ParkingLot, Platform};
use wakeproof_explore::platform::{Loom, Shuttle};

/// One thread submits one callback to a loop that may be asleep; the callback stops the loop.
fn one_submission<P: Platform, J>(
    spawn: impl FnOnce(Box<dyn FnOnce() + Send>) -> J,
    join: impl FnOnce(J),
) {
    let event_loop = EventLoop::<P>::on_platform();
    let handle = event_loop.handle();
    let submitter = spawn(Box::new(move || {
        let stop = handle.clone();
        handle.call_soon_threadsafe(move || stop.stop()).unwrap();
    }));
    event_loop.run_forever().unwrap();
    join(submitter);
}

#[test]
fn on_real_threads() {
    one_submission::<ParkingLot, _>(std::thread::spawn, |submitter| submitter.join().unwrap());
}

#[test]
fn under_loom() {
    let executions = Arc::new(AtomicUsize::new(0));
    let counter = executions.clone();
    loom::model(move || {
        counter.fetch_add(1, Ordering::Relaxed);
        one_submission::<Loom, _>(loom::thread::spawn, |submitter| submitter.join().unwrap());
    });
    let executions = executions.load(Ordering::Relaxed);
    println!("{executions} executions");
    assert!(
        executions > 1,
        "the submission and the sleep come in either order"
    );
}

#[test]
fn under_shuttle() {
    let runner = shuttle::Runner::new(DfsScheduler::new(None, false), shuttle::Config::new());
    let schedules = runner.run(|| {
        one_submission::<Shuttle, _>(shuttle::thread::spawn, |submitter| {
            submitter.join().unwrap()
        });
    });
    println!("{schedules} schedules");
    assert!(
        schedules > 1,
        "the submission and the sleep come in either order"
    );
}
