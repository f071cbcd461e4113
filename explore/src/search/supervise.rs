//! A search runs on a thread of its own, and another watches it.
//!
//! The watching thread keeps the limits: it hears nothing of an execution that blocks on something
//! the checker does not know, and gives up on it. The thread is then left behind; it ends, or sleeps
//! for ever, at its next step.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::{Budget, failure};
use crate::story;
use crate::verdict::Stop;

/// How long an execution that is told to end may take for it.
const GRACE: Duration = Duration::from_secs(1);
/// How often the watching thread looks.
const LOOK: Duration = Duration::from_millis(20);
/// How long no thread may take a step, unless the limits say something else.
const SILENCE: Duration = Duration::from_secs(60);

/// What the searching thread and the watching thread share.
#[derive(Default)]
struct Line {
    steps: AtomicU64,
    abandoned: AtomicBool,
}

thread_local! {
    /// How many threads wait for a deadline that does not come.
    static STUCK: Cell<usize> = const { Cell::new(0) };
    /// Whether a thread has yielded in this search.
    static HAS_YIELDED: Cell<bool> = const { Cell::new(false) };
}

/// No thread has yielded in the search that begins.
pub(super) fn begin_search() {
    HAS_YIELDED.set(false);
}

/// This thread yields under loom. It then goes on only once another has taken a step, and does not see again what it
/// has seen before: so loom explores no execution in which it goes round as often as it may in reality.
pub(crate) fn yields() {
    HAS_YIELDED.set(true);
}

/// Whether a thread has yielded in this search.
pub(super) fn has_yielded() -> bool {
    HAS_YIELDED.get()
}

/// The execution that begins has no thread that waits for a deadline.
pub(super) fn begin_execution() {
    STUCK.set(0);
}

/// This thread waits for a deadline, and time does not pass any more.
pub(crate) fn without_timeout<T>(wait: impl FnOnce() -> T) -> T {
    STUCK.set(STUCK.get() + 1);
    let waited = wait();
    STUCK.set(STUCK.get() - 1);
    waited
}

/// Whether a thread waits for a deadline that does not come: if none can go on, that is no deadlock.
pub(super) fn waits_for_time() -> bool {
    STUCK.get() > 0
}

/// What to do when an execution that has failed takes another step while it unwinds.
type Abandon = Box<dyn Fn()>;

thread_local! {
    static LINE: RefCell<Option<Arc<Line>>> = const { RefCell::new(None) };
    static ON_FAILURE: RefCell<Option<Abandon>> = const { RefCell::new(None) };
}

/// Called at each step of an explored thread.
pub(crate) fn step() {
    LINE.with_borrow(|line| {
        let Some(line) = line else { return };
        // Only this thread of the operating system counts: no need of a read-modify-write, which costs more.
        let steps = line.steps.load(Ordering::Relaxed) + 1;
        line.steps.store(steps, Ordering::Relaxed);
        if line.abandoned.load(Ordering::Relaxed) {
            sleep_for_ever();
        }
    });
    // A destructor that takes a lock while its thread unwinds: the lock is not to be had, and loom,
    // which could only say so by a panic, would end the process.
    if thread::panicking() && failure::has_failed() {
        ON_FAILURE.with_borrow(|abandon| {
            if let Some(abandon) = abandon {
                abandon();
                sleep_for_ever();
            }
        });
    }
}

fn sleep_for_ever() -> ! {
    loop {
        thread::park();
    }
}

/// Where a search puts its result.
pub(super) struct Reporter<T> {
    /// Each result with whether its thread is left behind.
    sender: mpsc::Sender<(T, bool)>,
}

impl<T: Send + 'static> Reporter<T> {
    /// When an execution that has failed takes another step while it unwinds, `report` is the result
    /// of the search, and its thread sleeps from then on.
    pub(super) fn on_failure(&self, report: impl Fn() -> T + 'static) {
        let sender = self.sender.clone();
        ON_FAILURE.set(Some(Box::new(move || {
            // Nobody listens if the search was given up.
            let _ = sender.send((report(), true));
        })));
    }
}

/// Runs `search` on a thread of its own, on which panics print nothing, and returns its result, or why
/// the thread was given up. A panic that gets out of `search` goes on here.
pub(super) fn supervised<T: Send + 'static>(
    budget: &Arc<Budget>,
    search: impl FnOnce(&Reporter<T>) -> T + Send + 'static,
) -> Result<T, Stop> {
    let line = Arc::new(Line::default());
    let (sender, result) = mpsc::channel();
    let shared = line.clone();
    let panicked = Arc::new(Mutex::new(None));
    let escaped = panicked.clone();
    let telling = story::telling();
    let searching = thread::spawn(move || {
        story::tell(telling);
        failure::listen();
        LINE.set(Some(shared));
        let reporter = Reporter { sender };
        let searched = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| search(&reporter)));
        match searched {
            // Nobody listens if the search was given up.
            Ok(found) => drop(reporter.sender.send((found, false))),
            Err(payload) => {
                *escaped.lock().unwrap_or_else(PoisonError::into_inner) = Some(payload);
            }
        }
        ON_FAILURE.set(None);
    });
    let limits = &budget.limits;
    let silence = limits.silence.unwrap_or(SILENCE);
    let mut heard = (0, Instant::now());
    let mut interrupted = None;
    loop {
        match result.recv_timeout(LOOK) {
            Ok((found, is_left_behind)) => {
                if !is_left_behind {
                    // It has nothing more to do but to end.
                    let _ = searching.join();
                }
                return Ok(found);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                let _ = searching.join();
                let payload = panicked
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .take();
                std::panic::resume_unwind(payload.unwrap_or_else(|| Box::new("a search ended")));
            }
        }
        let stop = if limits.progress.is_cancelled() {
            let since: &Instant = interrupted.get_or_insert_with(Instant::now);
            (since.elapsed() >= GRACE).then_some(Stop::Interrupted)
        } else if let Some(most) = limits.time
            && budget.begun.elapsed() >= most + GRACE
        {
            Some(Stop::Time(most))
        } else {
            let steps = line.steps.load(Ordering::Relaxed) + budget.executions();
            if steps != heard.0 {
                heard = (steps, Instant::now());
            }
            (heard.1.elapsed() >= silence).then_some(Stop::Silence(silence))
        };
        if let Some(stop) = stop {
            line.abandoned.store(true, Ordering::Relaxed);
            return Err(stop);
        }
    }
}
