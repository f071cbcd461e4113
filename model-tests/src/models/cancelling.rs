//! `cancel`, while the loop may be about to run the callback.

use super::{CheckedLoop, Log, Model};
use wakeproof_explore::platform::ModelPlatform;

/// One thread submits a callback, cancels it, and submits another that stops the loop. The first callback
/// runs or is cancelled, and its handle says which.
#[derive(Debug)]
pub struct CancelRacesWithRun;

impl Model for CancelRacesWithRun {
    const THREADS: usize = 1;

    fn run<P: ModelPlatform>() {
        let event_loop = CheckedLoop::<P>::new();
        let log = Log::<P>::new();
        let (handle, writer) = (event_loop.handle(), log.clone());
        let thread = P::spawn("thread 1", move || {
            let callback = move || {
                writer.ran(0, 0);
            };
            let call = handle
                .call_soon_threadsafe(callback)
                .expect("the loop is open");
            let cancelled = call.cancel();
            let stop = handle.clone();
            let callback = move || stop.stop();
            handle
                .call_soon_threadsafe(callback)
                .expect("the loop is open");
            (call, cancelled)
        });
        event_loop.run();
        let (call, cancelled) = P::join(thread);
        let ran = log.runs().len();
        assert_eq!(
            ran + usize::from(cancelled),
            1,
            "run or cancelled, not both"
        );
        assert_eq!(call.is_cancelled(), cancelled);
        assert_eq!(call.is_done(), !cancelled);
    }
}
