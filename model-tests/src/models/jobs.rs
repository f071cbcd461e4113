//! Blocking work on other threads, whose results come back to the loop.

use std::fmt::Debug;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::num::NonZero;
use std::sync::Arc;

use wakeproof::platform::Platform;
use wakeproof::{Executor, SharedTask, Worker};

use super::{CheckedLoop, Model};
use crate::platform::ModelPlatform;

/// What the executor's threads wait on.
pub trait PoolPlatform: Debug + 'static {
    /// The mutex and the condvar of a pool that is to serve a loop on `P`.
    type On<P: ModelPlatform>: Platform;
}

/// An executor whose threads the checkers explore. It is dropped by who has come to the end of a
/// model, and not by an execution that has failed, since to drop it takes a lock.
fn executor<P: ModelPlatform, Q: Platform>(size: usize) -> ManuallyDrop<Executor<Q>> {
    let size = NonZero::new(size).expect("an executor has threads");
    let start = |worker: Worker<Q>| {
        let thread = P::spawn(&format!("executor-{}", worker.number()), || worker.run());
        Ok(move || P::join(thread))
    };
    ManuallyDrop::new(Executor::starting_threads_with(size, start))
}

/// Awaits a job. Its handle is dropped by who has the result, for the same reason.
fn result_of<T>(job: SharedTask<T>) -> impl Future<Output = T> {
    let mut job = ManuallyDrop::new(job);
    async move {
        let result = (&mut *job).await.expect("it runs to its end");
        drop(ManuallyDrop::into_inner(job));
        result
    }
}

/// The loop gives one thread `JOBS` jobs, each when it has the result of the one before, and then
/// drops the executor, which waits for the thread.
#[derive(Debug)]
pub struct JobsInTurn<const JOBS: usize, E>(PhantomData<E>);

impl<const JOBS: usize, E: PoolPlatform> Model for JobsInTurn<JOBS, E> {
    const THREADS: usize = 1;

    fn run<P: ModelPlatform>() {
        let event_loop = CheckedLoop::<P>::new();
        let executor = executor::<P, E::On<P>>(1);
        let local = event_loop.local();
        event_loop.complete(async {
            for number in 0..JOBS {
                let job = local.run_in_executor(&executor, move || number);
                assert_eq!(result_of(job.expect("it is open")).await, number);
            }
        });
        drop(ManuallyDrop::into_inner(executor));
    }
}

/// Two jobs, of which each waits until the other has begun, on an executor of `THREADS` threads. They
/// come when its first thread has had something to do and may be idle.
#[derive(Debug)]
pub struct JobsThatMeet<const THREADS: usize>;

impl<const THREADS: usize> Model for JobsThatMeet<THREADS> {
    const THREADS: usize = THREADS;

    fn run<P: ModelPlatform>() {
        let event_loop = CheckedLoop::<P>::new();
        let executor = executor::<P, P>(THREADS);
        let local = event_loop.local();
        let meeting = Arc::new((P::mutex(0), P::condvar()));
        event_loop.complete(async {
            let first = local.run_in_executor(&executor, || ());
            result_of(first.expect("it is open")).await;
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
                result_of(job.expect("it is open"))
            });
            for job in jobs {
                job.await;
            }
        });
        drop(ManuallyDrop::into_inner(executor));
    }
}
