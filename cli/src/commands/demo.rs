//! `wakeproof demo`: the program of the original question. A task waits for an event, another thread sets
//! it, and the program exits or hangs.

use std::io::{self, Write};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::help;
use crate::report::{self, Verdict, print_json};
use crate::screen;
use crate::threads::{Call, stay_busy, wait_until_asleep};
use anstyle::{AnsiColor, Style};
use anyhow::Context;
use clap::ValueEnum;
use serde::Serialize;
use wakeproof::{Event, EventHandle, EventLoop, Handle, Local, ReturnWhen, RunError, wait};

const EXAMPLES: &str = "\
Examples:
  wakeproof demo                    the safe way: the loop wakes, the program exits
  wakeproof demo --hang             the unsafe way: the event is set, but the loop stays asleep
  wakeproof demo --hang --busy      the unsafe way with a busy loop, where it seems to work
  wakeproof demo --hang --forever   the hang itself, until Ctrl-C
  wakeproof demo --after 3s         the thread works for 3 seconds before it sets the event";

const MEANS: &str = "0 if the task ran, or was stranded, as the options say; also if Ctrl-C ends\n--hang --forever, which ends in no other way.";

/// Longer durations are refused as a mistake.
const LONGEST: Duration = Duration::from_secs(60 * 60);
/// A task that has not continued after this time, although the loop was woken, is lost.
const RESCUE: Duration = Duration::from_secs(10);

#[derive(Debug, Clone, clap::Args)]
#[command(after_help = help::below(EXAMPLES, MEANS))]
pub(crate) struct Args {
    /// Set the event the unsafe way, which does not wake the loop.
    #[arg(long)]
    hang: bool,
    /// Do not rescue a stranded task: hang until Ctrl-C.
    #[arg(long)]
    forever: bool,
    /// Keep the loop busy instead of idle.
    #[arg(long)]
    busy: bool,
    /// How long the other thread works before it sets the event, up to 1h.
    #[arg(long, value_name = "DURATION", default_value = "500ms", value_parser = duration, allow_hyphen_values = true)]
    after: Duration,
    /// How long the watchdog waits for the task to continue, up to 1h.
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = patience, allow_hyphen_values = true)]
    patience: Duration,
    /// How to print what happens.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A line for each step, as it happens.
    Text,
    /// One JSON document at the end.
    Json,
}

fn duration(text: &str) -> Result<Duration, String> {
    if text.starts_with('-') {
        return Err("a duration cannot be negative".into());
    }
    match humantime::parse_duration(text) {
        Ok(duration) if duration <= LONGEST => Ok(duration),
        Ok(_) => Err("longer than 1h".into()),
        Err(error) => Err(format!("{error}; write for example 500ms or 3s")),
    }
}

/// Like [`duration`], but not zero: a watchdog without patience sees nothing.
fn patience(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        Duration::ZERO => Err("the watchdog needs some patience; write for example 2s".into()),
        patience => Ok(patience),
    }
}

/// What happened to the task that waits for the event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Ending {
    /// It continued without help.
    Ran,
    /// The loop slept although the event was set, and the task ran when the watchdog woke the loop.
    StrandedThenRescued,
    /// The loop slept although the event was set, until the demonstration was interrupted.
    StrandedUntilInterrupted,
    /// It did not continue, but the loop was not asleep with the event set either.
    Lost,
    /// Interrupted before there was anything to see.
    Interrupted,
}

#[derive(Debug, Serialize)]
struct DemoDocument<'a> {
    call: &'static str,
    loop_is_busy: bool,
    events: &'a [JournalEntry],
    ending: Ending,
    as_expected: bool,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Verdict> {
    let call = if args.hang { Call::Unsafe } else { Call::Safe };
    let journal = Journal::new(args.format);
    let (sender, messages) = mpsc::channel();
    let interrupted = sender.clone();
    ctrlc::set_handler(move || drop(interrupted.send(Message::Interrupted)))
        .context("cannot watch for Ctrl-C")?;

    let event_loop = EventLoop::new();
    let event = Event::new(&event_loop.local());
    let worker = Worker {
        handle: event_loop.handle(),
        event: event.handle(),
        journal: journal.clone(),
        call,
        args: args.clone(),
        sender,
    };
    let watchdog = Watchdog {
        handle: event_loop.handle(),
        event: event.handle(),
        journal: journal.clone(),
        patience: args.patience,
        forever: args.forever,
        messages,
    };
    let watchdog = spawn("watchdog", move || watchdog.watch())?;
    match event_loop.run_until_complete(main_task(event_loop.local(), event, worker)) {
        Ok(completed) => completed?,
        Err(RunError::Stopped) => journal.write("the loop was stopped"),
        Err(error) => return Err(error.into()),
    }
    let ending = watchdog.join().expect("the watchdog does not panic");
    journal.write("program exit");

    let expected = match (args.hang && !args.busy, args.forever) {
        (false, _) => Ending::Ran,
        (true, false) => Ending::StrandedThenRescued,
        (true, true) => Ending::StrandedUntilInterrupted,
    };
    let as_expected = ending == expected;
    match args.format {
        Format::Text => {
            let conclusion = conclusion(args, ending, as_expected);
            writeln!(report::out(), "{}", screen::wrap(conclusion))?;
        }
        Format::Json => print_json(
            "demo/1",
            &DemoDocument {
                call: call.name(),
                loop_is_busy: args.busy,
                events: &journal.events(),
                ending,
                as_expected,
            },
        )?,
    }
    Ok(match ending {
        Ending::Interrupted => Verdict::Interrupted,
        _ => as_expected.into(),
    })
}

fn conclusion(args: &Args, ending: Ending, as_expected: bool) -> &'static str {
    match ending {
        Ending::Interrupted => "Interrupted before there was anything to see.",
        Ending::Ran if !as_expected => {
            "NOT as expected: the task went on, though nobody woke the loop for it. Something else has: please \
             report this."
        }
        Ending::Lost => {
            "NOT as expected: the task did not go on in 10 seconds, and the loop is not asleep with the event \
             set, either. Unless this machine stood still, that is a defect of wakeproof: please report it."
        }
        _ if !as_expected => {
            "NOT as expected: the event was set the safe way, and still the loop is asleep. That is a defect of \
             wakeproof: please report it."
        }
        Ending::Ran if args.hang => {
            "As expected, but it proves nothing: the loop was awake anyway, and came across the event by \
             itself. Without --busy the same program hangs."
        }
        Ending::Ran => {
            "As expected: set_threadsafe is call_soon_threadsafe with event.set, and that wakes the loop. \
             Without the wakeup: --hang."
        }
        Ending::StrandedThenRescued => {
            "As expected: the event was set, but nobody woke the loop, and a loop that is asleep does not look. \
             Without the watchdog, this program hangs for ever: --forever. The safe way wakes the loop."
        }
        _ => {
            "As expected: the event was set, but nobody woke the loop, and a loop that is asleep does not look. \
             The safe way differs in one line: the wakeup."
        }
    }
}

fn spawn<T: Send + 'static>(
    name: &str,
    body: impl FnOnce() -> T + Send + 'static,
) -> io::Result<thread::JoinHandle<T>> {
    thread::Builder::new().name(name.into()).spawn(body)
}

/// The program's main task: starts the other thread, and waits for the event in another task, as in the
/// original question.
async fn main_task(local: Local, event: Event, worker: Worker) -> io::Result<()> {
    let (journal, sender) = (worker.journal.clone(), worker.sender.clone());
    let is_busy = worker.args.busy;
    journal.write("main task: begins, on the event loop's thread");
    let worker = spawn("worker", move || worker.work())?;
    if is_busy {
        stay_busy(local.clone());
        journal.write("main task: waits for the event; the loop is busy with other callbacks");
    } else {
        journal
            .write("main task: waits for the event; the loop has nothing else to do, and sleeps");
    }
    let waiting = local.spawn(event.wait()).expect("the loop is open");
    wait([waiting], ReturnWhen::AllCompleted).await;
    journal.write("main task: wait completed");
    // If the watchdog is gone, the demonstration was interrupted.
    let _ = sender.send(Message::Ran);
    worker.join().expect("the worker does not panic");
    Ok(())
}

/// A message to the watchdog.
enum Message {
    Setting,
    Ran,
    Interrupted,
}

/// The thread that works for a while and then sets the event.
struct Worker {
    handle: Handle,
    event: EventHandle,
    journal: Journal,
    call: Call,
    args: Args,
    sender: Sender<Message>,
}

impl Worker {
    fn work(self) {
        let Worker { args, journal, .. } = &self;
        journal.write(format!("does some other work, for {:?}", args.after));
        thread::sleep(args.after);
        if !args.busy {
            // However short the work was, the demonstration shows a loop that is asleep.
            wait_until_asleep(&self.handle);
        }
        journal.write(match self.call {
            Call::Safe => {
                "sets the event the safe way: submits the call to the loop's thread, and wakes the loop"
            }
            Call::Unsafe => "sets the event the unsafe way: on this thread, and wakes nobody",
        });
        // As in the main task.
        let _ = self.sender.send(Message::Setting);
        self.call.set(&self.event);
    }
}

/// The thread that looks whether the task has continued. Looking does not wake the loop.
struct Watchdog {
    handle: Handle,
    event: EventHandle,
    journal: Journal,
    patience: Duration,
    forever: bool,
    messages: Receiver<Message>,
}

impl Watchdog {
    fn watch(self) -> Ending {
        match self.messages.recv() {
            Ok(Message::Setting) => {}
            _ => return self.stop(Ending::Interrupted),
        }
        let begun = Instant::now();
        let mut patience = self.patience;
        loop {
            match self.messages.recv_timeout(patience) {
                Ok(Message::Ran) => return Ending::Ran,
                Err(RecvTimeoutError::Timeout) if self.is_stranded() => break,
                // The task may be on its way, however short the patience was.
                Err(RecvTimeoutError::Timeout) if begun.elapsed() < self.patience + RESCUE => {
                    patience = Duration::from_millis(10);
                }
                Ok(Message::Interrupted) if self.is_stranded() => {
                    return self.stop(Ending::StrandedUntilInterrupted);
                }
                Ok(Message::Interrupted) => return self.stop(Ending::Interrupted),
                _ => return self.stop(Ending::Lost),
            }
        }
        self.journal.write(format!(
            "{:?} later: the event is set, the loop is asleep, nobody will wake it",
            self.patience
        ));
        if self.forever {
            self.journal
                .write("does nothing about it: this is the hang; press Ctrl-C to end it");
            let ending = match self.messages.recv() {
                Ok(Message::Interrupted) => Ending::StrandedUntilInterrupted,
                _ => Ending::Lost,
            };
            return self.stop(ending);
        }
        self.journal
            .write("rescues it: wakes the loop, with a callback that does nothing");
        // Refused only if the loop is closed, and then the wait below says so.
        drop(self.handle.call_soon_threadsafe(|| ()));
        match self.messages.recv_timeout(RESCUE) {
            Ok(Message::Ran) => Ending::StrandedThenRescued,
            _ => self.stop(Ending::Lost),
        }
    }

    fn is_stranded(&self) -> bool {
        self.event.is_set() && self.handle.status().is_stranded()
    }

    fn stop(&self, ending: Ending) -> Ending {
        self.journal.write(match ending {
            Ending::Lost => {
                "has lost the task: it did not continue, but the loop is not asleep with the event set"
            }
            Ending::StrandedUntilInterrupted => {
                "is interrupted: the event is set and the task still waits; stops the loop"
            }
            _ => "is interrupted",
        });
        self.handle.stop();
        ending
    }
}

/// Something that a thread did.
#[derive(Debug, Clone, Serialize)]
struct JournalEntry {
    seconds: f64,
    thread: String,
    os_thread_id: u64,
    what: String,
}

/// What each thread did, and when. In text format, prints each entry as it is written.
#[derive(Clone)]
struct Journal {
    start: Instant,
    format: Format,
    events: Arc<Mutex<Vec<JournalEntry>>>,
}

impl Journal {
    fn new(format: Format) -> Self {
        if format == Format::Text {
            let dimmed = Style::new().dimmed();
            // As for the lines below it.
            let _ = writeln!(
                report::out(),
                "{dimmed}{:>8}    {:<8} {:<8} what it does{dimmed:#}",
                "time",
                "thread",
                "id"
            );
        }
        Journal {
            start: Instant::now(),
            format,
            events: Arc::default(),
        }
    }

    /// Adds an entry about the calling thread.
    fn write(&self, what: impl Into<String>) {
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = JournalEntry {
            seconds: self.start.elapsed().as_secs_f64(),
            thread: thread::current().name().unwrap_or("unnamed").into(),
            os_thread_id: gettid::gettid(),
            what: what.into(),
        };
        if self.format == Format::Text {
            let colour = match entry.thread.as_str() {
                "main" => AnsiColor::Cyan,
                "worker" => AnsiColor::Green,
                _ => AnsiColor::Yellow,
            };
            let JournalEntry {
                seconds,
                thread,
                os_thread_id,
                what,
            } = &entry;
            let who = format!("{thread:<8} {os_thread_id:<8}");
            let label = format!("{seconds:>8.3} s  {who} ");
            let coloured = format!("{0}{who}{0:#}", colour.on_default());
            let lines = screen::wrap_beside(&label, what).replacen(&who, &coloured, 1);
            // It takes whatever is written.
            let _ = writeln!(report::out(), "{lines}");
        }
        events.push(entry);
    }

    fn events(&self) -> Vec<JournalEntry> {
        self.events
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
