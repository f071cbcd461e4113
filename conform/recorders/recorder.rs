//! Writes what a loop does, one line each, for `wakeproof conform --trace`.
//!
//! Copy this file. Each line is a single write, best to a pipe, where a write of less than 4,096 bytes
//! stays in one piece: the threads under test share no lock because of the recorder. It needs nothing but
//! the standard library. As a program, it records a small loop of its own, as its test:
//!
//! ```sh
//! rustc --edition 2024 recorder.rs && ./recorder | wakeproof conform --trace -
//! ```

use std::fs::File;
use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;

/// Writes lines to a file, without a lock.
#[derive(Debug)]
pub struct Recorder {
    file: File,
    lines: AtomicU64,
}

impl Recorder {
    /// Writes the first line. `made` says how the recording was made.
    pub fn new(file: File, made: &str) -> io::Result<Self> {
        let recorder = Recorder {
            file,
            lines: AtomicU64::new(0),
        };
        recorder.write(&format!(
            r#"{{"recording":"wakeproof","version":2,"against":"EventLoop","made":{made:?}}}"#
        ))?;
        recorder.lines.store(0, Ordering::Relaxed);
        Ok(recorder)
    }

    fn write(&self, line: &str) -> io::Result<()> {
        self.lines.fetch_add(1, Ordering::Relaxed);
        let line = format!("{line}\n");
        assert!(line.len() < 4096);
        // A file may be written to by several threads at a time.
        (&self.file).write_all(line.as_bytes())
    }

    /// Just before a call: `more` is `,"callback":1,"wakes":true`, or what else the call has.
    pub fn begins(&self, call: &str, more: &str) -> io::Result<()> {
        let thread = name();
        self.write(&format!(r#"{{"thread":{thread:?},"begins":"{call}"{more}}}"#))
    }

    /// Just after it.
    pub fn ends(&self, call: &str, result: &str) -> io::Result<()> {
        let thread = name();
        self.write(&format!(r#"{{"thread":{thread:?},"ends":"{call}","result":"{result}"}}"#))
    }

    /// The first thing that a callback does.
    pub fn runs(&self, callback: u64) -> io::Result<()> {
        let thread = name();
        self.write(&format!(r#"{{"thread":{thread:?},"runs":{callback}}}"#))
    }

    /// The last line, when nobody writes any more.
    pub fn end(&self) -> io::Result<()> {
        let lines = self.lines.load(Ordering::Relaxed);
        self.write(&format!(r#"{{"end":{lines}}}"#))
    }
}

fn name() -> String {
    let thread = thread::current();
    thread.name().unwrap_or("unnamed").to_owned()
}

/// A loop around a channel, which wakes whoever waits for it.
fn main() -> io::Result<()> {
    let file = File::options().append(true).open("/dev/stdout")?;
    let recorder = Recorder::new(file, "recorder.rs, a loop around a channel")?;
    let (sender, receiver) = mpsc::channel();
    thread::scope(|scope| -> io::Result<()> {
        let worker = || -> io::Result<()> {
            for callback in 1..=3 {
                recorder.begins("submit", &format!(r#","callback":{callback},"wakes":true"#))?;
                sender.send(Some(callback)).expect("the loop runs");
                recorder.ends("submit", "accepted")?;
            }
            recorder.begins("stop", r#","wakes":true"#)?;
            sender.send(None).expect("the loop runs");
            recorder.ends("stop", "returned")
        };
        let worker = thread::Builder::new().name("worker".into()).spawn_scoped(scope, worker)?;
        recorder.begins("start", "")?;
        while let Some(callback) = receiver.recv().expect("there is a sender") {
            recorder.runs(callback)?;
        }
        recorder.ends("start", "returned")?;
        worker.join().expect("it does not panic")
    })?;
    recorder.end()
}
