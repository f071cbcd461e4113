//! What the threads of a history share, and what its callbacks own.

use std::any::Any;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::panic::{self, AssertUnwindSafe};
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use wakeproof::hazard::{self, HazardError};
use wakeproof::platform::Platform;
use wakeproof::{
    CallHandle, EventHandle, Handle, LocalCallHandle, LocalTimerHandle, SharedTask, TimerHandle,
};

use crate::command::{
    Await, Callback, Caller, Command, Destructor, EVENTS, Id, SpawnCall, SubmitCall,
};
use crate::record::{Call, Event, OWNER, Record, Refusal, ReturnValue, WaitEnd};

/// The state that other threads and callbacks may use.
pub(super) struct Shared<P: Platform> {
    pub(super) handle: Handle<P>,
    pub(super) owner: P::ThreadId,
    pub(super) records: Mutex<Vec<Record>>,
    pub(super) submissions: Mutex<usize>,
    /// The callbacks whose handle still exists. `None` for a handle from a `Local`, which cannot leave the
    /// loop's thread.
    pub(super) calls: Mutex<BTreeMap<Id, Option<Arc<dyn Scheduled + Send + Sync>>>>,
    /// The tasks whose handle still exists, and how each was spawned.
    pub(super) tasks: Mutex<BTreeMap<Id, SpawnCall>>,
    /// The handles of the tasks that a `Handle` spawned.
    pub(super) shared_tasks: Mutex<BTreeMap<Id, SharedTask<()>>>,
    pub(super) wakers: Mutex<BTreeMap<Id, Waker>>,
    pub(super) events: [EventHandle<P>; EVENTS],
}

/// What the four kinds of callback handles have in common.
pub(super) trait Scheduled {
    fn cancel(&self) -> bool;
    fn is_cancelled(&self) -> bool;
    fn is_done(&self) -> bool;
}

macro_rules! scheduled {
    ($($handle:ident),*) => {$(
        impl Scheduled for $handle {
            fn cancel(&self) -> bool {
                $handle::cancel(self)
            }

            fn is_cancelled(&self) -> bool {
                $handle::is_cancelled(self)
            }

            fn is_done(&self) -> bool {
                $handle::is_done(self)
            }
        }
    )*};
}

scheduled!(CallHandle, LocalCallHandle, TimerHandle, LocalTimerHandle);

thread_local! {
    /// The loop of this thread. Callbacks find it here, since they must be `Send` and cannot own it.
    pub(super) static PERFORMER: RefCell<Option<Rc<dyn Perform>>> = const { RefCell::new(None) };
}

/// The state that stays on the loop's thread, on any platform.
pub(super) trait Perform {
    fn perform(&self, command: &Command);

    /// Begins a wait of a task. Returns false if there is nothing to wait for.
    fn begin_wait(&self, id: Id, what: Await, through: SpawnCall) -> bool;

    /// Polls the wait of a task.
    fn poll_wait(&self, id: Id, context: &mut Context<'_>) -> Poll<WaitEnd>;

    /// Drops the wait of a task.
    fn forget_wait(&self, id: Id);
}

impl<P: Platform> Shared<P> {
    /// `Handle::call_soon_threadsafe`, the hazard, or a timer.
    pub(super) fn submit(self: &Arc<Self>, through: SubmitCall, callback: &Callback) {
        let (id, call) = self.begin_submission(through, callback);
        let handle = self.handle.clone();
        match through {
            SubmitCall::Hazard(_) => match hazard::call_soon_without_wakeup(&handle, call) {
                Ok(handle) => self.accepted(id, handle, None),
                Err(HazardError::Closed(closed)) => self.refused(Refusal::Closed, closed.0),
                Err(error) => self.refused(Refusal::WrongThread, error.into_submitted()),
            },
            SubmitCall::TimerThreadsafe(due, _) => {
                let timer = match due.delay() {
                    Some(delay) => handle.call_later_threadsafe(delay, call),
                    None => handle.call_at_threadsafe(due.deadline(handle.time()), call),
                };
                match timer {
                    Ok(timer) => {
                        let deadline = timer.when();
                        self.accepted(id, timer, Some(deadline));
                    }
                    Err(closed) => self.refused(Refusal::Closed, closed.0),
                }
            }
            _ => match handle.call_soon_threadsafe(call) {
                Ok(handle) => self.accepted(id, handle, None),
                Err(closed) => self.refused(Refusal::Closed, closed.0),
            },
        }
    }

    /// `EventHandle::set_threadsafe`.
    pub(super) fn set_threadsafe(&self, event: usize) {
        let id = self.number();
        self.record(Event::Call(Call::SetThreadsafe(id, event)));
        match self.events[event].set_threadsafe() {
            Ok(handle) => self.accepted(id, handle, None),
            Err(_) => self.refused(Refusal::Closed, ()),
        }
    }

    /// The number of the next submission.
    pub(super) fn number(&self) -> Id {
        let mut submissions = lock(&self.submissions);
        *submissions += 1;
        *submissions - 1
    }

    pub(super) fn accepted(
        &self,
        id: Id,
        handle: impl Scheduled + Send + Sync + 'static,
        deadline: Option<Duration>,
    ) {
        lock(&self.calls).insert(id, Some(Arc::new(handle)));
        self.record(Event::Return(ReturnValue::Submitted(Ok(deadline))));
    }

    /// Records the call, and returns the submission's number and its callback.
    pub(super) fn begin_submission(
        self: &Arc<Self>,
        through: SubmitCall,
        callback: &Callback,
    ) -> (Id, impl FnOnce() + Send + use<P>) {
        let id = self.number();
        self.record(Event::Call(Call::Submit(id, through)));
        let recorder = DropRecorder::new(id, callback.destructor, self);
        let Callback { script, panics, .. } = callback.clone();
        let call = move || {
            let recorder = recorder;
            recorder.shared.record(Event::Began(id, P::now()));
            for command in &script {
                let performer = PERFORMER.with_borrow(Clone::clone);
                performer.iter().for_each(|loop_| loop_.perform(command));
            }
            recorder.shared.record(Event::Ended(id));
            if panics {
                panic::resume_unwind(Box::new(ScriptedPanic(id)));
            }
        };
        (id, call)
    }

    /// Records that a submission was refused, and drops the callback that wait_end back.
    pub(super) fn refused<T>(&self, refusal: Refusal, callback: T) {
        self.record(Event::Return(ReturnValue::Submitted(Err(refusal))));
        let _ = catch_scripted(|| drop(callback));
    }

    pub(super) fn cancel(&self, id: Id, cancel: impl FnOnce() -> bool) {
        self.during(Call::Cancel(id), || match catch_scripted(cancel) {
            Ok(cancelled) => ReturnValue::Cancelled(cancelled),
            Err(ScriptedPanic(_)) => ReturnValue::CancelPanicked,
        });
    }

    pub(super) fn stop(&self) {
        self.during(Call::Stop, || {
            self.handle.clone().stop();
            ReturnValue::Nothing
        });
    }

    pub(super) fn during(&self, call: Call, make: impl FnOnce() -> ReturnValue) {
        self.record(Event::Call(call));
        let outcome = make();
        self.record(Event::Return(outcome));
    }

    pub(super) fn record(&self, event: Event) {
        let thread = match P::current_thread() == self.owner {
            true => OWNER,
            false => OWNER + 1,
        };
        lock(&self.records).push(Record { thread, event });
    }
}

/// Owned by a callback or a task. Records when it is dropped, and then does what the script says.
pub(super) struct DropRecorder<P: Platform> {
    id: Id,
    destructor: Destructor,
    shared: Arc<Shared<P>>,
}

impl<P: Platform> DropRecorder<P> {
    pub(super) fn new(id: Id, destructor: Destructor, shared: &Arc<Shared<P>>) -> Self {
        DropRecorder {
            id,
            destructor,
            shared: shared.clone(),
        }
    }
}

impl<P: Platform> Drop for DropRecorder<P> {
    fn drop(&mut self) {
        self.shared.record(Event::Dropped(self.id));
        match self.destructor {
            Destructor::Quiet => {}
            Destructor::Panics => {
                if !thread::panicking() {
                    panic::resume_unwind(Box::new(ScriptedPanic(self.id)));
                }
            }
            Destructor::Submits => {
                let caller = match P::current_thread() == self.shared.owner {
                    true => Caller::Owner,
                    false => Caller::Foreign,
                };
                self.shared
                    .submit(SubmitCall::Threadsafe(caller), &Callback::NOTHING);
            }
            Destructor::Stops => self.shared.stop(),
        }
    }
}

/// A panic that a history asks for. Raised with `resume_unwind`, so that no hook prints it.
pub(super) struct ScriptedPanic(pub(super) Id);

/// Catches the panics that the history asks for, and lets all others through.
pub(super) fn catch_scripted<R>(code: impl FnOnce() -> R) -> Result<R, ScriptedPanic> {
    panic::catch_unwind(AssertUnwindSafe(code)).map_err(
        |payload: Box<dyn Any + Send>| match payload.downcast() {
            Ok(scripted) => *scripted,
            Err(other) => panic::resume_unwind(other),
        },
    )
}

/// Ignores poisoning: each of these mutexes is held for one statement, and a callback's panic leaves
/// nothing half-done.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
