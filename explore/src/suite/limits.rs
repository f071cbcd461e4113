//! What a checker is not able to do is no counterexample, and no panic.

use std::sync::atomic::Ordering;
use std::sync::{Arc, mpsc};

use wakeproof::EventLoop;

use super::{Case, case};
use crate::platform::{Flag, ModelPlatform};

/// Threads one after the other.
fn threads<P: ModelPlatform, const MANY: bool>() {
    for _ in 0..if MANY { 5 } else { 3 } {
        P::join(P::spawn("thread", || ()));
    }
}

/// A thread waits for a flag by looking at it again and again; or it looks once.
fn spins<P: ModelPlatform, const AGAIN: bool>() {
    let flag = Arc::new(P::Flag::new());
    let setter = flag.clone();
    let thread = P::spawn("setter", move || setter.store(true, Ordering::Release));
    while !flag.load(Ordering::Acquire) && AGAIN {}
    P::join(thread);
}

/// A thread waits on a channel that no checker knows; the sender has to wait for it.
fn channel<P: ModelPlatform, const IS_FULL: bool>() {
    let (sender, receiver) = mpsc::channel();
    if IS_FULL {
        sender.send(1).expect("somebody listens");
    }
    let thread = P::spawn("sender", move || sender.send(2));
    receiver.recv().expect("somebody sends");
    // The receiver stays until the sender is through.
    assert!(P::join(thread).is_ok(), "somebody listens");
}

/// An event loop is dropped while its thread unwinds, which closes it, under a lock.
fn event_loop<P: ModelPlatform, const HOLDS: bool>() {
    let event_loop = EventLoop::<P>::on_platform();
    let handle = event_loop.handle();
    let thread = P::spawn("thread", move || handle.stop());
    event_loop.run_forever().expect("it is open");
    assert!(HOLDS, "it does not hold");
    P::join(thread);
}

/// A task's handle is dropped while its thread unwinds.
fn shared_task<P: ModelPlatform, const HOLDS: bool>() {
    let event_loop = EventLoop::<P>::on_platform();
    let handle = event_loop.handle();
    let task = event_loop.handle().spawn_threadsafe(async { 1 });
    let thread = P::spawn("thread", move || {
        let _task = task;
        handle.stop();
        assert!(HOLDS, "it does not hold");
    });
    event_loop.run_forever().expect("it is open");
    P::join(thread);
}

/// A value that takes a lock when it is dropped, which another thread holds for ever.
fn lock_in_drop<P: ModelPlatform>() {
    struct Locks<P: ModelPlatform>(Arc<P::Mutex<()>>);
    impl<P: ModelPlatform> Drop for Locks<P> {
        fn drop(&mut self) {
            drop(P::lock(&self.0));
        }
    }
    let mutex = Arc::new(P::mutex(()));
    let never = Arc::new((P::mutex(()), P::condvar()));
    let held = mutex.clone();
    let _thread = P::spawn("holder", move || {
        let _held = P::lock(&held);
        let guard = P::lock(&never.0);
        drop(P::wait(&never.1, guard));
    });
    let _locks = Locks::<P>(mutex);
    panic!("it fails");
}

pub(super) fn cases() -> Vec<Case> {
    let holds = "it does not hold";
    vec![
        case!("3 threads", Proved, Proved, threads::<false>),
        case!("5 threads", CannotJudge, Proved, threads::<true>).says("at most 5 threads"),
        case!("looks at a flag once", Proved, Proved, spins::<false>),
        case!("spins on a flag", NotProved, NotProved, spins::<true>).says("more than"),
        case!(
            "a channel with something in it",
            Proved,
            Proved,
            channel::<true>
        ),
        case!(
            "blocks on a channel",
            NotProved,
            NotProved,
            channel::<false>
        )
        .says("no step for"),
        case!(
            "a loop, and all is well",
            Proved,
            Proved,
            event_loop::<true>
        )
        .quiet(),
        case!(
            "a loop, dropped by a panic",
            Found,
            Found,
            event_loop::<false>
        )
        .quiet()
        .says(holds),
        case!(
            "a task, and all is well",
            Proved,
            Proved,
            shared_task::<true>
        )
        .quiet(),
        case!(
            "a task, dropped by a panic",
            Found,
            Found,
            shared_task::<false>
        )
        .quiet()
        .says(holds),
        case!(
            "a lock in a drop that is not to be had",
            Found,
            Found,
            lock_in_drop
        )
        .quiet()
        .says("it fails"),
    ]
}
