//! A look at a process, in words.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use serde::Serialize;
use wakeproof_asleep::{
    Activity, Descriptor, File, Holder, Limit, Outside, Report, SocketFamily, Target, Thread, Time,
    Verdict, Wait, signal_name,
};

use crate::report::grouped;

/// What lines are wrapped to.
const WIDTH: usize = 80;
/// Where the column with what a thread does begins.
const INDENT: usize = 26;
/// Threads, descriptors of one thread, and signals that are shown one by one.
const SHOWN: usize = 20;

/// A look, and what a person wants to know besides.
#[derive(Debug, Serialize)]
pub(crate) struct Diagnosis {
    #[serde(flatten)]
    pub(crate) report: Report,
    /// Other processes that have a pipe or socket open that a thread waits for.
    pub(crate) holders: Vec<Holder>,
    /// In how many looks, one after the other, each thread has not run, by its id. Two for a single
    /// report, which takes two.
    pub(crate) looks: BTreeMap<i32, u64>,
}

impl Diagnosis {
    /// The whole of it, with colours.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        let Report { pid, name, .. } = &self.report;
        let style = colour(self.report.verdict);
        let headline = format!("process {pid} ({name}): ");
        let verdict = verdict(self.report.verdict);
        let _ = writeln!(text, "{headline}{style}{verdict}{style:#}\n");
        self.threads(&mut text);
        for sentence in self.sentences() {
            text.push('\n');
            text.push_str(&wrap(&sentence, 0));
        }
        text
    }

    /// Threads with the same name in the same wait are shown once.
    fn threads(&self, text: &mut String) {
        let mut groups: Vec<(Vec<String>, u64)> = Vec::new();
        let mut places: BTreeMap<Vec<String>, usize> = BTreeMap::new();
        let (service, own): (Vec<_>, Vec<_>) = self
            .report
            .threads
            .iter()
            .partition(|thread| thread.service);
        for thread in &own {
            let mut lines = vec![format!("{:<15} {}", thread.name, self.activity(thread))];
            lines.extend(descriptors(thread));
            let place = *places.entry(lines.clone()).or_insert(groups.len());
            match groups.get_mut(place) {
                Some((_, count)) => *count += 1,
                None => {
                    lines[0] = format!("  {:>7} {}", thread.tid, lines[0]);
                    groups.push((lines, 1));
                }
            }
        }
        for (lines, count) in groups.iter().take(SHOWN) {
            let more = match count {
                1 => String::new(),
                2 => "; 1 more thread like it".into(),
                count => format!("; {} more threads like it", grouped(count - 1)),
            };
            text.push_str(&wrap(&format!("{}{more}", lines[0]), INDENT));
            for line in &lines[1..] {
                text.push_str(&wrap(&format!("{:INDENT$}{line}", ""), INDENT + 2));
            }
        }
        let left_out: u64 = groups.iter().skip(SHOWN).map(|(_, count)| count).sum();
        if left_out > 0 {
            let line = format!(
                "  and {} more threads (--format json lists them)",
                grouped(left_out)
            );
            text.push_str(&wrap(&line, INDENT));
        }
        if let (Some(runtime), false) = (self.report.runtime, service.is_empty()) {
            let threads = if service.len() == 1 {
                "thread"
            } else {
                "threads"
            };
            let line = format!(
                "  and {} service {threads} of {runtime} (--format json lists them)",
                service.len()
            );
            text.push_str(&wrap(&line, INDENT));
        }
    }

    fn activity(&self, thread: &Thread) -> String {
        let looks = self.looks.get(&thread.tid).copied().unwrap_or(2);
        match &thread.activity {
            Activity::Runs => "runs".to_owned(),
            Activity::Ran => "ran between the two looks".to_owned(),
            Activity::Uninterruptible { syscall } => {
                format!("in {syscall}, waits in the kernel for something that is about to come")
            }
            Activity::Signalled => "is about to get a signal".to_owned(),
            Activity::Stopped => "is stopped".to_owned(),
            Activity::Traced => "is held by a debugger".to_owned(),
            Activity::Blocked { place } => format!("sleeps in {place}"),
            Activity::Ended => "has ended".to_owned(),
            Activity::Asleep(wait) => format!(
                "{}{}, {}, in {} looks",
                wait.syscall,
                target(&wait.target),
                limit(&wait.limit),
                grouped(looks)
            ),
            activity => format!("{activity:?}"),
        }
    }

    fn sentences(&self) -> Vec<String> {
        let report = &self.report;
        let mut sentences = Vec::new();
        if let Some(resemblance) = report.resembles {
            let mut sentence = format!("Looks like {resemblance}.");
            if let Some(fault) = resemblance.fault() {
                let _ = write!(sentence, " Step by step: wakeproof trace {fault}");
            }
            sentences.push(sentence);
        }
        if let (Some(runtime), Verdict::AsleepUntil { .. }) = (report.runtime, report.verdict) {
            let others = report.threads.iter().filter(|thread| !thread.service);
            let no_limit = others.clone().all(|thread| match &thread.activity {
                Activity::Asleep(wait) => wait.limit == Limit::None,
                activity => *activity == Activity::Ended,
            });
            if no_limit && others.count() > 0 {
                sentences.push(format!(
                    "Only service threads of {runtime} have a time limit. The program's own threads go on only \
                     if one of those, or the outside, wakes them."
                ));
            }
        }
        for unseen in &report.unseen {
            let mut sentence = match unseen.tid {
                Some(tid) => format!("Cannot be seen, of thread {tid}: {}.", unseen.what),
                None => format!("Cannot be seen: {}.", unseen.what),
            };
            if let Some(remedy) = &unseen.remedy {
                let _ = write!(sentence, " What helps: {remedy}.");
            }
            sentences.push(sentence);
        }
        sentences.dedup();
        let is_asleep = matches!(
            report.verdict,
            Verdict::AsleepForGood | Verdict::AsleepUntil { .. }
        );
        if is_asleep {
            let what: Vec<String> = report
                .outside
                .iter()
                .filter_map(|o| self.outside(o))
                .collect();
            sentences.push(match what.as_slice() {
                [] => "Nothing outside is known that could make it go on; a signal could end it."
                    .into(),
                what => format!("What could make it go on: {}.", what.join("; ")),
            });
            sentences.extend(
                report
                    .notes
                    .iter()
                    .map(|note| format!("Cannot be seen: {note}.")),
            );
        }
        sentences
    }

    fn outside(&self, outside: &Outside) -> Option<String> {
        Some(match outside {
            Outside::Descriptor { fd, file: it } => {
                let inode = match it {
                    File::Pipe { inode, .. } | File::Socket { inode, .. } => Some(*inode),
                    _ => None,
                };
                let holders: Vec<String> = self
                    .holders
                    .iter()
                    .filter(|holder| Some(holder.inode) == inode)
                    .map(|holder| format!("{} ({})", holder.pid, holder.name))
                    .collect();
                let held = match holders.as_slice() {
                    [] => String::new(),
                    [one] => format!(", which process {one} has, too"),
                    several => format!(", which processes {} have, too", several.join(", ")),
                };
                format!("fd {fd}, {}{held}", file(it))
            }
            Outside::SharedFutex { address } => {
                format!("another process with the memory at {address:#x}")
            }
            Outside::Ipc => "another user of the System V queue or semaphore".into(),
            Outside::FileLock => "whoever holds the lock on the file".into(),
            Outside::Child { pid, name } => format!("its child {pid} ({name})"),
            Outside::Signals { signals } => {
                // The C library's own, which nobody else sends.
                let signals: Vec<String> = signals
                    .iter()
                    .filter(|signal| !matches!(signal, 32 | 33))
                    .map(|signal| signal_name(*signal))
                    .collect();
                if signals.is_empty() {
                    return None;
                }
                let left_out = match signals.len().saturating_sub(SHOWN) {
                    0 => String::new(),
                    more => format!(", and {more} more"),
                };
                let signals = &signals[..signals.len().min(SHOWN)];
                format!(
                    "a signal that it handles ({}{left_out})",
                    signals.join(", ")
                )
            }
            Outside::Tracer { pid } => format!("its tracer, process {pid}"),
            Outside::OtherThreads => "the threads that were not looked at".into(),
            outside => format!("{outside:?}"),
        })
    }
}

/// The verdict in one line, loud without colours.
fn verdict(verdict: Verdict) -> String {
    match verdict {
        Verdict::AsleepForGood => "ASLEEP FOR GOOD unless the outside acts".into(),
        Verdict::AsleepUntil { within } => format!("ASLEEP, for {} at the latest", Time(within)),
        Verdict::NotAsleep => "NOT ASLEEP".into(),
        _ => "CANNOT TELL".into(),
    }
}

fn colour(verdict: Verdict) -> Style {
    let colour = match verdict {
        Verdict::AsleepForGood => AnsiColor::Red,
        Verdict::AsleepUntil { .. } => AnsiColor::Yellow,
        Verdict::NotAsleep => AnsiColor::Green,
        _ => AnsiColor::Magenta,
    };
    colour.on_default().bold()
}

/// What a thread waits for, a line each.
fn descriptors(thread: &Thread) -> Vec<String> {
    let Activity::Asleep(Wait {
        target: Target::Descriptors { descriptors },
        ..
    }) = &thread.activity
    else {
        return Vec::new();
    };
    let mut lines: Vec<String> = descriptors.iter().take(SHOWN).map(descriptor).collect();
    if descriptors.len() > SHOWN {
        lines.push(format!(
            "and {} more",
            grouped((descriptors.len() - SHOWN) as u64)
        ));
    }
    lines
}

fn descriptor(descriptor: &Descriptor) -> String {
    let mut line = format!("fd {}: {}", descriptor.fd, file(&descriptor.file));
    match (&descriptor.file, descriptor.unread) {
        (File::EventFd, Some(count)) => {
            let _ = write!(line, ", its count is {count}");
        }
        (File::Pipe { .. } | File::Socket { .. }, Some(1)) => line.push_str(", 1 byte unread"),
        (File::Pipe { .. } | File::Socket { .. }, Some(unread)) => {
            let _ = write!(line, ", {} bytes unread", grouped(unread));
        }
        _ => {}
    }
    if let Some(set) = descriptor.epoll {
        let once = if descriptor.edge_triggered {
            ", reported once"
        } else {
            ""
        };
        let _ = write!(line, " (in epoll set {set}{once})");
    }
    line
}

fn target(target: &Target) -> String {
    match target {
        Target::Futex { address, shared } => {
            let shared = if *shared { ", shared" } else { "" };
            format!(" at {address:#x}{shared}")
        }
        Target::Futexes { count } => format!(" on {count} words"),
        Target::Descriptors { descriptors } if descriptors.is_empty() => " on nothing".into(),
        _ => String::new(),
    }
}

fn limit(limit: &Limit) -> String {
    match limit {
        Limit::None => "no time limit".into(),
        Limit::Within { within } if *within == Duration::ZERO => "its time limit has come".into(),
        Limit::Within { within } => format!("for {} at most", Time(*within)),
        _ => "time limit unknown".into(),
    }
}

fn file(file: &File) -> String {
    match file {
        File::Pipe {
            both_ends: true, ..
        } => "a pipe, both ends here".into(),
        File::Pipe { .. } => "a pipe".into(),
        File::Socket { family, .. } => match family {
            SocketFamily::Pair => "a socket pair".into(),
            SocketFamily::Unix => "a Unix socket".into(),
            SocketFamily::Internet => "an internet socket".into(),
            _ => "a socket".into(),
        },
        File::EventFd => "an eventfd".into(),
        File::TimerFd { expires_in: None } => "a timer that is off, or due now".into(),
        File::TimerFd {
            expires_in: Some(time),
        } => format!("a timer, expires in {}", Time(*time)),
        File::SignalFd { signals } => {
            let signals: Vec<String> = signals.iter().map(|s| signal_name(*s)).collect();
            format!("signals to be read ({})", signals.join(", "))
        }
        File::Watch => "changes of files".into(),
        File::PidFd { pid: Some(pid) } => format!("the end of process {pid}"),
        File::PidFd { pid: None } => "a process that has ended".into(),
        File::Epoll => "an epoll set".into(),
        File::Terminal { path } => format!("the terminal {path}"),
        File::Device { path } => format!("the device {path}"),
        File::Named { path } => format!("the file {path}"),
        File::Other { name } => name.clone(),
        file => format!("{file:?}"),
    }
}

fn wrap(text: &str, indent: usize) -> String {
    let indent = " ".repeat(indent);
    let options = textwrap::Options::new(WIDTH).subsequent_indent(&indent);
    let mut wrapped = textwrap::fill(text, options);
    wrapped.push('\n');
    wrapped
}
