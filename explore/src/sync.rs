//! `std::sync`, explored.
//!
//! [`Arc`] and [`Weak`] are the standard library's own. So nothing is explored of their counts: a
//! program whose behaviour depends on `strong_count`, `get_mut`, `try_unwrap`, `upgrade`, or on which
//! thread drops the last reference, is not proved by a proof of ours.

pub mod atomic;
mod condvar;
mod mutex;

pub use std::sync::{Arc, LockResult, PoisonError, Weak};

pub use self::condvar::{Condvar, WaitTimeoutResult};
pub use self::mutex::{Mutex, MutexGuard};
