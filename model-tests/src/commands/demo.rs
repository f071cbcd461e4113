//! One loop, one callback from another thread, and what becomes of it.

use std::io::{self, Write};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anstyle::AnsiColor;
use anyhow::Context;
use clap::ValueEnum;
use serde::Serialize;
use wakeproof::{EventLoop, Handle};
use wakeproof_model_tests::report::{Verdict, print_json};
use wakeproof_model_tests::threads::{Call, stay_busy};

const EXAMPLES: &str = "\
Examples:
  wakeproof demo                    the safe call: the loop wakes and runs the callback
  wakeproof demo --hang             the unsafe call: the loop sleeps beside the callback
  wakeproof demo --hang --busy      the unsafe call to a busy loop, where it seems to work
  wakeproof demo --hang --forever   the hang itself, until Ctrl-C
  wakeproof demo --after 3s         the thread works for 3 seconds before it submits

Exit status: 0 if the callback fared as expected, 1 if not, 2 if the command line is at fault.";

/// Durations beyond this are taken for a mistake.
const LONGEST: Duration = Duration::from_secs(60 * 60);
/// A callback that has not run by then although the loop was woken for it is lost.
const RESCUE: Duration = Duration::from_secs(10);

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Submit with call_soon, which does not wake the loop.
    #[arg(long)]
    hang: bool,
    /// Do not rescue a callback that is stranded: hang until Ctrl-C.
    #[arg(long)]
    forever: bool,
    /// Keep the loop busy instead of idle.
    #[arg(long)]
    busy: bool,
    /// How long the other thread works before it submits, up to 1h.
    #[arg(long, value_name = "DURATION", default_value = "500ms", value_parser = duration, allow_hyphen_values = true)]
    after: Duration,
    /// How long the watchdog waits for the callback, up to 1h.
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = patience, allow_hyphen_values = true)]
    patience: Duration,
    /// How to print what happens.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A line for each event, as it happens.
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

/// As [`duration`], but not nothing: a watchdog without patience sees nothing.
fn patience(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        Duration::ZERO => Err("the watchdog needs some patience; write for example 2s".into()),
        patience => Ok(patience),
    }
}

/// How the callback fared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Ending {
    /// The loop ran it by itself.
    Ran,
    /// The loop slept beside it, and ran it when something else woke the loop.
    StrandedThenRescued,
    /// The loop slept beside it until the demonstration was interrupted.
    StrandedUntilInterrupted,
    /// It did not run, and the loop was not asleep beside it either.
    Lost,
    /// Interrupted before there was anything to see.
    Interrupted,
}

#[derive(Debug, Serialize)]
struct Document<'a> {
    call: &'static str,
    loop_is_busy: bool,
    events: &'a [Event],
    ending: Ending,
    as_expected: bool,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Verdict> {
    let call = if args.hang { Call::Unsafe } else { Call::Safe };
    let journal = Journal::new(args.format);
    let (tell, news) = mpsc::channel();
    let interrupted = tell.clone();
    ctrlc::set_handler(move || drop(interrupted.send(News::Interrupted)))
        .context("cannot watch for Ctrl-C")?;

    let event_loop = EventLoop::new();
    if args.busy {
        journal.write("runs the loop, which is busy with callbacks of its own");
        stay_busy(event_loop.local());
    } else {
        journal.write("runs the loop, which has nothing to do and goes to sleep");
    }
    let worker = Worker {
        handle: event_loop.handle(),
        journal: journal.clone(),
        call,
        after: args.after,
        tell,
    };
    let watchdog = Watchdog {
        handle: event_loop.handle(),
        journal: journal.clone(),
        patience: args.patience,
        forever: args.forever,
        news,
    };
    let worker = spawn("worker", move || worker.work())?;
    let watchdog = spawn("watchdog", move || watchdog.watch())?;
    event_loop.run_forever()?;
    journal.write("returns from run_forever");
    let ending = watchdog.join().expect("the watchdog does not panic");
    if ending != Ending::Interrupted {
        worker.join().expect("the worker does not panic");
    }

    let expected = match (args.hang && !args.busy, args.forever) {
        (false, _) => Ending::Ran,
        (true, false) => Ending::StrandedThenRescued,
        (true, true) => Ending::StrandedUntilInterrupted,
    };
    let as_expected = ending == expected;
    match args.format {
        Format::Text => writeln!(io::stdout(), "{}", conclusion(args, ending, as_expected))?,
        Format::Json => print_json(&Document {
            call: call.name(),
            loop_is_busy: args.busy,
            events: &journal.events(),
            ending,
            as_expected,
        })?,
    }
    Ok(as_expected.into())
}

fn conclusion(args: &Args, ending: Ending, as_expected: bool) -> &'static str {
    match ending {
        Ending::Interrupted => "Interrupted before there was anything to see.",
        _ if !as_expected => "NOT as expected.",
        Ending::Ran if args.hang => {
            "As expected, and no proof of anything: the loop was awake anyway, and found the callback\n\
             when it came back to its queue. Without --busy the same call hangs."
        }
        Ending::Ran => "As expected: call_soon_threadsafe enqueues and wakes the loop.",
        _ => {
            "As expected: call_soon enqueues and wakes nobody, so a loop that is asleep stays asleep.\n\
             call_soon_threadsafe differs in one line: the wakeup."
        }
    }
}

fn spawn<T: Send + 'static>(
    name: &str,
    body: impl FnOnce() -> T + Send + 'static,
) -> io::Result<thread::JoinHandle<T>> {
    thread::Builder::new().name(name.into()).spawn(body)
}

/// What the watchdog waits for.
enum News {
    Submitting,
    Ran,
    Interrupted,
}

/// The thread that works for a while and then has something for the loop.
struct Worker {
    handle: Handle,
    journal: Journal,
    call: Call,
    after: Duration,
    tell: Sender<News>,
}

impl Worker {
    fn work(self) {
        let (journal, tell, stop) = (self.journal.clone(), self.tell.clone(), self.handle.clone());
        self.journal.write(format!("works for {:?}", self.after));
        thread::sleep(self.after);
        self.journal.write(match self.call {
            Call::Safe => "calls call_soon_threadsafe: enqueues the callback and wakes the loop",
            Call::Unsafe => "calls call_soon: enqueues the callback and wakes nobody",
        });
        // A watchdog that is gone has been interrupted, and nobody is interested any more.
        let _ = self.tell.send(News::Submitting);
        let submitted = Instant::now();
        self.call.submit(&self.handle, move || {
            let waited = submitted.elapsed();
            journal.write(format!(
                "runs the callback: it ran on the loop's thread after {waited:.1?}"
            ));
            let _ = tell.send(News::Ran);
            stop.stop();
        });
    }
}

/// The thread that looks whether the callback has run. Looking does not wake the loop.
struct Watchdog {
    handle: Handle,
    journal: Journal,
    patience: Duration,
    forever: bool,
    news: Receiver<News>,
}

impl Watchdog {
    fn watch(self) -> Ending {
        match self.news.recv() {
            Ok(News::Submitting) => {}
            _ => return self.stop(Ending::Interrupted),
        }
        match self.news.recv_timeout(self.patience) {
            Ok(News::Ran) => return Ending::Ran,
            Err(RecvTimeoutError::Timeout) if self.handle.status().is_stranded() => {}
            Ok(News::Interrupted) if self.handle.status().is_stranded() => {
                return self.stop(Ending::StrandedUntilInterrupted);
            }
            Ok(News::Interrupted) => return self.stop(Ending::Interrupted),
            _ => return self.stop(Ending::Lost),
        }
        self.journal.write(format!(
            "still queued after {:?}: the loop is asleep and nobody will wake it",
            self.patience
        ));
        if self.forever {
            self.journal
                .write("does nothing about it; press Ctrl-C to end this");
            let ending = match self.news.recv() {
                Ok(News::Interrupted) => Ending::StrandedUntilInterrupted,
                _ => Ending::Lost,
            };
            return self.stop(ending);
        }
        self.journal
            .write("wakes the loop, with a callback that does nothing");
        // Refused only if the loop is closed, and then the wait below says so.
        drop(self.handle.call_soon_threadsafe(|| ()));
        match self.news.recv_timeout(RESCUE) {
            Ok(News::Ran) => {
                self.journal
                    .write("sees that the callback was there all along");
                Ending::StrandedThenRescued
            }
            _ => self.stop(Ending::Lost),
        }
    }

    fn stop(&self, ending: Ending) -> Ending {
        self.journal.write(match ending {
            Ending::Lost => {
                "has lost the callback: it neither ran nor is the loop asleep beside it"
            }
            Ending::StrandedUntilInterrupted => {
                "is interrupted: the callback is still queued; wakes the loop to end"
            }
            _ => "is interrupted",
        });
        self.handle.stop();
        ending
    }
}

/// Something that a thread did.
#[derive(Debug, Clone, Serialize)]
struct Event {
    seconds: f64,
    thread: String,
    os_thread_id: u64,
    what: String,
}

/// Who did what, and when. Prints each line as it is written, if it is for people.
#[derive(Clone)]
struct Journal {
    start: Instant,
    format: Format,
    events: Arc<Mutex<Vec<Event>>>,
}

impl Journal {
    fn new(format: Format) -> Self {
        Journal {
            start: Instant::now(),
            format,
            events: Arc::default(),
        }
    }

    /// Writes down what the calling thread does.
    fn write(&self, what: impl Into<String>) {
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        let event = Event {
            seconds: self.start.elapsed().as_secs_f64(),
            thread: thread::current().name().unwrap_or("unnamed").into(),
            os_thread_id: gettid::gettid(),
            what: what.into(),
        };
        if self.format == Format::Text {
            let colour = match event.thread.as_str() {
                "main" => AnsiColor::Cyan,
                "worker" => AnsiColor::Green,
                _ => AnsiColor::Yellow,
            };
            let Event {
                seconds,
                thread,
                os_thread_id,
                what,
            } = &event;
            // A reader that has gone away does not stop the demonstration half-way.
            let _ = writeln!(
                anstream::stdout(),
                "{seconds:>8.3} s  {}{thread:<8} {os_thread_id:<8}{:#} {what}",
                colour.on_default(),
                colour.on_default(),
            );
        }
        events.push(event);
    }

    fn events(&self) -> Vec<Event> {
        self.events
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
