//! The format of recordings, version 2: one JSON object a line.
//!
//! ```json
//! {"recording":"wakeproof","version":2,"against":"EventLoop","made":"by hand, as an example"}
//! {"thread":"main","begins":"start"}
//! {"thread":"worker","begins":"submit","callback":1,"wakes":true,"by":"call_soon_threadsafe"}
//! {"thread":"main","runs":1}
//! {"thread":"worker","ends":"submit","result":"accepted"}
//! {"asleep":true}
//! {"thread":"worker","begins":"stop","wakes":true}
//! {"thread":"worker","ends":"stop","result":"returned"}
//! {"thread":"main","ends":"start","result":"returned"}
//! {"end":8}
//! ```
//!
//! The lines stand in the order in which they were written. Each is written before what it announces
//! (`begins`, `iterates`), after what it reports (`ends`), or as the first thing that a callback does
//! (`runs`). A recording may be late with an end and early with a beginning, never the other way
//! round.
//!
//! | line | what it says |
//! |---|---|
//! | `begins` | the thread enters a call: `submit`, `cancel`, `stop`, `start` (a run of the loop) or `close` |
//! | `ends` | the thread leaves its innermost call |
//! | `runs` | the thread begins to run a callback |
//! | `iterates` | the thread is about to begin an iteration; only if the first line has `"iterations":true` |
//! | `enters`, `leaves` | the thread takes a step of a design; see [`Design`] |
//! | `asleep` | no thread of the process can go on by itself |
//! | `end` | the last line: how many there are between it and the first |
//!
//! [`Line::parse`] reads a line, and `to_string` writes it.

use std::collections::BTreeMap;
use std::fmt;
use std::io::BufRead;

use anyhow::{Context, bail};
use serde::Serialize;
use serde_json::{Map, Value};

use super::lines::Lines;

/// The version of the format.
pub const VERSION: u64 = 2;

/// The specification of the black box, by the name that a recording gives it.
pub const BLACK_BOX: &str = "EventLoop";

/// A recording's first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Header {
    recording: &'static str,
    version: u64,
    /// The module of the specification that the recording is held against.
    pub against: String,
    /// How the recording was made: the loop, its version, the command.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub made: Option<String>,
    /// Whether each iteration is recorded.
    #[serde(skip_serializing_if = "is_false")]
    pub iterations: bool,
    /// Between which callbacks the loop promises an order.
    #[serde(skip_serializing_if = "Order::is_default")]
    pub order: Order,
    /// Whether the loop promises to begin no further iteration once it has been asked to stop: the
    /// constant `PromptStop` of the specification.
    #[serde(skip_serializing_if = "is_false")]
    pub prompt_stop: bool,
    /// What else a recording that is held against a design needs.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub design: Option<Design>,
}

/// What the first line of a recording that is held against a design says besides. A judge of the black
/// box passes it over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Design {
    /// The steps that the recording shows by `enters` and `leaves`: the name that it gives to each, and
    /// the actions of the module that can be behind it. `run` is what `runs` shows. Actions that are not
    /// here are not seen.
    pub steps: BTreeMap<String, Vec<String>>,
    /// The threads that submit callbacks, besides the loop's own.
    pub submitters: Vec<String>,
    /// How many callbacks with `"stops":true` are submitted at most.
    #[serde(skip_serializing_if = "is_zero")]
    pub stoppers: u64,
    /// Constants of the module that are not as in its model.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub constants: BTreeMap<String, Constant>,
}

/// A value for a constant of a module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Constant {
    /// An option.
    Flag(bool),
    /// A bound.
    Number(u32),
}

/// Between which callbacks the loop promises an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// Between all.
    #[default]
    All,
    /// Between those that were submitted by the same call. The call's name is `by` of the line where
    /// it begins; without names, the calls that wake are one, and those that do not are another.
    Call,
}

impl Order {
    fn is_default(&self) -> bool {
        *self == Order::All
    }
}

// serde wants a reference.
#[expect(clippy::trivially_copy_pass_by_ref)]
fn is_false(flag: &bool) -> bool {
    !flag
}

// serde wants a reference.
#[expect(clippy::trivially_copy_pass_by_ref)]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// What is wrong with a first line, and what it should be like.
const WANTED: &str =
    r#"the first line must be like {"recording":"wakeproof","version":2,"against":"EventLoop"}"#;

impl Header {
    /// The first line of a recording that is held against this module.
    #[must_use]
    pub fn new(against: &str) -> Self {
        Header {
            recording: "wakeproof",
            version: VERSION,
            against: against.to_owned(),
            made: None,
            iterations: false,
            order: Order::All,
            prompt_stop: false,
            design: None,
        }
    }

    /// The version that a first line names, whatever else is in it.
    ///
    /// # Errors
    ///
    /// If the text is no first line of any recording.
    pub fn version(text: &str) -> anyhow::Result<u64> {
        let object = object(text).context(WANTED)?;
        if object.get("recording").and_then(Value::as_str) != Some("wakeproof") {
            bail!("{WANTED}");
        }
        let version = object.get("version").and_then(Value::as_u64);
        version.with_context(|| WANTED.to_owned())
    }

    /// The version of the recording that begins here, and the bytes that had to be read to know it.
    ///
    /// # Errors
    ///
    /// If the input does not begin like a recording, with the line.
    pub fn version_of(input: impl BufRead) -> anyhow::Result<(u64, Vec<u8>)> {
        let mut lines = Lines::remembering(input);
        let version = lines
            .next()
            .and_then(|text| Header::version(&text.context("the file is empty")?.text));
        let version = version.with_context(|| format!("line {}", lines.number().max(1)))?;
        Ok((version, lines.into_read()))
    }

    /// Reads a first line.
    ///
    /// # Errors
    ///
    /// If it is none of version 2; the message says what it should be like.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let version = Header::version(text)?;
        if version != VERSION {
            bail!("version {version} is unknown; there are versions 1 and {VERSION}");
        }
        let mut keys = Keys::new(object(text)?);
        keys.take("recording");
        keys.take("version");
        let mut header = Header::new(&keys.text("against")?.with_context(|| {
            format!("the first line does not say what the recording is held \"against\"; {WANTED}")
        })?);
        header.made = keys.text("made")?;
        header.iterations = keys.flag("iterations")?.unwrap_or(false);
        header.order = match keys.text("order")?.as_deref() {
            None | Some("all") => Order::All,
            Some("call") => Order::Call,
            Some(other) => bail!("unknown order {other:?}; there are \"all\" and \"call\""),
        };
        header.prompt_stop = keys.flag("prompt_stop")?.unwrap_or(false);
        header.design = Design::parse(&mut keys)?;
        keys.finish("a first line")?;
        Ok(header)
    }
}

impl Design {
    fn parse(keys: &mut Keys) -> anyhow::Result<Option<Self>> {
        let Some(steps) = keys.take("steps") else {
            return Ok(None);
        };
        let steps: BTreeMap<String, Vec<String>> = serde_json::from_value(steps)
            .context(r#""steps" must be like {"select":["Select","Timeout"]}"#)?;
        let submitters: Vec<String> = match keys.take("submitters") {
            None => Vec::new(),
            Some(names) => serde_json::from_value(names).context("\"submitters\" must be names")?,
        };
        let mut constants = BTreeMap::new();
        if let Some(values) = keys.take("constants") {
            let Value::Object(values) = values else {
                bail!("\"constants\" must be an object");
            };
            for (name, value) in values {
                let constant = match &value {
                    Value::Bool(flag) => Some(Constant::Flag(*flag)),
                    value => value
                        .as_u64()
                        .and_then(|n| n.try_into().ok())
                        .map(Constant::Number),
                };
                let constant = constant.with_context(|| {
                    format!("the constant {name:?} must be true, false or a number, and is {value}")
                })?;
                constants.insert(name, constant);
            }
        }
        Ok(Some(Design {
            steps,
            submitters,
            stoppers: keys.number("stoppers")?.unwrap_or(0),
            constants,
        }))
    }
}

impl fmt::Display for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_json(self, f)
    }
}

/// A call that a recording knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CallName {
    /// Submits a callback.
    Submit,
    /// Cancels one.
    Cancel,
    /// Asks the loop to return from its run.
    Stop,
    /// Runs the loop.
    Start,
    /// Closes the loop.
    Close,
}

impl CallName {
    const ALL: [CallName; 5] = [
        CallName::Submit,
        CallName::Cancel,
        CallName::Stop,
        CallName::Start,
        CallName::Close,
    ];
}

impl fmt::Display for CallName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            CallName::Submit => "submit",
            CallName::Cancel => "cancel",
            CallName::Stop => "stop",
            CallName::Start => "start",
            CallName::Close => "close",
        })
    }
}

/// What a call has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub enum CallResult {
    /// `submit`: the loop has the callback.
    #[serde(rename = "accepted")]
    Accepted,
    /// Any call: it has changed nothing. A submitted callback is the caller's again.
    #[serde(rename = "refused")]
    Refused,
    /// Any call but `submit`: it came back and said nothing.
    #[serde(rename = "returned")]
    Returned,
    /// `cancel`: the callback will not run, thanks to this call.
    #[serde(rename = "cancelled")]
    Cancelled,
    /// `cancel`: the callback had run, or could not run any more anyway.
    #[serde(rename = "too late")]
    TooLate,
}

impl CallResult {
    const ALL: [CallResult; 5] = [
        CallResult::Accepted,
        CallResult::Refused,
        CallResult::Returned,
        CallResult::Cancelled,
        CallResult::TooLate,
    ];

    /// Whether the call can come to this.
    #[must_use]
    pub fn fits(self, call: CallName) -> bool {
        match self {
            CallResult::Accepted => call == CallName::Submit,
            CallResult::Refused => true,
            CallResult::Returned => call != CallName::Submit,
            CallResult::Cancelled | CallResult::TooLate => call == CallName::Cancel,
        }
    }
}

impl fmt::Display for CallResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            CallResult::Accepted => "accepted",
            CallResult::Refused => "refused",
            CallResult::Returned => "returned",
            CallResult::Cancelled => "cancelled",
            CallResult::TooLate => "too late",
        })
    }
}

/// A line behind the first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Line {
    /// A thread enters a call.
    Begins {
        /// Which thread.
        thread: String,
        /// Which call.
        begins: CallName,
        /// `submit` and `cancel`: which callback. A recording numbers them, best from one and
        /// without gaps.
        #[serde(skip_serializing_if = "Option::is_none")]
        callback: Option<u64>,
        /// `submit` and `stop`: whether the call claims to wake the loop. It is false for a call that
        /// other threads must not use.
        #[serde(skip_serializing_if = "Option::is_none")]
        wakes: Option<bool>,
        /// What the call is called where it comes from.
        #[serde(skip_serializing_if = "Option::is_none")]
        by: Option<String>,
        /// `submit`, in a recording that is held against a design: the callback asks the loop to stop.
        #[serde(skip_serializing_if = "is_false")]
        stops: bool,
    },
    /// A thread leaves the call that it entered last.
    Ends {
        /// Which thread.
        thread: String,
        /// Which call.
        ends: CallName,
        /// What it has come to.
        result: CallResult,
        /// Why it was refused: `"closed"`, or something that the contract has no opinion about.
        #[serde(skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
    /// A callback begins to run.
    Runs {
        /// On which thread.
        thread: String,
        /// Which callback.
        runs: u64,
    },
    /// A thread is about to begin an iteration: it does so before it writes another line.
    Iterates {
        /// Which thread.
        thread: String,
        /// Always true.
        iterates: bool,
    },
    /// A thread is about to take a step of the design.
    Enters {
        /// Which thread.
        thread: String,
        /// Which step: one of the first line's `steps`.
        enters: String,
    },
    /// A thread has taken the step of the design that it entered last.
    Leaves {
        /// Which thread.
        thread: String,
        /// Which step.
        leaves: String,
    },
    /// No thread of the process can go on by itself: each waits for another, or for the outside.
    Asleep {
        /// Always true.
        asleep: bool,
    },
    /// The last line.
    End {
        /// How many lines there are between it and the first.
        end: u64,
    },
}

/// The reason with which a closed loop refuses a callback.
pub const CLOSED: &str = "closed";

const KINDS: &str =
    r#""begins", "ends", "runs", "iterates", "enters", "leaves", "asleep" or "end""#;

impl Line {
    /// Reads a line behind the first.
    ///
    /// # Errors
    ///
    /// If it is no such line; the message says what is wrong with it.
    ///
    /// ```
    /// use wakeproof_conform::judge::recording::Line;
    ///
    /// let line = Line::parse(r#"{"thread":"main","runs":1}"#)?;
    /// assert_eq!(line.to_string(), r#"{"thread":"main","runs":1}"#);
    ///
    /// let error = Line::parse(r#"{"thread":"main","rnus":1}"#).unwrap_err();
    /// assert!(error.to_string().starts_with("unknown key \"rnus\""));
    /// # Ok::<(), anyhow::Error>(())
    /// ```
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let mut keys = Keys::new(object(text)?);
        if let Some(end) = keys.number("end")? {
            keys.finish("the last line")?;
            return Ok(Line::End { end });
        }
        if let Some(asleep) = keys.flag("asleep")? {
            only_true("asleep", asleep)?;
            keys.finish("a line with \"asleep\"")?;
            return Ok(Line::Asleep { asleep });
        }
        let thread = keys.text("thread")?;
        let line = if let Some(name) = keys.text("begins")? {
            let thread = thread.context("no \"thread\"")?;
            let begins = named(&name, &CallName::ALL, "call")?;
            Self::begins(thread, begins, &mut keys)?
        } else if let Some(name) = keys.text("ends")? {
            let thread = thread.context("no \"thread\"")?;
            let ends = named(&name, &CallName::ALL, "call")?;
            let result = keys.text("result")?.context("no \"result\"")?;
            let result = named(&result, &CallResult::ALL, "result")?;
            if !result.fits(ends) {
                bail!("{ends} cannot come to \"{result}\"");
            }
            let why = match result {
                CallResult::Refused => keys.text("why")?,
                _ => None,
            };
            keys.finish(&format!("the end of {ends}"))?;
            Line::Ends {
                thread,
                ends,
                result,
                why,
            }
        } else if let Some(runs) = keys.number("runs")? {
            let thread = thread.context("no \"thread\"")?;
            keys.finish("a line with \"runs\"")?;
            Line::Runs { thread, runs }
        } else if let Some(iterates) = keys.flag("iterates")? {
            let thread = thread.context("no \"thread\"")?;
            only_true("iterates", iterates)?;
            keys.finish("a line with \"iterates\"")?;
            Line::Iterates { thread, iterates }
        } else if let Some(enters) = keys.text("enters")? {
            let thread = thread.context("no \"thread\"")?;
            keys.finish("a line with \"enters\"")?;
            Line::Enters { thread, enters }
        } else if let Some(leaves) = keys.text("leaves")? {
            let thread = thread.context("no \"thread\"")?;
            keys.finish("a line with \"leaves\"")?;
            Line::Leaves { thread, leaves }
        } else {
            keys.finish("a line")?;
            bail!("the line says nothing: it has none of {KINDS}");
        };
        Ok(line)
    }

    fn begins(thread: String, begins: CallName, keys: &mut Keys) -> anyhow::Result<Self> {
        let callback = match begins {
            CallName::Submit | CallName::Cancel => {
                let callback = keys.number("callback")?;
                Some(callback.with_context(|| format!("{begins} of which \"callback\"?"))?)
            }
            _ => None,
        };
        let wakes = match begins {
            CallName::Submit | CallName::Stop => {
                let wakes = keys.flag("wakes")?;
                Some(wakes.with_context(|| {
                    format!(
                        "{begins}: does the call claim to wake the loop? \"wakes\" must be true or false"
                    )
                })?)
            }
            _ => None,
        };
        let by = keys.text("by")?;
        let stops = match begins {
            CallName::Submit => keys.flag("stops")?.unwrap_or(false),
            _ => false,
        };
        keys.finish(&format!("the beginning of {begins}"))?;
        Ok(Line::Begins {
            thread,
            begins,
            callback,
            wakes,
            by,
            stops,
        })
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_json(self, f)
    }
}

fn write_json(value: &impl Serialize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str(&serde_json::to_string(value).map_err(|_| fmt::Error)?)
}

fn object(text: &str) -> anyhow::Result<Map<String, Value>> {
    match serde_json::from_str(text) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => bail!("not a JSON object"),
        Err(error) => Err(error).context("not a JSON object"),
    }
}

fn only_true(key: &str, flag: bool) -> anyhow::Result<()> {
    if !flag {
        bail!("\"{key}\" can only be true");
    }
    Ok(())
}

fn named<T: Copy + fmt::Display>(name: &str, all: &[T], of_what: &str) -> anyhow::Result<T> {
    let found = all.iter().find(|known| known.to_string() == name);
    found.copied().with_context(|| {
        let names: Vec<String> = all.iter().map(ToString::to_string).collect();
        format!("unknown {of_what} {name:?}; there are {}", names.join(", "))
    })
}

/// The keys of an object, each taken once.
struct Keys {
    object: Map<String, Value>,
}

impl Keys {
    fn new(object: Map<String, Value>) -> Self {
        Keys { object }
    }

    fn take(&mut self, key: &str) -> Option<Value> {
        self.object.remove(key)
    }

    fn text(&mut self, key: &str) -> anyhow::Result<Option<String>> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => bail!("\"{key}\" must be text, and is {other}"),
        }
    }

    fn flag(&mut self, key: &str) -> anyhow::Result<Option<bool>> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(flag)),
            Some(other) => bail!("\"{key}\" must be true or false, and is {other}"),
        }
    }

    fn number(&mut self, key: &str) -> anyhow::Result<Option<u64>> {
        match self.take(key) {
            None => Ok(None),
            Some(value) => match value.as_u64() {
                Some(number) => Ok(Some(number)),
                None => bail!("\"{key}\" must be a whole number from 0 on, and is {value}"),
            },
        }
    }

    /// Every key must have been taken.
    fn finish(&self, what: &str) -> anyhow::Result<()> {
        match self.object.keys().next() {
            None => Ok(()),
            Some(key) => bail!("unknown key {key:?} in {what}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut header = Header::new(BLACK_BOX);
        assert_eq!(Header::parse(&header.to_string()).unwrap(), header);
        header.made = Some("now".into());
        header.iterations = true;
        header.order = Order::Call;
        header.prompt_stop = true;
        header.design = Some(Design {
            steps: BTreeMap::from([("read".into(), vec!["Drain".into()])]),
            submitters: vec!["worker".into()],
            stoppers: 1,
            constants: BTreeMap::from([
                ("PipeCapacity".into(), Constant::Number(9)),
                ("Wakes".into(), Constant::Flag(true)),
            ]),
        });
        assert_eq!(Header::parse(&header.to_string()).unwrap(), header);
        for text in [
            r#"{"thread":"t","begins":"submit","callback":1,"wakes":true,"by":"call_soon"}"#,
            r#"{"thread":"t","begins":"stop","wakes":false}"#,
            r#"{"thread":"t","begins":"cancel","callback":1}"#,
            r#"{"thread":"t","begins":"start"}"#,
            r#"{"thread":"t","ends":"submit","result":"refused","why":"closed"}"#,
            r#"{"thread":"t","ends":"cancel","result":"too late"}"#,
            r#"{"thread":"t","runs":18446744073709551615}"#,
            r#"{"thread":"t","iterates":true}"#,
            r#"{"thread":"t","enters":"select"}"#,
            r#"{"thread":"t","leaves":"select"}"#,
            r#"{"thread":"t","begins":"submit","callback":1,"wakes":true,"stops":true}"#,
            r#"{"asleep":true}"#,
            r#"{"end":9}"#,
        ] {
            assert_eq!(Line::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, message) in [
            ("", "not a JSON object"),
            ("[1]", "not a JSON object"),
            ("{}", "the line says nothing"),
            (r#"{"thread":"t"}"#, "the line says nothing"),
            (r#"{"runs":1}"#, "no \"thread\""),
            (r#"{"thread":"t","runs":-1}"#, "must be a whole number"),
            (r#"{"thread":"t","runs":1.5}"#, "must be a whole number"),
            (r#"{"thread":1,"runs":1}"#, "\"thread\" must be text"),
            (r#"{"asleep":false}"#, "can only be true"),
            (r#"{"asleep":true,"thread":"t"}"#, "unknown key \"thread\""),
            (
                r#"{"thread":"t","begins":"sumbit"}"#,
                "unknown call \"sumbit\"",
            ),
            (
                r#"{"thread":"t","begins":"submit","wakes":true}"#,
                "of which \"callback\"?",
            ),
            (
                r#"{"thread":"t","begins":"submit","callback":1}"#,
                "\"wakes\" must be",
            ),
            (
                r#"{"thread":"t","begins":"start","wakes":true}"#,
                "unknown key \"wakes\"",
            ),
            (r#"{"thread":"t","ends":"submit"}"#, "no \"result\""),
            (
                r#"{"thread":"t","ends":"submit","result":"returned"}"#,
                "cannot come to",
            ),
            (
                r#"{"thread":"t","ends":"stop","result":"accepted"}"#,
                "cannot come to",
            ),
        ] {
            let error = Line::parse(text).unwrap_err().to_string();
            assert!(error.contains(message), "{text}: {error}");
        }
        for (text, message) in [
            (r#"{"thread":"t","runs":1}"#, "the first line must be like"),
            (
                r#"{"recording":"wakeproof","version":3}"#,
                "version 3 is unknown",
            ),
            (r#"{"recording":"wakeproof","version":2}"#, "\"against\""),
            (
                r#"{"recording":"wakeproof","version":2,"against":"EventLoop","odrer":1}"#,
                "unknown key \"odrer\"",
            ),
        ] {
            let error = format!("{:#}", Header::parse(text).unwrap_err());
            assert!(error.contains(message), "{text}: {error}");
        }
    }
}
