//! Programs that go on by themselves: never called asleep for good, in any look.

use std::collections::BTreeMap;
use std::env;
use std::thread;

use libtest_mimic::{Failed, Trial};
use rustix::process::{Signal, WaitOptions, kill_process, waitpid};
use rustix::thread::{CpuSet, sched_setaffinity};
use wakeproof_asleep::{Report, Verdict, look, until_report};

use crate::program::{Program, WATCHDOG};

/// A program, and the verdict that must come up at least once among its looks: otherwise it does not do what
/// it is for. Besides, only "not asleep" and "cannot tell" may.
const PROGRAMS: [(&str, Kind); 19] = [
    ("spins", Kind::Awake),
    ("polls", Kind::Until),
    ("waits_in_turns", Kind::Awake),
    ("helper_wakes", Kind::Until),
    ("timer_in_epoll", Kind::Until),
    ("timer_in_nested_epoll", Kind::Until),
    ("timer_in_poll", Kind::Until),
    ("timer_read", Kind::Until),
    ("timer_in_a_set_under_a_closed_number", Kind::CannotTell),
    ("posix_timer", Kind::CannotTell),
    ("alarm_again_and_again", Kind::CannotTell),
    ("socket_with_a_limit", Kind::Until),
    ("condvar_with_a_limit", Kind::Until),
    ("relay_of_threads", Kind::Awake),
    ("connects", Kind::CannotTell),
    ("connects_in_epoll", Kind::CannotTell),
    ("terminal_with_a_limit", Kind::CannotTell),
    ("waits_for_alarms", Kind::CannotTell),
    ("reads_alarms", Kind::CannotTell),
];

const C_PROGRAMS: [(&str, &str, Kind); 6] = [
    ("awake.c", "selects_a_timer", Kind::Until),
    ("awake.c", "calls_as_a_32_bit_program", Kind::CannotTell),
    ("awake.c", "interval_timer", Kind::CannotTell),
    ("awake.c", "posix_timer_thread", Kind::CannotTell),
    ("awake.c", "vfork", Kind::Awake),
    ("io_uring.c", "", Kind::CannotTell),
];

const PYTHON_PROGRAMS: [(&str, Kind); 1] = [("interval_timer.py", Kind::CannotTell)];

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    ForGood,
    Until,
    Awake,
    CannotTell,
}

impl From<&Report> for Kind {
    fn from(report: &Report) -> Self {
        match report.verdict {
            Verdict::AsleepForGood => Kind::ForGood,
            Verdict::AsleepUntil { .. } => Kind::Until,
            Verdict::NotAsleep => Kind::Awake,
            _ => Kind::CannotTell,
        }
    }
}

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for (name, kind) in PROGRAMS {
        trials.push(Trial::test(format!("awake::{name}"), move || {
            watch(name, &Program::start(name)?, kind)
        }));
    }
    for (source, argument, kind) in C_PROGRAMS {
        let name = format!("{source}::{argument}");
        trials.push(Trial::test(
            format!("awake::{name}"),
            move || match Program::start_c(source, &[argument])? {
                Some(program) => watch(&name, &program, kind),
                None => Ok(()),
            },
        ));
    }
    for (source, kind) in PYTHON_PROGRAMS {
        trials.push(Trial::test(
            format!("awake::{source}"),
            move || match Program::start_python(source)? {
                Some(program) => watch(source, &program, kind),
                None => Ok(()),
            },
        ));
    }
    trials.push(Trial::test(
        "awake::on_one_busy_processor",
        on_one_busy_processor,
    ));
    trials.push(Trial::test("awake::stopped", stopped));
    trials.push(Trial::test(
        "awake::stopped_and_continued",
        stopped_and_continued,
    ));
    trials.push(Trial::test("awake::held_by_a_debugger", held_by_a_debugger));
    trials
}

/// How often to look at each program.
fn looks() -> usize {
    match env::var("ASLEEP_LOOKS") {
        Ok(looks) => looks.parse().expect("ASLEEP_LOOKS is a number"),
        Err(_) => 500,
    }
}

fn watch(name: &str, program: &Program, expected: Kind) -> Result<(), Failed> {
    let mut seen = BTreeMap::new();
    let looks = looks();
    for _ in 0..looks {
        let report = look(program.id())?;
        let kind = Kind::from(&report);
        // That it cannot tell is never false: a timer without time left may be off.
        if ![expected, Kind::Awake, Kind::CannotTell].contains(&kind) {
            return Err(format!("{name} was called {:?}: {report:#?}", report.verdict).into());
        }
        *seen.entry(kind).or_insert(0_u64) += 1;
    }
    // A program that sleeps for a moment only may be missed by all of these.
    if !seen.contains_key(&expected) {
        until_report(program.id(), WATCHDOG, |report| {
            Kind::from(report) == expected
        })?;
    }
    println!("{name}: {looks} looks, {seen:?}");
    Ok(())
}

/// The programs and the one that looks share a processor with others that never leave it.
fn on_one_busy_processor() -> Result<(), Failed> {
    // A thread of its own: the processor is this one's alone to choose.
    thread::spawn(|| {
        let mut one = CpuSet::new();
        let allowed = rustix::thread::sched_getaffinity(None)?;
        let first = (0..CpuSet::MAX_CPU).find(|cpu| allowed.is_set(*cpu));
        one.set(first.ok_or("there is no processor")?);
        sched_setaffinity(None, &one)?;
        // What it starts is bound to the same one.
        let _busy = [Program::start("spins")?, Program::start("spins")?];
        for (name, kind) in [
            ("polls", Kind::Until),
            ("waits_in_turns", Kind::Awake),
            ("helper_wakes", Kind::Until),
            ("timer_in_epoll", Kind::Until),
            ("relay_of_threads", Kind::Awake),
        ] {
            watch(
                &format!("{name}, one busy processor"),
                &Program::start(name)?,
                kind,
            )?;
        }
        Ok(())
    })
    .join()
    .map_err(|_| Failed::from("it has panicked"))?
}

/// Stopped, a program that runs looks like one that sleeps.
fn stopped() -> Result<(), Failed> {
    for name in ["spins", "polls", "condvar_not_notified"] {
        let program = Program::start(name)?;
        kill_process(program.pid(), Signal::STOP)?;
        waitpid(Some(program.pid()), WaitOptions::UNTRACED)?;
        let stopped = until_report(program.id(), WATCHDOG, |report| {
            Kind::from(report) == Kind::CannotTell
        })?;
        assert!(
            stopped.unseen[0]
                .remedy
                .as_ref()
                .is_some_and(|r| r.contains("kill -CONT")),
            "{stopped:#?}"
        );
        watch(&format!("{name}, stopped"), &program, Kind::CannotTell)?;
    }
    Ok(())
}

/// A stop interrupts a wait; the kernel goes on with it in restart_syscall, and does not tell its limit.
fn stopped_and_continued() -> Result<(), Failed> {
    let program = Program::start("sleeps_long")?;
    until_report(program.id(), WATCHDOG, |report| {
        Kind::from(report) == Kind::Until
    })?;
    kill_process(program.pid(), Signal::STOP)?;
    waitpid(Some(program.pid()), WaitOptions::UNTRACED)?;
    kill_process(program.pid(), Signal::CONT)?;
    waitpid(Some(program.pid()), WaitOptions::CONTINUED)?;
    watch("sleeps_long, continued", &program, Kind::CannotTell)
}

fn held_by_a_debugger() -> Result<(), Failed> {
    let program = Program::start("polls")?;
    let pid = nix::unistd::Pid::from_raw(program.id());
    nix::sys::ptrace::attach(pid)?;
    nix::sys::wait::waitpid(pid, None)?;
    watch("polls, held by a debugger", &program, Kind::CannotTell)?;
    nix::sys::ptrace::detach(pid, None)?;
    Ok(())
}
