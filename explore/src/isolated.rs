//! Searching in a child process, which may abort, or never come back.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use std::{env, fs, process, thread};

use serde::{Deserialize, Serialize};

use crate::journal::{Entry, Journal, What};
use crate::schedule::Schedule;
use crate::search::Limits;
use crate::verdict::{
    CannotJudge, Counterexample, Exploration, NotProved, Replay, Scope, Stop, Verdict,
};

/// Where the child writes what it found.
const RESULT: &str = "WAKEPROOF_ISOLATED";
/// How often the parent looks whether the child has ended.
const LOOK: Duration = Duration::from_millis(10);

/// Has a child process run `search`, for a body that may abort the process, never return, or leave
/// threads behind. Each of these becomes a verdict, and is gone with the child.
///
/// Call it in a test: the child is the same test binary, asked for the test called `test` alone, in
/// which this function runs `search`. [`Limits::time`] and [`Progress::cancel`](crate::Progress::cancel)
/// end the child. `scope` is that of the search.
///
/// What is found comes back with its journal, whose steps are then notes. What cannot be noticed even
/// so: what a body does to the world outside of its process, and threads of its own that go on beside
/// an execution without a panic.
///
/// ```no_run
/// use std::time::Duration;
/// use wakeproof_explore::platform::Loom;
/// use wakeproof_explore::{self as explore, Checker, Environment, Limits, Scope, Stop, isolated};
///
/// // #[test]
/// fn it_aborts() {
///     let environment = Environment::default();
///     let scope = Scope::new(Checker::Loom, environment);
///     let limits = Limits { time: Some(Duration::from_secs(60)), ..Limits::default() };
///     let explored = isolated("it_aborts", scope, &limits, || {
///         explore::loom(environment, &Limits::default(), || std::process::abort())
///     });
///     assert!(matches!(explored.stopped_by(), Some(Stop::Died(_))));
/// }
/// ```
pub fn isolated(
    test: &str,
    scope: Scope,
    limits: &Limits,
    search: impl FnOnce() -> Exploration,
) -> Exploration {
    if let Some(path) = env::var_os(RESULT) {
        let told = Told::of(search());
        // If it cannot be written, the parent finds nothing, and says so.
        let _ = told.write(Path::new(&path));
        process::exit(0);
    }
    let begun = Instant::now();
    let folder = Folder::new();
    let outcome = match folder.and_then(|folder| run(test, &folder, limits, begun)) {
        Ok(outcome) => outcome,
        Err(error) => Outcome::CannotJudge(format!("no child process: {error}")),
    };
    let not_proved = |stopped_by| Verdict::NotProved(NotProved { scope, stopped_by });
    let (verdict, is_complete, executions) = match outcome {
        Outcome::Told(told) => (told.verdict(scope), told.is_complete, told.executions),
        Outcome::Stopped(stop) => (not_proved(stop), false, 0),
        Outcome::CannotJudge(why) => {
            let cannot = CannotJudge {
                scope,
                why,
                who_can: None,
            };
            (Verdict::CannotJudge(cannot), false, 0)
        }
    };
    Exploration {
        verdict,
        is_complete,
        executions,
        time: begun.elapsed(),
    }
}

enum Outcome {
    Told(Told),
    Stopped(Stop),
    CannotJudge(String),
}

fn run(test: &str, folder: &Folder, limits: &Limits, begun: Instant) -> io::Result<Outcome> {
    let (result, errors) = (folder.0.join("result"), folder.0.join("errors"));
    let child = Command::new(env::current_exe()?)
        .args([
            "--exact",
            test,
            "--include-ignored",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(RESULT, &result)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(fs::File::create(&errors)?)
        .spawn()?;
    let status = match wait(child, limits, begun)? {
        Ok(status) => status,
        Err(stop) => return Ok(Outcome::Stopped(stop)),
    };
    if let Ok(text) = fs::read(&result) {
        return Ok(Outcome::Told(serde_json::from_slice(&text)?));
    }
    if status.success() {
        return Ok(Outcome::CannotJudge(format!(
            "the test binary knows no test {test:?} that calls `isolated`"
        )));
    }
    let errors = fs::read_to_string(&errors).unwrap_or_default();
    let last = errors.lines().rfind(|line| !line.trim().is_empty());
    Ok(Outcome::Stopped(Stop::Died(match last {
        Some(last) => format!("{status}: {}", last.trim()),
        None => status.to_string(),
    })))
}

/// Waits until the child ends, or ends it.
fn wait(mut child: Child, limits: &Limits, begun: Instant) -> io::Result<Result<ExitStatus, Stop>> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Ok(status));
        }
        let stop = if limits.progress.is_cancelled() {
            Some(Stop::Interrupted)
        } else {
            limits
                .time
                .filter(|most| begun.elapsed() >= *most)
                .map(Stop::Time)
        };
        if let Some(stop) = stop {
            child.kill()?;
            child.wait()?;
            return Ok(Err(stop));
        }
        thread::sleep(LOOK);
    }
}

/// A folder for one child, removed in the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> io::Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("wakeproof-isolated-{}-{number}", process::id());
        let path = env::temp_dir().join(name);
        fs::create_dir_all(&path)?;
        Ok(Folder(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left behind is in the folder for what may be left behind.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What the child found, as it is written down.
#[derive(Debug, Serialize, Deserialize)]
struct Told {
    says: Says,
    is_complete: bool,
    executions: u64,
}

#[derive(Debug, Serialize, Deserialize)]
enum Says {
    Proved,
    Found {
        message: String,
        at: Option<String>,
        execution: u64,
        threads: Vec<String>,
        /// Each with its thread; no words if it is the thread's end.
        steps: Vec<(usize, Option<String>)>,
        schedule: Option<String>,
    },
    NotProved(String),
    CannotJudge {
        why: String,
        who_can: Option<String>,
    },
}

impl Told {
    fn of(exploration: Exploration) -> Self {
        let says = match exploration.verdict {
            Verdict::Proved(_) => Says::Proved,
            Verdict::Found(found) => Says::Found {
                message: found.message,
                at: found.at,
                execution: found.execution,
                threads: found.journal.threads,
                steps: found
                    .journal
                    .entries
                    .iter()
                    .map(|entry| {
                        let is_step = entry.what != What::End;
                        (entry.thread, is_step.then(|| entry.what.to_string()))
                    })
                    .collect(),
                schedule: match found.replay {
                    Some(Replay::Schedule(schedule)) => Some(schedule.to_string()),
                    _ => None,
                },
            },
            Verdict::NotProved(not_proved) => Says::NotProved(not_proved.stopped_by.to_string()),
            Verdict::CannotJudge(cannot) => Says::CannotJudge {
                why: cannot.why,
                who_can: cannot.who_can,
            },
        };
        Told {
            says,
            is_complete: exploration.is_complete,
            executions: exploration.executions,
        }
    }

    /// Writes it in one step, so that a child that dies has written all or nothing.
    fn write(&self, path: &Path) -> io::Result<()> {
        let unfinished = path.with_extension("unfinished");
        fs::write(&unfinished, serde_json::to_vec(self)?)?;
        fs::rename(unfinished, path)
    }

    fn verdict(&self, scope: Scope) -> Verdict {
        match &self.says {
            Says::Proved => Verdict::Proved(scope),
            Says::Found {
                message,
                at,
                execution,
                threads,
                steps,
                schedule,
            } => {
                let entry = |(thread, what): &(usize, Option<String>)| Entry {
                    thread: *thread,
                    what: what
                        .as_ref()
                        .map_or(What::End, |what| What::Note(what.clone().into())),
                    at: None,
                };
                let schedule: Option<Schedule> =
                    schedule.as_ref().and_then(|text| text.parse().ok());
                Verdict::Found(Counterexample {
                    scope,
                    message: message.clone(),
                    at: at.clone(),
                    execution: *execution,
                    journal: Journal {
                        threads: threads.clone(),
                        entries: steps.iter().map(entry).collect(),
                    },
                    replay: Some(schedule.map_or(Replay::Execution(*execution), Replay::Schedule)),
                })
            }
            Says::NotProved(stop) => Verdict::NotProved(NotProved {
                scope,
                stopped_by: Stop::InChild(stop.clone()),
            }),
            Says::CannotJudge { why, who_can } => Verdict::CannotJudge(CannotJudge {
                scope,
                why: why.clone(),
                who_can: who_can.clone(),
            }),
        }
    }
}
