//! A loop for one program.

use std::panic;

use crate::error::RunError;
use crate::event_loop::EventLoop;
use crate::handle::Local;

/// Makes a loop, runs `main` on it until it returns, cancels the tasks that are left, closes the
/// loop, and returns what `main` returned. asyncio's `run`.
///
/// Before this returns, unfinished tasks are dropped on this thread. If a task must finish, await it in
/// `main`.
///
/// # Errors
///
/// [`RunError::Stopped`] if the loop was stopped before `main` returned.
///
/// # Panics
///
/// If `main` panics, so does this call, after it has closed the loop.
///
/// ```
/// let answer = wakeproof::run(async |local| {
///     let handle = local.handle();
///     let worker = std::thread::spawn(move || {
///         handle.spawn_threadsafe(async { 6 * 7 }).unwrap().result().unwrap()
///     });
///     local.sleep(std::time::Duration::from_millis(1)).await.unwrap();
///     while !worker.is_finished() {
///         local.sleep(std::time::Duration::from_millis(1)).await.unwrap();
///     }
///     worker.join().unwrap()
/// })?;
/// assert_eq!(answer, 42);
/// # Ok::<(), wakeproof::RunError>(())
/// ```
#[track_caller]
pub fn run<T>(main: impl AsyncFnOnce(Local) -> T) -> Result<T, RunError> {
    let event_loop = EventLoop::new();
    let result = event_loop.complete(main(event_loop.local()));
    drop(event_loop);
    match result? {
        Ok(output) => Ok(output),
        Err(payload) => panic::resume_unwind(payload),
    }
}
