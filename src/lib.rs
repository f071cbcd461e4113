#![doc = include_str!("../README.md")]

mod call;
mod error;
mod event;
mod event_loop;
mod executor;
mod handle;
pub mod hazard;
pub mod inbox;
pub mod platform;
mod report;
mod run;
mod sleep;
mod step;
mod task;
mod timer;
mod wait;

pub use call::{CallHandle, LocalCallHandle};
pub use error::{CloseError, Closed, Elapsed, JoinError, RunError, SpawnError};
pub use event::{Event, EventHandle, EventWait};
pub use event_loop::EventLoop;
pub use executor::{Executor, ExecutorError, Worker};
pub use handle::{Handle, Local};
pub use report::{CallbackPanic, SlowCallback, Work};
pub use run::run;
pub use sleep::Sleep;
pub use task::{ResultError, SharedTask, Task};
pub use timer::{LocalTimerHandle, TimerHandle};
pub use wait::{ReturnWhen, Waited, gather, wait};
