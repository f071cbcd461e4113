//! Every model of the loop, paired with a faulty version that must fail.

use wakeproof_faults::InboxFault;

use crate::faults::{
    AnyWakeupWillDo, JobWithoutWakeup, LookThenCancel, NotifyWithoutTheLock, SetWithoutWakeup,
    WakerHoldsFuture,
};
use crate::models::{
    AwaitedElsewhere, CallbackSubmits, CancelRacesWithRun, CancelRacesWithTimer,
    CloseRacesWithSubmit, CorrectSteps, EarlierTimer, EventFromAnotherThread, EventSetAndCleared,
    HandlesDropped, HourPasses, JobsInTurn, LastWakerDropped, Model, PanicInCallback,
    ResultAwaited, SleeperWoken, SpawnRacesWithClose, SpawnRacesWithSleep, SpinBeforeSleep,
    StopBehindCallbacks, StopRacesWithSleep, StopRacesWithSubmit, Subject, Submit, TwoLoops,
    TwoWakeAtOnce, Unasked, WakeAfterCompletion, WakeRacesWithPoll,
};

/// A model, and a version of it in which one step is wrong.
#[derive(Debug, Clone, Copy)]
pub struct Pair {
    /// The name of the model.
    pub name: &'static str,
    /// The model without a fault.
    pub correct: Subject,
    /// The model without the wakeup, or with another fault that it can show.
    pub faulty: Subject,
}

/// Every model of the loop, paired with a faulty version that must fail.
#[must_use]
pub fn pairs() -> Vec<Pair> {
    use InboxFault::{
        AcceptAfterClose, BelievesTheSpin, DeadlineTakenForDelay, IfInsteadOfWhile, NoNotify,
        SilentStop,
    };
    fn pair<M: Model>(name: &'static str, fault: InboxFault) -> Pair {
        let correct = Subject::correct::<M>();
        Pair {
            name,
            correct,
            faulty: correct.with_fault(fault),
        }
    }
    /// For a fault outside the protocol.
    fn twins<M: Model, F: Model>(name: &'static str) -> Pair {
        Pair {
            name,
            correct: Subject::correct::<M>(),
            faulty: Subject::correct::<F>(),
        }
    }
    vec![
        pair::<Submit<1, 1>>("1 thread submits 1 callback", NoNotify),
        pair::<Submit<1, 2>>("1 thread submits 2 callbacks", NoNotify),
        pair::<Submit<2, 1>>("2 threads submit 1 callback each", NoNotify),
        pair::<CallbackSubmits>("callbacks submit callbacks", NoNotify),
        pair::<CancelRacesWithRun>("cancel races with run", NoNotify),
        pair::<SpinBeforeSleep>("a loop that spins falls asleep", BelievesTheSpin),
        pair::<StopBehindCallbacks>("stop behind a callback", NoNotify),
        pair::<StopRacesWithSleep>("stop races with sleep", SilentStop),
        pair::<StopRacesWithSubmit>("stop races with submit", SilentStop),
        pair::<CloseRacesWithSubmit>("close races with submit", AcceptAfterClose),
        pair::<PanicInCallback>("a callback panics", NoNotify),
        pair::<HandlesDropped>("handles are dropped", NoNotify),
        pair::<TwoLoops>("two loops submit to each other", NoNotify),
        pair::<Unasked>("nobody asks for an iteration", IfInsteadOfWhile),
        twins::<EventFromAnotherThread<1, CorrectSteps>, EventFromAnotherThread<1, SetWithoutWakeup>>(
            "event set from another thread",
        ),
        twins::<EventFromAnotherThread<2, CorrectSteps>, EventFromAnotherThread<2, SetWithoutWakeup>>(
            "two tasks wait for an event",
        ),
        twins::<EventSetAndCleared<CorrectSteps>, EventSetAndCleared<SetWithoutWakeup>>(
            "event set and cleared",
        ),
        pair::<WakeRacesWithPoll>("wake races with poll", NoNotify),
        pair::<TwoWakeAtOnce>("2 threads wake a task at once", NoNotify),
        pair::<WakeAfterCompletion>("wake after completion", NoNotify),
        twins::<LastWakerDropped<CorrectSteps>, LastWakerDropped<WakerHoldsFuture>>(
            "the last waker is dropped elsewhere",
        ),
        pair::<SpawnRacesWithSleep>("spawn races with sleep", NoNotify),
        pair::<SpawnRacesWithClose>("spawn races with close", AcceptAfterClose),
        pair::<ResultAwaited>("a thread waits for a task's result", SilentStop),
        twins::<AwaitedElsewhere<CorrectSteps>, AwaitedElsewhere<NotifyWithoutTheLock>>(
            "a thread awaits a task",
        ),
        pair::<JobsInTurn<1, CorrectSteps>>("a job's result comes back", NoNotify),
        twins::<JobsInTurn<2, CorrectSteps>, JobsInTurn<2, JobWithoutWakeup>>(
            "a job comes to a thread that may fall asleep",
        ),
        pair::<EarlierTimer>("an earlier timer from another thread", NoNotify),
        twins::<CancelRacesWithTimer<CorrectSteps>, CancelRacesWithTimer<LookThenCancel>>(
            "cancel races with a timer",
        ),
        twins::<SleeperWoken<CorrectSteps>, SleeperWoken<AnyWakeupWillDo>>(
            "a sleeper is woken before its time",
        ),
        pair::<HourPasses>("an hour passes", DeadlineTakenForDelay),
    ]
}
