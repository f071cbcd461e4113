//! Tasks: futures that the loop runs, beside each other and beside the callbacks.
//!
//! Where everything is:
//!
//! - A future is polled, and dropped, on the loop's thread and nowhere else. It sits in a slab of
//!   the loop's own (`registry`) and need not be `Send`.
//! - A waker holds a key of that slab and the inbox, never the future (`waker`). Waking is
//!   enqueueing the key, with a wakeup: exactly `call_soon_threadsafe`. So a waker may be used and
//!   dropped on any thread, long after the loop is gone.
//! - What the task and its handle have in common, the result above all, is in a cell (`join`): of
//!   the loop's thread for a [`Task`], behind a mutex for a [`SharedTask`].
//! - Between the future and the cell stands `supervise`, which sees to it that the cell hears of
//!   every end that a future can come to.

mod join;
mod local;
mod registry;
mod shared;
mod supervise;
mod waker;

pub(crate) use join::{Joint, Outcome, finish};
pub use local::Task;
pub(crate) use registry::Tasks;
pub(crate) use shared::{Joins, SharedJoin, Start, Started};
pub use shared::{ResultError, SharedTask};
pub(crate) use supervise::catch;
pub(crate) use waker::{TaskId, TaskWaker};
