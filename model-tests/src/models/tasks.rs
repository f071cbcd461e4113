//! Tasks that another thread spawns, and results that another thread waits for.

use std::fmt::Debug;
use std::future::ready;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use wakeproof::{JoinError, ResultError, SharedTask};

use super::closing::DropCounter;
use super::{CheckedLoop, Log, Model, Parker, Unpark};
use wakeproof_explore::platform::ModelPlatform;

/// One thread spawns a task on a loop that may be falling asleep. The task runs, and stops the loop.
#[derive(Debug)]
pub struct SpawnRacesWithSleep;

impl Model for SpawnRacesWithSleep {
    const THREADS: usize = 1;

    fn run<P: ModelPlatform>() {
        let event_loop = CheckedLoop::<P>::new();
        let log = Log::<P>::new();
        let (handle, writer) = (event_loop.handle(), log.clone());
        let thread = P::spawn("thread 1", move || {
            let stop = handle.clone();
            let task = handle.spawn_threadsafe(async move {
                writer.ran(0, 0);
                stop.stop();
            });
            drop(task.expect("the loop is open"));
        });
        event_loop.run();
        P::join(thread);
        log.assert_complete(1, 1);
    }
}

/// One thread spawns a task on a loop that runs one iteration and is then closed, and waits for its result.
/// The thread gets a result, or an error because the task was cancelled, or the future back. It does not
/// wait for ever.
#[derive(Debug)]
pub struct SpawnRacesWithClose;

impl Model for SpawnRacesWithClose {
    const THREADS: usize = 1;

    fn run<P: ModelPlatform>() {
        let event_loop = CheckedLoop::<P>::new();
        let log = Log::<P>::new();
        let (counter, drops) = DropCounter::new();
        let (handle, writer) = (event_loop.handle(), log.clone());
        let thread = P::spawn("thread 1", move || {
            let future = async move {
                let _counter = counter;
                writer.ran(0, 0)
            };
            handle.spawn_threadsafe(future).ok().map(result_of)
        });
        event_loop.run_once();
        event_loop.close().expect("the loop is not running");

        let result = P::join(thread);
        let ran = log.runs().len();
        match result {
            Some(Ok(nth)) => assert_eq!((nth, ran), (1, 1)),
            Some(Err(ResultError::Join(JoinError::Cancelled))) => {
                assert_eq!(ran, 0, "cancelled, but it ran");
            }
            Some(Err(other)) => panic!("{other}"),
            None => assert_eq!(ran, 0, "refused, but it ran"),
        }
        assert_eq!(drops.number(), 1, "dropped by now, once");
    }
}

/// Waits for a task's result, and then drops the task. If the execution fails during the wait, the task is
/// leaked, since dropping it takes a lock.
fn result_of<T>(task: SharedTask<T>) -> Result<T, ResultError> {
    let mut task = ManuallyDrop::new(task);
    let result = task.result();
    drop(ManuallyDrop::into_inner(task));
    result
}

/// One thread waits for the result of a task that the loop is about to run, and then stops the loop.
#[derive(Debug)]
pub struct ResultAwaited;

impl Model for ResultAwaited {
    const THREADS: usize = 1;

    fn run<P: ModelPlatform>() {
        let event_loop = CheckedLoop::<P>::new();
        let handle = event_loop.handle();
        let task = handle
            .spawn_threadsafe(ready(42))
            .expect("the loop is open");
        let thread = P::spawn("thread 1", move || {
            let answer = result_of(task).expect("it completes");
            handle.stop();
            answer
        });
        event_loop.run();
        assert_eq!(P::join(thread), 42);
    }
}

/// A thread without a loop awaits a task of the loop. It polls the task, and parks until the end of the task
/// unparks it.
#[derive(Debug)]
pub struct AwaitedElsewhere<U>(PhantomData<U>);

/// A waker that unparks a thread.
struct ThreadWaker<P: ModelPlatform, U> {
    parker: Parker<P>,
    unpark: PhantomData<fn() -> U>,
}

impl<P: ModelPlatform, U: Unpark> Wake for ThreadWaker<P, U> {
    fn wake(self: Arc<Self>) {
        U::unpark(&self.parker);
    }
}

impl<U: Unpark> Model for AwaitedElsewhere<U> {
    const THREADS: usize = 1;

    fn run<P: ModelPlatform>() {
        let event_loop = CheckedLoop::<P>::new();
        let task = event_loop.handle().spawn_threadsafe(ready(42));
        let task = task.expect("the loop is open");
        let thread = P::spawn("thread 1", move || {
            let mut task = ManuallyDrop::new(task); // as in `result_of`
            let thread = Arc::new(ThreadWaker::<P, U> {
                parker: Parker::new(),
                unpark: PhantomData,
            });
            let waker = Waker::from(thread.clone());
            let mut context = Context::from_waker(&waker);
            let result = loop {
                match Pin::new(&mut *task).poll(&mut context) {
                    Poll::Ready(result) => break result,
                    Poll::Pending => thread.parker.park(),
                }
            };
            drop(ManuallyDrop::into_inner(task));
            result.expect("it completes")
        });
        event_loop.run_once();
        assert_eq!(P::join(thread), 42);
    }
}
