//! Timers, and jobs on other threads.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use futures_lite::future::block_on;
use wakeproof::{EventLoop, Executor};

use crate::contest::{Contest, Measured};
use crate::python::{self, Python};
use crate::tally::{count, expect, is_waiting, timed};

/// The deadline of the n-th of some timers, in nanoseconds: all of them overdue.
pub type Deadlines = fn(n: u64, timers: u64) -> u64;

const IN_ORDER: Deadlines = |n, _| n;
const IN_REVERSE: Deadlines = |n, timers| timers - n;
/// Any number and no other twice: the multiplier is odd, and the modulus a power of two.
pub const SHUFFLED: Deadlines = |n, _| n.wrapping_mul(0x9e37_79b9) % (1 << 20);

/// Sets the timers and runs the loop until the last has fired.
pub fn ours(timers: usize, deadline: Deadlines) -> Measured {
    let event_loop = EventLoop::new();
    let local = event_loop.local();
    let stop = event_loop.local();
    expect(timers, move || stop.stop());
    timed(timers, || {
        for n in 0..timers as u64 {
            let when = Duration::from_nanos(deadline(n, timers as u64));
            let by = std::hint::black_box(1);
            drop(local.call_at(when, move || count(by)));
        }
        event_loop.run_forever().expect("the loop is open");
        assert!(!is_waiting(), "every timer has fired");
    })
}

/// A heap of the same deadlines, with the same callbacks in boxes.
fn heap(timers: usize, deadline: Deadlines) -> Measured {
    let mut heap = BinaryHeap::new();
    let mut callbacks: Vec<Option<Box<dyn FnOnce()>>> = Vec::new();
    expect(timers, || ());
    timed(timers, || {
        for n in 0..timers as u64 {
            let when = Duration::from_nanos(deadline(n, timers as u64));
            let by = std::hint::black_box(1);
            callbacks.push(Some(Box::new(move || count(by))));
            heap.push(Reverse((when, n)));
        }
        while let Some(Reverse((_, n))) = heap.pop() {
            callbacks[n as usize].take().expect("each is there once")();
        }
        assert!(!is_waiting(), "every timer has fired");
    })
}

/// Jobs on another thread, one after the other.
fn jobs(total: usize) -> Measured {
    let executor = Executor::new();
    let event_loop = EventLoop::new();
    let local = event_loop.local();
    let main = async {
        for _ in 0..total {
            let job = local.run_in_executor(&executor, || std::hint::black_box(1));
            job.expect("the loop is open").await.expect("it returns");
        }
    };
    timed(total, || {
        event_loop.run_until_complete(main).expect("it completes");
    })
}

fn jobs_of_tokio(total: usize) -> Measured {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.expect("tokio starts");
    timed(total, || {
        runtime.block_on(async {
            for _ in 0..total {
                let job = tokio::task::spawn_blocking(|| std::hint::black_box(1));
                job.await.expect("it returns");
            }
        });
    })
}

fn jobs_of_smol(total: usize) -> Measured {
    timed(total, || {
        block_on(async {
            for _ in 0..total {
                blocking::unblock(|| std::hint::black_box(1)).await;
            }
        });
    })
}

pub fn contests(timers: usize, jobs_in_all: usize, python: &[Python]) -> Vec<Contest> {
    let orders = [
        ("timers in order", IN_ORDER, None),
        ("timers in reverse", IN_REVERSE, None),
        ("timers shuffled", SHUFFLED, Some(1.3)),
    ];
    let mut contests: Vec<Contest> = Vec::new();
    for (name, deadline, target) in orders {
        let work = format!("{timers} {name}");
        let mut contest = Contest::new(work, move || ours(timers, deadline))
            .long()
            .against("binary heap of boxes", target, move || {
                heap(timers, deadline)
            });
        if name == "timers shuffled" {
            for python in python {
                let name = python.name;
                contest = contest.against(name, None, move || {
                    python::measure(name, "timers", &[timers / 20])
                });
            }
        }
        contests.push(contest);
    }
    let jobs = Contest::new("run_in_executor", move || jobs(jobs_in_all))
        .against("tokio spawn_blocking", None, move || {
            jobs_of_tokio(jobs_in_all)
        })
        .against("smol unblock", None, move || jobs_of_smol(jobs_in_all));
    contests.push(jobs);
    contests
}
