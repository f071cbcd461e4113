//! What a platform that explores may do to a program.

/// What may happen to a program in one execution, besides its threads taking turns.
///
/// A platform that explores tries every combination of these events, at every moment at which they
/// could happen, up to the numbers given here. With [`QUIET`](Self::QUIET), none happens: the
/// program is then examined in a world that is kinder than the real one.
///
/// ```
/// use wakeproof_explore::platform::Environment;
///
/// let hostile = Environment { spurious_wakeups: 1, timeouts: 2, ..Environment::QUIET };
/// assert_eq!(hostile.overtakings, 0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Environment {
    /// How many waits may end although nobody has notified.
    pub spurious_wakeups: usize,
    /// How many timed waits may reach their deadline, which moves the platform's clock to it.
    ///
    /// Once that many have, time stands still, and a timed wait waits like any other. A correct
    /// program that counts on one more deadline then deadlocks: a bound that is too small gives a
    /// false alarm, never a false proof.
    pub timeouts: usize,
    /// How many times `notify_one` may pass over the thread that has waited for longest, in favour
    /// of the next.
    ///
    /// Threads that arrive in any order need none of these: the orders of arrival are explored.
    pub overtakings: usize,
}

impl Environment {
    /// Nothing happens but what the program does.
    pub const QUIET: Environment = Environment {
        spurious_wakeups: 0,
        timeouts: 0,
        overtakings: 0,
    };
}
