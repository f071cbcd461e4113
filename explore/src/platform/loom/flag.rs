//! loom's atomics, and what loom does not treat as C11 does.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};

use loom::sync::atomic::{AtomicBool as LoomBool, fence};

use crate::platform::Flag;
use crate::platform::misuse::Identity;
use crate::search::supervise;

/// [`Loom`](super::Loom)'s flag.
///
/// loom treats a sequentially consistent access as acquire and release, and lets a read-modify-write
/// miss a store that it must not miss. Both admit more than C11 does. So the search notes whether a
/// program has such accesses. If it fails, it is explored once more, strengthened: with fences around
/// the first, and with swaps in the place of stores, of which loom misses none. Each execution of the
/// strengthened program is one of the program, too.
#[derive(Debug)]
pub struct LoomFlag(LoomAtomic<LoomBool>);

/// One of loom's atomics, of which the search knows how it is used.
#[derive(Debug)]
pub(crate) struct LoomAtomic<A> {
    atomic: A,
    identity: Identity,
    is_stored: AtomicBool,
    is_swapped: AtomicBool,
}

/// Accesses that loom does not treat as C11 does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct WeakSpots {
    /// A sequentially consistent access, which is no fence.
    seq_cst: bool,
    /// An atomic that is stored to, and swapped.
    mixed: bool,
}

thread_local! {
    static WEAK_SPOTS: Cell<WeakSpots> = const { Cell::new(WeakSpots { seq_cst: false, mixed: false }) };
    /// Which accesses are strengthened.
    static FENCED: Cell<WeakSpots> = const { Cell::new(WeakSpots { seq_cst: false, mixed: false }) };
}

impl WeakSpots {
    /// The search that begins has seen none, and strengthens `fenced`.
    pub(crate) fn begin(fenced: WeakSpots) {
        WEAK_SPOTS.set(WeakSpots::default());
        FENCED.set(fenced);
    }

    /// Those that the search has come across.
    pub(crate) fn seen() -> WeakSpots {
        WEAK_SPOTS.get()
    }

    pub(crate) fn is_none(self) -> bool {
        self == WeakSpots::default()
    }
}

impl<A> LoomAtomic<A> {
    #[track_caller]
    pub(crate) fn new(atomic: A) -> Self {
        LoomAtomic {
            atomic,
            identity: Identity::new(),
            is_stored: AtomicBool::new(false),
            is_swapped: AtomicBool::new(false),
        }
    }

    pub(crate) fn identity(&self) -> &Identity {
        &self.identity
    }

    pub(crate) fn identity_mut(&mut self) -> &mut Identity {
        &mut self.identity
    }

    pub(crate) fn into_inner(self) -> A {
        self.identity.check();
        self.atomic
    }

    /// An access of any kind. A load needs nothing more.
    pub(crate) fn access<T>(
        &self,
        ordering: Ordering,
        access: impl FnOnce(&A, Ordering) -> T,
    ) -> T {
        supervise::step();
        self.identity.check();
        let is_seq_cst = ordering == Ordering::SeqCst;
        let mut seen = WEAK_SPOTS.get();
        seen.seq_cst |= is_seq_cst;
        seen.mixed |=
            self.is_stored.load(Ordering::Relaxed) && self.is_swapped.load(Ordering::Relaxed);
        WEAK_SPOTS.set(seen);
        let fenced = FENCED.get();
        if !(fenced.seq_cst && is_seq_cst) {
            return access(&self.atomic, ordering);
        }
        fence(Ordering::SeqCst);
        let value = access(&self.atomic, ordering);
        fence(Ordering::SeqCst);
        value
    }

    /// A store, which may have to be a swap.
    pub(crate) fn store(
        &self,
        ordering: Ordering,
        store: impl FnOnce(&A, Ordering),
        swap: impl FnOnce(&A, Ordering),
    ) {
        self.is_stored.store(true, Ordering::Relaxed);
        self.access(ordering, |atomic, ordering| {
            if FENCED.get().mixed {
                swap(atomic, ordering);
            } else {
                store(atomic, ordering);
            }
        });
    }

    /// A read-modify-write.
    pub(crate) fn swap<T>(&self, ordering: Ordering, swap: impl FnOnce(&A, Ordering) -> T) -> T {
        self.is_swapped.store(true, Ordering::Relaxed);
        self.access(ordering, swap)
    }
}

impl Flag for LoomFlag {
    fn new() -> Self {
        LoomFlag(LoomAtomic::new(LoomBool::new(false)))
    }

    fn load(&self, ordering: Ordering) -> bool {
        self.0.access(ordering, LoomBool::load)
    }

    fn store(&self, value: bool, ordering: Ordering) {
        self.0.store(
            ordering,
            |flag, ordering| flag.store(value, ordering),
            |flag, ordering| {
                flag.swap(value, ordering);
            },
        );
    }

    fn swap(&self, value: bool, ordering: Ordering) -> bool {
        self.0
            .swap(ordering, |flag, ordering| flag.swap(value, ordering))
    }
}
