//! Tasks: futures that the loop runs, beside each other and beside the callbacks.
//!
//! Where everything is:
//!
//! - A future is polled, and dropped, on the loop's thread and nowhere else. It sits in a slab of
//!   the loop's own (`registry`) and need not be `Send`.
//! - A waker holds a key of that slab and the inbox, never the future (`waker`). Waking is
//!   enqueueing the key, with a wakeup: exactly `call_soon_threadsafe`. So a waker may be used and
//!   dropped on any thread, long after the loop is gone.
//! - The result waits in a cell (`result_cell`) that the task and its handle share: on the loop's
//!   thread for a [`Task`] (`local_cell`), behind a mutex for a [`SharedTask`] (`submission`).
//! - Between the future and the cell stands `supervise`: whatever end a future comes to, its cell
//!   hears of it.

mod local;
mod local_cell;
pub(crate) mod registry;
pub(crate) mod result_cell;
mod shared;
mod spares;
pub(crate) mod submission;
mod supervise;
pub(crate) mod waker;

pub use local::Task;
pub use shared::SharedTask;
