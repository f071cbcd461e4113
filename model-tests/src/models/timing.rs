//! Deadlines, on the platform's virtual time.

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
use wakeproof_explore::platform::ModelPlatform;

/// One thread submits while the loop waits until a deadline. If the submission came before the wait
/// ended, the batch holds it, whatever ended the wait.
///
/// It relies on an unlock, the return from it, and what comes next being one step, which they are under
/// checkers only.
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
            submitter.call_soon_threadsafe("work").expect("it is open");
            done.store(true, Ordering::Relaxed);
        });
        let mut batch = VecDeque::new();
        inbox.first_batch(&mut batch, Some(Duration::from_secs(1)));
        let came_before = submitted.load(Ordering::Relaxed);
        assert!(
            !came_before || !batch.is_empty(),
            "the wait ended beside a queue that is not empty, and nothing was taken"
        );
        P::join(thread);
    }
}

/// How a loop with timers that another thread may set goes to sleep. What is in the inbox is when
/// they are due: the loop has no other place for them, so that the nearest deadline may change until
/// it sleeps.
pub trait TimerSteps: Debug + 'static {
    /// The loop sleeps until the nearest timer is due, or somebody sets another.
    fn sleep<P: Platform>(timers: &Inbox<P, Duration>) {
        let state = timers.lock();
        let nearest = state.queue.iter().min().copied();
        let (state, _) = timers.sleep(state, nearest);
        timers.unlock(state);
    }
}

/// The loop has a timer that is due late; one thread sets one that is due early. The early one runs
/// in time.
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
        timers.call_soon(LATE).expect("it is open");
        let setter = timers.clone();
        let thread = P::spawn("thread 1", move || {
            setter.call_soon_threadsafe(EARLY).expect("it is open");
            P::now()
        });
        let ran_at = loop {
            let now = P::now();
            let mut state = timers.lock();
            state.queue.retain(|due| *due == EARLY || *due > now);
            let is_due = state.queue.contains(&EARLY) && now >= EARLY;
            timers.unlock(state);
            if is_due {
                break now;
            }
            S::sleep(&timers);
        };
        let set_at = P::join(thread);
        assert!(
            ran_at <= EARLY.max(set_at),
            "due after {EARLY:?} and set at {set_at:?}, the timer runs at {ran_at:?}"
        );
    }
}
