//! How the cost of one changes as there are more of them.

use wakeproof::EventLoop;
use wakeproof_benches::Spread;

use crate::contest::Measured;
use crate::submission::{self, call_soon_threadsafe};
use crate::tally::{count, expect, timed};
use crate::timers::{self, SHUFFLED};

/// Nanoseconds for each of some things, for several numbers of them.
#[derive(Debug)]
pub struct Curve {
    pub of: &'static str,
    pub points: Vec<(usize, Spread)>,
}

/// `queued` callbacks from another thread than the loop's, submitted before the first of them runs.
fn queued(queued: usize) -> Measured {
    let event_loop = EventLoop::new();
    let stop = event_loop.handle();
    expect(queued, move || stop.stop());
    let handle = event_loop.handle();
    timed(queued, || {
        for _ in 0..queued {
            call_soon_threadsafe(&handle, std::hint::black_box(1));
        }
        event_loop.run_forever().expect("the loop is open");
    })
}

/// `tasks` tasks that are all there before the first of them is polled.
fn tasks(tasks: usize) -> Measured {
    let event_loop = EventLoop::new();
    let local = event_loop.local();
    let stop = event_loop.local();
    expect(tasks, move || stop.stop());
    timed(tasks, || {
        for _ in 0..tasks {
            let by = std::hint::black_box(1);
            drop(local.spawn(async move { count(by) }));
        }
        event_loop.run_forever().expect("the loop is open");
    })
}

/// Measures one size several times; a small one is done so often that it takes a while.
fn point(size: usize, rounds: usize, work: impl Fn(usize) -> Measured) -> (usize, Spread) {
    let times = (20_000 / size).max(1);
    let once = || {
        let each: Vec<Measured> = (0..times).map(|_| work(size)).collect();
        each.iter().map(|measured| measured.each()).sum::<f64>() / times as f64
    };
    (size, Spread::of((0..rounds).map(|_| once())))
}

pub fn curves(most: usize, total: usize, rounds: usize) -> Vec<Curve> {
    let sizes = || {
        (0..=6)
            .map(|power| 10_usize.pow(power))
            .filter(|size| *size <= most)
    };
    let curve = |of, work: fn(usize) -> Measured| Curve {
        of,
        points: sizes().map(|size| point(size, rounds, work)).collect(),
    };
    let threads = (0..=6).map(|power| 1 << power).map(|threads| {
        let figures =
            (0..rounds).map(|_| submission::ours(threads, total, call_soon_threadsafe).each());
        (threads, Spread::of(figures))
    });
    vec![
        curve("callbacks queued", queued),
        curve("timers", |size| timers::ours(size, SHUFFLED)),
        curve("tasks", tasks),
        Curve {
            of: "threads that submit",
            points: threads.collect(),
        },
    ]
}
