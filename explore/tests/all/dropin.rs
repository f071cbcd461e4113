//! The drop-in outside of a search, where it is the standard library, and its operations under each
//! checker, which must compute what the standard library's do.

use std::panic::{self, AssertUnwindSafe};

use wakeproof_explore::sync::atomic::{
    AtomicBool, AtomicI8, AtomicI16, AtomicI32, AtomicI64, AtomicIsize, AtomicPtr, AtomicU8,
    AtomicU16, AtomicU32, AtomicU64, AtomicUsize, Ordering,
};
use wakeproof_explore::sync::{Arc, Condvar, Mutex};
use wakeproof_explore::time::{Duration, Instant};
use wakeproof_explore::{self as explore, Environment, Limits, Search, thread};

/// Each operation on each width, with values at which they wrap: beside the standard library's.
macro_rules! same_as_std {
    ($($name:ident, $value:ty;)*) => {$(
        for first in [<$value>::MIN, 0, 5, <$value>::MAX] {
            for second in [<$value>::MIN, 1, 6, <$value>::MAX] {
                let ours = $name::new(first);
                let theirs = std::sync::atomic::$name::new(first);
                macro_rules! each {
                    ($operation:ident) => {
                        assert_eq!(
                            ours.$operation(second, Ordering::AcqRel),
                            theirs.$operation(second, Ordering::AcqRel)
                        );
                        assert_eq!(
                            ours.load(Ordering::Acquire),
                            theirs.load(Ordering::Acquire),
                            concat!(stringify!($name), "::", stringify!($operation))
                        );
                    };
                }
                each!(fetch_add);
                each!(fetch_and);
                each!(fetch_or);
                each!(fetch_sub);
                each!(fetch_nand);
                each!(fetch_xor);
                each!(fetch_max);
                each!(fetch_min);
                each!(swap);
                let (set, fetch) = (Ordering::SeqCst, Ordering::Relaxed);
                assert_eq!(
                    ours.compare_exchange(first, 3, set, fetch),
                    theirs.compare_exchange(first, 3, set, fetch)
                );
                ours.store(second, Ordering::Release);
                assert_eq!(ours.compare_exchange(second, 3, set, fetch), Ok(second));
                let even = |seen: $value| (seen % 2 == 0).then_some(4);
                assert_eq!(ours.fetch_update(set, fetch, even), Err(3));
                assert_eq!(ours.fetch_update(set, fetch, |_| Some(8)), Ok(3));
                assert_eq!(ours.into_inner(), 8);
            }
        }
    )*};
}

fn every_operation() {
    same_as_std! {
        AtomicI8, i8;
        AtomicI16, i16;
        AtomicI32, i32;
        AtomicI64, i64;
        AtomicIsize, isize;
        AtomicU8, u8;
        AtomicU16, u16;
        AtomicU32, u32;
        AtomicU64, u64;
        AtomicUsize, usize;
    }
    let flag = AtomicBool::default();
    assert!(!flag.fetch_or(true, Ordering::AcqRel));
    assert!(flag.fetch_and(true, Ordering::AcqRel));
    assert!(flag.fetch_nand(true, Ordering::AcqRel));
    assert!(!flag.fetch_xor(true, Ordering::AcqRel));
    assert!(flag.into_inner());
    let (mut one, mut two) = (1, 2);
    let (one, two): (*mut i32, *mut i32) = (&raw mut one, &raw mut two);
    let pointer = AtomicPtr::new(one);
    assert_eq!(pointer.swap(two, Ordering::AcqRel), one);
    let exchanged = pointer.compare_exchange(one, one, Ordering::AcqRel, Ordering::Acquire);
    assert_eq!(exchanged, Err(two));
}

/// Runs `body` for real, and in the only execution that either checker knows.
pub(crate) fn everywhere(body: fn()) {
    body();
    let (quiet, limits) = (Environment::QUIET, Limits::default());
    for explored in [
        // loom admits a number of steps to an execution, and this is one of many.
        explore::loom(quiet, &limits, body),
        explore::shuttle(quiet, Search::Exhaustive, &limits, body),
    ] {
        assert!(explored.is_proved(), "{explored}");
    }
}

#[test]
fn every_atomic_computes_what_the_standard_library_does() {
    everywhere(every_operation);
}

#[test]
fn instants_compute_what_the_standard_library_does() {
    everywhere(|| {
        let second = Duration::from_secs(1);
        let begun = Instant::now();
        let later = begun + second;
        assert_eq!(later - begun, second);
        assert_eq!(begun.duration_since(later), Duration::ZERO);
        assert_eq!(begun.checked_duration_since(later), None);
        assert_eq!(later - second, begun);
        assert!(begun < later && later.checked_add(Duration::MAX).is_none());
    });
}

/// For real, with std's own threads: everything is passed on.
#[test]
fn outside_a_search_it_is_the_standard_library() {
    let shared = Arc::new((Mutex::new(0), Condvar::new()));
    let parked = thread::current();
    let threads = [(); 3].map(|()| {
        let (shared, parked) = (shared.clone(), parked.clone());
        thread::spawn(move || {
            *shared.0.lock().unwrap() += 1;
            shared.1.notify_all();
            parked.unpark();
        })
    });
    let (number, changed) = &*shared;
    let waited = changed.wait_while(number.lock().unwrap(), |number| *number < 3);
    assert_eq!(*waited.unwrap(), 3);
    thread::park();
    for thread in threads {
        thread.join().unwrap();
    }
    let waited = changed.wait_timeout(number.lock().unwrap(), Duration::from_nanos(1));
    drop(waited.unwrap());
    let waited =
        changed.wait_timeout_while(number.lock().unwrap(), Duration::from_nanos(1), |_| true);
    assert!(waited.unwrap().1.timed_out());
    let begun = Instant::now();
    thread::sleep(Duration::from_nanos(1));
    thread::park_timeout(Duration::from_nanos(1));
    assert!(begun.elapsed() > Duration::ZERO);
}

#[test]
fn a_panic_poisons_the_mutex() {
    let mutex = Mutex::new(1);
    let caught = panic::catch_unwind(AssertUnwindSafe(|| {
        let _guard = mutex.lock();
        panic::resume_unwind(Box::new(()));
    }));
    assert!(caught.is_err());
    assert_eq!(*mutex.lock().unwrap_err().into_inner(), 1);
    assert_eq!(mutex.into_inner().unwrap_err().into_inner(), 1);
}

#[test]
fn a_panic_of_a_thread_is_an_error_for_whoever_joins_it() {
    let thread = thread::spawn(|| panic::resume_unwind(Box::new("gone")));
    let payload = thread.join().unwrap_err();
    assert_eq!(payload.downcast_ref(), Some(&"gone"));
}

/// What was made in an execution cannot be used in the next one, and the message says where it was made.
#[test]
fn an_atomic_of_another_execution_is_refused() {
    fn body(kept: &std::sync::OnceLock<AtomicU32>) {
        let number = kept.get_or_init(|| AtomicU32::new(0));
        // There is more than one execution.
        let other = Arc::new(AtomicBool::new(false));
        let set = other.clone();
        let thread = thread::spawn(move || set.store(true, Ordering::Release));
        let _ = other.load(Ordering::Acquire);
        thread.join().unwrap();
        number.fetch_add(1, Ordering::Relaxed);
    }
    let (quiet, limits) = (Environment::QUIET, Limits::default());
    let under_loom = std::sync::OnceLock::new();
    let under_shuttle = std::sync::OnceLock::new();
    for explored in [
        explore::loom(quiet, &limits, move || body(&under_loom)),
        explore::shuttle(quiet, Search::Exhaustive, &limits, move || {
            body(&under_shuttle);
        }),
    ] {
        let said = explored.to_string();
        assert!(
            said.contains(concat!("made in one execution, at ", file!())),
            "{said}"
        );
    }
}

#[test]
fn a_judge_reads_which_line_started_a_thread_and_may_panic() {
    let limits = Limits::default();
    let body = || drop(thread::spawn(|| ()).join());
    let judge = |journal: &explore::journal::Journal,
                 _ending: explore::Ending|
     -> Result<(), String> { panic!("the threads are {:?}", journal.threads) };
    let line = line!() - 4;
    let judged = explore::judged(
        Environment::QUIET,
        Search::Exhaustive,
        &limits,
        body,
        Box::new(judge),
    );
    let threads = format!(r#"the threads are ["main", "thread of dropin.rs:{line}"]"#);
    let verdict = judged.to_string();
    assert!(verdict.contains(&threads), "{verdict}");
}
