//! libuv/libuv PR 197 (PRs 50, 189, 349): a thread that has work for the loop sets `pending`, and writes to the loop's
//! pipe only if it was not set. The loop reads `pending`, and clears it by a plain store. A thread that sets it in
//! between writes nothing, and nothing orders its work before the callback, which may miss it. The repair clears it by
//! a compare-exchange.

use wakeproof_explore::os::{Interest, pipe, poll};
use wakeproof_explore::sync::Arc;
use wakeproof_explore::sync::atomic::{AtomicBool, Ordering};

#[derive(Default)]
struct Async {
    pending: AtomicBool,
    work: AtomicBool,
}

impl Async {
    /// Whether there is a callback to call.
    fn take<const REPAIRED: bool>(&self) -> bool {
        let pending = &self.pending;
        if REPAIRED {
            let (success, failure) = (Ordering::AcqRel, Ordering::Acquire);
            return pending
                .compare_exchange(true, false, success, failure)
                .is_ok();
        }
        let was_pending = pending.load(Ordering::Relaxed);
        if was_pending {
            pending.store(false, Ordering::Relaxed);
        }
        was_pending
    }
}

pub(crate) fn body<const REPAIRED: bool>() {
    let handle = Arc::new(Async::default());
    let (reader, writer) = pipe(2);
    let sender = handle.clone();
    let thread = super::spawn("thread", move || {
        let send = || {
            if !sender.pending.swap(true, Ordering::AcqRel) {
                writer.try_write(&[1]).unwrap();
            }
        };
        send();
        sender.work.store(true, Ordering::Relaxed);
        send();
        writer // the loop has another: the pipe stays open
    });
    let mut is_done = false;
    while !is_done {
        assert_eq!(poll(&[Interest::Readable(&reader)], None), [true]);
        reader.try_read(&mut [0]).unwrap();
        is_done = handle.take::<REPAIRED>() && handle.work.load(Ordering::Relaxed);
    }
    thread.join().unwrap();
}
