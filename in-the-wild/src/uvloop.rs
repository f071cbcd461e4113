//! MagicStack/uvloop PR 154 (cpython issue 74224): a signal handler writes the signal's number into the pipe
//! that wakes the loop. The pipe may be full of other wakeups, and the number is lost. The repair also notes
//! the signal where the loop looks whenever it wakes, so that a full pipe is as good as a byte in it.

use wakeproof_explore::os::{Interest, Signal, pipe, poll};
use wakeproof_explore::sync::Arc;
use wakeproof_explore::sync::atomic::{AtomicBool, Ordering};

const WAKEUP: u8 = 0;
const SIGNAL: u8 = 15;

pub(crate) fn body<const REPAIRED: bool>() {
    let (reader, writer) = pipe(1);
    let signal = Signal::new();
    let is_noted = Arc::new(AtomicBool::new(false));
    let (raised, other) = (signal.clone(), writer.clone());
    let thread = super::spawn("thread", move || {
        let _ = other.try_write(&[WAKEUP]); // a wakeup: if the pipe is full, one is there
        raised.raise();
    });
    let note = is_noted.clone();
    let handler = move || {
        if REPAIRED {
            note.swap(true, Ordering::Relaxed);
        }
        let _ = writer.try_write(&[SIGNAL]);
    };
    signal.handle(handler, || {
        let mut has_come = false;
        while !has_come {
            assert_eq!(poll(&[Interest::Readable(&reader)], None), [true]);
            let mut byte = [WAKEUP];
            let _ = reader.try_read(&mut byte);
            has_come = byte == [SIGNAL] || is_noted.swap(false, Ordering::Relaxed);
        }
    });
    thread.join().unwrap();
}
