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
use wakeproof_faults::Faulty;

use super::program::{Program, Step};
use super::progress::Progress;
use crate::command::{Caller, Due, Event as Flag, Id, Through, nth};
use crate::properties::History;
use crate::record::{Call, Event, OWNER, Outcome, Record, Refusal};

/// The program's event.
pub(super) const EVENT: Flag = 0;

/// Executes the program on a loop under shuttle, from the making of the loop to its end, with what was
/// [chosen](wakeproof_faults::choose) to be wrong. Call it inside an exploration.
pub fn execute(program: &Program) -> History {
    Shuttle::enter(Environment {
        spurious_wakeups: program.spurious_wakeups,
        timeouts: program.timers(),
        ..Environment::QUIET
    });
    THREADS.with_borrow_mut(Vec::clear);
    begin_thread(OWNER);
    let event_loop = EventLoop::<Faulty<Shuttle>>::on_platform();
    event_loop.set_exception_handler(|_| ()); // only panics that the program asks for get there
    let local = event_loop.local();
    let event = wakeproof::Event::new(&local);
    let shared = Arc::new(Shared {
        handle: event_loop.handle(),
        event: event.handle(),
        clears: program.clears(),
        seen: Lock::default(),
        board: shuttle::sync::Mutex::new(Board {
            busy: program.others.len(),
            ..Board::default()
        }),
        changed: shuttle::sync::Condvar::new(),
    });
    let owned: Rc<dyn Any> = Rc::new(Owned {
        local,
        event,
        tasks: RefCell::default(),
        waits: RefCell::default(),
    });
    let _left = OWNED.replace(ManuallyDrop::new(Some(owned)));

    let others: Vec<_> = program
        .others
        .iter()
        .enumerate()
        .map(|(at, steps)| {
            let me = Me {
                thread: at + 1,
                shared: shared.clone(),
            };
            let steps = steps.clone();
            thread::spawn(move || {
                begin_thread(me.thread);
                me.be_another(&steps);
            })
        })
        .collect();
    Me {
        thread: OWNER,
        shared: shared.clone(),
    }
    .be_the_owner(event_loop, &program.owner);
    for other in others {
        if let Err(payload) = other.join() {
            panic::resume_unwind(payload);
        }
    }
    drop(ManuallyDrop::into_inner(OWNED.take()));
    let records = mem::take(&mut shared.seen().records);
    History { records }
}

thread_local! {
    /// Where callbacks and tasks, which have to be `Send`, find what belongs to the loop that runs
    /// them: an [`Owned`]. That of an execution that was given up cannot be dropped any more.
    static OWNED: RefCell<ManuallyDrop<Option<Rc<dyn Any>>>> =
        const { RefCell::new(ManuallyDrop::new(None)) };
}

/// What stays on the loop's thread.
pub(super) struct Owned<P: Platform> {
    pub(super) local: Local<P>,
    pub(super) event: wakeproof::Event<P>,
    /// The handles of the tasks from `Local::spawn`.
    pub(super) tasks: RefCell<BTreeMap<Id, Task<Id>>>,
    /// By what each task waits for the event that does.
    pub(super) waits: RefCell<BTreeMap<Id, EventWait<P>>>,
}

/// What the threads share.
pub(super) struct Shared<P: Platform> {
    pub(super) handle: Handle<P>,
    event: EventHandle<P>,
    /// The event, once it is set, may be reset.
    pub(super) clears: bool,
    seen: Lock<Seen>,
    board: shuttle::sync::Mutex<Board>,
    changed: shuttle::sync::Condvar,
}

/// What is recorded. Its lock is no scheduling point: recording changes nothing.
#[derive(Default)]
pub(super) struct Seen {
    records: Vec<Record>,
    submissions: usize,
    cancels: BTreeMap<Id, Arc<dyn Fn() -> bool + Send + Sync>>,
    /// The handles of the tasks from `Handle::spawn_threadsafe`, but those that a thread waits with.
    pub(super) tasks: BTreeMap<Id, Arc<SharedTask<Id>>>,
    pub(super) wakers: BTreeMap<Id, Waker>,
}

/// What the threads wait for.
#[derive(Default)]
pub(super) struct Board {
    /// The callbacks and tasks that have run or have been dropped.
    gone: BTreeSet<Id>,
    pub(super) tasks: BTreeMap<Id, Progress>,
    /// The event has been set, or is certain to be.
    pub(super) is_set: bool,
    /// How many runs have returned.
    returns: usize,
    /// The loop has been closed, and no run returns any more.
    closed: bool,
    /// How many threads other than the loop's have not come to their end.
    busy: usize,
}

type Lock<T> = std::sync::Mutex<T>;

/// A thread of the program.
pub(super) struct Me<P: Platform> {
    pub(super) thread: usize,
    pub(super) shared: Arc<Shared<P>>,
}

impl<P: Platform> Me<P> {
    fn be_the_owner(&self, event_loop: EventLoop<P>, steps: &[Step]) {
        for step in steps {
            match step {
                Step::Run => self.run(&event_loop),
                Step::Close => {
                    self.during(Call::Close, || Outcome::Closed(event_loop.close()));
                    self.shared.change(|board| board.closed = true);
                }
                step => self.perform(step),
            }
        }
        while !event_loop.is_closed() && !self.shared.is_over() {
            self.run(&event_loop);
        }
        self.shared.wait_until(|board| board.busy == 0);
        self.during(Call::DropLoop, || {
            drop(event_loop);
            Outcome::Nothing
        });
        self.take_results();
    }

    /// Runs the loop, unless there is nobody left to stop it.
    fn run(&self, event_loop: &EventLoop<P>) {
        if !self.shared.is_over() {
            self.during(Call::Run, || Outcome::Ran(event_loop.run_forever()));
            self.shared.change(|board| board.returns += 1);
        }
    }

    fn be_another(&self, steps: &[Step]) {
        let mut own = Vec::new();
        for step in steps {
            match step {
                Step::Submit(callback) => own.push(self.submit(callback)),
                Step::SubmitLater(delay, callback) => own.push(self.submit_later(*delay, callback)),
                step => self.perform(step),
            }
        }
        // Nothing but their own wakeups can make them run, once the other threads wait too.
        self.shared.wait_until(|board| {
            let mut ids = own.iter().chain(board.tasks.keys());
            ids.all(|id| board.is_settled(*id))
        });
        let mut last = false;
        self.shared.change(|board| {
            board.busy -= 1;
            last = board.busy == 0;
        });
        if last {
            self.perform(&Step::Stop);
        }
    }

    pub(super) fn perform(&self, step: &Step) {
        let handle = &self.shared.handle;
        match step {
            Step::Submit(callback) => _ = self.submit(callback),
            Step::CallSoon(callback) => self.call_soon(callback),
            Step::SubmitLater(delay, callback) => _ = self.submit_later(*delay, callback),
            Step::CallLater(delay, callback) => self.call_later(*delay, callback),
            Step::Spawn(task) => self.spawn(task),
            Step::SpawnLocal(task) => self.spawn_local(task),
            Step::Yield | Step::Wait | Step::KeepWaker => {}
            Step::Wake(pick) => {
                let picked = nth(&self.shared.seen().wakers, *pick);
                if let Some((id, waker)) = picked {
                    self.wake(id, &waker);
                }
            }
            Step::Set => self.set(|| {
                self.during(Call::SetEvent(EVENT), || {
                    self.shared.owned().event.set();
                    Outcome::Nothing
                });
                true
            }),
            Step::SetThreadsafe => self.set(|| self.set_threadsafe()),
            Step::SetWithoutWakeup => {
                self.set(|| hazard::set_event_without_wakeup(&self.shared.event).is_ok());
            }
            Step::Clear => self.during(Call::ClearEvent(EVENT), || {
                self.shared.owned().event.clear();
                Outcome::Nothing
            }),
            Step::CancelTask(pick) => self.cancel_task(*pick),
            Step::Result(pick) => self.result(*pick),
            Step::Cancel(pick) => {
                let picked = nth(&self.shared.seen().cancels, *pick);
                if let Some((id, cancel)) = picked {
                    self.during(Call::Cancel(id), || Outcome::Cancelled(cancel()));
                }
            }
            Step::Stop => self.during(Call::Stop, || {
                handle.stop();
                Outcome::Nothing
            }),
            Step::StopAndWait => {
                let returns = self.shared.board().returns;
                self.perform(&Step::Stop);
                self.shared
                    .wait_until(|board| board.returns > returns || board.closed);
            }
            Step::Await(pick) => {
                let submissions = self.shared.seen().submissions;
                if let Some(id) = pick.checked_rem(submissions) {
                    self.shared.wait_until(|board| board.is_settled(id));
                }
            }
            Step::Doze => {
                for _ in 0..3 {
                    thread::yield_now();
                }
            }
            Step::Look => self.during(Call::Status, || Outcome::Status(handle.status())),
            Step::Panic => panic::resume_unwind(Box::new(Deliberate)),
            Step::Run | Step::Close => panic!("{step:?} is for the loop's thread"),
        }
    }

    pub(super) fn caller(&self) -> Caller {
        match self.thread {
            OWNER => Caller::Owner,
            _ => Caller::Foreign,
        }
    }

    fn submit(&self, callback: &[Step]) -> Id {
        let (id, call) = self.begin_submission(Through::Threadsafe(self.caller()), callback);
        match self.shared.handle.call_soon_threadsafe(call) {
            Ok(handle) => {
                let cancel = Arc::new(move || handle.cancel());
                self.shared.seen().cancels.insert(id, cancel);
                self.accepted(None);
            }
            Err(Closed(callback)) => self.refused(callback),
        }
        id
    }

    fn submit_later(&self, delay: u64, callback: &[Step]) -> Id {
        let through = Through::TimerThreadsafe(Due::Later(delay), self.caller());
        let (id, call) = self.begin_submission(through, callback);
        let delay = Duration::from_millis(delay);
        match self.shared.handle.call_later_threadsafe(delay, call) {
            Ok(timer) => {
                let deadline = timer.when();
                let cancel = Arc::new(move || timer.cancel());
                self.shared.seen().cancels.insert(id, cancel);
                self.accepted(Some(deadline));
            }
            Err(Closed(callback)) => self.refused(callback),
        }
        id
    }

    fn call_soon(&self, callback: &[Step]) {
        let (_, call) = self.begin_submission(Through::CallSoon, callback);
        match self.shared.owned().local.call_soon(call) {
            Ok(_handle) => self.accepted(None),
            Err(Closed(callback)) => self.refused(callback),
        }
    }

    fn call_later(&self, delay: u64, callback: &[Step]) {
        let (_, call) = self.begin_submission(Through::Timer(Due::Later(delay)), callback);
        let delay = Duration::from_millis(delay);
        match self.shared.owned().local.call_later(delay, call) {
            Ok(timer) => self.accepted(Some(timer.when())),
            Err(Closed(callback)) => self.refused(callback),
        }
    }

    /// Sets the event by a submission, and says whether that was accepted.
    fn set_threadsafe(&self) -> bool {
        let id = self.shared.seen().number();
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
        // Nobody sees what becomes of the callback itself.
        self.shared.change(|board| _ = board.gone.insert(id));
        accepted
    }

    pub(super) fn accepted(&self, deadline: Option<Duration>) {
        self.record(Event::Return(Outcome::Submitted(Ok(deadline))));
    }

    fn begin_submission(
        &self,
        through: Through,
        callback: &[Step],
    ) -> (Id, impl FnOnce() + Send + use<P>) {
        let id = self.shared.seen().number();
        self.record(Event::Call(Call::Submit(id, through)));
        let token = Token::new(id, &self.shared);
        let mut steps = callback.to_vec();
        let call = move || {
            let me = Me {
                thread: this_thread(),
                shared: token.shared.clone(),
            };
            me.record(Event::Began(id, P::now()));
            let panics = steps.iter().position(|step| *step == Step::Panic);
            steps.truncate(panics.unwrap_or(steps.len()));
            for step in &steps {
                me.perform(step);
            }
            if panics.is_some() {
                me.record(Event::Panics(id));
            }
            me.record(Event::Ended(id));
            // Not while it unwinds: a thread that panics should meet no scheduling points.
            drop(token);
            if panics.is_some() {
                me.perform(&Step::Panic);
            }
        };
        (id, call)
    }

    /// Records that a submission was refused, and drops what came back.
    pub(super) fn refused<T>(&self, callback: T) {
        self.record(Event::Return(Outcome::Submitted(Err(Refusal::Closed))));
        drop(callback);
    }

    pub(super) fn during(&self, call: Call, make: impl FnOnce() -> Outcome) {
        self.record(Event::Call(call));
        let outcome = make();
        self.record(Event::Return(outcome));
    }

    pub(super) fn record(&self, event: Event) {
        let thread = self.thread;
        self.shared.seen().records.push(Record { thread, event });
    }
}

impl Seen {
    /// The next submission's.
    pub(super) fn number(&mut self) -> Id {
        self.submissions += 1;
        self.submissions - 1
    }

    /// Takes out the handle of the n-th task that has one, unless another thread is using it.
    pub(super) fn take_task(&mut self, pick: usize) -> Option<(Id, SharedTask<Id>)> {
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

impl Board {
    /// Whether nothing more is to be expected of a callback or a task.
    fn is_settled(&self, id: Id) -> bool {
        self.gone.contains(&id) || self.tasks.get(&id).is_some_and(Progress::is_settled)
    }
}

impl<P: Platform> Shared<P> {
    pub(super) fn owned(&self) -> Rc<Owned<P>> {
        let owned = OWNED.with_borrow(|owned| Option::clone(owned));
        let owned = owned.and_then(|owned| owned.downcast().ok());
        owned.expect("the loop is there")
    }

    pub(super) fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn board(&self) -> shuttle::sync::MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut Board)) {
        change(&mut self.board());
        self.changed.notify_all();
    }

    fn wait_until(&self, reached: impl Fn(&Board) -> bool) {
        let mut board = self.board();
        while !reached(&board) {
            board = self
                .changed
                .wait(board)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn is_over(&self) -> bool {
        self.board().busy == 0
    }
}

thread_local! {
    // shuttle runs all threads of an execution on one of the operating system's.
    /// The threads of the execution, each at the place of its number in the program.
    static THREADS: RefCell<Vec<Option<TaskId>>> = const { RefCell::new(Vec::new()) };
}

/// The calling thread is the one with this number.
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

/// What a callback or a task owns. Its destructor shows that it is gone.
pub(super) struct Token<P: Platform> {
    id: Id,
    shared: Arc<Shared<P>>,
}

impl<P: Platform> Token<P> {
    pub(super) fn new(id: Id, shared: &Arc<Shared<P>>) -> Self {
        let shared = shared.clone();
        Token { id, shared }
    }
}

impl<P: Platform> Drop for Token<P> {
    fn drop(&mut self) {
        let me = Me {
            thread: this_thread(),
            shared: self.shared.clone(),
        };
        me.record(Event::Dropped(self.id));
        self.shared.change(|board| _ = board.gone.insert(self.id));
    }
}
