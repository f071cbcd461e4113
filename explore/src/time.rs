//! `std::time`, explored: under a checker, time passes when the environment says so.

use std::cmp::Ordering;
use std::ops::{Add, AddAssign, Sub, SubAssign};
use std::panic::Location;

pub use std::time::Duration;

use wakeproof::platform::Platform;

use crate::dropin::mixed;
use crate::journal::Object;
use crate::platform::{Loom, Shuttle, checker, execution, misuse};
use crate::story;
use crate::verdict::Checker;

/// [`std::time::Instant`], explored.
///
/// Under a checker, the clock begins at zero in each execution. It moves when a timed wait reaches its
/// deadline, and before a thread looks at it, both as often as
/// [`Environment::timeouts`](crate::Environment::timeouts) says. An instant of one execution that is
/// compared with one of another, or with a real one, is a misuse.
///
/// ```
/// use wakeproof_explore::time::{Duration, Instant};
///
/// let begun = Instant::now();
/// let deadline = begun + Duration::from_secs(5);
/// assert!(deadline > begun);
/// assert_eq!(deadline - begun, Duration::from_secs(5));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Instant(Moment);

/// The clock of an execution, for its story.
const CLOCK: Object = Object {
    kind: "clock",
    number: 0,
    made: Location::caller(),
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Moment {
    Real(std::time::Instant),
    Model { execution: u64, at: Duration },
}

impl Instant {
    /// The time now. Under a checker, time may pass before it is read.
    #[must_use]
    #[track_caller]
    pub fn now() -> Self {
        story::here();
        let at = match checker() {
            Some(Checker::Loom) => Loom::now(),
            Some(Checker::Shuttle) => Shuttle::now(),
            _ => return Instant(Moment::Real(std::time::Instant::now())),
        };
        story::did(CLOCK, || format!("reads {{}}: {at:?}"));
        Instant(Moment::Model {
            execution: execution(),
            at,
        })
    }

    /// How long after `earlier` this is; nothing if it is before.
    #[must_use]
    pub fn duration_since(&self, earlier: Instant) -> Duration {
        self.saturating_duration_since(earlier)
    }

    /// How long after `earlier` this is; `None` if it is before.
    #[must_use]
    pub fn checked_duration_since(&self, earlier: Instant) -> Option<Duration> {
        match (self.0, earlier.0) {
            (Moment::Real(this), Moment::Real(earlier)) => this.checked_duration_since(earlier),
            (Moment::Model { at, .. }, Moment::Model { at: earlier_at, .. }) => {
                self.is_of_the_same_execution(&earlier);
                at.checked_sub(earlier_at)
            }
            _ => mixed(),
        }
    }

    /// How long after `earlier` this is; nothing if it is before.
    #[must_use]
    pub fn saturating_duration_since(&self, earlier: Instant) -> Duration {
        self.checked_duration_since(earlier).unwrap_or_default()
    }

    /// How long ago this was. Reads the clock.
    #[must_use]
    #[track_caller]
    pub fn elapsed(&self) -> Duration {
        Instant::now().duration_since(*self)
    }

    /// The instant later by `duration`, if it can be represented.
    #[must_use]
    pub fn checked_add(&self, duration: Duration) -> Option<Instant> {
        let moment = match self.0 {
            Moment::Real(instant) => Moment::Real(instant.checked_add(duration)?),
            Moment::Model { execution, at } => Moment::Model {
                execution,
                at: at.checked_add(duration)?,
            },
        };
        Some(Instant(moment))
    }

    /// The instant earlier by `duration`, if it can be represented. Under a checker, nothing is before
    /// the beginning of the execution.
    #[must_use]
    pub fn checked_sub(&self, duration: Duration) -> Option<Instant> {
        let moment = match self.0 {
            Moment::Real(instant) => Moment::Real(instant.checked_sub(duration)?),
            Moment::Model { execution, at } => Moment::Model {
                execution,
                at: at.checked_sub(duration)?,
            },
        };
        Some(Instant(moment))
    }

    fn is_of_the_same_execution(&self, other: &Instant) {
        if let (Moment::Model { execution, .. }, Moment::Model { execution: of, .. }) =
            (self.0, other.0)
            && execution != of
        {
            misuse("an instant of one execution is used in another");
        }
    }
}

impl PartialOrd for Instant {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Instant {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.0, other.0) {
            (Moment::Real(this), Moment::Real(other)) => this.cmp(&other),
            (Moment::Model { at, .. }, Moment::Model { at: other_at, .. }) => {
                self.is_of_the_same_execution(other);
                at.cmp(&other_at)
            }
            _ => mixed(),
        }
    }
}

const OVERFLOW: &str = "overflow when adding a duration to an instant";
const UNDERFLOW: &str = "overflow when subtracting a duration from an instant";

impl Add<Duration> for Instant {
    type Output = Instant;

    fn add(self, duration: Duration) -> Instant {
        self.checked_add(duration).expect(OVERFLOW)
    }
}

impl AddAssign<Duration> for Instant {
    fn add_assign(&mut self, duration: Duration) {
        *self = *self + duration;
    }
}

impl Sub<Duration> for Instant {
    type Output = Instant;

    fn sub(self, duration: Duration) -> Instant {
        self.checked_sub(duration).expect(UNDERFLOW)
    }
}

impl SubAssign<Duration> for Instant {
    fn sub_assign(&mut self, duration: Duration) {
        *self = *self - duration;
    }
}

impl Sub<Instant> for Instant {
    type Output = Duration;

    fn sub(self, earlier: Instant) -> Duration {
        self.duration_since(earlier)
    }
}
