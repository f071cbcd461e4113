//! Many callbacks from many threads to a loop that keeps falling asleep, on real threads.

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
use wakeproof_faults::{Chosen, Faulty, choose};

/// How many threads submit.
pub const THREADS: usize = 8;

/// How many callbacks each of them submits at most before it pauses.
const BURST: u64 = 64;

/// For how long each of them pauses at most.
const PAUSE: u64 = 1 << 12;

/// How often the watchdog looks.
const INTERVAL: Duration = Duration::from_millis(50);

/// For how long nothing may happen: a limit for the watchdog, and no statement about speed.
const PATIENCE: Duration = Duration::from_secs(60);

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// How many callbacks ran.
    pub ran: u64,
    /// How many of them ran when it was the turn of another one of the same thread: because one was
    /// lost, doubled or overtaken.
    pub out_of_turn: u64,
    /// How many are left in the queue.
    pub left_over: usize,
    /// How often the loop fell asleep.
    pub sleeps: u64,
}

/// Submits at least `callbacks` callbacks to a loop with this fault or with none, and waits until all
/// have run.
///
/// The threads submit in bursts. In between they wait for each other and then pause for a random
/// moment each, so that the loop falls asleep, or is just about to when the next burst begins. The
/// last callback to run stops the loop, which nobody else wakes: the watchdog reads the numbers and
/// the loop's [`Status`], and that is all.
///
/// # Errors
///
/// What the watchdog saw: that the loop sleeps although something has not run, and that nobody is
/// left to wake it; or that nothing has happened for a minute.
pub fn stress(wrong: Chosen, callbacks: u64, seed: u64) -> Result<Report, String> {
    let each = callbacks.div_ceil(THREADS as u64);
    // For ever, since what has gone wrong may go on using it.
    let board: &'static Board = Box::leak(Box::new(Board::new(each)));

    let (send_handle, receive_handle) = mpsc::channel();
    let (send_end, end) = mpsc::channel();
    thread::spawn(move || {
        BOARD.set(Some(board));
        choose(wrong);
        let event_loop = EventLoop::<Faulty<Observed<ParkingLot, CountSleeps>>>::on_platform();
        let (handle, local) = (event_loop.handle(), event_loop.local());
        let _ = board.stop.set(Box::new({
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
                let mut bursts = Random(seed); // the same for all, who wait for each other
                let mut pauses = Random(seed.wrapping_add(thread as u64));
                let mut submitted = 0;
                while submitted < each {
                    let burst = (bursts.below(BURST) + 1).min(each - submitted);
                    for number in submitted..submitted + burst {
                        let callback = move || board.run(thread, number);
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
        board,
        last: (0, Instant::now()),
    };
    loop {
        // In this order: who has finished before the loop was seen asleep does not wake it.
        let nobody_left = submitters.iter().all(thread::JoinHandle::is_finished);
        watchdog.look(nobody_left, handle.status())?;
        match end.recv_timeout(INTERVAL) {
            Ok((Ok(()), status)) => return Ok(board.report(status)),
            Ok((Err(error), _)) => return Err(error.to_string()),
            Err(RecvTimeoutError::Disconnected) => return Err("the loop's thread panicked".into()),
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

/// The numbers that everybody writes to and the watchdog reads.
struct Board {
    total: u64,
    /// Which callback of each thread has to run next.
    next: [AtomicU64; THREADS],
    ran: AtomicU64,
    out_of_turn: AtomicU64,
    sleeps: AtomicU64,
    stop: OnceLock<Box<dyn Fn() + Send + Sync>>,
}

impl Board {
    fn new(each: u64) -> Self {
        Board {
            total: each * THREADS as u64,
            next: Default::default(),
            ran: AtomicU64::new(0),
            out_of_turn: AtomicU64::new(0),
            sleeps: AtomicU64::new(0),
            stop: OnceLock::new(),
        }
    }

    /// A callback.
    fn run(&self, thread: usize, number: u64) {
        if self.next[thread].swap(number + 1, Ordering::Relaxed) != number {
            self.out_of_turn.fetch_add(1, Ordering::Relaxed);
        }
        if self.ran.fetch_add(1, Ordering::Relaxed) + 1 == self.total {
            self.stop.get().expect("set before the loop runs")();
        }
    }

    fn report(&self, status: Status) -> Report {
        Report {
            ran: self.ran.load(Ordering::Relaxed),
            out_of_turn: self.out_of_turn.load(Ordering::Relaxed),
            left_over: status.queued,
            sleeps: self.sleeps.load(Ordering::Relaxed),
        }
    }
}

/// Sees that nothing happens any more, and does nothing about it.
struct Watchdog {
    board: &'static Board,
    /// How many callbacks had run when that was new.
    last: (u64, Instant),
}

impl Watchdog {
    fn look(&mut self, nobody_left: bool, status: Status) -> Result<(), String> {
        let ran = self.board.ran.load(Ordering::Relaxed);
        if ran != self.last.0 {
            self.last = (ran, Instant::now());
        }
        let total = self.board.total;
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
    /// On the loop's thread: where its sleeps are counted.
    static BOARD: Cell<Option<&'static Board>> = const { Cell::new(None) };
}

/// Counts how often the loop falls asleep.
#[derive(Debug)]
struct CountSleeps;

impl Observer for CountSleeps {
    fn step(step: Step, _status: Option<Status>) {
        if step == Step::Sleep
            && let Some(board) = BOARD.get()
        {
            board.sleeps.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Random numbers that are good enough for pauses: xorshift.
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

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report {
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
