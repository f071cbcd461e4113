//! The callback that everybody runs, and how its runner learns that all have run.

use std::cell::{Cell, RefCell};
use std::sync::{Arc, Barrier};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use crate::contest::Measured;

thread_local! {
    /// How many callbacks have yet to run on this thread.
    static TO_RUN: Cell<usize> = const { Cell::new(0) };
    static FINISH: RefCell<Option<Box<dyn FnOnce()>>> = const { RefCell::new(None) };
}

/// What a callback does: counts down, and calls `finish` when it is the last one. `by` is always 1; it
/// is there so that a callback captures something.
pub fn count(by: usize) {
    let left = TO_RUN.get() - by;
    TO_RUN.set(left);
    if left == 0
        && let Some(finish) = FINISH.take()
    {
        finish();
    }
}

/// Before `callbacks` run on this thread.
pub fn expect(callbacks: usize, finish: impl FnOnce() + 'static) {
    TO_RUN.set(callbacks);
    FINISH.set(Some(Box::new(finish)));
}

/// Whether some of the callbacks have not run yet.
pub fn is_waiting() -> bool {
    TO_RUN.get() > 0
}

/// `threads` threads that submit `total` callbacks together, by calls of `submit` with the number 1; and
/// this thread, which runs them by `run`. `finish` is called by the last callback.
pub fn submit_and_run<S: Clone + Send + 'static>(
    threads: usize,
    total: usize,
    submitter: &S,
    submit: fn(&S, usize),
    finish: impl FnOnce() + 'static,
    run: impl FnOnce(),
) -> Measured {
    let each = total / threads;
    let operations = each * threads;
    let start = Arc::new(Barrier::new(threads + 1));
    let producers: Vec<JoinHandle<()>> = (0..threads)
        .map(|_| {
            let (submitter, start) = (submitter.clone(), start.clone());
            thread::spawn(move || {
                start.wait();
                for _ in 0..each {
                    submit(&submitter, std::hint::black_box(1));
                }
            })
        })
        .collect();
    expect(operations, finish);
    start.wait();
    let started = Instant::now();
    run();
    let time = started.elapsed();
    assert!(!is_waiting(), "every callback has run");
    for producer in producers {
        producer.join().expect("a producer does not panic");
    }
    Measured { time, operations }
}

/// Measures `operations` operations that `work` does.
pub fn timed(operations: usize, work: impl FnOnce()) -> Measured {
    let started = Instant::now();
    work();
    Measured {
        time: started.elapsed(),
        operations,
    }
}
