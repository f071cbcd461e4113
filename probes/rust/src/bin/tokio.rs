//! Drives tokio's current-thread runtime. The plain way is a queue by hand whose task nobody wakes.
//!
//! With `--queue`, the safe way is that queue, too, and wakes the task: what is then seen of tokio is its
//! driver, and no queue of its scheduler's.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::{Builder, Handle, Runtime};
use wakeproof_probes::{Callback, Calls, Inbox, Names, Owner, main as obey, version};

const NAMES: Names = &[
    ("submit plain", "a queue, and no Waker::wake"),
    ("submit safe", "Handle::spawn"),
    ("timer safe", "Handle::spawn(sleep(0))"),
    ("stop plain", "a flag, and no Waker::wake"),
    ("stop safe", "a flag, Waker::wake"),
    ("fail", "panic"),
];

const QUEUE: Names = &[
    ("submit plain", "a queue, and no Waker::wake"),
    ("submit safe", "a queue, Waker::wake"),
    ("stop plain", "a flag, and no Waker::wake"),
    ("stop safe", "a flag, Waker::wake"),
];

struct Loop(Runtime, Arc<Inbox>);

impl Owner for Loop {
    fn run(&self) -> Result<(), String> {
        self.0.block_on(poll_fn(|context| self.1.poll(context)));
        Ok(())
    }
}

struct Threads(Handle, Arc<Inbox>, bool);

impl Calls for Threads {
    fn submit(&self, safe: bool, _id: u64, callback: Callback) -> Result<(), String> {
        if !safe {
            self.1.push(callback);
        } else if self.2 {
            self.1.push(callback);
            self.1.wake();
        } else {
            self.0.spawn(async { callback() });
        }
        Ok(())
    }

    fn timer(&self, _safe: bool, delay: Duration, callback: Callback) -> Result<(), String> {
        self.0.spawn(async move {
            tokio::time::sleep(delay).await;
            callback();
        });
        Ok(())
    }

    fn stop(&self, safe: bool) {
        self.1.stop();
        if safe {
            self.1.wake();
        }
    }
}

fn main() {
    let by_queue = std::env::args().any(|argument| argument == "--queue");
    let names = if by_queue { QUEUE } else { NAMES };
    obey("tokio current_thread", version("tokio"), names, move || {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let (handle, inbox) = (runtime.handle().clone(), Arc::<Inbox>::default());
        (
            Loop(runtime, inbox.clone()),
            Threads(handle, inbox, by_queue),
        )
    })
}
