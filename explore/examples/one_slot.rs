//! A mailbox whose receiver waits with `if`, and one whose sender notifies before it writes: each found, and told.

use wakeproof_explore::sync::{Arc, Condvar, Mutex};
use wakeproof_explore::{Explorer, thread};

fn waits_with_if() {
    let mailbox = Arc::new((Mutex::new(None), Condvar::new()));
    let other = mailbox.clone();
    let sender = thread::spawn(move || {
        *other.0.lock().unwrap() = Some(42);
        other.1.notify_one();
    });
    let mut message = mailbox.0.lock().unwrap();
    if message.is_none() {
        message = mailbox.1.wait(message).unwrap();
    }
    assert_eq!(*message, Some(42));
    drop(message);
    sender.join().unwrap();
}

fn notifies_first() {
    let mailbox = Arc::new((Mutex::new(None), Condvar::new()));
    let other = mailbox.clone();
    let sender = thread::spawn(move || {
        other.1.notify_one();
        *other.0.lock().unwrap() = Some(42);
    });
    let mut message = mailbox.0.lock().unwrap();
    while message.is_none() {
        message = mailbox.1.wait(message).unwrap();
    }
    drop(message);
    sender.join().unwrap();
}

fn right() {
    let mailbox = Arc::new((Mutex::new(None), Condvar::new()));
    let other = mailbox.clone();
    let sender = thread::spawn(move || {
        *other.0.lock().unwrap() = Some(42);
        other.1.notify_one();
    });
    let mut message = mailbox.0.lock().unwrap();
    while message.is_none() {
        message = mailbox.1.wait(message).unwrap();
    }
    drop(message);
    sender.join().unwrap();
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for body in [waits_with_if, notifies_first, right] {
        println!("{}", Explorer::new(body).run()?);
    }
    Ok(())
}
