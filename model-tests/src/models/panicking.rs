//! A callback that panics.

use std::panic;

use wakeproof::platform::Deliberate;

use super::{CheckedLoop, Log, Model};
use wakeproof_explore::platform::ModelPlatform;

/// One thread submits a callback that panics, and then another. The panic is reported once, and the other
/// callback runs.
#[derive(Debug)]
pub struct PanicInCallback;

impl Model for PanicInCallback {
    const THREADS: usize = 1;

    fn run<P: ModelPlatform>() {
        let event_loop = CheckedLoop::<P>::new();
        let log = Log::<P>::new();
        let (handle, writer) = (event_loop.handle(), log.clone());
        let thread = P::spawn("thread 1", move || {
            let callback = || panic::panic_any(Deliberate);
            handle
                .call_soon_threadsafe(callback)
                .expect("the loop is open");
            let stop = handle.clone();
            let callback = move || {
                writer.ran(0, 0);
                stop.stop();
            };
            handle
                .call_soon_threadsafe(callback)
                .expect("the loop is open");
        });
        event_loop.run();
        assert_eq!(event_loop.deliberate_panics(), 1);
        log.assert_complete(1, 1);
        P::join(thread);
    }
}
