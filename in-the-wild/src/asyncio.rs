//! python/asyncio issue 270 (agronholm/anyio PR 1075, tokio-rs/tokio issue 4618): a semaphore's waiter is woken, then
//! cancelled before it runs. It ends, and keeps the wakeup, so that the next waiter sleeps on beside a free semaphore.
//! The repair: a waiter that is cancelled after it was woken wakes the next. The tasks have a thread each here.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::{Context, Poll, Waker};

use wakeproof_explore::future::block_on;
use wakeproof_explore::sync::{Arc, Mutex};

#[derive(Default)]
struct Waiter {
    is_woken: bool,
    is_cancelled: bool,
    waker: Option<Waker>,
}

#[derive(Default)]
struct State {
    value: usize,
    waiters: [Waiter; 2],
    waiting: VecDeque<usize>,
}

impl State {
    fn wake_next(&mut self) {
        if let Some(next) = self.waiting.pop_front() {
            let waiter = &mut self.waiters[next];
            waiter.is_woken = true;
            waiter.wake();
        }
    }
}

impl Waiter {
    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

#[derive(Default)]
struct Semaphore(Mutex<State>);

impl Semaphore {
    fn poll<const REPAIRED: bool>(&self, this: usize, context: &Context<'_>) -> Poll<()> {
        let mut state = self.0.lock().unwrap();
        let waiter = &mut state.waiters[this];
        if waiter.is_cancelled {
            let was_woken = waiter.is_woken;
            state.waiting.retain(|other| *other != this);
            if REPAIRED && was_woken {
                state.wake_next();
            }
        } else if waiter.is_woken {
            state.value -= 1;
            drop(state);
            self.release();
        } else {
            waiter.waker = Some(context.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(())
    }

    fn release(&self) {
        let mut state = self.0.lock().unwrap();
        state.value += 1;
        state.wake_next();
    }

    fn cancel(&self, task: usize) {
        let waiter = &mut self.0.lock().unwrap().waiters[task];
        waiter.is_cancelled = true;
        waiter.wake();
    }
}

pub(crate) fn body<const REPAIRED: bool>() {
    let semaphore = Arc::new(Semaphore::default());
    semaphore.0.lock().unwrap().waiting = [0, 1].into(); // both have begun to wait
    let acquire = |semaphore: &Semaphore, this| {
        block_on(poll_fn(|context| semaphore.poll::<REPAIRED>(this, context)));
    };
    let other = semaphore.clone();
    let first = super::spawn("first", move || acquire(&other, 0));
    semaphore.release();
    semaphore.cancel(0);
    acquire(&semaphore, 1);
    first.join().unwrap();
}
