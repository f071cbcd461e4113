//! `std::sync::mpsc`, explored.
//!
//! Whoever receives sees what was written before each earlier message was sent, and before a sender was
//! gone. Whoever sends sees nothing by that, unless it is told that the receiver is gone.

mod iter;

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
pub use std::sync::mpsc::{RecvError, RecvTimeoutError, SendError, TryRecvError, TrySendError};

use crate::dropin::{Monitor, Real, Turn};
use crate::story;
use crate::time::Duration;

pub use self::iter::{IntoIter, Iter, TryIter};

/// What a channel under a checker consists of.
struct Channel<T> {
    messages: VecDeque<Message<T>>,
    /// How many messages it has room for; any number if that is not said.
    capacity: Option<usize>,
    /// The number of the next message.
    next: u64,
    senders: usize,
    has_receiver: bool,
    /// Whether the receiver waits: then a channel without room takes a message.
    receiver_waits: bool,
}

struct Message<T> {
    number: u64,
    value: T,
}

impl<T> Channel<T> {
    fn new(capacity: Option<usize>) -> Self {
        Channel {
            messages: VecDeque::new(),
            capacity,
            next: 0,
            senders: 1,
            has_receiver: true,
            receiver_waits: false,
        }
    }

    fn push(&mut self, value: T) -> u64 {
        let number = self.next;
        self.next += 1;
        self.messages.push_back(Message { number, value });
        number
    }
}

/// What the story says of a sender.
const SENDS: &str = "sends to {}";
const NO_RECEIVER: &str = "finds {} without a receiver";

impl<T> Turn<'_, Channel<T>> {
    /// Whether the receiver, which has found that, waits.
    fn waits(&mut self, found: &Taken<T>) {
        self.receiver_waits = !found.is_something();
        if self.receiver_waits {
            self.tells("waits to receive from {}");
        }
    }
}

/// What a receiver finds.
enum Taken<T> {
    Message(T),
    Nothing,
    NoSenders,
}

impl<T> Taken<T> {
    fn from(channel: &mut Turn<'_, Channel<T>>) -> Self {
        channel.tells(match (channel.messages.is_empty(), channel.senders) {
            (false, _) => "receives from {}",
            (true, 0) => "finds {} without senders",
            (true, _) => "finds {} empty",
        });
        if let Some(message) = channel.messages.pop_front() {
            if channel.capacity.is_some() {
                channel.wake_all();
            }
            Taken::Message(message.value)
        } else if channel.senders == 0 {
            Taken::NoSenders
        } else {
            Taken::Nothing
        }
    }

    /// As a result; none if there is nothing yet.
    fn result(self) -> Option<Result<T, RecvError>> {
        match self {
            Taken::Message(value) => Some(Ok(value)),
            Taken::NoSenders => Some(Err(RecvError)),
            Taken::Nothing => None,
        }
    }

    fn is_something(&self) -> bool {
        !matches!(self, Taken::Nothing)
    }
}

/// One side of a channel.
enum Side<R, T> {
    Real(Real<R>),
    Explored(Arc<Monitor<Channel<T>>>),
}

/// The sending side of a [`channel`].
pub struct Sender<T>(Side<std::sync::mpsc::Sender<T>, T>);

/// The sending side of a [`sync_channel`].
pub struct SyncSender<T>(Side<std::sync::mpsc::SyncSender<T>, T>);

/// The receiving side of a [`channel`] or a [`sync_channel`].
pub struct Receiver<T>(Side<std::sync::mpsc::Receiver<T>, T>);

/// A channel that has room for any number of messages.
///
/// ```
/// use wakeproof_explore::sync::mpsc;
/// use wakeproof_explore::thread;
///
/// let (sender, receiver) = mpsc::channel();
/// let thread = thread::spawn(move || sender.send(42));
/// assert_eq!(receiver.recv(), Ok(42));
/// thread.join().unwrap().unwrap();
/// assert!(receiver.recv().is_err());
/// ```
#[must_use]
#[track_caller]
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    match Monitor::of_the_execution("channel", Channel::new(None)) {
        Ok(channel) => {
            let channel = Arc::new(channel);
            let sender = Sender(Side::Explored(channel.clone()));
            (sender, Receiver(Side::Explored(channel)))
        }
        Err(_) => {
            let (sender, receiver) = std::sync::mpsc::channel();
            let sender = Sender(Side::Real(Real::new(sender)));
            (sender, Receiver(Side::Real(Real::new(receiver))))
        }
    }
}

/// A channel that has room for `capacity` messages. Without any room, a sender waits until its message
/// has been received.
///
/// ```
/// use wakeproof_explore::sync::mpsc;
///
/// let (sender, receiver) = mpsc::sync_channel(1);
/// sender.send(1).unwrap();
/// assert!(sender.try_send(2).is_err());
/// assert_eq!(receiver.recv(), Ok(1));
/// ```
#[must_use]
#[track_caller]
pub fn sync_channel<T>(capacity: usize) -> (SyncSender<T>, Receiver<T>) {
    match Monitor::of_the_execution("channel", Channel::new(Some(capacity))) {
        Ok(channel) => {
            let channel = Arc::new(channel);
            let sender = SyncSender(Side::Explored(channel.clone()));
            (sender, Receiver(Side::Explored(channel)))
        }
        Err(_) => {
            let (sender, receiver) = std::sync::mpsc::sync_channel(capacity);
            let sender = SyncSender(Side::Real(Real::new(sender)));
            (sender, Receiver(Side::Real(Real::new(receiver))))
        }
    }
}

impl<T> Sender<T> {
    /// Sends a message. Does not wait.
    ///
    /// # Errors
    ///
    /// If the receiver is gone: the message.
    ///
    /// # Panics
    ///
    /// Under a checker, if the channel was made in another execution, or outside.
    #[track_caller]
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        let channel = match &self.0 {
            Side::Real(sender) => return sender.get().send(value),
            Side::Explored(channel) => channel,
        };
        let sent = channel.step(Ordering::Release, |channel| {
            channel.tells(NO_RECEIVER);
            if !channel.has_receiver {
                return Err(value);
            }
            channel.tells(SENDS);
            channel.push(value);
            channel.wake_all();
            Ok(())
        });
        sent.map_err(|value| channel.is_closed(value))
    }
}

impl<T> SyncSender<T> {
    /// Sends a message, and waits until there is room for it, or, in a channel without room, until it has
    /// been received.
    ///
    /// # Errors
    ///
    /// If the receiver is gone: the message.
    ///
    /// # Panics
    ///
    /// Under a checker, if the channel was made in another execution, or outside.
    #[track_caller]
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        let channel = match &self.0 {
            Side::Real(sender) => return sender.get().send(value),
            Side::Explored(channel) => channel,
        };
        let mut message = Some(value);
        let mut number = None;
        let sent = channel.until(Ordering::Release, |channel| {
            channel.tells(if channel.has_receiver {
                SENDS
            } else {
                NO_RECEIVER
            });
            if let Some(number) = number {
                // There is no room, and the message waits to be taken.
                let mut waiting = channel.messages.iter();
                let place = waiting.position(|message| message.number == number);
                return match place {
                    None => Some(Ok(())),
                    Some(place) if !channel.has_receiver => {
                        let value = channel.messages.remove(place);
                        Some(Err(value.map(|message| message.value)))
                    }
                    Some(_) => {
                        channel.tells("waits to send to {}");
                        None
                    }
                };
            }
            let capacity = channel.capacity.unwrap_or(usize::MAX);
            if !channel.has_receiver {
                return Some(Err(message.take()));
            }
            if channel.messages.len() < capacity.max(1) || capacity == 0 {
                let sent = channel.push(message.take()?);
                channel.wake_all();
                if capacity > 0 {
                    return Some(Ok(()));
                }
                number = Some(sent);
            }
            channel.tells("waits to send to {}");
            None
        });
        sent.map_err(|value| channel.is_closed(value.expect("a message that was not received")))
    }

    /// Sends a message, if there is room for it, or, in a channel without room, if the receiver waits.
    ///
    /// # Errors
    ///
    /// If not, or if the receiver is gone: the message.
    ///
    /// # Panics
    ///
    /// As [`send`](Self::send).
    #[track_caller]
    pub fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        let channel = match &self.0 {
            Side::Real(sender) => return sender.get().try_send(value),
            Side::Explored(channel) => channel,
        };
        let sent = channel.step(Ordering::Release, |channel| {
            channel.tells(NO_RECEIVER);
            if !channel.has_receiver {
                return Err((true, value));
            }
            let room = match channel.capacity {
                Some(0) => usize::from(channel.receiver_waits),
                capacity => capacity.unwrap_or(usize::MAX),
            };
            channel.tells("finds {} full");
            if channel.messages.len() >= room {
                return Err((false, value));
            }
            channel.tells(SENDS);
            channel.push(value);
            channel.wake_all();
            Ok(())
        });
        sent.map_err(|(is_closed, value)| {
            if is_closed {
                TrySendError::Disconnected(channel.is_closed(value).0)
            } else {
                TrySendError::Full(value)
            }
        })
    }
}

impl<T> Receiver<T> {
    /// Waits for a message and takes it.
    ///
    /// # Errors
    ///
    /// If there is none and every sender is gone.
    ///
    /// # Panics
    ///
    /// Under a checker, if the channel was made in another execution, or outside.
    #[track_caller]
    pub fn recv(&self) -> Result<T, RecvError> {
        let channel = match &self.0 {
            Side::Real(receiver) => return receiver.get().recv(),
            Side::Explored(channel) => channel,
        };
        let taken = channel.until(Ordering::Acquire, |channel| {
            let taken = Taken::from(channel);
            channel.waits(&taken);
            taken.is_something().then_some(taken)
        });
        taken.result().unwrap_or(Err(RecvError))
    }

    /// Takes a message, if there is one.
    ///
    /// # Errors
    ///
    /// If there is none, or none any more.
    ///
    /// # Panics
    ///
    /// As [`recv`](Self::recv).
    #[track_caller]
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        let channel = match &self.0 {
            Side::Real(receiver) => return receiver.get().try_recv(),
            Side::Explored(channel) => channel,
        };
        match channel.step(Ordering::Acquire, Taken::from).result() {
            Some(taken) => taken.map_err(|RecvError| TryRecvError::Disconnected),
            None => Err(TryRecvError::Empty),
        }
    }

    /// Waits for a message for at most `timeout`, and takes it.
    ///
    /// # Errors
    ///
    /// If the time is over, or if there is none and every sender is gone.
    ///
    /// # Panics
    ///
    /// As [`recv`](Self::recv).
    #[track_caller]
    pub fn recv_timeout(&self, timeout: Duration) -> Result<T, RecvTimeoutError> {
        let channel = match &self.0 {
            Side::Real(receiver) => return receiver.get().recv_timeout(timeout),
            Side::Explored(channel) => channel,
        };
        let taken = channel.until_timeout(Ordering::Acquire, timeout, |channel| {
            let taken = Taken::from(channel);
            channel.waits(&taken);
            taken.is_something().then_some(taken)
        });
        // One that was sent because the receiver waited is not left behind.
        let taken = taken.unwrap_or_else(|| {
            channel.step(Ordering::Acquire, |channel| {
                channel.receiver_waits = false;
                Taken::from(channel)
            })
        });
        match taken.result() {
            Some(taken) => taken.map_err(|RecvError| RecvTimeoutError::Disconnected),
            None => Err(RecvTimeoutError::Timeout),
        }
    }

    /// Waits for each message, until every sender is gone.
    #[track_caller]
    pub fn iter(&self) -> Iter<'_, T> {
        Iter(self)
    }

    /// Takes the messages that are there. Does not wait.
    #[track_caller]
    pub fn try_iter(&self) -> TryIter<'_, T> {
        TryIter(self)
    }
}

impl<R, T> Side<R, T> {
    /// One more sender.
    #[track_caller]
    fn join(&self) -> Side<R, T>
    where
        R: Clone,
    {
        match self {
            Side::Real(sender) => Side::Real(Real::new(sender.get().clone())),
            Side::Explored(channel) => {
                channel.step(Ordering::Relaxed, |channel| {
                    channel.tells(story::NOTHING);
                    channel.senders += 1;
                });
                Side::Explored(channel.clone())
            }
        }
    }

    /// One sender less.
    fn leave(&self) {
        if let Side::Explored(channel) = self {
            channel.step_in_drop(Ordering::Release, |channel| {
                channel.senders -= 1;
                channel.tells(story::NOTHING);
                if channel.senders == 0 {
                    channel.tells("is the last sender of {}, and goes");
                    channel.wake_all();
                }
            });
        }
    }
}

impl<T> Monitor<Channel<T>> {
    /// The receiver is gone, and what it has written before is visible.
    #[track_caller]
    fn is_closed(&self, value: T) -> SendError<T> {
        self.step(Ordering::Acquire, |channel| channel.tells(story::NOTHING));
        SendError(value)
    }
}

impl<T> Clone for Sender<T> {
    #[track_caller]
    fn clone(&self) -> Self {
        Sender(self.0.join())
    }
}

impl<T> Clone for SyncSender<T> {
    #[track_caller]
    fn clone(&self) -> Self {
        SyncSender(self.0.join())
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.0.leave();
    }
}

impl<T> Drop for SyncSender<T> {
    fn drop(&mut self) {
        self.0.leave();
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        if let Side::Explored(channel) = &self.0 {
            let mut left = VecDeque::new();
            channel.step_in_drop(Ordering::Release, |channel| {
                channel.has_receiver = false;
                channel.tells("is the receiver of {}, and goes");
                // A sender that waits for its message to be taken takes it back.
                if channel.capacity != Some(0) {
                    left = std::mem::take(&mut channel.messages);
                }
                channel.wake_all();
            });
            drop(left); // a message may have a destructor that takes steps
        }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for SyncSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SyncSender").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").finish_non_exhaustive()
    }
}
