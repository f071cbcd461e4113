//! Drives tokio's current-thread runtime in virtual time: its clock is paused, and moves only when the
//! runtime would sleep until a timer.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::{Builder, Handle, Runtime};
use wakeproof_probes::{Callback, Calls, Inbox, Names, Owner, claiming, version};

const NAMES: Names = &[
    ("submit safe", "Handle::spawn"),
    ("timer safe", "Handle::spawn(sleep)"),
    ("stop safe", "a flag, Waker::wake"),
];

struct Loop(Runtime, Arc<Inbox>);

impl Owner for Loop {
    fn run(&self) -> Result<(), String> {
        self.0.block_on(poll_fn(|context| self.1.poll(context)));
        Ok(())
    }
}

struct Threads(Handle, Arc<Inbox>);

impl Calls for Threads {
    fn submit(&self, _safe: bool, _id: u64, callback: Callback) -> Result<(), String> {
        self.0.spawn(async { callback() });
        Ok(())
    }

    fn timer(&self, _safe: bool, delay: Duration, callback: Callback) -> Result<(), String> {
        // The deadline counts from the call, not from the task's first turn.
        let _entered = self.0.enter();
        let sleep = tokio::time::sleep(delay);
        self.0.spawn(async {
            sleep.await;
            callback();
        });
        Ok(())
    }

    fn stop(&self, _safe: bool) {
        self.1.stop();
        self.1.wake();
    }
}

fn main() {
    let claims = ",\"virtual_time\":true";
    let name = "tokio current_thread, paused";
    claiming(claims, name, version("tokio"), NAMES, || {
        let runtime = Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime");
        let (handle, inbox) = (runtime.handle().clone(), Arc::<Inbox>::default());
        (Loop(runtime, inbox.clone()), Threads(handle, inbox))
    })
}
