//! Runs a command together with everything that it starts.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

/// Runs a command to its end. Ctrl-C kills it, with the processes that it has started.
///
/// # Errors
///
/// If it cannot be started, or its output cannot be read.
pub(crate) fn output(command: &mut Command, is_interrupted: &AtomicBool) -> io::Result<Output> {
    let child = command.process_group(0).spawn()?;
    let group = Pid::from_child(&child);
    let ended = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !ended.load(Ordering::Relaxed) {
                if is_interrupted.load(Ordering::Relaxed) {
                    // Gone already is as good.
                    let _ = kill_process_group(group, Signal::KILL);
                    break;
                }
                thread::park_timeout(Duration::from_millis(20));
            }
        });
        let output = child.wait_with_output();
        ended.store(true, Ordering::Relaxed);
        output
    })
}
