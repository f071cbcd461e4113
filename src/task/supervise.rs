//! The way of a future from its first poll to its end.

use std::future::poll_fn;
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::task::Poll;

use crate::error::JoinError;
use crate::platform::Platform;
use crate::task::join::{Joint, Promise, is_cancel_requested};

/// Runs `future` until it completes, panics, or is cancelled; drops it; and only then tells its
/// cell, so that who sees a task finished sees the end of its destructors too.
///
/// If this is dropped instead, so is the future, and the cell hears that it was cancelled.
pub(crate) async fn supervise<P, F, D>(future: F, promise: Promise<D>)
where
    P: Platform,
    F: Future,
    D: Deref<Target: Joint<Output = F::Output>>,
{
    // In this order: locals are dropped from the last to the first.
    let promise = promise;
    let mut future = pin!(Some(future));

    let outcome = poll_fn(|context| {
        if is_cancel_requested(promise.joint(), context) {
            return Poll::Ready(Err(JoinError::Cancelled));
        }
        let Some(future) = future.as_mut().as_pin_mut() else {
            unreachable!("the future is polled until it is ready, and dropped then");
        };
        match catch::<P, _>(|| future.poll(context)) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
            Err(payload) => Poll::Ready(Err(JoinError::Panicked(payload))),
        }
    })
    .await;

    if let Err(payload) = catch::<P, _>(|| future.set(None)) {
        promise.joint().report(payload);
    }
    promise.keep(outcome);
}

/// Catches the panics of others' code, except those that are a model checker's.
pub(crate) fn catch<P: Platform, R>(user_code: impl FnOnce() -> R) -> std::thread::Result<R> {
    let result = catch_unwind(AssertUnwindSafe(user_code));
    if let Err(payload) = result {
        if P::must_not_catch(&*payload) {
            resume_unwind(payload);
        }
        return Err(payload);
    }
    result
}
