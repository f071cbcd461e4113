//! What a model needs of a platform, beside what the loop needs: threads to start, and fences.

use std::sync::atomic::Ordering;

use wakeproof::platform::{ParkingLot, Platform};

use super::execution::key;
use super::{Loom, Observed, Observer, RealThreads, Shuttle};
use crate::journal::{self, Called};
use crate::search::threads::Run;
use crate::search::{failure, supervise, supervisor};

/// A platform on which a model can run: the loop's primitives, threads, and fences.
///
/// One body, written once, runs under loom, under shuttle, and on real threads.
///
/// ```
/// use wakeproof::platform::ParkingLot;
/// use wakeproof_explore::platform::ModelPlatform;
///
/// fn body<P: ModelPlatform>() {
///     let answer = P::spawn("worker", || 6 * 7);
///     assert_eq!(P::join(answer), 42);
/// }
///
/// body::<ParkingLot>();
/// ```
pub trait ModelPlatform: Platform {
    /// A thread that was started.
    type Thread<T: Send + 'static>: Send + 'static;

    /// Starts a thread. Its name appears in counterexamples.
    fn spawn<T: Send + 'static>(
        name: &str,
        body: impl FnOnce() -> T + Send + 'static,
    ) -> Self::Thread<T>;

    /// Waits for a thread to end.
    fn join<T: Send + 'static>(thread: Self::Thread<T>) -> T;

    /// Orders this thread's accesses to flags before it and after it, for all threads alike:
    /// `fence(SeqCst)`.
    fn fence();
}

/// The body of a thread, without its type. What starts a thread is large, and there are many bodies:
/// so it is compiled once for each type of result.
pub(crate) type Body<T> = Box<dyn FnOnce() -> T + Send>;

pub(crate) fn start_under_loom<T: Send + 'static>(
    called: Called,
    body: Body<T>,
) -> loom::thread::JoinHandle<T> {
    loom::thread::spawn(move || {
        journal::call_this_thread::<Loom>(called);
        let value = body();
        journal::end::<Loom>();
        super::ends(key(loom::thread::current().id()));
        failure::resume_hidden();
        value
    })
}

pub(crate) fn start_under_shuttle<T: Send + 'static>(
    called: Called,
    body: Body<T>,
) -> shuttle::thread::JoinHandle<T> {
    supervisor::starting(|| shuttle::thread::spawn(move || run_under_shuttle(called, body)))
}

/// What a thread under shuttle does: its body, and what the search has to know of it.
pub(crate) fn run_under_shuttle<T>(called: Called, body: impl FnOnce() -> T) -> T {
    journal::call_this_thread::<Shuttle>(called);
    supervisor::run_body(|| {
        let value = body();
        journal::end::<Shuttle>();
        super::ends(super::this_thread());
        value
    })
}

pub(crate) fn start_on_threads<T: Send + 'static>(
    builder: std::thread::Builder,
    body: Body<T>,
) -> std::io::Result<std::thread::JoinHandle<T>> {
    match Run::current() {
        None => builder.spawn(body),
        Some(run) => {
            run.starts_thread();
            builder.spawn(move || {
                let body = || {
                    let value = body();
                    super::ends(key(std::thread::current().id()));
                    value
                };
                joined(run.take_part(body))
            })
        }
    }
}

/// As [`start_on_threads`], with a name.
fn start_named<T: Send + 'static>(name: &str, body: Body<T>) -> std::thread::JoinHandle<T> {
    let builder = std::thread::Builder::new().name(name.to_owned());
    start_on_threads(builder, body).expect("the operating system starts a thread")
}

/// A panic of the thread goes on in the thread that joins it.
fn joined<T>(result: std::thread::Result<T>) -> T {
    result.unwrap_or_else(|payload| std::panic::resume_unwind(payload))
}

impl ModelPlatform for ParkingLot {
    type Thread<T: Send + 'static> = std::thread::JoinHandle<T>;

    fn spawn<T: Send + 'static>(
        name: &str,
        body: impl FnOnce() -> T + Send + 'static,
    ) -> Self::Thread<T> {
        start_named(name, Box::new(body))
    }

    fn join<T: Send + 'static>(thread: Self::Thread<T>) -> T {
        joined(thread.join())
    }

    fn fence() {
        std::sync::atomic::fence(Ordering::SeqCst);
    }
}

impl ModelPlatform for RealThreads {
    type Thread<T: Send + 'static> = std::thread::JoinHandle<T>;

    fn spawn<T: Send + 'static>(
        name: &str,
        body: impl FnOnce() -> T + Send + 'static,
    ) -> Self::Thread<T> {
        start_named(name, Box::new(body))
    }

    fn join<T: Send + 'static>(thread: Self::Thread<T>) -> T {
        joined(thread.join())
    }

    fn fence() {
        std::sync::atomic::fence(Ordering::SeqCst);
    }
}

impl ModelPlatform for Loom {
    type Thread<T: Send + 'static> = loom::thread::JoinHandle<T>;

    fn spawn<T: Send + 'static>(
        name: &str,
        body: impl FnOnce() -> T + Send + 'static,
    ) -> Self::Thread<T> {
        supervise::step();
        start_under_loom(Called::Named(name.to_owned()), Box::new(body))
    }

    fn join<T: Send + 'static>(thread: Self::Thread<T>) -> T {
        supervise::step();
        joined(thread.join())
    }

    fn fence() {
        supervise::step();
        loom::sync::atomic::fence(Ordering::SeqCst);
    }
}

impl ModelPlatform for Shuttle {
    type Thread<T: Send + 'static> = shuttle::thread::JoinHandle<T>;

    fn spawn<T: Send + 'static>(
        name: &str,
        body: impl FnOnce() -> T + Send + 'static,
    ) -> Self::Thread<T> {
        start_under_shuttle(Called::Named(name.to_owned()), Box::new(body))
    }

    fn join<T: Send + 'static>(thread: Self::Thread<T>) -> T {
        supervisor::joins();
        joined(thread.join())
    }

    /// Nothing to do: shuttle's atomics are sequentially consistent as they are.
    fn fence() {}
}

impl<P: ModelPlatform, O: Observer> ModelPlatform for Observed<P, O> {
    type Thread<T: Send + 'static> = P::Thread<T>;

    fn spawn<T: Send + 'static>(
        name: &str,
        body: impl FnOnce() -> T + Send + 'static,
    ) -> Self::Thread<T> {
        P::spawn(name, body)
    }

    fn join<T: Send + 'static>(thread: Self::Thread<T>) -> T {
        P::join(thread)
    }

    fn fence() {
        P::fence();
    }
}
