//! An adapter for a loop around a condvar, right or wrong in the way that its argument names.

use std::collections::{HashMap, VecDeque};
use std::io::{BufRead, Write, stdin};
use std::process::{Command, exit};
use std::sync::{Arc, Barrier, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::command::PIDS;

type Callback = (u64, String);

#[derive(Default)]
struct State {
    queue: VecDeque<Callback>,
    /// How many at the front of the queue were submitted by the second thread.
    urgent: usize,
    held: Option<Callback>,
    stopping: bool,
    closed: bool,
    /// What callbacks will obey.
    scripts: HashMap<u64, String>,
}

struct Adapter {
    mode: String,
    state: Mutex<State>,
    condvar: Condvar,
}

// Its child is left to the prober, which must kill both.
#[expect(clippy::zombie_processes)]
pub fn main(mode: &str) -> ! {
    // The same loop, without a promise of an order across threads.
    let unordered = mode.strip_suffix("-unordered");
    let (mode, across) = match unordered {
        Some(mode) => (mode, ""),
        None => (mode, r#","order-across-threads""#),
    };
    note_pid(std::process::id());
    if matches!(mode, "hangs" | "ignores-quit") {
        let child = Command::new("sleep").arg("1000").spawn().expect("a child");
        note_pid(child.id());
    }
    let version = if mode == "no-version" { "" } else { "1" };
    match mode {
        "hangs" => sleep_for_ever(),
        "dies" => {
            eprintln!("this is why\u{1b}[2J");
            exit(7);
        }
        "nonsense" => say("good morning"),
        _ => {}
    }
    // Seen from outside, a loop around a condvar is not told from one around a pipe.
    let design = match mode {
        "right" | "swaps" | "never-wakes" => "SelfPipeLoop",
        "unknown-design" => "../README",
        _ => "",
    };
    let promises = match mode {
        "promises-the-moon" => r#""the-moon""#.to_owned(),
        "promises-nothing" | "promises-no-threads" => String::new(),
        _ => format!(r#""iteration-snapshot","stop-after-iteration","one-order"{across}"#),
    };
    let more = match mode {
        "cannot-cancel" => r#","cancel":"cancel""#,
        "promises-no-threads" => "",
        _ => r#","threads":"thread""#,
    };
    say(&format!(
        r#"{{"probe":1,"loop":"test","version":"{version}","design":"{design}","promises":[{promises}],"calls":{{"submit plain":"plain","submit safe":"safe","stop safe":"stop","close":"close","when":"then"{more}}}}}"#
    ));
    match mode {
        "floods" => {
            for callback in 1.. {
                say(&format!(r#"{{"thread":"main","runs":{callback}}}"#));
            }
        }
        "half-line" => {
            write(r#"{"thread":"main","#);
            exit(0);
        }
        "long-line" => write(&"x".repeat(10_000)),
        "dies-later" => exit(7),
        _ => {}
    }
    let adapter = Arc::new(Adapter {
        mode: mode.to_owned(),
        state: Mutex::default(),
        condvar: Condvar::new(),
    });
    for line in stdin().lock().lines() {
        let line = line.unwrap_or_default();
        let is_quit = line == "quit";
        if (mode == "hangs-later" && !is_quit) || (mode == "ignores-quit" && is_quit) {
            sleep_for_ever();
        }
        if line.starts_with("submit") {
            match mode {
                "dies-when-told" => exit(7),
                "says-nothing" => continue,
                "talks-nonsense" => say("good morning"),
                "floods-when-told" => {
                    for callback in 1.. {
                        say(&format!(r#"{{"thread":"main","runs":{callback}}}"#));
                    }
                }
                "answers-another" => say(r#"{"thread":"main","begins":"close"}"#),
                _ => {}
            }
        }
        adapter.obey(&line);
        if mode == "answers-late" && line.starts_with("submit") {
            say(r#"{"thread":"main","ends":"submit","result":"accepted"}"#);
        }
    }
    exit(0)
}

fn sleep_for_ever() -> ! {
    loop {
        thread::park();
    }
}

/// Whether this is the second thread of a program.
fn is_second() -> bool {
    thread::current().name() == Some("w2")
}

/// The test looks for these processes afterwards.
fn note_pid(pid: u32) {
    if let Some(file) = std::env::var_os(PIDS) {
        let file = std::fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(file);
        // By one write: several adapters note themselves at once.
        let line = format!("{pid}\n");
        let mut file = file.expect("a file");
        file.write_all(line.as_bytes()).expect("written");
    }
}

fn write(text: &str) {
    // A prober that has gone away has seen enough.
    if std::io::stdout().lock().write_all(text.as_bytes()).is_err() {
        exit(0);
    }
    let _ = std::io::stdout().lock().flush();
}

fn say(line: &str) {
    write(&format!("{line}\n"));
}

fn say_as_thread(rest: &str) {
    let thread = thread::current();
    say(&format!(
        r#"{{"thread":{:?},{rest}}}"#,
        thread.name().unwrap_or("?")
    ));
}

impl Adapter {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is(&self, mode: &str) -> bool {
        self.mode == mode
    }

    /// Lets a thread obey each part, all at once.
    fn threads(self: &Arc<Self>, parts: &str) {
        if self.is("cannot-thread") {
            return;
        }
        let parts: Vec<&str> = parts.split(" | ").collect();
        let barrier = Arc::new(Barrier::new(parts.len()));
        for (at, part) in parts.into_iter().enumerate() {
            let (adapter, part, barrier) = (self.clone(), part.to_owned(), barrier.clone());
            let body = move || {
                barrier.wait();
                adapter.obey(&part);
            };
            let name = format!("w{}", at + 1);
            let thread = thread::Builder::new().name(name);
            thread.spawn(body).expect("a thread");
        }
    }

    fn obey(self: &Arc<Self>, line: &str) {
        if let Some(parts) = line.strip_prefix("threads ") {
            return self.threads(parts);
        }
        let (commands, then) = line.split_once(" then ").unwrap_or((line, ""));
        for command in commands.split(" ; ") {
            let words: Vec<&str> = command.split_whitespace().collect();
            let number = |place: usize| words[place].parse::<u64>().expect("a number");
            match words[0] {
                "run" => {
                    let adapter = self.clone();
                    let thread = thread::Builder::new().name("loop".into());
                    thread.spawn(move || adapter.run()).expect("a thread");
                }
                "submit" => self.submit(words[1] == "safe", number(2), then),
                "when" => {
                    let script = then.to_owned();
                    self.state().scripts.insert(number(1), script);
                }
                "stop" => {
                    say_as_thread(r#""begins":"stop","wakes":true"#);
                    if !self.is("ignores-stop") {
                        self.state().stopping = true;
                        self.condvar.notify_all();
                    }
                    say_as_thread(r#""ends":"stop","result":"returned""#);
                }
                "close" => {
                    say_as_thread(r#""begins":"close""#);
                    self.state().closed = !self.is("accepts-after-close");
                    say_as_thread(r#""ends":"close","result":"returned""#);
                }
                "burst" => {
                    let (first, count, threads) = (number(2), number(3), number(4));
                    let barrier = Arc::new(Barrier::new(usize::try_from(threads).expect("few")));
                    for thread in 0..threads {
                        let (adapter, barrier) = (self.clone(), barrier.clone());
                        let name = format!("w{thread}");
                        let body = move || {
                            barrier.wait();
                            for callback in first + thread * count..first + (thread + 1) * count {
                                adapter.submit(true, callback, "");
                            }
                        };
                        thread::Builder::new()
                            .name(name)
                            .spawn(body)
                            .expect("a thread");
                    }
                }
                "quit" => exit(0),
                _ => {}
            }
        }
    }

    fn submit(self: &Arc<Self>, safe: bool, callback: u64, then: &str) {
        say_as_thread(&format!(
            r#""begins":"submit","callback":{callback},"wakes":{safe}"#
        ));
        let mut state = self.state();
        if state.closed {
            drop(state);
            return say_as_thread(r#""ends":"submit","result":"refused","why":"closed""#);
        }
        if self.is("wrong-thread") && safe {
            drop(state);
            say_as_thread(&format!(r#""runs":{callback}"#));
        } else if !self.is("lies") && (!self.is("loses-one") || !is_second()) {
            let callback = (callback, then.to_owned());
            if self.is("pushes-in-front") && thread::current().name() == Some("w1") {
                state.queue.push_front(callback);
            } else if self.is("second-first") && is_second() {
                let behind = state.urgent;
                state.queue.insert(behind, callback);
                state.urgent += 1;
            } else {
                state.queue.push_back(callback);
            }
            drop(state);
            match &*self.mode {
                "never-wakes" => {}
                _ if safe => self.condvar.notify_all(),
                "helper" => self.notify_later(Duration::from_millis(200)),
                "late-helper" => self.notify_later(Duration::from_secs(5)),
                _ => {}
            }
        }
        say_as_thread(r#""ends":"submit","result":"accepted""#);
    }

    /// Another thread of the process wakes the loop after a while.
    fn notify_later(self: &Arc<Self>, delay: Duration) {
        let adapter = self.clone();
        thread::spawn(move || {
            thread::sleep(delay);
            adapter.condvar.notify_all();
        });
    }

    fn run(self: &Arc<Self>) {
        say_as_thread(r#""begins":"start""#);
        if self.state().closed {
            say_as_thread(r#""ends":"start","result":"refused","why":"closed""#);
            return;
        }
        loop {
            let mut state = self.state();
            while state.queue.is_empty() && !state.stopping {
                state = if self.is("polls") {
                    let waited = self.condvar.wait_timeout(state, Duration::from_millis(10));
                    waited.unwrap_or_else(PoisonError::into_inner).0
                } else {
                    self.condvar
                        .wait(state)
                        .unwrap_or_else(PoisonError::into_inner)
                };
            }
            let mut batch = std::mem::take(&mut state.queue);
            state.urgent = 0;
            let stopped_before = std::mem::take(&mut state.stopping);
            drop(state);
            if self.is("last-in-first-out") {
                batch.make_contiguous().reverse();
            }
            for callback in batch {
                self.call(callback);
            }
            let stopped_meanwhile =
                !self.is("stops-late") && std::mem::take(&mut self.state().stopping);
            if stopped_before || stopped_meanwhile {
                break;
            }
        }
        say_as_thread(r#""ends":"start","result":"returned""#);
    }

    fn call(self: &Arc<Self>, callback: Callback) {
        if self.is("swaps") && callback.0 == 100 {
            self.state().held = Some(callback);
            return;
        }
        say_as_thread(&format!(r#""runs":{}"#, callback.0));
        if self.is("twice") && callback.0 == 2 {
            say_as_thread(r#""runs":2"#);
        }
        let script = self.state().scripts.remove(&callback.0);
        let script = script.unwrap_or(callback.1);
        if !script.is_empty() {
            self.obey(&script);
        }
        if callback.0 == 101 {
            let held = self.state().held.take();
            if let Some((callback, _)) = held {
                say_as_thread(&format!(r#""runs":{callback}"#));
            }
        }
    }
}
