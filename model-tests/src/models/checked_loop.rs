//! A loop that fails the model if a callback panics.

use std::cell::RefCell;
use std::fmt;
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::rc::Rc;

use wakeproof::EventLoop;
use wakeproof::platform::{Deliberate, Platform};

/// A loop whose callbacks may only panic with [`Deliberate`].
///
/// It is not dropped while its thread unwinds. Closing it takes a lock, which is impossible in an
/// execution that has failed.
pub struct CheckedLoop<P: Platform> {
    event_loop: ManuallyDrop<EventLoop<P>>,
    caught: Rc<RefCell<CaughtPanics>>,
}

#[derive(Default)]
struct CaughtPanics {
    deliberate: usize,
    others: Vec<String>,
}

impl<P: Platform> CheckedLoop<P> {
    pub(crate) fn new() -> Self {
        let event_loop = EventLoop::<P>::on_platform();
        let caught = Rc::<RefCell<CaughtPanics>>::default();
        let listener = caught.clone();
        event_loop.set_exception_handler(move |panic| {
            let mut caught = listener.borrow_mut();
            if panic.payload().is::<Deliberate>() {
                caught.deliberate += 1;
            } else {
                caught.others.push(panic.to_string());
            }
        });
        CheckedLoop {
            event_loop: ManuallyDrop::new(event_loop),
            caught,
        }
    }

    /// Runs the loop until it is stopped.
    pub(crate) fn run(&self) {
        self.run_forever().expect("the loop is open");
        self.assert_no_panic();
    }

    /// Runs the loop until `future` completes.
    pub(crate) fn complete<F: Future>(&self, future: F) -> F::Output {
        let output = self.run_until_complete(future);
        self.assert_no_panic();
        output.expect("the loop is open, and nobody stops it")
    }

    fn assert_no_panic(&self) {
        let caught = self.caught.borrow();
        assert!(caught.others.is_empty(), "{}", caught.others.join("; "));
    }

    /// Runs one iteration, which does not sleep.
    pub(crate) fn run_once(&self) {
        self.stop();
        self.run();
    }

    /// How many deliberate panics the exception handler received.
    pub(crate) fn deliberate_panics(&self) -> usize {
        self.caught.borrow().deliberate
    }
}

impl<P: Platform> fmt::Debug for CheckedLoop<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CheckedLoop").finish_non_exhaustive()
    }
}

impl<P: Platform> Deref for CheckedLoop<P> {
    type Target = EventLoop<P>;

    fn deref(&self) -> &EventLoop<P> {
        &self.event_loop
    }
}

impl<P: Platform> Drop for CheckedLoop<P> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            // Closed here, and leaked only if the model fails.
            let _ = self.event_loop.close();
        }
    }
}
