//! Playing a program of several threads on a loop in a child process.

use std::time::Instant;

use wakeproof_conform::judge::recording::{CallName, Line};
use wakeproof_proptests::concurrent::program::Program;

use super::child::{Child, Children, RESTLESS, Trouble};
use super::plan::{MAIN, Plan};
use super::words::Ways;
use crate::probe::adapter::{Problem, Waited};

/// More runs than a program needs: a callback's callback can stop the run, and that is all.
const MOST_RUNS: usize = 8;

/// What was recorded of a program.
#[derive(Debug)]
pub(crate) struct Recording {
    /// The lines behind the first.
    pub(crate) lines: Vec<Line>,
    /// Nobody could see whether the process was asleep: a time limit has decided it.
    pub(crate) is_guessed: bool,
}

impl Children {
    /// Plays a program of several threads on a new loop.
    pub(crate) fn play(&self, program: &Program) -> Result<Recording, Trouble> {
        let hello = self.hello();
        let plan = Plan::new(&hello, program);
        self.child(Ways::new())?.play(&plan)
    }
}

impl Child {
    /// Plays a program to its end: until the loop has nothing left to run, and has been stopped and
    /// closed; or until it sleeps in spite of having something to do.
    fn play(&mut self, plan: &Plan<'_>) -> Result<Recording, Trouble> {
        self.nothing_is_late()?;
        let mut words = plan.words().into_iter().peekable();
        let mut is_guessed = false;
        while let Some(word) = words.next() {
            self.say(&word)?;
            let calls = word.starts_with("submit ");
            let sleeps = word == "run" && words.peek().is_some();
            if calls {
                self.answer(CallName::Submit)?;
            }
            if sleeps && self.adapter().unseen.is_none() {
                // A loop that polls never sleeps.
                let slept = self.adapter().settle();
                slept.map_err(|problem| self.trouble(problem))?;
            }
        }
        let mut runs = 1;
        loop {
            let waited = self.rest(|lines| {
                let progress = plan.progress(lines);
                progress.runs >= runs && progress.is_quiet()
            })?;
            is_guessed |= waited == Waited::Silent;
            if let Some(line) = plan.unasked(self.adapter().lines()).cloned() {
                let problem = Problem::Writes(format!("it wrote {line}, and was not told to"));
                return Err(self.trouble(problem));
            }
            let progress = plan.progress(self.adapter().lines());
            if !progress.has_called || progress.runs < runs {
                let what = "everybody is asleep, and not every call has an answer";
                return Err(self.trouble(Problem::Hangs(what.into())));
            }
            if progress.is_running {
                is_guessed |= self.stop()?;
                break;
            }
            if progress.pending == 0 || runs == MOST_RUNS {
                break;
            }
            runs += 1;
            self.say("run")?;
        }
        if plan.progress(self.adapter().lines()).is_running {
            self.is_used = true;
        } else if self.adapter().hello().has("close") {
            self.say("close")?;
            self.answer(CallName::Close)?;
        }
        let lines = self.adapter().forget();
        Ok(Recording { lines, is_guessed })
    }

    /// Stops the run, which may have returned in the meantime. Returns whether it was only guessed that
    /// it does not return.
    fn stop(&mut self) -> Result<bool, Trouble> {
        self.say("stop safe")?;
        self.answer(CallName::Stop)?;
        let has_returned = |lines: &[Line]| {
            let ends = |line: &&Line| {
                matches!(
                    line,
                    Line::Begins {
                        begins: CallName::Start,
                        ..
                    } | Line::Ends {
                        ends: CallName::Start,
                        ..
                    }
                )
            };
            matches!(lines.iter().rfind(ends), Some(Line::Ends { .. }))
        };
        Ok(self.rest(has_returned)? == Waited::Silent)
    }

    /// Waits for the answer to a call of the thread that reads the words.
    fn answer(&mut self, name: CallName) -> Result<(), Trouble> {
        let is_answer = |line: &Line| match line {
            Line::Begins {
                thread,
                begins: call,
                ..
            }
            | Line::Ends {
                thread, ends: call, ..
            } => (thread == MAIN || name == CallName::Close) && *call == name,
            _ => false,
        };
        let is_ended = |lines: &[Line]| {
            matches!(
                lines.iter().rfind(|line| is_answer(line)),
                Some(Line::Ends { .. })
            )
        };
        let said = self
            .adapter()
            .lines()
            .iter()
            .filter(|line| is_answer(line))
            .count();
        let has_both = |lines: &[Line]| {
            lines.iter().filter(|line| is_answer(line)).count() > said && is_ended(lines)
        };
        let has_answered = self.rest(has_both)? == Waited::Happened;
        if !has_answered {
            let what = "everybody is asleep, and there was no answer";
            return Err(self.trouble(Problem::Hangs(what.into())));
        }
        Ok(())
    }

    /// Waits until something has happened, or until nobody will go on.
    fn rest(&mut self, happened: impl Fn(&[Line]) -> bool) -> Result<Waited, Trouble> {
        let start = Instant::now();
        let waited = loop {
            let waited = self.adapter().until(RESTLESS, &happened);
            let waited = waited.map_err(|problem| self.trouble(problem))?;
            if waited != Waited::Restless {
                break waited;
            }
            if start.elapsed() > self.adapter().patience() {
                let what = "it goes on and on, and not everything that it was told has happened";
                return Err(self.trouble(Problem::Hangs(what.into())));
            }
        };
        if waited == Waited::Silent {
            self.adapter().note_asleep();
        }
        Ok(waited)
    }
}
