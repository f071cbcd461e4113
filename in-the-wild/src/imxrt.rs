//! OpenDevicePartnership/embassy-imxrt PR 366: a future looks whether its event has come, then registers its
//! waker. An interrupt in between finds no waker. The repair registers first. The interrupt is a thread here.

use std::task::{Poll, Waker};

use wakeproof_explore::future::block_on;
use wakeproof_explore::sync::atomic::{AtomicBool, Ordering};
use wakeproof_explore::sync::{Arc, Mutex};

#[derive(Default)]
struct Device {
    is_done: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

impl Device {
    fn register(&self, waker: &Waker) {
        *self.waker.lock().unwrap() = Some(waker.clone());
    }

    fn interrupt(&self) {
        self.is_done.store(true, Ordering::SeqCst);
        let waker = self.waker.lock().unwrap().take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

pub(crate) fn body<const REPAIRED: bool>() {
    let device = Arc::new(Device::default());
    let other = device.clone();
    let interrupt = super::spawn("interrupt", move || other.interrupt());
    block_on(std::future::poll_fn(|context| {
        if REPAIRED {
            device.register(context.waker());
        }
        if device.is_done.load(Ordering::SeqCst) {
            return Poll::Ready(());
        }
        if !REPAIRED {
            device.register(context.waker());
        }
        Poll::Pending
    }));
    interrupt.join().unwrap();
}
