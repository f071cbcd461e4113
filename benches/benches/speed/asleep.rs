//! A loop that sleeps: a round trip to it, and a burst of callbacks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use wakeproof::EventLoop;

use crate::channels::{ByHand, Callback, Channel, Crossbeam, Kanal};
use crate::contest::{Contest, Measured};
use crate::counted::{self, Counted};
use crate::python::{self, Python};
use crate::tally::{count, expect, timed};

/// A turn that goes back and forth between two threads, each asleep while it is not its own.
trait Turn: Send + Sync + 'static {
    fn new() -> Self;
    fn give(&self);
    fn take(&self);
}

#[derive(Default)]
struct CondvarTurn {
    given: Mutex<bool>,
    changed: Condvar,
}

impl Turn for CondvarTurn {
    fn new() -> Self {
        Self::default()
    }

    fn give(&self) {
        *self.given.lock() = true;
        self.changed.notify_one();
    }

    fn take(&self) {
        let mut given = self.given.lock();
        while !*given {
            self.changed.wait(&mut given);
        }
        *given = false;
    }
}

struct FutexTurn(AtomicU32);

impl Turn for FutexTurn {
    fn new() -> Self {
        FutexTurn(AtomicU32::new(0))
    }

    fn give(&self) {
        self.0.store(1, Ordering::Release);
        atomic_wait::wake_one(&self.0);
    }

    fn take(&self) {
        while self.0.swap(0, Ordering::Acquire) == 0 {
            atomic_wait::wait(&self.0, 0);
        }
    }
}

fn turns<T: Turn>(trips: usize) -> Measured {
    let (there, back) = (Arc::new(T::new()), Arc::new(T::new()));
    let (ask, answer) = (there.clone(), back.clone());
    let answering = thread::spawn(move || {
        for _ in 0..trips {
            there.take();
            back.give();
        }
    });
    let measured = timed(trips, || {
        for _ in 0..trips {
            ask.give();
            answer.take();
        }
    });
    answering.join().expect("it does not panic");
    measured
}

/// A callback to a loop that sleeps, which gives the turn back to a thread that sleeps on a bare condvar.
fn ours(trips: usize) -> Measured {
    let event_loop = EventLoop::new();
    let handle = event_loop.handle();
    let asking = thread::spawn(move || {
        let answer = Arc::new(CondvarTurn::new());
        let measured = timed(trips, || {
            for _ in 0..trips {
                let back = answer.clone();
                drop(handle.call_soon_threadsafe(move || back.give()));
                answer.take();
            }
        });
        handle.stop();
        measured
    });
    event_loop.run_forever().expect("the loop is open");
    asking.join().expect("it does not panic")
}

fn channel<C: Channel>(trips: usize) -> Measured {
    let (sender, mut channel) = C::new();
    let asking = thread::spawn(move || {
        let answer = Arc::new(CondvarTurn::new());
        timed(trips, || {
            for _ in 0..trips {
                let back = answer.clone();
                let callback: Callback = Box::new(move || back.give());
                C::send(&sender, callback);
                answer.take();
            }
        })
    });
    for _ in 0..trips {
        channel.run_some();
    }
    asking.join().expect("it does not panic")
}

/// A question to a loop that spins before it sleeps, and the answer through a channel that does the same.
fn spinning(trips: usize) -> Measured {
    let event_loop = EventLoop::new();
    event_loop.set_spin_before_sleep(Duration::from_millis(1));
    let handle = event_loop.handle();
    let asking = thread::spawn(move || {
        let (answer, answered) = crossbeam_channel::unbounded();
        let measured = timed(trips, || {
            for _ in 0..trips {
                let answer = answer.clone();
                let callback = move || answer.send(()).expect("it waits");
                assert!(handle.post_threadsafe(callback).is_ok());
                answered.recv().expect("a sender is there");
            }
        });
        handle.stop();
        measured
    });
    event_loop.run_forever().expect("the loop is open");
    asking.join().expect("it does not panic")
}

/// The same by two channels that spin.
fn crossbeam_both_ways(trips: usize) -> Measured {
    let (sender, mut channel) = Crossbeam::new();
    let asking = thread::spawn(move || {
        let (answer, answered) = crossbeam_channel::unbounded();
        timed(trips, || {
            for _ in 0..trips {
                let answer = answer.clone();
                let callback: Callback = Box::new(move || answer.send(()).expect("it waits"));
                Crossbeam::send(&sender, callback);
                answered.recv().expect("a sender is there");
            }
        })
    });
    for _ in 0..trips {
        channel.run_some();
    }
    asking.join().expect("it does not panic")
}

/// Both sides spin before they sleep.
pub fn spinning_round_trips(trips: usize) -> Contest {
    Contest::new("round trip, spinning before sleep", move || spinning(trips)).against(
        "crossbeam-channel",
        1.0,
        move || crossbeam_both_ways(trips),
    )
}

pub fn round_trips(trips: usize, python: &[Python]) -> Contest {
    let mut contest = Contest::new("round trip to a sleeping loop", move || ours(trips))
        .against("bare condvar", 1.1, move || turns::<CondvarTurn>(trips))
        .against("bare futex", None, move || turns::<FutexTurn>(trips))
        .against("by hand", None, move || channel::<ByHand<false>>(trips))
        .against("kanal, which spins", None, move || channel::<Kanal>(trips));
    for python in python {
        let name = python.name;
        contest = contest.against(name, None, move || {
            python::measure(name, "round_trip", &[trips / 4])
        });
    }
    contest
}

/// How long a burst of callbacks to a sleeping loop took, and how many times it was notified.
#[derive(Debug, Clone, Copy)]
pub struct Burst {
    pub callbacks: usize,
    /// Nanoseconds for each callback, until the last has run.
    pub each: f64,
    pub notifications: usize,
}

/// Submits `callbacks` callbacks in one go to a loop that is asleep.
pub fn burst(callbacks: usize) -> Burst {
    let event_loop = EventLoop::<Counted>::on_platform();
    let (handle, stop) = (event_loop.handle(), event_loop.handle());
    let submitting = thread::spawn(move || {
        while !handle.status().asleep {
            thread::sleep(Duration::from_micros(100)); // it is on its way there
        }
        counted::notifications();
        let started = Instant::now();
        for _ in 0..callbacks {
            let by = std::hint::black_box(1);
            drop(handle.call_soon_threadsafe(move || count(by)));
        }
        started
    });
    expect(callbacks, move || stop.stop());
    event_loop.run_forever().expect("the loop is open");
    let ended = Instant::now();
    let notifications = counted::notifications();
    let started = submitting.join().expect("it does not panic");
    Burst {
        callbacks,
        each: (ended - started).as_secs_f64() * 1e9 / callbacks as f64,
        notifications,
    }
}
