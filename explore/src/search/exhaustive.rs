//! A scheduler that leaves nothing out.

use shuttle::scheduler::{Schedule, Scheduler, Task, TaskId};

/// Explores every schedule depth first, like shuttle's own `DfsScheduler`, and every chance of the
/// environment with it: the lowest bit of a random number is a choice like any other.
///
/// Prefers the thread that is running, so that the first execution that fails is one of few
/// context switches.
#[derive(Debug, Default)]
pub(super) struct Exhaustive {
    /// What was chosen at each point of the execution, and of how many.
    path: Vec<(usize, usize)>,
    position: usize,
    begun: bool,
}

impl Exhaustive {
    /// Begins again.
    pub(super) fn restart(&mut self) {
        *self = Exhaustive::default();
    }

    fn choose(&mut self, options: usize) -> usize {
        if self.position == self.path.len() {
            self.path.push((0, options));
        }
        let (chosen, _) = self.path[self.position];
        self.position += 1;
        chosen
    }
}

impl Scheduler for Exhaustive {
    fn new_execution(&mut self) -> Option<Schedule> {
        if self.begun {
            // What is behind the last point with another option is another branch's.
            while let Some((chosen, options)) = self.path.pop() {
                if chosen + 1 < options {
                    self.path.push((chosen + 1, options));
                    break;
                }
            }
            if self.path.is_empty() {
                return None;
            }
        }
        self.begun = true;
        self.position = 0;
        Some(Schedule::new(0))
    }

    fn next_task(
        &mut self,
        runnable: &[&Task],
        current: Option<TaskId>,
        _is_yielding: bool,
    ) -> Option<TaskId> {
        let first = runnable
            .iter()
            .position(|task| Some(task.id()) == current)
            .unwrap_or(0);
        let chosen = match self.choose(runnable.len()) {
            0 => first,
            other if other <= first => other - 1,
            other => other,
        };
        Some(runnable[chosen].id())
    }

    fn next_u64(&mut self) -> u64 {
        self.choose(2) as u64
    }
}
