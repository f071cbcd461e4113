//! Drives our own loop.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use wakeproof::{CallHandle, Event, EventHandle, EventLoop, Handle, hazard};
use wakeproof_probes::{Callback, Calls, Names, Owner, claiming, version};

const NAMES: Names = &[
    ("submit plain", "hazard::call_soon_without_wakeup"),
    ("submit safe", "call_soon_threadsafe"),
    ("timer safe", "call_later_threadsafe(0)"),
    ("set plain", "hazard::set_event_without_wakeup"),
    ("set safe", "EventHandle::set_threadsafe"),
    ("stop safe", "stop"),
    ("cancel", "CallHandle::cancel"),
    ("close", "close"),
    ("race", "close"),
    ("fail", "panic"),
    ("debug", "set_debug"),
];

struct Loop(EventLoop);

impl Owner for Loop {
    fn run(&self) -> Result<(), String> {
        self.0.run_forever().map_err(|error| why(error.to_string()))
    }

    fn close(&self) {
        self.0.close().expect("it is not in a run");
    }

    fn debug(&self) {
        self.0.set_debug(true);
    }
}

struct Threads {
    handle: Handle,
    event: EventHandle,
    submitted: Mutex<HashMap<u64, CallHandle>>,
    waits: Arc<Mutex<Option<Callback>>>,
}

/// `closed` is the word that a recording has for a closed loop.
fn why(message: String) -> String {
    if message.contains("closed") {
        "closed".into()
    } else {
        message
    }
}

impl Calls for Threads {
    fn submit(&self, safe: bool, id: u64, callback: Callback) -> Result<(), String> {
        let submitted = if safe {
            self.handle
                .call_soon_threadsafe(callback)
                .map_err(|error| why(error.to_string()))
        } else {
            hazard::call_soon_without_wakeup(&self.handle, callback)
                .map_err(|error| why(error.to_string()))
        };
        self.submitted
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(id, submitted?);
        Ok(())
    }

    fn timer(&self, _safe: bool, delay: Duration, callback: Callback) -> Result<(), String> {
        let timer = self.handle.call_later_threadsafe(delay, callback);
        timer.map(drop).map_err(|error| why(error.to_string()))
    }

    fn wait(&self, callback: Callback) {
        *self.waits.lock().unwrap_or_else(PoisonError::into_inner) = Some(callback);
    }

    fn set(&self, safe: bool) -> Result<(), String> {
        if safe {
            self.event
                .set_threadsafe()
                .map(drop)
                .map_err(|error| why(error.to_string()))
        } else {
            hazard::set_event_without_wakeup(&self.event).map_err(|error| why(error.to_string()))
        }
    }

    fn stop(&self, _safe: bool) {
        self.handle.stop();
    }

    fn cancel(&self, id: u64) -> bool {
        let submitted = self
            .submitted
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        submitted.get(&id).is_some_and(CallHandle::cancel)
    }
}

fn make() -> (Loop, Threads) {
    let event_loop = EventLoop::new();
    let event = Event::new(&event_loop.local());
    let waits = Arc::<Mutex<Option<Callback>>>::default();
    let calls = Threads {
        handle: event_loop.handle(),
        event: event.handle(),
        submitted: Mutex::default(),
        waits: waits.clone(),
    };
    let waiter = event_loop.local().spawn(async move {
        event.wait().await;
        let callback = waits.lock().unwrap_or_else(PoisonError::into_inner).take();
        callback.into_iter().for_each(|callback| callback());
    });
    drop(waiter.expect("it is open"));
    (Loop(event_loop), calls)
}

fn main() {
    let claims = ",\"promises\":[\"iteration-snapshot\",\"stop-after-iteration\",\"one-order\",\"order-across-threads\"]";
    claiming(claims, "wakeproof", version("wakeproof"), NAMES, make)
}
