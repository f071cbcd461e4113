//! Keeps the loop from getting slower: the instructions of fixed work, counted by valgrind, beside the
//! committed figures. How busy the machine is makes no difference to them.
//!
//! `cargo run --release -p wakeproof-benches --bin instructions` compares, and fails if some work takes
//! more than the tolerance allows; with `--update` it commits new figures to `benches/instructions.txt`.
//! Needs valgrind.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::Duration;
use std::{env, hint, thread};

use wakeproof::{Event, EventLoop};
use wakeproof_benches::figures::{self, TOLERANCE};

/// How many things are there at once.
const BATCH: u64 = 1_000;

/// Does some work once: `BATCH` operations on a loop that is used again and again.
type Work = fn(&EventLoop);

const WORKS: [(&str, Work); 9] = [
    ("call_soon", |event_loop| {
        let local = event_loop.local();
        for n in 0..BATCH {
            drop(local.call_soon(move || used(n)));
        }
        iterate(event_loop);
    }),
    ("call_soon_threadsafe", |event_loop| {
        let handle = event_loop.handle();
        for n in 0..BATCH {
            drop(handle.call_soon_threadsafe(move || used(n)));
        }
        iterate(event_loop);
    }),
    ("call_soon_threadsafe, other thread", |event_loop| {
        let handle = event_loop.handle();
        let submitting = thread::spawn(move || {
            for n in 0..BATCH {
                drop(handle.call_soon_threadsafe(move || used(n)));
            }
        });
        submitting.join().expect("it does not panic");
        iterate(event_loop);
    }),
    ("post_threadsafe, other thread", |event_loop| {
        let handle = event_loop.handle();
        let submitting = thread::spawn(move || {
            for n in 0..BATCH {
                let posted = handle.post_threadsafe(move || used(n));
                assert!(posted.is_ok(), "the loop is open");
            }
        });
        submitting.join().expect("it does not panic");
        iterate(event_loop);
    }),
    ("call_soon_threadsafe, handle kept", |event_loop| {
        let handle = event_loop.handle();
        let submit = |n| handle.call_soon_threadsafe(move || used(n));
        let calls: Vec<_> = (0..BATCH).flat_map(submit).collect();
        iterate(event_loop);
        assert!(calls.iter().all(|call| call.is_done()));
    }),
    ("call_soon_threadsafe and cancel", |event_loop| {
        let handle = event_loop.handle();
        for n in 0..BATCH {
            let call = handle.call_soon_threadsafe(move || used(n));
            assert!(call.expect("the loop is open").cancel());
        }
        iterate(event_loop);
    }),
    ("timer", |event_loop| {
        for n in 0..BATCH {
            let when = Duration::from_nanos(n.wrapping_mul(0x9e37_79b9) % (1 << 20));
            drop(event_loop.local().call_at(when, move || used(n)));
        }
        iterate(event_loop);
    }),
    ("task", |event_loop| {
        for n in 0..BATCH {
            drop(event_loop.local().spawn(async move { used(n) }));
        }
        iterate(event_loop);
    }),
    ("event that wakes a task", |event_loop| {
        let event = Event::new(&event_loop.local());
        let waiting = event.clone();
        let task = event_loop.local().spawn(async move {
            for _ in 0..BATCH {
                waiting.wait().await;
                waiting.clear();
            }
        });
        let mut task = task.expect("the loop is open");
        while !task.is_finished() {
            event.set();
            iterate(event_loop);
        }
        event_loop
            .run_until_complete(&mut task)
            .expect("it completes")
            .expect("it returns");
    }),
];

fn used(n: u64) {
    hint::black_box(n);
}

/// Runs what is queued.
fn iterate(event_loop: &EventLoop) {
    event_loop.stop();
    event_loop.run_forever().expect("the loop is open");
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match *arguments {
        [] => compare(),
        ["--update"] => update(),
        ["--do", name, times] => {
            return run(name, times);
        }
        _ => Err("usage: instructions [--update]".into()),
    };
    result.unwrap_or_else(|error| {
        eprintln!("error: {error}");
        ExitCode::from(2)
    })
}

/// What valgrind counts: this program, in a process of its own.
fn run(name: &str, times: &str) -> ExitCode {
    let times: u64 = times.parse().expect("a number, from `count`");
    let work = WORKS.iter().find(|(known, _)| *known == name);
    let (_, work) = work.expect("a name, from `count`");
    let event_loop = EventLoop::new();
    (0..times).for_each(|_| work(&event_loop));
    ExitCode::SUCCESS
}

/// Instructions of one operation. Starting the process and growing its memory cancel out: the work is
/// done a few times, then a few times more, and the difference counts.
fn count(name: &str) -> Result<f64, String> {
    const FEW: u64 = 5;
    const MORE: u64 = 25;
    let [few, more] = [FEW, MORE].map(|times| collect(name, times));
    let operations = (MORE - FEW) * BATCH;
    Ok((more?.saturating_sub(few?)) as f64 / operations as f64)
}

/// All instructions of a process that does some work.
fn collect(name: &str, times: u64) -> Result<u64, String> {
    let program = env::current_exe().map_err(|error| format!("who am I? {error}"))?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args(["--do", name, &times.to_string()])
        .output()
        .map_err(|error| format!("cannot run valgrind, which must be installed: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    let collected = said.lines().find_map(|line| {
        let (_, number) = line.split_once("Collected : ")?;
        number.trim().parse().ok()
    });
    match collected {
        Some(collected) if output.status.success() => Ok(collected),
        _ => Err(format!("{name} under valgrind: {}\n{said}", output.status)),
    }
}

/// Where the committed figures are.
fn file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("instructions.txt")
}

fn update() -> Result<ExitCode, String> {
    let mut counted = Vec::new();
    for (name, _) in WORKS {
        let each = count(name)?;
        println!("{name:<36}{each:>8.1}");
        counted.push((name, each));
    }
    let path = file();
    fs::write(&path, figures::write(&counted))
        .map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(ExitCode::SUCCESS)
}

fn compare() -> Result<ExitCode, String> {
    let path = file();
    let committed = fs::read_to_string(&path);
    let committed = committed.map_err(|error| format!("{}: {error}", path.display()))?;
    println!(
        "{:<36}{:>8}{:>11}",
        "instructions of one", "now", "committed"
    );
    let mut slower = Vec::new();
    for (name, _) in WORKS {
        let known = figures::find(&committed, name);
        let known = known.ok_or_else(|| format!("{}: no figure of {name}", path.display()))?;
        let now = count(name)?;
        let change = figures::change(now, known);
        println!(
            "{name:<36}{now:>8.1}{known:>11.1}{:>+8.1} %",
            change * 100.0
        );
        if change > TOLERANCE {
            slower.push(name);
        }
    }
    if slower.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!(
        "error: more instructions than committed, by more than {:.0} %: {}. If that is meant, run this \
         with --update and say why",
        TOLERANCE * 100.0,
        slower.join("; ")
    );
    Ok(ExitCode::from(1))
}
