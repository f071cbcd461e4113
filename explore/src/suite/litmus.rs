//! What a thread may see of atomics. Names are those of the literature.

use std::sync::Arc;
use std::sync::atomic::Ordering::{self, AcqRel, Acquire, Relaxed, Release, SeqCst};

use super::{Case, case};
use crate::platform::{Flag, ModelPlatform};

struct Two<P: ModelPlatform> {
    x: P::Flag,
    y: P::Flag,
}

fn two<P: ModelPlatform>() -> Arc<Two<P>> {
    Arc::new(Two {
        x: P::Flag::new(),
        y: P::Flag::new(),
    })
}

/// Message passing: data, then a flag; whoever sees the flag sees the data.
fn message_passing<P: ModelPlatform>(store: Ordering, load: Ordering, fences: bool) {
    let shared = two::<P>();
    let writer = shared.clone();
    let thread = P::spawn("writer", move || {
        writer.x.store(true, Relaxed);
        if fences {
            P::fence();
        }
        writer.y.store(true, store);
    });
    if shared.y.load(load) {
        if fences {
            P::fence();
        }
        assert!(shared.x.load(Relaxed), "the flag without the data");
    }
    P::join(thread);
}

fn mp_relaxed<P: ModelPlatform>() {
    message_passing::<P>(Relaxed, Relaxed, false);
}

fn mp_store_only<P: ModelPlatform>() {
    message_passing::<P>(Release, Relaxed, false);
}

fn mp_load_only<P: ModelPlatform>() {
    message_passing::<P>(Relaxed, Acquire, false);
}

fn mp_release_acquire<P: ModelPlatform>() {
    message_passing::<P>(Release, Acquire, false);
}

fn mp_seq_cst<P: ModelPlatform>() {
    message_passing::<P>(SeqCst, SeqCst, false);
}

fn mp_fences<P: ModelPlatform>() {
    message_passing::<P>(Relaxed, Relaxed, true);
}

/// Store buffering, which is Dekker's mutual exclusion: each thread writes one flag and reads the
/// other; at least one sees what the other wrote.
fn store_buffering<P: ModelPlatform>(store: Ordering, load: Ordering, fences: [bool; 2]) {
    let shared = two::<P>();
    let other = shared.clone();
    let thread = P::spawn("other", move || {
        other.x.store(true, store);
        if fences[0] {
            P::fence();
        }
        other.y.load(load)
    });
    shared.y.store(true, store);
    if fences[1] {
        P::fence();
    }
    let seen = shared.x.load(load);
    assert!(P::join(thread) || seen, "neither sees the other's store");
}

fn sb_relaxed<P: ModelPlatform>() {
    store_buffering::<P>(Relaxed, Relaxed, [false; 2]);
}

fn sb_release_acquire<P: ModelPlatform>() {
    store_buffering::<P>(Release, Acquire, [false; 2]);
}

fn sb_seq_cst<P: ModelPlatform>() {
    store_buffering::<P>(SeqCst, SeqCst, [false; 2]);
}

fn sb_fences<P: ModelPlatform>() {
    store_buffering::<P>(Relaxed, Relaxed, [true; 2]);
}

fn sb_one_fence<P: ModelPlatform>() {
    store_buffering::<P>(Release, Acquire, [true, false]);
}

/// The same with a mutex that is locked and unlocked in between. If both lock the same, whoever is second sees the
/// first one's store; a mutex of one's own is no fence.
fn sb_mutex<P: ModelPlatform, const THE_SAME: bool>() {
    let shared = two::<P>();
    let mutexes = Arc::new([P::mutex(()), P::mutex(())]);
    let (other, others) = (shared.clone(), mutexes.clone());
    let thread = P::spawn("other", move || {
        other.x.store(true, Relaxed);
        drop(P::lock(&others[usize::from(!THE_SAME)]));
        other.y.load(Relaxed)
    });
    shared.y.store(true, Relaxed);
    drop(P::lock(&mutexes[0]));
    let seen = shared.x.load(Relaxed);
    assert!(P::join(thread) || seen, "neither sees the other's store");
}

/// The same with a swap in the store's place, which is no fence either.
fn sb_swap<P: ModelPlatform>() {
    let shared = two::<P>();
    let other = shared.clone();
    let thread = P::spawn("other", move || {
        other.x.swap(true, AcqRel);
        other.y.load(Acquire)
    });
    shared.y.swap(true, AcqRel);
    let seen = shared.x.load(Acquire);
    assert!(P::join(thread) || seen, "neither sees the other's swap");
}

/// Load buffering: each thread reads one flag and then writes the other. C11 lets both see the later
/// store; loom does not, and says so beside its proof.
fn load_buffering<P: ModelPlatform>() {
    let shared = two::<P>();
    let other = shared.clone();
    let thread = P::spawn("other", move || {
        let seen = other.x.load(Relaxed);
        other.y.store(true, Relaxed);
        seen
    });
    let seen = shared.y.load(Relaxed);
    shared.x.store(true, Relaxed);
    assert!(
        !(P::join(thread) && seen),
        "both see a store that comes later"
    );
}

/// Coherence: who has seen a store does not see an older one of the same atomic.
fn coherence<P: ModelPlatform>() {
    let shared = two::<P>();
    let writer = shared.clone();
    let thread = P::spawn("writer", move || writer.x.store(true, Relaxed));
    let first = shared.x.load(Relaxed);
    let second = shared.x.load(Relaxed);
    assert!(!first || second, "an older store after a newer one");
    P::join(thread);
}

/// Independent reads of independent writes: two readers agree on which write came first.
fn independent_reads<P: ModelPlatform>(store: Ordering, load: Ordering, fences: bool) {
    let shared = two::<P>();
    let (first, second, reader) = (shared.clone(), shared.clone(), shared.clone());
    let writers = [
        P::spawn("writer of x", move || first.x.store(true, store)),
        P::spawn("writer of y", move || second.y.store(true, store)),
    ];
    let thread = P::spawn("reader", move || {
        let seen = reader.x.load(load);
        if fences {
            P::fence();
        }
        seen && !reader.y.load(load)
    });
    let seen = shared.y.load(load);
    if fences {
        P::fence();
    }
    let y_first = seen && !shared.x.load(load);
    let x_first = P::join(thread);
    assert!(!(x_first && y_first), "the readers disagree");
    for writer in writers {
        P::join(writer);
    }
}

fn iriw_acquire<P: ModelPlatform>() {
    independent_reads::<P>(Release, Acquire, false);
}

fn iriw_seq_cst<P: ModelPlatform>() {
    independent_reads::<P>(SeqCst, SeqCst, false);
}

fn iriw_fences<P: ModelPlatform>() {
    independent_reads::<P>(Relaxed, Relaxed, true);
}

/// Write to read causality: what was seen is passed on.
fn causality<P: ModelPlatform>(passed_on: Ordering) {
    let shared = two::<P>();
    let (writer, middle) = (shared.clone(), shared.clone());
    let writer = P::spawn("writer", move || writer.x.store(true, Release));
    let middle = P::spawn("middle", move || {
        if middle.x.load(Acquire) {
            middle.y.store(true, passed_on);
        }
    });
    if shared.y.load(Acquire) {
        assert!(shared.x.load(Relaxed), "the consequence without its cause");
    }
    P::join(writer);
    P::join(middle);
}

fn wrc_release<P: ModelPlatform>() {
    causality::<P>(Release);
}

fn wrc_relaxed<P: ModelPlatform>() {
    causality::<P>(Relaxed);
}

/// Of two threads that swap, one comes first.
fn swaps<P: ModelPlatform>() {
    let shared = two::<P>();
    let other = shared.clone();
    let thread = P::spawn("other", move || other.x.swap(true, Relaxed));
    let seen = shared.x.swap(true, Relaxed);
    assert!(P::join(thread) != seen, "both come first, or neither");
}

/// The same with a load and a store in the swap's place.
fn load_then_store<P: ModelPlatform>() {
    let shared = two::<P>();
    let take = |shared: &Two<P>| {
        let seen = shared.x.load(Acquire);
        shared.x.store(true, Release);
        seen
    };
    let other = shared.clone();
    let thread = P::spawn("other", move || take(&other));
    let seen = take(&shared);
    assert!(P::join(thread) != seen, "both come first, or neither");
}

/// A release sequence: a swap in between passes the release on.
fn release_sequence<P: ModelPlatform>() {
    let shared = Arc::new((two::<P>(), P::Flag::new()));
    let (writer, middle) = (shared.clone(), shared.clone());
    let writer = P::spawn("writer", move || {
        writer.0.x.store(true, Relaxed);
        writer.0.y.swap(true, Release);
    });
    let middle = P::spawn("middle", move || {
        let was_set = middle.0.y.swap(true, Relaxed);
        middle.1.store(was_set, Relaxed);
        was_set
    });
    let passed_on = P::join(middle);
    if passed_on && shared.0.y.load(Acquire) {
        assert!(shared.0.x.load(Relaxed), "the flag without the data");
    }
    P::join(writer);
}

/// One thread sets a flag and says so under a mutex, while another clears it by a swap; of two that
/// have heard of it, the later one's swap sees what the earlier one's has left.
fn swaps_behind_a_store<P: ModelPlatform>() {
    let shared = Arc::new((P::Flag::new(), P::mutex(false)));
    let (setter, other) = (shared.clone(), shared.clone());
    let setter = P::spawn("setter", move || {
        setter.0.store(true, Relaxed);
        *P::lock(&setter.1) = true;
    });
    let take = |shared: &(P::Flag, P::Mutex<bool>)| {
        let swapped = shared.0.swap(false, AcqRel);
        let is_set = *P::lock(&shared.1);
        swapped || !is_set || shared.0.swap(false, AcqRel)
    };
    let thread = P::spawn("other", move || take(&other));
    let taken = take(&shared);
    assert!(P::join(thread) || taken, "both miss the store");
    P::join(setter);
}

/// Data behind a mutex needs no orderings at all.
fn behind_a_mutex<P: ModelPlatform>() {
    let shared = Arc::new((P::Flag::new(), P::mutex(false)));
    let writer = shared.clone();
    let thread = P::spawn("writer", move || {
        writer.0.store(true, Relaxed);
        *P::lock(&writer.1) = true;
    });
    if *P::lock(&shared.1) {
        assert!(shared.0.load(Relaxed), "the mutex without the data");
    }
    P::join(thread);
}

pub(super) fn cases() -> Vec<Case> {
    let weaker = "fails only where loom admits more than C11";
    [
        case!("MP, relaxed", Found, Proved, mp_relaxed),
        case!("MP, release and relaxed", Found, Proved, mp_store_only),
        case!("MP, relaxed and acquire", Found, Proved, mp_load_only),
        case!(
            "MP, release and acquire",
            Proved,
            Proved,
            mp_release_acquire
        ),
        case!("MP, SeqCst", Proved, Proved, mp_seq_cst),
        case!("MP, fences", Proved, Proved, mp_fences),
        case!("SB, relaxed", Found, Proved, sb_relaxed),
        case!("SB, release and acquire", Found, Proved, sb_release_acquire),
        case!("SB, SeqCst", NotProved, Proved, sb_seq_cst).says(weaker),
        case!("SB, fences", Proved, Proved, sb_fences),
        case!("SB, a fence on one side", Found, Proved, sb_one_fence),
        case!("SB, swaps", Found, Proved, sb_swap),
        case!(
            "SB, the same mutex locked in between",
            Proved,
            Proved,
            sb_mutex::<true>
        ),
        case!("SB, two mutexes", Found, Proved, sb_mutex::<false>),
        case!(
            "LB, relaxed: not in loom's memory model",
            Proved,
            Proved,
            load_buffering
        ),
        case!("CoRR, relaxed", Proved, Proved, coherence),
        case!("IRIW, acquire", Found, Proved, iriw_acquire),
        case!("IRIW, SeqCst", NotProved, Proved, iriw_seq_cst).says(weaker),
        case!("IRIW, fences", Proved, Proved, iriw_fences),
        case!("WRC, release", Proved, Proved, wrc_release),
        case!("WRC, relaxed", Found, Proved, wrc_relaxed),
        case!("two swaps", Proved, Proved, swaps),
        case!(
            "a load and a store for a swap",
            Found,
            Found,
            load_then_store
        ),
        case!("a release sequence", Proved, Proved, release_sequence),
        case!(
            "swaps behind a store",
            NotProved,
            Proved,
            swaps_behind_a_store
        )
        .says(weaker),
        case!("data behind a mutex", Proved, Proved, behind_a_mutex),
    ]
    .map(Case::quiet)
    .into()
}
