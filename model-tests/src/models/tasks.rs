//! Tasks that another thread spawns, and results that another thread waits for.

use std::fmt::Debug;
use std::future::ready;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use wakeproof::{JoinError, ResultError, SharedTask};

use super::closing::Token;
use super::{CheckedLoop, Log, Model, Parker, Unpark};
use wakeproof_explore::platform::ModelPlatform;

/// One thread spawns a task on a loop that may be going to sleep. The task runs, and stops the loop.
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
            drop(task.expect("it is open"));
        });
        event_loop.run();
        P::join(thread);
        log.assert_complete(1, 1);
    }
}

/// One thread spawns a task on a loop that runs one iteration and is closed, and waits for its
/// result. It gets one, or hears that the task was cancelled, or is given the future back: it does
/// not wait for ever.
#[derive(Debug)]
pub struct SpawnRacesWithClose;

impl Model for SpawnRacesWithClose {
    const THREADS: usize = 1;

    fn run<P: ModelPlatform>() {
        let event_loop = CheckedLoop::<P>::new();
        let log = Log::<P>::new();
        let (token, drops) = Token::new();
        let (handle, writer) = (event_loop.handle(), log.clone());
        let thread = P::spawn("thread 1", move || {
            let future = async move {
                let _token = token;
                writer.ran(0, 0)
            };
            handle.spawn_threadsafe(future).ok().map(result_of)
        });
        event_loop.run_once();
        event_loop.close().expect("it does not run");

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

/// Waits for a task's result, and drops the task: not so if the wait does not return because its
/// execution has failed, since to drop a task takes a lock, and such an execution has none to give.
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
        let task = handle.spawn_threadsafe(ready(42)).expect("it is open");
        let thread = P::spawn("thread 1", move || {
            let answer = result_of(task).expect("it completes");
            handle.stop();
            answer
        });
        event_loop.run();
        assert_eq!(P::join(thread), 42);
    }
}

/// A thread without a loop awaits a task of the loop's: it polls the task, and parks until the task's
/// end unparks it.
#[derive(Debug)]
pub struct AwaitedElsewhere<U>(PhantomData<U>);

/// Wakes a thread that is parked.
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
        let task = task.expect("it is open");
        let thread = P::spawn("thread 1", move || {
            let mut task = ManuallyDrop::new(task); // as in `result_of`
            let thread = Arc::new(ThreadWaker::<P, U> {
                parker: Parker::new(),
                unpark: PhantomData,
            });
            let waker = Waker::from(thread.clone());
            let mut context = Context::from_waker(&waker);
            let outcome = loop {
                match Pin::new(&mut *task).poll(&mut context) {
                    Poll::Ready(outcome) => break outcome,
                    Poll::Pending => thread.parker.park(),
                }
            };
            drop(ManuallyDrop::into_inner(task));
            outcome.expect("it completes")
        });
        event_loop.run_once();
        assert_eq!(P::join(thread), 42);
    }
}
