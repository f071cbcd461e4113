//! Futures, run to their end by one thread.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use crate::dropin::{Monitor, Woken};
use crate::story;
use crate::sync::atomic::{AtomicBool, Ordering};

/// Runs a future to its end on this thread, which sleeps until its waker is called. If the environment
/// admits [spurious wakeups](crate::Environment::spurious_wakeups), the future is also polled for no reason,
/// which its contract admits.
///
/// ```
/// use wakeproof_explore::future::block_on;
///
/// assert_eq!(block_on(async { 6 * 7 }), 42);
/// ```
#[track_caller]
pub fn block_on<F: Future>(future: F) -> F::Output {
    let notice = Arc::new(Notice {
        is_woken: AtomicBool::new(false),
        sleeper: Monitor::new("future", ()),
    });
    let waker = Waker::from(notice.clone());
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return value;
        }
        notice.wait();
    }
}

/// That the future has to be polled.
#[derive(Debug)]
struct Notice {
    is_woken: AtomicBool,
    sleeper: Monitor<()>,
}

impl Notice {
    #[track_caller]
    fn wait(&self) {
        while !self.take() {
            let is_woken = || story::inside(|| self.is_woken.fetch_or(false, Ordering::Relaxed));
            if self.sleeper.wait(None, is_woken) == Woken::Notified {
                self.take();
                return;
            }
        }
    }

    /// Whether the waker was called since the last look.
    fn take(&self) -> bool {
        story::inside(|| self.is_woken.swap(false, Ordering::Acquire))
    }
}

impl Wake for Notice {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        story::inside(|| self.is_woken.swap(true, Ordering::Release));
        self.sleeper.notify(1);
    }
}
