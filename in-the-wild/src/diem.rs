//! diem/diem PR 4479: the last sender wakes the receiver first and counts itself out afterwards. The repair
//! counts first.

use wakeproof_explore::sync::Arc;
use wakeproof_explore::sync::atomic::{AtomicUsize, Ordering};
use wakeproof_explore::thread;

pub(crate) fn body<const REPAIRED: bool>() {
    let senders = Arc::new(AtomicUsize::new(1));
    let (counted, receiver) = (senders.clone(), thread::current());
    let sender = super::spawn("sender", move || {
        if REPAIRED {
            counted.fetch_sub(1, Ordering::AcqRel);
            receiver.unpark();
        } else {
            receiver.unpark();
            counted.fetch_sub(1, Ordering::AcqRel);
        }
    });
    while senders.load(Ordering::Acquire) > 0 {
        thread::park();
    }
    sender.join().unwrap();
}
