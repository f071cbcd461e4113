//! A loop that sleeps in a read from a pipe, with a flag that avoids writing a second byte.

use std::collections::VecDeque;
use std::fmt::Debug;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Model;
use wakeproof_explore::journal::{QUEUE, has_no_mutex, note, value};
use wakeproof_explore::platform::{Flag, ModelPlatform};

/// A queue, a pipe on which the loop blocks, and the flag that says whether a byte is on its way.
pub struct Shared<P: ModelPlatform> {
    queue: P::Mutex<VecDeque<u32>>,
    signalled: P::Flag,
    bytes: P::Mutex<usize>,
    readable: P::Condvar,
}

/// What the loop does after it reads a byte.
pub trait Drain: Debug + 'static {
    /// Clears the flag and then drains the queue. A thread that finds the flag clear writes a byte, and a
    /// thread that found it set had enqueued before the drain.
    fn drain<P: ModelPlatform>(shared: &Shared<P>, taken: &mut VecDeque<u32>) {
        shared.clear();
        shared.take_all(taken);
    }
}

impl<P: ModelPlatform> Shared<P> {
    fn submit(&self, item: u32) {
        let mut queue = P::lock(&self.queue);
        queue.push_back(item);
        value::<P>(QUEUE, queue.len());
        note::<P>("enqueues");
        drop(queue);
        if self.signalled.swap(true, Ordering::SeqCst) {
            note::<P>("sees a signal on the way, writes no byte");
            return;
        }
        value::<P>("signalled", true);
        let mut bytes = P::lock(&self.bytes);
        *bytes += 1;
        value::<P>("pipe", *bytes);
        note::<P>("writes a byte");
        drop(bytes);
        P::notify_one(&self.readable);
    }

    fn read_byte(&self) {
        let mut bytes = P::lock(&self.bytes);
        while *bytes == 0 {
            note::<P>("finds the pipe empty, is about to sleep");
            bytes = P::wait(&self.readable, bytes);
        }
        *bytes -= 1;
        value::<P>("pipe", *bytes);
        note::<P>("reads a byte");
    }

    /// Clears the flag. From now on, a thread that submits writes a byte.
    pub(crate) fn clear(&self) {
        self.signalled.store(false, Ordering::SeqCst);
        value::<P>("signalled", false);
        note::<P>("clears the signal");
    }

    /// Takes everything in the queue.
    pub(crate) fn take_all(&self, taken: &mut VecDeque<u32>) {
        taken.append(&mut P::lock(&self.queue));
        value::<P>(QUEUE, 0);
        note::<P>("drains the queue");
    }
}

/// One thread submits twice. The loop reads bytes until it has both.
#[derive(Debug)]
pub struct Pipe<D>(PhantomData<D>);

impl<D: Drain> Model for Pipe<D> {
    const THREADS: usize = 1;

    fn run<P: ModelPlatform>() {
        has_no_mutex::<P>();
        value::<P>(QUEUE, 0);
        let shared = Arc::new(Shared::<P> {
            queue: P::mutex(VecDeque::new()),
            signalled: P::Flag::new(),
            bytes: P::mutex(0),
            readable: P::condvar(),
        });
        let submitter = shared.clone();
        let thread = P::spawn("thread 1", move || {
            submitter.submit(1);
            submitter.submit(2);
        });
        let mut taken = VecDeque::new();
        while taken.len() < 2 {
            shared.read_byte();
            D::drain(&shared, &mut taken);
        }
        P::join(thread);
        assert_eq!(taken, [1, 2]);
    }
}

impl<P: ModelPlatform> Debug for Shared<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}
