//! pocoproject/poco issue 5213: `wakeUpAll` signals the events of the threads that wait already. A worker that
//! has seen that it is not to stop, and waits a moment later, is not among them. The repair here has
//! `wakeUpAll` leave a note under the same mutex, which a thread looks for before it waits.

use wakeproof_explore::sync::atomic::{AtomicBool, Ordering};
use wakeproof_explore::sync::{Arc, Condvar, Mutex};

#[derive(Default)]
struct Event {
    is_set: Mutex<bool>,
    condvar: Condvar,
}

impl Event {
    fn wait(&self) {
        let is_set = self.is_set.lock().unwrap();
        drop(self.condvar.wait_while(is_set, |is_set| !*is_set).unwrap());
    }

    fn set(&self) {
        *self.is_set.lock().unwrap() = true;
        self.condvar.notify_one();
    }
}

#[derive(Default)]
struct Queue {
    waiting: Mutex<(Vec<Arc<Event>>, bool)>,
}

impl Queue {
    fn wait_dequeue<const REPAIRED: bool>(&self) {
        let event = Arc::new(Event::default());
        let mut waiting = self.waiting.lock().unwrap();
        if REPAIRED && waiting.1 {
            return;
        }
        waiting.0.push(event.clone());
        drop(waiting);
        event.wait();
    }

    fn wake_up_all(&self) {
        let mut waiting = self.waiting.lock().unwrap();
        waiting.1 = true;
        for event in waiting.0.drain(..) {
            event.set();
        }
    }
}

pub(crate) fn body<const REPAIRED: bool>() {
    let shared = Arc::new((AtomicBool::new(false), Queue::default()));
    let other = shared.clone();
    let worker = super::spawn("worker", move || {
        while !other.0.load(Ordering::SeqCst) {
            other.1.wait_dequeue::<REPAIRED>();
        }
    });
    shared.0.store(true, Ordering::SeqCst);
    shared.1.wake_up_all();
    worker.join().unwrap();
}
