//! Blocking jobs on other threads, whose results come back to the loop.

use std::fmt::Debug;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::num::NonZero;
use std::sync::Arc;

use wakeproof::{Executor, SharedTask, Worker};

use super::{CheckedLoop, Model};
use wakeproof_explore::platform::ModelPlatform;

/// How the model creates its executor, and with it the condvar that the threads wait on.
pub trait MakePool: Debug + 'static {
    /// Creates the executor.
    fn make<E>(make: impl FnOnce() -> E) -> E {
        make()
    }
}

/// Creates an executor whose threads the checkers explore. The last line of a model drops it. An execution
/// that has failed leaks it, since dropping it takes a lock.
fn executor<P: ModelPlatform>(size: usize) -> ManuallyDrop<Executor<P>> {
    let size = NonZero::new(size).expect("an executor has threads");
    let start = |worker: Worker<P>| {
        let thread = P::spawn(&format!("executor-{}", worker.number()), || worker.run());
        Ok(move || P::join(thread))
    };
    ManuallyDrop::new(Executor::starting_threads_with(size, start))
}

/// Awaits a job. Drops its handle only once the result is there, for the same reason.
fn result_of<T>(job: SharedTask<T>) -> impl Future<Output = T> {
    let mut job = ManuallyDrop::new(job);
    async move {
        let result = (&mut *job).await.expect("it runs to its end");
        drop(ManuallyDrop::into_inner(job));
        result
    }
}

/// The loop runs `JOBS` jobs on an executor with one thread, each after the result of the previous job, and
/// then drops the executor, which waits for the thread.
#[derive(Debug)]
pub struct JobsInTurn<const JOBS: usize, E>(PhantomData<E>);

impl<const JOBS: usize, E: MakePool> Model for JobsInTurn<JOBS, E> {
    const THREADS: usize = 1;

    fn run<P: ModelPlatform>() {
        let event_loop = CheckedLoop::<P>::new();
        let executor = E::make(|| executor::<P>(1));
        let local = event_loop.local();
        event_loop.complete(async {
            for number in 0..JOBS {
                let job = local.run_in_executor(&executor, move || number);
                assert_eq!(result_of(job.expect("the loop is open")).await, number);
            }
        });
        drop(ManuallyDrop::into_inner(executor));
    }
}

/// Two jobs, each of which waits until the other has begun, on an executor with `THREADS` threads. When they
/// are submitted, the first thread has already run a job and may be idle.
#[derive(Debug)]
pub struct JobsThatMeet<const THREADS: usize>;

impl<const THREADS: usize> Model for JobsThatMeet<THREADS> {
    const THREADS: usize = THREADS;

    fn run<P: ModelPlatform>() {
        let event_loop = CheckedLoop::<P>::new();
        let executor = executor::<P>(THREADS);
        let local = event_loop.local();
        let meeting = Arc::new((P::mutex(0), P::condvar()));
        event_loop.complete(async {
            let first = local.run_in_executor(&executor, || ());
            result_of(first.expect("the loop is open")).await;
            let jobs = [meeting.clone(), meeting].map(|meeting| {
                let job = local.run_in_executor(&executor, move || {
                    let (begun, change) = &*meeting;
                    let mut begun = P::lock(begun);
                    *begun += 1;
                    P::notify_one(change);
                    while *begun < 2 {
                        begun = P::wait(change, begun);
                    }
                });
                result_of(job.expect("the loop is open"))
            });
            for job in jobs {
                job.await;
            }
        });
        drop(ManuallyDrop::into_inner(executor));
    }
}
