//! Futures that wait for a time.

use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::error::Elapsed;
use crate::handle::{Handle, Local};
use crate::platform::Platform;
use crate::timer::{LocalTimerHandle, TimerHandle};

/// What a [`Sleep`] sets its timer on: a [`Local`] or a [`Handle`].
pub trait Alarm: Clone + Unpin {
    #[doc(hidden)]
    type Timer: Unpin;
    #[doc(hidden)]
    fn wake_at(&self, when: Duration, waker: Waker) -> Option<Self::Timer>;
    #[doc(hidden)]
    fn is_ringing(timer: &Self::Timer) -> bool;
    #[doc(hidden)]
    fn cancel(timer: &Self::Timer) -> bool;
}

impl<P: Platform> Alarm for Local<P> {
    type Timer = LocalTimerHandle;

    fn wake_at(&self, when: Duration, waker: Waker) -> Option<LocalTimerHandle> {
        self.call_at(when, move || waker.wake()).ok()
    }

    fn is_ringing(timer: &LocalTimerHandle) -> bool {
        !timer.is_scheduled()
    }

    fn cancel(timer: &LocalTimerHandle) -> bool {
        timer.cancel()
    }
}

impl<P: Platform> Alarm for Handle<P> {
    type Timer = TimerHandle;

    fn wake_at(&self, when: Duration, waker: Waker) -> Option<TimerHandle> {
        self.call_at_threadsafe(when, move || waker.wake()).ok()
    }

    fn is_ringing(timer: &TimerHandle) -> bool {
        !timer.is_scheduled()
    }

    fn cancel(timer: &TimerHandle) -> bool {
        timer.cancel()
    }
}

/// A future that completes when its time has come: from [`Local::sleep`], or, `Send`, from
/// [`Handle::sleep`].
///
/// Its timer is set on the loop when it is first polled, and cancelled when it is dropped. On a
/// loop that is closed, it never completes.
///
/// ```
/// use std::time::Duration;
///
/// let event_loop = wakeproof::EventLoop::new();
/// let sleep = event_loop.handle().sleep(Duration::from_millis(1));
/// event_loop.run_until_complete(sleep)?;
/// # Ok::<(), wakeproof::RunError>(())
/// ```
#[must_use = "a sleep does nothing unless it is awaited"]
pub struct Sleep<A: Alarm> {
    alarm: A,
    when: Duration,
    /// The timer, and whom it wakes.
    set: Option<(A::Timer, Waker)>,
}

impl<A: Alarm> Sleep<A> {
    fn new(alarm: &A, when: Duration) -> Self {
        Sleep {
            alarm: alarm.clone(),
            when,
            set: None,
        }
    }
}

impl<P: Platform> Local<P> {
    /// Waits until `delay` has passed from now. asyncio's `sleep`.
    ///
    /// Never shorter. With a delay of zero it lets the loop run what else is ready, and a delay too
    /// long for the clock never ends.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// wakeproof::run(async |local| {
    ///     let started = local.time();
    ///     local.sleep(Duration::from_millis(2)).await;
    ///     assert!(local.time() >= started + Duration::from_millis(2));
    /// })?;
    /// # Ok::<(), wakeproof::RunError>(())
    /// ```
    pub fn sleep(&self, delay: Duration) -> Sleep<Local<P>> {
        self.sleep_until(self.time().saturating_add(delay))
    }

    /// Waits until `when`, a reading of the loop's [`time`](Self::time).
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// wakeproof::run(async |local| {
    ///     let tick = Duration::from_millis(1);
    ///     let started = local.time();
    ///     for i in 1..=3 {
    ///         local.sleep_until(started + i * tick).await; // the ticks do not drift
    ///     }
    /// })?;
    /// # Ok::<(), wakeproof::RunError>(())
    /// ```
    pub fn sleep_until(&self, when: Duration) -> Sleep<Local<P>> {
        Sleep::new(self, when)
    }

    /// Runs `future` for no longer than `delay` from now. asyncio's `wait_for`.
    ///
    /// A future that is ready when the time has come counts as in time.
    ///
    /// # Errors
    ///
    /// The returned future gives [`Elapsed`] if it was not ready in time; it has been dropped then.
    /// A [`Task`](crate::Task) that is dropped runs on; pass it by `&mut` to cancel it.
    ///
    /// ```
    /// use std::{future, time::Duration};
    /// use wakeproof::Elapsed;
    ///
    /// wakeproof::run(async |local| {
    ///     let second = Duration::from_secs(1);
    ///     assert_eq!(local.timeout(second, async { 42 }).await, Ok(42));
    ///     let never = local.timeout(Duration::from_millis(1), future::pending::<()>());
    ///     assert!(never.await.is_err());
    /// })?;
    /// # Ok::<(), wakeproof::RunError>(())
    /// ```
    pub fn timeout<F: Future>(
        &self,
        delay: Duration,
        future: F,
    ) -> impl Future<Output = Result<F::Output, Elapsed>> + use<P, F> {
        in_time(self.sleep(delay), future)
    }
}

impl<P: Platform> Handle<P> {
    /// Waits until `delay` has passed from now: [`Local::sleep`] for a future that is `Send`.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let event_loop = wakeproof::EventLoop::new();
    /// let handle = event_loop.handle();
    /// let task = event_loop.handle().spawn_threadsafe(async move {
    ///     handle.sleep(Duration::from_millis(1)).await;
    ///     42
    /// });
    /// let answer = event_loop.run_until_complete(task.unwrap()).unwrap();
    /// assert_eq!(answer.unwrap(), 42);
    /// ```
    pub fn sleep(&self, delay: Duration) -> Sleep<Handle<P>> {
        self.sleep_until(self.time().saturating_add(delay))
    }

    /// Waits until `when`, a reading of the loop's [`time`](Self::time): [`Local::sleep_until`] for a
    /// future that is `Send`.
    pub fn sleep_until(&self, when: Duration) -> Sleep<Handle<P>> {
        Sleep::new(self, when)
    }

    /// Runs `future` for no longer than `delay` from now: [`Local::timeout`] for a future that is
    /// `Send`.
    ///
    /// # Errors
    ///
    /// The returned future gives [`Elapsed`] if it was not ready in time; it has been dropped then.
    ///
    /// ```
    /// use std::{future, time::Duration};
    ///
    /// let event_loop = wakeproof::EventLoop::new();
    /// let handle = event_loop.handle();
    /// let never = handle.timeout(Duration::from_millis(1), future::pending::<()>());
    /// assert!(event_loop.run_until_complete(never).unwrap().is_err());
    /// ```
    pub fn timeout<F: Future>(
        &self,
        delay: Duration,
        future: F,
    ) -> impl Future<Output = Result<F::Output, Elapsed>> + use<P, F> {
        in_time(self.sleep(delay), future)
    }
}

async fn in_time<A: Alarm, F: Future>(
    mut sleep: Sleep<A>,
    future: F,
) -> Result<F::Output, Elapsed> {
    let mut future = pin!(future);
    poll_fn(|context| {
        if let Poll::Ready(output) = future.as_mut().poll(context) {
            return Poll::Ready(Ok(output));
        }
        Pin::new(&mut sleep).poll(context).map(|()| Err(Elapsed))
    })
    .await
}

impl<A: Alarm> Future for Sleep<A> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let waker = context.waker();
        if let Some((timer, known)) = &self.set {
            // Ringing is being started, not being done: a wakeup comes from inside of the callback.
            if A::is_ringing(timer) {
                return Poll::Ready(());
            }
            if known.will_wake(waker) {
                return Poll::Pending;
            }
            if !A::cancel(timer) {
                return Poll::Ready(()); // it rang in between
            }
        }
        let timer = self.alarm.wake_at(self.when, waker.clone());
        self.set = timer.map(|timer| (timer, waker.clone()));
        Poll::Pending
    }
}

impl<A: Alarm> Drop for Sleep<A> {
    fn drop(&mut self) {
        if let Some((timer, _)) = &self.set {
            A::cancel(timer);
        }
    }
}

impl<A: Alarm> fmt::Debug for Sleep<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sleep")
            .field("when", &self.when)
            .finish_non_exhaustive()
    }
}
