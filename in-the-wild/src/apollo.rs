//! ApolloAuto/apollo issue 13159: a bounded queue with a blocking strategy. Whoever adds notifies, but nobody
//! notifies when an element is taken: a producer that waits for room waits for ever. The repair notifies then,
//! too.

use wakeproof_explore::sync::{Arc, Condvar, Mutex};

const CAPACITY: usize = 1;

#[derive(Default)]
struct Queue {
    elements: Mutex<usize>,
    changed: Condvar,
}

impl Queue {
    fn enqueue(&self) {
        let elements = self.elements.lock().unwrap();
        let is_full = |elements: &mut usize| *elements == CAPACITY;
        *self.changed.wait_while(elements, is_full).unwrap() += 1;
        self.changed.notify_one();
    }

    fn dequeue<const REPAIRED: bool>(&self) {
        let elements = self.elements.lock().unwrap();
        let is_empty = |elements: &mut usize| *elements == 0;
        *self.changed.wait_while(elements, is_empty).unwrap() -= 1;
        if REPAIRED {
            self.changed.notify_one();
        }
    }
}

pub(crate) fn body<const REPAIRED: bool>() {
    let queue = Arc::new(Queue::default());
    let other = queue.clone();
    queue.enqueue();
    let consumer = super::spawn("consumer", move || other.dequeue::<REPAIRED>());
    queue.enqueue();
    consumer.join().unwrap();
}
