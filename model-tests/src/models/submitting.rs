//! Threads submit to a loop that may be going to sleep.

use std::collections::VecDeque;
use std::sync::Arc;

use wakeproof::inbox::Inbox;
use wakeproof::platform::Environment;

use super::{CheckedLoop, Log, Model, SPURIOUS};
use crate::platform::ModelPlatform;

/// `N` threads submit `EACH` callbacks; the one that runs last stops the loop.
///
/// Whether the submission comes before the loop looks at its queue, between the look and the sleep,
/// or when it is asleep, is for the checker to try. A wakeup that is lost leaves the loop asleep.
#[derive(Debug)]
pub struct Submit<const N: usize, const EACH: usize>;

impl<const N: usize, const EACH: usize> Model for Submit<N, EACH> {
    const THREADS: usize = N;

    fn run<P: ModelPlatform>() {
        let event_loop = CheckedLoop::<P>::new();
        let log = Log::<P>::new();
        let threads: Vec<_> = (0..N)
            .map(|by| {
                let (handle, log) = (event_loop.handle(), log.clone());
                P::spawn(&format!("thread {}", by + 1), move || {
                    for nth in 0..EACH {
                        let (stop, log) = (handle.clone(), log.clone());
                        let callback = move || {
                            if log.ran(by, nth) == N * EACH {
                                stop.stop();
                            }
                        };
                        handle.call_soon_threadsafe(callback).expect("it is open");
                    }
                })
            })
            .collect();
        event_loop.run();
        threads.into_iter().for_each(P::join);
        log.assert_complete(N, EACH);
    }
}

/// One thread submits; the loop's first batch has to hold something, since nobody stops the loop
/// and no deadline passes.
#[derive(Debug)]
pub struct Unasked;

impl Model for Unasked {
    const THREADS: usize = 1;
    const ENVIRONMENT: Environment = SPURIOUS;

    fn run<P: ModelPlatform>() {
        let inbox = Arc::new(Inbox::<P, &str>::new());
        let submitter = inbox.clone();
        let thread = P::spawn("thread 1", move || {
            submitter.call_soon_threadsafe("work").expect("it is open");
        });
        let mut batch = VecDeque::new();
        inbox.first_batch(&mut batch, None);
        assert!(!batch.is_empty(), "an iteration that nobody asked for");
        P::join(thread);
    }
}
