//! glibc bug 25847 (mratsim/weave issue 56, oxcaml PR 787): a condvar has two groups of waiters, each with a
//! futex that counts its signals. A waiter of a group that is over may take a signal of a later group in the
//! same place, and gives it back. If that group needs it no more, a waiter of it wakes whom nobody has
//! counted; the next signal is then counted against this group, in which nobody waits, and is lost. The
//! repair here is the one that distributions shipped first: whoever has taken such a signal wakes everybody.
//!
//! The word of groups and sizes has 64 bits in glibc and is changed under a lock there; here it is behind a
//! mutex. The program begins where one waiter has taken a signal, and is about to give it back.

use wakeproof_explore::os::Futex;
use wakeproof_explore::sync::atomic::Ordering;
use wakeproof_explore::sync::{Arc, Mutex};

/// Which group new waiters join, and how many in each have no signal yet.
struct Groups {
    joins: usize,
    unsignalled: [u32; 2],
}

struct Condvar {
    groups: Mutex<Groups>,
    signals: [Futex; 2],
}

impl Condvar {
    fn join(&self) -> usize {
        let mut groups = self.groups.lock().unwrap();
        let group = groups.joins;
        groups.unsignalled[group] += 1;
        group
    }

    fn wait(&self, group: usize) {
        let signals = &self.signals[group];
        loop {
            let taken = signals.fetch_update(Ordering::AcqRel, Ordering::Acquire, |signals| {
                signals.checked_sub(1)
            });
            if taken.is_ok() {
                return;
            }
            signals.wait(0);
        }
    }

    fn post(&self, group: usize, number: u32) {
        self.signals[group].fetch_add(number, Ordering::Release);
        self.signals[group].wake(number as usize);
    }

    fn signal(&self) {
        let mut groups = self.groups.lock().unwrap();
        let mut group = 1 - groups.joins;
        if groups.unsignalled[group] == 0 {
            group = groups.joins;
            groups.joins = 1 - group;
        }
        if groups.unsignalled[group] > 0 {
            groups.unsignalled[group] -= 1;
            self.post(group, 1);
        }
    }

    fn broadcast(&self) {
        let mut groups = self.groups.lock().unwrap();
        for group in [0, 1] {
            let number = std::mem::take(&mut groups.unsignalled[group]);
            self.post(group, number);
        }
    }
}

/// A token is put behind a mutex, and signalled; a thread takes one, and waits while there is none.
pub(crate) fn body<const REPAIRED: bool>() {
    let condvar = Condvar {
        // The thread below has joined group 0, which was switched then.
        groups: Mutex::new(Groups {
            joins: 1,
            unsignalled: [1, 0],
        }),
        signals: [Futex::new(0), Futex::new(0)],
    };
    let shared = Arc::new((condvar, Mutex::new(0)));
    let take = |shared: &(Condvar, Mutex<u32>), mut joined: Option<usize>| {
        let (condvar, tokens) = shared;
        loop {
            if let Some(group) = joined.take() {
                condvar.wait(group);
            }
            let mut tokens = tokens.lock().unwrap();
            if *tokens > 0 {
                *tokens -= 1;
                return;
            }
            joined = Some(condvar.join());
        }
    };
    let (waits, gives_back) = (shared.clone(), shared.clone());
    let waiter = super::spawn("waiter", move || take(&waits, Some(0)));
    let late = super::spawn("late", move || {
        if REPAIRED {
            gives_back.0.broadcast();
        } else {
            gives_back.0.post(0, 1);
        }
    });
    *shared.1.lock().unwrap() += 1;
    shared.0.signal();
    waiter.join().unwrap();
    late.join().unwrap();
}
