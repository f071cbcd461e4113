//! Channels.

use super::{right, wrong};
use crate::platform::Environment;
use crate::suite::Case;
use crate::sync::Arc;
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::mpsc::{self, RecvTimeoutError, TrySendError};
use crate::thread;
use crate::time::Duration;

/// A message carries what was written before it.
fn message<const WRITES_FIRST: bool>() {
    let data = Arc::new(AtomicUsize::new(0));
    let (sender, receiver) = mpsc::channel();
    let written = data.clone();
    let thread = thread::spawn(move || {
        if WRITES_FIRST {
            written.store(1, Ordering::Relaxed);
        }
        sender.send(()).unwrap();
        if !WRITES_FIRST {
            written.store(1, Ordering::Relaxed);
        }
    });
    receiver.recv().unwrap();
    assert_eq!(data.load(Ordering::Relaxed), 1, "it is not seen");
    thread.join().unwrap();
}

/// What another sender has written is not carried.
fn other_message<const CARRIES_ITS_OWN: bool>() {
    let data = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
    let (sender, receiver) = mpsc::channel();
    let threads = [0, 1].map(|number| {
        let (data, sender) = (data.clone(), sender.clone());
        thread::spawn(move || {
            data[number].store(1, Ordering::Relaxed);
            sender.send(number).unwrap();
        })
    });
    let first = receiver.recv().unwrap();
    let seen = if CARRIES_ITS_OWN { first } else { 1 - first };
    assert_eq!(data[seen].load(Ordering::Relaxed), 1, "it is not seen");
    for thread in threads {
        thread.join().unwrap();
    }
}

/// A receiver takes messages until every sender is gone. One of them stays, or none.
fn disconnect<const ALL_GO: bool>() {
    let (sender, receiver) = mpsc::channel();
    let other = sender.clone();
    let thread = thread::spawn(move || other.send(1).unwrap());
    let kept = (!ALL_GO).then_some(sender);
    assert_eq!(receiver.iter().sum::<i32>(), 1);
    drop(kept);
    thread.join().unwrap();
}

/// A message that is taken by whoever looks, or believed to be there.
fn try_recv<const LOOKS_AGAIN: bool>() {
    let (sender, receiver) = mpsc::channel();
    let thread = thread::spawn(move || sender.send(1).unwrap());
    let mut received = receiver.try_recv().ok();
    if LOOKS_AGAIN {
        received = received.or_else(|| receiver.recv().ok());
    }
    assert_eq!(received, Some(1), "it is not there yet");
    thread.join().unwrap();
}

/// A thread waits for a message for some time, and reckons with its end or not.
fn recv_timeout<const RECKONS_WITH_IT: bool>() {
    let (sender, receiver) = mpsc::channel();
    let thread = thread::spawn(move || sender.send(1).unwrap());
    match receiver.recv_timeout(Duration::from_secs(1)) {
        Ok(message) => assert_eq!(message, 1),
        Err(RecvTimeoutError::Timeout) if RECKONS_WITH_IT => {
            assert_eq!(receiver.recv(), Ok(1));
        }
        Err(error) => panic!("{error}"),
    }
    thread.join().unwrap();
}

/// Two threads send two messages to each other before they receive one: there is room for them, or not.
fn room<const FOR_BOTH: bool>() {
    let room = if FOR_BOTH { 2 } else { 1 };
    let (to_other, from_this) = mpsc::sync_channel(room);
    let (to_this, from_other) = mpsc::sync_channel(room);
    let thread = thread::spawn(move || {
        to_this.send(1).unwrap();
        to_this.send(2).unwrap();
        assert_eq!((from_this.recv(), from_this.recv()), (Ok(3), Ok(4)));
    });
    to_other.send(3).unwrap();
    to_other.send(4).unwrap();
    assert_eq!((from_other.recv(), from_other.recv()), (Ok(1), Ok(2)));
    thread.join().unwrap();
}

/// Without room, a message is sent when it is received; with room, perhaps before.
fn rendezvous<const WITHOUT_ROOM: bool>() {
    let (sender, receiver) = mpsc::sync_channel(usize::from(!WITHOUT_ROOM));
    let begun = Arc::new(AtomicUsize::new(0));
    let receives = begun.clone();
    let thread = thread::spawn(move || {
        receives.fetch_add(1, Ordering::Relaxed);
        receiver.recv().unwrap();
    });
    sender.send(()).unwrap();
    // Adding sees the last value there is: a message that is received makes nothing visible to its sender.
    let has_begun = begun.fetch_add(0, Ordering::Relaxed);
    assert_eq!(has_begun, 1, "sent, and nobody receives");
    thread.join().unwrap();
}

/// A thread sends if somebody takes the message at once, and keeps it otherwise.
fn try_send<const KEEPS_IT: bool>() {
    let (sender, receiver) = mpsc::sync_channel(0);
    let thread = thread::spawn(move || receiver.recv());
    match sender.try_send(1) {
        Ok(()) => {}
        Err(TrySendError::Full(message)) if KEEPS_IT => sender.send(message).unwrap(),
        Err(error) => panic!("{error}"),
    }
    drop(sender);
    assert_eq!(thread.join().unwrap(), Ok(1));
}

/// The receiver goes. Whoever sends is told, and a message that waits comes back.
fn receiver_goes<const RECKONS_WITH_IT: bool>() {
    let (sender, receiver) = mpsc::sync_channel(0);
    let thread = thread::spawn(move || drop(receiver));
    let sent = sender.send(7);
    if RECKONS_WITH_IT {
        assert_eq!(sent.unwrap_err().0, 7);
    } else {
        sent.unwrap();
    }
    thread.join().unwrap();
}

pub(super) fn cases() -> Vec<Case> {
    use crate::suite::Expected::{Found, Proved};
    let timeout = Environment {
        timeouts: 1,
        ..Environment::QUIET
    };
    vec![
        right("written before send", message::<true>),
        wrong("written after send", message::<false>, "not seen"),
        right("written by this sender", other_message::<true>).quiet(),
        wrong(
            "written by another sender",
            other_message::<false>,
            "not seen",
        )
        .quiet(),
        right("every sender goes", disconnect::<true>),
        wrong("a sender stays", disconnect::<false>, "deadlock"),
        right("try_recv, or waits", try_recv::<true>),
        wrong("try_recv, believes it", try_recv::<false>, "not there yet"),
        right("recv_timeout", recv_timeout::<true>).within(timeout),
        wrong(
            "recv_timeout, without a limit in mind",
            recv_timeout::<false>,
            "timed out",
        )
        .within(timeout),
        right("sync_channel, room for both", room::<true>).quiet(),
        wrong("sync_channel, room for one", room::<false>, "deadlock").quiet(),
        super::case(
            "sync_channel without room",
            Proved,
            Proved,
            rendezvous::<true>,
        ),
        super::case("sync_channel with room", Found, Found, rendezvous::<false>)
            .says("nobody receives"),
        right("try_send, or waits", try_send::<true>),
        wrong("try_send, believes it", try_send::<false>, "full channel"),
        right("the receiver goes, reckoned with", receiver_goes::<true>),
        wrong("the receiver goes", receiver_goes::<false>, "SendError"),
    ]
}
