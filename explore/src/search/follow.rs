//! Running an execution again by choices that were written down.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use shuttle::scheduler::{Schedule as Seeded, Scheduler, Task, TaskId};

use super::claims::Known;
use super::supervisor;
use crate::schedule::{Choice, Schedule};

/// A schedule that is not one of this program's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DoesNotFit(String);

impl fmt::Display for DoesNotFit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the schedule is not one of this program in this environment: {}",
            self.0
        )
    }
}

impl std::error::Error for DoesNotFit {}

/// Makes the choices that were written down.
pub(super) struct Follow {
    deadlines: Vec<Duration>,
    unlocks_are_steps: bool,
    choices: Vec<Choice>,
    next: usize,
    begun: bool,
    misfit: Arc<Mutex<Option<DoesNotFit>>>,
}

impl Follow {
    /// What does not fit goes to `misfit`.
    pub(super) fn new(schedule: &Schedule, misfit: Arc<Mutex<Option<DoesNotFit>>>) -> Self {
        Follow {
            deadlines: schedule.deadlines(),
            unlocks_are_steps: schedule.unlocks_are_steps(),
            choices: schedule.choices(),
            next: 0,
            begun: false,
            misfit,
        }
    }

    /// The deadlines that the search knew, and whether to unlock was a step.
    pub(super) fn known(&self) -> Known {
        (self.deadlines.clone(), self.unlocks_are_steps)
    }

    fn next_choice(&mut self) -> Option<Choice> {
        let choice = self.choices.get(self.next).copied();
        self.next += 1;
        choice
    }

    fn does_not_fit(&self, why: &str) {
        let mut misfit = self.misfit.lock().unwrap_or_else(PoisonError::into_inner);
        misfit.get_or_insert_with(|| DoesNotFit(format!("choice {}: {why}", self.next)));
    }
}

impl Scheduler for Follow {
    fn new_execution(&mut self) -> Option<Seeded> {
        if self.begun {
            let left = self.choices.len().saturating_sub(self.next);
            if left > 0 {
                self.does_not_fit("the execution is over before it");
            }
            return None;
        }
        self.begun = true;
        Some(Seeded::new(0))
    }

    fn next_task(
        &mut self,
        runnable: &[&Task],
        _current: Option<TaskId>,
        _is_yielding: bool,
    ) -> Option<TaskId> {
        let thread = match self.next_choice() {
            Some(Choice::Run(thread)) => thread,
            Some(_) => {
                self.does_not_fit("a thread has to run, not a chance");
                return None;
            }
            None => {
                self.does_not_fit("the execution goes on after it");
                return None;
            }
        };
        let mut can_run = runnable.iter().map(|task| task.id());
        let next = can_run.find(|task| supervisor::number(*task) == thread);
        if next.is_none() {
            self.does_not_fit(&format!("thread {thread} cannot run"));
        }
        next
    }

    fn next_u64(&mut self) -> u64 {
        match self.next_choice() {
            Some(Choice::Chance(happens)) => u64::from(happens),
            _ => {
                self.does_not_fit("a chance, not a thread");
                0
            }
        }
    }
}
