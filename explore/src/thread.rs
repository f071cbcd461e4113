//! `std::thread`, explored.

mod local;
mod scope;

use std::cell::RefCell;
use std::io;
use std::panic::Location;
use std::sync::Arc;

pub use std::thread::{Result, available_parallelism, panicking};

pub use self::local::{AccessError, LocalKey};
pub use self::scope::{Scope, ScopedJoinHandle, scope};
use crate::dropin::FOR_EVER;
use crate::journal::Called;
use crate::platform::{
    Identity, LoomParker, ShuttleParker, checker, execution, interrupts, next_number,
    start_on_threads, start_under_loom, start_under_shuttle, this_thread,
};
use crate::search::{supervise, supervisor};
use crate::story;
use crate::time::Duration;
use crate::verdict::Checker;

/// A handle to a thread, as [`std::thread::Thread`].
#[derive(Debug, Clone)]
pub struct Thread(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Real(std::thread::Thread),
    Explored(Arc<Explored>),
}

/// A thread of an execution.
#[derive(Debug)]
struct Explored {
    number: u64,
    name: Option<String>,
    parker: Parker,
}

#[derive(Debug)]
enum Parker {
    Loom(LoomParker),
    Shuttle(ShuttleParker),
}

/// What tells a thread apart from others, as [`std::thread::ThreadId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ThreadId(IdKind);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum IdKind {
    Real(std::thread::ThreadId),
    Explored(u64),
}

impl Thread {
    /// Wakes the thread if it is parked; if not, its next park returns at once. What this thread has
    /// written is visible to the other once it has been woken by this.
    ///
    /// # Panics
    ///
    /// Under a checker, if the thread belongs to another execution.
    #[track_caller]
    pub fn unpark(&self) {
        story::here();
        match &self.0 {
            Kind::Real(thread) => thread.unpark(),
            Kind::Explored(thread) => match &thread.parker {
                Parker::Loom(parker) => parker.unpark(),
                Parker::Shuttle(parker) => parker.unpark(),
            },
        }
    }

    /// The thread's number.
    #[must_use]
    pub fn id(&self) -> ThreadId {
        ThreadId(match &self.0 {
            Kind::Real(thread) => IdKind::Real(thread.id()),
            Kind::Explored(thread) => IdKind::Explored(thread.number),
        })
    }

    /// The thread's name, if it was given one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match &self.0 {
            Kind::Real(thread) => thread.name(),
            Kind::Explored(thread) => thread.name.as_deref(),
        }
    }

    /// Tells something of the thread, if it is explored.
    fn tell(&self, tell: impl FnOnce(&Identity)) {
        if let Kind::Explored(thread) = &self.0 {
            tell(match &thread.parker {
                Parker::Loom(parker) => parker.identity(),
                Parker::Shuttle(parker) => parker.identity(),
            });
        }
    }

    #[track_caller]
    fn explored(checker: Checker, name: Option<String>) -> Self {
        let parker = match checker {
            Checker::Loom => Parker::Loom(LoomParker::new()),
            _ => Parker::Shuttle(ShuttleParker::new()),
        };
        Thread(Kind::Explored(Arc::new(Explored {
            number: next_number(),
            name,
            parker,
        })))
    }
}

/// The threads of the execution that runs on this thread of the operating system.
#[derive(Default)]
struct Threads {
    execution: u64,
    /// Each with what its checker calls it.
    threads: Vec<(u64, Thread)>,
}

thread_local! {
    static THREADS: RefCell<Threads> = RefCell::default();
}

impl Threads {
    fn of_this_execution(&mut self) -> &mut Vec<(u64, Thread)> {
        if self.execution != execution() {
            self.execution = execution();
            self.threads.clear();
        }
        &mut self.threads
    }
}

/// The handle of this thread.
///
/// ```
/// use wakeproof_explore::thread;
///
/// thread::current().unpark();
/// thread::park(); // returns at once
/// ```
#[must_use]
pub fn current() -> Thread {
    let Some(checker) = checker() else {
        return Thread(Kind::Real(std::thread::current()));
    };
    let this = this_thread();
    THREADS.with_borrow_mut(|threads| {
        let threads = threads.of_this_execution();
        if let Some((_, thread)) = threads.iter().find(|(known, _)| *known == this) {
            return thread.clone();
        }
        let thread = Thread::explored(checker, Some("main".to_owned()));
        thread.tell(|identity| story::begins(identity.object("thread")));
        threads.push((this, thread.clone()));
        thread
    })
}

/// This thread, which begins, has the handle that its parent knows it by.
fn begin(thread: Thread) {
    let this = this_thread();
    THREADS.with_borrow_mut(|threads| threads.of_this_execution().push((this, thread)));
}

/// Blocks this thread until it is [unparked](Thread::unpark), and uses that up; or, if the environment
/// admits spurious wakeups, for less.
#[track_caller]
pub fn park() {
    story::here();
    match current().0 {
        Kind::Real(_) => std::thread::park(),
        Kind::Explored(thread) => match &thread.parker {
            Parker::Loom(parker) => parker.park(),
            Parker::Shuttle(parker) => parker.park(),
        },
    }
}

/// As [`park`], but for at most `timeout`, if the environment admits that time passes.
#[track_caller]
pub fn park_timeout(timeout: Duration) {
    story::here();
    if timeout >= FOR_EVER {
        return park();
    }
    match current().0 {
        Kind::Real(_) => std::thread::park_timeout(timeout),
        Kind::Explored(thread) => {
            let deadline = |now: Duration| now.saturating_add(timeout);
            match &thread.parker {
                Parker::Loom(parker) => parker.park_until(deadline),
                Parker::Shuttle(parker) => parker.park_until(deadline),
            };
        }
    }
}

/// Blocks this thread for `duration`. Under a checker, that is a timed wait that nobody notifies: it
/// takes one of the environment's [timeouts](crate::Environment::timeouts), and without one it does
/// not end.
#[track_caller]
pub fn sleep(duration: Duration) {
    story::here();
    let mut deadline = None;
    let mut until = |now: Duration| *deadline.get_or_insert(now.saturating_add(duration));
    match checker() {
        Some(Checker::Loom) => {
            let parker = LoomParker::new();
            while !parker.park_until(&mut until) {}
        }
        Some(Checker::Shuttle) => {
            let parker = ShuttleParker::new();
            while !parker.park_until(&mut until) {}
        }
        _ => std::thread::sleep(duration),
    }
}

/// Lets other threads run.
///
/// loom lets another thread take a step each time, and so comes to the end of a loop that yields while it waits. But it
/// explores no execution in which the loop goes round more often than that, and so proves nothing of a program that
/// yields.
pub fn yield_now() {
    interrupts::before_step();
    match checker() {
        Some(Checker::Loom) => {
            supervise::step();
            supervise::yields();
            loom::thread::yield_now();
        }
        Some(Checker::Shuttle) => shuttle::thread::yield_now(),
        _ => std::thread::yield_now(),
    }
}

/// Starts a thread.
///
/// Under a checker, a panic of the thread fails the execution, even if nobody joins it.
///
/// # Panics
///
/// If the operating system does not start a thread.
///
/// ```
/// use wakeproof_explore::thread;
///
/// let answer = thread::spawn(|| 6 * 7);
/// assert_eq!(answer.join().unwrap(), 42);
/// ```
#[track_caller]
pub fn spawn<F, T>(body: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let thread = Builder::new().spawn(body);
    thread.expect("the operating system starts a thread")
}

/// A thread to start, as [`std::thread::Builder`].
///
/// ```
/// use wakeproof_explore::thread;
///
/// let builder = thread::Builder::new().name("worker".to_owned());
/// let handle = builder.spawn(|| thread::current().name().map(str::to_owned))?;
/// assert_eq!(handle.join().unwrap().as_deref(), Some("worker"));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Default)]
#[must_use = "it starts nothing until `spawn` is called"]
pub struct Builder {
    name: Option<String>,
    stack_size: Option<usize>,
}

impl Builder {
    /// A thread without a name, with a stack of the usual size.
    pub fn new() -> Self {
        Builder::default()
    }

    /// Gives the thread a name, which also stands in counterexamples.
    pub fn name(mut self, name: String) -> Self {
        self.name = Some(name);
        self
    }

    /// How large the stack is to be, in bytes. Checkers choose their own.
    pub fn stack_size(mut self, size: usize) -> Self {
        self.stack_size = Some(size);
        self
    }

    /// Starts the thread.
    ///
    /// # Errors
    ///
    /// If the operating system does not start one. Under a checker, never.
    #[track_caller]
    pub fn spawn<F, T>(self, body: F) -> io::Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        interrupts::before_step();
        let Builder { name, stack_size } = self;
        let Some(checker) = checker() else {
            let mut builder = std::thread::Builder::new();
            if let Some(name) = name {
                builder = builder.name(name);
            }
            if let Some(size) = stack_size {
                builder = builder.stack_size(size);
            }
            let started = start_on_threads(builder, Box::new(body))?;
            let thread = Thread(Kind::Real(started.thread().clone()));
            return Ok(JoinHandle {
                thread,
                started: Started::Real(started),
            });
        };
        let called = match &name {
            Some(name) => Called::Named(name.clone()),
            None => Called::StartedAt(Location::caller()),
        };
        let thread = Thread::explored(checker, name);
        let child = thread.clone();
        let body = Box::new(move || {
            child.tell(|identity| story::begins(identity.object("thread")));
            begin(child);
            body()
        });
        story::here();
        let started = match checker {
            Checker::Loom => {
                supervise::step();
                Started::Loom(start_under_loom(called, body))
            }
            _ => Started::Shuttle(start_under_shuttle(called, body)),
        };
        thread.tell(|identity| story::did(identity.object("thread"), || "starts {}"));
        Ok(JoinHandle { thread, started })
    }
}

/// A thread that was started, as [`std::thread::JoinHandle`].
#[derive(Debug)]
pub struct JoinHandle<T> {
    thread: Thread,
    started: Started<T>,
}

#[derive(Debug)]
enum Started<T> {
    Real(std::thread::JoinHandle<T>),
    Loom(loom::thread::JoinHandle<T>),
    Shuttle(shuttle::thread::JoinHandle<T>),
}

impl<T> JoinHandle<T> {
    /// Waits for the thread to end, and returns what its body has returned.
    ///
    /// # Errors
    ///
    /// If it has panicked: what with.
    #[track_caller]
    pub fn join(self) -> Result<T> {
        interrupts::before_step();
        story::here();
        let thread = self.thread;
        thread.tell(|identity| story::may_block(identity.object("thread"), "waits for {} to end"));
        let result = match self.started {
            Started::Real(thread) => thread.join(),
            Started::Loom(thread) => {
                supervise::step();
                thread.join()
            }
            Started::Shuttle(thread) => {
                supervisor::joins();
                thread.join()
            }
        };
        thread
            .tell(|identity| story::did(identity.object("thread"), || "joins {}, which has ended"));
        result
    }

    /// The thread's handle.
    #[must_use]
    pub fn thread(&self) -> &Thread {
        &self.thread
    }
}
