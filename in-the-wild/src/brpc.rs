//! apache/brpc PR 3539, scylladb/seastar PR 1488: a worker counts itself among the sleepers and looks for
//! a task; a submitter counts a task and looks for sleepers. Without fences, the stores are still in the
//! buffers. Where brpc waits on a futex, this parks.

use wakeproof_explore::sync::Arc;
use wakeproof_explore::sync::atomic::{AtomicUsize, Ordering, fence};
use wakeproof_explore::thread;

pub(crate) fn body<const REPAIRED: bool>() {
    let counts = Arc::new((AtomicUsize::new(0), AtomicUsize::new(0)));
    let (submitted, worker) = (counts.clone(), thread::current());
    let submitter = super::spawn("submitter", move || {
        let (tasks, sleepers) = &*submitted;
        tasks.store(1, Ordering::Release);
        if REPAIRED {
            fence(Ordering::SeqCst);
        }
        if sleepers.load(Ordering::Acquire) > 0 {
            worker.unpark();
        }
    });
    let (tasks, sleepers) = &*counts;
    sleepers.store(1, Ordering::Release);
    if REPAIRED {
        fence(Ordering::SeqCst);
    }
    while tasks.load(Ordering::Acquire) == 0 {
        thread::park();
    }
    submitter.join().unwrap();
}
