//! A thread of ours that keeps shuttle from noticing that no other thread can run.
//!
//! shuttle reports a deadlock by a panic that ends the search, and asks no scheduler before. The supervisor can
//! always run, so our scheduler is asked, and judges. A thread costs, and most executions come to a good end: so it
//! is started only when a deadlock may be near, which is when one of these [is about to happen](Danger).
//!
//! There is no other deadlock. Let no thread be able to run, and some not have ended. The thread that ran last
//!
//! - waits: no other could run when it began to, see [`Danger::Waits`];
//! - joins: no other could run then, see [`Danger::Joins`];
//! - is about to lock a mutex: the thread that holds it has not ended, which would be misuse, and a failure; so it is
//!   blocked, and it holds a mutex. See the same two, and [`Danger::LocksAnother`];
//! - has ended: if one waits, or if the main thread has ended, see [`Danger::Ends`]. If one is about to lock a mutex,
//!   that has been dealt with. So each blocked thread joins another blocked one, the main thread does, and nobody
//!   joins the main thread. There are not enough threads for that: each is joined by one other at most.
//!
//! If this were wrong, shuttle would notice the deadlock, and the verdict would be that the checker itself fails:
//! not a proof. It does not ask after threads that nobody can join any more: so our scheduler does, when the next
//! execution begins.
//!
//! What a body does with shuttle's own primitives is not seen here: see [`uses_shuttle_itself`].

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};

use shuttle::scheduler::TaskId;

use super::failure;
use crate::platform;

thread_local! {
    static STATE: Cell<State> = const { Cell::new(State::NoSearch) };
    /// How many threads have been started, and have not come to the end of their bodies.
    static UNFINISHED: Cell<usize> = const { Cell::new(0) };
    /// How many threads could run at the last choice. Until the next one, those that could still can: only the
    /// one that was chosen does anything.
    static CAN_RUN: Cell<usize> = const { Cell::new(0) };
    /// How many threads wait: not for a mutex, nor for the end of a thread.
    static WAITING: Cell<usize> = const { Cell::new(0) };
    /// Whether the execution has been judged.
    static OVER: Cell<bool> = const { Cell::new(false) };
    /// Whether a thread has come to its end by a panic.
    static FAILED: Cell<bool> = const { Cell::new(false) };
}

/// Where the supervisor of an execution is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    NoSearch,
    NotStarted,
    /// It is about to be a thread.
    Starting,
    /// It is the thread of this number.
    Started(usize),
}

/// What is about to happen when the supervisor has to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Danger {
    /// A thread waits or parks, and no other can run, or it holds a mutex.
    Waits,
    /// A thread locks a mutex, and holds another.
    LocksAnother,
    /// A thread joins another, and no other can run, or it holds a mutex.
    Joins,
    /// A thread ends, no other can run, and one waits. Or the main one ends, and another has not.
    Ends,
    /// A scope is opened, which joins.
    OpensScope,
}

/// An execution begins, with its main thread.
pub(super) fn begin_execution() {
    STATE.set(State::NotStarted);
    UNFINISHED.set(1);
    WAITING.set(0);
    OVER.set(false);
    FAILED.set(false);
}

/// At each choice: how many threads can run.
pub(super) fn chooses_from(threads: usize) {
    CAN_RUN.set(threads);
}

/// Starts the supervisor, unless it is there. That is no choice of the execution.
pub(super) fn start() {
    if STATE.get() == State::NotStarted {
        STATE.set(State::Starting);
        let supervisor = shuttle::thread::spawn(|| {
            while !OVER.get() {
                shuttle::thread::yield_now();
            }
        });
        STATE.set(State::Started(supervisor.thread().id().into()));
    }
}

/// Says that this body also blocks in shuttle's own primitives, such as `shuttle::sync::Condvar`.
///
/// The explorer does not see these, so it does not know when a deadlock is near, and has to watch each execution from
/// its beginning. Call this first in the body. Without it, the verdict on a deadlock is *cannot judge*. Under other
/// checkers, and outside a search, it does nothing.
///
/// ```
/// use wakeproof_explore::{self as explore, Environment, Limits, Search, uses_shuttle_itself};
///
/// let waits_for_ever = || {
///     uses_shuttle_itself();
///     let (mutex, condvar) = (shuttle::sync::Mutex::new(()), shuttle::sync::Condvar::new());
///     drop(condvar.wait(mutex.lock().unwrap()));
/// };
/// let explored = explore::shuttle(
///     Environment::QUIET,
///     Search::Exhaustive,
///     &Limits::default(),
///     waits_for_ever,
/// );
/// assert!(explored.counterexample().is_some());
/// ```
pub fn uses_shuttle_itself() {
    start();
}

/// Whether a thread is about to start the supervisor, and has to go on.
pub(super) fn is_starting() -> bool {
    STATE.get() == State::Starting
}

/// Whether that is the supervisor.
pub(super) fn is(task: TaskId) -> bool {
    STATE.get() == State::Started(task.into())
}

/// What a thread is called in a schedule: as if the supervisor were always thread 1. So a schedule does not depend
/// on when, or whether, it is started.
pub(super) fn number(task: TaskId) -> usize {
    let task = usize::from(task);
    match STATE.get() {
        State::Started(supervisor) if task > supervisor => task,
        _ if task == 0 => 0,
        _ => task + 1,
    }
}

/// Whether each thread has come to its end.
pub(super) fn have_all_ended() -> bool {
    UNFINISHED.get() == 0
}

/// Whether the execution has been judged.
pub(super) fn is_over() -> bool {
    OVER.get()
}

/// The execution is judged now. Returns whether it was before.
pub(super) fn ends() -> bool {
    OVER.replace(true)
}

/// Whether a thread has come to its end by a panic: the execution is over.
pub(super) fn has_a_thread_failed() -> bool {
    FAILED.get()
}

fn near(danger: Danger) {
    #[cfg(test)]
    if tests::DISREGARDED.get() == Some(danger) {
        return;
    }
    let _ = danger;
    start();
}

fn is_main() -> bool {
    usize::from(shuttle::current::me()) == 0
}

fn holds_a_mutex() -> bool {
    platform::holds_a_mutex(platform::this_thread())
}

/// This thread blocks before it takes another step.
pub(crate) fn blocks() {
    if CAN_RUN.get() <= 1 || holds_a_mutex() {
        near(Danger::Waits);
    }
}

/// This thread waits in `wait`, which says each time when it [`blocks`].
pub(crate) fn waiting(wait: impl FnOnce()) {
    WAITING.set(WAITING.get() + 1);
    wait();
    WAITING.set(WAITING.get() - 1);
}

/// This thread locks a mutex, and holds another.
pub(crate) fn locks_another() {
    near(Danger::LocksAnother);
}

/// This thread joins another, which blocks before it takes a step, or not at all.
pub(crate) fn joins() {
    let no_other_can_run = CAN_RUN.get() <= 1 && UNFINISHED.get() > 1;
    if no_other_can_run || holds_a_mutex() {
        near(Danger::Joins);
    }
}

/// This thread opens a scope.
pub(crate) fn opens_scope() {
    near(Danger::OpensScope);
}

/// This thread starts another by `start`.
pub(crate) fn starting<T>(start: impl FnOnce() -> T) -> T {
    UNFINISHED.set(UNFINISHED.get() + 1);
    let started = start();
    CAN_RUN.set(CAN_RUN.get() + 1);
    started
}

/// Runs the body of a thread that was [started](starting), and notes its end.
pub(crate) fn run_body<T>(body: impl FnOnce() -> T) -> T {
    let value = guarded(body);
    let others = UNFINISHED.get() - 1;
    UNFINISHED.set(others);
    let one_waits = CAN_RUN.get() <= 1 && WAITING.get() > 0;
    if one_waits || (is_main() && others > 0) {
        near(Danger::Ends);
    }
    value
}

/// Catches a panic of `body` and notes it: the execution, which is over, is thrown away at the next choice.
pub(crate) fn guarded<T>(body: impl FnOnce() -> T) -> T {
    match panic::catch_unwind(AssertUnwindSafe(body)) {
        // A panic that was caught is a failure all the same.
        Ok(value) if !failure::has_failed() => return value,
        Ok(_) => {}
        Err(payload) => failure::note(&*payload),
    }
    FAILED.set(true);
    loop {
        shuttle::thread::yield_now();
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::Danger;
    use crate::sync::{Arc, Condvar, Mutex};
    use crate::{Environment, Limits, Search, Verdict, thread};

    thread_local! {
        pub(super) static DISREGARDED: Cell<Option<Danger>> = const { Cell::new(None) };
    }

    /// A program whose executions may all deadlock, each in a different way.
    type Program = fn();

    fn waits() {
        let pair = (Mutex::new(()), Condvar::new());
        drop(pair.1.wait(pair.0.lock().unwrap()));
    }

    fn two_orders() {
        let locks = Arc::new((Mutex::new(()), Mutex::new(())));
        let other = locks.clone();
        thread::spawn(move || {
            let first = other.1.lock().unwrap();
            drop((other.0.lock(), first));
        });
        let first = locks.0.lock().unwrap();
        drop((locks.1.lock(), first));
    }

    fn waits_with_a_mutex() {
        let lock = Arc::new(Mutex::new(()));
        let other = lock.clone();
        let holder = thread::spawn(move || {
            let _held = other.lock().unwrap();
            thread::park();
        });
        drop(lock.lock());
        holder.thread().unpark();
        holder.join().unwrap();
    }

    fn joins_with_a_mutex() {
        let lock = Arc::new(Mutex::new(()));
        let other = lock.clone();
        let held = lock.lock().unwrap();
        let thread = thread::spawn(move || drop(other.lock()));
        thread.join().unwrap();
        drop(held);
    }

    /// Two threads of which one waits for ever while the other can go on.
    #[derive(Default)]
    struct Meeting {
        is_ready: Mutex<bool>,
        ready: Condvar,
        never: Condvar,
    }

    impl Meeting {
        fn waits(&self) {
            let mut is_ready = self.is_ready.lock().unwrap();
            *is_ready = true;
            self.ready.notify_one();
            drop(self.never.wait(is_ready));
        }

        fn goes_on(&self) {
            let is_ready = self.is_ready.lock().unwrap();
            drop(self.ready.wait_while(is_ready, |is_ready| !*is_ready));
        }
    }

    fn one_that_waits() -> thread::JoinHandle<()> {
        let meeting = Arc::new(Meeting::default());
        let other = meeting.clone();
        let waiter = thread::spawn(move || other.waits());
        meeting.goes_on();
        waiter
    }

    fn joins_one_that_waits() {
        one_that_waits().join().unwrap();
    }

    /// Each joins the other.
    fn joins_in_a_circle() {
        let handles = Arc::new(Mutex::new(Vec::new()));
        let take = |handles: &Mutex<Vec<thread::JoinHandle<()>>>| handles.lock().unwrap().pop();
        let [of_first, of_second] = [handles.clone(), handles.clone()];
        let first = thread::spawn(move || {
            if let Some(second) = take(&of_first) {
                second.join().unwrap();
            }
        });
        let second = thread::spawn(move || {
            if let Some(first) = take(&of_second) {
                first.join().unwrap();
            }
        });
        handles.lock().unwrap().extend([first, second]);
    }

    fn ends_without_a_word() {
        let main = thread::current();
        let other = thread::spawn(move || drop(main));
        thread::park();
        other.join().unwrap();
    }

    fn main_ends_before() {
        drop(one_that_waits());
    }

    fn scope() {
        let meeting = Meeting::default();
        thread::scope(|scope| {
            scope.spawn(|| meeting.waits());
            meeting.goes_on();
        });
    }

    /// Each with a danger that alone announces the deadlock, at least in the first execution.
    const PROGRAMS: [(Danger, Program); 8] = [
        (Danger::Waits, waits),
        (Danger::Waits, waits_with_a_mutex),
        (Danger::LocksAnother, two_orders),
        (Danger::Joins, joins_with_a_mutex),
        (Danger::Joins, joins_one_that_waits),
        (Danger::Ends, ends_without_a_word),
        (Danger::Ends, main_ends_before),
        (Danger::OpensScope, scope),
    ];

    const SEARCHES: [Search; 4] = [
        Search::Exhaustive,
        Search::Random { seed: 1 },
        Search::Pct { seed: 1, depth: 3 },
        Search::RandomWalk { seed: 1 },
    ];

    fn explore(search: Search, disregarded: Option<Danger>, program: Program) -> Verdict {
        let body = move || {
            DISREGARDED.set(disregarded);
            program();
        };
        crate::shuttle(Environment::QUIET, search, &Limits::default(), body).verdict
    }

    #[test]
    fn every_deadlock_is_told() {
        for search in SEARCHES {
            let programs = PROGRAMS.map(|(_, program)| program);
            for program in programs.into_iter().chain([joins_in_a_circle as Program]) {
                let verdict = explore(search, None, program);
                let Verdict::Found(found) = verdict else {
                    panic!("{search:?}: {verdict:?}");
                };
                assert_eq!(found.message, crate::search::DEADLOCK);
            }
        }
    }

    /// A search that overlooks a danger does not know what to say; it never says that all is well.
    #[test]
    fn a_danger_that_is_overlooked_is_noticed() {
        for (danger, program) in PROGRAMS {
            let verdict = explore(Search::Exhaustive, Some(danger), program);
            assert!(matches!(verdict, Verdict::CannotJudge(_)), "{danger:?}");
        }
    }
}
