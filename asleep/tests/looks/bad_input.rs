//! Processes that cannot be looked at: one error each, and its message says what to do.

use std::process::Command;

use libtest_mimic::{Failed, Trial};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use wakeproof_asleep::{Error, Threads, look};

use crate::program::Program;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("bad_input::no_such_process", no_such_process),
        Trial::test("bad_input::zombie", zombie),
        Trial::test("bad_input::kernel_thread", kernel_thread),
        Trial::test("bad_input::thread_for_a_process", thread_for_a_process),
        Trial::test("bad_input::no_such_thread", no_such_thread),
        Trial::test("bad_input::not_ours", not_ours),
        Trial::test("bad_input::ends_during_the_look", ends_during_the_look),
    ]
}

fn no_such_process() -> Result<(), Failed> {
    for pid in [i32::MAX, 0, -1, i32::MIN] {
        let error = look(pid).expect_err("nobody has this id");
        assert!(matches!(error, Error::NoSuchProcess { .. }), "{error:?}");
    }
    Ok(())
}

fn zombie() -> Result<(), Failed> {
    let mut child = Command::new("true").spawn()?;
    let pid = Pid::from_child(&child);
    waitid(
        WaitId::Pid(pid),
        WaitIdOptions::EXITED | WaitIdOptions::NOWAIT,
    )?;
    let error = look(&child).expect_err("it has ended");
    assert!(
        matches!(error, Error::Zombie { parent, .. } if parent == std::process::id().cast_signed()),
        "{error:?}"
    );
    child.wait()?;
    let error = look(&child).expect_err("it is gone");
    assert!(matches!(error, Error::NoSuchProcess { .. }), "{error:?}");
    Ok(())
}

fn kernel_thread() -> Result<(), Failed> {
    if std::fs::read_to_string("/proc/2/comm").ok().as_deref() != Some("kthreadd\n") {
        println!("no kernel threads to be seen here: a container");
        return Ok(());
    }
    let error = look(2).expect_err("it is the kernel's");
    assert!(matches!(error, Error::KernelThread { pid: 2 }), "{error:?}");
    Ok(())
}

fn thread_for_a_process() -> Result<(), Failed> {
    let program = Program::start("threads_2")?;
    let report = look(program.id())?;
    let tid = report.threads[1].tid;
    let error = look(tid).expect_err("it is no process");
    assert!(
        matches!(error, Error::Thread { pid, .. } if pid == program.id()),
        "{error:?}"
    );
    Ok(())
}

fn no_such_thread() -> Result<(), Failed> {
    let error = look(Threads::Only(vec![i32::MAX])).expect_err("nobody has this id");
    assert!(matches!(error, Error::NoSuchThread { .. }), "{error:?}");
    Ok(())
}

/// A process of root's, looked at by nobody.
fn not_ours() -> Result<(), Failed> {
    if !rustix::process::geteuid().is_root() {
        println!("only root can become another user to try");
        return Ok(());
    }
    let Some(mut program) = Program::start_as_nobody("looks_at_its_parent")? else {
        return Ok(());
    };
    let said = program.rest()?;
    assert!(
        said.contains("may not be looked at") && said.contains("root"),
        "{said}"
    );
    Ok(())
}

/// Every look has an answer: a report, or that there is nothing left to look at.
fn ends_during_the_look() -> Result<(), Failed> {
    let mut ended = 0;
    for round in 0..200 {
        let program = Program::start("threads_4")?;
        kill_process(program.pid(), Signal::KILL)?;
        loop {
            match look(program.id()) {
                Ok(report) => assert!(
                    round >= 0 && !report.threads.is_empty() || !report.is_asleep_for_good(),
                    "{report:#?}"
                ),
                Err(Error::Ended { .. }) => ended += 1,
                Err(Error::Zombie { .. }) => break,
                Err(error) => return Err(error.into()),
            }
        }
    }
    println!("ended during the look: {ended} times in 200 rounds");
    Ok(())
}
