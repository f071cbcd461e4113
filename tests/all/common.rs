//! A loop for tests. What goes wrong inside of it fails the test.

use std::cell::RefCell;
use std::fmt::Debug;
use std::ops::Deref;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use wakeproof::platform::{ParkingLot, Platform};
use wakeproof::{EventLoop, Handle, Local, RunError};

use crate::watchdog::Watchdog;

pub const MILLISECOND: Duration = Duration::from_millis(1);
pub const HOUR: Duration = Duration::from_secs(3600);

/// A loop whose test fails if a callback or a task panics, unless the test expects that and takes the
/// report, and that is watched for hanging.
///
/// A loop catches panics, so an assertion in a callback does not fail a test by itself.
pub struct TestLoop<P: Platform = ParkingLot> {
    event_loop: EventLoop<P>,
    panics: Rc<RefCell<Vec<String>>>,
    _watchdog: Watchdog,
}

impl TestLoop {
    pub fn new() -> Self {
        Self::on_platform()
    }
}

impl<P: Platform> TestLoop<P> {
    pub fn on_platform() -> Self {
        let event_loop = EventLoop::on_platform();
        let panics = Rc::new(RefCell::new(Vec::new()));
        let writer = panics.clone();
        event_loop.set_exception_handler(move |panic| {
            let message = panic.message().unwrap_or("no text");
            writer
                .borrow_mut()
                .push(format!("{:?}: {message}", panic.work()));
        });
        TestLoop {
            event_loop,
            panics,
            _watchdog: Watchdog::start(),
        }
    }

    /// Runs exactly one iteration.
    #[track_caller]
    pub fn run_once(&self) {
        self.stop();
        self.run_forever().unwrap();
    }

    /// Runs the loop, and beside it `worker` on another thread, until that ends. A panic there is this
    /// test's.
    #[track_caller]
    pub fn run_beside<R: Send>(&self, worker: impl FnOnce(&Handle<P>) -> R + Send) -> R {
        let handle = self.handle();
        thread::scope(|scope| {
            let worker = scope.spawn(move || {
                let stop = StopOnDrop(handle);
                worker(&stop.0)
            });
            self.run_forever().unwrap();
            match worker.join() {
                Ok(result) => result,
                Err(payload) => std::panic::resume_unwind(payload),
            }
        })
    }

    /// The panics that the loop has reported since the last call. They no longer fail the test.
    pub fn take_panics(&self) -> Vec<String> {
        self.panics.take()
    }
}

impl<P: Platform> Deref for TestLoop<P> {
    type Target = EventLoop<P>;

    fn deref(&self) -> &EventLoop<P> {
        &self.event_loop
    }
}

impl<P: Platform> Drop for TestLoop<P> {
    fn drop(&mut self) {
        self.event_loop.close().expect("it is not running");
        let panics = self.take_panics();
        if !thread::panicking() {
            assert!(panics.is_empty(), "caught by the loop: {panics:?}");
        }
    }
}

/// Stops the loop when the worker ends, and when it panics.
struct StopOnDrop<P: Platform>(Handle<P>);

impl<P: Platform> Drop for StopOnDrop<P> {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// [`wakeproof::run`], watched for hanging.
pub fn run<T>(main: impl AsyncFnOnce(Local) -> T) -> Result<T, RunError> {
    let _watchdog = Watchdog::start();
    wakeproof::run(main)
}

/// Blocks until the loop has gone to sleep.
pub fn wait_until_asleep<P: Platform>(handle: &Handle<P>) {
    while !handle.status().asleep {
        thread::yield_now();
    }
}

/// What callbacks write, in the order in which they run.
#[derive(Debug)]
pub struct Log<T>(Rc<RefCell<Vec<T>>>);

impl<T: 'static> Log<T> {
    pub fn new() -> Self {
        Log(Rc::default())
    }

    pub fn write(&self, line: T) {
        self.0.borrow_mut().push(line);
    }

    pub fn callback(&self, line: T) -> impl FnOnce() + 'static {
        let log = self.clone();
        move || log.write(line)
    }

    pub fn take(&self) -> Vec<T> {
        self.0.take()
    }
}

impl<T: Debug + PartialEq + 'static> Log<T> {
    /// Checks all that has been written.
    #[track_caller]
    pub fn expect(&self, lines: &[T]) {
        assert_eq!(*self.0.borrow(), lines);
    }
}

impl<T> Clone for Log<T> {
    fn clone(&self) -> Self {
        Log(self.0.clone())
    }
}

/// Writes a line when it is dropped.
pub struct OnDrop<T: Clone + 'static>(pub Log<T>, pub T);

impl<T: Clone + 'static> Drop for OnDrop<T> {
    fn drop(&mut self) {
        self.0.write(self.1.clone());
    }
}

#[test]
#[should_panic(expected = r#"caught by the loop: ["Callback: an assertion"]"#)]
fn an_assertion_that_fails_in_a_callback_fails_the_test() {
    let event_loop = TestLoop::new();
    event_loop
        .local()
        .call_soon(|| panic!("an assertion"))
        .unwrap();
    event_loop.run_once();
}

#[test]
#[should_panic(expected = r#"caught by the loop: ["Task: an assertion"]"#)]
fn an_assertion_that_fails_in_a_task_that_nobody_awaits_fails_the_test() {
    let event_loop = TestLoop::new();
    let task = event_loop.local().spawn(async { panic!("an assertion") });
    drop::<wakeproof::Task<()>>(task.unwrap());
    event_loop.run_once();
}

#[test]
#[should_panic(expected = "an assertion")]
fn an_assertion_that_fails_beside_the_loop_fails_the_test_and_ends_the_run() {
    TestLoop::new().run_beside(|_| panic!("an assertion"));
}
