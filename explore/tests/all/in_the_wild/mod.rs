//! Lost wakeups that somebody has reported, in the primitives that they were reported in, over the drop-in.
//! Each beside its repair, with its story.

mod apollo;
mod brpc;
mod diem;
mod futures_rs;
mod gallir;
mod glibc;
mod imxrt;
mod libcxx;
mod nano_node;
mod poco;
mod rayon;
mod thread_pool;
mod threadx;
mod unikraft;
mod uvloop;
mod waitout;
mod wpilib;
mod zio;

use std::fmt::Write;
use std::path::Path;
use std::time::{Duration, Instant};
use std::{env, fs};

use wakeproof_explore::suite::Expected::{self, Found, NotProved, Proved};
use wakeproof_explore::thread::{Builder, JoinHandle};
use wakeproof_explore::{self as explore, Environment, Explorer, Limits, Search};

/// A thread that the story calls by its name.
#[track_caller]
fn spawn<T: Send + 'static>(
    name: &str,
    body: impl FnOnce() -> T + Send + 'static,
) -> JoinHandle<T> {
    let builder = Builder::new().name(name.to_owned());
    builder.spawn(body).unwrap()
}

/// One that somebody has reported.
struct Report {
    name: &'static str,
    /// In a line.
    wrong: &'static str,
    primitive: &'static str,
    fault: fn(),
    repair: fn(),
    environment: Environment,
    /// After how many executions to give up.
    most: u64,
    /// What loom and shuttle have to say of the fault, and of the repair.
    of_fault: [Expected; 2],
    of_repair: [Expected; 2],
    header: &'static str,
    /// What the last line of the story says.
    end: &'static [&'static str],
}

/// One whose fault is found by both, and whose repair is proved.
const FOUND: Report = Report {
    name: "",
    wrong: "",
    primitive: "",
    fault: || (),
    repair: || (),
    environment: Environment::HOSTILE,
    most: 50_000,
    of_fault: [Found, Found],
    of_repair: [Proved, Proved],
    header: "",
    end: &[],
};

macro_rules! report {
    ($name:ident, $primitive:literal, $wrong:literal, $end:expr $(, $field:ident: $value:expr)*) => {
        Report {
            name: stringify!($name),
            wrong: $wrong,
            primitive: $primitive,
            fault: $name::body::<false>,
            repair: $name::body::<true>,
            header: include_str!(concat!(stringify!($name), ".rs")),
            end: $end,
            $($field: $value,)*
            ..FOUND
        }
    };
}

#[allow(
    clippy::needless_update,
    reason = "some reports set every field of the default"
)]
fn reports() -> Vec<Report> {
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
        report!(threadx, "futex and signal", "the unlock wakes a thread that is suspended", &["on the suspension", "on the futex"], environment: Environment { timeouts: 2, punctual: true, ..Environment::QUIET }, of_repair: [NotProved, NotProved]),
        report!(
            rayon,
            "packed atomic and park",
            "a counter rolls over, and a job is not announced",
            &["main is parked", "nobody unparks it"]
        ),
        report!(glibc, "futexes", "a stolen signal is counted against the wrong group", &["waiter is asleep on futex", "nobody notifies"], environment: Environment::QUIET, of_repair: [Proved, NotProved]),
        report!(libcxx, "futex", "the second release wakes nobody", &["waiter is asleep on the futex", "what main did with it"], environment: Environment::QUIET, most: 7_000, of_fault: [NotProved, Found], of_repair: [NotProved, NotProved]),
        report!(
            unikraft,
            "mutex, atomic and park",
            "the word is compared before the list is locked",
            &["main is parked", "nobody unparks it"]
        ),
        report!(gallir, "atomic and futex", "a futex that never changes remembers no signal", &["waiter is asleep on the futex", "came before, and reached nobody"], environment: Environment::QUIET, of_repair: [Proved, NotProved]),
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
            &["main is asleep on the condvar"]
        ),
        report!(nano_node, "mutex and condvar", "`notify_one` wakes a producer instead of the consumer", &["main is asleep on the condvar", "producer is asleep on the condvar"], environment: Environment::QUIET, most: 10_000, of_fault: [Found, NotProved],
of_repair: [NotProved, NotProved]),
        report!(
            imxrt,
            "waker of a future",
            "the waker is registered after the look",
            &["main is asleep on the future", "nobody notifies"]
        ),
        report!(zio, "mutex and park", "a waiter that gives up keeps a wakeup", &["patient is parked", "nobody unparks it"], environment: Environment { timeouts: 1, ..Environment::QUIET }, most: 1_000, of_fault: [NotProved, NotProved], of_repair: [NotProved, NotProved]),
    ]
}

impl Report {
    /// The words at the top of its file.
    fn words(&self) -> String {
        let lines = self.header.lines();
        let words = lines.map_while(|line| line.strip_prefix("//!"));
        words.map(str::trim).collect::<Vec<_>>().join("\n")
    }

    /// Where it was reported.
    fn cited(&self) -> String {
        let words = self.words().replace('\n', " ");
        let (cited, _) = words.split_once(": ").expect("the report, a colon");
        cited.to_owned()
    }

    fn verdict(&self) -> &'static str {
        match self.of_repair {
            [Proved, Proved] => "proved by loom and shuttle",
            [Proved, _] => "proved by loom",
            [_, Proved] => "proved by shuttle",
            _ => "not proved: nothing found",
        }
    }
}

#[test]
fn the_fault_is_found_and_the_repair_proved_or_not() {
    let mut wrong = Vec::new();
    for report in reports() {
        let name = report.name;
        let limits = Limits {
            executions: Some(report.most),
            ..Limits::default()
        };
        for (body, [loom, shuttle]) in [
            (report.fault, report.of_fault),
            (report.repair, report.of_repair),
        ] {
            let by_loom = explore::loom(report.environment, &limits, body);
            let search = Search::Exhaustive;
            let by_shuttle = explore::shuttle(report.environment, search, &limits, body);
            for (explored, expected) in [(by_loom, loom), (by_shuttle, shuttle)] {
                println!("{name}: {explored} ({:?})", explored.time);
                let of = Expected::of(&explored);
                let is_asleep = of != Found || explored.to_string().contains("deadlock");
                if of != expected || !is_asleep {
                    wrong.push(format!("{name}: {expected:?} expected, {explored}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// `WAKEPROOF_BLESS=1 cargo test -p wakeproof-explore in_the_wild` writes the page anew.
const PAGE: &str = "docs/in-the-wild.md";
const BEGIN: &str = "<!-- begin: gallery -->\n";
const END: &str = "<!-- end: gallery -->\n";

fn searched(report: &Report) -> String {
    let begun = Instant::now();
    let story = explorer(report).run().unwrap_or_else(|why| panic!("{why}"));
    let executions: u64 = story.searches.iter().map(|(_, one)| one.executions).sum();
    let (name, time) = (report.name, begun.elapsed());
    println!("{name}: {executions} executions, {time:?} with the drawing");
    let replay = story
        .replay
        .unwrap_or_else(|| panic!("{name}: {}", story.exploration));
    let (_, line) = replay.split_once("='").expect("a variable and its value");
    line.trim_end_matches('\'').to_owned()
}

fn explorer(report: &Report) -> Explorer {
    Explorer::new(report.fault)
        .environment(report.environment)
        .time(Duration::from_secs(30))
}

const REPLAY: &str = "\nReplay: `";

/// The line that the page has for a report.
fn line_of<'a>(page: &'a str, report: &Report) -> &'a str {
    let section = format!("\n## {}\n", report.name);
    let (_, rest) = page.split_once(&section).expect(&section);
    let (_, rest) = rest.split_once(REPLAY).expect(REPLAY);
    rest.split('`').next().expect("the line")
}

#[test]
fn the_gallery_tells_each_story() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(PAGE);
    let page = fs::read_to_string(&path).expect(PAGE);
    let blesses = env::var_os("WAKEPROOF_BLESS");
    // Other words for the same executions need no new search.
    let searches = blesses.as_ref().is_some_and(|how| how != "draw");
    let mut table = String::from(
        "| report | primitive | what goes wrong | the repair |\n| --- | --- | --- | --- |\n",
    );
    let (mut drawings, mut wrong) = (String::new(), Vec::new());
    for report in reports() {
        let line = if searches {
            searched(&report)
        } else {
            line_of(&page, &report).to_owned()
        };
        let replayed = explorer(&report).replay(&line);
        let story = replayed.unwrap_or_else(|why| panic!("{}: {why}", report.name));
        let trace = story.trace.expect("an execution that fails");
        for end in report.end {
            if !trace.end.contains(end) {
                wrong.push(format!(
                    "{}: {end:?} is not in {:?}",
                    report.name, trace.end
                ));
            }
        }
        let (name, cited) = (report.name, report.cited());
        let (primitive, what, verdict) = (report.primitive, report.wrong, report.verdict());
        let _ = writeln!(
            table,
            "| [{cited}](#{name}) | {primitive} | {what} | {verdict} |"
        );
        let text = trace.to_text();
        let (_, drawing) = text.split_once("\n\n").expect("a caption");
        let (words, drawing) = (report.words(), drawing.trim_end());
        let _ = writeln!(
            drawings,
            "\n## {name}\n\n{words}\n\n[The program](../explore/tests/all/in_the_wild/{name}.rs)\n\n\
             ```text\n{drawing}\n```\n{REPLAY}{line}`"
        );
    }
    let (head, rest) = page.split_once(BEGIN).expect(BEGIN);
    let (_, tail) = rest.split_once(END).expect(END);
    let new = format!("{head}{BEGIN}\n{table}{drawings}\n{END}{tail}");
    if blesses.is_some() {
        fs::write(&path, new).expect(PAGE);
    } else {
        assert_eq!(page, new, "{PAGE} differs: write it with WAKEPROOF_BLESS=1");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
