//! Programs in which nobody will go on: called asleep for good, and nothing of them runs afterwards.

use std::io::Write;

use libtest_mimic::{Failed, Trial};
use wakeproof_asleep::{
    Activity, File, Outside, Report, Resemblance, Thread, Verdict, look, until,
};

use crate::program::{Program, WATCHDOG};

const PROGRAMS: [(&str, Option<Resemblance>); 6] = [
    ("loop_not_woken", Some(Resemblance::NobodyLeftToNotify)),
    (
        "condvar_not_notified",
        Some(Resemblance::NobodyLeftToNotify),
    ),
    ("deadlock", Some(Resemblance::AllOnFutexes)),
    ("eventfd_not_written", Some(Resemblance::EventLoopNotWoken)),
    ("wakeup_not_drained", Some(Resemblance::WakeupUnread)),
    ("reads_its_own_pipe", Some(Resemblance::ReadsItsOwnPipe)),
];

const C_PROGRAMS: [(&str, Option<Resemblance>); 5] = [
    ("main_thread_ended", Some(Resemblance::NobodyLeftToNotify)),
    ("sleeps_for_processor_time", None),
    ("futex", Some(Resemblance::NobodyLeftToNotify)),
    ("one_futex", Some(Resemblance::AllOnOneFutex)),
    ("shared_futex", None),
];

const PYTHON_PROGRAMS: [(&str, Option<Resemblance>); 2] = [
    ("condition.py", Some(Resemblance::AllOnFutexes)),
    (
        "event_set_from_another_thread.py",
        Some(Resemblance::EventLoopNotWoken),
    ),
];

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for (name, resembles) in PROGRAMS {
        trials.push(Trial::test(format!("asleep::{name}"), move || {
            check(&Program::start(name)?, resembles).map(drop)
        }));
    }
    for (name, resembles) in C_PROGRAMS {
        trials.push(Trial::test(
            format!("asleep::asleep.c::{name}"),
            move || {
                let Some(program) = Program::start_c("asleep.c", &[name])? else {
                    return Ok(());
                };
                let report = check(&program, resembles)?;
                let shared = report
                    .outside
                    .iter()
                    .any(|outside| matches!(outside, Outside::SharedFutex { .. }));
                assert_eq!(shared, name == "shared_futex", "{report:#?}");
                Ok(())
            },
        ));
    }
    for (source, resembles) in PYTHON_PROGRAMS {
        trials.push(Trial::test(
            format!("asleep::{source}"),
            move || match Program::start_python(source)? {
                Some(program) => check(&program, resembles).map(drop),
                None => Ok(()),
            },
        ));
    }
    trials.push(Trial::test(
        "asleep::until_the_outside_acts",
        until_the_outside_acts,
    ));
    trials.push(Trial::test(
        "asleep::with_a_handler_for_alarms",
        with_a_handler_for_alarms,
    ));
    trials.push(Trial::test(
        "asleep::with_a_hostile_name",
        with_a_hostile_name,
    ));
    trials.push(Trial::test("asleep::threads_of_ones_own", || {
        Program::start("looks_at_its_own_threads").map(drop)
    }));
    trials.push(Trial::test(
        "asleep::as_an_ordinary_user",
        as_an_ordinary_user,
    ));
    trials
}

/// It is asleep for good in this look and in those that follow, and no thread of it has run since.
fn check(program: &Program, resembles: Option<Resemblance>) -> Result<Report, Failed> {
    const AGAIN: usize = 200;
    let first = until(program.id(), WATCHDOG)?;
    assert_eq!(first.resembles, resembles, "{first:#?}");
    for _ in 0..AGAIN {
        let report = look(program.id())?;
        assert_eq!(report.verdict, Verdict::AsleepForGood, "{report:#?}");
        assert_eq!(alive(&report), alive(&first));
    }
    Ok(first)
}

/// Without a main thread that has ended: what is left of it may still be on its way off the processor.
fn alive(report: &Report) -> Vec<&Thread> {
    let threads = report.threads.iter();
    threads
        .filter(|thread| thread.activity != Activity::Ended)
        .collect()
}

/// A pipe with a living writer is on the list, and the writer can wake the program indeed.
fn until_the_outside_acts() -> Result<(), Failed> {
    let mut program = Program::start("reads_standard_input")?;
    let report = check(&program, None)?;
    assert!(
        report.outside.iter().any(|outside| matches!(
            outside,
            Outside::Descriptor {
                fd: 0,
                file: File::Pipe {
                    both_ends: false,
                    ..
                }
            }
        )),
        "{report:#?}"
    );
    let holders = wakeproof_asleep::holders(&report);
    let me = std::process::id().cast_signed();
    assert!(holders.iter().any(|holder| holder.pid == me), "{holders:?}");

    let mut input = program.input().ok_or("it has a standard input")?;
    writeln!(input, "a line")?;
    assert_eq!(program.line()?, "heard a line");
    Ok(())
}

/// Whether an alarm is set cannot be seen, and here it would matter.
fn with_a_handler_for_alarms() -> Result<(), Failed> {
    let program = Program::start("handles_alarm")?;
    let report = wakeproof_asleep::until_report(program.id(), WATCHDOG, |report| {
        report.verdict != Verdict::NotAsleep
    })?;
    assert_eq!(report.verdict, Verdict::CannotTell, "{report:#?}");
    assert!(report.unseen[0].what.contains("SIGALRM"), "{report:#?}");
    Ok(())
}

fn with_a_hostile_name() -> Result<(), Failed> {
    let program = Program::start("hostile_name")?;
    let report = check(&program, Some(Resemblance::NobodyLeftToNotify))?;
    assert_eq!(report.name, "\u{fffd}\\u{1b}[2J): S");
    assert_eq!(report.threads[0].name, report.name);
    Ok(())
}

fn as_an_ordinary_user() -> Result<(), Failed> {
    let Some(mut program) = Program::start_as_nobody("looks_at_a_child")? else {
        return Ok(());
    };
    assert_eq!(
        program.rest()?.trim_end(),
        "asleep for good unless the outside acts"
    );
    Ok(())
}
