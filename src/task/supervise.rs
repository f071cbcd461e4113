//! The way of a future from its first poll to its end.

use std::future::poll_fn;
use std::ops::Deref;
use std::pin::pin;
use std::task::Poll;

use crate::error::JoinError;
use crate::platform::Platform;
use crate::report::catch;
use crate::task::result_cell::{Promise, ResultCell};

/// Runs `future` until it completes, panics, or is cancelled; drops it; and only then brings its
/// result in. So a task that is seen to have ended has run its destructors.
///
/// If this is dropped instead, so is the future, and its result is that it was cancelled.
pub(crate) async fn supervise<P, F, C>(future: F, promise: Promise<C>)
where
    P: Platform,
    F: Future,
    C: Deref<Target: ResultCell<Output = F::Output>>,
{
    // In this order: locals are dropped from the last to the first.
    let mut promise = promise;
    let mut future = pin!(Some(future));

    let outcome = poll_fn(|context| {
        if promise.cell.is_cancel_requested(context) {
            return Poll::Ready(Err(JoinError::Cancelled));
        }
        let future = future.as_mut().as_pin_mut();
        let future = future.expect("it is dropped after its last poll");
        match catch::<P, _>(|| future.poll(context)) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
            Err(payload) => Poll::Ready(Err(JoinError::Panicked(payload))),
        }
    })
    .await;

    if let Err(payload) = catch::<P, _>(|| future.set(None)) {
        promise.cell.report(payload);
    }
    promise.outcome = Some(outcome);
}
