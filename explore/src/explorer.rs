//! One call that searches well: few preemptions first, then at random, then everything, under both checkers.

use std::collections::VecDeque;
use std::fmt;
use std::panic::Location;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::journal::place;
use crate::platform::Environment;
use crate::schedule::Schedule;
use crate::search::{self, Limits, Progress, Search};
use crate::story::{self, Telling};
use crate::trace::Trace;
use crate::verdict::{Counterexample, Exploration, NotProved, Replay, Stop, Verdict};

/// The environment variable that replays a counterexample instead of searching.
const REPLAY: &str = "WAKEPROOF_REPLAY";
/// How long a search takes at most, unless told otherwise.
const TIME: Duration = Duration::from_secs(10);
/// Where random schedules come from.
const SEED: u64 = 1;
/// Where they come from if a program turns out to be large.
const MORE_SEED: u64 = 2;
/// How many are tried then.
const MORE: u64 = 20_000;
/// Most bugs need at most this many preemptions.
const PREEMPTIONS: usize = 2;

type Body = Arc<dyn Fn() + Send + Sync>;

/// Searches for an execution of a body that fails, and tells its story.
///
/// ```should_panic
/// use wakeproof_explore::sync::{Arc, Condvar, Mutex};
/// use wakeproof_explore::{Explorer, thread};
///
/// // #[test]
/// fn a_message_arrives() {
///     Explorer::new(|| {
///         let mailbox = Arc::new((Mutex::new(None), Condvar::new()));
///         let other = mailbox.clone();
///         let sender = thread::spawn(move || {
///             *other.0.lock().unwrap() = Some(42);
///             other.1.notify_one();
///         });
///         let mut message = mailbox.0.lock().unwrap();
///         if message.is_none() {
///             message = mailbox.1.wait(message).unwrap(); // must be in a loop
///         }
///         assert_eq!(*message, Some(42));
///         drop(message);
///         sender.join().unwrap();
///     })
///     .prove();
/// }
/// # a_message_arrives();
/// ```
///
/// It searches under loom with no preemption, with one, and with two; under shuttle at random and with
/// priorities; then everything under both, and for a program that is too large for that, 20,000 more schedules with
/// priorities. So what is easy to find is found soon, and what can be proved is
/// proved. A counterexample is made as short as it can be in the time, and run once more to be recorded.
#[must_use = "it searches when `run`, `prove` or `search` is called"]
pub struct Explorer {
    body: Body,
    name: String,
    /// What its story begins with: its name, or where it was made.
    title: String,
    environment: Environment,
    time: Duration,
    progress: Arc<Progress>,
}

impl fmt::Debug for Explorer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Explorer")
            .field("name", &self.name)
            .field("environment", &self.environment)
            .field("time", &self.time)
            .finish_non_exhaustive()
    }
}

impl Explorer {
    /// Searches executions of `body`, in the [hostile](Environment::HOSTILE) environment, for ten seconds at
    /// most.
    #[track_caller]
    pub fn new<F: Fn() + Send + Sync + 'static>(body: F) -> Self {
        let made = Location::caller();
        Explorer {
            name: name_of::<F>(made),
            body: Arc::new(body),
            environment: Environment::HOSTILE,
            time: TIME,
            progress: Arc::default(),
            title: place(made),
        }
    }

    /// What the exploration is called, in its story and in a line that replays a counterexample. By itself, the line
    /// has the function in which the body is written, so that a change that moves its lines is none to it.
    pub fn name(mut self, name: &str) -> Self {
        self.name = in_one_word(name);
        name.clone_into(&mut self.title);
        self
    }

    /// What may happen to the program besides its threads taking turns.
    pub fn environment(mut self, environment: Environment) -> Self {
        self.environment = environment;
        self
    }

    /// How long all searches together may take.
    pub fn time(mut self, time: Duration) -> Self {
        self.time = time;
        self
    }

    /// Who watches, and may end the search.
    pub fn progress(mut self, progress: Arc<Progress>) -> Self {
        self.progress = progress;
        self
    }

    /// Searches; or replays one execution, if the environment variable `WAKEPROOF_REPLAY` has a line that a
    /// search has printed.
    ///
    /// # Errors
    ///
    /// If that line is of another exploration, program or version.
    pub fn run(&self) -> Result<Story, CannotReplay> {
        match std::env::var(REPLAY) {
            Ok(line) => self.replay(&line),
            Err(_) => Ok(self.explore()),
        }
    }

    /// For a test: everything within the environment's bounds must be right, and shown to be.
    ///
    /// # Panics
    ///
    /// If an execution fails: with its story. If nothing fails and nothing is proved in the time: with what
    /// stopped the search.
    #[track_caller]
    pub fn prove(&self) {
        let story = self.run().unwrap_or_else(|why| panic!("{why}"));
        assert!(story.exploration.is_proved(), "{story}");
    }

    /// For a test of a body that is too large to be proved: no execution that is tried may fail.
    ///
    /// # Panics
    ///
    /// If an execution fails, with its story; or if no checker can explore the body.
    #[track_caller]
    pub fn search(&self) {
        let story = self.run().unwrap_or_else(|why| panic!("{why}"));
        let verdict = &story.exploration.verdict;
        let is_clean = matches!(verdict, Verdict::Proved(_) | Verdict::NotProved(_));
        assert!(is_clean, "{story}");
    }

    fn explore(&self) -> Story {
        let begun = Instant::now();
        let mut searches = Vec::new();
        let mut ways = VecDeque::from(Way::ALL);
        while let Some(way) = ways.pop_front() {
            let is_proved = |(_, explored): &(Way, Exploration)| explored.is_proved();
            if way == Way::MorePct && searches.iter().any(is_proved) {
                continue;
            }
            let left = self.time.saturating_sub(begun.elapsed());
            let limits = self.limits(left.div_f64(way.share()));
            let explored = self.search_by(way, &limits);
            let is_found = explored.counterexample().is_some();
            // More threads than loom has are too many to explore everything soon.
            if way == Way::Pct && searches.iter().all(Way::is_beyond) {
                ways.retain(|other| *other != Way::MorePct);
                ways.push_front(Way::MorePct);
            }
            searches.push((way, explored));
            if is_found || self.progress.is_cancelled() {
                break;
            }
        }
        let (way, decisive) = decisive(&searches);
        let mut story = Story {
            exploration: decisive.clone(),
            searches: searches
                .iter()
                .map(|(way, explored)| (way.to_string(), explored.clone()))
                .collect(),
            trace: None,
            replay: None,
            not_deterministic: None,
        };
        if story.exploration.counterexample().is_some() {
            let left = self.time.saturating_sub(begun.elapsed());
            self.tell(&mut story, way, left);
        }
        story
    }

    fn limits(&self, time: Duration) -> Limits {
        Limits {
            time: Some(time),
            progress: Arc::new(self.progress.of_another()),
            ..Limits::default()
        }
    }

    fn body(&self) -> impl Fn() + Send + Sync + Clone + use<> {
        let body = self.body.clone();
        move || body()
    }

    fn search_by(&self, way: Way, limits: &Limits) -> Exploration {
        let body = self.body();
        let shuttle = |search| search::shuttle(self.environment, search, limits, body.clone());
        match way {
            Way::Preemptions(most) => {
                let limits = Limits {
                    preemptions: Some(most),
                    ..limits.clone()
                };
                search::loom(self.environment, &limits, body)
            }
            Way::Random => shuttle(Search::Random { seed: SEED }),
            Way::Pct => shuttle(Search::Pct {
                seed: SEED,
                depth: 3,
            }),
            Way::AllOfShuttle => shuttle(Search::Exhaustive),
            Way::MorePct => {
                let limits = Limits {
                    executions: Some(MORE),
                    ..limits.clone()
                };
                let search = Search::Pct {
                    seed: MORE_SEED,
                    depth: 3,
                };
                search::shuttle(self.environment, search, &limits, body)
            }
            Way::AllOfLoom => search::loom(self.environment, limits, body),
        }
    }

    /// Makes the counterexample short, records it, and says how to see it again.
    fn tell(&self, story: &mut Story, way: Way, left: Duration) {
        if let Some(Replay::Schedule(_)) = replay_of(&story.exploration) {
            let limits = self.limits(left.min(self.time.div_f64(4.0)));
            let shorter = search::shortest(self.environment, &limits, self.body());
            let steps = |explored: &Exploration| {
                let found = explored.counterexample()?;
                Some(found.schedule()?.choices().len())
            };
            if steps(&shorter)
                .is_some_and(|new| steps(&story.exploration).is_none_or(|old| new < old))
            {
                story.exploration = shorter;
            }
        }
        let Some(replay) = replay_of(&story.exploration) else {
            return;
        };
        let replay = Line {
            name: self.name.clone(),
            environment: self.environment,
            preemptions: match way {
                Way::Preemptions(most) => Some(most),
                _ => None,
            },
            replay,
        };
        match self.record(&replay) {
            Ok(recorded) => {
                if let Verdict::Found(found) = recorded.verdict {
                    story.trace = trace(&self.title, &found, &story.exploration, way);
                    if let Verdict::Found(known) = &mut story.exploration.verdict {
                        known.journal = found.journal;
                    }
                } else {
                    story.not_deterministic = Some(format!("{recorded}"));
                }
                story.replay = Some(format!("{REPLAY}='{replay}'"));
            }
            Err(why) => story.not_deterministic = Some(why.to_string()),
        }
    }

    /// Runs the execution of a line again, to be recorded.
    fn record(&self, line: &Line) -> Result<Exploration, search::DoesNotFit> {
        let body = self.body();
        story::tell(Telling::DropIn);
        let recorded = match &line.replay {
            Replay::Schedule(schedule) => search::replay(line.environment, schedule, body),
            Replay::Execution(number) => {
                let limits = Limits {
                    preemptions: line.preemptions,
                    ..Limits::default()
                };
                Ok(search::replay_loom(
                    line.environment,
                    *number,
                    &limits,
                    body,
                ))
            }
        };
        story::tell(Telling::Nothing);
        recorded
    }

    /// Runs one execution again: `line` is what `WAKEPROOF_REPLAY` would hold.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    pub fn replay(&self, line: &str) -> Result<Story, CannotReplay> {
        let text = line;
        let line: Line = text.parse().map_err(|NotALine| CannotReplay {
            line: text.to_owned(),
            why: "it is no line that a search has printed".to_owned(),
        })?;
        let cannot = |why: String| CannotReplay {
            line: text.to_owned(),
            why,
        };
        if line.name != self.name {
            return Err(cannot(format!(
                "it is of the exploration {}, and this one is {}: run that test alone",
                line.name, self.name
            )));
        }
        let recorded = self
            .record(&line)
            .map_err(|misfit| cannot(misfit.to_string()))?;
        if recorded.counterexample().is_none() {
            return Err(cannot(
                "the execution does not fail: the program has changed, or it is not deterministic"
                    .to_owned(),
            ));
        }
        let way = match (&line.replay, line.preemptions) {
            (Replay::Execution(_), Some(most)) => Way::Preemptions(most),
            (Replay::Execution(_), None) => Way::AllOfLoom,
            (Replay::Schedule(_), _) => Way::AllOfShuttle,
        };
        let trace = recorded
            .counterexample()
            .and_then(|found| trace(&self.title, found, &recorded, way));
        Ok(Story {
            searches: Vec::new(),
            trace,
            replay: Some(format!("{REPLAY}='{text}'")),
            not_deterministic: None,
            exploration: recorded,
        })
    }
}

/// What a search by [`Explorer`] has come to.
#[derive(Debug, Clone)]
#[must_use]
pub struct Story {
    /// The verdict: of the search that found an execution that fails, or that proved most.
    pub exploration: Exploration,
    /// Each search, in words, and its verdict. None if an execution was replayed.
    pub searches: Vec<(String, Exploration)>,
    /// The counterexample, step by step, if there is one.
    pub trace: Option<Trace>,
    /// What to put in front of the test's command to see the counterexample again.
    pub replay: Option<String>,
    /// Why the counterexample could not be run again. The body then depends on something besides the choices of
    /// the checker.
    pub not_deterministic: Option<String>,
}

impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.trace {
            Some(trace) => write!(f, "{}", trace.to_text())?,
            None => writeln!(f, "{}", self.exploration)?,
        }
        if let Some(why) = &self.not_deterministic {
            writeln!(
                f,
                "It could not be run again: {why}. The body is not deterministic: it may depend on the order of a \
                 hash map, on the time, or on a thread or a primitive of the standard library's."
            )?;
        }
        if let Some(replay) = &self.replay {
            writeln!(f, "\nSee it again: {replay} cargo test")?;
        }
        if self.exploration.counterexample().is_none() && self.searches.len() > 1 {
            for (way, explored) in &self.searches {
                write!(f, "  {way}: ")?;
                explored.says(f)?;
                writeln!(f)?;
            }
        }
        Ok(())
    }
}

/// A line that does not fit this exploration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CannotReplay {
    line: String,
    why: String,
}

impl fmt::Display for CannotReplay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The line comes from outside, and parts of it may be in the reason.
        let CannotReplay { line, why } = self;
        let [line, why] = [line, why].map(|text| printable(text));
        write!(f, "{REPLAY}='{line}' cannot be replayed: {why}")
    }
}

impl std::error::Error for CannotReplay {}

/// A text without characters that control a terminal.
fn printable(text: &str) -> String {
    let escape = |letter: char| {
        let escaped = letter
            .is_control()
            .then(|| letter.escape_default().to_string());
        escaped.unwrap_or_else(|| letter.to_string())
    };
    text.chars().map(escape).collect()
}

/// What an exploration of a body of that type is called: the same after a change that moves its lines.
fn name_of<F>(made: &Location<'_>) -> String {
    let name = std::any::type_name::<F>();
    if name.starts_with("fn(") || name.contains("dyn ") {
        let file = made.file().rsplit(['/', '\\']).next();
        return in_one_word(file.unwrap_or_default());
    }
    in_one_word(&name.replace("::{{closure}}", ""))
}

fn in_one_word(name: &str) -> String {
    let words: Vec<&str> = name.split([' ', '\'', '\n']).collect();
    words.join("-")
}

/// How to search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Under loom, everything with at most that many preemptions.
    Preemptions(usize),
    Random,
    Pct,
    AllOfShuttle,
    /// For what is too large for that: more threads than two or three.
    MorePct,
    AllOfLoom,
}

impl Way {
    const ALL: [Way; PREEMPTIONS + 6] = [
        Way::Preemptions(0),
        Way::Preemptions(1),
        Way::Random,
        Way::Pct,
        Way::Preemptions(2),
        Way::AllOfShuttle,
        Way::MorePct,
        Way::AllOfLoom,
    ];

    /// Whether loom cannot judge the program, or loom was not asked.
    fn is_beyond((way, explored): &(Way, Exploration)) -> bool {
        let is_of_loom = matches!(way, Way::Preemptions(_) | Way::AllOfLoom);
        !is_of_loom || matches!(explored.verdict, Verdict::CannotJudge(_))
    }

    /// What the time that is left is divided by.
    fn share(self) -> f64 {
        match self {
            Way::Preemptions(_) | Way::Random | Way::Pct => 8.0,
            Way::AllOfShuttle | Way::MorePct => 2.0,
            Way::AllOfLoom => 1.0,
        }
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Way::Preemptions(0) => f.write_str("loom, no preemptions"),
            Way::Preemptions(1) => f.write_str("loom, at most 1 preemption"),
            Way::Preemptions(most) => write!(f, "loom, at most {most} preemptions"),
            Way::Random => write!(f, "shuttle, at random (seed {SEED})"),
            Way::Pct => write!(f, "shuttle, random priorities (seed {SEED})"),
            Way::AllOfShuttle => f.write_str("shuttle, everything"),
            Way::MorePct => write!(f, "shuttle, more random priorities (seed {MORE_SEED})"),
            Way::AllOfLoom => f.write_str("loom, everything"),
        }
    }
}

/// The search whose verdict counts: one that found something; or a proof, loom's before shuttle's, since loom
/// explores more of the memory model; or the last that could judge.
fn decisive(searches: &[(Way, Exploration)]) -> (Way, &Exploration) {
    let rank = |(way, explored): &&(Way, Exploration)| match &explored.verdict {
        Verdict::Found(_) => 3,
        Verdict::Proved(_) => 2,
        Verdict::NotProved(NotProved {
            stopped_by: Stop::Preemptions(_) | Stop::Samples(_),
            ..
        })
        | Verdict::CannotJudge(_) => 0,
        Verdict::NotProved(_) if *way == Way::MorePct => 0,
        Verdict::NotProved(_) => 1,
    };
    let best = searches.iter().max_by_key(rank);
    let (way, explored) = best.expect("there is a first search");
    (*way, explored)
}

fn replay_of(explored: &Exploration) -> Option<Replay> {
    explored.counterexample()?.replay.clone()
}

fn trace(made: &str, found: &Counterexample, explored: &Exploration, way: Way) -> Option<Trace> {
    let worth = match (&found.replay, explored.is_complete) {
        (Some(Replay::Schedule(_)), true) => "shuttle, the shortest of all schedules".to_owned(),
        (Some(Replay::Schedule(_)), false) => "shuttle".to_owned(),
        _ => format!("{way}: execution {}", found.execution),
    };
    let told = Exploration {
        verdict: Verdict::Found(found.clone()),
        ..explored.clone()
    };
    Trace::told(made, "this execution fails", &told, &worth).ok()
}

/// What `WAKEPROOF_REPLAY` holds.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    /// Which exploration it is of.
    name: String,
    environment: Environment,
    preemptions: Option<usize>,
    replay: Replay,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct NotALine;

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Environment {
            spurious_wakeups,
            timeouts,
            overtakings,
            punctual,
        } = self.environment;
        let punctual = if punctual { "p" } else { "" };
        let name = &self.name;
        write!(
            f,
            "1 {name} {spurious_wakeups},{timeouts},{overtakings}{punctual} "
        )?;
        match (&self.replay, self.preemptions) {
            (Replay::Schedule(schedule), _) => write!(f, "shuttle {schedule}"),
            (Replay::Execution(number), None) => write!(f, "loom {number}"),
            (Replay::Execution(number), Some(most)) => write!(f, "loom {number} {most}"),
        }
    }
}

impl FromStr for Line {
    type Err = NotALine;

    fn from_str(text: &str) -> Result<Self, NotALine> {
        let words: Vec<&str> = text.split(' ').collect();
        let ["1", name, environment, rest @ ..] = words.as_slice() else {
            return Err(NotALine);
        };
        let (events, punctual) = match environment.strip_suffix('p') {
            Some(events) => (events, true),
            None => (*environment, false),
        };
        let events: Vec<usize> = events
            .split(',')
            .map(|number| number.parse().map_err(|_| NotALine))
            .collect::<Result<_, _>>()?;
        let [spurious_wakeups, timeouts, overtakings] = events[..] else {
            return Err(NotALine);
        };
        let number = |text: &str| text.parse().map_err(|_| NotALine);
        let (replay, preemptions) = match rest {
            ["shuttle", schedule] => {
                let schedule: Schedule = schedule.parse().map_err(|_| NotALine)?;
                (Replay::Schedule(schedule), None)
            }
            ["loom", execution] => (Replay::Execution(number(execution)?), None),
            ["loom", execution, most] => {
                let most = most.parse().map_err(|_| NotALine)?;
                (Replay::Execution(number(execution)?), Some(most))
            }
            _ => return Err(NotALine),
        };
        Ok(Line {
            name: (*name).to_owned(),
            environment: Environment {
                spurious_wakeups,
                timeouts,
                overtakings,
                punctual,
            },
            preemptions,
            replay,
        })
    }
}
