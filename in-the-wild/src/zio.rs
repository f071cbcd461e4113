//! lalinsky/zio PR 94: a waiter of a channel gives up (there, it is cancelled; here, its time is over) when a
//! sender has taken it off the list already, to wake it. It ignores that, and the wakeup is lost for the other
//! receiver. The repair: a waiter that is no longer on the list wakes another.

use wakeproof_explore::sync::atomic::{AtomicBool, Ordering};
use wakeproof_explore::sync::{Arc, Mutex};
use wakeproof_explore::thread::{self, Thread};
use wakeproof_explore::time::Duration;

struct Waiter {
    thread: Thread,
    is_woken: AtomicBool,
}

#[derive(Default)]
struct State {
    items: usize,
    waiters: Vec<Arc<Waiter>>,
}

impl State {
    fn wake_one(&mut self) {
        if let Some(waiter) = self.waiters.pop() {
            waiter.is_woken.store(true, Ordering::Release);
            waiter.thread.unpark();
        }
    }
}

#[derive(Default)]
struct Channel(Mutex<State>);

impl Channel {
    fn send(&self) {
        let mut state = self.0.lock().unwrap();
        state.items += 1;
        state.wake_one();
    }

    /// Takes an item, or waits; false if it gave up.
    fn receive<const REPAIRED: bool>(&self, gives_up: bool) -> bool {
        let waiter = loop {
            let mut state = self.0.lock().unwrap();
            if state.items > 0 {
                state.items -= 1;
                return true;
            }
            let waiter = Arc::new(Waiter {
                thread: thread::current(),
                is_woken: AtomicBool::new(false),
            });
            state.waiters.push(waiter.clone());
            drop(state);
            if gives_up {
                thread::park_timeout(Duration::from_millis(1));
                break waiter;
            }
            while !waiter.is_woken.load(Ordering::Acquire) {
                thread::park();
            }
        };
        let mut state = self.0.lock().unwrap();
        let before = state.waiters.len();
        state.waiters.retain(|other| !Arc::ptr_eq(other, &waiter));
        let was_removed = state.waiters.len() < before;
        if REPAIRED && !was_removed {
            state.wake_one();
        }
        false
    }
}

pub(crate) fn body<const REPAIRED: bool>() {
    let channel = Arc::new(Channel::default());
    let [patient, sender] = [channel.clone(), channel.clone()];
    let patient = super::spawn("patient", move || patient.receive::<REPAIRED>(false));
    let sender = super::spawn("sender", move || sender.send());
    if channel.receive::<REPAIRED>(true) {
        channel.send(); // for the other
    }
    patient.join().unwrap();
    sender.join().unwrap();
}
