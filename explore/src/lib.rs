//! Finds the execution in which condvar code hangs, and draws it; or proves that there is none.
//!
//! Here is a bug in twenty lines. The imports are the only difference from code for the standard library.
//!
//! ```
//! use wakeproof_explore::sync::{Arc, Condvar, Mutex}; // instead of std::sync
//! use wakeproof_explore::{Explorer, Story, thread}; // instead of std::thread
//!
//! #[derive(Default)]
//! struct Mailbox {
//!     message: Mutex<Option<u32>>,
//!     filled: Condvar,
//! }
//!
//! fn send(mailbox: &Mailbox) {
//!     mailbox.filled.notify_one();
//!     *mailbox.message.lock().unwrap() = Some(42);
//! }
//!
//! fn send_repaired(mailbox: &Mailbox) {
//!     *mailbox.message.lock().unwrap() = Some(42);
//!     mailbox.filled.notify_one();
//! }
//!
//! fn receive(mailbox: &Mailbox) -> u32 {
//!     let mut message = mailbox.message.lock().unwrap();
//!     while message.is_none() {
//!         message = mailbox.filled.wait(message).unwrap();
//!     }
//!     message.take().unwrap()
//! }
//!
//! /// A message arrives, in every execution.
//! fn explore(send: fn(&Mailbox)) -> Story {
//!     let explorer = Explorer::new(move || {
//!         let mailbox = Arc::new(Mailbox::default());
//!         let other = mailbox.clone();
//!         let sender = thread::Builder::new().name("sender".into());
//!         let sender = sender.spawn(move || send(&other)).unwrap();
//!         assert_eq!(receive(&mailbox), 42);
//!         sender.join().unwrap();
//!     });
//!     explorer.run().unwrap_or_else(|why| panic!("{why}"))
//! }
//!
//! assert!(explore(send).exploration.counterexample().is_some());
//! assert!(explore(send_repaired).exploration.is_proved());
//! ```
//!
//! Printed, the first story is this. What a thread does without another one in between is one box, and a number in front
//! of a step is its line:
//!
//! ```text
//! mailbox.rs:32: this execution fails
//! loom, at most 1 preemption: execution 3, 9 steps (lines of
//! explore/examples/mailbox.rs)
//!
//! main                                     sender
//! ────                                     ──────
//! ┌─ 1 ────────────────────────────────┐
//! │ 36: starts sender                  │
//! └────────────────────────────────────┘
//! ┌─ 2 ────────────────────────────────┐
//! │ 23: locks the mutex                │
//! │ 25: sleeps on the condvar          │
//! └────────────────────────────────────┘
//!                                          ┌─ 3 ────────────────────────────────┐
//!                                          │ 13: notify_one on the condvar      │
//!                    ◀─────────────────────┤ wakes main                         │
//!                                          └────────────────────────────────────┘
//! ┌─ 4 ────────────────────────────────┐
//! │ 25: is woken                       │
//! │ 25: locks the mutex                │
//! │ 25: sleeps on the condvar          │
//! └────────────────────────────────────┘
//!                                          ┌─ 5 ────────────────────────────────┐
//!                                          │ 14: locks the mutex                │
//!                                          │ unlocks the mutex                  │
//!                                          └────────────────────────────────────┘
//! ASLEEP FOR EVER                          ends
//!
//! => main is asleep on the condvar (line 25): the notify_one of sender (line 13)
//!    came before it slept again
//!
//! See it again: WAKEPROOF_REPLAY='1 mailbox::explore 1,1,1 loom 3 1' cargo test
//! ```
//!
//! With the repair, which sends first and then notifies, there is no such execution:
//!
//! ```text
//! proved: all 20 executions are right [loom: at most 1 spurious wakeup, 1 timeout, 1 overtaking; C11 without load buffering and without stores older than an atomic's last 7]
//!   loom, no preemptions: not proved after 2 executions: limit of 0 preemptions
//!   loom, at most 1 preemption: not proved after 8 executions: limit of 1 preemption
//!   shuttle, at random (seed 1): not proved after 1,000 executions: others not tried
//!   shuttle, random priorities (seed 1): not proved after 1,000 executions: others not tried
//!   loom, at most 2 preemptions: not proved after 15 executions: limit of 2 preemptions
//!   shuttle, everything: proved: all 16 executions are right
//!   loom, everything: proved: all 20 executions are right
//! ```
//!
//! In a test, [`Explorer::prove`] does all of this in one line, and fails with the story.
//! `cargo run --example mailbox` prints both.
//!
//! # What a verdict is worth
//!
//! Every search ends with one [`Verdict`], which names its bounds:
//!
//! - **proved**: every execution was explored and none fails, within the bounds and in the memory model that it
//!   names. It says nothing about more threads, more events or a longer body.
//! - **found**: this execution fails. It is one of the real program's, and can be replayed.
//! - **not proved**: nothing has failed, and not everything was explored. It says what stopped the search, and
//!   what to change.
//! - **cannot judge**: the checker is not able to explore this body, and perhaps another is.
//!
//! [loom](https://docs.rs/loom) explores what the C11 memory model lets threads see, without load buffering and
//! without stores older than an atomic's last seven. [shuttle](https://docs.rs/shuttle) treats every atomic access
//! as sequentially consistent, and so misses what a weaker ordering breaks. Which of them explores which primitive
//! is in the table below, and
//! [CHECKERS.md](https://github.com/wakeproof/wakeproof/blob/main/explore/CHECKERS.md) has the verdict of each on
//! small programs of which the right answer is known.
//!
//! # Bounds
//!
//! The [`Environment`] says how many spurious wakeups, timeouts and overtakings an execution may have. The default
//! is one of each: a wait that is not in a loop fails at the first spurious wakeup.
//! Allow a second timeout if one thread waits with a time limit twice. Keep the body small: two or three threads,
//! one or two operations each. Each thread more multiplies the executions; when a proof takes too long, make the
//! body smaller before you make the bounds smaller.
//!
//! # In CI
//!
//! An [`Explorer`] takes ten seconds at most unless [told](Explorer::time) otherwise. It uses one processor, so
//! tests that run side by side do not slow each other down as long as there are processors. [`Explorer::prove`]
//! fails a test that is not proved in the time, [`Explorer::search`] only one in which something is found. A
//! failure prints a line that replays it: `WAKEPROOF_REPLAY='…' cargo test the_test`.
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
//! | a loop that spins, with `spin_loop` or `yield_now` | explored in part: not proved | not proved |
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
//!
//! # Code that is generic over its platform
//!
//! Code that is written over [`ModelPlatform`](platform::ModelPlatform) runs under loom, under shuttle and on real
//! threads. [`loom`](loom()), [`shuttle`](shuttle()) and [`threads`](threads()) each run one search. Over the platform
//! [`DropIn`], it runs under [`Explorer`], which tells the story.
//!
//! Here is a channel with one slot, as it is often written. Its receiver waits with `if`:
//!
//! ```
//! use std::sync::Arc;
//!
//! use wakeproof::platform::Platform;
//! use wakeproof_explore::platform::{Loom, ModelPlatform, Shuttle};
//! use wakeproof_explore::{self as explore, DropIn, Environment, Explorer, Limits, Search, Verdict};
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
//! // One call tells the story, as of code for the standard library: `DropIn` is a platform, too.
//! let story = Explorer::new(|| one_message::<DropIn>(OneSlot::receive_broken)).run()?;
//! let story = story.trace.expect("an execution that fails");
//! assert!(story.end.ends_with("it is None, not Some(42)"), "{}", story.end);
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
//! # Ok::<(), wakeproof_explore::CannotReplay>(())
//! ```

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
mod shard;
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
    CannotMerge, DoesNotFit, Ending, Judge, Limits, Progress, Search, ShardReport, judged, loom,
    merge, replay, replay_loom, search_shard, shortest, shuttle, threads, told,
    uses_shuttle_itself,
};
pub use shard::{NotAShard, Shard};
pub use verdict::{
    CannotJudge, Checker, Counterexample, Exploration, MemoryModel, NotProved, Replay, Scope, Stop,
    Verdict,
};
