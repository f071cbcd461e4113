//! What a platform that explores may do to a program.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What may happen to a program in one execution, besides its threads taking turns.
///
/// A platform that explores tries every combination of these events, at every moment at which they
/// could happen, up to the numbers given here. The default is [`HOSTILE`](Self::HOSTILE): one of
/// each. With [`QUIET`](Self::QUIET), none happens: the program is then examined in a world that is
/// kinder than the real one, and the verdict says so.
///
/// ```
/// use wakeproof_explore::platform::Environment;
///
/// let hostile = Environment { timeouts: 2, ..Environment::HOSTILE };
/// assert_eq!(hostile.spurious_wakeups, 1);
/// assert_eq!(
///     hostile.to_string(),
///     "at most 1 spurious wakeup, 2 timeouts, 1 overtaking"
/// );
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Environment {
    /// How many waits may end although nobody has notified.
    pub spurious_wakeups: usize,
    /// How many timed waits may reach their deadline, or a moment just past it, which moves the
    /// platform's clock. And, unless the threads are [`punctual`](Self::punctual), how many times the
    /// clock may move by itself, before a thread reads it or begins a timed wait.
    ///
    /// Once the clock has moved that often, time stands still. If a program then waits for one more
    /// deadline, and no other thread can go on, the search says that its bound is too small.
    pub timeouts: usize,
    /// How many times `notify_one` may pass over the thread that has waited for longest, in favour
    /// of the next.
    ///
    /// Threads that arrive in any order need none of these: the orders of arrival are explored.
    pub overtakings: usize,
    /// Whether time passes only while a thread waits for a deadline. Kinder than the real world, in
    /// which a thread may lose the processor for any time before it reads the clock.
    ///
    /// Unless it is so, the clock jumps: to just before, to, or just past any deadline that a timed
    /// wait of the program has been seen to have, or far past all of them.
    pub punctual: bool,
}

/// Whether the environment may end a wait without a reason. Some condvars promise that it never does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spurious {
    Wakeups,
    Never,
}

impl Environment {
    /// Nothing happens but what the program does.
    pub const QUIET: Environment = Environment {
        spurious_wakeups: 0,
        timeouts: 0,
        overtakings: 0,
        punctual: false,
    };

    /// Each event may happen once: the default.
    pub const HOSTILE: Environment = Environment {
        spurious_wakeups: 1,
        timeouts: 1,
        overtakings: 1,
        punctual: false,
    };
}

impl Default for Environment {
    fn default() -> Self {
        Environment::HOSTILE
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |number: usize, what: &str| {
            let plural = if number == 1 { "" } else { "s" };
            format!("{number} {what}{plural}")
        };
        write!(
            f,
            "at most {}, {}, {}",
            count(self.spurious_wakeups, "spurious wakeup"),
            count(self.timeouts, "timeout"),
            count(self.overtakings, "overtaking")
        )?;
        if self.punctual && self.timeouts > 0 {
            f.write_str(", no thread late")?;
        }
        Ok(())
    }
}
