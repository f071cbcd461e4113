// The front page is README.md. Its links are references, and of two definitions the first counts: these are the places
// as seen from this documentation, and those at the end of README.md as seen in the repository.
//!
//! [architecture]: ../../../ARCHITECTURE.md
//! [condvar]: ../../../docs/your-condvar-code.md
//! [contributing]: ../../../CONTRIBUTING.md
//! [hazard]: crate::hazard
//! [inbox]: crate::inbox
//! [json]: ../../../docs/json.md
//! [local]: crate::Local
//! [own-loop]: ../../../docs/your-own-loop.md
//! [platforms]: ../../../docs/platforms.md
//! [question]: ../../../docs/question.md
//! [speed]: ../../../docs/speed.md
//! [stuck]: ../../../docs/a-process-that-hangs.md
//! [this-loop]: ../../../docs/this-loop.md
//! [verification]: ../../../docs/verification.md
//! [wild]: ../../../docs/in-the-wild.md
#![doc = include_str!("../README.md")]
#![warn(unnameable_types)]

mod call;
mod entry;
mod error;
mod event;
mod event_loop;
mod executor;
mod handle;
pub mod hazard;
pub mod inbox;
mod owned;
pub mod platform;
mod report;
mod run;
mod shared;
mod sleep;
mod step;
mod task;
mod timer;
mod timer_queue;
mod wait;

pub use call::{CallHandle, LocalCallHandle};
pub use error::{CloseError, Closed, JoinError, ResultError, RunError, TimeoutError};
pub use event::{Event, EventHandle, EventWait};
pub use event_loop::EventLoop;
pub use executor::{Executor, ExecutorError, Worker};
pub use handle::{Handle, Local};
pub use report::{CallbackPanic, SlowCallback, Work};
pub use run::run;
pub use sleep::Sleep;
pub use task::{SharedTask, Task};
pub use timer::{LocalTimerHandle, TimerHandle};
pub use wait::{ReturnWhen, TaskHandle, Waited, gather, wait};

// The programs of the book are compiled and run with the examples of this documentation.
#[cfg(doctest)]
#[doc = include_str!("../docs/question.md")]
#[doc = include_str!("../docs/this-loop.md")]
mod book {}
