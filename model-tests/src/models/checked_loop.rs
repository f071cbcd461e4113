//! A loop that models can trust to fail loudly.

use std::cell::RefCell;
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::rc::Rc;

use wakeproof::EventLoop;
use wakeproof::platform::{Deliberate, Platform};

/// A loop whose callbacks must not panic, unless with [`Deliberate`].
///
/// It is not dropped while a thread unwinds: closing it takes a lock, and an execution that has
/// failed has none to give.
pub(crate) struct CheckedLoop<P: Platform> {
    event_loop: ManuallyDrop<EventLoop<P>>,
    heard: Rc<RefCell<Heard>>,
}

#[derive(Default)]
struct Heard {
    deliberate: usize,
    others: Vec<String>,
}

impl<P: Platform> CheckedLoop<P> {
    pub(crate) fn new() -> Self {
        let event_loop = EventLoop::<P>::on_platform();
        let heard = Rc::<RefCell<Heard>>::default();
        let listener = heard.clone();
        event_loop.set_exception_handler(move |panic| {
            let mut heard = listener.borrow_mut();
            if panic.payload().is::<Deliberate>() {
                heard.deliberate += 1;
            } else {
                heard.others.push(panic.to_string());
            }
        });
        CheckedLoop {
            event_loop: ManuallyDrop::new(event_loop),
            heard,
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
        let heard = self.heard.borrow();
        assert!(heard.others.is_empty(), "{}", heard.others.join("; "));
    }

    /// Runs one iteration, which does not sleep.
    pub(crate) fn run_once(&self) {
        self.stop();
        self.run();
    }

    /// How many deliberate panics the exception handler was told of.
    pub(crate) fn deliberate_panics(&self) -> usize {
        self.heard.borrow().deliberate
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
            // The loop outlives the panic of a model that fails, and nothing else.
            let _ = self.event_loop.close();
        }
    }
}
