//! A loop that goes on when a callback panics.

use std::collections::VecDeque;
use std::fmt::Debug;
use std::marker::PhantomData;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;

use wakeproof::inbox::Inbox;
use wakeproof::platform::{Deliberate, Platform};

use super::Model;
use wakeproof_explore::journal::note;
use wakeproof_explore::platform::ModelPlatform;

/// A callback in the queue.
pub type Callback = Box<dyn FnOnce() + Send>;

/// How the loop runs a batch.
pub trait RunBatch: Debug + 'static {
    /// Catches the panic of each callback separately.
    fn run<P: Platform>(batch: &mut VecDeque<Callback>) {
        for callback in batch.drain(..) {
            catch::<P>(callback);
        }
    }
}

/// Runs `work` and catches its panic, if the panic is part of the model.
pub(crate) fn catch<P: Platform>(work: impl FnOnce()) {
    if let Err(payload) = panic::catch_unwind(AssertUnwindSafe(work)) {
        if P::must_not_catch(&*payload) {
            panic::resume_unwind(payload);
        }
        note::<P>("catches a panic");
    }
}

/// One thread submits a callback that panics, and then one that stops the loop.
#[derive(Debug)]
pub struct PanicInBatch<R>(PhantomData<R>);

impl<R: RunBatch> Model for PanicInBatch<R> {
    const THREADS: usize = 1;

    fn run<P: ModelPlatform>() {
        let inbox = Arc::new(Inbox::<P, Callback>::new());
        let submitter = inbox.clone();
        let thread = P::spawn("thread 1", move || {
            let submit = |callback| {
                let accepted = submitter.call_soon_threadsafe(callback);
                assert!(accepted.is_ok(), "the loop is open");
            };
            submit(Box::new(|| panic::panic_any(Deliberate)));
            let stop = submitter.clone();
            submit(Box::new(move || stop.stop()));
        });
        let mut batch = VecDeque::new();
        inbox.first_batch(&mut batch, None);
        R::run::<P>(&mut batch);
        while inbox.next_batch(&mut batch, None) == wakeproof::inbox::Next::Iterate {
            R::run::<P>(&mut batch);
        }
        P::join(thread);
    }
}
