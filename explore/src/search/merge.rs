//! What the shards of one search have found, written down and put together.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::claims::Known;
use super::strategy::Search;
use crate::journal::Journal;
use crate::platform::Environment;
use crate::schedule::Schedule;
use crate::shard::Shard;
use crate::verdict::{
    CannotJudge, Checker, Counterexample, Exploration, NotProved, Replay, Scope, Stop, Verdict,
};

/// What one shard of a search has found, to be written down and [merged](merge()) with the others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShardReport {
    #[serde(flatten)]
    asked: Asked,
    shard: Shard,
    /// How many parts the whole search has; and a number that tells its choices from another program's.
    tree: Option<(usize, u64)>,
    known: Known,
    /// How many executions there were in each part that belongs to the shard.
    parts: Vec<(usize, u64)>,
    executions: u64,
    seconds: f64,
    outcome: Outcome,
}

/// What all shards of one search have in common.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Asked {
    version: String,
    program: String,
    environment: Environment,
    search: Search,
    most: Option<u64>,
}

impl Asked {
    pub(super) fn new(
        program: &str,
        environment: Environment,
        search: Search,
        most: Option<u64>,
    ) -> Self {
        Asked {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            program: program.to_owned(),
            environment,
            search,
            most,
        }
    }

    /// In what they differ.
    fn difference(&self, other: &Asked) -> Option<String> {
        let differ = |what: &str, one: String, other: String| {
            (one != other).then(|| format!("{what}: {one:?} and {other:?}"))
        };
        let most = |asked: &Asked| {
            asked
                .most
                .map_or("no limit".into(), |most| most.to_string())
        };
        differ("version", self.version.clone(), other.version.clone())
            .or_else(|| differ("program", self.program.clone(), other.program.clone()))
            .or_else(|| {
                let [one, other] = [self, other].map(|asked| asked.environment.to_string());
                differ("environment", one, other)
            })
            .or_else(|| {
                let [one, other] = [self, other].map(|asked| format!("{:?}", asked.search));
                differ("search", one, other)
            })
            .or_else(|| differ("number of executions", most(self), most(other)))
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Outcome {
    Found {
        part: usize,
        message: String,
        at: Option<String>,
        execution: u64,
        schedule: String,
    },
    /// Each execution is right.
    Clean,
    Stopped(String),
    CannotJudge(String),
}

impl ShardReport {
    pub(super) fn new(
        asked: Asked,
        shard: Shard,
        tree: Option<(usize, u64)>,
        known: Known,
        parts: Vec<(usize, u64)>,
        found_in: Option<usize>,
        exploration: &Exploration,
    ) -> Self {
        let outcome = match &exploration.verdict {
            Verdict::Found(found) => Outcome::Found {
                part: found_in.unwrap_or_default(),
                message: found.message.clone(),
                at: found.at.clone(),
                execution: found.execution,
                schedule: found
                    .schedule()
                    .map(ToString::to_string)
                    .unwrap_or_default(),
            },
            Verdict::CannotJudge(cannot) => Outcome::CannotJudge(cannot.why.clone()),
            Verdict::Proved(_) => Outcome::Clean,
            Verdict::NotProved(not_proved) => match &not_proved.stopped_by {
                Stop::Shard(_) | Stop::Samples(_) => Outcome::Clean,
                stop => Outcome::Stopped(stop.to_string()),
            },
        };
        ShardReport {
            asked,
            shard,
            tree,
            known,
            parts,
            executions: exploration.executions,
            seconds: exploration.time.as_secs_f64(),
            outcome,
        }
    }

    /// Which shard it is of.
    #[must_use]
    pub fn shard(&self) -> Shard {
        self.shard
    }

    /// The program that was searched, as it was called then.
    #[must_use]
    pub fn program(&self) -> &str {
        &self.asked.program
    }

    /// What the shard alone has to say.
    #[must_use]
    pub fn exploration(&self) -> Exploration {
        let alone = Stop::Shard(self.shard);
        together(std::slice::from_ref(self), Some(alone), self.executions)
    }
}

/// Shards that do not make a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CannotMerge(String);

impl fmt::Display for CannotMerge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for CannotMerge {}

/// Puts together what all shards of a search have found. The verdict is that of the whole search, and never better
/// than the worst of them: an execution that fails in one is found, and if one was stopped, nothing is proved.
///
/// # Errors
///
/// If a shard is missing or there twice, or if they are of different programs, versions, environments, searches,
/// seeds or limits.
///
/// ```
/// use wakeproof_explore::sync::{Arc, Mutex};
/// use wakeproof_explore::{Environment, Limits, Search, merge, search_shard, thread};
///
/// fn two_threads() {
///     let number = Arc::new(Mutex::new(0));
///     let other = number.clone();
///     let thread = thread::spawn(move || *other.lock().unwrap() += 1);
///     *number.lock().unwrap() += 1;
///     thread.join().unwrap();
///     assert_eq!(*number.lock().unwrap(), 2);
/// }
///
/// let quiet = Environment::QUIET;
/// let reports = ["1/2", "2/2"].map(|shard| {
///     let limits = Limits { shard: Some(shard.parse().unwrap()), ..Limits::default() };
///     search_shard("two threads", quiet, Search::Exhaustive, &limits, two_threads)
/// });
/// assert!(!reports[0].exploration().is_proved());
/// assert!(merge(&reports)?.is_proved());
/// assert!(merge(&reports[1..]).is_err(), "one is missing");
/// # Ok::<(), wakeproof_explore::CannotMerge>(())
/// ```
pub fn merge(reports: &[ShardReport]) -> Result<Exploration, CannotMerge> {
    let Some(first) = reports.first() else {
        return Err(CannotMerge("there is no shard to merge".into()));
    };
    for report in reports {
        if let Some(difference) = first.asked.difference(&report.asked) {
            return Err(CannotMerge(format!(
                "shards {} and {} are not of one search; they differ in the {difference}",
                first.shard, report.shard
            )));
        }
        if report.shard.of() != first.shard.of() {
            return Err(CannotMerge(format!(
                "shards {} and {} are not of one search: divide it into the same number for each",
                first.shard, report.shard
            )));
        }
    }
    for number in 1..=first.shard.of() {
        let of_it = reports
            .iter()
            .filter(|report| report.shard.number() == number);
        let name = format!("shard {number}/{}", first.shard.of());
        match of_it.count() {
            1 => {}
            0 => return Err(CannotMerge(format!("{name} is missing"))),
            _ => return Err(CannotMerge(format!("{name} is there twice"))),
        }
    }
    let all_know_the_same = reports.iter().all(|report| report.known == first.known);
    let mut trees = reports
        .iter()
        .filter_map(|report| Some((report.shard, report.tree?)));
    if all_know_the_same
        && let Some((one, tree)) = trees.next()
        && let Some((other, _)) = trees.find(|(_, other)| *other != tree)
    {
        return Err(CannotMerge(format!(
            "shards {one} and {other} are of different programs: their choices differ"
        )));
    }
    let stop = (!all_know_the_same).then(|| {
        Stop::Shards(
            "the shards came to know different deadlines, or unlocks are steps in some only: search it undivided"
                .into(),
        )
    });
    let executions = reports.iter().map(|report| report.executions).sum();
    Ok(together(reports, stop, executions))
}

fn together(reports: &[ShardReport], stop: Option<Stop>, executions: u64) -> Exploration {
    let Asked {
        environment,
        search,
        ..
    } = reports[0].asked;
    let scope = Scope::new(Checker::Shuttle, environment);
    let found = reports.iter().filter_map(|report| match &report.outcome {
        Outcome::Found { part, .. } => Some((*part, report)),
        _ => None,
    });
    let cannot = reports.iter().find_map(|report| match &report.outcome {
        Outcome::CannotJudge(why) => Some(why.clone()),
        _ => None,
    });
    let stopped = reports.iter().find_map(|report| match &report.outcome {
        Outcome::Stopped(why) => Some(Stop::Shards(format!("shard {}: {why}", report.shard))),
        _ => None,
    });
    let verdict = match (
        found.min_by_key(|(part, _)| *part),
        cannot,
        stopped.or(stop),
    ) {
        (Some((part, report)), ..) => Verdict::Found(report.counterexample(scope, part, reports)),
        (None, Some(why), _) => Verdict::CannotJudge(CannotJudge {
            scope,
            why,
            who_can: None,
        }),
        (None, None, Some(stopped_by)) => Verdict::NotProved(NotProved { scope, stopped_by }),
        (None, None, None) if search == Search::Exhaustive => Verdict::Proved(scope),
        (None, None, None) => Verdict::NotProved(NotProved {
            scope,
            stopped_by: Stop::Samples(executions),
        }),
    };
    let seconds = reports.iter().map(|report| report.seconds);
    Exploration {
        is_complete: matches!(verdict, Verdict::Proved(_)),
        executions: match &verdict {
            Verdict::Found(found) => found.execution,
            _ => executions,
        },
        verdict,
        // They may have run at once.
        time: std::time::Duration::from_secs_f64(seconds.fold(0.0, f64::max).clamp(0.0, 1e9)),
    }
}

impl ShardReport {
    fn counterexample(&self, scope: Scope, part: usize, all: &[ShardReport]) -> Counterexample {
        let Outcome::Found {
            message,
            at,
            execution,
            schedule,
            ..
        } = &self.outcome
        else {
            unreachable!("it has found one");
        };
        // What the other shards have explored before comes first.
        let others = all.iter().filter(|other| other.shard != self.shard);
        let before = others.flat_map(|other| &other.parts);
        let before: u64 = before
            .filter(|(other, _)| *other < part)
            .map(|(_, executions)| executions)
            .sum();
        let schedule: Option<Schedule> = schedule.parse().ok();
        Counterexample {
            scope,
            message: message.clone(),
            at: at.clone(),
            execution: before + execution,
            journal: Journal::default(),
            replay: schedule.map(Replay::Schedule),
        }
    }
}
