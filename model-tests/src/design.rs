//! One trait, two loops: what the bodies of the models need of an event loop.

use std::fmt::Debug;
use std::marker::PhantomData;
use std::sync::Arc;

use wakeproof::platform::Platform;
use wakeproof::{Handle, hazard};
use wakeproof_explore::platform::ModelPlatform;

use crate::asyncio::{self, Asyncio, Callback, Cpython};
use crate::models::CheckedLoop;

/// A design of an event loop, on every platform.
pub trait Design: Debug + 'static {
    /// The loop.
    type Loop<P: ModelPlatform>: Loop;
}

/// An event loop, on the thread that runs it.
pub trait Loop {
    /// What other threads have of it.
    type Handle: LoopHandle;

    /// A loop with nothing to do.
    fn new() -> Self;
    /// A handle to it.
    fn handle(&self) -> Self::Handle;
    /// Runs until it is stopped.
    fn run(&self);
    /// Runs one iteration, which does not sleep.
    fn run_once(&self);
    /// Whether a stop was requested that no run has honoured yet.
    fn is_stopping(&self) -> bool;
    /// Accepts nothing from now on, and drops what will never run.
    fn close(&self);
}

/// A handle to an event loop.
pub trait LoopHandle: Clone + Send + 'static {
    /// Enqueues, and wakes nobody. For the loop's own thread; from any other, the hazard.
    ///
    /// # Errors
    ///
    /// If the loop is closed. The callback is dropped.
    fn call_soon(&self, callback: impl FnOnce() + Send + 'static) -> Result<(), Refused>;

    /// Enqueues, and wakes the loop. For any thread.
    ///
    /// # Errors
    ///
    /// If the loop is closed. The callback is dropped.
    fn call_soon_threadsafe(&self, callback: impl FnOnce() + Send + 'static)
    -> Result<(), Refused>;

    /// Asks the loop to return after its current iteration. For a callback on the loop's own thread.
    fn stop(&self);

    /// Asks the loop to return, from any thread.
    fn stop_threadsafe(&self);
}

/// The loop is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused;

/// The loop of the library: a mutex and a condvar.
#[derive(Debug)]
pub struct CondvarLoop;

impl Design for CondvarLoop {
    type Loop<P: ModelPlatform> = CheckedLoop<P>;
}

impl<P: Platform> Loop for CheckedLoop<P> {
    type Handle = Handle<P>;

    fn new() -> Self {
        CheckedLoop::new()
    }

    fn handle(&self) -> Handle<P> {
        (**self).handle()
    }

    fn run(&self) {
        self.run();
    }

    fn run_once(&self) {
        self.run_once();
    }

    fn is_stopping(&self) -> bool {
        self.handle().status().stopping
    }

    fn close(&self) {
        (**self).close().expect("the loop is not running");
    }
}

impl<P: Platform> LoopHandle for Handle<P> {
    fn call_soon(&self, callback: impl FnOnce() + Send + 'static) -> Result<(), Refused> {
        let call = hazard::call_soon_without_wakeup(self, callback);
        call.map(drop).map_err(|_| Refused)
    }

    fn call_soon_threadsafe(
        &self,
        callback: impl FnOnce() + Send + 'static,
    ) -> Result<(), Refused> {
        let call = self.call_soon_threadsafe(callback);
        call.map(drop).map_err(|_| Refused)
    }

    fn stop(&self) {
        self.stop();
    }

    fn stop_threadsafe(&self) {
        self.stop();
    }
}

/// asyncio's design, with a protocol that may be faulty.
#[derive(Debug)]
pub struct AsyncioLoop<S = Cpython>(PhantomData<S>);

impl<S: asyncio::Protocol> Design for AsyncioLoop<S> {
    type Loop<P: ModelPlatform> = Running<P, S>;
}

/// asyncio's loop, or a handle to it: asyncio itself makes no difference.
#[derive(Debug)]
pub struct Running<P: ModelPlatform, S>(Arc<Asyncio<P>>, PhantomData<fn(S)>);

impl<P: ModelPlatform, S> Clone for Running<P, S> {
    fn clone(&self) -> Self {
        Running(self.0.clone(), PhantomData)
    }
}

/// How many bytes the pipe of a model holds. It is full with a single one, so that a thread often finds
/// it full.
const PIPE_CAPACITY: usize = 1;

impl<P: ModelPlatform, S: asyncio::Protocol> Loop for Running<P, S> {
    type Handle = Self;

    fn new() -> Self {
        Running(Arc::new(Asyncio::new(PIPE_CAPACITY)), PhantomData)
    }

    fn handle(&self) -> Self {
        self.clone()
    }

    fn run(&self) {
        S::run_forever(&self.0);
    }

    fn run_once(&self) {
        S::stop(&self.0);
        S::run_forever(&self.0);
    }

    fn is_stopping(&self) -> bool {
        self.0.is_stopping()
    }

    fn close(&self) {
        S::close(&self.0);
    }
}

impl<P: ModelPlatform, S: asyncio::Protocol> LoopHandle for Running<P, S> {
    fn call_soon(&self, callback: impl FnOnce() + Send + 'static) -> Result<(), Refused> {
        let callback: Callback = Box::new(callback);
        S::call_soon(&self.0, callback).map_err(|_| Refused)
    }

    fn call_soon_threadsafe(
        &self,
        callback: impl FnOnce() + Send + 'static,
    ) -> Result<(), Refused> {
        let callback: Callback = Box::new(callback);
        S::call_soon_threadsafe(&self.0, callback).map_err(|_| Refused)
    }

    fn stop(&self) {
        S::stop(&self.0);
    }

    fn stop_threadsafe(&self) {
        S::stop_threadsafe(&self.0);
    }
}
