/// What `event-listener` has at its core: a list of listeners behind a mutex, and a count of those that are
/// not notified, which a thread looks at before it takes the lock.
pub struct Event {
    listeners: Mutex<Vec<Arc<Listener>>>,
    waiting: AtomicUsize,
}

pub struct Listener {
    is_notified: AtomicBool,
    thread: thread::Thread,
}

impl Event {
    pub fn new() -> Self {
        Event {
            listeners: Mutex::new(Vec::new()),
            waiting: AtomicUsize::new(0),
        }
    }

    /// From now on, a notification reaches this thread. What it looks at next is not older.
    pub fn listen(&self) -> Arc<Listener> {
        let listener = Arc::new(Listener {
            is_notified: AtomicBool::new(false),
            thread: thread::current(),
        });
        let mut listeners = self.listeners.lock().unwrap();
        listeners.push(listener.clone());
        self.waiting.store(listeners.len(), Ordering::Release);
        drop(listeners);
        fence(Ordering::SeqCst);
        listener
    }

    /// Notifies a listener, if there is one. `FENCES` is what this must do: it orders what the caller has
    /// written before the look at the count.
    pub fn notify<const FENCES: bool>(&self) {
        if FENCES {
            fence(Ordering::SeqCst);
        }
        if self.waiting.load(Ordering::Acquire) == 0 {
            return;
        }
        let mut listeners = self.listeners.lock().unwrap();
        let listener = listeners.pop();
        self.waiting.store(listeners.len(), Ordering::Release);
        drop(listeners);
        if let Some(listener) = listener {
            listener.is_notified.store(true, Ordering::Release);
            listener.thread.unpark();
        }
    }
}

impl Listener {
    pub fn wait(&self) {
        while !self.is_notified.load(Ordering::Acquire) {
            thread::park();
        }
    }
}

/// A thread waits for a flag: it looks, listens, and looks again before it waits.
pub fn event<const IS_RIGHT: bool>() {
    let shared = Arc::new((Event::new(), AtomicBool::new(false)));
    let other = shared.clone();
    let thread = thread::spawn(move || {
        other.1.store(true, Ordering::Relaxed);
        other.0.notify::<IS_RIGHT>();
    });
    let (event, is_set) = &*shared;
    while !is_set.load(Ordering::Relaxed) {
        let listener = event.listen();
        if is_set.load(Ordering::Relaxed) {
            break;
        }
        listener.wait();
    }
    thread.join().unwrap();
}
