//! Drives a loop around mio's Poll, with a queue beside it, as one writes it by hand.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use mio::{Events, Poll, Token, Waker};
use wakeproof_probes::{Callback, Calls, Inbox, Names, Owner, main as obey, version};

const NAMES: Names = &[
    ("submit plain", "a queue"),
    ("submit safe", "a queue, Waker::wake"),
    ("stop plain", "a flag"),
    ("stop safe", "a flag, Waker::wake"),
];

struct Loop(RefCell<Poll>, Arc<Inbox>);

impl Owner for Loop {
    fn run(&self) -> Result<(), String> {
        let mut events = Events::with_capacity(8);
        loop {
            // Other events are looked for in any case.
            let limit = if self.1.is_empty() {
                None
            } else {
                Some(Duration::ZERO)
            };
            self.0
                .borrow_mut()
                .poll(&mut events, limit)
                .expect("a poll");
            if self.1.drain() {
                break;
            }
        }
        Ok(())
    }
}

struct Threads(Waker, Arc<Inbox>);

impl Threads {
    fn wake(&self, safe: bool) {
        if safe {
            self.0.wake().expect("a wakeup");
        }
    }
}

impl Calls for Threads {
    fn submit(&self, safe: bool, _id: u64, callback: Callback) -> Result<(), String> {
        self.1.push(callback);
        self.wake(safe);
        Ok(())
    }

    fn stop(&self, safe: bool) {
        self.1.stop();
        self.wake(safe);
    }
}

fn main() {
    obey("mio", version("mio"), NAMES, || {
        let poll = Poll::new().expect("a poll");
        let waker = Waker::new(poll.registry(), Token(0)).expect("a waker");
        let inbox = Arc::<Inbox>::default();
        (
            Loop(RefCell::new(poll), inbox.clone()),
            Threads(waker, inbox),
        )
    })
}
