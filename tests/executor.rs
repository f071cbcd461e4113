//! Blocking work on other threads, and how its results come back.

mod common;

use std::error::Error;
use std::io;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, mpsc};
use std::thread;

use common::with_watchdog;
use wakeproof::{EventLoop, Executor, ExecutorError, JoinError, ResultError, Worker, gather};

fn one_thread() -> Executor {
    Executor::with_threads(NonZero::<usize>::MIN)
}

#[test]
fn jobs_run_elsewhere_and_their_results_come_back() {
    with_watchdog(|| {
        let executor = Executor::new();
        let results = wakeproof::run(async |local| {
            let loop_thread = thread::current().id();
            let jobs: Vec<_> = (0..1_000)
                .map(|i| {
                    let job = local.run_in_executor(&executor, move || {
                        assert_ne!(thread::current().id(), loop_thread);
                        i
                    });
                    job.unwrap()
                })
                .collect();
            gather(jobs).await
        });
        let results: Vec<u32> = results.unwrap().into_iter().map(Result::unwrap).collect();
        assert_eq!(results, (0..1_000).collect::<Vec<_>>());
    });
}

#[test]
fn the_loop_sleeps_until_a_job_has_ended() {
    with_watchdog(|| {
        let executor = one_thread();
        wakeproof::run(async |local| {
            let handle = local.handle();
            for _ in 0..200 {
                let watched = handle.clone();
                let job = local.run_in_executor(&executor, move || {
                    while !watched.status().asleep {
                        thread::yield_now();
                    }
                });
                job.unwrap().await.unwrap();
            }
        })
        .unwrap();
    });
}

#[test]
fn threads_are_started_when_they_are_needed_and_no_more_than_the_size() {
    with_watchdog(|| {
        let executor = Executor::with_threads(NonZero::new(2).unwrap());
        assert!(format!("{executor:?}").contains("size: 2, threads: 0"));
        let event_loop = EventLoop::new();
        let handle = event_loop.handle();
        // Two jobs that need each other run at the same time; a third one waits.
        let together = Arc::new(Barrier::new(2));
        let (go, wait) = mpsc::channel::<()>();
        let first = together.clone();
        let first = handle.run_in_executor(&executor, move || {
            first.wait();
            wait.recv().unwrap();
        });
        let second = handle.run_in_executor(&executor, move || together.wait().is_leader());
        let third =
            handle.run_in_executor(&executor, || thread::current().name().map(str::to_owned));
        let (first, second, third) = (first.unwrap(), second.unwrap(), third.unwrap());
        event_loop.run_until_complete(second).unwrap().unwrap();
        let name = event_loop.run_until_complete(third).unwrap().unwrap();
        assert!(name.unwrap().starts_with("executor-"));
        assert!(!first.is_finished());
        assert!(format!("{executor:?}").contains("size: 2, threads: 2"));
        go.send(()).unwrap();
        event_loop.run_until_complete(first).unwrap().unwrap();
    });
}

#[test]
fn one_thread_is_enough_for_jobs_that_follow_each_other() {
    with_watchdog(|| {
        let executor = Executor::new();
        let event_loop = EventLoop::new();
        for _ in 0..10 {
            let job = event_loop
                .local()
                .run_in_executor(&executor, || ())
                .unwrap();
            event_loop.run_until_complete(job).unwrap().unwrap();
            while !format!("{executor:?}").contains("idle: 1") {
                thread::yield_now();
            }
        }
        assert!(format!("{executor:?}").contains("threads: 1"));
    });
}

/// An executor whose threads the operating system starts only up to a number.
fn with_threads_up_to(number: usize) -> Executor {
    Executor::starting_threads_with(NonZero::new(8).unwrap(), move |worker: Worker| {
        if worker.number() == number {
            return Err(io::Error::other("no more threads"));
        }
        let thread = thread::spawn(move || worker.run());
        Ok(move || thread.join().unwrap())
    })
}

#[test]
fn a_job_comes_back_if_its_first_thread_cannot_be_started() {
    let executor = with_threads_up_to(0);
    let event_loop = EventLoop::new();
    let handle = event_loop.handle();
    let refused = handle.run_in_executor(&executor, || 42).unwrap_err();
    assert!(matches!(refused, ExecutorError::NoThread { .. }));
    assert!(
        refused
            .to_string()
            .starts_with("no thread could be started")
    );
    assert_eq!(refused.source().unwrap().to_string(), "no more threads");
    assert_eq!(refused.into_job()(), 42);
}

#[test]
fn a_job_waits_for_the_threads_there_are_if_another_cannot_be_started() {
    with_watchdog(|| {
        let executor = with_threads_up_to(1);
        let event_loop = EventLoop::new();
        let handle = event_loop.handle();
        let (go, wait) = mpsc::channel::<()>();
        let first = handle.run_in_executor(&executor, move || wait.recv().unwrap());
        let second = handle.run_in_executor(&executor, || 42);
        assert!(format!("{executor:?}").contains("size: 8, threads: 1"));
        go.send(()).unwrap();
        event_loop
            .run_until_complete(first.unwrap())
            .unwrap()
            .unwrap();
        let answer = event_loop.run_until_complete(second.unwrap()).unwrap();
        assert_eq!(answer.unwrap(), 42);
    });
}

#[test]
fn a_panic_of_a_job_surfaces_at_the_await_and_costs_no_thread() {
    with_watchdog(|| {
        let executor = one_thread();
        wakeproof::run(async |local| {
            let job = local.run_in_executor(&executor, || panic!("job"));
            let error: Result<(), JoinError> = job.unwrap().await;
            assert_eq!(error.unwrap_err().panic_message(), Some("job"));
            let job = local.run_in_executor(&executor, || 42).unwrap();
            assert_eq!(job.await.unwrap(), 42);
        })
        .unwrap();
    });
}

#[test]
fn a_job_that_has_not_been_started_can_be_cancelled_and_one_that_has_cannot() {
    with_watchdog(|| {
        let executor = one_thread();
        let event_loop = EventLoop::new();
        let handle = event_loop.handle();
        let (started, is_started) = mpsc::channel();
        let (go, wait) = mpsc::channel::<()>();
        let runs = handle.run_in_executor(&executor, move || {
            started.send(()).unwrap();
            wait.recv().unwrap();
        });
        let runs = runs.unwrap();
        is_started.recv().unwrap();

        let payload = Arc::new(());
        let held = payload.clone();
        let queued = handle
            .run_in_executor(&executor, move || drop(held))
            .unwrap();
        assert!(queued.cancel() && !queued.cancel());
        assert_eq!(Arc::strong_count(&payload), 1, "dropped at once");
        assert!(queued.is_cancelled());
        let error = event_loop.run_until_complete(queued).unwrap().unwrap_err();
        assert!(error.is_cancelled());

        assert!(!runs.cancel());
        go.send(()).unwrap();
        event_loop.run_until_complete(runs).unwrap().unwrap();
    });
}

#[test]
fn dropping_the_pool_waits_for_what_runs_and_drops_what_does_not() {
    with_watchdog(|| {
        let executor = one_thread();
        let event_loop = EventLoop::new();
        let handle = event_loop.handle();
        let (started, is_started) = mpsc::channel();
        let (go, wait) = mpsc::channel::<()>();
        let ended = Arc::new(AtomicUsize::new(0));
        let count = ended.clone();
        let runs = handle.run_in_executor(&executor, move || {
            started.send(()).unwrap();
            wait.recv().unwrap();
            count.fetch_add(1, Ordering::Relaxed);
        });
        let queued = handle.run_in_executor(&executor, || unreachable!("the pool is gone"));
        let (runs, mut queued) = (runs.unwrap(), queued.unwrap());
        is_started.recv().unwrap();
        let dropper = thread::spawn(move || drop(executor));
        let queued: Result<(), ResultError> =
            thread::spawn(move || queued.result()).join().unwrap();
        assert!(matches!(
            queued,
            Err(ResultError::Join(JoinError::Cancelled))
        ));
        assert_eq!(ended.load(Ordering::Relaxed), 0);
        go.send(()).unwrap();
        dropper.join().unwrap();
        assert_eq!(ended.load(Ordering::Relaxed), 1);
        event_loop.run_until_complete(runs).unwrap().unwrap();
    });
}

#[test]
fn a_job_may_drop_its_own_pool() {
    with_watchdog(|| {
        let executor = Arc::new(one_thread());
        let event_loop = EventLoop::new();
        let (own, (go, wait)) = (executor.clone(), mpsc::channel::<()>());
        let job = event_loop.handle().run_in_executor(&executor, move || {
            wait.recv().unwrap();
            drop(own);
        });
        drop(executor);
        go.send(()).unwrap();
        event_loop
            .run_until_complete(job.unwrap())
            .unwrap()
            .unwrap();
    });
}

#[test]
fn a_result_is_delivered_though_the_loop_is_closed_and_no_job_is_taken_in() {
    with_watchdog(|| {
        let executor = one_thread();
        let event_loop = EventLoop::new();
        let handle = event_loop.handle();
        let (go, wait) = mpsc::channel::<()>();
        let mut refused_later = handle
            .run_in_executor(&executor, move || wait.recv().unwrap())
            .unwrap();
        drop(event_loop);
        let waiter = thread::spawn(move || refused_later.result());
        go.send(()).unwrap();
        waiter.join().unwrap().unwrap();

        let refused = handle.run_in_executor(&executor, || 42).unwrap_err();
        assert!(matches!(refused, ExecutorError::Closed { .. }));
        assert!(refused.to_string().contains("the event loop is closed"));
        assert_eq!(format!("{refused:?}"), "Closed(Closed(..))");
        assert_eq!(refused.into_job()(), 42);
    });
}

#[test]
fn a_result_on_its_way_is_delivered_by_the_close() {
    with_watchdog(|| {
        let executor = one_thread();
        let event_loop = EventLoop::new();
        let handle = event_loop.handle();
        let mut job = handle.run_in_executor(&executor, || 42).unwrap();
        while handle.status().queued == 0 {
            thread::yield_now();
        }
        assert!(!job.is_finished(), "the loop has not got to it");
        assert!(matches!(job.result(), Err(ResultError::Deadlock { .. })));
        event_loop.close().unwrap();
        assert_eq!(job.result().unwrap(), 42);
    });
}
