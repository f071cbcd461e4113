//! Wakers that other threads use and drop while the task is polled, after it is over, and while its loop is
//! closed.

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

/// A future that starts `number` threads at its first poll. Each thread counts itself and wakes the future.
/// The future is ready once all have been counted, and returns how often it was polled.
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

/// One thread wakes a task during its poll, between the poll and the sleep of the loop, or while the loop
/// sleeps.
#[derive(Debug)]
pub struct WakeRacesWithPoll;

impl Model for WakeRacesWithPoll {
    const THREADS: usize = 1;

    fn run<P: ModelPlatform>() {
        let event_loop = CheckedLoop::<P>::new();
        let task = event_loop.local().spawn(woken_by::<P>(1));
        let result = event_loop.complete(task.expect("the loop is open"));
        assert_eq!(
            result.expect("it completes"),
            2,
            "a first poll, and one for the wakeup"
        );
    }
}

/// Two threads wake the loop's main future. The second wakeup may come while the first is on its way, or
/// during the poll that the first one caused.
#[derive(Debug)]
pub struct TwoWakeAtOnce;

impl Model for TwoWakeAtOnce {
    const THREADS: usize = 2;

    fn run<P: ModelPlatform>() {
        let event_loop = CheckedLoop::<P>::new();
        let polls = event_loop.complete(woken_by::<P>(2));
        assert!(
            polls <= 3,
            "{polls} polls, but only a first one and 2 wakeups"
        );
    }
}

/// One thread wakes a task that is over or about to be, and then sets an event for another task that may
/// have taken its place. The wakeup of the first task must not wake the second.
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
                    setter.set_threadsafe().expect("the loop is open");
                }))
            }));
            let thread = first
                .expect("the loop is open")
                .await
                .expect("it ends by itself");
            let second = local.spawn(async move {
                let mut wait = pin!(event.wait());
                poll_fn(|context| {
                    counter.set(counter.get() + 1);
                    wait.as_mut().poll(context)
                })
                .await;
            });
            second
                .expect("the loop is open")
                .await
                .expect("the event is set");
            thread
        });
        P::join(thread);
        assert!(polls.get() <= 2, "polled by a wakeup for another task");
    }
}

/// What a waker owns.
pub trait WakerHolds: Debug + 'static {
    /// The part of the task's future that its waker owns: nothing. A future belongs to its loop's thread,
    /// but the last waker may be dropped on any thread.
    fn part_of<T>(_future: &Arc<T>) -> Option<Arc<T>> {
        None
    }
}

/// A task that never completes gives its waker to a thread. The thread uses the waker and drops it, perhaps
/// as the last one, while the loop is closed. `close` must drop the future, on the loop's thread.
#[derive(Debug)]
pub struct LastWakerDropped<H>(PhantomData<H>);

/// Records on which thread it is dropped.
struct DropThread<P: Platform>(Arc<Mutex<Option<P::ThreadId>>>);

impl<P: Platform> Drop for DropThread<P> {
    fn drop(&mut self) {
        // A checker that abandons an execution drops this on none of its threads.
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
        let recorder = Arc::new(DropThread::<P>(dropped_on.clone()));
        let thread = Rc::new(RefCell::new(None));
        let started = thread.clone();
        let task = event_loop.local().spawn(poll_fn(move |context| {
            let held = (context.waker().clone(), H::part_of(&recorder));
            started.borrow_mut().get_or_insert_with(|| {
                P::spawn("thread 1", move || {
                    held.0.wake_by_ref();
                    drop(held);
                })
            });
            Poll::<()>::Pending
        }));
        drop(task.expect("the loop is open"));
        event_loop.run_once();
        event_loop.close().expect("the loop is not running");

        let dropped_on = *dropped_on.lock().unwrap_or_else(PoisonError::into_inner);
        assert_eq!(
            dropped_on,
            Some(P::current_thread()),
            "the future must have been dropped, on the loop's thread"
        );
        P::join(thread.take().expect("the task was polled"));
    }
}
