//! The judge: what any loop did, seen from outside, held against `EventLoop.tla`.
//!
//! A recording of version 2 says when each call begins and ends, when each callback runs, and when
//! every thread is asleep. It knows nothing of locks, flags and pipes, so it can come from any loop, in any
//! language. [`recording`] describes the format.
//!
//! A call takes effect at some moment between its two lines. The recording does not show this moment, nor
//! when the loop begins an iteration or decides to return from its run. The recording is accepted if one
//! can choose all these moments such that the specification allows what happened.
//!
//! The line `asleep` makes liveness finite. No thread of the process can go on by itself, so inside a run,
//! fairness must not demand a step of the loop's thread, and no other call may be open. A callback whose
//! submission does not claim to wake the loop may stay in the queue: it is *stranded*, and that is not the
//! loop's fault.
//!
//! A recording can also show steps of a design, and be held against the design's own module, such as
//! `AsyncioLoop.tla`.
//!
//! ```
//! use wakeproof_conform::judge::Judge;
//!
//! let lost = r#"{"recording":"wakeproof","version":2,"against":"EventLoop"}
//! {"thread":"main","begins":"start"}
//! {"thread":"worker","begins":"submit","callback":1,"wakes":true}
//! {"thread":"worker","ends":"submit","result":"accepted"}
//! {"asleep":true}
//! {"end":4}
//! "#;
//! let refusal = Judge::new().judge(lost.as_bytes())?.refusal.expect("nobody ran callback 1");
//! assert_eq!(refusal.line, 5);
//! assert_eq!(refusal.clause.name(), "EveryCallbackIsSettled");
//!
//! // The same by a call that does not claim to wake the loop.
//! let plain = lost.replace(r#""wakes":true"#, r#""wakes":false"#);
//! let verdict = Judge::new().judge(plain.as_bytes())?;
//! assert!(verdict.refusal.is_none());
//! assert_eq!(verdict.stranded, 1);
//! # Ok::<(), anyhow::Error>(())
//! ```

use std::collections::VecDeque;
use std::fmt;
use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use serde::Serialize;

#[cfg(test)]
mod agreement;
mod clause;
mod contract;
mod design;
mod deviation;
mod events;
mod late;
pub(crate) mod lines;
mod moments;
mod numbers;
#[cfg(test)]
mod plain;
pub mod recording;
mod refusal;

pub use clause::Clause;
pub use refusal::{Moment, Refusal};

use contract::{TEXT, Windows};
use design::Follower;
use events::{Callback, Event, Reader};
use late::Late;
use recording::Header;

use crate::spec::{default_directory, read};

/// How many lines are remembered, to show what led to a refusal.
const REMEMBERED: usize = 256;

/// The result of judging a recording.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// The module that the recording was held against.
    pub against: String,
    /// How the recording was made, if it says so.
    pub made: Option<String>,
    /// How many lines after the first the contract allows, up to the first that it refuses.
    pub lines: u64,
    /// How many callbacks have run.
    pub ran: u64,
    /// How many callbacks were in the queue when every thread was last seen asleep. None of them was
    /// submitted by a call that wakes.
    pub stranded: usize,
    /// What it does not allow, if anything.
    pub refusal: Option<Refusal>,
}

/// Judges recordings.
///
/// The contract is compiled in. The modules of designs are read from the folder where they were at build
/// time, unless [`in_folder`](Self::in_folder) names another.
#[derive(Debug, Clone, Default)]
pub struct Judge {
    folder: Option<PathBuf>,
    against: Option<String>,
    progress: Watcher,
}

impl Judge {
    /// Holds each recording against what it names itself.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads all modules, including the contract, from this folder.
    #[must_use]
    pub fn in_folder(mut self, folder: &Path) -> Self {
        self.folder = Some(folder.to_owned());
        self
    }

    /// Holds recordings against this module, whatever they name. A recording for a design can always be
    /// held against `EventLoop` as well.
    #[must_use]
    pub fn against(mut self, module: &str) -> Self {
        self.against = Some(module.to_owned());
        self
    }

    /// Calls `watch` with the number of each line that has been judged. A line can be judged more than
    /// once.
    #[must_use]
    pub fn watching(mut self, watch: impl Fn(u64) + Send + Sync + 'static) -> Self {
        self.progress = Watcher(Some(Arc::new(watch)));
        self
    }

    /// Judges a recording, line by line. Against the contract, the memory that this takes grows with the
    /// callbacks that wait to run and with the calls that are open, not with the length of the
    /// recording.
    ///
    /// # Errors
    ///
    /// If the input is not a complete recording of version 2 (the error names the line), or if a module
    /// cannot be read or evaluated, or has no action for what the recording shows.
    pub fn judge(&self, input: impl BufRead) -> anyhow::Result<Verdict> {
        self.judge_watching(input, None)
    }

    /// Judges a recording that can be read twice. If it is refused because of what happened to a callback
    /// long ago, it is read again to find out what that was.
    ///
    /// # Errors
    ///
    /// As for [`judge`](Self::judge), or if it cannot be opened.
    pub fn judge_again<R: BufRead>(
        &self,
        open: impl Fn() -> anyhow::Result<R>,
    ) -> anyhow::Result<Verdict> {
        let verdict = self.judge(open()?)?;
        match &verdict.refusal {
            Some(refusal) if !refusal.is_complete && refusal.callback.is_some() => {
                self.judge_watching(open()?, refusal.callback)
            }
            _ => Ok(verdict),
        }
    }

    /// Judges a recording, and remembers everything about one callback.
    fn judge_watching(
        &self,
        input: impl BufRead,
        watched: Option<Callback>,
    ) -> anyhow::Result<Verdict> {
        let mut reader = Reader::new(input)?;
        let mut header = reader.header().clone();
        if let Some(against) = &self.against {
            header.against.clone_from(against);
        }
        let verdict = Verdict {
            against: lines::harmless(&header.against),
            made: header.made.as_deref().map(lines::harmless),
            lines: 0,
            ran: 0,
            stranded: 0,
            refusal: None,
        };
        let text = match &self.folder {
            Some(folder) => Some(read(&folder.join("EventLoop.tla"))?),
            None => None,
        };
        let contract = text.as_deref().unwrap_or(TEXT);
        let progress = &self.progress;
        if header.against == recording::BLACK_BOX {
            let next: NextLine<'_> = &mut || reader.next();
            return against_the_contract(contract, &header, next, verdict, watched, progress);
        }
        let Some(design) = &header.design else {
            bail!(
                "line 1: a recording that is held against a design says in \"steps\" what it shows of {:?}",
                header.against
            );
        };
        let folder = self.folder.clone().unwrap_or_else(default_directory);
        let follower = Follower::new(&folder, &header, design).context("line 1")?;
        against_a_design(follower, contract, &header, &mut reader, verdict, progress)
    }
}

/// The next line of a recording, or `None` at its end.
type NextLine<'a> = &'a mut dyn FnMut() -> anyhow::Result<Option<(u64, Event)>>;

fn against_the_contract(
    text: &str,
    header: &Header,
    next: NextLine<'_>,
    mut verdict: Verdict,
    watched: Option<Callback>,
    progress: &Watcher,
) -> anyhow::Result<Verdict> {
    let mut windows = Windows::new(text, header.prompt_stop)?;
    let mut late = Late::new(&mut windows, header);
    let mut history = History::new(watched);
    if let Some(watched) = watched {
        late.watch(watched);
    }
    while let Some((line, event)) = next()? {
        if let Err(clause) = late.event(line, &event)? {
            let refusal = refusal::explain(late, header, &history, line, &event, clause)?;
            verdict.refusal = Some(refusal);
            return Ok(verdict);
        }
        progress.judged(line);
        verdict.lines += 1;
        match event {
            Event::Runs { .. } => verdict.ran += 1,
            Event::Asleep => verdict.stranded = late.pending().accepted(),
            _ => {}
        }
        history.push(line, event);
    }
    Ok(verdict)
}

fn against_a_design(
    mut follower: Follower<'_>,
    contract: &str,
    header: &Header,
    reader: &mut Reader<impl BufRead>,
    mut verdict: Verdict,
    progress: &Watcher,
) -> anyhow::Result<Verdict> {
    let mut lines: Vec<(u64, Event)> = Vec::new();
    let broken = loop {
        match reader.next() {
            Ok(Some(line)) => lines.push(line),
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
    };
    let refused = follower.first_refused(&lines, &mut |line| progress.judged(line))?;
    let allowed = &lines[..refused.unwrap_or(lines.len())];
    let runs = allowed
        .iter()
        .filter(|(_, event)| matches!(event, Event::Runs { .. }));
    verdict.ran = runs.count() as u64;
    verdict.lines = allowed.len() as u64;
    match (refused, broken) {
        (Some(place), _) => {
            lines.truncate(place + 1);
            let last = lines[place].0;
            let by_contract = {
                let mut lines = lines.iter().cloned();
                let next: NextLine<'_> = &mut || Ok(lines.next());
                let verdict = verdict.clone();
                against_the_contract(contract, header, next, verdict, None, progress)?.refusal
            };
            let mut refusal = deviation::explain(&mut follower, lines)?;
            // If it breaks the contract as well, the contract's words say so: everybody understands them.
            if let Some(broken) = by_contract.filter(|broken| broken.line == last) {
                refusal = Refusal {
                    allowed: refusal.allowed,
                    ..broken
                };
            }
            verdict.refusal = Some(refusal);
        }
        // A recording that is accepted so far may still be incomplete.
        (None, Some(error)) => return Err(error),
        (None, None) => {}
    }
    Ok(verdict)
}

/// Is called for each line that has been judged.
#[derive(Clone, Default)]
struct Watcher(Option<Arc<dyn Fn(u64) + Send + Sync>>);

impl Watcher {
    fn judged(&self, line: u64) {
        if let Some(watch) = &self.0 {
            watch(line);
        }
    }
}

impl fmt::Debug for Watcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Watcher").field(&self.0.is_some()).finish()
    }
}

/// What has happened lately, and everything about one callback.
#[derive(Debug)]
struct History {
    recent: VecDeque<(u64, Event)>,
    watched: Option<Callback>,
    about_watched: Vec<(u64, Event)>,
    /// Runs that have begun and ended, and what closed the loop.
    of_the_loop: VecDeque<(u64, Event)>,
}

impl History {
    fn new(watched: Option<Callback>) -> Self {
        History {
            recent: VecDeque::new(),
            watched,
            about_watched: Vec::new(),
            of_the_loop: VecDeque::new(),
        }
    }

    fn push(&mut self, line: u64, event: Event) {
        if self.watched.is_some() && event.callback() == self.watched {
            self.about_watched.push((line, event.clone()));
        }
        if event.is_of_the_loop() {
            if self.of_the_loop.len() == REMEMBERED / 4 {
                self.of_the_loop.pop_front();
            }
            self.of_the_loop.push_back((line, event.clone()));
        }
        if self.recent.len() == REMEMBERED {
            self.recent.pop_front();
        }
        self.recent.push_back((line, event));
    }
}
