//! A child process that drives a loop: words in, the lines of a recording out.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{OFlags, fcntl_setfl};
use rustix::process::{Pid, Signal, kill_process_group};
use serde::Deserialize;
use wakeproof_asleep::{Activity, Limit, Report, Verdict, harmless, look};
use wakeproof_conform::judge::recording::{CallName, CallResult, Line};

/// The version of the words.
const PROTOCOL: u64 = 1;
/// How long a loop that never sleeps for good is watched before it counts as one.
const RESTLESS: Duration = Duration::from_millis(1500);
/// How long nothing must happen where the look is impossible.
pub(crate) const TIME_LIMIT: Duration = Duration::from_millis(300);
/// No line is longer than what a pipe takes whole.
const LONGEST_LINE: usize = 4096;
/// More than any word leads to.
const MOST_LINES: usize = 50_000;

/// The first line of an adapter: which loop it drives, and what the words are called there.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Hello {
    probe: u64,
    /// The loop's name.
    #[serde(rename = "loop")]
    pub(crate) name: String,
    /// Its version.
    pub(crate) version: String,
    /// What the words are called in this loop. A word that is not here is not said.
    pub(crate) calls: BTreeMap<String, String>,
    /// The interface whose documentation binds the loop: `asyncio`, if any.
    #[serde(default)]
    pub(crate) interface: String,
    /// The module of the specification that has the loop's design, if the adapter names one.
    #[serde(default)]
    pub(crate) design: String,
    /// What the loop promises besides the contract, for `wakeproof check`.
    #[serde(default)]
    pub(crate) promises: Vec<String>,
    /// Whether its clock moves only when it sleeps.
    #[serde(default)]
    pub(crate) virtual_time: bool,
    /// An expression that makes a loop, for a program in Python.
    #[serde(default)]
    pub(crate) make: String,
}

impl Hello {
    /// What a loop in this process would say.
    pub(crate) fn of(name: &str, version: &str, calls: &[(&str, &str)]) -> Self {
        let calls = calls.iter();
        Hello {
            name: name.to_owned(),
            version: version.to_owned(),
            calls: calls
                .map(|(word, call)| ((*word).to_owned(), (*call).to_owned()))
                .collect(),
            ..Hello::default()
        }
    }

    /// Whether the adapter knows the word.
    pub(crate) fn has(&self, word: &str) -> bool {
        self.calls.contains_key(word)
    }
}

/// What is wrong with an adapter. Each fits on a line.
#[derive(Debug)]
pub(crate) enum Problem {
    /// It could not be started.
    NotStarted(io::Error),
    /// It has ended, and was not told to.
    Ended(ExitStatus, String),
    /// It has not done what it was told.
    Hangs(String),
    /// It writes more than any word leads to.
    Floods,
    /// It wrote something that is no line of a recording.
    Writes(String),
    /// It did not end when told to.
    IgnoresQuit,
    /// Its first callback, from the loop's own thread, did not run.
    FailsItsSelfTest,
    /// The operating system is at fault.
    System(io::Error),
    /// The user has had enough.
    Interrupted,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::NotStarted(error) => write!(f, "the adapter cannot be started: {error}"),
            Problem::Ended(status, said) if said.is_empty() => {
                write!(f, "the adapter ended ({status}) without being told to")
            }
            Problem::Ended(status, said) => write!(f, "the adapter ended ({status}): {said}"),
            Problem::Hangs(what) => write!(f, "the adapter hangs: {what}"),
            Problem::Floods => write!(f, "the adapter floods: more than {MOST_LINES} lines"),
            Problem::Writes(what) => write!(f, "the adapter's output is not understood: {what}"),
            Problem::IgnoresQuit => {
                write!(f, "the adapter ignores the word quit, and had to be killed")
            }
            Problem::FailsItsSelfTest => write!(
                f,
                "the adapter fails its self-test: callback 1, submitted before the run, was accepted and \
                 did not run"
            ),
            Problem::System(error) => write!(f, "{error}"),
            Problem::Interrupted => write!(f, "interrupted"),
        }
    }
}

impl std::error::Error for Problem {}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        Problem::System(error)
    }
}

/// What has come of waiting.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Waited {
    /// What was waited for has happened.
    Happened,
    /// Nobody in the process will go on by itself; seen in a look.
    Asleep,
    /// The look is impossible, and nothing happened for [`TIME_LIMIT`].
    Silent,
    /// It has not happened, and somebody may still go on.
    Restless,
}

/// When to give up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits<'a> {
    /// A watchdog: no adapter takes as long as this, on however busy a machine.
    pub(crate) patience: Duration,
    /// Set by Ctrl-C.
    pub(crate) is_interrupted: &'a AtomicBool,
}

/// A running adapter.
#[derive(Debug)]
pub(crate) struct Adapter<'a> {
    child: Child,
    input: ChildStdin,
    output: ChildStdout,
    errors: ChildStderr,
    unread: Vec<u8>,
    said: String,
    has_closed: bool,
    limits: Limits<'a>,
    hello: Hello,
    lines: Vec<Line>,
    /// The last look that found everybody asleep, or nothing that says otherwise.
    pub(crate) seen: Option<Report>,
    /// Why the look is impossible, if it is.
    pub(crate) unseen: Option<String>,
    restless: Duration,
}

impl<'a> Adapter<'a> {
    /// Starts an adapter, and reads its first line.
    pub(crate) fn start(command: &[String], limits: Limits<'a>) -> Result<Self, Problem> {
        let mut adapter = Adapter::begin(command, limits)?;
        adapter.greet()?;
        Ok(adapter)
    }

    /// Starts an adapter. It is of use once it has been [greeted](Self::greet).
    pub(crate) fn begin(command: &[String], limits: Limits<'a>) -> Result<Self, Problem> {
        let mut child = Command::new(&command[0])
            .args(&command[1..])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Its own group: Ctrl-C is not for it, and it is killed with its children.
            .process_group(0)
            .spawn()
            .map_err(Problem::NotStarted)?;
        let (Some(input), Some(output), Some(errors)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            unreachable!("all three are pipes");
        };
        let adapter = Adapter {
            child,
            input,
            output,
            errors,
            unread: Vec::new(),
            said: String::new(),
            has_closed: false,
            limits,
            hello: Hello::default(),
            lines: Vec::new(),
            seen: None,
            unseen: None,
            restless: RESTLESS,
        };
        for pipe in [
            rustix::fd::AsFd::as_fd(&adapter.input),
            rustix::fd::AsFd::as_fd(&adapter.output),
            rustix::fd::AsFd::as_fd(&adapter.errors),
        ] {
            fcntl_setfl(pipe, OFlags::NONBLOCK).map_err(io::Error::from)?;
        }
        Ok(adapter)
    }

    /// Reads its first line.
    pub(crate) fn greet(&mut self) -> Result<(), Problem> {
        let start = Instant::now();
        while self.hello.probe == 0 {
            if start.elapsed() > self.limits.patience {
                return Err(Problem::Hangs("there is no first line".into()));
            }
            self.pump(Duration::from_millis(50))?;
        }
        Ok(())
    }

    /// Which loop this is.
    pub(crate) fn hello(&self) -> &Hello {
        &self.hello
    }

    /// What it has written, and when everybody was asleep.
    pub(crate) fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// Forgets the lines: what follows is about another loop.
    pub(crate) fn forget(&mut self) -> Vec<Line> {
        std::mem::take(&mut self.lines)
    }

    /// A loop that was seen to be restless is not watched for long.
    pub(crate) fn expect_restless(&mut self) {
        self.restless = Duration::from_millis(50);
    }

    /// A watchdog for what takes one word.
    pub(crate) fn patience(&self) -> Duration {
        self.limits.patience
    }

    pub(crate) fn pid(&self) -> i32 {
        self.child.id().cast_signed()
    }

    /// Says words. They are short, and a pipe that has no room for them is one that nobody reads.
    pub(crate) fn say(&mut self, words: &str) -> Result<(), Problem> {
        match self.input.write_all(format!("{words}\n").as_bytes()) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(self.ended()?),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                Err(Problem::Hangs("it did not read its words".into()))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Says words that begin a call, and waits until it has ended: its result.
    pub(crate) fn call(&mut self, words: &str, name: CallName) -> Result<CallResult, Problem> {
        let from = self.lines.len();
        self.say(words)?;
        let start = Instant::now();
        loop {
            let ended = self.lines[from..].iter().find_map(|line| match line {
                Line::Ends { ends, result, .. } if *ends == name => Some(*result),
                _ => None,
            });
            if let Some(result) = ended {
                return Ok(result);
            }
            if start.elapsed() > self.limits.patience {
                return Err(Problem::Hangs(format!("{words:?} did not return")));
            }
            self.pump(Duration::from_millis(50))?;
        }
    }

    /// Waits until something has happened, or until nobody will go on. `limit` is for a process that
    /// does not come to rest.
    pub(crate) fn until(
        &mut self,
        limit: Duration,
        happened: impl Fn(&[Line]) -> bool,
    ) -> Result<Waited, Problem> {
        let start = Instant::now();
        let mut last_news = start;
        let mut pause = Duration::ZERO;
        loop {
            if self.pump(pause)? {
                last_news = Instant::now();
            }
            if happened(&self.lines) {
                return Ok(Waited::Happened);
            }
            // The pipe was empty, or else whoever is blocked in a write would look asleep.
            let unseen = match look(self.pid()) {
                Ok(report) if is_asleep(&report) => {
                    if self.pump(Duration::ZERO)? {
                        continue;
                    }
                    self.seen = Some(report);
                    self.note_asleep();
                    return Ok(Waited::Asleep);
                }
                Ok(report) if report.verdict != Verdict::CannotTell => {
                    // Whoever runs may only be waiting for a processor, on a busy machine.
                    let limit = match report.verdict {
                        Verdict::NotAsleep => limit * 5,
                        _ => limit,
                    };
                    if start.elapsed() > limit {
                        return Ok(Waited::Restless);
                    }
                    None
                }
                Ok(report) => Some((report.summary(), Some(report))),
                Err(error) => Some((error.to_string(), None)),
            };
            if let Some((why, report)) = unseen
                && last_news.elapsed() > TIME_LIMIT
            {
                self.seen = report;
                self.unseen = Some(why);
                return Ok(Waited::Silent);
            }
            pause = (pause * 2).clamp(Duration::from_micros(200), Duration::from_millis(5));
        }
    }

    /// Waits until everybody is asleep.
    pub(crate) fn settle(&mut self) -> Result<Waited, Problem> {
        self.until(self.restless, |_| false)
    }

    /// Notes that everybody is asleep.
    pub(crate) fn note_asleep(&mut self) {
        if !matches!(self.lines.last(), Some(Line::Asleep { .. }) | None) {
            self.lines.push(Line::Asleep { asleep: true });
        }
    }

    /// Tells it to end, and waits until it has.
    pub(crate) fn quit(mut self) -> Result<(), Problem> {
        self.say_quit()?;
        self.leave()
    }

    /// Tells it to end. It may have ended already.
    pub(crate) fn say_quit(&mut self) -> Result<(), Problem> {
        match self.say("quit") {
            Ok(()) | Err(Problem::Ended(..)) => Ok(()),
            Err(problem) => Err(problem),
        }
    }

    /// Waits until it has ended, as it was told to.
    pub(crate) fn leave(mut self) -> Result<(), Problem> {
        let start = Instant::now();
        while self.child.try_wait()?.is_none() {
            if start.elapsed() > self.limits.patience {
                return Err(Problem::IgnoresQuit);
            }
            match self.pump(Duration::from_millis(1)) {
                Ok(_) | Err(Problem::Ended(..)) => {}
                Err(problem) => return Err(problem),
            }
        }
        Ok(())
    }

    /// Reads what there is, and waits for it so long at most. Whether there was any.
    pub(crate) fn pump(&mut self, wait: Duration) -> Result<bool, Problem> {
        if self.limits.is_interrupted.load(Ordering::Relaxed) {
            return Err(Problem::Interrupted);
        }
        let (output, errors) = (&self.output, &self.errors);
        let mut pipes = [
            PollFd::new(output, PollFlags::IN),
            PollFd::new(errors, PollFlags::IN),
        ];
        // Of a process that closes its standard error, and no other, only the output is waited for.
        let watched = if self.has_closed { 1 } else { 2 };
        let timeout = rustix::time::Timespec::try_from(wait).map_err(io::Error::other)?;
        match poll(&mut pipes[..watched], Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(io::Error::from(error).into()),
        }
        self.read_errors()?;
        let mut buffer = [0; 64 * 1024];
        let mut read = 0;
        // A flood does not keep the watchdog from its work.
        for _ in 0..16 {
            match self.output.read(&mut buffer) {
                Ok(0) => {
                    self.take_lines()?;
                    return Err(self.ended()?);
                }
                Ok(bytes) => {
                    self.unread.extend_from_slice(&buffer[..bytes]);
                    read += bytes;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.take_lines()?;
        Ok(read > 0)
    }

    /// Keeps the end of what it says on standard error.
    fn read_errors(&mut self) -> Result<(), Problem> {
        let mut buffer = [0; 4096];
        for _ in 0..64 {
            match self.errors.read(&mut buffer) {
                Ok(0) => {
                    self.has_closed = true;
                    break;
                }
                Ok(bytes) => {
                    self.said
                        .push_str(&String::from_utf8_lossy(&buffer[..bytes]));
                    if self.said.len() > 4 * LONGEST_LINE {
                        let start = self.said.ceil_char_boundary(self.said.len() - LONGEST_LINE);
                        self.said.drain(..start);
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn take_lines(&mut self) -> Result<(), Problem> {
        let mut taken = 0;
        while let Some(length) = self.unread[taken..].iter().position(|byte| *byte == b'\n') {
            if length > LONGEST_LINE {
                return Err(too_long());
            }
            let text = String::from_utf8_lossy(&self.unread[taken..taken + length]).into_owned();
            taken += length + 1;
            self.take_line(&text)?;
        }
        self.unread.drain(..taken);
        if self.unread.len() > LONGEST_LINE {
            return Err(too_long());
        }
        Ok(())
    }

    fn take_line(&mut self, text: &str) -> Result<(), Problem> {
        let shown = || harmless(text).chars().take(100).collect::<String>();
        if self.hello.probe == 0 {
            let hello: Hello = serde_json::from_str(text).map_err(|error| {
                Problem::Writes(format!("its first line is {:?}: {error}", shown()))
            })?;
            if hello.probe != PROTOCOL {
                return Err(Problem::Writes(format!(
                    "it speaks version {} of the words, and this speaks {PROTOCOL}",
                    hello.probe
                )));
            }
            if hello.name.trim().is_empty() || hello.version.trim().is_empty() {
                let what = "its first line does not say which loop in which version";
                return Err(Problem::Writes(what.into()));
            }
            self.hello = Hello {
                name: harmless(&hello.name),
                version: harmless(&hello.version),
                ..hello
            };
            return Ok(());
        }
        match Line::parse(text) {
            Ok(Line::Asleep { .. } | Line::End { .. }) => Err(Problem::Writes(format!(
                "{:?} is not for it to say",
                shown()
            ))),
            Ok(line) => {
                self.lines.push(line);
                if self.lines.len() > MOST_LINES {
                    return Err(Problem::Floods);
                }
                Ok(())
            }
            Err(error) => Err(Problem::Writes(format!("{:?}: {error:#}", shown()))),
        }
    }

    /// It has closed its output: how it ended.
    fn ended(&mut self) -> Result<Problem, Problem> {
        if !self.unread.is_empty() {
            let half = String::from_utf8_lossy(&self.unread);
            let half: String = harmless(&half).chars().take(100).collect();
            return Ok(Problem::Writes(format!(
                "it ended in the middle of a line: {half:?}"
            )));
        }
        let start = Instant::now();
        loop {
            self.read_errors()?;
            if let Some(status) = self.child.try_wait()? {
                let last = self.said.lines().rfind(|line| !line.trim().is_empty());
                let last = harmless(last.unwrap_or_default());
                return Ok(Problem::Ended(status, last.chars().take(300).collect()));
            }
            if self.limits.is_interrupted.load(Ordering::Relaxed) {
                return Ok(Problem::Interrupted);
            }
            if start.elapsed() > Duration::from_secs(2) {
                return Ok(Problem::Writes(
                    "it has closed its output, and runs on".into(),
                ));
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for Adapter<'_> {
    /// No process is left behind, whatever happened.
    fn drop(&mut self) {
        if let Some(group) = Pid::from_raw(self.pid()) {
            // Gone already is as good.
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.child.wait();
    }
}

fn too_long() -> Problem {
    Problem::Writes(format!("a line of more than {LONGEST_LINE} bytes"))
}

/// Whether no thread that runs the program's code will go on by itself. A runtime's service threads may
/// have waits with a limit; they run none of it.
fn is_asleep(report: &Report) -> bool {
    match report.verdict {
        Verdict::AsleepForGood => true,
        Verdict::AsleepUntil { .. } => {
            report.runtime.is_some()
                && report.unseen.is_empty()
                && report.threads.iter().all(|thread| match &thread.activity {
                    Activity::Asleep(wait) => thread.service || wait.limit == Limit::None,
                    Activity::Ended => true,
                    _ => false,
                })
        }
        _ => false,
    }
}
