//! Explores condvar code: every execution under loom, every schedule under shuttle, or runs on real
//! threads, in an environment that may be hostile.
//!
//! Write it over [`ModelPlatform`](platform::ModelPlatform) instead of over a mutex and a condvar of
//! your choice, and hand the body of a test to [`loom`](loom()) and
//! [`shuttle`](shuttle()), in the [`Environment`] that it has
//! to survive. What comes back is a [`Verdict`]: a proof, an execution that fails, or the admission
//! that not everything was tried, or that the checker is not able to. Each names the bounds and the
//! memory model that it holds in.
//!
//! Here is a channel with one slot, as it is often written. Its receiver waits with `if`:
//!
//! ```
//! use std::sync::Arc;
//!
//! use wakeproof::platform::Platform;
//! use wakeproof_explore::platform::{Loom, ModelPlatform, Shuttle};
//! use wakeproof_explore::{self as explore, Environment, Limits, Search, Verdict};
//!
//! struct OneSlot<P: Platform> {
//!     slot: P::Mutex<Option<u32>>,
//!     filled: P::Condvar,
//! }
//!
//! impl<P: Platform> OneSlot<P> {
//!     fn send(&self, value: u32) {
//!         *P::lock(&self.slot) = Some(value);
//!         P::notify_one(&self.filled);
//!     }
//!
//!     fn receive_broken(&self) -> Option<u32> {
//!         let mut slot = P::lock(&self.slot);
//!         if slot.is_none() {
//!             slot = P::wait(&self.filled, slot);
//!         }
//!         slot.take()
//!     }
//!
//!     fn receive(&self) -> Option<u32> {
//!         let mut slot = P::lock(&self.slot);
//!         while slot.is_none() {
//!             slot = P::wait(&self.filled, slot);
//!         }
//!         slot.take()
//!     }
//! }
//!
//! fn one_message<P: ModelPlatform>(receive: fn(&OneSlot<P>) -> Option<u32>) {
//!     let channel = Arc::new(OneSlot::<P> {
//!         slot: P::mutex(None),
//!         filled: P::condvar(),
//!     });
//!     let sender = channel.clone();
//!     let thread = P::spawn("sender", move || sender.send(42));
//!     assert_eq!(receive(&channel), Some(42));
//!     P::join(thread);
//! }
//!
//! let limits = Limits::default();
//!
//! // In a world without spurious wakeups, both are right, and the verdict says that this is the bound.
//! let broken = || one_message::<Loom>(OneSlot::receive_broken);
//! let explored = explore::loom(Environment::QUIET, &limits, broken);
//! assert!(explored.is_proved());
//! assert!(explored.to_string().contains("at most 0 spurious wakeups"));
//!
//! // In the real one, one of them is.
//! let hostile = Environment::default();
//! let explored = explore::loom(hostile, &limits, broken);
//! assert!(matches!(explored.verdict, Verdict::Found(_)), "{explored}");
//! let explored = explore::loom(hostile, &limits, || one_message::<Loom>(OneSlot::receive));
//! assert!(explored.is_proved(), "{explored}");
//! let explored = explore::shuttle(hostile, Search::Exhaustive, &limits, || {
//!     one_message::<Shuttle>(OneSlot::receive);
//! });
//! assert!(explored.is_proved(), "{explored}");
//! ```
//!
//! # Code for the standard library
//!
//! Code that is written over the standard library is explored by changing its imports: `std::sync` to
//! [`wakeproof_explore::sync`](sync), `std::thread` to [`thread`], `std::time` to [`time`], `std::hint` to
//! [`hint`]. There is no type parameter. A value that is made while a checker runs belongs to the checker;
//! outside of a search it is the standard library's.
//!
//! ```
//! use wakeproof_explore::sync::Arc;
//! use wakeproof_explore::sync::atomic::{AtomicBool, Ordering};
//! use wakeproof_explore::{self as explore, Environment, Limits, Verdict, thread};
//!
//! fn body() {
//!     let ready = Arc::new(AtomicBool::new(false));
//!     let (flag, waiter) = (ready.clone(), thread::current());
//!     let setter = thread::spawn(move || {
//!         flag.store(true, Ordering::Release);
//!         waiter.unpark();
//!     });
//!     if !ready.load(Ordering::Acquire) {
//!         thread::park(); // must be in a loop: a park may end spuriously
//!     }
//!     assert!(ready.load(Ordering::Acquire));
//!     setter.join().unwrap();
//! }
//!
//! let explored = explore::loom(Environment::HOSTILE, &Limits::default(), body);
//! assert!(matches!(explored.verdict, Verdict::Found(_)), "{explored}");
//! ```
//!
//! | | loom | shuttle |
//! |---|---|---|
//! | `Mutex` | explored; used again after a [deliberate](wakeproof::platform::Deliberate) panic of its holder: cannot judge | explored |
//! | `Condvar`: all | explored | explored |
//! | `RwLock`, `Barrier` | explored | explored |
//! | `Once`, `OnceLock`, `LazyLock` | explored | explored |
//! | `mpsc`: `channel`, `sync_channel` | explored | explored |
//! | [`Semaphore`](sync::Semaphore), [`os::pipe`], [`os::poll`], [`future::block_on`] | explored | explored |
//! | [`os::Futex`] | explored; with a word that is stored to, often not proved | explored |
//! | [`os::Signal`], [`os::Suspension`] | explored; not while a thread waits for a mutex or joins another | explored; the same |
//! | [`parking_lot`]: `Mutex`, `Condvar`, `RwLock` | explored | explored |
//! | [`thread_local!`], [`statics!`] | explored | explored |
//! | atomics of every width, `AtomicBool`, `AtomicPtr` | C11, as [CHECKERS.md](https://github.com/wakeproof/wakeproof/blob/main/explore/CHECKERS.md) says | sequentially consistent |
//! | `fence` | explored | has no effect |
//! | `compare_exchange_weak` | never fails without a reason | never fails without a reason |
//! | `thread`: `spawn`, `Builder`, `current`, `park`, `park_timeout`, `unpark`, `sleep`, `yield_now` | explored; at most five threads with the first, four in a hostile environment | explored |
//! | `thread::scope` | cannot judge: loom's threads are `'static` | explored |
//! | a loop that spins, with `spin_loop` or `yield_now` | explored | not proved |
//! | `Instant` | explored | explored |
//! | `Arc`, `Weak` | the standard library's: their counts are not explored | the same |
//!
//! The environment has its part in all of them. Condvars, parks and futexes wake spuriously, and futures are
//! polled for no reason; every wait with a time limit ends at it, or after it; of those that wait for a
//! condvar or a futex, another than the first is woken; a lock, a permit or a message goes to whoever comes
//! first, however long others have waited. Any thread may stop for any time between two of its steps. Code
//! in which a signal handler runs between two steps of its own thread says so with [`os::Signal`], and
//! code in which one thread suspends another with [`os::Suspension`].
//!
//! What is not in this table is not there, so that code which needs it does not compile: `const`
//! constructors (of a static, too: write [`statics!`]) and values without a size.
//!
//! `RwLock`, `Barrier`, `Once` and its relatives, and channels are made of one state each, which threads
//! change in single steps and wait for. What one of them makes visible is what a read-modify-write of
//! one word with the same orderings would.

mod dropin;
mod explorer;
pub mod future;
pub mod hint;
mod isolated;
pub mod journal;
pub mod observe;
pub mod os;
pub mod parking_lot;
pub mod platform;
mod schedule;
mod search;
mod story;
pub mod suite;
pub mod sync;
pub mod thread;
pub mod time;
pub mod trace;
mod verdict;

pub use dropin::DropIn;
pub use explorer::{CannotReplay, Explorer, Story};
pub use isolated::isolated;
pub use platform::Environment;
pub use schedule::{NotASchedule, Schedule};
pub use search::{
    DoesNotFit, Ending, Judge, Limits, Progress, Search, judged, loom, replay, replay_loom,
    shortest, shuttle, threads,
};
pub use verdict::{
    CannotJudge, Checker, Counterexample, Exploration, MemoryModel, NotProved, Replay, Scope, Stop,
    Verdict,
};
