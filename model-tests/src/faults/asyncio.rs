//! Faults of asyncio's design. Each overrides one step.

use std::sync::Arc;

use wakeproof_explore::journal::look;
use wakeproof_explore::platform::ModelPlatform;

use crate::asyncio::{Asyncio, Callback, Closed, Protocol, Ready, Step};

/// Appends, and writes no byte: `call_soon` from another thread.
#[derive(Debug)]
pub struct NoByte;

impl Protocol for NoByte {
    fn call_soon_threadsafe<P: ModelPlatform>(
        it: &Asyncio<P>,
        callback: Callback,
    ) -> Result<(), Closed> {
        Self::call_soon(it, callback)
    }
}

/// Writes the byte first and then appends. The loop reads it, finds nothing, and waits.
#[derive(Debug)]
pub struct ByteFirst;

impl Protocol for ByteFirst {
    fn call_soon_threadsafe<P: ModelPlatform>(
        it: &Asyncio<P>,
        callback: Callback,
    ) -> Result<(), Closed> {
        it.check_closed()?;
        Self::write_to_self(it);
        Self::append(it, callback);
        Ok(())
    }
}

/// Empties the pipe when it is about to wait, after the look at what is ready.
#[derive(Debug)]
pub struct ReadAfterLook;

impl Protocol for ReadAfterLook {
    fn select<P: ModelPlatform>(it: &Asyncio<P>, may_block: bool) -> bool {
        Self::read_from_self(it);
        it.pipe.select(may_block)
    }
}

/// Appends in two steps: finds the end of the deque, and writes there. A callback that another thread has
/// appended in between is overwritten.
#[derive(Debug)]
pub struct TornAppend;

impl Protocol for TornAppend {
    fn append<P: ModelPlatform>(it: &Asyncio<P>, callback: Callback) {
        let end = it.peek(|state| state.ready.len());
        let overwritten = it.with(Step::Enqueue, |state| {
            let overwritten = state.ready.len().saturating_sub(end);
            state.ready.truncate(end);
            state.ready.push_back(Ready::Callback(callback));
            overwritten
        });
        if overwritten > 0 {
            look::<P>("has overwritten what came in between");
        }
    }
}

/// The socket blocks: a write to a full pipe waits for the loop to read it, which may be the one that
/// writes.
#[derive(Debug)]
pub struct BlockingWrite;

impl Protocol for BlockingWrite {
    fn write_to_self<P: ModelPlatform>(it: &Asyncio<P>) {
        it.pipe.write_and_block();
    }
}

/// Another thread calls `stop` itself, which writes no byte.
#[derive(Debug)]
pub struct SilentStop;

impl Protocol for SilentStop {
    fn stop_threadsafe<P: ModelPlatform>(it: &Arc<Asyncio<P>>) {
        Self::stop(it);
    }
}
