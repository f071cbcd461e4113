//! Timers, while another thread sets or cancels them, or wakes the sleeping task.

use std::fmt::Debug;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use wakeproof::platform::Platform;
use wakeproof::{Sleep, TimerHandle};
use wakeproof_explore::platform::Environment;

use super::{CheckedLoop, Log, Model, TIMED};
use wakeproof_explore::platform::ModelPlatform;

const MILLISECOND: Duration = Duration::from_millis(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);

/// The loop has a timer that is due in an hour. While the loop falls asleep until then, another thread sets
/// a timer that is due in a millisecond. Either timer stops the loop. The earlier one comes first, unless
/// the hour has passed before it is set.
#[derive(Debug)]
pub struct EarlierTimer;

impl Model for EarlierTimer {
    const THREADS: usize = 1;
    const ENVIRONMENT: Environment = TIMED;

    fn run<P: ModelPlatform>() {
        let event_loop = CheckedLoop::<P>::new();
        let start = event_loop.time();
        let local = event_loop.local();
        let late = event_loop.local().call_later(HOUR, move || local.stop());
        late.expect("the loop is open");
        let handle = event_loop.handle();
        let thread = P::spawn("thread 1", move || {
            let stop = handle.clone();
            let early = handle.call_later_threadsafe(MILLISECOND, move || stop.stop());
            early.expect("the loop is open");
            P::now()
        });
        event_loop.run();
        let woken_after = event_loop.time() - start;
        let set_after = P::join(thread) - start;
        assert!(
            woken_after >= MILLISECOND,
            "a timer ran before its deadline"
        );
        assert!(
            woken_after < HOUR || set_after >= HOUR,
            "a timer set after {set_after:?} with a delay of {MILLISECOND:?} left the loop asleep \
             until {woken_after:?}",
        );
    }
}

/// How a thread learns whether it cancelled a timer in time.
pub trait CancelTimer: Debug + 'static {
    /// From `cancel` itself, which cancels and answers in one step.
    fn cancel(timer: &TimerHandle) -> bool {
        timer.cancel()
    }
}

/// One thread sets a timer, cancels it when it may already be due, and submits a callback that stops the
/// loop. The timer runs or is cancelled, and the thread knows which.
#[derive(Debug)]
pub struct CancelRacesWithTimer<C>(PhantomData<C>);

impl<C: CancelTimer> Model for CancelRacesWithTimer<C> {
    const THREADS: usize = 1;
    const ENVIRONMENT: Environment = TIMED;

    fn run<P: ModelPlatform>() {
        let event_loop = CheckedLoop::<P>::new();
        let log = Log::<P>::new();
        let (handle, writer) = (event_loop.handle(), log.clone());
        let thread = P::spawn("thread 1", move || {
            let callback = move || {
                writer.ran(0, 0);
            };
            let timer = handle.call_later_threadsafe(MILLISECOND, callback);
            let cancelled = C::cancel(&timer.expect("the loop is open"));
            let stop = handle.clone();
            let callback = move || stop.stop();
            handle
                .call_soon_threadsafe(callback)
                .expect("the loop is open");
            cancelled
        });
        event_loop.run();
        let cancelled = P::join(thread);
        let ran = log.runs().len();
        assert_eq!(
            ran + usize::from(cancelled),
            1,
            "run or cancelled, not both"
        );
    }
}

/// How a sleeping future learns that its sleep is over.
pub trait PollSleep: Debug + 'static {
    /// From its timer, whatever woke it. `nth` counts the polls before this one.
    fn poll<P: Platform>(
        sleep: Pin<&mut Sleep<P>>,
        _nth: usize,
        context: &mut Context<'_>,
    ) -> Poll<()> {
        let slept = sleep.poll(context);
        slept.map(|slept| slept.expect("the loop is open"))
    }
}

/// A future sleeps, and another thread wakes it, perhaps before its deadline. Then it goes on sleeping.
#[derive(Debug)]
pub struct SleeperWoken<S>(PhantomData<S>);

impl<S: PollSleep> Model for SleeperWoken<S> {
    const THREADS: usize = 1;
    const ENVIRONMENT: Environment = TIMED;

    fn run<P: ModelPlatform>() {
        let event_loop = CheckedLoop::<P>::new();
        let when = event_loop.time() + MILLISECOND;
        let mut thread = None;
        let mut sleep = pin!(event_loop.local().sleep_until(when));
        let mut polls = 0;
        event_loop.complete(poll_fn(|context| {
            thread.get_or_insert_with(|| {
                let waker = context.waker().clone();
                P::spawn("thread 1", move || waker.wake())
            });
            polls += 1;
            S::poll(sleep.as_mut(), polls - 1, context)
        }));
        assert!(
            event_loop.time() >= when,
            "the sleep ended before its deadline"
        );
        P::join(thread.expect("it was polled"));
    }
}

/// The loop has a timer that is due in a minute and another that is due in an hour, and another thread
/// submits a callback in between. In virtual time, each timer runs exactly at its deadline.
#[derive(Debug)]
pub struct HourPasses;

impl Model for HourPasses {
    const THREADS: usize = 1;
    const ENVIRONMENT: Environment = Environment {
        timeouts: 2,
        punctual: true,
        ..Environment::QUIET
    };
    const FOR_CHECKERS_ONLY: bool = true;

    fn run<P: ModelPlatform>() {
        let event_loop = CheckedLoop::<P>::new();
        let log = Log::<P>::new();
        let start = event_loop.time();
        for (nth, delay) in [MINUTE, HOUR].into_iter().enumerate() {
            let (local, writer) = (event_loop.local(), log.clone());
            let timer = event_loop.local().call_later(delay, move || {
                assert_eq!(local.time() - start, delay, "exactly at its deadline");
                writer.ran(0, nth);
                if delay == HOUR {
                    local.stop();
                }
            });
            timer.expect("the loop is open");
        }
        let handle = event_loop.handle();
        let thread = P::spawn("thread 1", move || {
            handle
                .call_soon_threadsafe(|| ())
                .expect("the loop is open");
        });
        event_loop.run();
        P::join(thread);
        log.assert_complete(1, 2);
    }
}
