//! A recorded execution, in a file with one JSON object on each line.
//!
//! Version 1:
//!
//! ```json
//! {"recording":"wakeproof","version":1,"submitters":["worker"],"stoppers":["main"]}
//! {"thread":"loop","action":"Lock"}
//! {"thread":"loop","action":"Sleep","asleep":true}
//! {"thread":"worker","action":"Lock"}
//! {"thread":"worker","action":"Enqueue","queued":1}
//! {"thread":"worker","action":"Notify","asleep":false}
//! {"thread":"worker","action":"Unlock"}
//! {"end":6}
//! ```
//!
//! The loop's thread is called `loop`. The first line names the other threads: those that submit, and
//! those that ask the loop to stop. With `"timed_waits":true`, it also says that the loop's waits may time
//! out. After that, each line is a step, in the order in which the steps took effect: for steps under the
//! lock, the order in which the lock was held. `action` is an action of `CondvarLoop.tla`. What came of the
//! step may follow: `queued`, `asleep`, `stopping`, `closed`. What is not given is not compared. The last
//! line counts the steps, so that a file that was cut off is not mistaken for a whole one.

use std::io::BufRead;
use std::path::Path;

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::action::{Action, Actor};
use crate::follower::{Follower, ObservedStep, Refusal};
use crate::graph::Graph;
use crate::judge::lines::{Lines, Text};
use crate::relation::{Cast, Observation, Relation, Source};

/// The version of the format that this reads.
pub const VERSION: u32 = 1;

/// A recording's first line.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Header {
    recording: String,
    version: u32,
    submitters: Vec<String>,
    #[serde(default)]
    stoppers: Vec<String>,
    #[serde(default)]
    timed_waits: bool,
}

/// A line after the first.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum Line {
    /// A step.
    Step {
        /// Who took it.
        thread: String,
        /// Its action.
        action: String,
        /// How many callbacks are queued now.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        queued: Option<usize>,
        /// Whether the loop is marked as asleep now.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        asleep: Option<bool>,
        /// Whether the loop is asked to stop now.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stopping: Option<bool>,
        /// Whether the loop is closed now.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        closed: Option<bool>,
    },
    /// The end.
    End {
        /// How many steps there were.
        end: u64,
    },
}

impl Header {
    /// The first line for an execution of these threads.
    #[must_use]
    pub fn new(cast: &Cast) -> Self {
        Header {
            recording: "wakeproof".into(),
            version: VERSION,
            submitters: cast.submitters.clone(),
            stoppers: cast.stoppers.clone(),
            timed_waits: cast.timed_waits,
        }
    }
}

impl Line {
    /// The line for a step.
    #[must_use]
    pub fn step(thread: &str, action: Action, observation: Observation) -> Self {
        Line::Step {
            thread: thread.into(),
            action: action.to_string(),
            queued: observation.queued,
            asleep: observation.asleep,
            stopping: observation.stopping,
            closed: observation.closed,
        }
    }
}

/// The result of following a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Followed {
    /// How many steps, counted from the first, the specification allows.
    pub steps: u64,
    /// The line of the first step that it does not allow, and the reason.
    pub refused: Option<(u64, Refusal)>,
}

/// Follows a recording through the specification in `folder`, line by line. The memory that this takes
/// does not grow with the file.
///
/// # Errors
///
/// If the file is not a complete recording of version 1. The error names the file and the line.
///
/// ```
/// use std::path::Path;
/// use wakeproof_conform::recording;
///
/// let lost = r#"{"recording":"wakeproof","version":1,"submitters":["worker"]}
/// {"thread":"loop","action":"Lock"}
/// {"thread":"loop","action":"Sleep"}
/// {"thread":"worker","action":"Lock"}
/// {"thread":"worker","action":"Enqueue"}
/// {"thread":"worker","action":"Unlock"}
/// {"end":5}
/// "#;
/// let spec = wakeproof_conform::spec::default_directory();
/// let followed = recording::follow(&spec, Path::new("lost.jsonl"), lost.as_bytes()).unwrap();
/// let (line, refusal) = followed.refused.unwrap();
/// assert_eq!(line, 6);
/// assert!(refusal.explanation.contains("worker: Notify"));
/// ```
pub fn follow(folder: &Path, file: &Path, input: impl BufRead) -> anyhow::Result<Followed> {
    let mut reader = Reader {
        lines: Lines::new(input),
    };
    let result = reader.follow(folder);
    let line = reader.lines.number().max(1);
    result.with_context(|| format!("{}:{line}", file.display()))
}

struct Reader<R> {
    lines: Lines<R>,
}

impl<R: BufRead> Reader<R> {
    fn follow(&mut self, folder: &Path) -> anyhow::Result<Followed> {
        let header = self.header()?;
        let cast = Cast {
            submitters: header.submitters,
            stoppers: header.stoppers,
            timed_waits: header.timed_waits,
        };
        let mut follower =
            Follower::new(Graph::new(Relation::load(&Source::correct(folder), &cast)?));
        let mut steps = 0;
        loop {
            let Some(text) = self.lines.next()? else {
                bail!("the file ends without its last line, {{\"end\": …}}; has it been cut off?");
            };
            let line = parse(&text)?;
            let Line::Step {
                thread,
                action,
                queued,
                asleep,
                stopping,
                closed,
            } = line
            else {
                return self.end(&line, steps);
            };
            let step = ObservedStep {
                thread: follower
                    .graph()
                    .relation()
                    .thread(&thread)
                    .with_context(|| format!("thread {thread:?} is not in the first line"))?,
                action: known(&action)?,
                observation: Observation {
                    queued,
                    asleep,
                    stopping,
                    closed,
                },
            };
            if let Err(refusal) = follower.step(step)? {
                return Ok(Followed {
                    steps,
                    refused: Some((self.lines.number(), refusal)),
                });
            }
            steps += 1;
        }
    }

    fn header(&mut self) -> anyhow::Result<Header> {
        const WANTED: &str = r#"the first line must be like {"recording":"wakeproof","version":1,"submitters":["worker"]}"#;
        let text = self.lines.next()?.context("the file is empty")?.text;
        let header: Header = serde_json::from_str(&text).context(WANTED)?;
        if header.recording != "wakeproof" {
            bail!("{WANTED}");
        }
        if header.version != VERSION {
            let version = header.version;
            bail!("version {version} is unknown; this reads version {VERSION}");
        }
        Ok(header)
    }

    /// The last line has been read: nothing may follow, and nothing may be missing.
    fn end(&mut self, line: &Line, steps: u64) -> anyhow::Result<Followed> {
        if let Line::End { end } = line
            && *end != steps
        {
            bail!("the last line counts {end} steps, and there are {steps}; is one missing?");
        }
        if self.lines.next()?.is_some() {
            bail!("there is more behind the last line, {{\"end\":{steps}}}");
        }
        Ok(Followed {
            steps,
            refused: None,
        })
    }
}

/// The keys that a line after the first can have.
const KEYS: [&str; 7] = [
    "thread", "action", "queued", "asleep", "stopping", "closed", "end",
];

fn parse(line: &Text) -> anyhow::Result<Line> {
    const WANTED: &str =
        r#"not a step like {"thread":"worker","action":"Lock"}, and not the end, {"end":1}"#;
    let object: Map<String, Value> = match serde_json::from_str(&line.text) {
        Err(_) if !line.is_whole => {
            bail!("the file ends in the middle of a line; has it been cut off?")
        }
        object => object.context(WANTED)?,
    };
    if let Some(key) = object.keys().find(|key| !KEYS.contains(&&***key)) {
        bail!("unknown key {key:?} in a line");
    }
    serde_json::from_value(Value::Object(object)).context(WANTED)
}

/// The action of a name that a thread may take.
fn known(name: &str) -> anyhow::Result<Action> {
    let actions = || {
        let taken = |action: &Action| action.actor() != Actor::Environment;
        Action::ALL.into_iter().filter(taken)
    };
    if let Some(action) = actions().find(|action| action.to_string() == name) {
        return Ok(action);
    }
    let names: Vec<String> = actions().map(|action| action.to_string()).collect();
    bail!("unknown action {name:?}; there are {}", names.join(", "));
}
