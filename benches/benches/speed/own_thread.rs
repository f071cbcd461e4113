//! Callbacks from the loop's own thread: in batches, one from another, and cancelled ones.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use async_executor::{Executor, LocalExecutor};
use futures_lite::future::{block_on, yield_now};
use wakeproof::{EventLoop, Local};

use crate::channels::{ByHand, Channel, Crossbeam, Kanal};
use crate::contest::{Contest, Measured};
use crate::python::{self, Python};
use crate::tally::{count, expect, is_waiting, timed};

/// How many callbacks are submitted before they run.
const BATCH: usize = 1_000;

/// Submits and runs `batches` batches, by calls of `submit` with the number 1.
fn ours(batches: usize, submit: fn(&EventLoop, &Local, &wakeproof::Handle, usize)) -> Measured {
    let event_loop = EventLoop::new();
    let (local, handle) = (event_loop.local(), event_loop.handle());
    timed(batches * BATCH, || {
        for _ in 0..batches {
            let stop = local.clone();
            expect(BATCH, move || stop.stop());
            for _ in 0..BATCH {
                submit(&event_loop, &local, &handle, std::hint::black_box(1));
            }
            event_loop.run_forever().expect("the loop is open");
        }
        assert!(!is_waiting(), "every callback has run");
    })
}

pub fn call_soon(batches: usize) -> Measured {
    ours(batches, |_, local, _, by| {
        drop(local.call_soon(move || count(by)));
    })
}

fn call_soon_threadsafe(batches: usize) -> Measured {
    ours(batches, |_, _, handle, by| {
        drop(handle.call_soon_threadsafe(move || count(by)));
    })
}

fn cancelled(batches: usize) -> Measured {
    ours(batches, |_, local, _, by| {
        let call = local.call_soon(|| unreachable!("it is cancelled"));
        assert!(call.expect("the loop is open").cancel());
        count_in_place(local, by);
    })
}

/// Counts without a callback, but for the last, which has to stop the loop while it runs.
fn count_in_place(local: &Local, by: usize) {
    thread_local!(static SEEN: Cell<usize> = const { Cell::new(0) });
    let seen = SEEN.get() + by;
    SEEN.set(seen % BATCH);
    if seen == BATCH {
        drop(local.call_soon(move || (0..BATCH).for_each(|_| count(1))));
    }
}

fn cancelled_too_late(batches: usize) -> Measured {
    thread_local!(static CALLS: RefCell<Vec<wakeproof::LocalCallHandle>> = RefCell::default());
    let event_loop = EventLoop::new();
    let local = event_loop.local();
    timed(batches * BATCH, || {
        for _ in 0..batches {
            let stop = local.clone();
            expect(BATCH, move || stop.stop());
            CALLS.with_borrow_mut(|calls| {
                let by = std::hint::black_box(1);
                calls.extend((0..BATCH).flat_map(|_| local.call_soon(move || count(by))));
            });
            event_loop.run_forever().expect("the loop is open");
            CALLS.with_borrow_mut(|calls| {
                for call in calls.drain(..) {
                    assert!(!call.cancel(), "it has run");
                }
            });
        }
    })
}

fn channel<C: Channel>(batches: usize) -> Measured {
    let (sender, mut channel) = C::new();
    timed(batches * BATCH, || {
        for _ in 0..batches {
            expect(BATCH, || ());
            for _ in 0..BATCH {
                let by = std::hint::black_box(1);
                C::send(&sender, Box::new(move || count(by)));
            }
            while is_waiting() {
                channel.run_some();
            }
        }
    })
}

fn current_thread() -> tokio::runtime::Runtime {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("tokio starts")
}

fn tokio(batches: usize) -> Measured {
    timed(batches * BATCH, || {
        current_thread().block_on(async {
            for _ in 0..batches {
                expect(BATCH, || ());
                for _ in 0..BATCH {
                    let by = std::hint::black_box(1);
                    drop(tokio::spawn(async move { count(by) }));
                }
                while is_waiting() {
                    tokio::task::yield_now().await;
                }
            }
        });
    })
}

fn smol(batches: usize) -> Measured {
    let executor = LocalExecutor::new();
    timed(batches * BATCH, || {
        block_on(executor.run(async {
            for _ in 0..batches {
                expect(BATCH, || ());
                for _ in 0..BATCH {
                    let by = std::hint::black_box(1);
                    executor.spawn(async move { count(by) }).detach();
                }
                while is_waiting() {
                    yield_now().await;
                }
            }
        }));
    })
}

fn calloop(batches: usize) -> Measured {
    let mut event_loop = calloop::EventLoop::<()>::try_new().expect("calloop starts");
    let handle = event_loop.handle();
    timed(batches * BATCH, || {
        for _ in 0..batches {
            expect(BATCH, || ());
            for _ in 0..BATCH {
                let by = std::hint::black_box(1);
                drop(handle.insert_idle(move |()| count(by)));
            }
            while is_waiting() {
                let dispatched = event_loop.dispatch(std::time::Duration::ZERO, &mut ());
                dispatched.expect("calloop runs");
            }
        }
    })
}

/// A callback schedules the next, and so on.
fn chain(total: usize) -> Measured {
    fn step(local: Local, left: usize) {
        if left == 1 {
            return local.stop();
        }
        let next = local.clone();
        drop(local.call_soon(move || step(next, left - 1)));
    }
    let event_loop = EventLoop::new();
    step(event_loop.local(), total);
    timed(total, || {
        event_loop.run_forever().expect("the loop is open")
    })
}

fn chain_of_tokio(total: usize) -> Measured {
    fn step(left: Rc<Cell<usize>>, finish: tokio::sync::oneshot::Sender<()>) {
        left.set(left.get() - 1);
        if left.get() == 0 {
            return finish.send(()).expect("the receiver is there");
        }
        drop(tokio::task::spawn_local(async { step(left, finish) }));
    }
    let runtime = current_thread();
    let (finish, finished) = tokio::sync::oneshot::channel();
    timed(total, || {
        let local = tokio::task::LocalSet::new();
        local.block_on(&runtime, async {
            step(Rc::new(Cell::new(total)), finish);
            finished.await.expect("the sender is there");
        });
    })
}

fn chain_of_smol(total: usize) -> Measured {
    fn step(
        executor: &Rc<LocalExecutor<'static>>,
        left: usize,
        finish: tokio::sync::oneshot::Sender<()>,
    ) {
        if left == 1 {
            return finish.send(()).expect("the receiver is there");
        }
        let next = executor.clone();
        let task = executor.spawn(async move { step(&next, left - 1, finish) });
        task.detach();
    }
    let executor = Rc::new(LocalExecutor::new());
    let (finish, finished) = tokio::sync::oneshot::channel();
    timed(total, || {
        step(&executor, total, finish);
        block_on(executor.run(finished)).expect("the sender is there");
    })
}

fn chain_of_calloop(total: usize) -> Measured {
    fn step(handle: calloop::LoopHandle<'static, usize>, left: &mut usize) {
        *left -= 1;
        if *left > 0 {
            let next = handle.clone();
            drop(handle.insert_idle(move |left| step(next, left)));
        }
    }
    let mut event_loop = calloop::EventLoop::<usize>::try_new().expect("calloop starts");
    let mut left = total;
    timed(total, || {
        step(event_loop.handle(), &mut left);
        while left > 0 {
            let dispatched = event_loop.dispatch(std::time::Duration::ZERO, &mut left);
            dispatched.expect("calloop runs");
        }
    })
}

/// A task that ends at its first poll, spawned and awaited.
fn spawn(total: usize) -> Measured {
    let event_loop = EventLoop::new();
    let local = event_loop.local();
    timed(total, || {
        let main = async {
            for _ in 0..total {
                let task = local.spawn(async {}).expect("the loop is open");
                task.await.expect("it returns");
            }
        };
        event_loop.run_until_complete(main).expect("it completes");
    })
}

fn spawn_on_tokio(total: usize) -> Measured {
    timed(total, || {
        let local = tokio::task::LocalSet::new();
        local.block_on(&current_thread(), async {
            for _ in 0..total {
                tokio::task::spawn_local(async {})
                    .await
                    .expect("it returns");
            }
        });
    })
}

fn spawn_on_smol(total: usize) -> Measured {
    let executor = LocalExecutor::new();
    timed(total, || {
        block_on(executor.run(async {
            for _ in 0..total {
                executor.spawn(async {}).await;
            }
        }));
    })
}

/// Two tasks that wake each other in turn, by futures that wake themselves: a wakeup and a poll each.
async fn yield_to_others(times: usize) {
    for _ in 0..times {
        yield_now().await;
    }
}

fn wake(total: usize) -> Measured {
    let event_loop = EventLoop::new();
    timed(total, || {
        let main = event_loop.local().spawn(yield_to_others(total));
        let main = main.expect("the loop is open");
        let joined = event_loop.run_until_complete(main).expect("it completes");
        joined.expect("it returns");
    })
}

fn wake_on_tokio(total: usize) -> Measured {
    timed(total, || {
        let local = tokio::task::LocalSet::new();
        local.block_on(&current_thread(), async {
            let task = tokio::task::spawn_local(yield_to_others(total));
            task.await.expect("it returns");
        });
    })
}

fn wake_on_smol(total: usize) -> Measured {
    let executor = Executor::new();
    timed(total, || {
        block_on(executor.run(executor.spawn(yield_to_others(total))));
    })
}

pub fn contests(total: usize, python: &[Python]) -> Vec<Contest> {
    let batches = total / BATCH;
    let mut own = Contest::new("call_soon, own thread", move || call_soon(batches))
        .against("call_soon_threadsafe, same thread", 0.7, move || {
            call_soon_threadsafe(batches)
        })
        .against("by hand", None, move || channel::<ByHand<false>>(batches))
        .against("kanal", None, move || channel::<Kanal>(batches))
        .against("crossbeam-channel", None, move || {
            channel::<Crossbeam>(batches)
        })
        .against("tokio current_thread", 0.2, move || tokio(batches / 4))
        .against("smol", 0.2, move || smol(batches / 4))
        .against("calloop", 0.2, move || calloop(batches / 4));
    let mut chain = Contest::new("a callback schedules the next", move || chain(total))
        .against("tokio current_thread", 0.2, move || {
            chain_of_tokio(total / 4)
        })
        .against("smol", 0.2, move || chain_of_smol(total / 4))
        .against("calloop", 0.2, move || chain_of_calloop(total / 16));
    let mut spawn = Contest::new("spawn and await a task", move || spawn(total / 2))
        .against("tokio current_thread", None, move || {
            spawn_on_tokio(total / 4)
        })
        .against("smol", None, move || spawn_on_smol(total / 4));
    for python in python {
        let name = python.name;
        own = own.against(name, python.target, move || {
            python::measure(name, "own", &[BATCH, batches / 20])
        });
        chain = chain.against(name, python.target, move || {
            python::measure(name, "chain", &[total / 40])
        });
        spawn = spawn.against(name, None, move || {
            python::measure(name, "spawn", &[total / 40])
        });
    }
    let cancel = Contest::new("call_soon and cancel", move || cancelled(batches)).against(
        "call_soon and run",
        None,
        move || call_soon(batches),
    );
    let too_late = Contest::new("call_soon, run, cancel too late", move || {
        cancelled_too_late(batches)
    })
    .against("call_soon and run", None, move || call_soon(batches));
    let wake = Contest::new("wake and poll a task", move || wake(total))
        .against("tokio current_thread", None, move || {
            wake_on_tokio(total / 2)
        })
        .against("smol", None, move || wake_on_smol(total / 2));
    vec![own, chain, cancel, too_late, spawn, wake]
}
