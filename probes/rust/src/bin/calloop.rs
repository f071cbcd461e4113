//! Drives calloop, with a queue beside it that the loop looks at after each dispatch.

use std::cell::RefCell;
use std::sync::Arc;

use calloop::{EventLoop, LoopSignal};
use wakeproof_probes::{Callback, Calls, Inbox, Names, Owner, main as obey, version};

const NAMES: Names = &[
    ("submit plain", "a queue"),
    ("submit safe", "a queue, LoopSignal::wakeup"),
    ("stop plain", "LoopSignal::stop"),
    ("stop safe", "LoopSignal::stop, wakeup"),
];

struct Loop(
    RefCell<EventLoop<'static, Arc<Inbox>>>,
    Arc<Inbox>,
    LoopSignal,
);

impl Loop {
    /// What is in the queue already is run after the next dispatch, which must not sleep.
    fn look_again(&self) {
        if !self.1.is_empty() {
            self.2.wakeup();
        }
    }
}

impl Owner for Loop {
    fn run(&self) -> Result<(), String> {
        let mut inbox = self.1.clone();
        self.look_again();
        let ran = self.0.borrow_mut().run(None, &mut inbox, |inbox| {
            inbox.drain();
            self.look_again();
        });
        ran.map_err(|error| error.to_string())
    }
}

struct Threads(LoopSignal, Arc<Inbox>);

impl Calls for Threads {
    fn submit(&self, safe: bool, _id: u64, callback: Callback) -> Result<(), String> {
        self.1.push(callback);
        if safe {
            self.0.wakeup();
        }
        Ok(())
    }

    fn stop(&self, safe: bool) {
        self.0.stop();
        if safe {
            self.0.wakeup();
        }
    }
}

fn main() {
    obey("calloop", version("calloop"), NAMES, || {
        let event_loop = EventLoop::try_new().expect("a loop");
        let inbox = Arc::<Inbox>::default();
        let signal = event_loop.get_signal();
        let calls = Threads(signal.clone(), inbox.clone());
        (Loop(RefCell::new(event_loop), inbox, signal), calls)
    })
}
