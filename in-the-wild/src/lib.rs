//! Lost wakeups that somebody has reported, in the primitives that they were reported in, each beside a twin that
//! differs by the repair alone.
//!
//! ```
//! use wakeproof_in_the_wild::report;
//!
//! let waitout = report("waitout").expect("it is in the gallery");
//! let story = waitout.fault().run()?;
//! assert!(story.exploration.counterexample().is_some());
//! println!("{story}");
//! # Ok::<(), wakeproof_explore::CannotReplay>(())
//! ```
//!
//! [The gallery](https://github.com/wakeproof/wakeproof/blob/main/docs/in-the-wild.md) is a page with the drawing
//! of each; `wakeproof explore --example waitout` makes it anew.

mod apollo;
mod asterinas;
mod asyncio;
mod boost_sync;
mod brpc;
mod cpython;
mod diem;
mod folly;
mod futures_rs;
mod glibc;
mod imxrt;
mod libcxx;
mod libcxx_monitor;
mod libuv;
mod litebox;
mod nano_node;
mod poco;
mod rayon;
mod rwlock;
mod thread_pool;
mod threadx;
mod unikraft;
mod uvloop;
mod waitout;
mod wpilib;
mod zephyr;
mod zio;

use std::time::Duration;

use wakeproof_explore::suite::Expected::{self, Found, NotProved, Proved};
use wakeproof_explore::thread::{Builder, JoinHandle};
use wakeproof_explore::{Environment, Explorer};

/// How long a search takes at most.
const TIME: Duration = Duration::from_secs(30);

/// A thread that the story calls by its name.
#[track_caller]
fn spawn<T: Send + 'static>(
    name: &str,
    body: impl FnOnce() -> T + Send + 'static,
) -> JoinHandle<T> {
    let builder = Builder::new().name(name.to_owned());
    builder.spawn(body).unwrap()
}

/// A bug that somebody has reported.
#[derive(Debug, Clone)]
pub struct Report {
    /// What it is called here.
    pub name: &'static str,
    /// What goes wrong, in a line.
    pub wrong: &'static str,
    /// What the program waits with.
    pub primitive: &'static str,
    /// The program.
    pub faulty: fn(),
    /// The same, repaired.
    pub repaired: fn(),
    /// What may happen besides threads taking turns: as much as the program needs.
    pub environment: Environment,
    /// How many executions the verdicts below are after, if there are more.
    pub executions: u64,
    /// What loom and shuttle each say of the program.
    pub of_fault: [Expected; 2],
    /// What they say of its repair.
    pub of_repair: [Expected; 2],
    /// Parts of the last sentence of the story.
    pub end: &'static [&'static str],
    /// The program's file.
    pub source: &'static str,
}

/// Found by both checkers; and its repair proved.
const FOUND: Report = Report {
    name: "",
    wrong: "",
    primitive: "",
    faulty: || (),
    repaired: || (),
    environment: Environment::HOSTILE,
    executions: 50_000,
    of_fault: [Found, Found],
    of_repair: [Proved, Proved],
    end: &[],
    source: "",
};

macro_rules! report {
    ($name:ident, $primitive:literal, $wrong:literal, $end:expr $(, $field:ident: $value:expr)*) => {
        Report {
            name: stringify!($name),
            wrong: $wrong,
            primitive: $primitive,
            faulty: $name::body::<false>,
            repaired: $name::body::<true>,
            source: include_str!(concat!(stringify!($name), ".rs")),
            end: $end,
            $($field: $value,)*
            ..FOUND
        }
    };
}

/// All of them.
#[allow(
    clippy::needless_update,
    reason = "some reports set every field of the default"
)]
#[must_use]
pub fn reports() -> Vec<Report> {
    vec![
        report!(
            waitout,
            "mutex and condvar",
            "`notify_one` wakes one of several waiters",
            &["asleep on the condvar", "the notify_one of worker", "woke"]
        ),
        report!(
            diem,
            "atomic and park",
            "the wakeup comes before the change",
            &[
                "main is parked",
                "sender unparked it before",
                "which is used up"
            ]
        ),
        report!(brpc, "atomics and park", "stores wait in buffers, without fences", &["main is parked", "nobody unparks it"], of_fault: [Found, Proved]),
        report!(futures_rs, "atomics and park", "a load, which orders nothing, finds no waker", &["main is parked", "nobody unparks it"], of_fault: [Found, Proved]),
        report!(
            uvloop,
            "pipe and signal",
            "a full pipe loses the number of a signal",
            &["main is asleep on the pipe"]
        ),
        report!(threadx, "futex and signal", "the unlock wakes a thread that is suspended", &["thread is asleep on the semaphore", "scheduler is asleep on the futex", "woke thread instead"], environment: Environment { timeouts: 2, punctual: true, ..Environment::QUIET }, executions: 20_000, of_fault: [Found, NotProved], of_repair: [NotProved, NotProved]),
        report!(
            rayon,
            "packed atomic and park",
            "a counter rolls over, and a job is not announced",
            &["main is parked", "nobody unparks it"]
        ),
        report!(glibc, "futexes", "a stolen signal is counted against the wrong group", &["waiter is asleep on futex 2", "nobody wakes it"], environment: Environment::QUIET, of_repair: [Proved, NotProved]),
        report!(libcxx, "futex", "the second release wakes nobody", &["waiter is asleep on the futex", "the wake of main", "woke"], environment: Environment::QUIET, executions: 7_000, of_fault: [NotProved, Found], of_repair: [NotProved, NotProved]),
        report!(
            unikraft,
            "mutex, atomic and park",
            "the word is compared before the list is locked",
            &["main is parked", "nobody unparks it"]
        ),
        report!(
            thread_pool,
            "atomic, mutex and condvar",
            "the pool notifies without the mutex",
            &[
                "worker is asleep on the condvar",
                "the notify_all of main",
                "came before, and reached nobody"
            ]
        ),
        report!(
            wpilib,
            "atomic, mutex and condvar",
            "a flag is set without the mutex",
            &[
                "notifier is asleep on the condvar",
                "the notify_all of main",
                "came before, and reached nobody"
            ]
        ),
        report!(
            poco,
            "events of mutex and condvar",
            "`wakeUpAll` reaches those that wait already",
            &["worker is asleep on the condvar", "nobody notifies"]
        ),
        report!(
            apollo,
            "mutex and condvar",
            "nobody notifies when an element is taken",
            &[
                "main is asleep on the condvar",
                "nobody notifies it",
                "consumer"
            ]
        ),
        report!(nano_node, "mutex and condvar", "`notify_one` wakes a producer instead of the consumer", &["main is asleep on the condvar", "producer is asleep on the condvar"], environment: Environment::QUIET, executions: 10_000, of_fault: [Found, NotProved],
of_repair: [NotProved, NotProved]),
        report!(
            imxrt,
            "waker of a future",
            "the waker is registered after the look",
            &[
                "main is asleep on the future",
                "nobody wakes it",
                "interrupt"
            ]
        ),
        report!(zio, "mutex and park", "a waiter that gives up keeps a wakeup", &["patient is parked", "nobody unparks it"], environment: Environment { timeouts: 1, ..Environment::QUIET }, executions: 1_000, of_fault: [NotProved, NotProved], of_repair: [NotProved, NotProved]),
        report!(
            zephyr,
            "mutex and condvar",
            "the next round makes the predicate false again",
            &["is asleep on the condvar"]
        ),
        report!(libuv, "atomics and pipe", "a flag is read, then cleared by a plain store", &["main is asleep on the pipe"], of_fault: [Found, Proved]),
        report!(
            cpython,
            "semaphores and threads",
            "a permit of an idle worker outlives the worker",
            &["main is asleep on semaphore 1", "nobody releases it"]
        ),
        report!(
            boost_sync,
            "mutex, condvar and clock",
            "a deadline that has passed hides that it was posted",
            &["the time is said to be up"]
        ),
        report!(asyncio, "wakers of futures", "a waiter that is cancelled keeps its wakeup", &["main is asleep on the future"], environment: Environment::QUIET),
        report!(rwlock, "mutex and futexes", "a writer that has timed out keeps the wakeup", &["reader is asleep on futex 2", "nobody wakes it", "writer"], environment: Environment { timeouts: 1, ..Environment::QUIET }, executions: 7_000, of_fault: [Found, NotProved], of_repair: [NotProved, NotProved]),
        report!(libcxx_monitor, "futex", "the value to wait on is read before the look", &["is asleep on the futex"], environment: Environment::QUIET),
        report!(litebox, "mutex, atomics and park", "a waiter that need not wait takes the wakeup", &["sleeper is parked"], environment: Environment::QUIET),
        report!(asterinas, "mutex, atomics and park", "an entry that is left on the list takes the wakeup", &["main is parked"], environment: Environment { timeouts: 1, ..Environment::QUIET }),
        report!(folly, "packed futex", "the word is the same again before the wait", &["is asleep on the futex"], environment: Environment::QUIET, executions: 2_000, of_fault: [NotProved, NotProved], of_repair: [NotProved, NotProved]),
    ]
}

/// The one of that name.
#[must_use]
pub fn report(name: &str) -> Option<Report> {
    reports().into_iter().find(|report| report.name == name)
}

impl Report {
    /// An exploration of the program.
    pub fn fault(&self) -> Explorer {
        self.explorer(self.faulty)
    }

    /// An exploration of its repair.
    pub fn repair(&self) -> Explorer {
        self.explorer(self.repaired)
    }

    fn explorer(&self, body: fn()) -> Explorer {
        Explorer::new(body)
            .name(self.name)
            .environment(self.environment)
            .time(TIME)
    }

    /// What happened there, and what this program has of it: the words at the top of its file.
    #[must_use]
    pub fn words(&self) -> String {
        let lines = self.source.lines();
        let words = lines.map_while(|line| line.strip_prefix("//!"));
        words.map(str::trim).collect::<Vec<_>>().join("\n")
    }

    /// Where it was reported.
    #[must_use]
    pub fn cited(&self) -> String {
        let words = self.words().replace('\n', " ");
        let cited = words.split_once(": ").map(|(cited, _)| cited.to_owned());
        cited.unwrap_or(words)
    }

    /// What is known of the repair.
    #[must_use]
    pub fn of_repair(&self) -> &'static str {
        match self.of_repair {
            [Proved, Proved] => "proved by loom and shuttle",
            [Proved, _] => "proved by loom",
            [_, Proved] => "proved by shuttle",
            _ => "not proved: nothing found",
        }
    }
}

// The programs of the book are compiled and run with the examples of this documentation.
#[cfg(doctest)]
#[doc = include_str!("../../docs/your-condvar-code.md")]
mod book {}
