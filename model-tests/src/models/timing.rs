//! Deadlines, in virtual time.

use std::collections::VecDeque;
use std::fmt::Debug;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use wakeproof::inbox::Inbox;
use wakeproof::platform::Platform;
use wakeproof_explore::platform::Environment;

use super::{Model, TIMED};
use wakeproof_explore::journal::{QUEUE, look, value};
use wakeproof_explore::platform::ModelPlatform;

/// One thread submits while the loop waits until a deadline. If it submitted before the wait ended, the
/// batch contains the callback, whatever ended the wait.
///
/// This relies on the unlock and the code that follows it being a single step, which is true only under
/// checkers.
#[derive(Debug)]
pub struct DeadlinePasses;

impl Model for DeadlinePasses {
    const THREADS: usize = 1;
    const ENVIRONMENT: Environment = TIMED;
    const FOR_CHECKERS_ONLY: bool = true;

    fn run<P: ModelPlatform>() {
        let inbox = Arc::new(Inbox::<P, &str>::new());
        let submitted = Arc::new(AtomicBool::new(false));
        let (submitter, done) = (inbox.clone(), submitted.clone());
        let thread = P::spawn("thread 1", move || {
            submitter
                .call_soon_threadsafe("work")
                .expect("the loop is open");
            done.store(true, Ordering::Relaxed);
        });
        let mut batch = VecDeque::new();
        inbox.first_batch(&mut batch, Some(Duration::from_secs(1)));
        let came_before = submitted.load(Ordering::Relaxed);
        assert!(
            !came_before || !batch.is_empty(),
            "the wait ended with a callback in the queue, but the batch is empty"
        );
        P::join(thread);
    }
}

/// How a loop goes to sleep if other threads may set timers. The inbox holds the deadlines, and the loop
/// keeps them nowhere else, so the nearest deadline may change until the loop sleeps.
pub trait TimerSteps: Debug + 'static {
    /// Sleeps until the nearest timer is due, or another is set.
    fn sleep<P: Platform>(timers: &Inbox<P, Duration>) {
        let state = timers.lock();
        let nearest = state.queue.iter().min().copied();
        look::<P>(works_out(nearest));
        let (state, _) = timers.sleep(state, nearest);
        timers.unlock(state);
    }
}

/// What a loop says that works out how long it may sleep.
pub(crate) fn works_out(deadline: Option<Duration>) -> String {
    match deadline {
        Some(deadline) => format!("works out the deadline: {deadline:?}"),
        None => "works out that there is no deadline".to_owned(),
    }
}

/// The loop has a timer that is due late, and another thread sets one that is due early. The early timer
/// runs in time.
#[derive(Debug)]
pub struct TimerFromAnotherThread<S>(PhantomData<S>);

impl<S: TimerSteps> Model for TimerFromAnotherThread<S> {
    const THREADS: usize = 1;
    const ENVIRONMENT: Environment = TIMED;
    const FOR_CHECKERS_ONLY: bool = true;

    fn run<P: ModelPlatform>() {
        const EARLY: Duration = Duration::from_secs(1);
        const LATE: Duration = Duration::from_secs(60);
        let timers = Arc::new(Inbox::<P, Duration>::new());
        timers.call_soon(LATE).expect("the loop is open");
        let setter = timers.clone();
        let thread = P::spawn("thread 1", move || {
            setter
                .call_soon_threadsafe(EARLY)
                .expect("the loop is open");
            P::now()
        });
        let ran_at = loop {
            let now = P::now();
            let mut state = timers.lock();
            state.queue.retain(|due| *due == EARLY || *due > now);
            let is_due = state.queue.contains(&EARLY) && now >= EARLY;
            value::<P>(QUEUE, state.queue.len());
            let due = if is_due { "the early timer" } else { "nothing" };
            look::<P>(format!("finds {due} due at {now:?}"));
            timers.unlock(state);
            if is_due {
                break now;
            }
            S::sleep(&timers);
        };
        let set_at = P::join(thread);
        assert!(
            ran_at <= EARLY.max(set_at),
            "a timer due at {EARLY:?} and set at {set_at:?} ran at {ran_at:?}"
        );
    }
}
