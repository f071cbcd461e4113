//! What an operating system has and the standard library has not: a futex, and pipes with a poll.
//!
//! Outside of a search they are made of the standard library's primitives, so that code with them runs
//! everywhere; they are no system calls.

mod futex;
mod pipe;

pub use self::futex::{Futex, FutexWait};
pub use self::pipe::{Interest, PipeReader, PipeWriter, pipe, poll};
