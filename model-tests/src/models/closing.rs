//! `close`, while another thread submits; and handles that are dropped.

use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{CheckedLoop, Log, Model};
use crate::design::{CondvarLoop, Design, Loop, LoopHandle};
use wakeproof_explore::platform::ModelPlatform;

/// Owned by a callback or a future. Counts how often it is dropped.
pub(super) struct DropCounter(Arc<AtomicUsize>);

/// How often a [`DropCounter`] was dropped.
pub(super) struct Drops(Arc<AtomicUsize>);

impl DropCounter {
    pub(super) fn new() -> (DropCounter, Drops) {
        let drops = Arc::new(AtomicUsize::new(0));
        (DropCounter(drops.clone()), Drops(drops))
    }
}

impl Drops {
    pub(super) fn number(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Drop for DropCounter {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// One thread submits to a loop that runs one iteration and is then closed. If the callback is accepted, it
/// either runs or `close` drops it. If it is refused, the thread gets it back.
#[derive(Debug)]
pub struct CloseRacesWithSubmit;

impl Model for CloseRacesWithSubmit {
    const THREADS: usize = 1;

    fn run<P: ModelPlatform>() {
        let event_loop = CheckedLoop::<P>::new();
        let log = Log::<P>::new();
        let (counter, drops) = DropCounter::new();
        let (handle, writer) = (event_loop.handle(), log.clone());
        let thread = P::spawn("thread 1", move || {
            let callback = move || {
                let _counter = counter;
                writer.ran(0, 0);
            };
            handle.call_soon_threadsafe(callback)
        });
        event_loop.run_once();
        Loop::close(&event_loop);

        let ran = log.runs().len();
        match P::join(thread) {
            Ok(call) => {
                let by_close = usize::from(call.is_cancelled());
                assert_eq!(
                    ran + by_close,
                    1,
                    "how often an accepted callback was run, or dropped by close"
                );
                assert_eq!(usize::from(call.is_done()), ran);
                assert_eq!(drops.number(), 1, "dropped by now, once");
            }
            Err(refused) => {
                assert_eq!(ran, 0, "refused, but it ran");
                assert_eq!(drops.number(), 0, "refused, but dropped");
                drop(refused.0);
                assert_eq!(drops.number(), 1);
            }
        }
    }
}

/// The same on any design, without what only our handles tell: an accepted callback runs or is dropped by
/// `close`, and a refused one does not run.
#[derive(Debug)]
pub struct CloseAmidSubmission<D>(PhantomData<D>);

impl<D: Design> Model for CloseAmidSubmission<D> {
    const THREADS: usize = 1;

    fn run<P: ModelPlatform>() {
        let event_loop = D::Loop::<P>::new();
        let log = Log::<P>::new();
        let (counter, drops) = DropCounter::new();
        let (handle, writer) = (event_loop.handle(), log.clone());
        let thread = P::spawn("thread 1", move || {
            let callback = move || {
                let _counter = counter;
                writer.ran(0, 0);
            };
            handle.call_soon_threadsafe(callback).is_ok()
        });
        event_loop.run_once();
        event_loop.close();
        let accepted = P::join(thread);
        assert_eq!(drops.number(), 1, "accepted, and neither run nor dropped");
        assert!(accepted || log.runs().is_empty(), "refused, but it ran");
    }
}

/// One thread drops its handle unused. Another drops its handle after submitting a callback.
#[derive(Debug)]
pub struct HandlesDropped<D = CondvarLoop>(PhantomData<D>);

impl<D: Design> Model for HandlesDropped<D> {
    const THREADS: usize = 2;

    fn run<P: ModelPlatform>() {
        let event_loop = D::Loop::<P>::new();
        let log = Log::<P>::new();
        let handle = event_loop.handle();
        let idle = P::spawn("thread 1", move || drop(handle));
        let (handle, writer) = (event_loop.handle(), log.clone());
        let submitter = P::spawn("thread 2", move || {
            let stop = handle.clone();
            let callback = move || {
                writer.ran(0, 0);
                stop.stop();
            };
            let call = handle.call_soon_threadsafe(callback);
            drop(handle);
            call.expect("the loop is open");
        });
        event_loop.run();
        log.assert_complete(1, 1);
        P::join(idle);
        P::join(submitter);
    }
}
