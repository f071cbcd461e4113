//! Runs a command together with everything that it starts.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

/// Runs a command to its end. Ctrl-C kills it, with the processes that it has started. What these leave
/// running when it has ended by itself is killed too: tlapm does not wait for every prover.
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
        // As a rule, nobody is left.
        let _ = kill_process_group(group, Signal::KILL);
        output
    })
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::fs;
    use std::process::Stdio;
    use std::time::Instant;

    use super::*;

    const WATCHDOG: Duration = Duration::from_secs(30);

    /// Starts a process that outlives the shell, and says which.
    const LEAVES_ONE: &str = "sleep 3600 > /dev/null 2>&1 & echo $!";

    fn shell(script: &str, is_interrupted: bool) -> Output {
        let mut command = Command::new("sh");
        command
            .args(["-c", script])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        output(&mut command, &AtomicBool::new(is_interrupted)).expect("a shell")
    }

    /// Whether a process runs. One that has ended may still be waited for.
    fn runs(pid: &str) -> bool {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let state = stat.rsplit(") ").next().unwrap_or_default();
        !state.is_empty() && !state.starts_with('Z')
    }

    #[test]
    fn what_a_command_leaves_running_is_ended() {
        let output = shell(LEAVES_ONE, false);
        assert!(output.status.success(), "{output:?}");
        let said = String::from_utf8(output.stdout).expect("a number");
        let pid = said.trim();
        assert!(pid.parse::<u32>().is_ok(), "{said}");
        // To be killed takes a moment.
        let begun = Instant::now();
        while runs(pid) {
            assert!(begun.elapsed() < WATCHDOG, "process {pid} goes on");
            thread::yield_now();
        }
    }

    #[test]
    fn ctrl_c_ends_a_command_and_what_it_has_started() {
        let output = shell("sleep 3600 & wait", true);
        assert!(!output.status.success(), "{output:?}");
    }
}
