//! The time in an execution, and the moments that it may jump to.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::time::Duration;

use super::Environment;
use crate::{journal, story};

/// The least that two readings of the clock may differ by.
const TICK: Duration = Duration::from_nanos(1);
/// Later than whatever a program waits for: eleven days.
const FAR: Duration = Duration::from_secs(1_000_000);

thread_local! {
    /// The deadlines that the search on this thread knows. Without a search, there is nobody to learn
    /// them, and time passes in timed waits only.
    static DEADLINES: RefCell<Option<Deadlines>> = const { RefCell::new(None) };
    /// Whether the program looks at whether a mutex is locked. Without a search, it may.
    static UNLOCKS: Cell<Unlocks> = const { Cell::new(Unlocks::Seen) };
}

/// Whether unlocking a mutex has to be a step of its own: only a program that looks at whether a mutex is
/// locked, instead of waiting until it is not, sees the difference. So a search begins without, and begins
/// again when it comes across such a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unlocks {
    /// Nobody looks.
    Unseen,
    /// Somebody looks, which was not known when the search began.
    Learned,
    /// Somebody looks, and each unlock is a step.
    Seen,
}

impl Unlocks {
    /// Whether they are steps.
    pub(crate) fn are_steps() -> bool {
        UNLOCKS.get() == Unlocks::Seen
    }

    /// The program looks at whether a mutex is locked.
    pub(crate) fn matter() {
        if UNLOCKS.get() == Unlocks::Unseen {
            UNLOCKS.set(Unlocks::Learned);
        }
    }
}

/// The deadlines of a program's timed waits, as they come to be known.
///
/// A program may look at the clock before it waits for the first time; where the clock may jump to by
/// then shows only in other executions. So a search begins again when it learns of a deadline, until
/// there are no more.
#[derive(Default)]
pub(crate) struct Deadlines {
    /// Those to which the clock may jump, in order.
    known: Vec<Duration>,
    /// Those that were not known when the search began.
    learned: BTreeSet<Duration>,
}

impl Deadlines {
    /// The search that begins on this thread knows none.
    pub(crate) fn forget() {
        DEADLINES.set(Some(Deadlines::default()));
        UNLOCKS.set(Unlocks::Unseen);
    }

    /// Whether the search has learned of a deadline, or that [unlocks](Unlocks) matter, and has to begin
    /// again; it then knows.
    pub(crate) fn learn() -> bool {
        let unlocks_matter = UNLOCKS.get() == Unlocks::Learned;
        if unlocks_matter {
            UNLOCKS.set(Unlocks::Seen);
        }
        unlocks_matter | Self::learn_deadlines()
    }

    fn learn_deadlines() -> bool {
        DEADLINES.with_borrow_mut(|deadlines| {
            let Some(Deadlines { known, learned }) = deadlines else {
                return false;
            };
            let is_news = !learned.is_empty();
            known.extend(std::mem::take(learned));
            known.sort_unstable();
            is_news
        })
    }

    /// Whether [`learn`](Self::learn) would return `true`.
    pub(crate) fn has_news() -> bool {
        let has_learned = |deadlines: &Option<Deadlines>| {
            let deadlines = deadlines.as_ref();
            deadlines.is_some_and(|known| !known.learned.is_empty())
        };
        UNLOCKS.get() == Unlocks::Learned || DEADLINES.with_borrow(has_learned)
    }

    /// Those that are known.
    pub(crate) fn known() -> Vec<Duration> {
        DEADLINES.with_borrow(|deadlines| {
            let known = deadlines.as_ref().map(|deadlines| &deadlines.known);
            known.cloned().unwrap_or_default()
        })
    }

    /// The search that begins on this thread knows these and learns no others; nor whether unlocks are
    /// steps.
    pub(crate) fn remember(known: Vec<Duration>, unlocks_are_steps: bool) {
        UNLOCKS.set(if unlocks_are_steps {
            Unlocks::Seen
        } else {
            Unlocks::Unseen
        });
        DEADLINES.set(Some(Deadlines {
            known,
            learned: BTreeSet::new(),
        }));
    }

    /// How many are known.
    pub(crate) fn number() -> usize {
        DEADLINES.with_borrow(|deadlines| deadlines.as_ref().map_or(0, |known| known.known.len()))
    }
}

/// The clock of one execution.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Clock {
    now: Duration,
    /// How many more timed waits may reach their deadline, which moves it.
    expiries: usize,
    /// How many more times it may move by itself, before it is read.
    jumps: usize,
    /// Whether it could move when the execution began.
    moves_at_all: bool,
    /// Whether threads may be late.
    can_be_late: bool,
}

impl Clock {
    pub(crate) fn new(environment: Environment) -> Self {
        let is_searching = DEADLINES.with_borrow(Option::is_some);
        let can_be_late = is_searching && !environment.punctual;
        Clock {
            now: Duration::ZERO,
            expiries: environment.timeouts,
            jumps: if can_be_late { environment.timeouts } else { 0 },
            moves_at_all: environment.timeouts > 0,
            can_be_late,
        }
    }

    pub(crate) fn now(&self) -> Duration {
        self.now
    }

    /// Whether it could move when the execution began: if not, it need not be looked at.
    pub(crate) fn moves_at_all(&self) -> bool {
        self.moves_at_all
    }

    /// Whether a wait until `deadline` may end now: it has passed, or it may.
    pub(crate) fn can_expire(&self, deadline: Duration) -> bool {
        self.expiries > 0 || deadline <= self.now
    }

    /// Whether a wait may end a little after its deadline.
    pub(crate) fn can_be_late(&self) -> bool {
        self.can_be_late
    }

    /// Whether it may still move by itself, before it is read.
    pub(crate) fn can_jump(&self) -> bool {
        self.jumps > 0
    }

    /// Where it may jump to.
    pub(crate) fn targets(&self) -> Vec<Duration> {
        DEADLINES.with_borrow(|deadlines| {
            let known = deadlines.as_ref().map_or(&[][..], |known| &known.known);
            let last = known.last().copied().unwrap_or_default();
            let far = last.max(self.now).saturating_add(FAR);
            let mut targets: Vec<Duration> = known
                .iter()
                .flat_map(|&deadline| {
                    [
                        deadline.saturating_sub(TICK),
                        deadline,
                        deadline.saturating_add(TICK),
                    ]
                })
                .chain([far])
                .filter(|&target| target > self.now)
                .collect();
            targets.sort_unstable();
            targets.dedup();
            targets
        })
    }

    /// How many targets there may be at most: as many as at the beginning.
    pub(crate) fn most_targets(&self) -> usize {
        self.targets().len()
    }

    /// Time passes by itself.
    pub(crate) fn jump(&mut self, target: Duration) {
        self.jumps = self.jumps.saturating_sub(1);
        self.now = self.now.max(target);
        self.tell();
    }

    /// Time passes, if it has not, until it ends a timed wait.
    pub(crate) fn expire(&mut self, deadline: Duration) {
        if deadline > self.now {
            self.expiries = self.expiries.saturating_sub(1);
            self.now = deadline;
            self.tell();
        }
    }

    /// A little more time passes than has to.
    pub(crate) fn pass_a_moment(&mut self) {
        self.now = self.now.saturating_add(TICK);
        self.tell();
    }

    fn tell(&self) {
        story::moment(journal::CLOCK, self.now);
    }

    /// A timed wait begins: its deadline is known from now on.
    pub(crate) fn note(&self, deadline: Duration) {
        story::moment(journal::DEADLINE, deadline);
        if !self.can_jump() || deadline <= self.now {
            return;
        }
        DEADLINES.with_borrow_mut(|deadlines| {
            if let Some(Deadlines { known, learned }) = deadlines
                && known.binary_search(&deadline).is_err()
            {
                learned.insert(deadline);
            }
        });
    }
}
