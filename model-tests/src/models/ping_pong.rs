//! Two loops on two threads.

use std::marker::PhantomData;

use super::{Log, Model};
use crate::design::{CondvarLoop, Design, Loop, LoopHandle};
use wakeproof_explore::platform::ModelPlatform;

/// Another thread's loop submits to this loop, which submits to that one, which submits back. Both loops
/// stop.
#[derive(Debug)]
pub struct TwoLoops<D = CondvarLoop>(PhantomData<D>);

impl<D: Design> Model for TwoLoops<D> {
    const THREADS: usize = 1;

    fn run<P: ModelPlatform>() {
        let event_loop = D::Loop::<P>::new();
        let log = Log::<P>::new();
        let (here, writer) = (event_loop.handle(), log.clone());
        let thread = P::spawn("other loop", move || {
            let other_loop = D::Loop::<P>::new();
            let other_log = Log::<P>::new();
            let (there, back) = (other_loop.handle(), here.clone());
            let other_writer = other_log.clone();
            let serve = move || {
                writer.ran(0, 0);
                let stop_there = there.clone();
                let answer = move || {
                    other_writer.ran(0, 0);
                    stop_there.stop();
                    let stop_here = back.clone();
                    let end = move || stop_here.stop();
                    back.call_soon_threadsafe(end).expect("the loop is open");
                };
                there
                    .call_soon_threadsafe(answer)
                    .expect("the loop is open");
            };
            here.call_soon_threadsafe(serve).expect("the loop is open");
            other_loop.run();
            other_log.assert_complete(1, 1);
        });
        event_loop.run();
        log.assert_complete(1, 1);
        P::join(thread);
    }
}
