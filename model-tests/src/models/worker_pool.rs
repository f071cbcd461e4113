//! Two workers that each take one item from the same queue.

use std::collections::VecDeque;
use std::fmt::Debug;
use std::marker::PhantomData;
use std::sync::Arc;

use super::Model;
use wakeproof_explore::journal::{QUEUE, note, value};
use wakeproof_explore::platform::ModelPlatform;

/// Whether a thread that enqueues wakes a worker.
pub trait WakeWorker: Debug + 'static {
    /// Always, whether or not the queue was empty: each item needs a worker of its own, since a woken
    /// worker takes only one item.
    fn is_due(_was_empty: bool) -> bool {
        true
    }
}

/// Two items for two workers, which sleep while the queue is empty.
#[derive(Debug)]
pub struct WorkerPool<W>(PhantomData<W>);

impl<W: WakeWorker> Model for WorkerPool<W> {
    const THREADS: usize = 2;

    fn run<P: ModelPlatform>() {
        struct Shared<P: ModelPlatform> {
            queue: P::Mutex<VecDeque<u32>>,
            filled: P::Condvar,
        }
        value::<P>(QUEUE, 0);
        let shared = Arc::new(Shared::<P> {
            queue: P::mutex(VecDeque::new()),
            filled: P::condvar(),
        });
        let workers = [1, 2].map(|number| {
            let shared = shared.clone();
            P::spawn(&format!("worker {number}"), move || {
                let mut queue = P::lock(&shared.queue);
                while queue.is_empty() {
                    note::<P>("finds the queue empty, is about to sleep");
                    queue = P::wait(&shared.filled, queue);
                }
                let item = queue.pop_front();
                value::<P>(QUEUE, queue.len());
                note::<P>("takes one item");
                item
            })
        });
        for item in [1, 2] {
            let mut queue = P::lock(&shared.queue);
            let was_empty = queue.is_empty();
            queue.push_back(item);
            value::<P>(QUEUE, queue.len());
            note::<P>("enqueues");
            if W::is_due(was_empty) {
                P::notify_one(&shared.filled);
            } else {
                note::<P>("finds the queue not empty, notifies nobody");
            }
        }
        let mut taken = workers.map(P::join);
        taken.sort_unstable();
        assert_eq!(taken, [Some(1), Some(2)]);
    }
}
