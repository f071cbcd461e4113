//! One execution of a program, under shuttle.

use std::any::Any;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::mem::{self, ManuallyDrop};
use std::panic;
use std::rc::Rc;
use std::sync::{Arc, PoisonError};
use std::task::Waker;
use std::time::Duration;

use shuttle::scheduler::TaskId;
use shuttle::thread;
use wakeproof::platform::{Deliberate, Platform};
use wakeproof::{
    Closed, EventHandle, EventLoop, EventWait, Handle, Local, SharedTask, Task, hazard,
};
use wakeproof_explore::platform::{Environment, Shuttle};
use wakeproof_explore::uses_shuttle_itself;
use wakeproof_faults::Faulty;

use super::program::{Instruction, Program};
use super::progress::Progress;
use crate::command::{Caller, Due, EventId, Id, SubmitCall, nth};
use crate::properties::History;
use crate::record::{Call, Event, OWNER, Record, Refusal, ReturnValue};

/// The program's event.
pub(super) const EVENT: EventId = 0;

/// Executes the program on a new loop under shuttle, with the [chosen](wakeproof_faults::choose) fault.
/// Call it inside an exploration.
pub fn execute(program: &Program) -> History {
    uses_shuttle_itself();
    Shuttle::enter(Environment {
        spurious_wakeups: program.spurious_wakeups,
        timeouts: program.timers(),
        // Timers are predicted to the moment.
        punctual: true,
        ..Environment::QUIET
    });
    THREADS.with_borrow_mut(Vec::clear);
    begin_thread(OWNER);
    let event_loop = EventLoop::<Faulty<Shuttle>>::on_platform();
    event_loop.set_exception_handler(|_| ()); // only gets panics that the program asks for
    let local = event_loop.local();
    let event = wakeproof::Event::new(&local);
    let shared = Arc::new(Shared {
        handle: event_loop.handle(),
        event: event.handle(),
        clears: program.clears(),
        registry: Lock::default(),
        milestones: shuttle::sync::Mutex::new(Milestones {
            busy: program.others.len(),
            ..Milestones::default()
        }),
        changed: shuttle::sync::Condvar::new(),
    });
    let owner_state: Rc<dyn Any> = Rc::new(OwnerState {
        local,
        event,
        tasks: RefCell::default(),
        waits: RefCell::default(),
    });
    let _left = OWNER_STATE.replace(ManuallyDrop::new(Some(owner_state)));

    let others: Vec<_> = program
        .others
        .iter()
        .enumerate()
        .map(|(at, instructions)| {
            let me = ThreadContext {
                thread: at + 1,
                shared: shared.clone(),
            };
            let instructions = instructions.clone();
            thread::spawn(move || {
                begin_thread(me.thread);
                me.run_other(&instructions);
            })
        })
        .collect();
    ThreadContext {
        thread: OWNER,
        shared: shared.clone(),
    }
    .run_owner(event_loop, &program.owner);
    for other in others {
        if let Err(payload) = other.join() {
            panic::resume_unwind(payload);
        }
    }
    drop(ManuallyDrop::into_inner(OWNER_STATE.take()));
    let records = mem::take(&mut shared.registry().records);
    History { records }
}

thread_local! {
    /// The [`OwnerState`] of the execution. Callbacks and tasks find it here, since they must be `Send`
    /// and cannot own it. The state of an abandoned execution is leaked: it can no longer be dropped.
    static OWNER_STATE: RefCell<ManuallyDrop<Option<Rc<dyn Any>>>> =
        const { RefCell::new(ManuallyDrop::new(None)) };
}

/// The state that stays on the loop's thread.
pub(super) struct OwnerState<P: Platform> {
    pub(super) local: Local<P>,
    pub(super) event: wakeproof::Event<P>,
    /// The handles of the tasks from `Local::spawn`.
    pub(super) tasks: RefCell<BTreeMap<Id, Task<Id>>>,
    /// The future with which each waiting task waits for the event.
    pub(super) waits: RefCell<BTreeMap<Id, EventWait<P>>>,
}

/// The state that the threads share.
pub(super) struct Shared<P: Platform> {
    pub(super) handle: Handle<P>,
    event: EventHandle<P>,
    /// Whether the program may reset the event after it was set.
    pub(super) clears: bool,
    registry: Lock<Registry>,
    milestones: shuttle::sync::Mutex<Milestones>,
    changed: shuttle::sync::Condvar,
}

/// The records, and the handles to pick from. Its lock is not a scheduling point, so that recording does
/// not change the execution.
#[derive(Default)]
pub(super) struct Registry {
    records: Vec<Record>,
    submissions: usize,
    cancels: BTreeMap<Id, Arc<dyn Fn() -> bool + Send + Sync>>,
    /// The handles of the tasks from `Handle::spawn_threadsafe`, except those in use by a thread.
    pub(super) tasks: BTreeMap<Id, Arc<SharedTask<Id>>>,
    pub(super) wakers: BTreeMap<Id, Waker>,
}

/// The progress that threads wait for.
#[derive(Default)]
pub(super) struct Milestones {
    /// The callbacks and tasks that have been dropped: after their run, or without one.
    gone: BTreeSet<Id>,
    pub(super) tasks: BTreeMap<Id, Progress>,
    /// The event has been set, or is certain to be set.
    pub(super) is_set: bool,
    /// How many runs have returned.
    returns: usize,
    /// The loop has been closed, and no run returns any more.
    closed: bool,
    /// How many threads other than the loop's are still executing their instructions.
    busy: usize,
}

type Lock<T> = std::sync::Mutex<T>;

/// A thread of the program: its number, and what it shares with the others.
pub(super) struct ThreadContext<P: Platform> {
    pub(super) thread: usize,
    pub(super) shared: Arc<Shared<P>>,
}

impl<P: Platform> ThreadContext<P> {
    fn run_owner(&self, event_loop: EventLoop<P>, instructions: &[Instruction]) {
        for instruction in instructions {
            match instruction {
                Instruction::Run => self.run(&event_loop),
                Instruction::Close => {
                    self.during(Call::Close, || ReturnValue::Closed(event_loop.close()));
                    self.shared.change(|milestones| milestones.closed = true);
                }
                instruction => self.perform(instruction),
            }
        }
        while !event_loop.is_closed() && !self.shared.is_over() {
            self.run(&event_loop);
        }
        self.shared.wait_until(|milestones| milestones.busy == 0);
        self.during(Call::DropLoop, || {
            drop(event_loop);
            ReturnValue::Nothing
        });
        self.collect_results();
    }

    /// Runs the loop, unless no thread is left to stop it.
    fn run(&self, event_loop: &EventLoop<P>) {
        if !self.shared.is_over() {
            self.during(Call::Run, || ReturnValue::Ran(event_loop.run_forever()));
            self.shared.change(|milestones| milestones.returns += 1);
        }
    }

    fn run_other(&self, instructions: &[Instruction]) {
        let mut own = Vec::new();
        for instruction in instructions {
            match instruction {
                Instruction::Submit(callback) => own.push(self.submit(callback)),
                Instruction::SubmitLater(delay, callback) => {
                    own.push(self.submit_later(*delay, callback))
                }
                instruction => self.perform(instruction),
            }
        }
        // Once the other threads wait too, only the wakeups of these submissions can make them run.
        self.shared.wait_until(|milestones| {
            let mut ids = own.iter().chain(milestones.tasks.keys());
            ids.all(|id| milestones.is_settled(*id))
        });
        let mut last = false;
        self.shared.change(|milestones| {
            milestones.busy -= 1;
            last = milestones.busy == 0;
        });
        if last {
            self.perform(&Instruction::Stop);
        }
    }

    pub(super) fn perform(&self, instruction: &Instruction) {
        let handle = &self.shared.handle;
        match instruction {
            Instruction::Submit(callback) => _ = self.submit(callback),
            Instruction::CallSoon(callback) => self.call_soon(callback),
            Instruction::SubmitLater(delay, callback) => _ = self.submit_later(*delay, callback),
            Instruction::CallLater(delay, callback) => self.call_later(*delay, callback),
            Instruction::Spawn(task) => self.spawn(task),
            Instruction::SpawnLocal(task) => self.spawn_local(task),
            Instruction::Yield | Instruction::Wait | Instruction::KeepWaker => {}
            Instruction::Wake(pick) => {
                let picked = nth(&self.shared.registry().wakers, *pick);
                if let Some((id, waker)) = picked {
                    self.wake(id, &waker);
                }
            }
            Instruction::Set => self.set(|| {
                self.during(Call::SetEvent(EVENT), || {
                    self.shared.owner_state().event.set();
                    ReturnValue::Nothing
                });
                true
            }),
            Instruction::SetThreadsafe => self.set(|| self.set_threadsafe()),
            Instruction::SetWithoutWakeup => {
                self.set(|| hazard::set_event_without_wakeup(&self.shared.event).is_ok());
            }
            Instruction::Clear => self.during(Call::ClearEvent(EVENT), || {
                self.shared.owner_state().event.clear();
                ReturnValue::Nothing
            }),
            Instruction::CancelTask(pick) => self.cancel_task(*pick),
            Instruction::Result(pick) => self.result(*pick),
            Instruction::Cancel(pick) => {
                let picked = nth(&self.shared.registry().cancels, *pick);
                if let Some((id, cancel)) = picked {
                    self.during(Call::Cancel(id), || ReturnValue::Cancelled(cancel()));
                }
            }
            Instruction::Stop => self.during(Call::Stop, || {
                handle.stop();
                ReturnValue::Nothing
            }),
            Instruction::StopAndWait => {
                let returns = self.shared.milestones().returns;
                self.perform(&Instruction::Stop);
                self.shared
                    .wait_until(|milestones| milestones.returns > returns || milestones.closed);
            }
            Instruction::Await(pick) => {
                let submissions = self.shared.registry().submissions;
                if let Some(id) = pick.checked_rem(submissions) {
                    self.shared
                        .wait_until(|milestones| milestones.is_settled(id));
                }
            }
            Instruction::Doze => {
                for _ in 0..3 {
                    thread::yield_now();
                }
            }
            Instruction::Look => self.during(Call::Status, || ReturnValue::Status(handle.status())),
            Instruction::Panic => panic::resume_unwind(Box::new(Deliberate)),
            Instruction::Run | Instruction::Close => {
                panic!("{instruction:?} belongs on the loop's thread")
            }
        }
    }

    pub(super) fn caller(&self) -> Caller {
        match self.thread {
            OWNER => Caller::Owner,
            _ => Caller::Foreign,
        }
    }

    fn submit(&self, callback: &[Instruction]) -> Id {
        let (id, call) = self.begin_submission(SubmitCall::Threadsafe(self.caller()), callback);
        match self.shared.handle.call_soon_threadsafe(call) {
            Ok(handle) => {
                let cancel = Arc::new(move || handle.cancel());
                self.shared.registry().cancels.insert(id, cancel);
                self.accepted(None);
            }
            Err(Closed(callback)) => self.refused(callback),
        }
        id
    }

    fn submit_later(&self, delay: u64, callback: &[Instruction]) -> Id {
        let through = SubmitCall::TimerThreadsafe(Due::Later(delay), self.caller());
        let (id, call) = self.begin_submission(through, callback);
        let delay = Duration::from_millis(delay);
        match self.shared.handle.call_later_threadsafe(delay, call) {
            Ok(timer) => {
                let deadline = timer.when();
                let cancel = Arc::new(move || timer.cancel());
                self.shared.registry().cancels.insert(id, cancel);
                self.accepted(Some(deadline));
            }
            Err(Closed(callback)) => self.refused(callback),
        }
        id
    }

    fn call_soon(&self, callback: &[Instruction]) {
        let (_, call) = self.begin_submission(SubmitCall::CallSoon, callback);
        match self.shared.owner_state().local.call_soon(call) {
            Ok(_handle) => self.accepted(None),
            Err(Closed(callback)) => self.refused(callback),
        }
    }

    fn call_later(&self, delay: u64, callback: &[Instruction]) {
        let (_, call) = self.begin_submission(SubmitCall::Timer(Due::Later(delay)), callback);
        let delay = Duration::from_millis(delay);
        match self.shared.owner_state().local.call_later(delay, call) {
            Ok(timer) => self.accepted(Some(timer.when())),
            Err(Closed(callback)) => self.refused(callback),
        }
    }

    /// Sets the event with a submission. Returns whether it was accepted.
    fn set_threadsafe(&self) -> bool {
        let id = self.shared.registry().number();
        self.record(Event::Call(Call::SetThreadsafe(id, EVENT)));
        let accepted = match self.shared.event.set_threadsafe() {
            Ok(_handle) => {
                self.accepted(None);
                true
            }
            Err(Closed(callback)) => {
                self.refused(callback);
                false
            }
        };
        // The callback that sets the event writes no records.
        self.shared
            .change(|milestones| _ = milestones.gone.insert(id));
        accepted
    }

    pub(super) fn accepted(&self, deadline: Option<Duration>) {
        self.record(Event::Return(ReturnValue::Submitted(Ok(deadline))));
    }

    fn begin_submission(
        &self,
        through: SubmitCall,
        callback: &[Instruction],
    ) -> (Id, impl FnOnce() + Send + use<P>) {
        let id = self.shared.registry().number();
        self.record(Event::Call(Call::Submit(id, through)));
        let recorder = DropRecorder::new(id, &self.shared);
        let mut instructions = callback.to_vec();
        let call = move || {
            let me = ThreadContext {
                thread: this_thread(),
                shared: recorder.shared.clone(),
            };
            me.record(Event::Began(id, P::now()));
            let panics = instructions
                .iter()
                .position(|instruction| *instruction == Instruction::Panic);
            instructions.truncate(panics.unwrap_or(instructions.len()));
            for instruction in &instructions {
                me.perform(instruction);
            }
            if panics.is_some() {
                me.record(Event::Panics(id));
            }
            me.record(Event::Ended(id));
            // Dropped here, and not by the panic: unwinding must not reach a scheduling point.
            drop(recorder);
            if panics.is_some() {
                me.perform(&Instruction::Panic);
            }
        };
        (id, call)
    }

    /// Records that a submission was refused, and drops the callback that wait_end back.
    pub(super) fn refused<T>(&self, callback: T) {
        self.record(Event::Return(ReturnValue::Submitted(Err(Refusal::Closed))));
        drop(callback);
    }

    pub(super) fn during(&self, call: Call, make: impl FnOnce() -> ReturnValue) {
        self.record(Event::Call(call));
        let outcome = make();
        self.record(Event::Return(outcome));
    }

    pub(super) fn record(&self, event: Event) {
        let thread = self.thread;
        self.shared
            .registry()
            .records
            .push(Record { thread, event });
    }
}

impl Registry {
    /// The number of the next submission.
    pub(super) fn number(&mut self) -> Id {
        self.submissions += 1;
        self.submissions - 1
    }

    /// Removes the handle of the n-th task that has one, unless another thread is using it.
    pub(super) fn remove_task_handle(&mut self, pick: usize) -> Option<(Id, SharedTask<Id>)> {
        let id = *self.tasks.keys().nth(pick.checked_rem(self.tasks.len())?)?;
        let task = self.tasks.remove(&id)?;
        match Arc::try_unwrap(task) {
            Ok(task) => Some((id, task)),
            Err(task) => {
                self.tasks.insert(id, task);
                None
            }
        }
    }
}

impl Milestones {
    /// Whether a callback or a task has come to its end, or may wait for ever.
    fn is_settled(&self, id: Id) -> bool {
        self.gone.contains(&id) || self.tasks.get(&id).is_some_and(Progress::is_settled)
    }
}

impl<P: Platform> Shared<P> {
    pub(super) fn owner_state(&self) -> Rc<OwnerState<P>> {
        let owner_state = OWNER_STATE.with_borrow(|owner_state| Option::clone(owner_state));
        let owner_state = owner_state.and_then(|owner_state| owner_state.downcast().ok());
        owner_state.expect("the loop exists")
    }

    pub(super) fn registry(&self) -> std::sync::MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn milestones(&self) -> shuttle::sync::MutexGuard<'_, Milestones> {
        self.milestones
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut Milestones)) {
        change(&mut self.milestones());
        self.changed.notify_all();
    }

    fn wait_until(&self, reached: impl Fn(&Milestones) -> bool) {
        let mut milestones = self.milestones();
        while !reached(&milestones) {
            milestones = self
                .changed
                .wait(milestones)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn is_over(&self) -> bool {
        self.milestones().busy == 0
    }
}

thread_local! {
    // shuttle runs all threads of an execution on one thread of the operating system.
    /// The threads of the execution, each at the index that is its number in the program.
    static THREADS: RefCell<Vec<Option<TaskId>>> = const { RefCell::new(Vec::new()) };
}

/// Gives the calling thread its number.
fn begin_thread(number: usize) {
    THREADS.with_borrow_mut(|threads| {
        if threads.len() <= number {
            threads.resize(number + 1, None);
        }
        threads[number] = Some(shuttle::current::me());
    });
}

/// The number of the calling thread.
pub(crate) fn this_thread() -> usize {
    let me = Some(shuttle::current::me());
    let known = THREADS.with_borrow(|threads| threads.iter().position(|thread| *thread == me));
    known.expect("a thread of the program")
}

/// Owned by a callback or a task. Records when it is dropped.
pub(super) struct DropRecorder<P: Platform> {
    id: Id,
    shared: Arc<Shared<P>>,
}

impl<P: Platform> DropRecorder<P> {
    pub(super) fn new(id: Id, shared: &Arc<Shared<P>>) -> Self {
        let shared = shared.clone();
        DropRecorder { id, shared }
    }
}

impl<P: Platform> Drop for DropRecorder<P> {
    fn drop(&mut self) {
        let me = ThreadContext {
            thread: this_thread(),
            shared: self.shared.clone(),
        };
        me.record(Event::Dropped(self.id));
        self.shared
            .change(|milestones| _ = milestones.gone.insert(self.id));
    }
}
