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

struct Loop(RefCell<EventLoop<'static, Arc<Inbox>>>, Arc<Inbox>);

impl Owner for Loop {
    fn run(&self) {
        let mut inbox = self.1.clone();
        inbox.drain();
        let mut event_loop = self.0.borrow_mut();
        event_loop
            .run(None, &mut inbox, |inbox| {
                inbox.drain();
            })
            .expect("a run");
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
    let event_loop = EventLoop::try_new().expect("a loop");
    let inbox = Arc::<Inbox>::default();
    let calls = Threads(event_loop.get_signal(), inbox.clone());
    obey(
        "calloop",
        version("calloop"),
        NAMES,
        &Loop(RefCell::new(event_loop), inbox),
        calls,
    )
}
