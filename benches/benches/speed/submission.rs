//! Callbacks from other threads to a loop that runs.

use std::time::Duration;

use async_executor::Executor;
use calloop::channel::{self, Event};
use futures_lite::future::block_on;
use tokio::sync::oneshot;
use wakeproof::EventLoop;

use crate::channels::{ByHand, Channel, Crossbeam, Flume, Kanal, Std, TokioMpsc};
use crate::contest::{Contest, Measured};
use crate::python::{self, Python};
use crate::tally::{count, is_waiting, submit_and_run};

/// Our loop, which sleeps at once when there is nothing to do.
pub fn ours(threads: usize, total: usize, submit: fn(&wakeproof::Handle, usize)) -> Measured {
    measure(&EventLoop::new(), threads, total, submit)
}

/// Our loop, which looks for work for 50 µs before it sleeps.
fn spinning(threads: usize, total: usize) -> Measured {
    let event_loop = EventLoop::new();
    event_loop.set_spin_before_sleep(Duration::from_micros(50));
    measure(&event_loop, threads, total, post_threadsafe)
}

fn measure(
    event_loop: &EventLoop,
    threads: usize,
    total: usize,
    submit: fn(&wakeproof::Handle, usize),
) -> Measured {
    let stop = event_loop.handle();
    submit_and_run(
        threads,
        total,
        &event_loop.handle(),
        submit,
        move || stop.stop(),
        || event_loop.run_forever().expect("the loop is open"),
    )
}

/// `call_soon_threadsafe`, whose handle the submitter drops.
pub fn call_soon_threadsafe(handle: &wakeproof::Handle, by: usize) {
    drop(handle.call_soon_threadsafe(move || count(by)));
}

/// A bare channel.
pub fn channel<C: Channel>(threads: usize, total: usize) -> Measured {
    let (sender, mut channel) = C::new();
    submit_and_run(
        threads,
        total,
        &sender,
        |sender, by| C::send(sender, Box::new(move || count(by))),
        || (),
        || {
            while is_waiting() {
                channel.run_some();
            }
        },
    )
}

fn tokio(threads: usize, total: usize) -> Measured {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.expect("tokio starts");
    let (finish, finished) = oneshot::channel();
    submit_and_run(
        threads,
        total,
        runtime.handle(),
        |handle, by| drop(handle.spawn(async move { count(by) })),
        move || finish.send(()).expect("the receiver is there"),
        || runtime.block_on(finished).expect("the sender is there"),
    )
}

fn smol(threads: usize, total: usize) -> Measured {
    // A static executor would be another type; an `Arc` is what its documentation shows.
    let executor = std::sync::Arc::new(Executor::new());
    let (finish, finished) = oneshot::channel();
    submit_and_run(
        threads,
        total,
        &executor,
        |executor, by| executor.spawn(async move { count(by) }).detach(),
        move || finish.send(()).expect("the receiver is there"),
        || block_on(executor.run(finished)).expect("the sender is there"),
    )
}

fn calloop(threads: usize, total: usize) -> Measured {
    let mut event_loop = calloop::EventLoop::<()>::try_new().expect("calloop starts");
    let (sender, receiver) = channel::channel::<crate::channels::Callback>();
    let inserted = event_loop
        .handle()
        .insert_source(receiver, |event, (), ()| {
            if let Event::Msg(callback) = event {
                callback();
            }
        });
    inserted
        .map_err(|error| error.error)
        .expect("calloop takes a channel");
    submit_and_run(
        threads,
        total,
        &sender,
        |sender, by| assert!(sender.send(Box::new(move || count(by))).is_ok()),
        || (),
        || {
            while is_waiting() {
                event_loop.dispatch(None, &mut ()).expect("calloop runs");
            }
        },
    )
}

/// `post_threadsafe`, which gives no handle.
pub fn post_threadsafe(handle: &wakeproof::Handle, by: usize) {
    let posted = handle.post_threadsafe(move || count(by));
    assert!(posted.is_ok(), "the loop is open");
}

fn from(threads: usize) -> String {
    match threads {
        1 => "from 1 thread".to_owned(),
        threads => format!("from {threads} threads"),
    }
}

/// Submission from 1, 2 and 8 threads, with a handle and without.
pub fn contests(total: usize, python: &[Python]) -> Vec<Contest> {
    let mut contests = Vec::new();
    for threads in [1, 2, 8] {
        let work = format!("post_threadsafe, {}", from(threads));
        let ours = move || ours(threads, total, post_threadsafe);
        let contest = against_channels(Contest::new(work, ours), threads, total, 1.0);
        contests.push(contest.against("wakeproof, spinning", None, move || {
            spinning(threads, total)
        }));
    }
    for threads in [1, 2, 8] {
        let work = format!("call_soon_threadsafe, {}", from(threads));
        let ours = move || ours(threads, total, call_soon_threadsafe);
        let contest = against_channels(Contest::new(work, ours), threads, total, 1.2);
        let mut contest = contest
            .against("std mpsc", None, move || channel::<Std>(threads, total))
            .against("flume", None, move || channel::<Flume>(threads, total))
            .against("tokio unbounded mpsc", None, move || {
                channel::<TokioMpsc>(threads, total / 4)
            })
            .against("tokio current_thread", 0.2, move || {
                tokio(threads, total / 4)
            })
            .against("smol", 0.2, move || smol(threads, total / 4))
            .against("calloop", 0.2, move || calloop(threads, total / 4));
        for &Python { name, target } in python {
            contest = contest.against(name, target, move || {
                python::measure(name, "submit", &[threads, total / 20])
            });
        }
        contests.push(contest);
    }
    contests
}

/// Where the notification is sent makes a difference, or none: the same queue, both ways.
pub fn notified_under_the_lock_or_after_it(total: usize) -> Vec<Contest> {
    let contest = |threads| {
        let work = format!("by hand, {}, notified locked", from(threads));
        Contest::new(work, move || channel::<ByHand<false>>(threads, total)).against(
            "notified after the unlock",
            None,
            move || channel::<ByHand<true>>(threads, total),
        )
    };
    [1, 2, 8].map(contest).into()
}

/// The channels that there are targets for. `kanal` is the target for the fastest of them.
fn against_channels(contest: Contest, threads: usize, total: usize, kanal: f64) -> Contest {
    contest
        .against("by hand", 1.0, move || {
            channel::<ByHand<false>>(threads, total)
        })
        .against("kanal", kanal, move || channel::<Kanal>(threads, total))
        .against("crossbeam-channel", 1.0, move || {
            channel::<Crossbeam>(threads, total)
        })
}
