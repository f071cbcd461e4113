//! [parking_lot](https://docs.rs/parking_lot)'s mutex, condvar and lock, explored: without poisoning, and
//! with a condvar that never wakes spuriously.
//!
//! Outside of a search they are parking_lot's own. What is not here is not explored: fairness, timed
//! locking, mapped and upgradable guards, and `ReentrantMutex`.

mod condvar;
mod mutex;
mod rwlock;

pub use self::condvar::{Condvar, WaitTimeoutResult};
pub use self::mutex::{Mutex, MutexGuard};
pub use self::rwlock::{RwLock, RwLockReadGuard, RwLockWriteGuard};
