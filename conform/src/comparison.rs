//! Explores executions of the code and compares them with the specification.

use std::collections::HashSet;
use std::error::Error;
use std::fmt::{self, Write};
use std::marker::PhantomData;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context;
use serde::Serialize;

use crate::action::Action;
use crate::coverage::{Coverage, Place};
use crate::fates::CallbackFates;
use crate::follower::{Follower, ObservedStep, Refusal};
use crate::graph::Graph;
use crate::program::{Program, interleaved, take_fates};
use crate::relation::{Bounds, Cast, Observation, Relation, Source};
use wakeproof_explore::journal::{self, Journal, What};
use wakeproof_explore::platform::{Environment, Loom, ModelPlatform, Shuttle};
use wakeproof_explore::{
    self as explore, Ending, Exploration, Limits, Search, Stop, Verdict, judged,
};
use wakeproof_faults::{Faulty, InboxFault};
use wakeproof_model_tests::models::{RunBatch, with_fault};

/// A limit that is higher than the number of states of the specification in any model here.
pub(super) const MOST_STATES: usize = 2_000;

/// Within the bounds, the specification has too many states for the executions to show them all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TooManyStates {
    path: PathBuf,
}

impl fmt::Display for TooManyStates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: more than {MOST_STATES} states", self.path.display())
    }
}

impl Error for TooManyStates {}

/// A whole execution.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Execution {
    /// Its steps, in order.
    pub steps: Vec<ObservedStep>,
    /// What happened to the callbacks.
    pub fates: CallbackFates,
}

/// Follows whole executions.
#[derive(Debug)]
pub struct Checker {
    follower: Follower,
    coverage: Option<Coverage>,
    path: Vec<Place>,
    executions: u64,
    steps: u64,
    time: Duration,
    refused: Option<Refused>,
    /// Each different execution, if the caller wants them.
    kept: Option<HashSet<Execution>>,
}

impl Checker {
    /// A checker that explores the whole graph of the specification, and counts which part executions show.
    ///
    /// # Errors
    ///
    /// If the specification cannot be read or evaluated, or has too many states.
    pub fn with_coverage(source: &Source, bounds: &Bounds) -> anyhow::Result<Self> {
        let mut checker = Self::without_coverage(source, bounds)?;
        checker.coverage = Some(Coverage::default());
        Ok(checker)
    }

    /// A checker that explores the whole graph of the specification.
    ///
    /// # Errors
    ///
    /// If the specification cannot be read or evaluated, or has too many states.
    pub fn without_coverage(source: &Source, bounds: &Bounds) -> anyhow::Result<Self> {
        let mut graph = Graph::new(Relation::within(source, bounds)?);
        let path = source.path();
        let is_whole = graph
            .explore(MOST_STATES)
            .with_context(|| path.display().to_string())?;
        anyhow::ensure!(is_whole, TooManyStates { path });
        Ok(Self::new(graph, None))
    }

    /// A checker that checks each step but not the end. For executions so large that the specification
    /// would have too many states if they included the history.
    ///
    /// # Errors
    ///
    /// If the specification cannot be read or evaluated.
    pub fn of_steps(source: &Source, cast: &Cast) -> anyhow::Result<Self> {
        Ok(Self::new(Graph::new(Relation::load(source, cast)?), None))
    }

    fn new(graph: Graph, coverage: Option<Coverage>) -> Self {
        Checker {
            follower: Follower::new(graph),
            coverage,
            path: Vec::new(),
            executions: 0,
            steps: 0,
            time: Duration::ZERO,
            refused: None,
            kept: None,
        }
    }

    /// Follows an execution from its beginning to its end.
    ///
    /// # Errors
    ///
    /// Why the specification does not allow it, or cannot be evaluated.
    pub fn follow(&mut self, execution: &Execution) -> Result<(), String> {
        let started = Instant::now();
        let followed = self.try_to_follow(execution);
        self.time += started.elapsed();
        self.executions += 1;
        followed.unwrap_or_else(|error| Err(format!("{error:#}")))
    }

    fn try_to_follow(&mut self, execution: &Execution) -> anyhow::Result<Result<(), String>> {
        self.follower.restart();
        self.path.clear();
        for &step in &execution.steps {
            let before = self.follower.current();
            if let Err(refusal) = self.follower.step(step)? {
                return Ok(Err(self.report(&refusal)));
            }
            self.path.push((before, step));
            self.steps += 1;
        }
        if !self.follower.graph().relation().keeps_history() {
            return Ok(Ok(()));
        }
        let end = match self.follower.end(&execution.fates)? {
            Ok(end) => end,
            Err(refusal) => return Ok(Err(self.report(&refusal))),
        };
        if let Some(coverage) = &mut self.coverage {
            coverage.add(&mut self.follower, &self.path, end)?;
        }
        Ok(Ok(()))
    }

    /// Converts a journal.
    fn execution(&self, journal: &Journal, fates: CallbackFates) -> Execution {
        let relation = self.follower.graph().relation();
        let thread = |name: &String| {
            relation
                .thread(name)
                .expect("the program names its threads")
        };
        let threads: Vec<_> = journal.threads.iter().map(thread).collect();
        let steps = journal.entries.iter().filter_map(|entry| {
            let What::Step(step, status) = entry.what else {
                return None;
            };
            Some(ObservedStep {
                thread: threads[entry.thread],
                action: Action::from(step),
                observation: status.map(Observation::from).unwrap_or_default(),
            })
        });
        Execution {
            steps: steps.collect(),
            fates,
        }
    }

    /// Records where and why the execution was refused.
    fn report(&mut self, refusal: &Refusal) -> String {
        let threads = self.follower.graph().relation().threads();
        let name = |step: &ObservedStep| &threads[usize::from(step.thread)];
        let what = match &refusal.step {
            Some(step) => format!("{}: {}", name(step), step.action),
            None => "the end".into(),
        };
        let mut text = String::from("the execution so far:\n");
        for (number, (_, step)) in (1..).zip(&self.path) {
            let _ = write!(text, "  {number:2}. {}: {}", name(step), step.action);
            let leads_to = step.observation.to_string();
            if !leads_to.is_empty() {
                let _ = write!(text, " ({leads_to})");
            }
            text.push('\n');
        }
        text.push_str(&refusal.explanation);
        self.refused = Some(Refused {
            after_steps: self.path.len(),
            what,
            report: text.clone(),
        });
        text
    }

    /// The result so far.
    pub(super) fn compared(&mut self, started: Instant) -> Compared {
        Compared {
            executions: self.executions,
            steps: self.steps,
            refused: self.refused.take(),
            cut_short: None,
            covered: self.covered(),
            seconds: started.elapsed().as_secs_f64(),
            seconds_following: self.time.as_secs_f64(),
        }
    }

    /// Which part of the specification the executions showed, if this was counted.
    #[must_use]
    pub fn covered(&self) -> Option<Covered> {
        let coverage = self.coverage.as_ref()?;
        let graph = self.follower.graph();
        let threads = graph.relation().threads();
        let missing = coverage.missing(graph).into_iter().map(|(from, label)| {
            let who = label
                .thread
                .map_or("the environment", |thread| &threads[usize::from(thread)]);
            format!("{who}: {} in {}", label.action, graph.in_words(from))
        });
        Some(Covered {
            states: coverage.states(),
            of_states: graph.states().count(),
            transitions: coverage.transitions(),
            of_transitions: graph.states().map(|id| graph.successors(id).len()).sum(),
            missing: missing.collect(),
        })
    }
}

/// Which part of the specification the executions showed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Covered {
    /// How many states were shown.
    pub states: usize,
    /// How many states the specification has.
    pub of_states: usize,
    /// How many transitions were shown.
    pub transitions: usize,
    /// How many transitions the specification has.
    pub of_transitions: usize,
    /// The transitions that were not shown, in words.
    pub missing: Vec<String>,
}

impl Covered {
    /// Whether every state and every transition was shown.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.states == self.of_states && self.transitions == self.of_transitions
    }
}

/// How the code is explored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Explorer {
    /// shuttle, under every schedule.
    ShuttleDepthFirst,
    /// shuttle, under this many random schedules of each program.
    ShuttleRandom(u64),
    /// loom, in every execution of the programs that end.
    Loom,
}

/// An execution that the specification does not allow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refused {
    /// How many of its steps were allowed.
    pub after_steps: usize,
    /// The step that was not, or "the end".
    pub what: String,
    /// The execution so far, the states that it could have been in, and what would have been allowed.
    pub report: String,
}

/// The result of a comparison.
#[derive(Debug, Clone, Serialize)]
pub struct Compared {
    /// How many executions were followed.
    pub executions: u64,
    /// How many steps they had in total.
    pub steps: u64,
    /// The first execution that was refused. It ends the comparison.
    pub refused: Option<Refused>,
    /// Why not every execution was explored, if that was the aim.
    pub cut_short: Option<String>,
    /// Which part of the specification was shown. Only counted for shuttle's depth-first search, since
    /// loom skips executions whose difference no thread can see.
    pub covered: Option<Covered>,
    /// How long exploring and following took.
    pub seconds: f64,
    /// How long following alone took.
    pub seconds_following: f64,
}

/// A program that is run once for each execution. Its threads have the names that the specification uses.
pub trait Body: Copy + Send + Sync + 'static {
    /// How much it does.
    fn bounds(&self) -> Bounds;

    /// Whether each of its executions ends.
    fn ends(&self) -> bool;

    /// Runs one execution.
    fn run<P: ModelPlatform>(&self);
}

/// A program that runs its batches with `R`.
struct WithBatches<R>(Program, PhantomData<fn(R)>);

impl<R> Clone for WithBatches<R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for WithBatches<R> {}

impl<R: RunBatch> Body for WithBatches<R> {
    fn bounds(&self) -> Bounds {
        self.0.bounds
    }

    fn ends(&self) -> bool {
        self.0.ends()
    }

    fn run<P: ModelPlatform>(&self) {
        self.0.run::<P, R>();
    }
}

/// Follows each execution of these bodies, with this fault or with none.
pub(super) fn compare_body<B: Body>(
    fault: Option<InboxFault>,
    source: &Source,
    bodies: &[B],
    explorer: Explorer,
    limits: &Limits,
) -> anyhow::Result<Compared> {
    let (compared, _) = explore_all(fault, source, bodies, explorer, limits, false)?;
    Ok(compared)
}

/// Runs the programs with this fault or with none, and their batches with `R`, and follows each execution
/// through the specification.
///
/// # Errors
///
/// If the specification cannot be read or evaluated.
pub fn compare<R: RunBatch>(
    fault: Option<InboxFault>,
    source: &Source,
    programs: &[Program],
    explorer: Explorer,
    limits: &Limits,
) -> anyhow::Result<Compared> {
    let (compared, _) = compare_and_keep::<R>(fault, source, programs, explorer, limits, false)?;
    Ok(compared)
}

/// Like [`compare`], and if `keep`, also returns each different execution.
///
/// # Errors
///
/// If the specification cannot be read or evaluated.
pub fn compare_and_keep<R: RunBatch>(
    fault: Option<InboxFault>,
    source: &Source,
    programs: &[Program],
    explorer: Explorer,
    limits: &Limits,
    keep: bool,
) -> anyhow::Result<(Compared, HashSet<Execution>)> {
    let bodies: Vec<WithBatches<R>> = programs
        .iter()
        .map(|&program| WithBatches(program, PhantomData))
        .collect();
    explore_all(fault, source, &bodies, explorer, limits, keep)
}

fn explore_all<B: Body>(
    fault: Option<InboxFault>,
    source: &Source,
    bodies: &[B],
    explorer: Explorer,
    limits: &Limits,
    keep: bool,
) -> anyhow::Result<(Compared, HashSet<Execution>)> {
    let started = Instant::now();
    let bounds = bodies.first().context("nothing to run")?.bounds();
    let mut checker = match explorer {
        Explorer::ShuttleDepthFirst => Checker::with_coverage(source, &bounds)?,
        Explorer::Loom => Checker::without_coverage(source, &bounds)?,
        Explorer::ShuttleRandom(_) => Checker::of_steps(source, &bounds.cast())?,
    };
    checker.kept = keep.then(HashSet::new);
    let checker = Arc::new(Mutex::new(checker));
    let mut cut_short = None;
    for &body in bodies {
        if explorer == Explorer::Loom && !body.ends() {
            continue;
        }
        let explored = explore(fault, body, explorer, limits, &checker);
        let checker = lock(&checker);
        if checker.refused.is_some() {
            break;
        }
        match explored.verdict {
            Verdict::Found(found) => anyhow::bail!(found.message),
            Verdict::CannotJudge(cannot) => anyhow::bail!(cannot.why),
            Verdict::NotProved(not_proved) => match not_proved.stopped_by {
                Stop::Samples(_) => {}
                stop => cut_short = Some(stop.to_string()),
            },
            Verdict::Proved(_) => {}
        }
    }
    let mut checker = lock(&checker);
    let compared = Compared {
        cut_short,
        ..checker.compared(started)
    };
    Ok((compared, checker.kept.take().unwrap_or_default()))
}

fn explore<B: Body>(
    fault: Option<InboxFault>,
    body: B,
    explorer: Explorer,
    limits: &Limits,
    checker: &Arc<Mutex<Checker>>,
) -> Exploration {
    let environment = Environment {
        spurious_wakeups: body.bounds().spurious_wakeups,
        timeouts: body.bounds().timeouts,
        // In the specification, only the deadline of a wait lets time pass.
        punctual: true,
        ..Environment::QUIET
    };
    let shared = checker.clone();
    let under_shuttle = with_fault(fault, move || {
        interleaved();
        body.run::<Faulty<Shuttle>>();
    });
    if explorer == Explorer::ShuttleDepthFirst {
        let judge = move |journal: &Journal, _ending: Ending| {
            let mut checker = lock(&shared);
            let execution = checker.execution(journal, take_fates());
            checker.follow(&execution)?;
            if let Some(kept) = &mut checker.kept {
                kept.insert(execution);
            }
            Ok(())
        };
        let search = Search::Exhaustive;
        return judged(environment, search, limits, under_shuttle, Box::new(judge));
    }

    // Executions are judged on the small stack of one of their threads. That stack is large enough to
    // look steps up in an explored graph, but too small to evaluate the specification.
    let waiting = Arc::new(Mutex::new(Vec::new()));
    let for_later = waiting.clone();
    let keep = move |journal: &Journal| {
        let execution = lock(&shared).execution(journal, take_fates());
        let mut waiting = lock(&for_later);
        waiting.push(execution);
    };
    let explored = match explorer {
        Explorer::ShuttleRandom(schedules) => {
            let limits = Limits {
                executions: Some(schedules),
                ..limits.clone()
            };
            let judge = move |journal: &Journal, _ending: Ending| {
                keep(journal);
                Ok(())
            };
            let search = Search::Random { seed: SEED };
            judged(environment, search, &limits, under_shuttle, Box::new(judge))
        }
        Explorer::ShuttleDepthFirst | Explorer::Loom => {
            let under_loom = move || {
                body.run::<Faulty<Loom>>();
                journal::with(&keep);
            };
            explore::loom(environment, limits, with_fault(fault, under_loom))
        }
    };
    let mut checker = lock(checker);
    let waiting = std::mem::take(&mut *lock(&waiting));
    for execution in waiting {
        if checker.follow(&execution).is_err() {
            break;
        }
    }
    explored
}

/// Ignores poisoning: a panic elsewhere leaves the data usable.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The seed of random schedules. It is fixed, so that a failure can be repeated.
pub(super) const SEED: u64 = 0x5eed;
