//! A loop that announces its sleep with an atomic flag, so that busy threads need no lock. Two threads
//! each write one flag and read the other, as in Dekker's mutual exclusion.

use std::fmt::Debug;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Model;
use super::parker::Parker;
use wakeproof_explore::journal::{note, value};
use wakeproof_explore::platform::{Flag, ModelPlatform};

/// Orders the write of one flag before the read of the other.
pub trait Announcement: Debug + 'static {
    /// Called on both threads between the write and the read. With a fence, at least one of the threads
    /// sees what the other wrote.
    fn between_write_and_read<P: ModelPlatform>() {
        P::fence();
    }
}

/// One thread submits work to a loop that is about to sleep. The thread wakes the loop only if it sees it
/// asleep. The loop sleeps only if it sees no work.
#[derive(Debug)]
pub struct AnnouncedSleep<A>(PhantomData<A>);

impl<A: Announcement> Model for AnnouncedSleep<A> {
    const THREADS: usize = 1;

    fn run<P: ModelPlatform>() {
        struct Shared<P: ModelPlatform> {
            work: P::Flag,
            asleep: P::Flag,
            parker: Parker<P>,
        }
        let shared = Arc::new(Shared::<P> {
            work: P::Flag::new(),
            asleep: P::Flag::new(),
            parker: Parker::new(),
        });
        let submitter = shared.clone();
        let thread = P::spawn("thread 1", move || {
            submitter.work.store(true, Ordering::Release);
            value::<P>("work", true);
            note::<P>("submits work");
            A::between_write_and_read::<P>();
            if submitter.asleep.load(Ordering::Acquire) {
                submitter.parker.unpark();
            } else {
                note::<P>("sees the loop awake, wakes nobody");
            }
        });
        shared.asleep.store(true, Ordering::Release);
        value::<P>("asleep", true);
        note::<P>("announces its sleep");
        A::between_write_and_read::<P>();
        if !shared.work.load(Ordering::Acquire) {
            note::<P>("sees no work");
            shared.parker.park();
        }
        P::join(thread);
    }
}
