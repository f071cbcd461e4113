//! What a callback has written, and a thread that asks whether it is done.

use std::fmt::Debug;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::{CheckedLoop, Model};
use wakeproof_explore::journal::note;
use wakeproof_explore::platform::{Flag, ModelPlatform};

/// How the flags of the execution's calls are accessed.
pub trait CallFlags: Debug + 'static {
    /// Called when the execution begins: the flags do what the loop asks for.
    fn choose() {}
}

/// One thread asks whether a callback is done. If so, it must see what the callback has written.
#[derive(Debug)]
pub struct DoneIsSeen<F>(PhantomData<F>);

impl<F: CallFlags> Model for DoneIsSeen<F> {
    const THREADS: usize = 1;

    fn run<P: ModelPlatform>() {
        F::choose();
        let event_loop = CheckedLoop::<P>::new();
        // What is written is no more than that: it publishes nothing, and only the call's flag can.
        let written = Arc::new(P::Flag::new());
        let writer = written.clone();
        let call = event_loop
            .handle()
            .call_soon_threadsafe(move || writer.store(true, Ordering::Relaxed))
            .expect("the loop is open");
        let thread = P::spawn("thread 1", move || {
            if call.is_done() {
                note::<P>("is told that the callback is done");
                assert!(
                    written.load(Ordering::Relaxed),
                    "the callback is done, but what it has written is not there"
                );
            }
        });
        event_loop.run_once();
        P::join(thread);
    }
}
