//! A scheduler that leaves nothing out.

use std::sync::Arc;

use shuttle::scheduler::{Schedule, Scheduler, Task, TaskId};

use super::claims::Claims;

/// Explores every schedule depth first, like shuttle's own `DfsScheduler`, and every chance of the
/// environment with it: the lowest bit of a random number is a choice like any other.
///
/// Prefers the thread that is running, so that the first execution that fails is one of few
/// context switches.
///
/// Several can share the tree of choices. Each goes through the first few choices of every path, and on from where
/// [nobody has been](Claims).
#[derive(Debug, Default)]
pub(super) struct Exhaustive {
    /// What was chosen at each point of the execution, and of how many.
    path: Vec<(usize, usize)>,
    position: usize,
    begun: bool,
    division: Option<Division>,
}

#[derive(Debug)]
struct Division {
    claims: Arc<Claims>,
    /// After how many choices between two or more a part of the tree begins.
    depth: usize,
    /// How many of them there were in this execution.
    choices: usize,
    /// The number of the next part.
    next: usize,
    place: Place,
    fingerprint: u64,
}

/// Where the execution is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Not in a part yet.
    Above,
    /// In that part, which begins where the path is so long.
    Inside { part: usize, length: usize },
    /// In a part that somebody else explores.
    Elsewhere,
}

impl Exhaustive {
    pub(super) fn divided(depth: usize, claims: Arc<Claims>) -> Self {
        Exhaustive {
            division: Some(Division {
                claims,
                depth,
                choices: 0,
                next: 0,
                place: Place::Above,
                fingerprint: 0,
            }),
            ..Exhaustive::default()
        }
    }

    /// Begins again.
    pub(super) fn restart(&mut self) {
        *self = Exhaustive::default();
    }

    /// The part of the tree in which the execution is, if it is one of ours.
    pub(super) fn part(&self) -> Option<usize> {
        match &self.division {
            None => Some(0),
            Some(division) => match division.place {
                Place::Inside { part, .. } => Some(part),
                Place::Above | Place::Elsewhere => None,
            },
        }
    }

    /// The execution ends here. If it has not come as far as a part, it is one of its own.
    pub(super) fn ends(&mut self) {
        if let Some(division) = &mut self.division
            && division.place == Place::Above
        {
            division.begin_part(&self.path);
        }
    }

    /// Whether the execution has nothing more to do.
    pub(super) fn is_elsewhere(&self) -> bool {
        let division = self.division.as_ref();
        division.is_some_and(|division| division.place == Place::Elsewhere)
    }

    fn choose(&mut self, options: usize) -> usize {
        if self.is_elsewhere() {
            return 0;
        }
        if self.position == self.path.len() {
            self.path.push((0, options));
        }
        let (chosen, _) = self.path[self.position];
        self.position += 1;
        if options > 1
            && let Some(division) = &mut self.division
            && division.place == Place::Above
        {
            division.choices += 1;
            if division.choices == division.depth {
                self.path.truncate(self.position);
                division.begin_part(&self.path);
            }
        }
        chosen
    }
}

impl Division {
    fn begin_part(&mut self, path: &[(usize, usize)]) {
        let part = self.next;
        self.next += 1;
        for &(chosen, options) in path {
            let choice = (chosen as u64) << 32 | options as u64;
            self.fingerprint = (self.fingerprint ^ choice)
                .wrapping_mul(0x9e37_79b9_7f4a_7c15)
                .rotate_left(23);
        }
        self.place = if self.claims.claim(part) {
            Place::Inside {
                part,
                length: path.len(),
            }
        } else {
            Place::Elsewhere
        };
    }
}

impl Scheduler for Exhaustive {
    fn new_execution(&mut self) -> Option<Schedule> {
        if self.begun {
            self.ends();
            // What is behind the last point with another option is another branch's.
            while let Some((chosen, options)) = self.path.pop() {
                if chosen + 1 < options {
                    self.path.push((chosen + 1, options));
                    break;
                }
            }
            if let Some(division) = &mut self.division {
                match division.place {
                    Place::Inside { length, .. } if self.path.len() > length => {}
                    _ => {
                        division.place = Place::Above;
                        division.choices = 0;
                    }
                }
                if self.path.is_empty() {
                    division.claims.seen(division.next, division.fingerprint);
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
        // What comes after is somebody else's.
        (!self.is_elsewhere()).then(|| runnable[chosen].id())
    }

    fn next_u64(&mut self) -> u64 {
        self.choose(2) as u64
    }
}
