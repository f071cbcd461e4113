//! Submits many callbacks from many real threads to a loop that keeps falling asleep.

use std::cell::Cell;
use std::fmt;
use std::hint;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Barrier, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use wakeproof::EventLoop;
use wakeproof::inbox::{Status, Step};
use wakeproof::platform::ParkingLot;
use wakeproof_explore::platform::{Observed, Observer};
use wakeproof_faults::{FaultChoice, Faulty, choose};

/// How many threads submit.
pub const THREADS: usize = 8;

/// The most callbacks that a thread submits before it pauses.
const BURST: u64 = 64;

/// The longest pause, in iterations of a spin loop.
const PAUSE: u64 = 1 << 12;

/// The time between two looks of the watchdog.
const INTERVAL: Duration = Duration::from_millis(50);

/// The watchdog gives up if nothing happens for this long. A limit against hanging, not a claim about
/// speed.
const PATIENCE: Duration = Duration::from_secs(60);

/// What [`stress`] counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct StressCounts {
    /// How many callbacks ran.
    pub ran: u64,
    /// How many of them ran out of turn among the callbacks of their thread, because one was lost, doubled
    /// or overtaken.
    pub out_of_turn: u64,
    /// How many are left in the queue.
    pub left_over: usize,
    /// How often the loop fell asleep.
    pub sleeps: u64,
}

/// Submits at least `callbacks` callbacks to a loop with this fault or with none, and waits until all
/// have run.
///
/// The threads submit in bursts. Between bursts they wait for each other, and then each pauses for a random
/// time, so that the loop is asleep, or just falling asleep, when the next burst begins. The last callback
/// to run stops the loop. Nothing else wakes it: the watchdog only reads the counters and the loop's
/// [`Status`].
///
/// # Errors
///
/// What the watchdog saw: the loop sleeps although a callback has not run and no thread is left to wake
/// it, or nothing happened for a minute.
pub fn stress(wrong: FaultChoice, callbacks: u64, seed: u64) -> Result<StressCounts, String> {
    let each = callbacks.div_ceil(THREADS as u64);
    // Leaked, since threads that hang may go on using it.
    let counters: &'static Counters = Box::leak(Box::new(Counters::new(each)));

    let (send_handle, receive_handle) = mpsc::channel();
    let (send_end, end) = mpsc::channel();
    thread::spawn(move || {
        COUNTERS.set(Some(counters));
        choose(wrong);
        let event_loop = EventLoop::<Faulty<Observed<ParkingLot, CountSleeps>>>::on_platform();
        let (handle, local) = (event_loop.handle(), event_loop.local());
        let _ = counters.stop.set(Box::new({
            let handle = handle.clone();
            move || handle.stop()
        }));
        let _ = send_handle.send(handle);
        let ran = event_loop.run_forever();
        let _ = send_end.send((ran, local.handle().status()));
    });
    let handle = receive_handle
        .recv()
        .map_err(|_| "the loop's thread panicked")?;

    let together = Arc::new(Barrier::new(THREADS));
    let submitters: Vec<_> = (0..THREADS)
        .map(|thread| {
            let (handle, together) = (handle.clone(), together.clone());
            thread::spawn(move || {
                let mut bursts = Random(seed); // the same bursts on all threads, which wait for each other
                let mut pauses = Random(seed.wrapping_add(thread as u64));
                let mut submitted = 0;
                while submitted < each {
                    let burst = (bursts.below(BURST) + 1).min(each - submitted);
                    for number in submitted..submitted + burst {
                        let callback = move || counters.run(thread, number);
                        if handle.call_soon_threadsafe(callback).is_err() {
                            return; // the watchdog will miss it
                        }
                    }
                    submitted += burst;
                    together.wait();
                    for _ in 0..pauses.below(PAUSE) {
                        hint::spin_loop();
                    }
                }
            })
        })
        .collect();

    let mut watchdog = Watchdog {
        counters,
        last: (0, Instant::now()),
    };
    loop {
        // In this order: a thread that had finished before the loop was seen asleep will not wake it.
        let nobody_left = submitters.iter().all(thread::JoinHandle::is_finished);
        watchdog.look(nobody_left, handle.status())?;
        match end.recv_timeout(INTERVAL) {
            Ok((Ok(()), status)) => return Ok(counters.report(status)),
            Ok((Err(error), _)) => return Err(error.to_string()),
            Err(RecvTimeoutError::Disconnected) => return Err("the loop's thread panicked".into()),
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

/// Counters that all threads write and the watchdog reads.
struct Counters {
    total: u64,
    /// The number of the callback that must run next, for each thread.
    next: [AtomicU64; THREADS],
    ran: AtomicU64,
    out_of_turn: AtomicU64,
    sleeps: AtomicU64,
    stop: OnceLock<Box<dyn Fn() + Send + Sync>>,
}

impl Counters {
    fn new(each: u64) -> Self {
        Counters {
            total: each * THREADS as u64,
            next: Default::default(),
            ran: AtomicU64::new(0),
            out_of_turn: AtomicU64::new(0),
            sleeps: AtomicU64::new(0),
            stop: OnceLock::new(),
        }
    }

    /// Counts a callback that runs.
    fn run(&self, thread: usize, number: u64) {
        if self.next[thread].swap(number + 1, Ordering::Relaxed) != number {
            self.out_of_turn.fetch_add(1, Ordering::Relaxed);
        }
        if self.ran.fetch_add(1, Ordering::Relaxed) + 1 == self.total {
            self.stop.get().expect("set before the loop runs")();
        }
    }

    fn report(&self, status: Status) -> StressCounts {
        StressCounts {
            ran: self.ran.load(Ordering::Relaxed),
            out_of_turn: self.out_of_turn.load(Ordering::Relaxed),
            left_over: status.queued,
            sleeps: self.sleeps.load(Ordering::Relaxed),
        }
    }
}

/// Detects that nothing happens any more. Wakes nobody.
struct Watchdog {
    counters: &'static Counters,
    /// How many callbacks had run, and when that number last changed.
    last: (u64, Instant),
}

impl Watchdog {
    fn look(&mut self, nobody_left: bool, status: Status) -> Result<(), String> {
        let ran = self.counters.ran.load(Ordering::Relaxed);
        if ran != self.last.0 {
            self.last = (ran, Instant::now());
        }
        let total = self.counters.total;
        if nobody_left && status.asleep {
            return Err(format!(
                "the loop sleeps for ever: {ran} of {total} callbacks have run, {} are queued",
                status.queued
            ));
        }
        if self.last.1.elapsed() > PATIENCE {
            return Err(format!(
                "nothing has happened for {PATIENCE:?}: {ran} of {total} callbacks have run, {status:?}"
            ));
        }
        Ok(())
    }
}

thread_local! {
    /// Where the loop's thread counts its sleeps.
    static COUNTERS: Cell<Option<&'static Counters>> = const { Cell::new(None) };
}

/// Counts how often the loop falls asleep.
#[derive(Debug)]
struct CountSleeps;

impl Observer for CountSleeps {
    fn step(step: Step, _status: Option<Status>) {
        if step == Step::Sleep
            && let Some(counters) = COUNTERS.get()
        {
            counters.sleeps.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// A xorshift generator, which is random enough for pauses.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 |= 1;
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) % bound
    }
}

impl fmt::Display for StressCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let StressCounts {
            ran,
            out_of_turn,
            left_over,
            sleeps,
        } = self;
        write!(
            f,
            "{ran} callbacks of {THREADS} threads ran, {out_of_turn} out of turn, {left_over} left over; the loop fell asleep {sleeps} times"
        )
    }
}
