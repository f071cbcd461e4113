//! What an operating system has and the standard library has not: a futex, pipes with a poll, signals, and
//! threads that are suspended.
//!
//! Outside of a search they are made of the standard library's primitives, so that code with them runs
//! everywhere; they are no system calls.

mod futex;
mod pipe;
mod signal;
mod suspension;

pub use self::futex::{Futex, FutexWait};
pub use self::pipe::{Interest, PipeReader, PipeWriter, pipe, poll};
pub use self::signal::Signal;
pub use self::suspension::Suspension;
