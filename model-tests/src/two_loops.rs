//! The models on both designs: where asyncio's keeps what the condvar loop promises, and where it does not,
//! with the reason.

use crate::design::{AsyncioLoop, CondvarLoop};
use crate::faults::asyncio::{BlockingWrite, NoByte, SilentStop};
use crate::models::{
    CallbackSubmits, CloseAmidSubmission, HandlesDropped, Model, StopBehindCallbacks,
    StopRacesWithSleep, StopRacesWithSubmit, Subject, Submit, TwoLoops,
};
use crate::pairs::{Pair, pairs};

/// What comes of a model on asyncio's design.
#[derive(Debug, Clone, Copy)]
pub enum OnAsyncio {
    /// It holds, and it fails if a step is wrong.
    Holds(Pair),
    /// It fails, although every step is as in CPython.
    Fails {
        /// The model on the condvar loop, where it holds.
        on_condvar: Subject,
        /// The model on asyncio's design.
        on_asyncio: Subject,
        /// Why.
        why: &'static str,
    },
    /// It is not run there.
    NotRun {
        /// Why.
        why: &'static str,
    },
}

/// A model of the condvar loop, and what comes of it on asyncio's design.
#[derive(Debug, Clone, Copy)]
pub struct Body {
    /// The model's name.
    pub name: &'static str,
    /// What comes of it.
    pub on_asyncio: OnAsyncio,
}

const CHECK_AND_APPEND: &str = "CPython's call_soon_threadsafe looks whether the loop is closed, and then appends: a close in between empties the deque before the append";
const NO_SPIN: &str = "asyncio does not look for work before it sleeps";
const NO_CANCEL: &str =
    "asyncio's Handle.cancel is for the loop's own thread, where nothing races with it";
const NO_PANIC: &str = "an exception in a callback has nothing to do with wakeups: asyncio's handles catch it, and the design here has no exceptions";
const NO_TASKS: &str =
    "tasks and events are built from callbacks, and only the condvar loop has them here";
const NO_JOBS: &str =
    "an executor hands its results over by callbacks, and only the condvar loop has one here";
const NO_TIMERS: &str = "the design here has no timers: to the selector, a deadline is one more reason to return, and the specification has that";
const NO_SPURIOUS: &str =
    "a selector that returns without a reason leads to an empty iteration, which asyncio allows";

/// Every model of the condvar loop, and what comes of it on asyncio's design.
#[must_use]
pub fn bodies() -> Vec<Body> {
    pairs()
        .into_iter()
        .map(|Pair { name, .. }| Body {
            name,
            on_asyncio: on_asyncio(name),
        })
        .collect()
}

/// The models that hold on asyncio's design, each beside a faulty version that must fail.
#[must_use]
pub fn asyncio_pairs() -> Vec<Pair> {
    let on_asyncio = bodies().into_iter().map(|body| body.on_asyncio);
    on_asyncio
        .filter_map(|on_asyncio| match on_asyncio {
            OnAsyncio::Holds(pair) => Some(pair),
            OnAsyncio::Fails { .. } | OnAsyncio::NotRun { .. } => None,
        })
        .collect()
}

fn on_asyncio(name: &'static str) -> OnAsyncio {
    fn holds<M: Model, F: Model>(name: &'static str) -> OnAsyncio {
        OnAsyncio::Holds(Pair {
            name,
            correct: Subject::correct::<M>(),
            faulty: Subject::correct::<F>(),
        })
    }
    type Right = AsyncioLoop;
    type Wrong<S> = AsyncioLoop<S>;
    let why = match name {
        "1 thread submits 1 callback" => {
            return holds::<Submit<1, 1, Right>, Submit<1, 1, Wrong<NoByte>>>(name);
        }
        "1 thread submits 2 callbacks" => {
            return holds::<Submit<1, 2, Right>, Submit<1, 2, Wrong<NoByte>>>(name);
        }
        "2 threads submit 1 callback each" => {
            return holds::<Submit<2, 1, Right>, Submit<2, 1, Wrong<NoByte>>>(name);
        }
        "callbacks submit callbacks" => {
            return holds::<CallbackSubmits<Right>, CallbackSubmits<Wrong<BlockingWrite>>>(name);
        }
        "stop behind a callback" => {
            return holds::<StopBehindCallbacks<Right>, StopBehindCallbacks<Wrong<NoByte>>>(name);
        }
        "stop races with sleep" => {
            return holds::<StopRacesWithSleep<Right>, StopRacesWithSleep<Wrong<SilentStop>>>(name);
        }
        "stop races with submit" => {
            return holds::<StopRacesWithSubmit<Right>, StopRacesWithSubmit<Wrong<SilentStop>>>(
                name,
            );
        }
        "close races with submit" => {
            return OnAsyncio::Fails {
                on_condvar: Subject::correct::<CloseAmidSubmission<CondvarLoop>>(),
                on_asyncio: Subject::correct::<CloseAmidSubmission<Right>>(),
                why: CHECK_AND_APPEND,
            };
        }
        "handles are dropped" => {
            return holds::<HandlesDropped<Right>, HandlesDropped<Wrong<NoByte>>>(name);
        }
        "two loops submit to each other" => {
            return holds::<TwoLoops<Right>, TwoLoops<Wrong<NoByte>>>(name);
        }
        "cancel races with run" => NO_CANCEL,
        "a loop that spins falls asleep" => NO_SPIN,
        "a callback panics" => NO_PANIC,
        "nobody asks for an iteration" => NO_SPURIOUS,
        "event set from another thread"
        | "two tasks wait for an event"
        | "event set and cleared"
        | "wake races with poll"
        | "2 threads wake a task at once"
        | "wake after completion"
        | "the last waker is dropped elsewhere"
        | "spawn races with sleep"
        | "spawn races with close"
        | "a thread waits for a task's result"
        | "a thread awaits a task" => NO_TASKS,
        "a job's result comes back" | "a job comes to a thread that may fall asleep" => NO_JOBS,
        "an earlier timer from another thread"
        | "cancel races with a timer"
        | "a sleeper is woken before its time"
        | "an hour passes" => NO_TIMERS,
        other => unreachable!("{other} is a model of the condvar loop: say what comes of it here"),
    };
    OnAsyncio::NotRun { why }
}
