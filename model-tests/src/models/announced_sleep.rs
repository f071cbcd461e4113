//! A loop that announces its sleep with an atomic flag, so that busy threads need no lock: two
//! threads that each write one flag and read the other, as in Dekker's mutual exclusion.

use std::fmt::Debug;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::parker::{Parker, Unpark};
use super::{CorrectSteps, Model};
use wakeproof_explore::journal::note;
use wakeproof_explore::platform::{Flag, ModelPlatform};

/// How the write of the one flag and the read of the other are ordered.
pub trait Announcement: Debug + 'static {
    /// Between the write and the read, on both sides: with a fence, at least one of the two threads
    /// sees what the other one wrote.
    fn between_write_and_read<P: ModelPlatform>() {
        P::fence();
    }
}

/// One thread submits work to a loop that is about to sleep. It wakes the loop only if it sees that
/// it is asleep; the loop sleeps only if it sees no work.
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
            note::<P>("submits work");
            A::between_write_and_read::<P>();
            if submitter.asleep.load(Ordering::Acquire) {
                CorrectSteps::unpark(&submitter.parker);
            } else {
                note::<P>("sees the loop awake, wakes nobody");
            }
        });
        shared.asleep.store(true, Ordering::Release);
        note::<P>("announces its sleep");
        A::between_write_and_read::<P>();
        if !shared.work.load(Ordering::Acquire) {
            note::<P>("sees no work");
            shared.parker.park();
        }
        P::join(thread);
    }
}
