//! A message for another thread, by a condvar: a bug in twenty lines, its story, and the repair.

use wakeproof_explore::sync::{Arc, Condvar, Mutex}; // instead of std::sync
use wakeproof_explore::{Explorer, Story, thread}; // instead of std::thread

#[derive(Default)]
struct Mailbox {
    message: Mutex<Option<u32>>,
    filled: Condvar,
}

fn send(mailbox: &Mailbox) {
    mailbox.filled.notify_one();
    *mailbox.message.lock().unwrap() = Some(42);
}

fn send_repaired(mailbox: &Mailbox) {
    *mailbox.message.lock().unwrap() = Some(42);
    mailbox.filled.notify_one();
}

fn receive(mailbox: &Mailbox) -> u32 {
    let mut message = mailbox.message.lock().unwrap();
    while message.is_none() {
        message = mailbox.filled.wait(message).unwrap();
    }
    message.take().unwrap()
}

/// A message arrives, in every execution.
fn explore(send: fn(&Mailbox)) -> Story {
    let explorer = Explorer::new(move || {
        let mailbox = Arc::new(Mailbox::default());
        let other = mailbox.clone();
        let sender = thread::Builder::new().name("sender".into());
        let sender = sender.spawn(move || send(&other)).unwrap();
        assert_eq!(receive(&mailbox), 42);
        sender.join().unwrap();
    });
    explorer.run().unwrap_or_else(|why| panic!("{why}"))
}

/// The story of the bug, and of its repair.
pub fn stories() -> [Story; 2] {
    [explore(send), explore(send_repaired)]
}

fn main() {
    for story in stories() {
        println!("{story}");
    }
}
