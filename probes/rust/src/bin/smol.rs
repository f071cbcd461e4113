//! Drives smol's executor on its reactor. The plain way is a queue by hand whose task nobody wakes.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use async_executor::Executor;
use wakeproof_probes::{Callback, Calls, Inbox, Names, Owner, main as obey, version};

const NAMES: Names = &[
    ("submit plain", "a queue, and no Waker::wake"),
    ("submit safe", "Executor::spawn"),
    ("timer safe", "Executor::spawn(Timer::after(0))"),
    ("stop plain", "a flag, and no Waker::wake"),
    ("stop safe", "a flag, Waker::wake"),
];

#[derive(Clone)]
struct Smol(Arc<Executor<'static>>, Arc<Inbox>);

impl Owner for Smol {
    fn run(&self) -> Result<(), String> {
        let stopped = poll_fn(|context| self.1.poll(context));
        async_io::block_on(self.0.run(stopped));
        Ok(())
    }
}

impl Calls for Smol {
    fn submit(&self, safe: bool, _id: u64, callback: Callback) -> Result<(), String> {
        if safe {
            self.0.spawn(async { callback() }).detach();
        } else {
            self.1.push(callback);
        }
        Ok(())
    }

    fn timer(&self, _safe: bool, delay: Duration, callback: Callback) -> Result<(), String> {
        let timer = async move {
            async_io::Timer::after(delay).await;
            callback();
        };
        self.0.spawn(timer).detach();
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
    obey("smol", version("async-executor"), NAMES, || {
        let smol = Smol(Arc::default(), Arc::default());
        (smol.clone(), smol)
    })
}
