/// A channel with room for a number of messages.
pub struct Channel {
    messages: Mutex<VecDeque<u32>>,
    capacity: usize,
    not_empty: Condvar,
    not_full: Condvar,
}

impl Channel {
    pub fn new(capacity: usize) -> Self {
        Channel {
            messages: Mutex::new(VecDeque::new()),
            capacity,
            not_empty: Condvar::new(),
            not_full: Condvar::new(),
        }
    }

    /// `ALWAYS` is when this must notify. If it does so only when the channel was empty, a second receiver
    /// may sleep beside a second message.
    pub fn send<const ALWAYS: bool>(&self, message: u32) {
        let messages = self.messages.lock().unwrap();
        let is_full = |messages: &mut VecDeque<u32>| messages.len() == self.capacity;
        let mut messages = self.not_full.wait_while(messages, is_full).unwrap();
        messages.push_back(message);
        if ALWAYS || messages.len() == 1 {
            self.not_empty.notify_one();
        }
    }

    pub fn receive(&self) -> u32 {
        let messages = self.messages.lock().unwrap();
        let is_empty = |messages: &mut VecDeque<u32>| messages.is_empty();
        let mut messages = self.not_empty.wait_while(messages, is_empty).unwrap();
        let message = messages.pop_front().unwrap();
        self.not_full.notify_one();
        message
    }
}

/// Two threads receive a message each.
pub fn channel<const IS_RIGHT: bool>() {
    let channel = Arc::new(Channel::new(2));
    let receiver = channel.clone();
    let thread = thread::spawn(move || receiver.receive());
    let sender = channel.clone();
    let sends = thread::spawn(move || {
        sender.send::<IS_RIGHT>(1);
        sender.send::<IS_RIGHT>(2);
    });
    let received = channel.receive() + thread.join().unwrap();
    assert_eq!(received, 3);
    sends.join().unwrap();
}
