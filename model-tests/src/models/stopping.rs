//! `stop` from another thread.

use std::marker::PhantomData;

use super::{Log, Model};
use crate::design::{CondvarLoop, Design, Loop, LoopHandle};
use wakeproof_explore::platform::ModelPlatform;

/// One thread stops a loop that has nothing to do and may be falling asleep.
#[derive(Debug)]
pub struct StopRacesWithSleep<D = CondvarLoop>(PhantomData<D>);

impl<D: Design> Model for StopRacesWithSleep<D> {
    const THREADS: usize = 1;

    fn run<P: ModelPlatform>() {
        let event_loop = D::Loop::<P>::new();
        let handle = event_loop.handle();
        let thread = P::spawn("thread 1", move || handle.stop_threadsafe());
        event_loop.run();
        P::join(thread);
        assert!(!event_loop.is_stopping(), "one stop ends one run");
    }
}

/// One thread submits while another stops the loop. The callback runs in this run of the loop or in the
/// next.
#[derive(Debug)]
pub struct StopRacesWithSubmit<D = CondvarLoop>(PhantomData<D>);

impl<D: Design> Model for StopRacesWithSubmit<D> {
    const THREADS: usize = 2;

    fn run<P: ModelPlatform>() {
        let event_loop = D::Loop::<P>::new();
        let log = Log::<P>::new();
        let (handle, writer) = (event_loop.handle(), log.clone());
        let submitter = P::spawn("thread 1", move || {
            let callback = move || {
                writer.ran(0, 0);
            };
            handle
                .call_soon_threadsafe(callback)
                .expect("the loop is open");
        });
        let handle = event_loop.handle();
        let stopper = P::spawn("thread 2", move || handle.stop_threadsafe());
        event_loop.run();
        P::join(submitter);
        P::join(stopper);
        event_loop.run_once();
        log.assert_complete(1, 1);
    }
}

/// One thread submits a callback and then one that stops the loop. The loop stops after both.
#[derive(Debug)]
pub struct StopBehindCallbacks<D = CondvarLoop>(PhantomData<D>);

impl<D: Design> Model for StopBehindCallbacks<D> {
    const THREADS: usize = 1;

    fn run<P: ModelPlatform>() {
        let event_loop = D::Loop::<P>::new();
        let log = Log::<P>::new();
        let (handle, writer) = (event_loop.handle(), log.clone());
        let thread = P::spawn("thread 1", move || {
            let callback = move || {
                writer.ran(0, 0);
            };
            handle
                .call_soon_threadsafe(callback)
                .expect("the loop is open");
            let stop = handle.clone();
            let callback = move || stop.stop();
            handle
                .call_soon_threadsafe(callback)
                .expect("the loop is open");
        });
        event_loop.run();
        log.assert_complete(1, 1);
        P::join(thread);
    }
}
