//! What a loop reports about a callback that misbehaved, and where the report goes.

use std::any::Any;
use std::cell::RefCell;
use std::fmt;
use std::io::{self, Write};
use std::mem;
use std::panic::{self, AssertUnwindSafe, Location};
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use crate::platform::Platform;

/// Which code a report is about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin {
    pub(crate) work: Work,
    pub(crate) scheduled_at: &'static Location<'static>,
}

/// What kind of code a loop's report is about.
///
/// ```
/// use std::{cell::Cell, rc::Rc};
/// use wakeproof::{EventLoop, Work};
///
/// let event_loop = EventLoop::new();
/// let reported = Rc::new(Cell::new(None));
/// let reporter = reported.clone();
/// event_loop.set_exception_handler(move |panic| reporter.set(Some(panic.work())));
/// event_loop.local().call_soon(|| panic!("out of cheese")).unwrap();
/// event_loop.stop();
/// event_loop.run_forever().unwrap();
/// assert_eq!(reported.get(), Some(Work::Callback));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Work {
    /// A callback, of `call_soon` or of a timer.
    Callback,
    /// A task, or the future that the loop runs until it completes.
    Task,
    /// A job for the threads of an [`Executor`](crate::Executor).
    Job,
}

impl Work {
    pub(crate) fn scheduled_at(self, scheduled_at: &'static Location<'static>) -> Origin {
        Origin {
            work: self,
            scheduled_at,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheduled_at = self.scheduled_at;
        match self.work {
            Work::Callback => write!(f, "the callback scheduled at {scheduled_at}"),
            Work::Task => write!(f, "the task spawned at {scheduled_at}"),
            Work::Job => write!(f, "the job submitted at {scheduled_at}"),
        }
    }
}

/// A callback panicked, or the destructor of a callback that will not run. Or a task or a job panicked,
/// and nothing can await it any more.
///
/// `Display` gives one line: the panic's message, and where the callback was scheduled.
pub struct CallbackPanic {
    pub(crate) origin: Origin,
    pub(crate) payload: Box<dyn Any + Send>,
}

impl CallbackPanic {
    /// Whether it was a callback, a task or a job.
    #[must_use]
    pub fn work(&self) -> Work {
        self.origin.work
    }

    /// Where the callback was scheduled: the line that called `call_soon`,
    /// `call_soon_threadsafe` or another method that schedules or spawns.
    #[must_use]
    pub fn scheduled_at(&self) -> &'static Location<'static> {
        self.origin.scheduled_at
    }

    /// The panic's payload, as [`std::panic::catch_unwind`] returns it.
    #[must_use]
    pub fn payload(&self) -> &(dyn Any + Send) {
        &*self.payload
    }

    /// The panic's message, if it was text. That of `panic!` is.
    #[must_use]
    pub fn message(&self) -> Option<&str> {
        message(&*self.payload)
    }
}

impl fmt::Display for CallbackPanic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let message = self.message().unwrap_or(NO_MESSAGE);
        write!(f, "{} panicked: {message}", self.origin)
    }
}

impl fmt::Debug for CallbackPanic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallbackPanic")
            .field("origin", &format_args!("{}", self.origin))
            .field("message", &self.message())
            .finish_non_exhaustive()
    }
}

pub(crate) const NO_MESSAGE: &str = "(the panic carries no text)";

pub(crate) fn message(payload: &(dyn Any + Send)) -> Option<&str> {
    payload
        .downcast_ref::<&'static str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
}

/// A callback, or one poll of a task, ran for longer than the loop's debug mode allows.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct SlowCallback {
    /// Whether it was a callback or a task.
    pub work: Work,
    /// Where the callback was scheduled: the line that called `call_soon`,
    /// `call_soon_threadsafe` or another method that schedules or spawns.
    pub scheduled_at: &'static Location<'static>,
    /// How long it ran.
    pub duration: Duration,
    /// How long it may run before it is reported.
    pub allowed: Duration,
}

impl fmt::Display for SlowCallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let origin = self.work.scheduled_at(self.scheduled_at);
        let (duration, allowed) = (self.duration, self.allowed);
        write!(
            f,
            "{origin} ran for {duration:.1?}, longer than {allowed:?}"
        )
    }
}

/// What the loop does with a report: calls a function of the user, or prints.
pub(crate) struct Handler<T>(RefCell<Listener<T>>);

enum Listener<T> {
    /// Standard error, unless the user sets another.
    Default,
    User(SharedFn<T>),
    /// Standard error, for good: the loop is closed.
    Closed,
}

type SharedFn<T> = Rc<RefCell<dyn FnMut(&T)>>;

impl<T: fmt::Display> Handler<T> {
    /// Sets the user's handler. On a closed loop, drops it: it would never be called.
    pub(crate) fn set(&self, handler: impl FnMut(&T) + 'static) {
        let mut listener = self.0.borrow_mut();
        if matches!(*listener, Listener::Closed) {
            drop(listener); // the handler goes next: its destructor may set another one
            return;
        }
        let new = Listener::User(Rc::new(RefCell::new(handler)));
        let old = mem::replace(&mut *listener, new);
        drop(listener); // the old handler goes next: its destructor may set another one
        drop(old);
    }

    /// Drops the user's handler, and every one that is set from now on.
    pub(crate) fn close<P: Platform>(&self) {
        let old = self.0.replace(Listener::Closed);
        if let Err(payload) = catch::<P, _>(|| drop(old)) {
            let message = message(&*payload).unwrap_or(NO_MESSAGE);
            print(&format_args!(
                "the destructor of a handler panicked: {message}"
            ));
            discard(payload);
        }
    }

    pub(crate) fn tell(&self, news: &T) {
        // A clone, so that a handler may set another one while it runs.
        let handler = match &*self.0.borrow() {
            Listener::User(handler) => Some(handler.clone()),
            Listener::Default | Listener::Closed => None,
        };
        let Some(handler) = handler else {
            return print(news);
        };
        let told = panic::catch_unwind(AssertUnwindSafe(|| (handler.borrow_mut())(news)));
        if let Err(payload) = told {
            print(news);
            let message = message(&*payload).unwrap_or(NO_MESSAGE);
            print(&format_args!(
                "the handler told of that panicked: {message}"
            ));
            discard(payload);
        }
    }
}

impl<T> Default for Handler<T> {
    fn default() -> Self {
        Handler(RefCell::new(Listener::Default))
    }
}

/// Catches the panics of the user's code, except those that belong to a model checker.
pub(crate) fn catch<P: Platform, R>(user_code: impl FnOnce() -> R) -> thread::Result<R> {
    match panic::catch_unwind(AssertUnwindSafe(user_code)) {
        Err(payload) if P::must_not_catch(&*payload) => panic::resume_unwind(payload),
        result => result,
    }
}

/// Drops a panic's payload. Its destructor is the user's code and may panic in turn; the payload of that
/// panic is leaked, so that this ends.
pub(crate) fn discard(payload: Box<dyn Any + Send>) {
    if let Err(payload) = panic::catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        mem::forget(payload);
    }
}

/// Prints a line to standard error, in one piece. If that fails, there is nothing left to do.
pub(crate) fn print(news: &dyn fmt::Display) {
    let _ = io::stderr().write_all(format!("wakeproof: {news}\n").as_bytes());
}
