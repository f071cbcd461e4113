//! Futures that wait for a time.

use std::fmt;
use std::future::poll_fn;
use std::mem;
use std::panic::Location;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::call::{Call, Due};
use crate::entry::Entry;
use crate::error::{Closed, TimeoutError};
use crate::handle::{Handle, Local};
use crate::platform::{ParkingLot, Platform};
use crate::timer::Deadline;

/// A future that completes when its time has come: from [`Handle::sleep`] or [`Local::sleep`].
///
/// Sets a timer on the loop when it is first polled, and cancels it when it is dropped. May be awaited
/// on another loop, or by any other executor.
///
/// # Errors
///
/// Returns [`Closed`] if its loop, which measures the time, is closed before the time has come. A task of
/// that loop never sees this, since it is dropped when the loop is closed.
///
/// ```
/// use std::time::Duration;
///
/// let event_loop = wakeproof::EventLoop::new();
/// let sleep = event_loop.handle().sleep(Duration::from_millis(1));
/// event_loop.run_until_complete(sleep)??;
///
/// let sleep = event_loop.handle().sleep(Duration::MAX);
/// drop(event_loop);
/// let other_loop = wakeproof::EventLoop::new();
/// assert!(other_loop.run_until_complete(sleep)?.is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a sleep does nothing unless it is awaited"]
pub struct Sleep<P: Platform = ParkingLot> {
    handle: Handle<P>,
    when: Duration,
    began_at: &'static Location<'static>,
    alarm: Option<Arc<Alarm<P>>>,
}

/// Where a sleeper's waker is until the sleep is over or cancelled.
struct Slot {
    waker: Option<Waker>,
    is_cancelled: bool,
}

impl Slot {
    fn take_to_cancel(&mut self) -> Option<Waker> {
        self.is_cancelled |= self.waker.is_some();
        self.waker.take()
    }
}

/// The timer of a sleep: a call that wakes instead of running a callback.
struct Alarm<P: Platform> {
    slot: P::Mutex<Slot>,
    deadline: Deadline<P>,
    began_at: &'static Location<'static>,
}

impl<P: Platform> Call for Alarm<P> {
    fn run(&self) -> bool {
        let waker = P::lock(&self.slot).waker.take();
        if waker.is_none() {
            self.deadline.discarded();
        }
        waker.map(Waker::wake).is_some()
    }

    /// Called by the loop as it closes: the sleeper wakes and sees that.
    fn cancel(&self) -> bool {
        let waker = P::lock(&self.slot).take_to_cancel();
        waker.map(Waker::wake).is_some()
    }

    fn is_cancelled(&self) -> bool {
        P::lock(&self.slot).is_cancelled
    }

    fn is_taken(&self) -> bool {
        P::lock(&self.slot).waker.is_none()
    }

    fn is_done(&self) -> bool {
        let slot = P::lock(&self.slot);
        slot.waker.is_none() && !slot.is_cancelled
    }

    fn scheduled_at(&self) -> &'static Location<'static> {
        self.began_at
    }

    fn when(&self) -> Option<Duration> {
        self.deadline.when()
    }
}

impl<P: Platform> Local<P> {
    /// Waits until `delay` has passed from now. asyncio's `sleep`.
    ///
    /// Never shorter. With a delay of zero it lets the loop run what else is ready. A delay too long
    /// for the clock never ends.
    ///
    /// # Errors
    ///
    /// The future returns [`Closed`] if the loop is closed first; see [`Sleep`].
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// wakeproof::run(async |local| {
    ///     let started = local.time();
    ///     local.sleep(Duration::from_millis(2)).await?;
    ///     assert!(local.time() >= started + Duration::from_millis(2));
    ///     Ok::<(), wakeproof::Closed>(())
    /// })??;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn sleep(&self, delay: Duration) -> Sleep<P> {
        self.handle().sleep(delay)
    }

    /// Waits until `when`, a reading of the loop's [`time`](Self::time).
    ///
    /// # Errors
    ///
    /// As for [`sleep`](Self::sleep).
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// wakeproof::run(async |local| {
    ///     let tick = Duration::from_millis(1);
    ///     let started = local.time();
    ///     for i in 1..=3 {
    ///         local.sleep_until(started + i * tick).await?; // the ticks do not drift
    ///     }
    ///     Ok::<(), wakeproof::Closed>(())
    /// })??;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn sleep_until(&self, when: Duration) -> Sleep<P> {
        self.handle().sleep_until(when)
    }

    /// Runs `future` for no longer than `delay` from now. asyncio's `wait_for`, but see below.
    ///
    /// A future that is ready when the time has come counts as in time. Otherwise it is dropped.
    ///
    /// **A [`Task`](crate::Task) that is passed by value runs on**: what is dropped is its handle, and
    /// that detaches the task, here as everywhere. asyncio's `wait_for` cancels the task; to do so,
    /// pass the handle by `&mut` and cancel:
    ///
    /// ```
    /// use std::{future, time::Duration};
    ///
    /// wakeproof::run(async |local| {
    ///     let mut task = local.spawn(future::pending::<()>()).unwrap();
    ///     if local.timeout(Duration::from_millis(1), &mut task).await.is_err() {
    ///         task.cancel();
    ///     }
    ///     assert!(task.await.unwrap_err().is_cancelled());
    /// })?;
    /// # Ok::<(), wakeproof::RunError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The returned future returns
    ///
    /// - [`TimeoutError::Elapsed`] if `future` was not ready in time,
    /// - [`TimeoutError::Closed`] if the loop, which measures the time, was closed first. As with
    ///   [`Sleep`], a task of that loop never sees this.
    ///
    /// ```
    /// use std::{future, time::Duration};
    ///
    /// wakeproof::run(async |local| {
    ///     let second = Duration::from_secs(1);
    ///     assert_eq!(local.timeout(second, async { 42 }).await, Ok(42));
    ///     let never = local.timeout(Duration::from_millis(1), future::pending::<()>());
    ///     assert!(never.await.is_err());
    /// })?;
    /// # Ok::<(), wakeproof::RunError>(())
    /// ```
    #[track_caller]
    pub fn timeout<F: Future>(
        &self,
        delay: Duration,
        future: F,
    ) -> impl Future<Output = Result<F::Output, TimeoutError>> + use<P, F> {
        in_time(self.sleep(delay), future)
    }
}

impl<P: Platform> Handle<P> {
    /// [`Local::sleep`], for any thread.
    ///
    /// # Errors
    ///
    /// As for [`Local::sleep`].
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let event_loop = wakeproof::EventLoop::new();
    /// let handle = event_loop.handle();
    /// let task = event_loop.handle().spawn_threadsafe(async move {
    ///     handle.sleep(Duration::from_millis(1)).await.map(|()| 42)
    /// });
    /// let answer = event_loop.run_until_complete(task.unwrap()).unwrap();
    /// assert_eq!(answer.unwrap(), Ok(42));
    /// ```
    #[track_caller]
    pub fn sleep(&self, delay: Duration) -> Sleep<P> {
        self.sleep_until(self.time().saturating_add(delay))
    }

    /// [`Local::sleep_until`], for any thread.
    ///
    /// # Errors
    ///
    /// As for [`Local::sleep`].
    #[track_caller]
    pub fn sleep_until(&self, when: Duration) -> Sleep<P> {
        Sleep {
            handle: self.clone(),
            when,
            began_at: Location::caller(),
            alarm: None,
        }
    }

    /// [`Local::timeout`], for any thread. A [`SharedTask`](crate::SharedTask) that is passed by value
    /// runs on when the time is up, as a [`Task`](crate::Task) does there; pass it by `&mut` to cancel
    /// it.
    ///
    /// # Errors
    ///
    /// As for [`Local::timeout`].
    ///
    /// ```
    /// use std::{future, time::Duration};
    ///
    /// let event_loop = wakeproof::EventLoop::new();
    /// let handle = event_loop.handle();
    /// let never = handle.timeout(Duration::from_millis(1), future::pending::<()>());
    /// assert!(event_loop.run_until_complete(never).unwrap().is_err());
    /// ```
    #[track_caller]
    pub fn timeout<F: Future>(
        &self,
        delay: Duration,
        future: F,
    ) -> impl Future<Output = Result<F::Output, TimeoutError>> + use<P, F> {
        in_time(self.sleep(delay), future)
    }
}

async fn in_time<P: Platform, F: Future>(
    mut sleep: Sleep<P>,
    future: F,
) -> Result<F::Output, TimeoutError> {
    let mut future = pin!(future);
    poll_fn(|context| {
        if let Poll::Ready(output) = future.as_mut().poll(context) {
            return Poll::Ready(Ok(output));
        }
        Pin::new(&mut sleep).poll(context).map(|slept| {
            Err(match slept {
                Ok(()) => TimeoutError::Elapsed,
                Err(Closed(())) => TimeoutError::Closed,
            })
        })
    })
    .await
}

impl<P: Platform> Future for Sleep<P> {
    type Output = Result<(), Closed>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let waker = context.waker();
        let Some(alarm) = &self.alarm else {
            let shared = &self.handle.0;
            let alarm = Arc::new(Alarm {
                slot: P::mutex(Slot {
                    waker: Some(waker.clone()),
                    is_cancelled: false,
                }),
                deadline: Deadline {
                    when: self.when,
                    shared: shared.clone(),
                },
                began_at: self.began_at,
            });
            let entry = Entry::Timer(alarm.clone());
            if shared.call_soon_threadsafe(entry).is_err() {
                return Poll::Ready(Err(Closed(())));
            }
            self.alarm = Some(alarm);
            return Poll::Pending;
        };
        let mut slot = P::lock(&alarm.slot);
        let Some(known) = &mut slot.waker else {
            let closed = slot.is_cancelled;
            return Poll::Ready(if closed { Err(Closed(())) } else { Ok(()) });
        };
        let replaced = (!known.will_wake(waker)).then(|| mem::replace(known, waker.clone()));
        drop(slot);
        drop(replaced); // the user's code, and so without the lock
        Poll::Pending
    }
}

/// Cancels the timer.
impl<P: Platform> Drop for Sleep<P> {
    fn drop(&mut self) {
        if let Some(alarm) = &self.alarm {
            alarm.deadline.cancelling();
            let waker = P::lock(&alarm.slot).take_to_cancel();
            match waker {
                Some(_) => alarm.deadline.cancelled(),
                None => alarm.deadline.not_cancelled(),
            }
            drop(waker);
        }
    }
}

impl<P: Platform> fmt::Debug for Sleep<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sleep")
            .field("when", &self.when)
            .finish_non_exhaustive()
    }
}
