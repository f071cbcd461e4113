//! asyncio's `Event`: a flag that tasks wait for.

use std::collections::VecDeque;
use std::fmt;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use crate::call::CallHandle;
use crate::error::Closed;
use crate::handle::{Handle, Local};
use crate::platform::{ParkingLot, Platform};
use crate::step::TaskStep;

/// A flag that tasks wait for, on the loop's thread. asyncio's `Event`.
///
/// Clones are the same event. Not `Send`: another thread sets it through an [`EventHandle`], whose
/// [`set_threadsafe`](EventHandle::set_threadsafe) is `call_soon_threadsafe` with
/// [`set`](Self::set).
///
/// ```
/// use wakeproof::Event;
///
/// wakeproof::run(async |local| {
///     let event = Event::new(&local);
///     let handle = event.handle();
///     let worker = std::thread::spawn(move || handle.set_threadsafe().unwrap());
///     event.wait().await;
///     assert!(event.is_set());
///     worker.join().unwrap();
/// })?;
/// # Ok::<(), wakeproof::RunError>(())
/// ```
pub struct Event<P: Platform = ParkingLot> {
    flag: Arc<Flag<P>>,
    local: Local<P>,
}

/// An [`Event`], as seen from any thread.
///
/// Clones are the same event. A handle keeps no loop alive.
pub struct EventHandle<P: Platform = ParkingLot> {
    flag: Arc<Flag<P>>,
    pub(crate) handle: Handle<P>,
}

/// The flag itself. The loop's thread alone would need no mutex; the mutex is for the thread that sets
/// it without asking the loop, as [`hazard`](crate::hazard) does.
struct Flag<P: Platform>(P::Mutex<FlagState>);

struct FlagState {
    is_set: bool,
    /// Wakes the tasks that wait, in the order of their arrival, each with its number.
    waiters: VecDeque<(u64, Waker)>,
    arrived: u64,
}

impl FlagState {
    fn position(&self, number: u64) -> Option<usize> {
        let position = self.waiters.binary_search_by_key(&number, |&(n, _)| n);
        position.ok()
    }
}

impl<P: Platform> Flag<P> {
    /// Sets the flag and hands out the waiters, to be woken without the lock.
    fn set(&self) -> VecDeque<(u64, Waker)> {
        let mut state = P::lock(&self.0);
        state.is_set = true;
        P::task_step(TaskStep::SetFlag);
        mem::take(&mut state.waiters)
    }

    fn is_set(&self) -> bool {
        P::lock(&self.0).is_set
    }
}

fn wake(waiters: VecDeque<(u64, Waker)>) {
    waiters.into_iter().for_each(|(_, waiter)| waiter.wake());
}

impl<P: Platform> Event<P> {
    /// An event that is not set, for tasks of this loop.
    #[must_use]
    pub fn new(local: &Local<P>) -> Self {
        Event {
            flag: Arc::new(Flag(P::mutex(FlagState {
                is_set: false,
                waiters: VecDeque::new(),
                arrived: 0,
            }))),
            local: local.clone(),
        }
    }

    /// Sets the flag, and wakes all tasks that wait for it, in the order in which they began to.
    ///
    /// They are released even if [`clear`](Self::clear) is called before they run.
    ///
    /// ```
    /// use wakeproof::Event;
    ///
    /// wakeproof::run(async |local| {
    ///     let event = Event::new(&local);
    ///     event.set();
    ///     event.wait().await; // at once
    ///     event.clear();
    ///     assert!(!event.is_set());
    /// })?;
    /// # Ok::<(), wakeproof::RunError>(())
    /// ```
    pub fn set(&self) {
        wake(self.flag.set());
    }

    /// Resets the flag. Waits that begin from now on wait for the next [`set`](Self::set).
    pub fn clear(&self) {
        P::lock(&self.flag.0).is_set = false;
    }

    /// Whether the flag is set.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.flag.is_set()
    }

    /// Waits until the flag is set; does not wait if it is.
    ///
    /// A wait that is dropped is forgotten.
    pub fn wait(&self) -> EventWait<P> {
        EventWait {
            event: self.clone(),
            number: None,
        }
    }

    /// The event for use from any thread.
    #[must_use]
    pub fn handle(&self) -> EventHandle<P> {
        EventHandle {
            flag: self.flag.clone(),
            handle: self.local.handle(),
        }
    }
}

impl<P: Platform> EventHandle<P> {
    /// Sets the event on the loop's thread, and wakes the loop if it is asleep: the safe way. asyncio's `loop.call_soon_threadsafe(event.set)`. For any thread.
    ///
    /// The flag is set when the loop gets to it, in its turn among the callbacks. The [`CallHandle`]
    /// says whether that has happened, and cancels it until then.
    ///
    /// # Errors
    ///
    /// [`Closed`] if the loop is closed or gone. The flag is not set.
    ///
    /// ```
    /// use wakeproof::{Event, EventLoop};
    ///
    /// let event_loop = EventLoop::new();
    /// let event = Event::new(&event_loop.local());
    /// event.handle().set_threadsafe().unwrap();
    /// assert!(!event.is_set(), "not yet");
    /// event_loop.run_until_complete(event.wait())?;
    /// # Ok::<(), wakeproof::RunError>(())
    /// ```
    #[track_caller]
    pub fn set_threadsafe(&self) -> Result<CallHandle, Closed> {
        let flag = self.flag.clone();
        let set = self.handle.call_soon_threadsafe(move || wake(flag.set()));
        set.map_err(|_| Closed(()))
    }

    /// Whether the flag is set; from another thread, a picture of the past.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.flag.is_set()
    }

    /// Sets the flag at once, whatever the thread. Returns what is left for the loop to do, if tasks
    /// wait: to wake them.
    pub(crate) fn set_here(&self) -> Option<impl FnOnce() + Send + use<P>> {
        let waiters = self.flag.set();
        (!waiters.is_empty()).then_some(move || wake(waiters))
    }
}

/// The future of [`Event::wait`].
///
/// ```
/// use wakeproof::{Event, EventLoop};
///
/// let event_loop = EventLoop::new();
/// let event = Event::new(&event_loop.local());
/// let waiter = event_loop.local().spawn(event.wait()).unwrap();
/// event_loop.local().call_soon(move || event.set()).unwrap();
/// event_loop.run_until_complete(waiter).unwrap().unwrap();
/// ```
#[derive(Debug)]
#[must_use = "a wait does nothing unless it is awaited"]
pub struct EventWait<P: Platform = ParkingLot> {
    event: Event<P>,
    /// Its number among the waiters, once it is one of them.
    number: Option<u64>,
}

impl<P: Platform> Future for EventWait<P> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let waker = context.waker();
        let this = &mut *self;
        let mut state = P::lock(&this.event.flag.0);
        P::task_step(TaskStep::Look);
        let Some(number) = this.number else {
            if state.is_set {
                return Poll::Ready(());
            }
            let number = state.arrived;
            state.arrived += 1;
            state.waiters.push_back((number, waker.clone()));
            this.number = Some(number);
            return Poll::Pending;
        };
        // Setting the flag takes the waiters out: one that is no longer there is released, whether or
        // not the flag is still set.
        let Some(position) = state.position(number) else {
            return Poll::Ready(());
        };
        let known = &mut state.waiters[position].1;
        let replaced = (!known.will_wake(waker)).then(|| mem::replace(known, waker.clone()));
        drop(state);
        drop(replaced); // the user's code, and so without the lock
        Poll::Pending
    }
}

/// Forgets the wait.
impl<P: Platform> Drop for EventWait<P> {
    fn drop(&mut self) {
        let Some(number) = self.number else { return };
        let mut state = P::lock(&self.event.flag.0);
        let waiter = state
            .position(number)
            .and_then(|position| state.waiters.remove(position));
        drop(state);
        drop(waiter); // the user's code, and so without the lock
    }
}

impl<P: Platform> Clone for Event<P> {
    fn clone(&self) -> Self {
        Event {
            flag: self.flag.clone(),
            local: self.local.clone(),
        }
    }
}

impl<P: Platform> Clone for EventHandle<P> {
    fn clone(&self) -> Self {
        EventHandle {
            flag: self.flag.clone(),
            handle: self.handle.clone(),
        }
    }
}

impl<P: Platform> fmt::Debug for Event<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("set", &self.is_set())
            .finish_non_exhaustive()
    }
}

impl<P: Platform> fmt::Debug for EventHandle<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventHandle")
            .field("set", &self.is_set())
            .finish_non_exhaustive()
    }
}
