//! asyncio's design: the second event loop, which the models hold beside ours.
//!
//! CPython's loop has no condvar. It has a deque, `ready`; a pipe to itself, which is a pair of connected
//! sockets; and a selector, which waits until there is something to read. The question is the same: *who
//! makes sure that a loop never sleeps beside a queue that is not empty?*
//!
//! - [`Protocol::call_soon_threadsafe`] does: it appends **and writes a byte** to the pipe.
//! - [`Protocol::call_soon`] does not: it only appends. On the loop's own thread that is enough, because
//!   the loop looks at `ready` again before it waits. On any other thread the callback may wait for ever.
//!
//! Why the loop needs no mutex around its sleep: it looks at `ready` and waits in two steps, and a callback
//! may come in between. But the append comes before the byte, and a byte stays in the pipe until the loop
//! reads it, where a condvar's notification would be gone. So the selector returns at once. And whenever the
//! loop has read the pipe, it looks at `ready` before it waits again ([`Protocol::run_once`]), so it finds
//! each callback whose byte it has read. A write to a full pipe fails, and nobody minds
//! ([`Protocol::write_to_self`]): the byte that the pipe is full of wakes the loop as well.
//!
//! What this design does not promise, and the condvar loop does: the check for a closed loop and the append
//! are two steps, so `close` may come in between. See [`two_loops`](crate::two_loops).
//!
//! Every step has the name of the action that describes it in `spec/AsyncioLoop.tla`; see [`Step`]. What
//! is asyncio's and makes no difference to wakeups is left out: timers, cancelled handles, exception handlers.

use std::collections::VecDeque;
use std::fmt::{self, Debug};
use std::mem;
use std::sync::Arc;

use wakeproof_explore::journal::{QUEUE, has_no_mutex, name_this_thread, value};
use wakeproof_explore::platform::ModelPlatform;

mod pipe;
mod step;

pub use self::pipe::BytePipe;
pub use self::step::{Observed, Status, Step};

/// Something to call on the loop's thread.
pub type Callback = Box<dyn FnOnce() + Send>;

/// What the threads share.
pub struct Asyncio<P: ModelPlatform> {
    /// The interpreter's lock. It makes one operation on the state one step, and nobody ever holds it for
    /// two: so it is no mutex around the sleep.
    gil: P::Mutex<State>,
    /// asyncio's `_csock` and `_ssock`.
    pub(crate) pipe: BytePipe<P>,
}

/// The loop's attributes.
#[derive(Default)]
pub(crate) struct State {
    /// What is to run, oldest first: asyncio's `_ready`.
    pub(crate) ready: VecDeque<Ready>,
    /// The loop is to return after its current iteration.
    pub(crate) stopping: bool,
    /// Nothing is accepted any more.
    pub(crate) closed: bool,
}

/// An entry of `ready`.
pub(crate) enum Ready {
    /// A callback that was submitted.
    Callback(Callback),
    /// The loop's own callback that reads the pipe: asyncio's `_read_from_self`.
    Reader,
}

/// The loop is closed, and the callback is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closed;

/// The steps of the design. As in [`wakeproof::inbox::Protocol`], a faulty one overrides the step that it
/// gets wrong.
pub trait Protocol: Debug + 'static {
    /// Appends. Right on the loop's own thread, which is awake. From any other thread, a lost wakeup.
    fn call_soon<P: ModelPlatform>(it: &Asyncio<P>, callback: Callback) -> Result<(), Closed> {
        it.check_closed()?;
        Self::append(it, callback);
        Ok(())
    }

    /// Appends, and wakes the loop if it waits.
    fn call_soon_threadsafe<P: ModelPlatform>(
        it: &Asyncio<P>,
        callback: Callback,
    ) -> Result<(), Closed> {
        it.check_closed()?;
        Self::append(it, callback);
        Self::write_to_self(it); // <- the one line that call_soon does not have
        Ok(())
    }

    /// Puts the callback last. The loop may have been closed since the check.
    fn append<P: ModelPlatform>(it: &Asyncio<P>, callback: Callback) {
        it.with(Step::Enqueue, |state| {
            state.ready.push_back(Ready::Callback(callback));
        });
    }

    /// Writes a byte, unless the pipe is full: then it wakes the loop as it is.
    fn write_to_self<P: ModelPlatform>(it: &Asyncio<P>) {
        it.pipe.write();
    }

    /// Asks the loop to return after its current iteration. For the loop's own thread: it wakes nobody.
    fn stop<P: ModelPlatform>(it: &Asyncio<P>) {
        it.with(Step::Stop, |state| state.stopping = true);
    }

    /// What another thread calls to stop the loop: it submits `stop`.
    fn stop_threadsafe<P: ModelPlatform>(it: &Arc<Asyncio<P>>) {
        let stops = it.clone();
        // A closed loop has nothing to stop.
        let _ = Self::call_soon_threadsafe(it, Box::new(move || Self::stop(&stops)));
    }

    /// Runs iterations until one ends with a request to stop.
    fn run_forever<P: ModelPlatform>(it: &Asyncio<P>) {
        name_this_thread::<P>("loop");
        Observed::of(Step::Start).tell::<P>();
        loop {
            Self::run_once(it);
            if it.is_asked_to_stop() {
                return;
            }
        }
    }

    /// One iteration: looks, waits if there is nothing to do, and runs what is ready by then.
    fn run_once<P: ModelPlatform>(it: &Asyncio<P>) {
        let may_block = it.look();
        if Self::select(it, may_block) {
            it.with(Step::Report, |state| state.ready.push_back(Ready::Reader));
        }
        // A callback that comes from now on belongs to the next iteration.
        let todo = it.with(Step::Take, |state| state.ready.len());
        for _ in 0..todo {
            match it.pop() {
                Ready::Callback(callback) => callback(),
                Ready::Reader => Self::read_from_self(it),
            }
        }
    }

    /// Waits until there is a byte in the pipe, if the loop may block. Returns whether there is one.
    fn select<P: ModelPlatform>(it: &Asyncio<P>, may_block: bool) -> bool {
        it.pipe.select(may_block)
    }

    /// Reads whatever is in the pipe. The loop looks at `ready` before it waits again.
    fn read_from_self<P: ModelPlatform>(it: &Asyncio<P>) {
        it.pipe.read_all();
    }

    /// Accepts nothing from now on, and drops what will never run.
    fn close<P: ModelPlatform>(it: &Asyncio<P>) {
        let abandoned = it.with(Step::Close, |state| {
            state.closed = true;
            mem::take(&mut state.ready)
        });
        drop(abandoned);
    }
}

/// asyncio as it is.
#[derive(Debug)]
pub struct Cpython;

impl Protocol for Cpython {}

impl<P: ModelPlatform> Asyncio<P> {
    /// A loop with nothing to do, and a pipe for that many bytes.
    #[must_use]
    pub fn new(pipe_capacity: usize) -> Self {
        has_no_mutex::<P>();
        value::<P>(QUEUE, 0);
        Asyncio {
            gil: P::mutex(State::default()),
            pipe: BytePipe::new(pipe_capacity),
        }
    }

    /// Whether a stop was requested that no run has honoured yet.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.peek(|state| state.stopping)
    }

    /// Looks at the state, which is no step.
    pub(crate) fn peek<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&P::lock(&self.gil))
    }

    /// One operation of the interpreter's, which is one step.
    #[track_caller]
    pub(crate) fn with<T>(&self, step: Step, operation: impl FnOnce(&mut State) -> T) -> T {
        let mut state = P::lock(&self.gil);
        let result = operation(&mut state);
        Observed::under_the_gil(step, state.status()).tell::<P>();
        result
    }

    #[track_caller]
    pub(crate) fn check_closed(&self) -> Result<(), Closed> {
        let closed = self.with(Step::Check, |state| state.closed);
        if closed { Err(Closed) } else { Ok(()) }
    }

    /// Whether the selector may wait: nothing is ready, and there is no stop to honour.
    fn look(&self) -> bool {
        self.with(Step::Look, |state| {
            state.ready.is_empty() && !state.stopping
        })
    }

    fn pop(&self) -> Ready {
        let mut state = P::lock(&self.gil);
        let first = state.ready.pop_front().expect("only the loop takes it out");
        if matches!(first, Ready::Callback(_)) {
            Observed::under_the_gil(Step::Run, state.status()).tell::<P>();
        }
        first
    }

    /// Whether the loop is to return. If so, the request is honoured by that.
    fn is_asked_to_stop(&self) -> bool {
        let mut state = P::lock(&self.gil);
        let stops = mem::take(&mut state.stopping);
        let step = if stops { Step::Return } else { Step::Continue };
        Observed::under_the_gil(step, state.status()).tell::<P>();
        stops
    }
}

impl State {
    fn status(&self) -> Status {
        let is_callback = |entry: &&Ready| matches!(entry, Ready::Callback(_));
        Status {
            ready: self.ready.iter().filter(is_callback).count(),
            stopping: self.stopping,
            closed: self.closed,
        }
    }
}

impl<P: ModelPlatform> Debug for Asyncio<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asyncio").finish_non_exhaustive()
    }
}
