//! Wakers that other threads wake and drop: of tasks that are being polled, that are over, and whose
//! loop is closed.

use std::cell::{Cell, RefCell};
use std::fmt::Debug;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::pin::pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use wakeproof::Event;
use wakeproof::platform::Platform;

use super::{CheckedLoop, Model};
use wakeproof_explore::platform::ModelPlatform;

/// At its first poll, starts so many threads. Each of them counts itself and wakes the future, which
/// is ready when it sees that all have. Gives the number of its polls.
fn woken_by<P: ModelPlatform>(number: usize) -> impl Future<Output = usize> + 'static {
    let count = Arc::new(P::mutex(0));
    let mut threads = Vec::new();
    let mut polls = 0;
    poll_fn(move |context| {
        polls += 1;
        if polls == 1 {
            threads.extend((1..=number).map(|thread| {
                let (count, waker) = (count.clone(), context.waker().clone());
                P::spawn(&format!("thread {thread}"), move || {
                    *P::lock(&count) += 1;
                    waker.wake();
                })
            }));
            return Poll::Pending;
        }
        if *P::lock(&count) < number {
            return Poll::Pending;
        }
        threads.drain(..).for_each(P::join);
        Poll::Ready(polls)
    })
}

/// One thread wakes a task while it is being polled, between the poll and the sleep, or when the loop
/// is asleep.
#[derive(Debug)]
pub struct WakeRacesWithPoll;

impl Model for WakeRacesWithPoll {
    const THREADS: usize = 1;

    fn run<P: ModelPlatform>() {
        let event_loop = CheckedLoop::<P>::new();
        let task = event_loop.local().spawn(woken_by::<P>(1));
        let outcome = event_loop.complete(task.expect("it is open"));
        assert_eq!(
            outcome.expect("it completes"),
            2,
            "polls for the first look and a wakeup"
        );
    }
}

/// Two threads wake the loop's main future. The second wakeup may come when the first one is on its
/// way already, or while the future, polled because of the first, looks for what came with it.
#[derive(Debug)]
pub struct TwoWakeAtOnce;

impl Model for TwoWakeAtOnce {
    const THREADS: usize = 2;

    fn run<P: ModelPlatform>() {
        let event_loop = CheckedLoop::<P>::new();
        let polls = event_loop.complete(woken_by::<P>(2));
        assert!(polls <= 3, "{polls} polls for the first look and 2 wakeups");
    }
}

/// One thread wakes a task that is over, or is about to be, and then sets an event for the task that
/// has taken its place. The first wakeup is not for the second task.
#[derive(Debug)]
pub struct WakeAfterCompletion;

impl Model for WakeAfterCompletion {
    const THREADS: usize = 1;

    fn run<P: ModelPlatform>() {
        let event_loop = CheckedLoop::<P>::new();
        let local = event_loop.local();
        let event = Event::new(&local);
        let setter = event.handle();
        let polls = Rc::new(Cell::new(0));
        let counter = polls.clone();
        let thread = event_loop.complete(async move {
            let mut setter = Some(setter);
            let first = local.spawn(poll_fn(move |context| {
                let setter = setter.take().expect("it is ready at its first poll");
                let waker = context.waker().clone();
                Poll::Ready(P::spawn("thread 1", move || {
                    waker.wake();
                    setter.set_threadsafe().expect("it is open");
                }))
            }));
            let thread = first.expect("it is open").await.expect("it ends by itself");
            let second = local.spawn(async move {
                let mut wait = pin!(event.wait());
                poll_fn(|context| {
                    counter.set(counter.get() + 1);
                    wait.as_mut().poll(context)
                })
                .await;
            });
            second.expect("it is open").await.expect("the event is set");
            thread
        });
        P::join(thread);
        assert!(polls.get() <= 2, "polled by a wakeup for another task");
    }
}

/// What a waker keeps alive.
pub trait WakerHolds: Debug + 'static {
    /// The part of the task's future that its waker holds on to: none. A future belongs to its
    /// loop's thread, and the last waker may be dropped on any other.
    fn part_of<T>(_future: &Arc<T>) -> Option<Arc<T>> {
        None
    }
}

/// A task that never completes gives its waker to a thread, which wakes it and drops it, the last
/// one perhaps, while the loop is closed. The future is dropped by `close`, on the loop's thread.
#[derive(Debug)]
pub struct LastWakerDropped<H>(PhantomData<H>);

/// Tells on which thread it is dropped.
struct Token<P: Platform>(Arc<Mutex<Option<P::ThreadId>>>);

impl<P: Platform> Drop for Token<P> {
    fn drop(&mut self) {
        // A checker that throws an execution away is on no thread of it.
        if !std::thread::panicking() {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(P::current_thread());
        }
    }
}

impl<H: WakerHolds> Model for LastWakerDropped<H> {
    const THREADS: usize = 1;

    fn run<P: ModelPlatform>() {
        let event_loop = CheckedLoop::<P>::new();
        let dropped_on = Arc::new(Mutex::new(None));
        let token = Arc::new(Token::<P>(dropped_on.clone()));
        let thread = Rc::new(RefCell::new(None));
        let started = thread.clone();
        let task = event_loop.local().spawn(poll_fn(move |context| {
            let held = (context.waker().clone(), H::part_of(&token));
            started.borrow_mut().get_or_insert_with(|| {
                P::spawn("thread 1", move || {
                    held.0.wake_by_ref();
                    drop(held);
                })
            });
            Poll::<()>::Pending
        }));
        drop(task.expect("it is open"));
        event_loop.run_once();
        event_loop.close().expect("it does not run");

        let dropped_on = *dropped_on.lock().unwrap_or_else(PoisonError::into_inner);
        assert_eq!(
            dropped_on,
            Some(P::current_thread()),
            "the future is dropped by now, on the loop's thread"
        );
        P::join(thread.take().expect("the task was polled"));
    }
}
