//! All scenarios of all loops, several at a time.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::adapter::{Adapter, Hello, Limits, Problem};
use super::cell::Cell;
use super::loops::Design;
use super::scenario::{Found, Scenario, play};

/// A loop to be probed.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    /// Its name, as it stands in the table, in the names of files and in the expectations.
    pub(crate) name: String,
    /// The adapter's command.
    pub(crate) command: Vec<String>,
    /// The module of its design, if there is one.
    pub(crate) design: Option<Design>,
}

/// What was found out about a loop.
#[derive(Debug)]
pub(crate) struct Probed {
    pub(crate) name: String,
    pub(crate) hello: Option<Hello>,
    /// In the order of their clauses.
    pub(crate) cells: Vec<Cell>,
    /// Each with the name of its scenario.
    pub(crate) recordings: Vec<(&'static str, String)>,
    /// What went wrong with the adapter, and in which scenario.
    pub(crate) problem: Option<(Option<Scenario>, Problem)>,
    /// Why nobody can see whether its process is asleep, if that is so.
    pub(crate) unseen: Option<String>,
    /// How long its scenarios took, one after the other.
    pub(crate) took: Duration,
}

/// How far it has come.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Step {
    pub(crate) done: usize,
    pub(crate) of: usize,
}

/// Probes loops. `step` is told of each scenario that is done.
pub(crate) fn probe(
    subjects: &[Subject],
    limits: Limits<'_>,
    step: &(dyn Fn(Step) + Sync),
) -> Vec<Probed> {
    let state = Mutex::new(State::new(subjects));
    // One scenario keeps a processor busy for a part of its time only.
    let at_once = thread::available_parallelism().map_or(2, usize::from) * 2;
    thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                while let Some(job) = next(&state) {
                    if limits.is_interrupted.load(Ordering::Relaxed) {
                        break;
                    }
                    let Subject {
                        command, design, ..
                    } = &subjects[job.subject];
                    let start = Instant::now();
                    let done = match job.task {
                        Task::Greet => Done::Greeted(greet(command, limits)),
                        Task::Play(scenario, restless) => Done::Played(
                            scenario,
                            play(scenario, command, design.clone(), restless, limits),
                        ),
                    };
                    let took = start.elapsed();
                    step(lock(&state).take_in(job.subject, design.is_some(), done, took));
                }
            });
        }
    });
    let state = state.into_inner().unwrap_or_else(PoisonError::into_inner);
    state.probed
}

/// Which loop it is, and which words it knows.
fn greet(command: &[String], limits: Limits<'_>) -> Result<Hello, Problem> {
    let adapter = Adapter::start(command, limits)?;
    let hello = adapter.hello().clone();
    adapter.quit()?;
    Ok(hello)
}

#[derive(Debug, Clone, Copy)]
enum Task {
    Greet,
    Play(Scenario, bool),
}

#[derive(Debug, Clone, Copy)]
struct Job {
    subject: usize,
    task: Task,
}

enum Done {
    Greeted(Result<Hello, Problem>),
    Played(Scenario, Result<Found, Problem>),
}

struct State {
    jobs: VecDeque<Job>,
    probed: Vec<Probed>,
    running: usize,
    step: Step,
}

fn lock<'a>(state: &'a Mutex<State>) -> std::sync::MutexGuard<'a, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The next job. While others may still lead to more, waits for them.
fn next(state: &Mutex<State>) -> Option<Job> {
    loop {
        let mut locked = lock(state);
        if let Some(job) = locked.jobs.pop_front() {
            locked.running += 1;
            return Some(job);
        }
        if locked.running == 0 {
            return None;
        }
        drop(locked);
        thread::sleep(Duration::from_millis(1));
    }
}

impl State {
    fn new(subjects: &[Subject]) -> Self {
        let jobs: VecDeque<Job> = (0..subjects.len())
            .map(|subject| Job {
                subject,
                task: Task::Greet,
            })
            .collect();
        State {
            step: Step {
                done: 0,
                of: jobs.len(),
            },
            jobs,
            probed: subjects
                .iter()
                .map(|subject| Probed {
                    name: subject.name.clone(),
                    hello: None,
                    cells: Vec::new(),
                    recordings: Vec::new(),
                    problem: None,
                    unseen: None,
                    took: Duration::ZERO,
                })
                .collect(),
            running: 0,
        }
    }

    fn take_in(&mut self, subject: usize, has_design: bool, done: Done, took: Duration) -> Step {
        self.running -= 1;
        self.step.done += 1;
        let probed = &mut self.probed[subject];
        probed.took += took;
        let mut more = Vec::new();
        match done {
            Done::Greeted(Ok(hello)) => {
                probed.hello = Some(hello);
                more.push(Task::Play(Scenario::Wake, false));
            }
            Done::Greeted(Err(problem)) => probed.problem = Some((None, problem)),
            Done::Played(scenario, Ok(found)) => {
                probed.cells.extend(found.cells);
                probed.unseen = probed.unseen.take().or(found.unseen);
                probed.cells.sort_by_key(|cell| cell.clause);
                probed.recordings.push((scenario.name(), found.recording));
                if let (Scenario::Wake, Some(hello)) = (scenario, &probed.hello) {
                    let others = Scenario::ALL
                        .into_iter()
                        .filter(|other| *other != Scenario::Wake);
                    let others = others.filter(|other| {
                        let has_design = has_design || !hello.design.is_empty();
                        let is_asked = *other != Scenario::Design || has_design;
                        is_asked && other.suits(|word| hello.has(word))
                    });
                    more.extend(others.map(|other| Task::Play(other, found.restless)));
                }
            }
            Done::Played(scenario, Err(problem)) => {
                // The first problem says most.
                probed.problem.get_or_insert((Some(scenario), problem));
            }
        }
        self.step.of += more.len();
        self.jobs
            .extend(more.into_iter().map(|task| Job { subject, task }));
        self.step
    }
}
