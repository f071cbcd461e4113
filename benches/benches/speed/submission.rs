//! Callbacks from other threads to a loop that runs.

use async_executor::Executor;
use calloop::channel::{self, Event};
use futures_lite::future::block_on;
use tokio::sync::oneshot;
use wakeproof::EventLoop;

use crate::channels::{ByHand, Channel, Crossbeam, Flume, Kanal, Std, TokioMpsc};
use crate::contest::{Contest, Measured};
use crate::python::{self, Python};
use crate::tally::{count, is_waiting, submit_and_run};

/// Our loop.
pub fn ours(threads: usize, total: usize, submit: fn(&wakeproof::Handle, usize)) -> Measured {
    let event_loop = EventLoop::new();
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

/// Submission from 1, 2 and 8 threads.
pub fn contests(total: usize, python: &[Python]) -> Vec<Contest> {
    let mut contests = Vec::new();
    for threads in [1, 2, 8] {
        let ours = move || ours(threads, total, call_soon_threadsafe);
        let work = match threads {
            1 => "submit, 1 thread".to_owned(),
            threads => format!("submit, {threads} threads"),
        };
        let mut contest = Contest::new(work, ours)
            .against("by hand", 1.0, move || {
                channel::<ByHand<false>>(threads, total)
            })
            .against("by hand, notified unlocked", None, move || {
                channel::<ByHand<true>>(threads, total)
            })
            .against("kanal", 1.2, move || channel::<Kanal>(threads, total))
            .against("crossbeam-channel", 1.0, move || {
                channel::<Crossbeam>(threads, total)
            })
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
