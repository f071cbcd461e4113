//! Deadlines that are met, equal, and missed.

use std::sync::Arc;
use std::time::Duration;

use super::{Case, case};
use crate::platform::{Environment, ModelPlatform};

const SECOND: Duration = Duration::from_secs(1);

struct Semaphore<P: ModelPlatform> {
    posted: P::Mutex<bool>,
    changed: P::Condvar,
}

impl<P: ModelPlatform> Semaphore<P> {
    fn new() -> Arc<Self> {
        Arc::new(Semaphore {
            posted: P::mutex(false),
            changed: P::condvar(),
        })
    }

    fn post(&self) {
        *P::lock(&self.posted) = true;
        P::notify_one(&self.changed);
    }

    /// Takes what was posted, or says that the time is up. Looks at the clock first, or at what was
    /// posted.
    fn take_until(&self, deadline: Duration, clock_first: bool) -> bool {
        let mut posted = P::lock(&self.posted);
        loop {
            if clock_first && P::now() >= deadline {
                return false;
            }
            if std::mem::take(&mut *posted) {
                return true;
            }
            if P::now() >= deadline {
                return false;
            }
            let (guard, _) = P::wait_until(&self.changed, posted, deadline);
            posted = guard;
        }
    }
}

/// What was posted before is there, whenever it is asked for.
fn posted_before<P: ModelPlatform, const CLOCK_FIRST: bool>() {
    let semaphore = Semaphore::<P>::new();
    let deadline = P::now() + SECOND;
    semaphore.post();
    let taken = semaphore.take_until(deadline, CLOCK_FIRST);
    assert!(taken, "it was posted, and the time is said to be up");
}

/// Another thread posts, perhaps in time.
fn posted_by_another<P: ModelPlatform, const COUNTS_ON_IT: bool>() {
    let semaphore = Semaphore::<P>::new();
    let poster = semaphore.clone();
    let thread = P::spawn("poster", move || poster.post());
    let taken = semaphore.take_until(P::now() + SECOND, false);
    assert!(taken || !COUNTS_ON_IT, "the time was up before");
    P::join(thread);
}

/// Nobody posts: the time is up in the end.
fn never_posted<P: ModelPlatform, const CLOCK_FIRST: bool>() {
    let semaphore = Semaphore::<P>::new();
    let deadline = P::now() + SECOND;
    assert!(!semaphore.take_until(deadline, CLOCK_FIRST));
    assert!(P::now() >= deadline, "before its time");
}

/// A wait that timed out is taken for an answer, without a look at the flag.
fn timed_out<P: ModelPlatform, const LOOKS_AGAIN: bool>() {
    let semaphore = Semaphore::<P>::new();
    let poster = semaphore.clone();
    let thread = P::spawn("poster", move || poster.post());
    let mut posted = P::lock(&semaphore.posted);
    let mut is_up = false;
    while !*posted && !is_up {
        (posted, is_up) = P::wait_until(&semaphore.changed, posted, SECOND);
    }
    let is_late = if LOOKS_AGAIN { !*posted } else { is_up };
    assert!(!(is_late && *posted), "it was posted in time");
    drop(posted);
    P::join(thread);
}

/// Waits until the clock is at the deadline; or past it, and is then busy at the deadline itself.
fn equal<P: ModelPlatform, const AT_OR_PAST: bool>() {
    let (mutex, condvar) = (P::mutex(()), P::condvar());
    let mut guard = P::lock(&mutex);
    loop {
        let now = P::now();
        if now > SECOND || (AT_OR_PAST && now == SECOND) {
            break;
        }
        (guard, _) = P::wait_until(&condvar, guard, SECOND);
    }
    drop(guard);
}

/// The clock does not go backwards, whoever reads it.
fn monotonic<P: ModelPlatform>() {
    let last = Arc::new(P::mutex(Duration::ZERO));
    let look = |last: &P::Mutex<Duration>| {
        let mut last = P::lock(last);
        let now = P::now();
        assert!(now >= *last, "backwards");
        *last = now;
    };
    let other = last.clone();
    let thread = P::spawn("other", move || look(&other));
    look(&last);
    P::join(thread);
}

/// A thread relies on being quick.
fn quick<P: ModelPlatform>() {
    let begun = P::now();
    assert!(P::now() - begun < SECOND, "late");
}

/// A thread looks at a flag every second. Nobody notifies it.
fn polls<P: ModelPlatform>() {
    let semaphore = Semaphore::<P>::new();
    let poster = semaphore.clone();
    let thread = P::spawn("poster", move || *P::lock(&poster.posted) = true);
    let mut posted = P::lock(&semaphore.posted);
    while !*posted {
        (posted, _) = P::wait_until(&semaphore.changed, posted, P::now() + SECOND);
    }
    drop(posted);
    P::join(thread);
}

/// A thread watches the clock until the time is up.
fn watches_the_clock<P: ModelPlatform>() {
    while P::now() < SECOND {}
}

/// A thread that is not notified waits for a deadline.
fn waits<P: ModelPlatform>() {
    let (mutex, condvar) = (P::mutex(()), P::condvar());
    let mut guard = P::lock(&mutex);
    let mut is_up = false;
    while !is_up {
        (guard, is_up) = P::wait_until(&condvar, guard, SECOND);
    }
}

/// More deadlines than the clock can be tried at: each is a second after the clock's last jump.
fn many_deadlines<P: ModelPlatform>() {
    let (mutex, condvar) = (P::mutex(()), P::condvar());
    let mut guard = P::lock(&mutex);
    let mut is_up = false;
    while !is_up {
        (guard, is_up) = P::wait_until(&condvar, guard, P::now() + SECOND);
    }
}

/// Two threads wait, each until a deadline of its own, and are notified in the end. Either may time
/// out before, with one timeout for both.
fn the_second_times_out<P: ModelPlatform>() {
    let semaphore = Semaphore::<P>::new();
    let second = semaphore.clone();
    let posted = P::lock(&semaphore.posted);
    // The second thread gets the lock when the first one waits, and the third when both do.
    let thread = P::spawn("second", move || {
        let posted = P::lock(&second.posted);
        let third = second.clone();
        let poster = P::spawn("poster", move || {
            let posted = P::lock(&third.posted);
            P::notify_one(&third.changed);
            P::notify_one(&third.changed);
            drop(posted);
        });
        let (posted, is_up) = P::wait_until(&second.changed, posted, 2 * SECOND);
        drop(posted);
        P::join(poster);
        assert!(!is_up, "the second timed out");
    });
    drop(P::wait_until(&semaphore.changed, posted, SECOND));
    P::join(thread);
}

pub(super) fn cases() -> Vec<Case> {
    let timeout = Environment {
        timeouts: 1,
        ..Environment::QUIET
    };
    let punctual = Environment {
        punctual: true,
        ..timeout
    };
    vec![
        case!(
            "posted, the flag first",
            Proved,
            Proved,
            posted_before::<false>
        ),
        case!(
            "posted, the clock first",
            Found,
            Found,
            posted_before::<true>
        )
        .says("the time is said to be up"),
        case!(
            "posted by another thread",
            Proved,
            Proved,
            posted_by_another::<false>
        ),
        case!(
            "posted in time, it hopes",
            Found,
            Found,
            posted_by_another::<true>
        )
        .says("the time was up"),
        case!("never posted", Proved, Proved, never_posted::<false>),
        case!(
            "never posted, the clock first",
            Proved,
            Proved,
            never_posted::<true>
        ),
        case!("timed out, looks again", Proved, Proved, timed_out::<true>),
        case!("timed out, for an answer", Found, Found, timed_out::<false>).says("posted in time"),
        case!("at or past the deadline", Proved, Proved, equal::<true>),
        case!(
            "past the deadline: spins at it",
            NotProved,
            NotProved,
            equal::<false>
        )
        .says("more than"),
        case!("the clock is monotonic", Proved, Proved, monotonic),
        case!("relies on being quick", Found, Found, quick).says("late"),
        case!(
            "relies on being quick, no thread late",
            Proved,
            Proved,
            quick
        )
        .within(punctual),
        case!("polls with a timed wait", NotProved, NotProved, polls).says("allow more"),
        case!("watches the clock", NotProved, NotProved, watches_the_clock).says("more than"),
        case!("waits for a deadline", Proved, Proved, waits).within(timeout),
        case!(
            "waits for a deadline, time stands still",
            NotProved,
            NotProved,
            waits
        )
        .quiet()
        .says("allow more"),
        case!(
            "deadlines without end",
            NotProved,
            NotProved,
            many_deadlines
        )
        .within(Environment {
            timeouts: 4,
            ..timeout
        })
        .says("deadlines"),
        case!(
            "the second of two times out",
            Found,
            Found,
            the_second_times_out
        )
        .within(timeout)
        .says("the second timed out"),
    ]
}
