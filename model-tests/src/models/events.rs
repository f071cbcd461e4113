//! An event that another thread sets, as in the original question.

use std::fmt::Debug;
use std::marker::PhantomData;
use std::mem;
use std::sync::Arc;

use wakeproof::platform::Platform;
use wakeproof::{Event, EventHandle, gather};

use super::{CheckedLoop, Log, Model};
use wakeproof_explore::platform::ModelPlatform;

/// How a thread other than the loop's sets an event.
pub trait SetEvent: Debug + 'static {
    /// Submits the call to the loop's thread, and wakes the loop.
    fn set<P: Platform>(event: &EventHandle<P>) {
        event.set_threadsafe().expect("the loop is open");
    }
}

/// `WAITERS` tasks wait for an event, or are about to, and another thread sets it. All of them continue, in
/// the order in which they began to wait.
#[derive(Debug)]
pub struct EventFromAnotherThread<const WAITERS: usize, S>(PhantomData<S>);

impl<const WAITERS: usize, S: SetEvent> Model for EventFromAnotherThread<WAITERS, S> {
    const THREADS: usize = 1;

    fn run<P: ModelPlatform>() {
        let event_loop = CheckedLoop::<P>::new();
        let event = Event::new(&event_loop.local());
        let log = Log::<P>::new();
        let tasks: Vec<_> = (0..WAITERS)
            .map(|waiter| {
                let (wait, log) = (event.wait(), log.clone());
                let task = event_loop.local().spawn(async move {
                    wait.await;
                    log.ran(0, waiter);
                });
                task.expect("the loop is open")
            })
            .collect();
        let setter = event.handle();
        let thread = P::spawn("thread 1", move || S::set(&setter));
        event_loop.complete(async { drop(gather(tasks).await) });
        P::join(thread);
        assert!(event.is_set());
        log.assert_complete(1, WAITERS);
    }
}

/// One thread produces two pieces of work, and sets an event after each. The loop waits for the event,
/// clears it, and takes the work there is, until it has taken both pieces.
#[derive(Debug)]
pub struct EventSetAndCleared<S>(PhantomData<S>);

impl<S: SetEvent> Model for EventSetAndCleared<S> {
    const THREADS: usize = 1;

    fn run<P: ModelPlatform>() {
        const PIECES: usize = 2;
        let event_loop = CheckedLoop::<P>::new();
        let event = Event::new(&event_loop.local());
        let made = Arc::new(P::mutex(0));
        let (setter, maker) = (event.handle(), made.clone());
        let thread = P::spawn("thread 1", move || {
            for _ in 0..PIECES {
                *P::lock(&maker) += 1;
                S::set(&setter);
            }
        });
        event_loop.complete(async {
            let mut taken = 0;
            while taken < PIECES {
                event.wait().await;
                event.clear();
                taken += mem::take(&mut *P::lock(&made));
            }
        });
        P::join(thread);
    }
}
