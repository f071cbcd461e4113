//! Measures the two calls on real threads: many submissions to an idle loop and to a busy one, and an event
//! that is set many times.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use cpu_time::ThreadTime;
use wakeproof::inbox::{Status, Step};
use wakeproof::platform::{ParkingLot, Platform};
use wakeproof::{Event, EventHandle, EventLoop, Handle, Local, hazard};
use wakeproof_explore::platform::{Observed, Observer};

use crate::report::{Row, Work, grouped};

/// A callback that has not run after this time is lost. A watchdog, which limits no measurement.
const WATCHDOG: Duration = Duration::from_secs(10);
/// How long to watch whether something unexpected wakes the loop for a stranded callback.
const WATCHED: Duration = Duration::from_millis(2);

/// The call that another thread makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// `call_soon_threadsafe`: enqueues and wakes.
    Safe,
    /// `call_soon` from the wrong thread: only enqueues.
    Unsafe,
}

impl Call {
    /// asyncio's name for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Call::Safe => "call_soon_threadsafe",
            Call::Unsafe => "call_soon",
        }
    }

    /// Submits a callback with this call.
    ///
    /// # Panics
    ///
    /// If the loop is closed, or, for the unsafe call, in debug mode.
    pub fn submit(self, handle: &Handle, callback: impl FnOnce() + Send + 'static) {
        match self {
            Call::Safe => drop(handle.call_soon_threadsafe(callback).expect("loop is open")),
            Call::Unsafe => {
                drop(hazard::call_soon_without_wakeup(handle, callback).expect("loop is open"));
            }
        }
    }

    /// Sets an event: on the loop's thread if the call is safe, else on this thread.
    ///
    /// # Panics
    ///
    /// If the loop is closed, or, for the unsafe call, in debug mode.
    pub fn set(self, event: &EventHandle) {
        match self {
            Call::Safe => drop(event.set_threadsafe().expect("loop is open")),
            Call::Unsafe => hazard::set_event_without_wakeup(event).expect("loop is open"),
        }
    }

    /// The name of a row about an event.
    pub(crate) fn event_subject(self) -> &'static str {
        match self {
            Call::Safe => "event set from another thread",
            Call::Unsafe => "event set without the wakeup",
        }
    }
}

/// What the loop is doing when the callback is submitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Load {
    /// It has nothing to do and sleeps.
    Idle,
    /// It runs one callback after another.
    Busy,
}

/// What happened to a number of submissions.
#[derive(Debug, Clone)]
pub struct SubmissionCounts {
    /// How many ran without help.
    pub ran: u32,
    /// How many were in the queue of a sleeping loop, and only ran once it was woken for another reason.
    pub stranded: u32,
    /// The median time from submission to run, of those that ran without help.
    pub median: Option<Duration>,
}

/// Submits callbacks from one thread to a loop that runs on another, one at a time, each after a different
/// delay, and counts what happens to each.
///
/// # Panics
///
/// If a callback does not run although the loop was woken for it.
#[must_use]
pub fn measure(call: Call, load: Load, submissions: u32) -> SubmissionCounts {
    let event_loop = EventLoop::new();
    let handle = event_loop.handle();
    if load == Load::Busy {
        stay_busy(event_loop.local());
    }
    let submitter = thread::spawn(move || {
        let (ran, wait) = mpsc::channel();
        let counts = submit_repeatedly(&handle, load, submissions, &wait, || {
            let ran = ran.clone();
            call.submit(&handle, move || {
                // The other thread receives one message for each submission.
                let _ = ran.send(Instant::now());
            });
        });
        handle.stop();
        counts
    });
    event_loop.run_forever().expect("the loop is new");
    submitter.join().expect("the submitting thread")
}

/// Sets an event from one thread while a task waits for it on an idle loop, many times, each after a
/// different delay, and counts whether the task continues.
///
/// # Panics
///
/// If the task does not continue although the loop was woken.
#[must_use]
pub fn measure_event(call: Call, submissions: u32) -> SubmissionCounts {
    let event_loop = EventLoop::new();
    let event = Event::new(&event_loop.local());
    let (handle, setter) = (event_loop.handle(), event.handle());
    let (ran, wait) = mpsc::channel();
    let other = thread::spawn(move || {
        submit_repeatedly(&handle, Load::Idle, submissions, &wait, || {
            call.set(&setter)
        })
    });
    let waiting = async {
        for _ in 0..submissions {
            event.wait().await;
            event.clear();
            // The other thread receives one message for each time it sets the event.
            let _ = ran.send(Instant::now());
        }
    };
    event_loop
        .run_until_complete(waiting)
        .expect("the loop is new");
    other.join().expect("the thread that sets the event")
}

/// Calls `submit` repeatedly, one at a time. A message through `wait` says when the submission ran.
fn submit_repeatedly(
    handle: &Handle,
    load: Load,
    submissions: u32,
    wait: &Receiver<Instant>,
    submit: impl Fn(),
) -> SubmissionCounts {
    let mut times = Vec::new();
    let mut stranded = 0;
    for submission in 0..submissions {
        if load == Load::Idle {
            wait_until_asleep(handle);
        }
        spin(delay(submission));
        let submitted = Instant::now();
        submit();
        match watch(handle, wait) {
            Some(ran) => times.push(ran - submitted),
            None => stranded += 1,
        }
    }
    times.sort_unstable();
    SubmissionCounts {
        ran: submissions - stranded,
        stranded,
        median: times.get(times.len() / 2).copied(),
    }
}

/// When the submission ran. `None` if it was stranded and this woke the loop for it.
fn watch(handle: &Handle, wait: &Receiver<Instant>) -> Option<Instant> {
    // One consistent look: the loop is asleep with a callback queued, and no thread is about to wake it.
    if handle.status().is_stranded() && wait.recv_timeout(WATCHED) == Err(RecvTimeoutError::Timeout)
    {
        handle.call_soon_threadsafe(|| ()).expect("loop is open");
        wait.recv_timeout(WATCHDOG)
            .expect("the callback was in the queue");
        return None;
    }
    Some(wait.recv_timeout(WATCHDOG).expect("a callback was lost"))
}

/// The rows of the main table: `submissions` of each kind, at as many different moments, and a loop that has
/// nothing to do for the time `idle`.
#[must_use]
pub fn rows(submissions: u32, idle: Duration) -> Vec<Row> {
    let calls = [Call::Safe, Call::Unsafe];
    let to_a_loop = |load: Load| {
        calls.map(|call| {
            let subject = match load {
                Load::Idle => format!("{} to an idle loop", call.name()),
                Load::Busy => format!("{} to a busy loop", call.name()),
            };
            let is_stranded = (call, load) == (Call::Unsafe, Load::Idle);
            row(subject, is_stranded, || measure(call, load, submissions))
        })
    };
    let mut rows = Vec::from(to_a_loop(Load::Idle));
    rows.extend(to_a_loop(Load::Busy));
    rows.extend(calls.map(|call| {
        row(call.event_subject().into(), call == Call::Unsafe, || {
            measure_event(call, submissions)
        })
    }));
    rows.push(idle_for(idle));
    rows
}

fn row(subject: String, is_stranded: bool, measure: impl FnOnce() -> SubmissionCounts) -> Row {
    let start = Instant::now();
    let SubmissionCounts {
        ran,
        stranded,
        median,
    } = measure();
    let (expected, as_expected) = if is_stranded {
        ("stranded every time", ran == 0)
    } else {
        ("runs every time", stranded == 0)
    };
    let median = match median {
        Some(median) => format!(", median {median:.1?}"),
        None => String::new(),
    };
    let grouped = |count: u32| grouped(count.into());
    Row {
        checker: "real threads".into(),
        subject,
        expected: expected.into(),
        found: format!(
            "ran {}, stranded {}{median}",
            grouped(ran),
            grouped(stranded)
        ),
        work: Work {
            count: u64::from(ran) + u64::from(stranded),
            unit: "submissions".into(),
        },
        seconds: start.elapsed().as_secs_f64(),
        as_expected: Some(as_expected),
    }
}

/// Measures what it costs to have nothing to do for a while: no wakeup, and almost no processor time.
fn idle_for(idle: Duration) -> Row {
    let start = Instant::now();
    let event_loop = EventLoop::<Observed<ParkingLot, CountWakes>>::on_platform();
    let handle = event_loop.handle();
    let watcher = thread::spawn(move || {
        wait_until_asleep(&handle);
        let asleep_since = Instant::now();
        // What is measured. Nothing should happen in it.
        thread::sleep(idle);
        let wakes = WAKES.load(Ordering::Relaxed);
        handle.stop();
        (asleep_since.elapsed(), wakes)
    });
    WAKES.store(0, Ordering::Relaxed);
    let before = ThreadTime::now();
    event_loop.run_forever().expect("the loop is new");
    let used = before.elapsed();
    let (idle, wakes) = watcher.join().expect("the watching thread");
    Row {
        checker: "real threads".into(),
        subject: "a loop with nothing to do".into(),
        expected: "sleeps: no wakeup".into(),
        found: format!("{wakes} wakeups, {used:.1?} of processor time"),
        work: Work {
            count: u64::try_from(idle.as_millis()).unwrap_or(u64::MAX),
            unit: "milliseconds".into(),
        },
        seconds: start.elapsed().as_secs_f64(),
        as_expected: Some(wakes == 0),
    }
}

/// Counts how often the loop of [`idle_for`] wakes.
#[derive(Debug)]
struct CountWakes;

static WAKES: AtomicU64 = AtomicU64::new(0);

impl Observer for CountWakes {
    fn step(step: Step, _status: Option<Status>) {
        if step == Step::Wake {
            WAKES.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Blocks until the loop sleeps.
pub fn wait_until_asleep<P: Platform>(handle: &Handle<P>) {
    while !handle.status().asleep {
        thread::yield_now();
    }
}

/// Keeps the loop busy as long as it runs: a callback of a few microseconds that schedules itself again.
pub fn stay_busy(local: Local) {
    let next = local.clone();
    let scheduled = local.call_soon(move || {
        spin(Duration::from_micros(20));
        stay_busy(next);
    });
    // Refused only if the loop is closed, and then it need not be kept busy.
    drop(scheduled);
}

/// A different delay for each submission, up to a third of a millisecond. The same in every run.
fn delay(submission: u32) -> Duration {
    Duration::from_micros(u64::from(submission * 7919 % 331))
}

/// Busy-waits, since a sleep cannot be that short.
fn spin(duration: Duration) {
    let start = Instant::now();
    while start.elapsed() < duration {
        std::hint::spin_loop();
    }
}
