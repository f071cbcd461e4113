//! Lost wakeups that somebody has reported, in the primitives that they were reported in: over the
//! drop-in: atomic counters, packed words, futexes, pipes, signals. Each beside its repair.

mod futures_rs;
mod glibc;
mod rayon;
mod threadx;
mod uvloop;

use wakeproof_explore::suite::Expected::{self, Found, NotProved, Proved};
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

/// One that somebody has reported.
struct Report {
    name: &'static str,
    fault: fn(),
    repair: fn(),
    environment: Environment,
    /// After how many executions to give up.
    most: u64,
    /// What loom and shuttle have to say of the fault, and of the repair.
    of_fault: [Expected; 2],
    of_repair: [Expected; 2],
}

/// One whose fault is found by both, and whose repair is proved.
const FOUND: Report = Report {
    name: "",
    fault: || (),
    repair: || (),
    environment: Environment::HOSTILE,
    most: 50_000,
    of_fault: [Found, Found],
    of_repair: [Proved, Proved],
};

fn reports() -> Vec<Report> {
    vec![
        Report {
            name: "waitout",
            fault: waitout::<false>,
            repair: waitout::<true>,
            ..FOUND
        },
        Report {
            name: "diem",
            fault: diem::<false>,
            repair: diem::<true>,
            ..FOUND
        },
        Report {
            name: "brpc",
            fault: brpc::<false>,
            repair: brpc::<true>,
            // Sequentially consistent, it is right.
            of_fault: [Found, Proved],
            ..FOUND
        },
        Report {
            name: "futures-rs",
            fault: futures_rs::body::<false>,
            repair: futures_rs::body::<true>,
            of_fault: [Found, Proved],
            ..FOUND
        },
        Report {
            name: "uvloop",
            fault: uvloop::body::<false>,
            repair: uvloop::body::<true>,
            ..FOUND
        },
        Report {
            name: "threadx",
            fault: threadx::body::<false>,
            repair: threadx::body::<true>,
            environment: Environment {
                timeouts: 2,
                punctual: true,
                ..Environment::QUIET
            },
            // Whoever tries again and again runs into the bound on timeouts.
            of_repair: [NotProved, NotProved],
            ..FOUND
        },
        Report {
            name: "rayon",
            fault: rayon::body::<false>,
            repair: rayon::body::<true>,
            ..FOUND
        },
        Report {
            name: "glibc",
            fault: glibc::body::<false>,
            repair: glibc::body::<true>,
            environment: Environment::QUIET,
            // Without loom's partial-order reduction, there are too many.
            of_repair: [Proved, NotProved],
            ..FOUND
        },
    ]
}

#[test]
fn the_fault_is_found_and_the_repair_proved_or_not() {
    let mut wrong = Vec::new();
    for report in reports() {
        let name = report.name;
        let limits = Limits {
            executions: Some(report.most),
            ..Limits::default()
        };
        for (body, [loom, shuttle]) in [
            (report.fault, report.of_fault),
            (report.repair, report.of_repair),
        ] {
            let by_loom = explore::loom(report.environment, &limits, body);
            let search = Search::Exhaustive;
            let by_shuttle = explore::shuttle(report.environment, search, &limits, body);
            for (explored, expected) in [(by_loom, loom), (by_shuttle, shuttle)] {
                println!("{name}: {explored} ({:?})", explored.time);
                let of = Expected::of(&explored);
                let is_asleep = of != Found || explored.to_string().contains("deadlock");
                if of != expected || !is_asleep {
                    wrong.push(format!("{name}: {expected:?} expected, {explored}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
