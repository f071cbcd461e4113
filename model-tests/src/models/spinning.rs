//! A loop that looks for work for a while before it sleeps.

use std::time::Duration;

use super::{CheckedLoop, Log, Model};
use wakeproof_explore::platform::ModelPlatform;

/// One thread submits two callbacks to a loop that spins before it sleeps. The second stops the loop. It
/// may come before a look, between two of them, between the last look and the sleep, or in the sleep.
#[derive(Debug)]
pub struct SpinBeforeSleep;

impl Model for SpinBeforeSleep {
    const THREADS: usize = 1;

    fn run<P: ModelPlatform>() {
        let event_loop = CheckedLoop::<P>::new();
        // A checker has the loop look twice, however short this is. On real threads it looks once.
        event_loop.set_spin_before_sleep(Duration::from_nanos(1));
        let log = Log::<P>::new();
        let (handle, writer) = (event_loop.handle(), log.clone());
        let thread = P::spawn("thread 1", move || {
            for nth in 0..2 {
                let (stop, writer) = (handle.clone(), writer.clone());
                let callback = move || {
                    if writer.ran(0, nth) == 2 {
                        stop.stop();
                    }
                };
                handle
                    .call_soon_threadsafe(callback)
                    .expect("the loop is open");
            }
        });
        event_loop.run();
        P::join(thread);
        log.assert_complete(1, 2);
    }
}
