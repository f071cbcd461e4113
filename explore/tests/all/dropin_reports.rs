//! Lost wakeups that somebody has reported, in the primitives that they were reported in: over the
//! drop-in, with counters that are atomic and `notify_all`. Each beside its repair.

use wakeproof_explore::suite::Expected::{self, Found, Proved};
use wakeproof_explore::sync::atomic::{AtomicUsize, Ordering, fence};
use wakeproof_explore::sync::{Arc, Condvar, Mutex};
use wakeproof_explore::{self as explore, Environment, Limits, Search, thread};

#[derive(Default)]
struct Latch {
    count: Mutex<usize>,
    is_zero: Condvar,
}

impl Latch {
    fn wait(&self) {
        let count = self.count.lock().unwrap();
        drop(self.is_zero.wait_while(count, |count| *count > 0).unwrap());
    }
}

/// softprops/waitout issue 2: a latch that reaches zero wakes one of several waiters.
fn waitout<const REPAIRED: bool>() {
    let latch = Arc::new(Latch::default());
    *latch.count.lock().unwrap() = 1;
    let (other, last) = (latch.clone(), latch.clone());
    let waiter = thread::spawn(move || other.wait());
    let worker = thread::spawn(move || {
        *last.count.lock().unwrap() -= 1;
        if REPAIRED {
            last.is_zero.notify_all();
        } else {
            last.is_zero.notify_one();
        }
    });
    latch.wait();
    waiter.join().unwrap();
    worker.join().unwrap();
}

/// diem/diem PR 4479: the last sender wakes the receiver first and counts itself out afterwards.
fn diem<const REPAIRED: bool>() {
    let senders = Arc::new(AtomicUsize::new(1));
    let (counted, receiver) = (senders.clone(), thread::current());
    let sender = thread::spawn(move || {
        if REPAIRED {
            counted.fetch_sub(1, Ordering::AcqRel);
            receiver.unpark();
        } else {
            receiver.unpark();
            counted.fetch_sub(1, Ordering::AcqRel);
        }
    });
    while senders.load(Ordering::Acquire) > 0 {
        thread::park();
    }
    sender.join().unwrap();
}

/// apache/brpc PR 3539, scylladb/seastar PR 1488: a worker counts itself among the sleepers and looks for
/// a task; a submitter counts a task and looks for sleepers. Without fences, the stores are still in the
/// buffers. Where brpc waits on a futex, this parks.
fn brpc<const REPAIRED: bool>() {
    let counts = Arc::new((AtomicUsize::new(0), AtomicUsize::new(0)));
    let (submitted, worker) = (counts.clone(), thread::current());
    let submitter = thread::spawn(move || {
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

/// Its name, the fault, the repair, and what shuttle has to say of the fault.
type Report = (&'static str, fn(), fn(), Expected);

#[test]
fn the_fault_is_found_and_the_repair_proved() {
    let reports: [Report; 3] = [
        ("waitout", waitout::<false>, waitout::<true>, Found),
        ("diem", diem::<false>, diem::<true>, Found),
        // Sequentially consistent, it is right.
        ("brpc", brpc::<false>, brpc::<true>, Proved),
    ];
    let limits = Limits::default();
    for (name, fault, repair, under_shuttle) in reports {
        for (body, loom, shuttle) in [(fault, Found, under_shuttle), (repair, Proved, Proved)] {
            let hostile = Environment::HOSTILE;
            let by_loom = explore::loom(hostile, &limits, body);
            println!("{name}: {by_loom}");
            assert_eq!(Expected::of(&by_loom), loom, "{name}: {by_loom}");
            let by_shuttle = explore::shuttle(hostile, Search::Exhaustive, &limits, body);
            println!("{name}: {by_shuttle}");
            assert_eq!(Expected::of(&by_shuttle), shuttle, "{name}: {by_shuttle}");
            for explored in [by_loom, by_shuttle] {
                if Expected::of(&explored) == Found {
                    assert!(
                        explored.to_string().contains("deadlock"),
                        "{name}: {explored}"
                    );
                }
            }
        }
    }
}
