//! The choices that make an execution what it is, in a form that can be written down.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// What a scheduler chose in one execution under shuttle, from beginning to end. The same choices
/// give the same execution.
///
/// Written down, a number is the thread that ran, with `x` and a count if it ran several times in a
/// row; `+` and `-` are chances, taken and not taken; `@` and nanoseconds, in front, is a deadline that
/// the search knew, for the clock to jump to; and `u`, in front, says that to unlock a mutex was a step.
///
/// ```
/// use wakeproof_explore::Schedule;
///
/// let schedule: Schedule = "0x3,2,+,0".parse().unwrap();
/// assert_eq!(schedule.to_string(), "0x3,2,+,0");
/// assert!("@5000000000,u,0x3".parse::<Schedule>().is_ok());
/// assert!("0x3;2".parse::<Schedule>().is_err());
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Schedule(Vec<Choice>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Choice {
    /// This thread runs.
    Run(usize),
    /// The event happens, or does not.
    Chance(bool),
    /// No choice, but what the clock may jump to: stands in front of the choices.
    Deadline(Duration),
    /// No choice: to unlock a mutex is a step. Stands in front of the choices.
    Unlocks,
}

impl Schedule {
    pub(crate) fn new(
        deadlines: Vec<Duration>,
        unlocks_are_steps: bool,
        choices: &[Choice],
    ) -> Self {
        let deadlines = deadlines.into_iter().map(Choice::Deadline);
        let unlocks = unlocks_are_steps.then_some(Choice::Unlocks);
        let before = deadlines.chain(unlocks);
        Schedule(before.chain(choices.iter().copied()).collect())
    }

    pub(crate) fn unlocks_are_steps(&self) -> bool {
        self.0.contains(&Choice::Unlocks)
    }

    pub(crate) fn deadlines(&self) -> Vec<Duration> {
        let deadline = |choice: &Choice| match choice {
            Choice::Deadline(deadline) => Some(*deadline),
            _ => None,
        };
        self.0.iter().filter_map(deadline).collect()
    }

    pub(crate) fn choices(&self) -> Vec<Choice> {
        let is_choice = |choice: &&Choice| matches!(choice, Choice::Run(_) | Choice::Chance(_));
        self.0.iter().filter(is_choice).copied().collect()
    }
}

/// Text that is no schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotASchedule(String);

impl fmt::Display for NotASchedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} is no part of a schedule; one is like 0x3,2,+,0",
            self.0
        )
    }
}

impl std::error::Error for NotASchedule {}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, run) in self.0.chunk_by(PartialEq::eq).enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            match run[0] {
                Choice::Run(thread) => write!(f, "{thread}")?,
                Choice::Chance(true) => f.write_str("+")?,
                Choice::Chance(false) => f.write_str("-")?,
                Choice::Deadline(deadline) => write!(f, "@{}", deadline.as_nanos())?,
                Choice::Unlocks => f.write_str("u")?,
            }
            if run.len() > 1 {
                write!(f, "x{}", run.len())?;
            }
        }
        Ok(())
    }
}

impl FromStr for Schedule {
    type Err = NotASchedule;

    fn from_str(text: &str) -> Result<Self, NotASchedule> {
        let mut choices = Vec::new();
        for part in text.split(',') {
            let wrong = || NotASchedule(part.to_owned());
            if let Some(deadline) = part.strip_prefix('@') {
                let nanoseconds = deadline.parse().map_err(|_| wrong())?;
                choices.push(Choice::Deadline(Duration::from_nanos(nanoseconds)));
                continue;
            }
            let (choice, count) = part.split_once('x').unwrap_or((part, "1"));
            let choice = match choice {
                "+" => Choice::Chance(true),
                "-" => Choice::Chance(false),
                "u" => Choice::Unlocks,
                thread => Choice::Run(thread.parse().map_err(|_| wrong())?),
            };
            let count: u16 = count.parse().map_err(|_| wrong())?;
            choices.extend(std::iter::repeat_n(choice, count.into()));
        }
        Ok(Schedule(choices))
    }
}
