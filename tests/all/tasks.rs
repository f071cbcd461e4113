//! Tasks: results, cancelling, panics, wakers on other threads, and what is left when a loop closes.

use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

use wakeproof::{JoinError, Local, ResultError, ReturnWhen, RunError, Task, Work};

use crate::common::{Log, MILLISECOND, OnDrop, TestLoop, run};

struct PanicsOnDrop;

impl Drop for PanicsOnDrop {
    fn drop(&mut self) {
        panic!("destructor");
    }
}

#[test]
fn a_task_runs_in_its_turn_among_the_callbacks() {
    let event_loop = TestLoop::new();
    let (local, log) = (event_loop.local(), Log::new());
    let (first, second, third) = (log.clone(), log.clone(), log.clone());
    local.call_soon(move || first.write("callback")).unwrap();
    drop(local.spawn(async move { second.write("task") }).unwrap());
    local.call_soon(move || third.write("another")).unwrap();
    log.expect(&[]);
    event_loop.run_once();
    log.expect(&["callback", "task", "another"]);
}

#[test]
fn a_task_need_not_be_send_and_gives_its_output_to_who_awaits_it() {
    let answer = run(async |local| {
        let not_send = Rc::new(6);
        let clone = not_send.clone();
        let task = local.spawn(async move { *clone * 7 }).unwrap();
        let answer = task.await.unwrap();
        assert_eq!(
            Rc::strong_count(&not_send),
            1,
            "the future has been dropped"
        );
        answer
    });
    assert_eq!(answer, Ok(42));
}

#[test]
fn tasks_run_on_when_their_handle_is_dropped() {
    let event_loop = TestLoop::new();
    let log = Log::new();
    let (writer, local) = (log.clone(), event_loop.local());
    let task = local.spawn(async move {
        let _gone = OnDrop(writer.clone(), "dropped");
        writer.write("ran");
    });
    drop(task.unwrap());
    event_loop.run_once();
    log.expect(&["ran", "dropped"]);
}

#[test]
fn the_main_future_may_borrow_and_need_not_be_a_task() {
    let event_loop = TestLoop::new();
    let local = event_loop.local();
    let mut written = String::new();
    let length = event_loop.run_until_complete(async {
        local.sleep(MILLISECOND).await.unwrap();
        written.push_str("borrowed");
        written.len()
    });
    assert_eq!((length, &*written), (Ok(8), "borrowed"));
}

#[test]
fn run_until_complete_leaves_other_tasks_to_the_next_run() {
    let event_loop = TestLoop::new();
    let local = event_loop.local();
    let sleep = local.sleep(MILLISECOND);
    let task = local.spawn(async move {
        sleep.await.unwrap();
        42
    });
    let mut task = task.unwrap();
    event_loop.run_until_complete(ready(())).unwrap();
    assert!(!task.is_finished());
    let outcome = event_loop.run_until_complete(&mut task).unwrap();
    assert_eq!(outcome.unwrap(), 42);
}

#[test]
fn a_stop_before_the_main_future_completes_is_an_error_and_drops_it() {
    let event_loop = TestLoop::new();
    let (local, log) = (event_loop.local(), Log::new());
    let bomb = OnDrop(log.clone(), "dropped");
    let result = event_loop.run_until_complete(async move {
        let _bomb = bomb;
        local.stop();
        pending::<()>().await;
    });
    assert_eq!(result, Err(RunError::Stopped));
    log.expect(&["dropped"]);
    assert!(RunError::Stopped.to_string().contains("stopped"));

    // By reference, it survives.
    let local = event_loop.local();
    let mut future = Box::pin(async move {
        local.stop();
        local.sleep(MILLISECOND).await.unwrap();
        42
    });
    assert_eq!(
        event_loop.run_until_complete(&mut future),
        Err(RunError::Stopped)
    );
    assert_eq!(event_loop.run_until_complete(&mut future), Ok(42));
}

#[test]
fn run_until_complete_is_refused_by_a_closed_loop_and_inside_of_a_run() {
    let event_loop = Rc::new(TestLoop::new());
    let inner = event_loop.clone();
    let refused = event_loop.run_until_complete(async move { inner.run_until_complete(ready(1)) });
    assert_eq!(refused, Ok(Err(RunError::AlreadyRunning)));
    event_loop.close().unwrap();
    assert_eq!(
        event_loop.run_until_complete(ready(1)),
        Err(RunError::Closed)
    );
}

#[test]
fn a_panic_of_the_main_future_goes_on_in_the_caller() {
    let event_loop = TestLoop::new();
    let log = Log::new();
    let (local, writer) = (event_loop.local(), log.clone());
    let panic = catch_unwind(AssertUnwindSafe(|| {
        event_loop.run_until_complete(async {
            local.call_soon(move || writer.write("later")).unwrap();
            panic!("main");
        })
    }));
    let _: &&str = panic.unwrap_err().downcast_ref().unwrap();
    assert!(!event_loop.is_running());
    event_loop.run_once();
    log.expect(&["later"]);

    let log = Log::new();
    let left_over = OnDrop(log.clone(), "dropped");
    let panic = catch_unwind(AssertUnwindSafe(|| {
        run(async move |local| {
            drop(local.spawn(async move {
                let _left_over = left_over;
                pending::<()>().await;
            }));
            local.sleep(Duration::ZERO).await.unwrap();
            panic!("main");
        })
    }));
    assert!(panic.is_err());
    log.expect(&["dropped"]);
}

#[test]
fn run_drops_the_tasks_that_are_left() {
    let log = Log::new();
    let (started, unstarted) = (log.clone(), log.clone());
    let awaiter = run(async move |local: Local| {
        let task = local.spawn(async move {
            let _bomb = OnDrop(started, "started");
            pending::<()>().await;
        });
        local.sleep(Duration::ZERO).await.unwrap();
        let bomb = OnDrop(unstarted, "unstarted");
        drop(local.spawn(async move { drop(bomb) }).unwrap());
        Some(task.unwrap())
    });
    log.expect(&["started", "unstarted"]);
    // Whoever awaits it, wherever, learns that.
    let awaiter = awaiter.unwrap().unwrap();
    let outcome = TestLoop::new().run_until_complete(awaiter);
    assert!(outcome.unwrap().unwrap_err().is_cancelled());
}

#[test]
fn the_future_is_dropped_before_its_end_is_known_in_each_way_to_end() {
    for cancel_before_start in [true, false] {
        let event_loop = TestLoop::new();
        let (local, log) = (event_loop.local(), Log::new());
        let bomb = OnDrop(log.clone(), "dropped");
        let task = local
            .spawn(async move {
                let _bomb = bomb;
                pending::<()>().await;
            })
            .unwrap();
        if !cancel_before_start {
            event_loop.run_once();
        }
        assert!(task.cancel() && !task.cancel());
        assert!(!task.is_finished(), "in the next iteration");
        log.expect(&[]);
        let awaiter = log.clone();
        event_loop
            .run_until_complete(async move {
                let outcome = task.await;
                assert!(matches!(outcome, Err(JoinError::Cancelled)));
                awaiter.write("awaited");
            })
            .unwrap();
        log.expect(&["dropped", "awaited"]);
    }

    for run_before in [true, false] {
        let event_loop = TestLoop::new();
        let (local, log) = (event_loop.local(), Log::new());
        let bomb = OnDrop(log.clone(), "dropped");
        let task = local.spawn(async move {
            let _bomb = bomb;
            pending::<()>().await;
        });
        let task = task.unwrap();
        if run_before {
            event_loop.run_once();
        }
        struct WritesWake(Mutex<bool>);
        impl std::task::Wake for WritesWake {
            fn wake(self: Arc<Self>) {
                *self.0.lock().unwrap() = true;
            }
        }
        let woken = Arc::new(WritesWake(Mutex::new(false)));
        let mut task = Box::pin(task);
        let waker = Waker::from(woken.clone());
        let mut context = std::task::Context::from_waker(&waker);
        assert!(task.as_mut().poll(&mut context).is_pending());
        drop(event_loop);
        log.expect(&["dropped"]);
        assert!(*woken.0.lock().unwrap() && task.is_cancelled());
        assert!(matches!(
            task.as_mut().poll(&mut context),
            Poll::Ready(Err(JoinError::Cancelled))
        ));
    }
}

#[test]
fn a_task_that_has_ended_cannot_be_cancelled() {
    let event_loop = TestLoop::new();
    let task = event_loop.local().spawn(async { 1 }).unwrap();
    event_loop.run_once();
    assert!(task.is_finished() && !task.cancel() && !task.is_cancelled());
    assert_eq!(event_loop.run_until_complete(task).unwrap().unwrap(), 1);
}

#[test]
fn a_panic_surfaces_where_the_task_is_awaited_and_nowhere_else() {
    let event_loop = TestLoop::new();
    let task: Task<()> = event_loop.local().spawn(async { panic!("task") }).unwrap();
    let error = event_loop.run_until_complete(task).unwrap().unwrap_err();
    assert_eq!(error.panic_message(), Some("task"));
    assert_eq!(error.to_string(), "the task panicked: task");
    assert_eq!(format!("{error:?}"), r#"Panicked(Some("task"))"#);
    assert!(!error.is_cancelled());
    event_loop.run_once();
    assert!(event_loop.take_panics().is_empty());
}

#[test]
fn a_panic_that_nobody_awaits_goes_to_the_exception_handler() {
    let event_loop = TestLoop::new();
    let local = event_loop.local();
    // The handle is dropped before the panic.
    drop::<Task<()>>(local.spawn(async { panic!("before") }).unwrap());
    event_loop.run_once();
    event_loop.run_once();
    assert_eq!(event_loop.take_panics(), ["Task: before"]);
    // And behind it.
    let task: Task<()> = local.spawn(async { panic!("behind") }).unwrap();
    event_loop.run_once();
    event_loop.run_once();
    assert!(event_loop.take_panics().is_empty());
    drop(task);
    event_loop.run_once();
    assert_eq!(event_loop.take_panics(), ["Task: behind"]);
    // And on another thread.
    let spawned = event_loop
        .handle()
        .spawn_threadsafe(async { panic!("else") });
    let task = spawned.map(|task: wakeproof::SharedTask<()>| task).unwrap();
    event_loop.run_once();
    thread::spawn(move || drop(task)).join().unwrap();
    event_loop.close().unwrap();
    assert_eq!(event_loop.take_panics(), ["Task: else"]);
}

#[test]
fn a_report_says_where_the_task_was_spawned() {
    let event_loop = TestLoop::new();
    let reports = Rc::new(RefCell::new(Vec::new()));
    let writer = reports.clone();
    event_loop.set_exception_handler(move |panic| {
        writer.borrow_mut().push((panic.work(), panic.to_string()));
    });
    let line = line!() + 1;
    drop::<Task<()>>(event_loop.local().spawn(async { panic!("here") }).unwrap());
    event_loop.run_once();
    event_loop.close().unwrap();
    let place = format!("the task spawned at {}:{line}:", file!());
    let reports = reports.borrow();
    let [(work, report)] = &reports[..] else {
        panic!("{reports:?}");
    };
    assert_eq!(*work, Work::Task);
    assert!(report.starts_with(&place) && report.ends_with("panicked: here"));
}

#[test]
fn a_destructor_that_panics_costs_no_other_task_its_end() {
    let event_loop = TestLoop::new();
    let local = event_loop.local();
    // Of a future that completes, of one that is cancelled, and of an output nobody wants.
    let completes = local.spawn(async {
        let _panics = PanicsOnDrop;
        poll_fn(|_| Poll::Ready(())).await;
    });
    let output = local.spawn(async { PanicsOnDrop }).unwrap();
    let cancelled = local
        .spawn(async {
            let _panics = PanicsOnDrop;
            pending::<()>().await;
        })
        .unwrap();
    drop(output);
    event_loop.run_once();
    cancelled.cancel();
    event_loop.run_once();
    event_loop.run_once();
    assert!(cancelled.is_cancelled());
    assert_eq!(
        event_loop.take_panics(),
        ["Task: destructor", "Task: destructor"]
    );
    // The first one is the future's own panic: its locals are dropped in its last poll.
    let outcome = event_loop.run_until_complete(completes.unwrap()).unwrap();
    assert_eq!(outcome.unwrap_err().panic_message(), Some("destructor"));

    // And of futures that are dropped when the loop is closed.
    let log = Log::new();
    for name in ["one", "two"] {
        let bomb = OnDrop(log.clone(), name);
        let task = local.spawn(async move {
            let (_bomb, _panics) = (bomb, PanicsOnDrop);
            pending::<()>().await;
        });
        drop(task.unwrap());
    }
    event_loop.run_once();
    event_loop.close().unwrap();
    log.expect(&["one", "two"]);
    assert_eq!(
        event_loop.take_panics(),
        ["Task: destructor", "Task: destructor"]
    );
}

/// The first has not arrived when the second is there.
#[test]
fn close_drops_tasks_in_the_order_in_which_they_were_spawned_by_whatever_handle() {
    struct Tells(std::sync::mpsc::Sender<u32>, u32);
    impl Drop for Tells {
        fn drop(&mut self) {
            self.0.send(self.1).unwrap();
        }
    }
    async fn keep(tells: Tells) {
        pending::<()>().await;
        drop(tells);
    }
    let event_loop = TestLoop::new();
    let (local, handle) = (event_loop.local(), event_loop.handle());
    let (send, dropped) = std::sync::mpsc::channel();
    drop(
        handle
            .spawn_threadsafe(keep(Tells(send.clone(), 1)))
            .unwrap(),
    );
    drop(local.spawn(keep(Tells(send.clone(), 2))).unwrap());
    drop(handle.spawn_threadsafe(keep(Tells(send, 3))).unwrap());
    event_loop.close().unwrap();
    assert_eq!(dropped.iter().collect::<Vec<_>>(), [1, 2, 3]);
}

#[test]
fn a_task_that_awaits_itself_is_told_so() {
    let event_loop = TestLoop::new();
    let own: Rc<RefCell<Option<Task<()>>>> = Rc::default();
    let told = Rc::new(Cell::new(false));
    let (task, tell) = (own.clone(), told.clone());
    let spawned = event_loop.local().spawn(async move {
        let task = task.take().unwrap();
        tell.set(matches!(task.await, Err(JoinError::AwaitsItself)));
    });
    *own.borrow_mut() = Some(spawned.unwrap());
    event_loop.run_once();
    assert!(told.get());
    assert!(JoinError::AwaitsItself.to_string().contains("await itself"));
}

#[test]
fn a_closed_loop_gives_futures_back() {
    let event_loop = TestLoop::new();
    let (local, handle) = (event_loop.local(), event_loop.handle());
    drop(event_loop);
    let refused = local.spawn(ready(1)).unwrap_err();
    assert!(refused.to_string().contains("nothing was scheduled"));
    assert_eq!(format!("{refused:?}"), "Closed(..)");
    let other = TestLoop::new();
    assert_eq!(other.run_until_complete(refused.0), Ok(1));
    let refused = handle.spawn_threadsafe(ready(2)).unwrap_err();
    assert_eq!(other.run_until_complete(refused.0), Ok(2));
}

#[test]
fn a_waker_outlives_its_task_and_its_loop_and_holds_neither() {
    let event_loop = TestLoop::new();
    let local = event_loop.local();
    let not_send = Rc::new(());
    let held = not_send.clone();
    let (give, take) = mpsc::channel::<Waker>();
    let task = local.spawn(async move {
        let _held = held;
        poll_fn(|context| {
            give.send(context.waker().clone()).unwrap();
            Poll::<()>::Pending
        })
        .await;
    });
    event_loop.run_once();
    let waker = take.recv().unwrap();
    drop(event_loop);
    assert_eq!(Rc::strong_count(&not_send), 1, "dropped with the loop");
    let woken = thread::spawn(move || {
        let clone = waker.clone();
        waker.wake();
        clone.wake();
    });
    woken.join().unwrap();
    assert!(task.unwrap().is_cancelled());
}

#[test]
fn a_waker_kept_from_a_task_that_is_gone_does_not_reach_the_next_one() {
    let event_loop = TestLoop::new();
    let local = event_loop.local();
    let kept: Rc<RefCell<Option<Waker>>> = Rc::default();
    let keep = kept.clone();
    let first = local.spawn(poll_fn(move |context| {
        *keep.borrow_mut() = Some(context.waker().clone());
        Poll::Ready(())
    }));
    drop(first.unwrap());
    event_loop.run_once();

    let polls = Rc::new(Cell::new(0));
    let counter = polls.clone();
    let second = local.spawn(poll_fn(move |_| {
        counter.set(counter.get() + 1);
        Poll::<()>::Pending
    }));
    drop(second.unwrap());
    event_loop.run_once();
    kept.take().unwrap().wake();
    assert_eq!(event_loop.handle().status().queued, 0);
    event_loop.run_once();
    assert_eq!(polls.get(), 1);
}

#[test]
fn a_wakeup_during_the_poll_is_not_lost() {
    let event_loop = TestLoop::new();
    let mut polls = 0;
    let done = event_loop.run_until_complete(poll_fn(|context| {
        polls += 1;
        if polls == 1_000 {
            return Poll::Ready(());
        }
        // Another thread wakes while this poll runs.
        let waker = context.waker().clone();
        thread::scope(|scope| drop(scope.spawn(|| waker.wake())));
        Poll::Pending
    }));
    assert_eq!(done, Ok(()));
}

#[test]
fn wakeups_of_other_threads_reach_a_loop_that_sleeps() {
    let total = run(async |local| {
        let mut tasks = Vec::new();
        for _ in 0..8 {
            let (send, mut receive) = futures_channel::mpsc::unbounded();
            thread::spawn(move || (0..1_000_u64).for_each(|i| send.unbounded_send(i).unwrap()));
            tasks.push(local.spawn(async move {
                let mut sum = 0;
                while let Some(i) = futures_util::StreamExt::next(&mut receive).await {
                    sum += i;
                }
                sum
            }));
        }
        let sums = wakeproof::gather(tasks.into_iter().map(Result::unwrap)).await;
        sums.into_iter().map(Result::unwrap).sum::<u64>()
    });
    assert_eq!(total, Ok(8 * 499_500));
}

#[test]
fn channels_and_combinators_of_the_ecosystem_run_on_the_loop() {
    use futures_util::future::{Either, join3, select};
    use futures_util::stream::{FuturesUnordered, StreamExt};

    run(async |local| {
        let (send, receive) = futures_channel::oneshot::channel();
        let handle = local.handle();
        thread::spawn(move || {
            handle.call_soon_threadsafe(|| ()).unwrap();
            send.send("from a thread").unwrap();
        });
        let task = local.spawn(async { "from a task" }).unwrap();
        let sleep = local.sleep(MILLISECOND);
        let (thread, task, slept) = join3(receive, task, sleep).await;
        slept.unwrap();
        assert_eq!(
            (thread.unwrap(), task.unwrap()),
            ("from a thread", "from a task")
        );

        let never = pending::<()>();
        let first = select(Box::pin(never), local.sleep(MILLISECOND)).await;
        assert!(matches!(first, Either::Right(_)));

        // Its children have wakers of their own, which wake from wherever.
        let mut sleeps: FuturesUnordered<_> = [3, 1, 2]
            .map(|i| {
                let sleep = local.sleep(i * MILLISECOND);
                async move {
                    sleep.await.unwrap();
                    i
                }
            })
            .into_iter()
            .collect();
        let mut order = Vec::new();
        while let Some(i) = sleeps.next().await {
            order.push(i);
        }
        assert_eq!(order, [1, 2, 3]);
    })
    .unwrap();
}

#[test]
fn a_timeout_drops_what_was_too_slow_and_not_what_was_in_time() {
    let log = Log::new();
    let bomb = OnDrop(log.clone(), "dropped");
    let seen = log.clone();
    run(async move |local| {
        let too_slow = async move {
            let _bomb = bomb;
            pending::<()>().await;
        };
        let elapsed = local.timeout(MILLISECOND, too_slow).await.unwrap_err();
        seen.expect(&["dropped"]);
        assert!(elapsed.to_string().contains("in time"));
        assert_eq!(local.timeout(Duration::ZERO, ready(1)).await, Ok(1));
        assert_eq!(local.timeout(Duration::MAX, ready(2)).await, Ok(2));
    })
    .unwrap();
}

#[test]
fn wait_tells_the_ended_from_the_others() {
    run(async |local| {
        let spawn = |delay| local.spawn(local.sleep(delay)).unwrap();
        let none = wakeproof::wait(Vec::<Task<()>>::new(), ReturnWhen::FirstCompleted).await;
        assert!(none.done.is_empty() && none.pending.is_empty());

        let tasks = [
            spawn(Duration::MAX),
            spawn(MILLISECOND),
            spawn(Duration::MAX),
        ];
        let first = wakeproof::wait(tasks, ReturnWhen::FirstCompleted).await;
        assert_eq!((first.done.len(), first.pending.len()), (1, 2));
        for task in &first.pending {
            task.cancel();
        }
        let rest = wakeproof::wait(first.pending, ReturnWhen::AllCompleted).await;
        assert!(rest.pending.is_empty() && rest.done.iter().all(Task::is_cancelled));
    })
    .unwrap();
}

#[test]
fn gather_gives_results_in_order_and_failures_among_them() {
    let outcomes = run(async |local| {
        let handle = local.handle();
        let tasks = [2, 0, 1].map(|i| {
            let sleep = handle.sleep(i * MILLISECOND);
            let task = handle.spawn_threadsafe(async move {
                sleep.await.unwrap();
                assert_ne!(i, 0, "zero");
                i
            });
            task.unwrap()
        });
        wakeproof::gather(tasks).await
    });
    let mut outcomes = outcomes.unwrap().into_iter();
    assert_eq!(outcomes.next().unwrap().unwrap(), 2);
    assert!(matches!(
        outcomes.next().unwrap(),
        Err(JoinError::Panicked(_))
    ));
    assert_eq!(outcomes.next().unwrap().unwrap(), 1);
}

#[test]
fn a_task_of_another_thread_runs_and_is_dropped_on_the_loops() {
    /// Sends the name of the thread that drops it.
    struct Tells(mpsc::Sender<thread::ThreadId>);
    impl Drop for Tells {
        fn drop(&mut self) {
            self.0.send(thread::current().id()).unwrap();
        }
    }
    let event_loop = TestLoop::new();
    let loop_thread = thread::current().id();
    let handle = event_loop.handle();
    let worker = thread::spawn(move || {
        let mut task = handle
            .spawn_threadsafe(async { thread::current().id() })
            .unwrap();
        assert_eq!(task.result().unwrap(), loop_thread);

        // Cancelled before its first poll, or behind it, whichever comes.
        for _ in 0..100 {
            let (tell, dropped_on) = mpsc::channel();
            let tells = Tells(tell);
            let mut task = handle
                .spawn_threadsafe(async move {
                    let _tells = tells;
                    pending::<()>().await;
                })
                .unwrap();
            task.cancel();
            let error = task.result().unwrap_err();
            assert!(matches!(error, ResultError::Join(JoinError::Cancelled)));
            assert!(task.is_cancelled());
            assert_eq!(dropped_on.recv().unwrap(), loop_thread);
        }
        handle.stop();
    });
    event_loop.run_forever().unwrap();
    worker.join().unwrap();
}

#[test]
fn a_thread_that_waits_for_a_result_has_each_end_told() {
    let event_loop = TestLoop::new();
    let handle = event_loop.handle();
    let worker = thread::spawn(move || {
        let sleep = handle.sleep(MILLISECOND);
        let mut slow = handle.spawn_threadsafe(sleep).unwrap();
        slow.result().unwrap().unwrap();

        let mut panics = handle
            .spawn_threadsafe(async { assert_eq!(1, 2, "unequal") })
            .unwrap();
        let error = panics.result().unwrap_err();
        assert!(error.to_string().contains("unequal"), "{error}");

        let mut never = handle.spawn_threadsafe(pending::<()>()).unwrap();
        let error = never.result_timeout(Duration::ZERO).unwrap_err();
        assert!(matches!(error, ResultError::TimedOut), "{error}");
        handle.stop();
        never
    });
    event_loop.run_forever().unwrap();
    let mut never = worker.join().unwrap();
    // The loop's own thread cannot wait for it.
    let error = never.result_timeout(Duration::MAX).unwrap_err();
    assert!(error.to_string().starts_with("deadlock: "), "{error}");
    assert!(matches!(error, ResultError::Deadlock { .. }));
    let waiter = thread::spawn(move || never.result());
    drop(event_loop);
    let error = waiter.join().unwrap().unwrap_err();
    assert_eq!(error.to_string(), "the task was cancelled");
}

#[test]
fn a_result_that_is_in_can_be_had_on_the_loops_thread_but_once() {
    let event_loop = TestLoop::new();
    let mut task = event_loop.handle().spawn_threadsafe(ready(1)).unwrap();
    event_loop.run_once();
    assert_eq!(task.result().unwrap(), 1);
    let again = catch_unwind(AssertUnwindSafe(|| task.result()));
    assert!(again.is_err());
}

#[test]
fn a_slow_poll_is_reported_in_debug_mode() {
    let event_loop = TestLoop::new();
    event_loop.set_debug(true);
    event_loop.set_slow_callback_duration(Duration::ZERO);
    let reports = Rc::new(RefCell::new(Vec::new()));
    let writer = reports.clone();
    event_loop.set_slow_callback_handler(move |slow| {
        writer.borrow_mut().push((slow.work, slow.to_string()));
    });
    let clock = event_loop.local();
    let task = event_loop.local().spawn(async move {
        let start = clock.time();
        while clock.time() == start {
            std::hint::spin_loop();
        }
    });
    drop(task.unwrap());
    event_loop.run_once();
    let reports = reports.borrow();
    assert_eq!(reports[0].0, Work::Task);
    assert!(
        reports[0]
            .1
            .starts_with(&format!("the task spawned at {}:", file!()))
    );
}

#[test]
fn what_may_go_to_another_thread_and_what_may_not() {
    fn send<T: Send>() {}
    send::<wakeproof::SharedTask<u32>>();
    send::<wakeproof::Sleep>();
    send::<wakeproof::EventHandle>();
    send::<wakeproof::TimerHandle>();
    let event_loop = TestLoop::new();
    let task = event_loop.local().spawn(ready(())).unwrap();
    assert_eq!(
        format!("{task:?}"),
        "Task { finished: false, cancelled: false, .. }"
    );
    let task = event_loop.handle().spawn_threadsafe(ready(())).unwrap();
    assert_eq!(
        format!("{task:?}"),
        "SharedTask { finished: false, cancelled: false, .. }"
    );
}

mod under_loom {
    use std::future::poll_fn;
    use std::sync::Arc;
    use std::task::Poll;

    use loom::sync::atomic::{AtomicBool, Ordering};
    use loom::thread;
    use wakeproof::{EventLoop, JoinError, ResultError};
    use wakeproof_explore::platform::{Environment, Loom};

    /// Pending until another thread, which the first poll starts, has written and woken it.
    fn woken_by_a_thread() -> impl Future<Output = ()> {
        let ready = Arc::new(AtomicBool::new(false));
        let mut worker = None;
        poll_fn(move |context| {
            if worker.is_none() {
                let (waker, write) = (context.waker().clone(), ready.clone());
                worker = Some(thread::spawn(move || {
                    write.store(true, Ordering::Relaxed);
                    waker.wake();
                }));
            }
            if !ready.load(Ordering::Relaxed) {
                return Poll::Pending;
            }
            worker.take().unwrap().join().unwrap();
            Poll::Ready(())
        })
    }

    /// In the poll, behind it, while the loop falls asleep or sleeps: a wakeup is seen, and what was
    /// written before it.
    #[test]
    fn no_wakeup_of_the_main_future_is_lost() {
        loom::model(|| {
            Loom::enter(Environment::QUIET);
            let event_loop = EventLoop::<Loom>::on_platform();
            event_loop.run_until_complete(woken_by_a_thread()).unwrap();
        });
    }

    #[test]
    fn no_wakeup_of_a_task_is_lost() {
        loom::model(|| {
            Loom::enter(Environment::QUIET);
            let event_loop = EventLoop::<Loom>::on_platform();
            let task = event_loop.local().spawn(woken_by_a_thread()).unwrap();
            event_loop.run_until_complete(task).unwrap().unwrap();
        });
    }

    /// A cancel from another thread: before the first poll, or while the task waits.
    #[test]
    fn a_cancel_of_another_thread_reaches_the_task() {
        loom::model(|| {
            Loom::enter(Environment::QUIET);
            let event_loop = EventLoop::<Loom>::on_platform();
            let task = event_loop.handle().spawn_threadsafe(std::future::pending());
            let mut task: wakeproof::SharedTask<()> = task.unwrap();
            let handle = event_loop.handle();
            let worker = thread::spawn(move || {
                task.cancel();
                let is_cancelled =
                    matches!(task.result(), Err(ResultError::Join(JoinError::Cancelled)));
                handle.stop();
                is_cancelled
            });
            event_loop.run_forever().unwrap();
            assert!(worker.join().unwrap());
        });
    }

    /// A thread waits for the result of a task; the loop runs it and ends.
    #[test]
    fn a_thread_that_waits_gets_its_result() {
        loom::model(|| {
            Loom::enter(Environment::QUIET);
            let event_loop = EventLoop::<Loom>::on_platform();
            let handle = event_loop.handle();
            let worker = thread::spawn(move || {
                let mut task = handle.spawn_threadsafe(std::future::ready(42)).unwrap();
                let answer = task.result().unwrap();
                handle.stop();
                answer
            });
            event_loop.run_forever().unwrap();
            assert_eq!(worker.join().unwrap(), 42);
        });
    }
}
