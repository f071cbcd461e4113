//! The choices of a scheduler, in a form that can be written down and followed again.

use std::fmt;
use std::str::FromStr;

use shuttle::scheduler::{Schedule as Begin, Scheduler, Task, TaskId};

/// What the scheduler chose in one execution, from its beginning to its end.
///
/// Written down, a number is the thread that took a turn, with `x` and a count if it took several;
/// `+` and `-` are chances of the environment, taken and not taken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Schedule(pub Vec<Choice>);

/// One choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// This thread takes a turn.
    Run(usize),
    /// The event happens, or does not.
    Chance(bool),
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, run) in self.0.chunk_by(PartialEq::eq).enumerate() {
            let comma = if at > 0 { "," } else { "" };
            match run[0] {
                Choice::Run(thread) => write!(f, "{comma}{thread}")?,
                Choice::Chance(true) => write!(f, "{comma}+")?,
                Choice::Chance(false) => write!(f, "{comma}-")?,
            }
            if run.len() > 1 {
                write!(f, "x{}", run.len())?;
            }
        }
        Ok(())
    }
}

impl FromStr for Schedule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut choices = Vec::new();
        for part in text.trim().split(',') {
            let wrong = |_| format!("{part:?} is no part of a schedule");
            let (choice, count) = part.split_once('x').unwrap_or((part, "1"));
            let choice = match choice {
                "+" => Choice::Chance(true),
                "-" => Choice::Chance(false),
                thread => Choice::Run(thread.parse().map_err(wrong)?),
            };
            choices.extend(vec![choice; count.parse().map_err(wrong)?]);
        }
        Ok(Schedule(choices))
    }
}

/// Makes the choices that were written down, and ends the execution where they do not fit.
#[derive(Debug)]
pub struct Follow {
    choices: std::vec::IntoIter<Choice>,
    begun: bool,
}

impl Follow {
    /// Follows this schedule.
    #[must_use]
    pub fn new(schedule: &Schedule) -> Self {
        Follow {
            choices: schedule.0.clone().into_iter(),
            begun: false,
        }
    }
}

impl Scheduler for Follow {
    fn new_execution(&mut self) -> Option<Begin> {
        (!std::mem::replace(&mut self.begun, true)).then(|| Begin::new(0))
    }

    fn next_task(&mut self, runnable: &[&Task], _: Option<TaskId>, _: bool) -> Option<TaskId> {
        let Some(Choice::Run(thread)) = self.choices.next() else {
            return None;
        };
        let mut ids = runnable.iter().map(|task| task.id());
        ids.find(|id| usize::from(*id) == thread)
    }

    fn next_u64(&mut self) -> u64 {
        u64::from(self.choices.next() == Some(Choice::Chance(true)))
    }
}
