//! What the adapters in Rust share: words in, the lines of a recording out. `../README.md` has both.

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::io::{BufRead, Write, stdin, stdout};
use std::os::fd::AsFd;
use std::process::exit;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Barrier, Mutex, OnceLock, PoisonError, RwLock};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

/// A callback: it writes its line, and obeys what follows from it.
pub type Callback = Box<dyn FnOnce() + Send>;

/// What the loop's own thread does.
pub trait Owner {
    /// Runs the loop until it is stopped.
    ///
    /// # Errors
    ///
    /// Why the loop refuses to run.
    fn run(&self) -> Result<(), String>;
    /// Closes it.
    fn close(&self) {}
    /// Switches its debug mode on.
    fn debug(&self) {}
}

/// What other threads do. An error is why a call was refused.
pub trait Calls: Send + Sync + 'static {
    /// Submits a callback, in a way that wakes the loop or in one that does not.
    ///
    /// # Errors
    ///
    /// If the loop refuses it.
    fn submit(&self, safe: bool, id: u64, callback: Callback) -> Result<(), String>;
    /// Asks the loop to stop.
    fn stop(&self, safe: bool);
    /// Submits a callback with a delay.
    ///
    /// # Errors
    ///
    /// If the loop refuses it.
    fn timer(&self, _safe: bool, _delay: Duration, _callback: Callback) -> Result<(), String> {
        Err("there are no timers".into())
    }
    /// Lets something on the loop wait for an event, and then go on with the callback.
    fn wait(&self, _callback: Callback) {}
    /// Sets that event.
    ///
    /// # Errors
    ///
    /// If the loop refuses that.
    fn set(&self, _safe: bool) -> Result<(), String> {
        Err("there is no event".into())
    }
    /// Cancels a callback, and says whether that kept it from running.
    fn cancel(&self, _id: u64) -> bool {
        false
    }
}

/// What the words are called in this loop. A word that is not among them is never said.
pub type Names = &'static [(&'static str, &'static str)];

/// Writes one line by one write, which a pipe takes whole: no lock that the loop might need, as
/// `Stdout` has one.
fn write(line: &str) {
    static OUT: OnceLock<File> = OnceLock::new();
    let mut out = OUT.get_or_init(|| {
        stdout()
            .as_fd()
            .try_clone_to_owned()
            .expect("a descriptor")
            .into()
    });
    if out.write_all(format!("{line}\n").as_bytes()).is_err() {
        exit(3);
    }
}

fn say(rest: &str) {
    let thread = thread::current();
    write(&format!(
        "{{\"thread\":{:?},{rest}}}",
        thread.name().unwrap_or("?")
    ));
}

struct Adapter<C> {
    /// Those of the newest loop.
    calls: RwLock<Arc<C>>,
    /// Where the loop's thread gives them, after `open`.
    opened: Mutex<Receiver<C>>,
    names: Names,
    to_set: Arc<Mutex<u64>>,
    /// What callbacks will obey.
    scripts: Mutex<HashMap<u64, String>>,
    /// For what only the loop's own thread can do.
    owner: Sender<String>,
}

/// The version of a dependency.
#[must_use]
pub fn version(package: &str) -> &'static str {
    let lock = include_str!("../Cargo.lock");
    let entry = lock
        .split("[[package]]")
        .find(|entry| entry.contains(&format!("name = {package:?}\n")));
    entry
        .and_then(|entry| entry.split("version = \"").nth(1)?.split('"').next())
        .unwrap_or("unknown")
}

/// Obeys the words on standard input. `make` makes a loop, on the thread that will run it.
pub fn main<O: Owner, C: Calls>(
    name: &str,
    version: &str,
    names: Names,
    make: impl Fn() -> (O, C) + Send + 'static,
) -> ! {
    claiming("", name, version, names, make)
}

/// The same. `claims` is what else the first line says, after a comma.
pub fn claiming<O: Owner, C: Calls>(
    claims: &str,
    name: &str,
    version: &str,
    names: Names,
    make: impl Fn() -> (O, C) + Send + 'static,
) -> ! {
    let (owner, words) = channel::<String>();
    let (give, take) = channel();
    named_thread("loop", move || {
        let (mut owner, calls) = make();
        give.send(calls).expect("the main thread waits for them");
        for word in words {
            match &*word {
                "open" => {
                    let calls;
                    (owner, calls) = make();
                    give.send(calls).expect("the main thread waits for them");
                }
                "run" => {
                    say("\"begins\":\"start\"");
                    match owner.run() {
                        Ok(()) => say("\"ends\":\"start\",\"result\":\"returned\""),
                        Err(why) => say(&format!(
                            "\"ends\":\"start\",\"result\":\"refused\",\"why\":{why:?}"
                        )),
                    }
                }
                "close" => {
                    say("\"begins\":\"close\",\"by\":\"close\"");
                    owner.close();
                    say("\"ends\":\"close\",\"result\":\"returned\"");
                }
                _ => owner.debug(),
            }
        }
    });
    let calls = take.recv().expect("the loop's thread makes them");
    let adapter = Arc::new(Adapter {
        calls: RwLock::new(Arc::new(calls)),
        opened: Mutex::new(take),
        names,
        to_set: Arc::default(),
        scripts: Mutex::default(),
        owner,
    });
    let named: Vec<String> = names
        .iter()
        .map(|(word, call)| format!("{word:?}:{call:?}"))
        .collect();
    let named = named.join(",");
    write(&format!(
        "{{\"probe\":1,\"loop\":{name:?},\"version\":{version:?},\"calls\":{{{named},\"open\":\"new loop\",\"when\":\"then\",\"threads\":\"thread\"}}{claims}}}"
    ));
    for line in stdin().lock().lines() {
        adapter.obey(&line.unwrap_or_default());
    }
    exit(0); // Some loops never return: their threads are left behind on purpose.
}

fn named_thread(name: &str, body: impl FnOnce() + Send + 'static) {
    thread::Builder::new()
        .name(name.into())
        .spawn(body)
        .expect("a thread");
}

impl<C: Calls> Adapter<C> {
    /// Obeys `A ; B then C`: C belongs to the callbacks that A and B submit.
    fn obey(self: &Arc<Self>, line: &str) {
        if let Some(parts) = line.strip_prefix("threads ") {
            return self.threads(parts);
        }
        let (commands, then) = line.split_once(" then ").unwrap_or((line, ""));
        for command in commands.split(" ; ") {
            let words: Vec<&str> = command.split_whitespace().collect();
            let number = |place: usize| {
                words
                    .get(place)
                    .and_then(|word| word.parse().ok())
                    .unwrap_or(0)
            };
            let how = words.get(1).copied().unwrap_or_default();
            let safe = how == "safe";
            match words.first().copied().unwrap_or_default() {
                "submit" => self.submit(how, number(2), then),
                "chain" => {
                    let (id, last) = (number(2), number(3));
                    let rest = format!("chain {how} {} {last}", id + 1);
                    self.submit(how, id, if id < last { &rest } else { "" });
                }
                "timer" => {
                    let id = number(2);
                    self.call("timer", how, id, |calls| {
                        calls.timer(
                            safe,
                            Duration::from_millis(number(3)),
                            self.callback(id, ""),
                        )
                    });
                }
                "when" => {
                    let id = how.parse().unwrap_or(0);
                    self.scripts().insert(id, then.to_owned());
                }
                "wait" => {
                    let (adapter, to_set) = (self.clone(), self.to_set.clone());
                    self.calls().wait(Box::new(move || {
                        let id = *to_set.lock().unwrap_or_else(PoisonError::into_inner);
                        adapter.callback(id, "")();
                    }));
                }
                "set" => {
                    *self.to_set.lock().unwrap_or_else(PoisonError::into_inner) = number(2);
                    self.call("set", how, number(2), |calls| calls.set(safe));
                }
                "stop" => {
                    let by = self.name(&format!("stop {how}"));
                    say(&format!(
                        "\"begins\":\"stop\",\"wakes\":{safe},\"by\":{by:?}"
                    ));
                    self.calls().stop(safe);
                    say("\"ends\":\"stop\",\"result\":\"returned\"");
                }
                "cancel" => {
                    let id = how.parse().unwrap_or(0);
                    say(&format!("\"begins\":\"cancel\",\"callback\":{id}"));
                    let result = if self.calls().cancel(id) {
                        "cancelled"
                    } else {
                        "too late"
                    };
                    say(&format!("\"ends\":\"cancel\",\"result\":{result:?}"));
                }
                "burst" => drop(self.burst(how, number(2), number(3), number(4), 0)),
                "race" => {
                    let first = how.parse().unwrap_or(0);
                    self.burst("safe", first, number(2), number(3), 1).wait();
                    self.obey("close");
                }
                "open" => self.open(),
                "fail" => panic!("on purpose"),
                "quit" => exit(0),
                word @ ("run" | "close" | "debug") => drop(self.owner.send(word.into())),
                _ => {}
            }
        }
    }

    fn name(&self, word: &str) -> &'static str {
        self.names
            .iter()
            .find(|(known, _)| *known == word)
            .map_or("?", |(_, call)| call)
    }

    fn call(&self, word: &str, how: &str, id: u64, act: impl FnOnce(&C) -> Result<(), String>) {
        let by = self.name(&format!("{word} {how}"));
        let wakes = how == "safe";
        say(&format!(
            "\"begins\":\"submit\",\"callback\":{id},\"wakes\":{wakes},\"by\":{by:?}"
        ));
        match act(&self.calls()) {
            Ok(()) => say("\"ends\":\"submit\",\"result\":\"accepted\""),
            Err(why) => say(&format!(
                "\"ends\":\"submit\",\"result\":\"refused\",\"why\":{why:?}"
            )),
        }
    }

    fn callback(self: &Arc<Self>, id: u64, then: &str) -> Callback {
        let (adapter, then) = (self.clone(), then.to_owned());
        Box::new(move || {
            say(&format!("\"runs\":{id}"));
            let script = adapter.scripts().remove(&id).unwrap_or(then);
            adapter.obey(&script);
        })
    }

    fn calls(&self) -> Arc<C> {
        let calls = self.calls.read().unwrap_or_else(PoisonError::into_inner);
        calls.clone()
    }

    /// Waits until the loop's thread has made another loop. The old one has returned from its run.
    fn open(&self) {
        self.scripts().clear();
        let _ = self.owner.send("open".into());
        let opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        let calls = opened.recv().expect("the loop's thread makes them");
        *self.calls.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(calls);
    }

    fn scripts(&self) -> std::sync::MutexGuard<'_, HashMap<u64, String>> {
        self.scripts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn submit(self: &Arc<Self>, how: &str, id: u64, then: &str) {
        self.call("submit", how, id, |calls| {
            calls.submit(how == "safe", id, self.callback(id, then))
        });
    }

    /// Lets a thread obey each part, all at once.
    fn threads(self: &Arc<Self>, parts: &str) {
        let parts: Vec<&str> = parts.split(" | ").collect();
        let at_once = Arc::new(Barrier::new(parts.len()));
        for (at, part) in parts.into_iter().enumerate() {
            let (adapter, part, at_once) = (self.clone(), part.to_owned(), at_once.clone());
            named_thread(&format!("w{}", at + 1), move || {
                at_once.wait();
                adapter.obey(&part);
            });
        }
    }

    /// Threads that submit all at once; `also` is how many others take part.
    fn burst(
        self: &Arc<Self>,
        how: &str,
        first: u64,
        count: u64,
        threads: u64,
        also: u64,
    ) -> Arc<Barrier> {
        let parties = usize::try_from(threads + also).unwrap_or(1);
        let barrier = Arc::new(Barrier::new(parties));
        for thread in 0..threads {
            let (adapter, how) = (self.clone(), how.to_owned());
            let at_once = barrier.clone();
            named_thread(&format!("w{}", thread + 1), move || {
                at_once.wait();
                for id in first + thread * count..first + (thread + 1) * count {
                    adapter.submit(&how, id, "");
                }
            });
        }
        barrier
    }
}

/// A queue by hand, for loops whose own call for other threads wakes and carries nothing.
#[derive(Default)]
pub struct Inbox {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Callback>,
    stopping: bool,
    waker: Option<Waker>,
}

impl Inbox {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a callback into the queue, and wakes nobody.
    pub fn push(&self, callback: Callback) {
        self.state().queue.push_back(callback);
    }

    /// Asks for a stop, and wakes nobody.
    pub fn stop(&self) {
        self.state().stopping = true;
    }

    /// Wakes the task that waits in [`Inbox::poll`].
    pub fn wake(&self) {
        let waker = self.state().waker.clone();
        waker.into_iter().for_each(Waker::wake);
    }

    /// Runs what is in the queue now. Whether a stop was asked for, which is then done with.
    pub fn drain(&self) -> bool {
        let batch = std::mem::take(&mut self.state().queue);
        batch.into_iter().for_each(|callback| callback());
        std::mem::take(&mut self.state().stopping)
    }

    /// Whether nothing is in the queue, and nobody has asked for a stop.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let state = self.state();
        state.queue.is_empty() && !state.stopping
    }

    /// The same as a task: ready when a stop was asked for.
    pub fn poll(&self, context: &Context<'_>) -> Poll<()> {
        self.state().waker = Some(context.waker().clone());
        if self.drain() {
            return Poll::Ready(());
        }
        if !self.is_empty() {
            context.waker().wake_by_ref();
        }
        Poll::Pending
    }
}
