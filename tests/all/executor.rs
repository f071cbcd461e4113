//! Blocking work on other threads, and how its results come back.

use std::error::Error;
use std::io;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, mpsc};
use std::thread;
use std::time::Duration;

use wakeproof::{Executor, ExecutorError, JoinError, ResultError, SharedTask, Worker, gather};

use crate::common::{TestLoop, run};

fn one_thread() -> Executor {
    Executor::with_threads(NonZero::<usize>::MIN)
}

#[test]
fn jobs_run_elsewhere_and_their_results_come_back() {
    let executor = Executor::new();
    let results = run(async |local| {
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
}

#[test]
fn the_loop_sleeps_until_a_job_has_ended() {
    let executor = one_thread();
    run(async |local| {
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
}

#[test]
fn threads_are_started_when_they_are_needed_and_no_more_than_the_size() {
    let executor = Executor::with_threads(NonZero::new(2).unwrap());
    assert!(format!("{executor:?}").contains("size: 2, threads: 0"));
    let event_loop = TestLoop::new();
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
    let third = handle.run_in_executor(&executor, || thread::current().name().map(str::to_owned));
    let (first, second, third) = (first.unwrap(), second.unwrap(), third.unwrap());
    event_loop.run_until_complete(second).unwrap().unwrap();
    let name = event_loop.run_until_complete(third).unwrap().unwrap();
    assert!(name.unwrap().starts_with("executor-"));
    assert!(!first.is_finished());
    assert!(format!("{executor:?}").contains("size: 2, threads: 2"));
    go.send(()).unwrap();
    event_loop.run_until_complete(first).unwrap().unwrap();
}

#[test]
fn one_thread_is_enough_for_jobs_that_follow_each_other() {
    let executor = Executor::new();
    let event_loop = TestLoop::new();
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
    let event_loop = TestLoop::new();
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
    let executor = with_threads_up_to(1);
    let event_loop = TestLoop::new();
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
}

#[test]
fn a_panic_of_a_job_surfaces_at_the_await_and_costs_no_thread() {
    let executor = one_thread();
    run(async |local| {
        let job = local.run_in_executor(&executor, || panic!("job"));
        let error: Result<(), JoinError> = job.unwrap().await;
        assert_eq!(error.unwrap_err().panic_message(), Some("job"));
        let job = local.run_in_executor(&executor, || 42).unwrap();
        assert_eq!(job.await.unwrap(), 42);
    })
    .unwrap();
}

#[test]
fn a_job_that_has_not_been_started_can_be_cancelled_and_one_that_has_cannot() {
    let executor = one_thread();
    let event_loop = TestLoop::new();
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
}

#[test]
fn dropping_the_pool_waits_for_what_runs_and_drops_what_does_not() {
    let executor = one_thread();
    let event_loop = TestLoop::new();
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
    let queued: Result<(), ResultError> = thread::spawn(move || queued.result()).join().unwrap();
    assert!(matches!(
        queued,
        Err(ResultError::Join(JoinError::Cancelled))
    ));
    assert_eq!(ended.load(Ordering::Relaxed), 0);
    go.send(()).unwrap();
    dropper.join().unwrap();
    assert_eq!(ended.load(Ordering::Relaxed), 1);
    event_loop.run_until_complete(runs).unwrap().unwrap();
}

#[test]
fn a_job_may_drop_its_own_pool() {
    let executor = Arc::new(one_thread());
    let event_loop = TestLoop::new();
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
}

#[test]
fn a_result_is_delivered_though_the_loop_is_closed_and_no_job_is_taken_in() {
    let executor = one_thread();
    let event_loop = TestLoop::new();
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
}

#[test]
fn a_result_on_its_way_is_delivered_by_the_close() {
    let executor = one_thread();
    let event_loop = TestLoop::new();
    let handle = event_loop.handle();
    let mut job = handle.run_in_executor(&executor, || 42).unwrap();
    while handle.status().queued == 0 {
        thread::yield_now();
    }
    assert!(!job.is_finished(), "the loop has not got to it");
    assert!(matches!(job.result(), Err(ResultError::Deadlock { .. })));
    event_loop.close().unwrap();
    assert_eq!(job.result().unwrap(), 42);
}

/// The job runs until somebody is about to join its thread, or lets it go.
fn blocked_job(
    event_loop: &TestLoop,
) -> (
    Executor,
    SharedTask<()>,
    mpsc::Sender<()>,
    mpsc::Receiver<()>,
) {
    let (go, wait) = mpsc::channel::<()>();
    let (joins, joined) = mpsc::channel();
    let go_on_join = go.clone();
    let executor = Executor::starting_threads_with(NonZero::<usize>::MIN, move |worker: Worker| {
        let thread = thread::spawn(move || worker.run());
        let (joins, go) = (joins.clone(), go_on_join.clone());
        Ok(move || {
            // Refused if the test does not ask, and if the job has ended.
            let (_, _) = (joins.send(()), go.send(()));
            thread.join().unwrap();
        })
    });
    let (started, is_started) = mpsc::channel();
    let job = event_loop.handle().run_in_executor(&executor, move || {
        started.send(()).unwrap();
        wait.recv().unwrap();
    });
    is_started.recv().unwrap();
    (executor, job.unwrap(), go, joined)
}

#[test]
fn a_pool_that_the_loops_thread_drops_does_not_wait_for_a_job_that_may_wait_for_the_loop() {
    let event_loop = TestLoop::new();
    let (executor, handle) = (one_thread(), event_loop.handle());
    let (started, is_started) = mpsc::channel();
    let job = event_loop.handle().run_in_executor(&executor, move || {
        started.send(()).unwrap();
        let mut task = handle.spawn_threadsafe(async { 42 }).unwrap();
        task.result().unwrap()
    });
    is_started.recv().unwrap();
    drop(executor);
    let answer = event_loop.run_until_complete(job.unwrap()).unwrap();
    assert_eq!(answer.unwrap(), 42);
}

#[test]
fn a_pool_that_is_dropped_waits_for_a_job_unless_its_open_loop_is_of_that_thread() {
    // Its loop is open, and of this thread.
    let event_loop = TestLoop::new();
    let (executor, job, go, joined) = blocked_job(&event_loop);
    drop(executor);
    assert!(joined.try_recv().is_err());
    go.send(()).unwrap();
    event_loop.run_until_complete(job).unwrap().unwrap();

    // The loop is closed.
    let (executor, job, _go, joined) = blocked_job(&event_loop);
    event_loop.close().unwrap();
    drop(executor);
    assert_eq!(joined.try_recv(), Ok(()));
    assert!(job.is_finished());

    // The loop is of another thread.
    let event_loop = TestLoop::new();
    let (executor, job, _go, joined) = blocked_job(&event_loop);
    thread::spawn(move || drop(executor)).join().unwrap();
    assert_eq!(joined.try_recv(), Ok(()));
    event_loop.run_until_complete(job).unwrap().unwrap();
}

#[test]
fn a_pool_that_is_shut_down_without_waiting_waits_for_nobody_and_drops_what_has_not_been_started() {
    let event_loop = TestLoop::new();
    let (executor, job, go, joined) = blocked_job(&event_loop);
    let queued = event_loop
        .handle()
        .run_in_executor(&executor, || unreachable!("it has not been started"));
    let queued: SharedTask<()> = queued.unwrap();
    let other_thread = thread::spawn(move || executor.shutdown_without_waiting());
    other_thread.join().unwrap();
    assert!(joined.try_recv().is_err());
    assert!(queued.is_cancelled() && !job.is_finished());
    go.send(()).unwrap();
    event_loop.run_until_complete(job).unwrap().unwrap();
}

#[test]
fn the_thread_of_a_closed_loop_may_wait_for_a_job() {
    let event_loop = TestLoop::new();
    let (_executor, mut job, go, _joined) = blocked_job(&event_loop);
    let error = job.result_timeout(Duration::ZERO).unwrap_err();
    assert!(matches!(error, ResultError::Deadlock { .. }), "{error}");
    event_loop.close().unwrap();
    let error = job.result_timeout(Duration::ZERO).unwrap_err();
    assert!(matches!(error, ResultError::TimedOut), "{error}");
    go.send(()).unwrap();
    job.result().unwrap();
}

/// The result is in the queue behind the callback that is being dropped, and waits for its turn.
#[test]
fn a_destructor_that_close_runs_cannot_wait_for_a_job() {
    struct WaitsOnDrop(Option<SharedTask<u32>>, mpsc::Sender<String>);
    impl Drop for WaitsOnDrop {
        fn drop(&mut self) {
            let error = self.0.take().unwrap().result().unwrap_err();
            self.1.send(error.to_string()).unwrap();
        }
    }
    let (event_loop, executor) = (TestLoop::new(), one_thread());
    let (go, wait) = mpsc::channel();
    let handle = event_loop.handle();
    let job = handle.run_in_executor(&executor, move || wait.recv().unwrap());
    let (tell, told) = mpsc::channel();
    let waits = WaitsOnDrop(Some(job.unwrap()), tell);
    event_loop.local().call_soon(move || drop(waits)).unwrap();
    go.send(42).unwrap();
    while handle.status().queued < 2 {
        thread::yield_now();
    }
    event_loop.close().unwrap();
    assert!(told.recv().unwrap().starts_with("deadlock: "));
}
