#![doc = include_str!("../README.md")]

mod call;
mod error;
mod event_loop;
mod handle;
pub mod hazard;
pub mod inbox;
pub mod platform;
mod report;

pub use call::{CallHandle, LocalCallHandle};
pub use error::{CloseError, Closed, RunError};
pub use event_loop::EventLoop;
pub use handle::{Handle, Local};
pub use report::{CallbackPanic, SlowCallback};
