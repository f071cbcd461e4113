//! Bare channels of boxed closures, and the queue that one writes by hand.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc;

use parking_lot::{Condvar, Mutex};

pub type Callback = Box<dyn FnOnce() + Send>;

/// A queue of callbacks, filled by any thread and emptied by one.
pub trait Channel: 'static {
    type Sender: Clone + Send + 'static;

    fn new() -> (Self::Sender, Self);
    fn send(sender: &Self::Sender, callback: Callback);
    /// Runs at least one callback. Sleeps until there is one.
    fn run_some(&mut self);
}

macro_rules! channel {
    ($name:ident, $sender:ty, $receiver:ty, $new:expr, $receive:ident) => {
        pub struct $name($receiver);

        impl Channel for $name {
            type Sender = $sender;

            fn new() -> (Self::Sender, Self) {
                let (sender, receiver) = $new;
                (sender, $name(receiver))
            }

            fn send(sender: &Self::Sender, callback: Callback) {
                assert!(sender.send(callback).is_ok());
            }

            fn run_some(&mut self) {
                self.0.$receive().expect("a sender is there")();
            }
        }
    };
}

channel!(
    Std,
    mpsc::Sender<Callback>,
    mpsc::Receiver<Callback>,
    mpsc::channel(),
    recv
);
channel!(
    Kanal,
    kanal::Sender<Callback>,
    kanal::Receiver<Callback>,
    kanal::unbounded(),
    recv
);
channel!(
    Crossbeam,
    crossbeam_channel::Sender<Callback>,
    crossbeam_channel::Receiver<Callback>,
    crossbeam_channel::unbounded(),
    recv
);
channel!(
    Flume,
    flume::Sender<Callback>,
    flume::Receiver<Callback>,
    flume::unbounded(),
    recv
);

pub struct TokioMpsc(tokio::sync::mpsc::UnboundedReceiver<Callback>);

impl Channel for TokioMpsc {
    type Sender = tokio::sync::mpsc::UnboundedSender<Callback>;

    fn new() -> (Self::Sender, Self) {
        let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
        (sender, TokioMpsc(receiver))
    }

    fn send(sender: &Self::Sender, callback: Callback) {
        assert!(sender.send(callback).is_ok());
    }

    fn run_some(&mut self) {
        self.0.blocking_recv().expect("a sender is there")();
    }
}

/// A mutex, a condvar and a queue, as one writes them by hand: notified under the lock, or after it.
pub struct ByHand<const NOTIFIES_UNLOCKED: bool> {
    shared: Arc<Shared>,
    batch: VecDeque<Callback>,
}

#[derive(Default)]
pub struct Shared {
    state: Mutex<State>,
    wakeup: Condvar,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Callback>,
    asleep: bool,
}

impl<const NOTIFIES_UNLOCKED: bool> Channel for ByHand<NOTIFIES_UNLOCKED> {
    type Sender = Arc<Shared>;

    fn new() -> (Self::Sender, Self) {
        let shared = Arc::new(Shared::default());
        let receiver = ByHand {
            shared: shared.clone(),
            batch: VecDeque::new(),
        };
        (shared, receiver)
    }

    fn send(shared: &Arc<Shared>, callback: Callback) {
        let mut state = shared.state.lock();
        state.queue.push_back(callback);
        if std::mem::take(&mut state.asleep) {
            if NOTIFIES_UNLOCKED {
                drop(state);
            }
            shared.wakeup.notify_one();
        }
    }

    fn run_some(&mut self) {
        let mut state = self.shared.state.lock();
        while state.queue.is_empty() {
            state.asleep = true;
            self.shared.wakeup.wait(&mut state);
            state.asleep = false;
        }
        std::mem::swap(&mut state.queue, &mut self.batch);
        drop(state);
        for callback in self.batch.drain(..) {
            callback();
        }
    }
}
