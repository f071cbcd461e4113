//! rayon-rs/rayon PR 746: one word has a count of job events, a count of workers that became sleepy, and how
//! many sleep. A worker that becomes sleepy makes the two counts differ; a thread with a new job makes them
//! equal, if they differ, and the worker then does not sleep. When the second count rolled over, both were set
//! to 0: they were equal, so that the new job was not announced. The repair sets the second to 1.

use wakeproof_explore::sync::Arc;
use wakeproof_explore::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use wakeproof_explore::thread;

/// The counts have two bits each, so that one rolls over soon.
const MOST: u32 = 3;
const SLEEPER: u32 = 1 << 4;

fn sleepy(word: u32) -> u32 {
    word & MOST
}

fn jobs(word: u32) -> u32 {
    (word >> 2) & MOST
}

fn with(word: u32, jobs: u32, sleepy: u32) -> u32 {
    (word & !(SLEEPER - 1)) | (jobs << 2) | sleepy
}

struct Sleep {
    word: AtomicU32,
    has_job: AtomicBool,
}

impl Sleep {
    /// Always writes, and so sees the last value.
    fn change(&self, change: impl Fn(u32) -> u32) -> u32 {
        let changed = self
            .word
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |word| {
                Some(change(word))
            });
        changed.unwrap()
    }

    fn announce_sleepy<const REPAIRED: bool>(&self) -> u32 {
        let change = |word| {
            if sleepy(word) < MOST {
                with(word, jobs(word), sleepy(word) + 1)
            } else {
                with(word, 0, u32::from(REPAIRED))
            }
        };
        jobs(change(self.change(change)))
    }

    /// Whether the worker is counted as asleep: not if there was a job since it became sleepy.
    fn fall_asleep(&self, announced: u32) -> bool {
        let change = |word| {
            if jobs(word) == announced {
                word + SLEEPER
            } else {
                word
            }
        };
        jobs(self.change(change)) == announced
    }

    fn announce_job(&self) -> bool {
        let change = |word: u32| {
            let word = with(word, sleepy(word), sleepy(word));
            word.checked_sub(SLEEPER).unwrap_or(word)
        };
        self.change(change) >= SLEEPER
    }
}

pub(crate) fn body<const REPAIRED: bool>() {
    let sleep = Arc::new(Sleep {
        word: AtomicU32::new(with(0, MOST, MOST)),
        has_job: AtomicBool::new(false),
    });
    let (other, worker) = (sleep.clone(), thread::current());
    let submitter = super::spawn("submitter", move || {
        other.has_job.store(true, Ordering::Relaxed);
        if other.announce_job() {
            worker.unpark();
        }
    });
    while !sleep.has_job.load(Ordering::Relaxed) {
        let announced = sleep.announce_sleepy::<REPAIRED>();
        if sleep.has_job.load(Ordering::Relaxed) {
            break;
        }
        if sleep.fall_asleep(announced) {
            thread::park();
        }
    }
    submitter.join().unwrap();
}
