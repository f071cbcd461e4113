//! What a search says, and what that is worth.

use std::fmt;
use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::journal::Journal;
use crate::platform::Environment;
use crate::schedule::Schedule;
use crate::shard::Shard;

/// What came of a search.
#[derive(Debug, Clone, Serialize)]
pub struct Exploration {
    /// What the search says.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// Whether nothing is left to explore. With a counterexample, there is none that is shorter.
    pub is_complete: bool,
    /// How many executions were run.
    pub executions: u64,
    /// How long it took.
    #[serde(rename = "seconds", serialize_with = "seconds")]
    pub time: Duration,
}

fn seconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(time.as_secs_f64())
}

/// What a search says. Each verdict names the [scope](Scope) that it holds in.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
#[must_use]
pub enum Verdict {
    /// Every execution was explored and none fails: a proof, within the scope.
    Proved(Scope),
    /// An execution fails.
    Found(Counterexample),
    /// No execution has failed, and not every one was explored.
    NotProved(NotProved),
    /// The checker is not able to explore this program.
    CannotJudge(CannotJudge),
}

/// Who searches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Checker {
    /// loom: every execution in a memory model.
    Loom,
    /// shuttle: schedules, depth first or at random.
    Shuttle,
    /// The operating system's threads.
    Threads,
}

impl fmt::Display for Checker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Checker::Loom => "loom",
            Checker::Shuttle => "shuttle",
            Checker::Threads => "real threads",
        })
    }
}

/// What a thread can see of what the others have written to atomics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum MemoryModel {
    /// The C11 memory model as far as loom explores it: without load buffering (a load never sees a
    /// store that comes later), without stores older than an atomic's last seven, and with a
    /// notification that makes visible what its thread did before it.
    C11OfLoom,
    /// Sequential consistency: whatever ordering is asked for, a load sees the last store.
    SequentialConsistency,
    /// What this machine does.
    ThisMachine,
}

impl fmt::Display for MemoryModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            MemoryModel::C11OfLoom => {
                "C11 without load buffering and without stores older than an atomic's last 7"
            }
            MemoryModel::SequentialConsistency => "sequential consistency",
            MemoryModel::ThisMachine => "this machine's memory",
        })
    }
}

/// The bounds within which a verdict holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct Scope {
    /// Who searched.
    pub checker: Checker,
    /// What the environment was allowed to do.
    pub environment: Environment,
    /// What a thread could see of atomics.
    pub memory: MemoryModel,
}

impl Scope {
    /// The scope of a search by `checker`.
    #[must_use]
    pub fn new(checker: Checker, environment: Environment) -> Self {
        Scope {
            checker,
            environment,
            memory: match checker {
                Checker::Loom => MemoryModel::C11OfLoom,
                Checker::Shuttle => MemoryModel::SequentialConsistency,
                Checker::Threads => MemoryModel::ThisMachine,
            },
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.checker {
            Checker::Threads => write!(f, "{}", self.checker),
            checker => write!(f, "{checker}: {}; {}", self.environment, self.memory),
        }
    }
}

/// An execution that fails.
#[derive(Debug, Clone, Serialize)]
pub struct Counterexample {
    /// Who found it, and within which bounds.
    #[serde(flatten)]
    pub scope: Scope,
    /// How it fails.
    pub message: String,
    /// The line whose panic it is, with its file, unless no thread can go on.
    pub at: Option<String>,
    /// Which execution it was, counted from one.
    pub execution: u64,
    /// Its steps, up to the failure.
    #[serde(skip)]
    pub journal: Journal,
    /// How to see it again.
    pub replay: Option<Replay>,
}

impl Counterexample {
    /// The choices of shuttle's scheduler, if shuttle found it.
    #[must_use]
    pub fn schedule(&self) -> Option<&Schedule> {
        match &self.replay {
            Some(Replay::Schedule(schedule)) => Some(schedule),
            _ => None,
        }
    }
}

/// How to see an execution again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replay {
    /// Under shuttle, by the choices of its scheduler: [`replay`](crate::replay()).
    Schedule(Schedule),
    /// Under loom, by its number. loom explores the same executions in the same order each time:
    /// [`replay_loom`](crate::replay_loom()) explores up to this one.
    Execution(u64),
}

impl fmt::Display for Replay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Replay::Schedule(schedule) => schedule.fmt(f),
            Replay::Execution(number) => write!(f, "execution {number}"),
        }
    }
}

impl Serialize for Replay {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Nothing has failed, and not everything was explored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NotProved {
    /// Who searched, and within which bounds.
    #[serde(flatten)]
    pub scope: Scope,
    /// What stopped the search.
    #[serde(serialize_with = "in_words")]
    pub stopped_by: Stop,
}

fn in_words<S: Serializer>(stop: &Stop, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(stop)
}

/// What stops a search before everything is explored. In words, it says what to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// Somebody ended it.
    Interrupted,
    /// [`Limits::executions`](crate::Limits::executions).
    Executions(u64),
    /// As many random executions as were asked for.
    Samples(u64),
    /// [`Limits::shard`](crate::Limits::shard): all of it was explored, and it is not the whole.
    Shard(Shard),
    /// The shards of a search do not make a whole.
    Shards(String),
    /// [`Limits::time`](crate::Limits::time).
    Time(Duration),
    /// [`Limits::preemptions`](crate::Limits::preemptions): everything within the bound was explored.
    Preemptions(usize),
    /// One execution takes more steps than that.
    Steps(usize),
    /// A thread yields, as in a loop that spins, and loom lets another one take a step first each time.
    Yields,
    /// A thread took no step for that long: it blocks on something that the checker does not know, or
    /// computes without end.
    Silence(Duration),
    /// Every thread waits, and one of them for a deadline that the bound on timeouts keeps away.
    Timeouts(usize),
    /// The program computes with the clock in a way that the search does not cover.
    Clock(String),
    /// The program fails only where loom admits more than C11 does.
    WeakerThanC11(String),
    /// The child process of an [isolated](crate::isolated()) search died.
    Died(String),
    /// What stopped the search in the child process, in words.
    InChild(String),
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stop::Interrupted => f.write_str("interrupted"),
            Stop::Executions(most) => write!(f, "limit of {} executions", grouped(*most)),
            Stop::Samples(_) => f.write_str("others not tried"),
            Stop::Shard(shard) => write!(f, "shard {shard} alone"),
            Stop::Time(most) => write!(f, "limit of {most:?}"),
            Stop::Preemptions(1) => f.write_str("limit of 1 preemption"),
            Stop::Preemptions(most) => write!(f, "limit of {most} preemptions"),
            Stop::Steps(most) => write!(
                f,
                "an execution takes more than {most} steps: a loop that spins or polls has to block instead"
            ),
            Stop::Yields => f.write_str(
                "a thread yields, and goes on only once another has taken a step: executions in which it goes round \
                 more often are not explored; block instead",
            ),
            Stop::Silence(time) => write!(
                f,
                "no step for {time:?}: a thread blocks on something that the checker does not know, such as a channel, or never ends; use the platform's primitives"
            ),
            Stop::Timeouts(most) => write!(
                f,
                "a thread waits for one more deadline than the bound on timeouts, {most}, lets pass: allow more"
            ),
            Stop::Clock(why) | Stop::InChild(why) | Stop::Shards(why) => f.write_str(why),
            Stop::Died(how) => write!(f, "the process died, {how}"),
            Stop::WeakerThanC11(message) => write!(
                f,
                "fails only where loom admits more than C11, with SeqCst as acquire and release and read-modify-writes that miss a store: {message}"
            ),
        }
    }
}

/// The checker is not able to explore this program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CannotJudge {
    /// Who tried, and within which bounds.
    #[serde(flatten)]
    pub scope: Scope,
    /// Why not.
    pub why: String,
    /// Who or what can.
    pub who_can: Option<String>,
}

impl Exploration {
    /// The execution that fails, if one was found.
    #[must_use]
    pub fn counterexample(&self) -> Option<&Counterexample> {
        match &self.verdict {
            Verdict::Found(counterexample) => Some(counterexample),
            _ => None,
        }
    }

    /// Whether every execution within the scope was explored and none fails.
    #[must_use]
    pub fn is_proved(&self) -> bool {
        matches!(self.verdict, Verdict::Proved(_))
    }

    /// What stopped the search, if nothing was found and not everything was explored.
    #[must_use]
    pub fn stopped_by(&self) -> Option<&Stop> {
        match &self.verdict {
            Verdict::NotProved(NotProved { stopped_by, .. }) => Some(stopped_by),
            _ => None,
        }
    }
}

impl Verdict {
    /// Within which bounds it holds.
    #[must_use]
    pub fn scope(&self) -> &Scope {
        match self {
            Verdict::Proved(scope) => scope,
            Verdict::Found(found) => &found.scope,
            Verdict::NotProved(not_proved) => &not_proved.scope,
            Verdict::CannotJudge(cannot) => &cannot.scope,
        }
    }
}

/// A number with thousands separators: 1,234,567.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

impl Exploration {
    /// The verdict without its bounds, for a list in which they are said once.
    pub(crate) fn says(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let executions = self.executions;
        match &self.verdict {
            Verdict::Proved(_) if executions == 1 => {
                f.write_str("proved: the only execution is right")?;
            }
            Verdict::Proved(_) => {
                write!(
                    f,
                    "proved: all {} executions are right",
                    grouped(executions)
                )?;
            }
            Verdict::Found(Counterexample {
                message, execution, ..
            }) => {
                let execution = grouped(*execution);
                write!(f, "found: execution {execution} fails: {message}")?;
            }
            Verdict::NotProved(NotProved { stopped_by, .. }) => {
                let plural = if executions == 1 { "" } else { "s" };
                write!(
                    f,
                    "not proved after {} execution{plural}: {stopped_by}",
                    grouped(executions)
                )?;
            }
            Verdict::CannotJudge(CannotJudge { why, who_can, .. }) => {
                write!(f, "cannot judge: {why}")?;
                if let Some(who) = who_can {
                    write!(f, "; {who} can")?;
                }
            }
        }
        Ok(())
    }
}

impl fmt::Display for Exploration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.says(f)?;
        write!(f, " [{}]", self.verdict.scope())
    }
}
