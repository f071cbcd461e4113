//! The black-box judge: what any loop did, seen from outside, held against `EventLoop.tla`.
//!
//! A recording of version 2 says when each call begins and ends, when each callback runs, and when
//! everybody is asleep. It knows nothing of locks, flags and pipes, so it can come from any loop, in any
//! language. [`recording`] describes the format.
//!
//! A call takes effect at some moment between its two lines, which nobody sees. Nobody sees either when
//! the loop begins an iteration, or decides to return from its run. The recording is accepted if there
//! are moments for all of that at which the specification allows what happened.
//!
//! `asleep` makes liveness a matter of a single line: nobody in the process can go on by itself, so
//! inside a run the fairness must not ask the loop's thread for a step, and no other call may be open. A
//! callback whose submission does not claim to wake the loop may be left lying there: it is *stranded*,
//! and that is no fault of the loop.
//!
//! ```
//! use wakeproof_conform::judge::judge;
//!
//! let lost = r#"{"recording":"wakeproof","version":2,"against":"EventLoop"}
//! {"thread":"main","begins":"start"}
//! {"thread":"worker","begins":"submit","callback":1,"wakes":true}
//! {"thread":"worker","ends":"submit","result":"accepted"}
//! {"asleep":true}
//! {"end":4}
//! "#;
//! let refusal = judge(lost.as_bytes(), None)?.refusal.expect("nobody ran callback 1");
//! assert_eq!(refusal.line, 5);
//! assert_eq!(refusal.clause.name(), "EveryCallbackIsSettled");
//!
//! // The same by a call that does not claim to wake the loop.
//! let plain = lost.replace(r#""wakes":true"#, r#""wakes":false"#);
//! let verdict = judge(plain.as_bytes(), None)?;
//! assert!(verdict.refusal.is_none());
//! assert_eq!(verdict.stranded, 1);
//! # Ok::<(), anyhow::Error>(())
//! ```

use std::collections::VecDeque;
use std::io::BufRead;

use anyhow::bail;
use serde::Serialize;

#[cfg(test)]
mod agreement;
mod clause;
mod contract;
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
use events::{Callback, Event, Reader};
use late::Late;

/// How many lines are remembered, to tell how it came to a refusal.
const REMEMBERED: usize = 256;

/// What came of judging a recording.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// The module that the recording was held against.
    pub against: String,
    /// How the recording was made, as far as it says so.
    pub made: Option<String>,
    /// How many lines behind the first the contract allows, from the first on.
    pub lines: u64,
    /// How many callbacks have run.
    pub ran: u64,
    /// How many callbacks were lying there when everybody was asleep for the last time, none of
    /// them submitted by a call that wakes.
    pub stranded: usize,
    /// What it does not allow, if there is something.
    pub refusal: Option<Refusal>,
}

/// Judges a recording, line by line. `text` is read in the place of `EventLoop.tla` as it was compiled
/// in. The memory that this takes grows with the callbacks that are to be
/// run and with the calls that are open, and not with the length of the recording.
///
/// # Errors
///
/// If the input is no whole recording of version 2, with the line.
pub fn judge(input: impl BufRead, text: Option<&str>) -> anyhow::Result<Verdict> {
    judge_against(text.unwrap_or(TEXT), input, None)
}

/// Judges a recording that is in a file, or can be read again for another reason: if it is refused for
/// what happened to a callback long ago, it is read a second time, to tell what that was. `text` is as for
/// [`judge`].
///
/// # Errors
///
/// If it cannot be opened, or is no whole recording of version 2, with the line.
pub fn judge_again<R: BufRead>(
    text: Option<&str>,
    open: impl Fn() -> anyhow::Result<R>,
) -> anyhow::Result<Verdict> {
    let text = text.unwrap_or(TEXT);
    let verdict = judge_against(text, open()?, None)?;
    match &verdict.refusal {
        Some(refusal) if !refusal.is_complete => {
            let again = judge_against(text, open()?, refusal.callback)?;
            Ok(again)
        }
        _ => Ok(verdict),
    }
}

/// Judges a recording, and remembers everything about one callback.
fn judge_against(
    text: &str,
    input: impl BufRead,
    watched: Option<Callback>,
) -> anyhow::Result<Verdict> {
    let mut reader = Reader::new(input)?;
    let header = reader.header().clone();
    if header.against != recording::BLACK_BOX {
        bail!(
            "line 1: nothing is held against {:?}; there is {}",
            header.against,
            recording::BLACK_BOX
        );
    }
    let mut windows = Windows::new(text, header.prompt_stop)?;
    let mut late = Late::new(&mut windows, &header);
    let mut history = History::new(watched);
    if let Some(watched) = watched {
        late.watch(watched);
    }
    let mut verdict = Verdict {
        against: header.against.clone(),
        made: header.made.as_deref().map(lines::harmless),
        lines: 0,
        ran: 0,
        stranded: 0,
        refusal: None,
    };
    while let Some((line, event)) = reader.next()? {
        if let Err(clause) = late.event(line, &event)? {
            let refusal = refusal::explain(late, &header, &history, line, &event, clause)?;
            verdict.refusal = Some(refusal);
            return Ok(verdict);
        }
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
