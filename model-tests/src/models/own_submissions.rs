//! The order of submissions from the loop's own thread and from another.

use std::collections::VecDeque;
use std::fmt::Debug;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use wakeproof::inbox::Inbox;

use super::Model;
use wakeproof_explore::journal::{note, value};
use wakeproof_explore::platform::{Flag, ModelPlatform};

/// Where the loop's own thread puts a callback.
pub trait OwnSubmission: Debug + 'static {
    /// Into the queue that all threads share.
    fn submit<P: ModelPlatform>(
        inbox: &Inbox<P, &'static str>,
        _own_queue: &mut VecDeque<&'static str>,
        callback: &'static str,
    ) {
        inbox.call_soon(callback).expect("the loop is open");
    }
}

/// A thread submits a callback and then sets a flag. The loop's running callback sees the flag and submits
/// another callback. The first submission runs first.
#[derive(Debug)]
pub struct OwnAfterForeign<S>(PhantomData<S>);

impl<S: OwnSubmission> Model for OwnAfterForeign<S> {
    const THREADS: usize = 1;

    fn run<P: ModelPlatform>() {
        let inbox = Arc::new(Inbox::<P, &str>::new());
        let flag = Arc::new(P::Flag::new());
        let (submitter, done) = (inbox.clone(), flag.clone());
        let thread = P::spawn("thread 1", move || {
            submitter
                .call_soon_threadsafe("first")
                .expect("the loop is open");
            done.store(true, Ordering::Release);
            value::<P>("flag", true);
            note::<P>("sets the flag: it has submitted");
        });

        let mut own_queue = VecDeque::new();
        let after = flag.load(Ordering::Acquire);
        if after {
            note::<P>("sees the flag, submits");
            S::submit::<P>(&inbox, &mut own_queue, "second");
        }
        let mut ran = Vec::from(own_queue);
        let mut batch = VecDeque::new();
        inbox.first_batch(&mut batch, None);
        ran.extend(batch);
        let expected: &[&str] = if after {
            &["first", "second"]
        } else {
            &["first"]
        };
        assert_eq!(ran, expected, "in the order of submission");
        P::join(thread);
    }
}
