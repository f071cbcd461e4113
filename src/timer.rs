//! Callbacks for later: `call_later` and `call_at`, from the loop's thread and from any other.
//!
//! A timer goes through the same inbox as a callback. So it keeps its place in the order, and it wakes
//! a sleeping loop, even one that sleeps until an earlier deadline. The loop's thread takes it out and
//! puts it into a heap ([`TimerQueue`](crate::timer_queue::TimerQueue)), whose first deadline bounds
//! the next sleep.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use crate::call::{Call, Due, LocalCall, SharedCall, call_handle};
use crate::entry::Entry;
use crate::error::Closed;
use crate::handle::{Handle, Local};
use crate::platform::Platform;
use crate::shared::Shared;

/// When a call is to run, and the loop that counts it if it is cancelled.
pub(crate) struct Deadline<P: Platform> {
    pub(crate) when: Duration,
    pub(crate) shared: Arc<Shared<P>>,
}

impl<P: Platform> Due for Deadline<P> {
    const IS_TIMER: bool = true;

    fn when(&self) -> Option<Duration> {
        Some(self.when)
    }

    /// Counted before it is taken, so that the loop looks for it from then on.
    fn cancelling(&self) {
        self.shared.cancelled_timers.add();
    }

    fn not_cancelled(&self) {
        self.discarded();
    }

    fn cancelled(&self) {
        let (shared, cancelled) = (&self.shared, &self.shared.cancelled_timers);
        // The loop's own thread looks at the number before it sleeps. For another thread, the loop wakes
        // to clear up: it may sleep until a deadline far away.
        if cancelled.are_too_many()
            && shared.thread.id != P::current_thread()
            && cancelled.request()
        {
            let _ = shared.call_soon_threadsafe(Entry::Sweep);
        }
    }

    fn discarded(&self) {
        self.shared.cancelled_timers.discarded(1);
    }
}

impl<P: Platform> Local<P> {
    /// Runs `callback` on this thread when `delay` has passed. asyncio's `call_later`.
    ///
    /// The same as [`call_at`](Self::call_at) with the present [`time`](Self::time) and the delay
    /// added up. A delay too long for the clock makes a timer that never comes due.
    ///
    /// # Errors
    ///
    /// [`Closed`], with the callback, if the loop is closed.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let event_loop = wakeproof::EventLoop::new();
    /// let local = event_loop.local();
    /// let started = local.time();
    /// event_loop.local().call_later(Duration::from_millis(5), move || local.stop())?;
    /// event_loop.run_forever()?;
    /// assert!(event_loop.time() >= started + Duration::from_millis(5));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn call_later<F>(&self, delay: Duration, callback: F) -> Result<LocalTimerHandle, Closed<F>>
    where
        F: FnOnce() + 'static,
    {
        self.call_at(self.time().saturating_add(delay), callback)
    }

    /// Runs `callback` on this thread at `when`, a reading of the loop's [`time`](Self::time), or
    /// as soon after as the loop gets to it. asyncio's `call_at`.
    ///
    /// Never earlier. Timers that are due run in the order of their deadlines, and those with equal
    /// deadlines in the order in which they were set. An iteration runs its callbacks first, then
    /// the timers that are due. A deadline in the past is due in the next iteration, as with
    /// [`call_soon`](Self::call_soon): never in the one that sets it.
    ///
    /// # Errors
    ///
    /// [`Closed`], with the callback, if the loop is closed.
    ///
    /// ```
    /// let event_loop = wakeproof::EventLoop::new();
    /// let local = event_loop.local();
    /// let when = local.time();
    /// let timer = local.call_at(when, || println!("due at once")).unwrap();
    /// assert_eq!(timer.when(), when);
    ///
    /// event_loop.stop(); // the next run does one iteration
    /// event_loop.run_forever().unwrap();
    /// assert!(timer.is_done());
    /// ```
    #[track_caller]
    pub fn call_at<F>(&self, when: Duration, callback: F) -> Result<LocalTimerHandle, Closed<F>>
    where
        F: FnOnce() + 'static,
    {
        let due = Deadline {
            when,
            shared: self.0.shared.clone(),
        };
        let timer = self.0.submit(LocalCall::local(callback, due))?;
        Ok(LocalTimerHandle(timer, when))
    }
}

impl<P: Platform> Handle<P> {
    /// Runs `callback` on the loop's thread when `delay` has passed from now, and wakes the loop if
    /// it is asleep, so that it sleeps no longer than that. For any thread.
    ///
    /// asyncio has no such method; there, one goes through `call_soon_threadsafe` to `call_later`.
    /// Otherwise as [`Local::call_later`].
    ///
    /// # Errors
    ///
    /// [`Closed`], with the callback, if the loop is closed or gone.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let event_loop = wakeproof::EventLoop::new();
    /// let handle = event_loop.handle();
    /// let worker = std::thread::spawn(move || {
    ///     let stop = handle.clone();
    ///     handle.call_later_threadsafe(Duration::from_millis(5), move || stop.stop()).unwrap();
    /// });
    /// event_loop.run_forever()?;
    /// worker.join().unwrap();
    /// # Ok::<(), wakeproof::RunError>(())
    /// ```
    #[track_caller]
    pub fn call_later_threadsafe<F>(
        &self,
        delay: Duration,
        callback: F,
    ) -> Result<TimerHandle, Closed<F>>
    where
        F: FnOnce() + Send + 'static,
    {
        self.call_at_threadsafe(self.time().saturating_add(delay), callback)
    }

    /// Runs `callback` on the loop's thread at `when`, a reading of the loop's
    /// [`time`](Self::time), and wakes the loop if it is asleep. For any thread. Otherwise as
    /// [`Local::call_at`].
    ///
    /// # Errors
    ///
    /// [`Closed`], with the callback, if the loop is closed or gone.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let event_loop = wakeproof::EventLoop::new();
    /// let handle = event_loop.handle();
    /// let timer = handle.call_at_threadsafe(Duration::MAX, || unreachable!()).unwrap();
    /// std::thread::spawn(move || assert!(timer.cancel())).join().unwrap();
    /// ```
    #[track_caller]
    pub fn call_at_threadsafe<F>(
        &self,
        when: Duration,
        callback: F,
    ) -> Result<TimerHandle, Closed<F>>
    where
        F: FnOnce() + Send + 'static,
    {
        let due = Deadline {
            when,
            shared: self.0.clone(),
        };
        let timer = self.submit(
            SharedCall::shared(callback, due),
            Shared::call_soon_threadsafe,
        )?;
        Ok(TimerHandle(timer, when))
    }
}

/// A timer set by [`Handle::call_later_threadsafe`] or [`Handle::call_at_threadsafe`]: cancels it
/// and tells what became of it, from any thread.
///
/// asyncio's `TimerHandle`. Dropping it changes nothing.
///
/// A timer that is cancelled gives up its callback at once and its place among the loop's timers
/// soon: when it would have been next, or when more than half of the loop's timers, and more than a
/// hundred, are cancelled. A loop that is asleep may wake once for a deadline whose timer another
/// thread has cancelled.
///
/// ```
/// use std::time::Duration;
///
/// let event_loop = wakeproof::EventLoop::new();
/// let hour = Duration::from_secs(3600);
/// let timer = event_loop.handle().call_later_threadsafe(hour, || unreachable!()).unwrap();
/// assert!(timer.when() > hour);
/// assert!(timer.cancel() && timer.is_cancelled() && !timer.is_done());
/// ```
#[derive(Clone)]
pub struct TimerHandle(Arc<dyn Call + Send + Sync>, Duration);

/// A timer set by [`Local::call_later`] or [`Local::call_at`]: cancels it and tells what became of
/// it, on the loop's thread.
///
/// asyncio's `TimerHandle`. Dropping it changes nothing. What becomes of a cancelled timer's place
/// is said at [`TimerHandle`].
///
/// ```
/// use std::time::Duration;
///
/// let event_loop = wakeproof::EventLoop::new();
/// let timer = event_loop.local().call_later(Duration::MAX, || unreachable!()).unwrap();
/// assert_eq!(timer.when(), Duration::MAX);
/// assert!(timer.cancel() && timer.is_cancelled() && !timer.is_done());
/// ```
#[derive(Clone)]
pub struct LocalTimerHandle(Rc<dyn Call>, Duration);

/// The handles have the same methods, on two kinds of pointer.
macro_rules! timer_handle {
    ($handle:ident, $rule:literal) => {
        call_handle!($handle, $rule);

        impl $handle {
            /// The deadline, a reading of the loop's clock. asyncio's `when`.
            #[must_use]
            pub fn when(&self) -> Duration {
                self.1
            }
        }
    };
}

timer_handle!(
    TimerHandle,
    "Against the loop, which may be about to run it, exactly one of the two wins."
);
timer_handle!(
    LocalTimerHandle,
    "A timer may cancel itself (too late, `false`) or another that is due in the same iteration (`true`)."
);
