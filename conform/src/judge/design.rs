//! A recording followed through the module of a design, evaluated from its text.
//!
//! The steps that the recording shows are taken between `enters` and `leaves`, one for each pair. Those
//! that it does not show are taken unseen, but nobody takes one of its own accord: another thread takes
//! the steps of a submission inside the call that it records, and the loop takes its own inside a run.
//! Each call takes its steps once. `runs` is exact, and says which callback.
//!
//! Orders would multiply. They do not, for four reasons:
//!
//! * **The order of submissions** that overlap is that in which the callbacks run later, and the whole
//!   recording is there to be read. Callbacks that do not run have no order.
//! * **What is unseen** is not tried before a line asks for it.
//! * **What is settled** is forgotten. No step of a design depends on what has happened and is over, so
//!   the variables that say that are emptied.
//! * **Names are used again.** A callback has the number of one that is settled, so the same states come
//!   back, and their steps are known.
//!
//! To know what comes later would refuse some recordings too early: at a submission, for the order in
//! which callbacks run. So a refusal is looked for in the shortest beginning that is refused, and in a
//! beginning nobody knows what comes after it. A test compares this with a search that tries everything.

use std::path::Path;

use anyhow::Context;

use super::events::Event;
use super::recording::{Design, Header};

#[cfg(test)]
mod agreement;
mod course;
mod foresight;
mod sentences;
mod steps;

use course::{Course, Search};
use foresight::Foresight;
use steps::Steps;

pub(super) use course::Allowed;
pub(super) use steps::LOOP;

/// A line of a recording, with its number.
pub(super) type Line = (u64, Event);

/// Follows recordings through a design.
#[derive(Debug)]
pub(super) struct Follower<'d> {
    steps: Steps,
    design: &'d Design,
}

impl<'d> Follower<'d> {
    pub(super) fn new(folder: &Path, header: &Header, design: &'d Design) -> anyhow::Result<Self> {
        let steps = Steps::new(folder, &header.against, design)?;
        Ok(Follower { steps, design })
    }

    /// The place of the first line that the design does not allow, if there is one.
    ///
    /// # Errors
    ///
    /// If the module cannot be evaluated, or knows nothing of what has happened; with the line.
    pub(super) fn first_refused(
        &mut self,
        lines: &[Line],
        progress: &mut dyn FnMut(u64),
    ) -> anyhow::Result<Option<usize>> {
        // Whoever knows what comes later refuses no later than others.
        let Some(mut accepted) = self.beginning(lines, progress)? else {
            return Ok(None);
        };
        let mut refused = lines.len();
        let mut step = 1;
        while accepted + 1 < refused {
            // Most often it is the next line.
            let middle = accepted.midpoint(refused).max(accepted + 1);
            let length = (accepted + step).min(middle);
            match self.beginning(&lines[..length], progress)? {
                Some(place) => {
                    refused = length;
                    accepted = accepted.max(place);
                }
                None => accepted = length,
            }
            step *= 2;
        }
        Ok(Some(refused - 1))
    }

    /// Whether the design allows these lines, and not the last of them.
    pub(super) fn refuses_the_last(&mut self, lines: &[Line]) -> anyhow::Result<bool> {
        let before = &lines[..lines.len().saturating_sub(1)];
        Ok(self.beginning(lines, &mut |_| {})?.is_some()
            && self.beginning(before, &mut |_| {})?.is_none())
    }

    /// What the design would allow in place of the last of these lines, which it refuses.
    pub(super) fn allowed(&mut self, lines: &[Line]) -> anyhow::Result<Vec<Allowed>> {
        let Some(((line, last), before)) = lines.split_last() else {
            return Ok(Vec::new());
        };
        let foresight = Foresight::of(before.iter().map(|(_, event)| event));
        // Which callback may run is to be told, so their order is kept.
        let mut course = Course::new(&self.steps, self.design, Search::InOrder(foresight));
        for (line, event) in before {
            if course.event(&mut self.steps, *line, event)?.is_err() {
                return Ok(Vec::new());
            }
        }
        let survival = course.event(&mut self.steps, *line, last)?;
        Ok(survival.err().unwrap_or_default())
    }

    /// Follows the beginning of a recording, knowing nothing of what comes after it. Returns a place, not
    /// behind the first line that is refused; nothing if none is.
    fn beginning(
        &mut self,
        lines: &[Line],
        progress: &mut dyn FnMut(u64),
    ) -> anyhow::Result<Option<usize>> {
        let foresight = Foresight::of(lines.iter().map(|(_, event)| event));
        let mut course = Course::new(&self.steps, self.design, Search::Late(foresight));
        for (place, (line, event)) in lines.iter().enumerate() {
            let survival = course.event(&mut self.steps, *line, event);
            if survival.with_context(|| format!("line {line}"))?.is_err() {
                return Ok(Some(place));
            }
            progress(*line);
        }
        Ok(None)
    }

    /// The module's name.
    pub(super) fn module(&self) -> &str {
        &self.steps.name
    }

    /// What the module says about an action.
    pub(super) fn sentence(&self, action: &str) -> Option<&str> {
        self.steps.sentence(action)
    }

    /// The actions behind a step that is shown.
    pub(super) fn actions(&self, step: &str) -> &[String] {
        self.design.steps.get(step).map_or(&[], Vec::as_slice)
    }
}
