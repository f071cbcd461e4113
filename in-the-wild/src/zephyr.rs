//! zephyrproject-rtos/zephyr issue 117756: a barrier that threads pass again and again. The last to arrive sets the
//! count of arrivals to 0 and signals one of those that wait, which signals the next. A thread that arrives for the
//! next round before they have looked makes the count 1: they wait again, and signal nobody. The repair counts rounds,
//! and wakes all.

use wakeproof_explore::sync::{Arc, Condvar, Mutex};

const THREADS: usize = 2;

#[derive(Default)]
struct State {
    arrived: usize,
    round: usize,
}

#[derive(Default)]
struct Barrier {
    state: Mutex<State>,
    passed: Condvar,
}

impl Barrier {
    fn wait<const REPAIRED: bool>(&self) {
        let mut state = self.state.lock().unwrap();
        let round = state.round;
        state.arrived += 1;
        if state.arrived == THREADS {
            state.arrived = 0;
            state.round += 1;
        }
        while if REPAIRED {
            state.round == round
        } else {
            state.arrived != 0
        } {
            state = self.passed.wait(state).unwrap();
        }
        drop(state);
        if REPAIRED {
            self.passed.notify_all();
        } else {
            self.passed.notify_one();
        }
    }
}

pub(crate) fn body<const REPAIRED: bool>() {
    let barrier = Arc::new(Barrier::default());
    let other = barrier.clone();
    let rounds = |barrier: &Barrier| (0..2).for_each(|_| barrier.wait::<REPAIRED>());
    let thread = super::spawn("thread", move || rounds(&other));
    rounds(&barrier);
    thread.join().unwrap();
}
