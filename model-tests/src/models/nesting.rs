//! Callbacks that submit callbacks.

use std::marker::PhantomData;

use super::{Log, Model};
use crate::design::{CondvarLoop, Design, Loop, LoopHandle};
use wakeproof_explore::platform::ModelPlatform;

/// A callback from the loop's thread submits another one, and so does a callback from another thread. The
/// last of the four stops the loop.
#[derive(Debug)]
pub struct CallbackSubmits<D = CondvarLoop>(PhantomData<D>);

impl<D: Design> Model for CallbackSubmits<D> {
    const THREADS: usize = 1;

    fn run<P: ModelPlatform>() {
        const OWN: usize = 0;
        const OTHER: usize = 1;
        let event_loop = D::Loop::<P>::new();
        let log = Log::<P>::new();

        let (own, handle, writer) = (event_loop.handle(), event_loop.handle(), log.clone());
        let stop_behind_four = move |writer: &Log<P>, by, nth| {
            if writer.ran(by, nth) == 4 {
                handle.stop();
            }
        };
        let last = stop_behind_four.clone();
        let outer = move || {
            last(&writer, OWN, 0);
            let inner = move || last(&writer, OWN, 1);
            own.call_soon(inner).expect("the loop is open");
        };
        let here = event_loop.handle();
        here.call_soon(outer).expect("the loop is open");

        let (handle, writer) = (event_loop.handle(), log.clone());
        let thread = P::spawn("thread 1", move || {
            let (again, last) = (handle.clone(), stop_behind_four);
            let outer = move || {
                last(&writer, OTHER, 0);
                let inner = move || last(&writer, OTHER, 1);
                again.call_soon_threadsafe(inner).expect("the loop is open");
            };
            handle
                .call_soon_threadsafe(outer)
                .expect("the loop is open");
        });
        event_loop.run();
        P::join(thread);
        log.assert_complete(2, 2);
    }
}
