//! Free choices under loom: a thread reads a number that a thread which has already ended wrote without
//! synchronising with anybody.

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
