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

mod isolated;
pub mod journal;
pub mod observe;
pub mod platform;
mod schedule;
mod search;
pub mod suite;
pub mod trace;
mod verdict;

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
