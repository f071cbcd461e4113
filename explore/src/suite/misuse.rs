//! Every rule that the platform states, broken.
//!
//! Waiting without the lock is not here: a wait takes a guard, which does not leave its thread, so
//! such a program does not compile.

use std::mem;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, LazyLock};

use super::{Case, Expected, case};
use crate::platform::ModelPlatform;

/// One condvar, with one mutex or with two.
fn condvar<P: ModelPlatform, const ONE_MUTEX: bool>() {
    let shared = Arc::new((P::mutex(false), P::mutex(false), P::condvar()));
    let other = shared.clone();
    let thread = P::spawn("other", move || {
        let mut is_set = P::lock(if ONE_MUTEX { &other.0 } else { &other.1 });
        *is_set = true;
        let (is_set, _) = P::wait_until(&other.2, is_set, std::time::Duration::from_millis(1));
        drop(is_set);
    });
    let is_set = P::lock(&shared.0);
    let (is_set, _) = P::wait_until(&shared.2, is_set, std::time::Duration::from_millis(1));
    drop(is_set);
    P::join(thread);
}

/// A guard that is dropped, or leaked.
fn guard<P: ModelPlatform, const IS_DROPPED: bool>() {
    let mutex = Arc::new(P::mutex(()));
    let other = mutex.clone();
    let thread = P::spawn("other", move || {
        let guard = P::lock(&other);
        if IS_DROPPED {
            drop(guard);
        } else {
            mem::forget(guard);
        }
    });
    P::join(thread);
    drop(P::lock(&mutex));
}

/// A thread locks the same mutex twice: one after the other, or one in the other.
fn twice<P: ModelPlatform, const IN_TURN: bool>() {
    let mutex = P::mutex(());
    let first = P::lock(&mutex);
    if IN_TURN {
        drop(first);
        drop(P::lock(&mutex));
    } else {
        drop(P::lock(&mutex));
        drop(first);
    }
}

/// A mutex of one platform that outlives its execution.
fn outlives<P: ModelPlatform>(kept: &LazyLock<P::Mutex<i32>>) {
    *P::lock(kept) += 1;
    // There is more than one execution.
    let mutex = Arc::new(P::mutex(()));
    let other = mutex.clone();
    let thread = P::spawn("other", move || drop(P::lock(&other)));
    drop(P::lock(&mutex));
    P::join(thread);
}

mod kept {
    use std::sync::LazyLock;

    use wakeproof::platform::Platform;

    use crate::platform::{Loom, RealThreads, Shuttle};

    pub(super) static LOOM: LazyLock<<Loom as Platform>::Mutex<i32>> =
        LazyLock::new(|| Loom::mutex(0));
    pub(super) static SHUTTLE: LazyLock<<Shuttle as Platform>::Mutex<i32>> =
        LazyLock::new(|| Shuttle::mutex(0));
    pub(super) static REAL: LazyLock<<RealThreads as Platform>::Mutex<i32>> =
        LazyLock::new(|| RealThreads::mutex(0));
}

/// An assertion that fails, in a place where somebody catches panics.
fn caught<P: ModelPlatform, const HOLDS: bool>() {
    let thread = P::spawn("other", move || {
        // That it is caught is what must not hide it.
        let _ = panic::catch_unwind(AssertUnwindSafe(|| assert!(HOLDS, "it does not hold")));
    });
    P::join(thread);
}

pub(super) fn cases() -> Vec<Case> {
    let mut outliving = case!("a mutex of another execution", Found, Found, guard::<true>);
    outliving.under_loom = || outlives::<crate::platform::Loom>(&kept::LOOM);
    outliving.under_shuttle = || outlives::<crate::platform::Shuttle>(&kept::SHUTTLE);
    outliving.on_threads = || outlives::<crate::platform::RealThreads>(&kept::REAL);
    vec![
        case!("a condvar with one mutex", Proved, Proved, condvar::<true>)
            .on_threads(Expected::NotProved),
        case!("a condvar with two mutexes", Found, Found, condvar::<false>)
            .on_threads(Expected::Found)
            .says("with two mutexes"),
        case!("a guard that is dropped", Proved, Proved, guard::<true>)
            .on_threads(Expected::NotProved),
        case!("a guard that is leaked", Found, Found, guard::<false>)
            .on_threads(Expected::Found)
            .says("a guard was leaked"),
        case!(
            "a mutex locked twice in turn",
            Proved,
            Proved,
            twice::<true>
        )
        .on_threads(Expected::NotProved),
        case!("a mutex locked twice at once", Found, Found, twice::<false>)
            .on_threads(Expected::Found)
            .says("holds already"),
        outliving
            .on_threads(Expected::Found)
            .says("made in one execution"),
        case!(
            "an assertion that holds, caught",
            Proved,
            Proved,
            caught::<true>
        )
        .on_threads(Expected::NotProved),
        case!(
            "an assertion that fails, caught",
            Found,
            Found,
            caught::<false>
        )
        .on_threads(Expected::Found)
        .says("it does not hold"),
    ]
}
