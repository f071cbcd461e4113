//! Which checker finds which fault: runs every fault of the catalogue against every checker.
//!
//! Each cell comes from a run made now. A cell says that the fault was found, or in how many executions it
//! was not found, or why the checker cannot see a fault of that kind:
//!
//! - **shuttle** and **TLA+** explore sequentially consistent executions only. They cannot see
//!   `relaxed-flag`, in which a read overtakes a write: only loom knows the C11 memory model.
//! - **Real threads** run on condvars that do not wake spuriously, and on a clock that cannot be made
//!   to pass a deadline between two given steps. They cannot see `if-instead-of-while`,
//!   `stale-deadline` and `timeout-means-nothing-to-do`. Whether they find another fault depends on
//!   timing, and finding nothing is not a proof.
//! - **The specification** has one consumer. It cannot see `notify-only-when-empty`, which needs a
//!   second worker. Of asyncio's design, it appends in one step, and only other threads write bytes.
//! - **The property tests** put the fault into the loop itself and make public calls. They cannot see a
//!   fault of another primitive. Nor can they see `timeout-means-nothing-to-do`, which makes a whole
//!   loop late but loses nothing.

use std::iter;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use serde::Serialize;

use wakeproof_conform::spec::steps::Trace;
use wakeproof_conform::spec::{Finding, Outcome, Specification, in_parallel};
use wakeproof_explore::{Exploration, Limits, Progress, Search, Verdict};
use wakeproof_model_tests::faults::{Checker, Fault, catalogue};
use wakeproof_model_tests::models::Subject;
use wakeproof_model_tests::pairs::{Pair, pairs};
use wakeproof_model_tests::two_loops::{OnAsyncio, bodies};
use wakeproof_proptests::find::{self as properties, Found};

use crate::specification;

/// The whole matrix.
#[derive(Debug, Serialize)]
pub struct Matrix {
    /// First the correct protocol, then the faults.
    pub rows: Vec<Line>,
    /// Each model of the condvar loop, on asyncio's design.
    pub two_loops: Vec<Body>,
    /// How long it took.
    pub seconds: f64,
    /// Whether every cell is as expected.
    pub as_expected: bool,
}

/// A model of the condvar loop, on asyncio's design. The condvar loop keeps each: see the row `correct`.
#[derive(Debug, Serialize)]
pub struct Body {
    /// The model.
    pub model: &'static str,
    /// What loom finds on asyncio's design. `None` if the model is not run there.
    pub on_asyncio: Option<CellResult>,
    /// Why it fails there, or is not run.
    pub why: Option<&'static str>,
    /// Whether this is the expected result.
    pub as_expected: bool,
}

/// The row of one fault.
#[derive(Debug, Serialize)]
pub struct Line {
    /// The fault's name, or `correct`.
    pub name: &'static str,
    /// What goes wrong.
    pub wrong: &'static str,
    /// Where it has occurred.
    pub seen_in: &'static str,
    /// The promise that it breaks.
    pub breaks: String,
    /// One cell for each of [`Checker::ALL`].
    pub cells: Vec<Cell>,
}

/// The result of one checker for one fault.
#[derive(Debug, Serialize)]
pub struct Cell {
    /// The checker.
    pub checker: Checker,
    /// What it found.
    pub result: CellResult,
    /// Whether this is the expected result.
    pub as_expected: bool,
}

/// The result of a search.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum CellResult {
    /// The fault was found.
    Found {
        /// The number of the execution that failed, or how many states were explored.
        after: u64,
        /// How many steps the counterexample has.
        steps: Option<usize>,
        /// Whether no counterexample has fewer steps.
        is_shortest: bool,
        /// How it fails.
        message: String,
        /// The schedule for `wakeproof trace <fault> --schedule=`, if it can be replayed.
        replay: Option<String>,
    },
    /// A property does not hold.
    Falsified {
        /// What falsified it: a history of one thread, or a program of several.
        by: &'static str,
        /// The shrunk history or program, and what is wrong with it.
        message: String,
    },
    /// Every execution, or state, was explored, and none fails.
    Proved {
        /// How many there are.
        within: u64,
    },
    /// Nothing was found in what was tried.
    NotProved {
        /// How many executions were tried.
        within: u64,
        /// What stopped the search.
        stopped_by: String,
    },
    /// The checker cannot see this fault and did not look for it.
    CannotJudge {
        /// The reason.
        why: String,
    },
}

/// The bounds of the whole matrix.
#[derive(Debug, Clone)]
pub struct Bounds {
    /// The most executions of a search that tries everything. Most models have fewer.
    pub most_executions: u64,
    /// The same for shuttle on correct models. The matrix need not prove them: the models' own tests
    /// do, and loom proves all of them.
    pub most_correct_schedules: u64,
    /// The number of executions of a search that samples.
    pub samples: u64,
    /// The number of executions on real threads.
    pub repetitions: u64,
    /// The seed of random searches.
    pub seed: u64,
    /// How long an execution on real threads may take where the state of its threads does not tell
    /// whether it hangs. Long, since a busy machine is slow: nothing that is found should depend on it.
    pub patience: Duration,
    /// The progress, for a display, and a way to cancel.
    pub progress: Arc<Progress>,
}

impl Default for Bounds {
    fn default() -> Self {
        Bounds {
            most_executions: 20_000,
            most_correct_schedules: 5_000,
            samples: 500,
            repetitions: 100,
            seed: 1,
            patience: Duration::from_secs(30),
            progress: Arc::default(),
        }
    }
}

/// Fills in the matrix. Calls `watcher` before each cell.
///
/// # Errors
///
/// If a checker cannot do its work, or is interrupted.
pub fn fill(bounds: &Bounds, watcher: &(dyn Fn(&str, Checker) + Sync)) -> anyhow::Result<Matrix> {
    let begun = Instant::now();
    let faults = catalogue();
    let specification = Specification::load(&specification::directory()?)?;
    // Threads that are asleep cost no processor time, so all faults run at once.
    let on_threads = thread::scope(|scope| {
        let runs: Vec<_> = faults
            .iter()
            .map(|fault| scope.spawn(|| on_threads(fault, bounds)))
            .collect();
        let correct = on_threads_correct(bounds);
        let mut results = vec![correct];
        for run in runs {
            results.push(run.join().expect("a watchdog does not panic"));
        }
        results
    });
    // `None` is the row of the correct protocol.
    let rows: Vec<Option<&Fault>> = iter::once(None).chain(faults.iter().map(Some)).collect();
    let cells: Vec<(usize, Checker)> = (0..rows.len())
        .flat_map(|row| Checker::ALL.map(|checker| (row, checker)))
        .collect();
    let results = in_parallel(&cells, |&(row, checker)| {
        if checker == Checker::Threads {
            return Ok(on_threads[row].clone());
        }
        match rows[row] {
            None => {
                watcher("correct", checker);
                look_at_correct(checker, &specification, bounds)
            }
            Some(fault) => {
                watcher(fault.name, checker);
                look_for(fault, checker, &specification, bounds)
            }
        }
    })?;
    let mut cells = cells
        .iter()
        .zip(results)
        .map(|(&(_, checker), result)| Cell {
            checker,
            result,
            as_expected: false,
        });
    let mut rows: Vec<Line> = rows
        .into_iter()
        .map(|fault| {
            let cells = cells.by_ref().take(Checker::ALL.len()).collect();
            match fault {
                None => Line {
                    name: "correct",
                    wrong: "nothing: every model without a fault",
                    seen_in: "",
                    breaks: String::new(),
                    cells,
                },
                Some(fault) => Line {
                    name: fault.name,
                    wrong: fault.wrong,
                    seen_in: fault.seen_in,
                    breaks: fault.breaks.to_string(),
                    cells,
                },
            }
        })
        .collect();
    for row in &mut rows {
        row.judge();
    }
    let two_loops = two_loops(bounds)?;
    let is_as_expected = rows.iter().all(Line::is_as_expected);
    Ok(Matrix {
        as_expected: is_as_expected && two_loops.iter().all(|body| body.as_expected),
        rows,
        two_loops,
        seconds: begun.elapsed().as_secs_f64(),
    })
}

/// How many executions of each model on asyncio's design to explore: enough for the small ones.
const MOST_ON_ASYNCIO: u64 = 2_000;

/// Each model of the condvar loop, on asyncio's design under loom.
fn two_loops(bounds: &Bounds) -> anyhow::Result<Vec<Body>> {
    let loom = |model, subject: &Subject| {
        let exploration = explore(subject, Checker::Loom, MOST_ON_ASYNCIO, bounds)?;
        not_interrupted(bounds, model, Checker::Loom, &exploration)?;
        anyhow::Ok(CellResult::of(&exploration, Checker::Loom))
    };
    let is_found = |result: &CellResult| matches!(result, CellResult::Found { .. });
    let body = |model, on_asyncio| {
        Ok(match on_asyncio {
            OnAsyncio::Holds(Pair { correct, .. }) => {
                let result = loom(model, &correct)?;
                Body {
                    model,
                    as_expected: !is_found(&result),
                    on_asyncio: Some(result),
                    why: None,
                }
            }
            OnAsyncio::Fails {
                on_condvar,
                on_asyncio,
                why,
            } => {
                let result = loom(model, &on_asyncio)?;
                let holds = matches!(loom(model, &on_condvar)?, CellResult::Proved { .. });
                Body {
                    model,
                    as_expected: holds && is_found(&result),
                    on_asyncio: Some(result),
                    why: Some(why),
                }
            }
            OnAsyncio::NotRun { why } => Body {
                model,
                on_asyncio: None,
                why: Some(why),
                as_expected: true,
            },
        })
    };
    let bodies = bodies().into_iter();
    bodies.map(|it| body(it.name, it.on_asyncio)).collect()
}

/// A cell of a fault's row, except that of the real threads.
fn look_for(
    fault: &Fault,
    checker: Checker,
    specification: &Specification,
    bounds: &Bounds,
) -> anyhow::Result<CellResult> {
    if let Some(why) = fault.blindness(checker) {
        return Ok(CellResult::cannot_see(why));
    }
    match checker {
        Checker::Tla => specified(fault, specification),
        Checker::Properties => falsified(fault),
        _ => {
            let exploration = explore(&fault.faulty, checker, bounds.most_executions, bounds)?;
            not_interrupted(bounds, fault.name, checker, &exploration)?;
            Ok(CellResult::of(&exploration, checker))
        }
    }
}

/// A cell of the first row, except that of the real threads.
fn look_at_correct(
    checker: Checker,
    specification: &Specification,
    bounds: &Bounds,
) -> anyhow::Result<CellResult> {
    match checker {
        Checker::Tla => specified_correct(specification),
        Checker::Properties => Ok(CellResult::of_properties(&properties::find(None))),
        _ => correct(checker, bounds),
    }
}

/// Explores a model. `most` limits the executions of a search that tries everything.
fn explore(
    subject: &Subject,
    checker: Checker,
    most: u64,
    bounds: &Bounds,
) -> anyhow::Result<Exploration> {
    let Bounds { samples, seed, .. } = *bounds;
    let limits = |executions| Limits {
        executions: Some(executions),
        progress: Arc::new(bounds.progress.of_another()),
        ..Limits::default()
    };
    let sample = |search| subject.shuttle(search, &limits(samples));
    Ok(match checker {
        Checker::Loom => subject.loom(&limits(most))?,
        Checker::ShuttleDepthFirst => subject.shortest(&limits(most)),
        Checker::ShuttlePct => sample(Search::Pct { seed, depth: 2 }),
        Checker::ShuttleRandom => sample(Search::Random { seed }),
        Checker::Tla | Checker::Threads | Checker::Properties => {
            unreachable!("they explore no executions")
        }
    })
}

/// Every correct model.
fn all_correct() -> Vec<(&'static str, Subject)> {
    let models = pairs().into_iter().map(|pair| (pair.name, pair.correct));
    let twins = catalogue()
        .into_iter()
        .map(|fault| (fault.name, fault.correct));
    models.chain(twins).collect()
}

fn correct(checker: Checker, bounds: &Bounds) -> anyhow::Result<CellResult> {
    let most = match checker {
        Checker::ShuttleDepthFirst => bounds.most_correct_schedules,
        _ => bounds.most_executions,
    };
    let mut all_executions = 0;
    let mut unproved = None;
    for (name, subject) in all_correct() {
        let exploration = explore(&subject, checker, most, bounds)?;
        not_interrupted(bounds, name, checker, &exploration)?;
        match CellResult::of(&exploration, checker) {
            CellResult::Proved { within } => all_executions += within,
            CellResult::NotProved { within, stopped_by } => {
                all_executions += within;
                unproved.get_or_insert(stopped_by);
            }
            found => return Ok(found),
        }
    }
    Ok(match unproved {
        None => CellResult::Proved {
            within: all_executions,
        },
        Some(stopped_by) => CellResult::NotProved {
            within: all_executions,
            stopped_by,
        },
    })
}

fn not_interrupted(
    bounds: &Bounds,
    name: &str,
    checker: Checker,
    exploration: &Exploration,
) -> anyhow::Result<()> {
    let executions = exploration.executions;
    anyhow::ensure!(
        !bounds.progress.is_cancelled(),
        "interrupted in {name} under {checker}, after {executions} executions of it; nothing is proved"
    );
    Ok(())
}

fn on_threads(fault: &Fault, bounds: &Bounds) -> CellResult {
    match fault.blindness(Checker::Threads) {
        Some(why) => CellResult::cannot_see(why),
        None => {
            let exploration = fault.faulty.on_threads(bounds.patience, &repeat(bounds));
            CellResult::of(&exploration, Checker::Threads)
        }
    }
}

fn on_threads_correct(bounds: &Bounds) -> CellResult {
    let mut within = 0;
    for (_, subject) in all_correct() {
        if subject.for_checkers_only {
            continue;
        }
        let exploration = subject.on_threads(bounds.patience, &repeat(bounds));
        match CellResult::of(&exploration, Checker::Threads) {
            CellResult::NotProved { within: runs, .. } => within += runs,
            found => return found,
        }
    }
    CellResult::NotProved {
        within,
        stopped_by: OTHERS_NOT_TRIED.into(),
    }
}

fn repeat(bounds: &Bounds) -> Limits {
    Limits {
        executions: Some(bounds.repetitions),
        ..Limits::default()
    }
}

/// The models of the specification without a fault.
const SPECIFIED_CORRECT: [&str; 6] = [
    "LostWakeup",
    "CondvarLoop",
    "TimerLoop",
    "SelfPipeLoop",
    "AsyncioLoop",
    "EdgeTriggeredLoop",
];

fn specified_correct(specification: &Specification) -> anyhow::Result<CellResult> {
    let mut states = 0;
    for name in SPECIFIED_CORRECT {
        match CellResult::of_finding(&specification.model(name)?.check()?) {
            CellResult::Proved { within } => states += within,
            found => return Ok(found),
        }
    }
    Ok(CellResult::Proved { within: states })
}

fn specified(fault: &Fault, specification: &Specification) -> anyhow::Result<CellResult> {
    let model = fault
        .specified_as
        .with_context(|| format!("{} is not specified, and no reason is given", fault.name))?;
    Ok(CellResult::of_finding(
        &specification.model(model)?.check()?,
    ))
}

fn falsified(fault: &Fault) -> anyhow::Result<CellResult> {
    let inbox = fault
        .faulty
        .fault
        .with_context(|| format!("{} is not in the inbox, and no reason is given", fault.name))?;
    Ok(CellResult::of_properties(&properties::find(Some(inbox))))
}

/// What a number of samples is worth.
const OTHERS_NOT_TRIED: &str = "others not tried";

impl CellResult {
    fn of_properties(found: &Found) -> Self {
        let falsified = |by| CellResult::Falsified {
            by,
            message: found.to_string(),
        };
        match found {
            Found::InHistory(_) => falsified("a history"),
            Found::InProgram(_) => falsified("a program"),
            Found::Nothing => CellResult::NotProved {
                within: 3 * u64::from(properties::same_cases().cases),
                stopped_by: OTHERS_NOT_TRIED.into(),
            },
        }
    }

    fn cannot_see(why: &str) -> Self {
        CellResult::CannotJudge { why: why.into() }
    }

    fn of_finding(finding: &Finding) -> Self {
        let states = finding.distinct_states;
        match finding.outcome {
            Outcome::Holds => CellResult::Proved { within: states },
            // States are explored breadth first, so that what fails first is nearest.
            outcome => CellResult::Found {
                after: states,
                steps: finding.trace.as_ref().map(Trace::len),
                is_shortest: outcome == Outcome::Safety,
                message: finding.in_words(),
                replay: None,
            },
        }
    }

    fn of(exploration: &Exploration, checker: Checker) -> Self {
        let within = exploration.executions;
        match &exploration.verdict {
            Verdict::Proved(_) => CellResult::Proved { within },
            Verdict::NotProved(not_proved) => CellResult::NotProved {
                within,
                stopped_by: not_proved.stopped_by.to_string(),
            },
            Verdict::CannotJudge(cannot) => CellResult::cannot_see(&cannot.why),
            Verdict::Found(found) => CellResult::Found {
                after: found.execution,
                steps: (checker != Checker::Threads).then(|| found.journal.steps()),
                is_shortest: checker == Checker::ShuttleDepthFirst && exploration.is_complete,
                message: found.message.clone(),
                replay: found.replay.as_ref().map(ToString::to_string),
            },
        }
    }
}

impl Line {
    /// Decides for each cell whether it is as expected. What real threads find depends on timing, so they
    /// are only required to find nothing wrong with correct code.
    fn judge(&mut self) {
        let name = self.name;
        for cell in &mut self.cells {
            cell.as_expected = match (&cell.result, cell.checker) {
                (CellResult::CannotJudge { .. }, _) => true,
                (CellResult::Found { .. } | CellResult::Falsified { .. }, _) => name != "correct",
                (CellResult::NotProved { .. }, Checker::Threads) => true,
                (CellResult::Proved { .. } | CellResult::NotProved { .. }, _) => name == "correct",
            };
        }
    }

    fn is_as_expected(&self) -> bool {
        // An exhaustive checker must find each fault.
        let is_found = self.name == "correct"
            || self.cells.iter().any(|cell| {
                use Checker::{Loom, ShuttleDepthFirst, Tla};
                matches!(cell.checker, Tla | Loom | ShuttleDepthFirst)
                    && matches!(cell.result, CellResult::Found { .. })
            });
        is_found && self.cells.iter().all(|cell| cell.as_expected)
    }
}
