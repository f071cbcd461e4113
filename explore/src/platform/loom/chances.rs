//! Free choices under loom, made of stale reads.
//!
//! loom has no "choose one of these". But it explores which store a relaxed load sees. So a thread, the
//! writer, stores some numbers one after the other, and ends. Nobody synchronises with it:
//!
//! ```text
//!  writer   number:   0 ───▶ 1 ───▶ 2    (then it ends)
//!                     ┊      ┊      ┊
//!  reader   load sees 0  or  1  or  2    loom explores each of them
//!           it saw 1         ┊      ┊
//!           load sees        1  or  2    never a store older than the last one it saw
//! ```
//!
//! A load that sees a newer number than any before is a yes: the event happens. One that sees the same
//! number is a no. There are as many stores as the event may happen times, so after the last one every
//! answer is no. The writer's steps are all over when the first thread begins, so a choice costs no step
//! that could be interleaved with another thread's.

use std::sync::atomic::{AtomicUsize as Plain, Ordering};
use std::sync::{Arc, OnceLock, PoisonError};

use loom::sync::atomic::AtomicUsize;

/// loom remembers an atomic's last seven values, of which one is that nothing happens.
pub(crate) const MAX_CHANCES: usize = 6;

/// An event that may happen a number of times in an execution, or fewer.
#[derive(Default)]
pub(crate) struct Chances {
    /// Counts up to the bound, seen late or not at all.
    number: OnceLock<AtomicUsize>,
    bound: Plain,
    /// The highest number that anybody has seen.
    seen: Plain,
}

impl Chances {
    pub(crate) fn admit(&self, bound: usize) {
        self.number.get_or_init(AtomicUsize::default);
        self.bound.store(bound, Ordering::Relaxed);
    }

    pub(crate) fn write(&self) {
        for value in 1..=self.bound.load(Ordering::Relaxed) {
            if let Some(number) = self.number.get() {
                number.store(value, Ordering::Relaxed);
            }
        }
    }

    /// Both answers are explored, as long as the event has not happened as often as it may.
    pub(crate) fn happens(&self) -> bool {
        let seen = self.seen.load(Ordering::Relaxed);
        if seen == self.bound.load(Ordering::Relaxed) {
            return false;
        }
        let number = self
            .number
            .get()
            .map_or(seen, |n| n.load(Ordering::Relaxed));
        self.seen.fetch_max(number, Ordering::Relaxed);
        number > seen
    }
}

/// Choices among several, each made once.
#[derive(Default)]
pub(crate) struct Dials {
    dials: std::sync::Mutex<Vec<Arc<Dial>>>,
    turned: Plain,
}

/// A choice: one number for each digit, of which any value may be seen.
struct Dial(Vec<(AtomicUsize, usize)>);

impl Dials {
    /// One more choice, among as many as `options`.
    pub(crate) fn add(&self, options: usize) {
        const BASE: usize = MAX_CHANCES + 1;
        let mut digits = Vec::new();
        let mut left = options.max(1);
        while left > 1 {
            digits.push((AtomicUsize::new(0), left.min(BASE)));
            left = left.div_ceil(BASE);
        }
        self.lock().push(Arc::new(Dial(digits)));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Dial>>> {
        self.dials.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write(&self) {
        let dials = self.lock().clone();
        for (digit, options) in dials.iter().flat_map(|dial| &dial.0) {
            for value in 1..*options {
                digit.store(value, Ordering::Relaxed);
            }
        }
    }

    /// Any number below `options` is explored, and none twice if the choice is among as many as it
    /// was made for.
    pub(crate) fn turn(&self, options: usize) -> usize {
        let turned = self.turned.fetch_add(1, Ordering::Relaxed);
        let dial = self.lock().get(turned).cloned();
        let chosen = dial.map_or(0, |dial| {
            let mut chosen = 0;
            let mut worth = 1;
            for (digit, values) in &dial.0 {
                chosen += digit.load(Ordering::Relaxed) * worth;
                worth *= values;
            }
            chosen
        });
        chosen.min(options.saturating_sub(1))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::{Chances, Dials};

    /// What `choose` returns in each of loom's executions, after `write` has run on a thread of its own.
    fn choices<S, R>(make: fn() -> S, write: fn(&S), choose: fn(&S) -> R) -> Vec<R>
    where
        S: Send + Sync + 'static,
        R: Ord + Send + 'static,
    {
        let chosen = Arc::new(Mutex::new(Vec::new()));
        let collected = chosen.clone();
        loom::model(move || {
            let source = Arc::new(make());
            loom::stop_exploring();
            let (written, this_thread) = (source.clone(), loom::thread::current());
            loom::thread::spawn(move || {
                this_thread.unpark();
                write(&written);
            });
            loom::thread::park();
            loom::explore();
            collected.lock().unwrap().push(choose(&source));
        });
        let mut chosen = std::mem::take(&mut *chosen.lock().unwrap());
        chosen.sort();
        chosen
    }

    fn three_answers<const BOUND: usize>() -> Vec<[bool; 3]> {
        let mut answers = choices(
            || {
                let chances = Chances::default();
                chances.admit(BOUND);
                chances
            },
            Chances::write,
            |chances| [(); 3].map(|()| chances.happens()),
        );
        answers.dedup();
        answers
    }

    #[test]
    fn an_event_happens_at_any_time_and_no_more_often_than_it_may() {
        for (bound, explored) in [
            (0, three_answers::<0>()),
            (1, three_answers::<1>()),
            (2, three_answers::<2>()),
            (3, three_answers::<3>()),
        ] {
            let all = (0..8).map(|bits| [bits & 4 != 0, bits & 2 != 0, bits & 1 != 0]);
            let admitted =
                |answers: &[bool; 3]| answers.iter().filter(|&&happens| happens).count() <= bound;
            assert_eq!(explored, all.filter(admitted).collect::<Vec<_>>());
        }
    }

    /// Also among more options than loom remembers stores.
    #[test]
    fn a_dial_turns_to_each_option_once() {
        let turned = choices(
            || {
                let dials = Dials::default();
                dials.add(49);
                dials
            },
            Dials::write,
            |dials| dials.turn(49),
        );
        assert_eq!(turned, (0..49).collect::<Vec<_>>());
    }
}
