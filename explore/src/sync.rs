//! `std::sync`, explored.
//!
//! [`Arc`] and [`Weak`] are the standard library's own. So nothing is explored of their counts: a
//! program whose behaviour depends on `strong_count`, `get_mut`, `try_unwrap`, `upgrade`, or on which
//! thread drops the last reference, is not proved by a proof of ours.

pub mod atomic;
mod barrier;
mod condvar;
pub mod mpsc;
mod mutex;
mod once;
mod rwlock;
mod semaphore;
mod statics;

pub use std::sync::{Arc, LockResult, PoisonError, TryLockError, TryLockResult, Weak};

pub use self::barrier::{Barrier, BarrierWaitResult};
pub use self::condvar::{Condvar, WaitTimeoutResult};
pub use self::mutex::{Mutex, MutexGuard};
pub use self::once::{LazyLock, Once, OnceLock, OnceState};
pub use self::rwlock::{RwLock, RwLockReadGuard, RwLockWriteGuard};
pub use self::semaphore::Semaphore;
#[doc(hidden)]
pub use self::statics::Static;
