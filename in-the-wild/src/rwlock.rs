//! llvm/llvm-project PR 201937: a writer's wait for a read-write lock has timed out, and it has not taken itself off
//! the list yet when the holder unlocks and wakes a writer. It leaves, and a reader behind it waits on. The repair: a
//! writer that has timed out looks whether the writers were woken since it began to wait, and passes that on.

use wakeproof_explore::os::{Futex, FutexWait};
use wakeproof_explore::sync::atomic::Ordering;
use wakeproof_explore::sync::{Arc, Mutex};
use wakeproof_explore::time::Duration;

#[derive(Default)]
struct State {
    is_held: bool,
    waiting_writers: usize,
    waiting_readers: usize,
}

/// Each futex counts the wakeups of its kind.
struct RwLock {
    state: Mutex<State>,
    writers: Futex,
    readers: Futex,
}

impl RwLock {
    fn wake(&self) {
        let state = self.state.lock().unwrap();
        if state.waiting_writers > 0 {
            self.writers.fetch_add(1, Ordering::Relaxed);
            self.writers.wake(1);
        } else if state.waiting_readers > 0 {
            self.readers.fetch_add(1, Ordering::Relaxed);
            self.readers.wake_all();
        }
    }

    fn unlock(&self) {
        self.state.lock().unwrap().is_held = false;
        self.wake();
    }

    /// Whether it is locked to write; if not, the time is over.
    fn write_timeout<const REPAIRED: bool>(&self) -> bool {
        let mut state = self.state.lock().unwrap();
        while state.is_held {
            state.waiting_writers += 1;
            let seen = self.writers.fetch_add(0, Ordering::Relaxed);
            drop(state);
            let waited = self.writers.wait_timeout(seen, Duration::from_millis(1));
            state = self.state.lock().unwrap();
            state.waiting_writers -= 1;
            if waited == FutexWait::TimedOut {
                drop(state);
                if REPAIRED && self.writers.fetch_add(0, Ordering::Relaxed) != seen {
                    self.wake();
                }
                return false;
            }
        }
        state.is_held = true;
        true
    }

    fn read(&self) {
        let mut state = self.state.lock().unwrap();
        while state.is_held {
            state.waiting_readers += 1;
            let seen = self.readers.fetch_add(0, Ordering::Relaxed);
            drop(state);
            self.readers.wait(seen);
            state = self.state.lock().unwrap();
            state.waiting_readers -= 1;
        }
    }
}

pub(crate) fn body<const REPAIRED: bool>() {
    let lock = Arc::new(RwLock {
        state: Mutex::new(State {
            is_held: true,
            ..State::default()
        }), // by main
        writers: Futex::new(0),
        readers: Futex::new(0),
    });
    let [of_writer, of_reader] = [lock.clone(), lock.clone()];
    let writer = super::spawn("writer", move || {
        if of_writer.write_timeout::<REPAIRED>() {
            of_writer.unlock();
        }
    });
    let reader = super::spawn("reader", move || of_reader.read());
    lock.unlock();
    writer.join().unwrap();
    reader.join().unwrap();
}
