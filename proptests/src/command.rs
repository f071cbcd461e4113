//! The commands that a history consists of: every public call as a value.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;

/// The number of a submission, counted from 0 in the order in which the submissions began.
pub type Id = usize;

/// The thread that makes a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Caller {
    /// The loop's own thread.
    Owner,
    /// Another thread, started for the call and joined after it.
    Foreign,
}

/// The call that submits a callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SubmitCall {
    /// `Local::call_soon`.
    CallSoon,
    /// `Handle::call_soon_threadsafe`.
    Threadsafe(Caller),
    /// `hazard::call_soon_without_wakeup`.
    Hazard(Caller),
    /// `Local::call_later` or `Local::call_at`.
    Timer(Due),
    /// `Handle::call_later_threadsafe` or `Handle::call_at_threadsafe`.
    TimerThreadsafe(Due, Caller),
}

impl SubmitCall {
    /// The thread that submits.
    #[must_use]
    pub fn caller(self) -> Caller {
        match self {
            SubmitCall::CallSoon | SubmitCall::Timer(_) => Caller::Owner,
            SubmitCall::Threadsafe(caller)
            | SubmitCall::Hazard(caller)
            | SubmitCall::TimerThreadsafe(_, caller) => caller,
        }
    }

    /// Whether only the loop's thread can cancel what this call submits.
    #[must_use]
    pub fn is_local(self) -> bool {
        matches!(self, SubmitCall::CallSoon | SubmitCall::Timer(_))
    }

    /// The deadline of a timer that is set at the time `now`.
    #[must_use]
    pub fn deadline(self, now: Duration) -> Option<Duration> {
        match self {
            SubmitCall::Timer(due) | SubmitCall::TimerThreadsafe(due, _) => Some(due.deadline(now)),
            SubmitCall::CallSoon | SubmitCall::Threadsafe(_) | SubmitCall::Hazard(_) => None,
        }
    }
}

/// When a timer is due, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Due {
    /// `call_later` with this delay.
    Later(u64),
    /// `call_at` with a deadline this far in the future, or in the past if negative.
    At(i64),
    /// `call_later` with a delay that is too long for the clock.
    Never,
}

impl Due {
    /// The delay, for a call that takes a delay.
    #[must_use]
    pub fn delay(self) -> Option<Duration> {
        match self {
            Due::Later(delay) => Some(Duration::from_millis(delay)),
            Due::At(_) => None,
            Due::Never => Some(Duration::MAX),
        }
    }

    /// The deadline, if the call is made at the time `now`.
    #[must_use]
    pub fn deadline(self, now: Duration) -> Duration {
        match self {
            Due::Later(delay) => now + Duration::from_millis(delay),
            Due::At(offset) => {
                let distance = Duration::from_millis(offset.unsigned_abs());
                match offset < 0 {
                    true => now.saturating_sub(distance),
                    false => now + distance,
                }
            }
            Due::Never => Duration::MAX,
        }
    }
}

/// The call that spawns a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SpawnCall {
    /// `Local::spawn`.
    Local,
    /// `Handle::spawn_threadsafe`.
    Threadsafe(Caller),
}

/// The number of an event, below [`EVENTS`].
pub type EventId = usize;

/// How many events there are.
pub const EVENTS: usize = 2;

/// The call that sets an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SetCall {
    /// `Event::set`.
    Event,
    /// `EventHandle::set_threadsafe`.
    Threadsafe(Caller),
}

/// What a task awaits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Await {
    /// Its next turn: it yields once.
    Turn,
    /// A deadline, by `sleep` or `sleep_until`.
    Sleep(Due),
    /// An event.
    Event(EventId),
    /// The end of one of the tasks whose handle still exists: the n-th, wrapping around. This uses the
    /// handle up.
    Task(usize),
    /// A sleep or an event, under a `timeout` of this many milliseconds.
    Timeout(u64, TimedWait),
}

/// What a task awaits under a `timeout`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TimedWait {
    /// `sleep`, for this many milliseconds.
    Sleep(u64),
    /// An event.
    Event(EventId),
}

/// The call that stops a loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StopCall {
    /// `EventLoop::stop`, or `Local::stop` once the `EventLoop` has been dropped.
    Loop,
    /// `Local::stop`.
    Local,
    /// `Handle::stop`.
    Handle(Caller),
}

/// What the destructor of a callback does. The destructor's record shows when and on which thread a
/// callback that did not run was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Destructor {
    /// Nothing.
    Quiet,
    /// It panics, unless the callback is already panicking.
    Panics,
    /// It submits a callback that does nothing, with `Handle::call_soon_threadsafe`.
    Submits,
    /// It calls `Handle::stop`.
    Stops,
}

/// One step of a history: one public call, or two that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Submits a callback.
    Submit(SubmitCall, Callback),
    /// Cancels one of the callbacks whose handle still exists: the n-th, wrapping around.
    Cancel(usize, Caller),
    /// Drops the handle of one of the callbacks, which must change nothing.
    Forget(usize),
    /// Spawns a task that follows the callback's script.
    Spawn(SpawnCall, Callback),
    /// Awaits something, in the script of a task. Does nothing elsewhere.
    Await(Await),
    /// Keeps a waker, in the script of a task. Does nothing elsewhere.
    KeepWaker,
    /// Uses one of the wakers that were kept: the n-th, wrapping around.
    Wake(usize, Caller),
    /// Cancels one of the tasks whose handle still exists: the n-th, wrapping around.
    CancelTask(usize, Caller),
    /// Drops the handle of one of the tasks, which keeps running.
    Detach(usize),
    /// Sets an event.
    SetEvent(SetCall, EventId),
    /// Resets an event.
    ClearEvent(EventId),
    /// Asks the loop to stop.
    Stop(StopCall),
    /// `EventLoop::run_forever`.
    Run,
    /// `EventLoop::run_until_complete`, with a future that follows this script like a task.
    RunUntilComplete(Callback),
    /// `EventLoop::close`.
    Close,
    /// Drops the `EventLoop`; its `Local` and its `Handle` survive.
    DropLoop,
    /// `EventLoop::set_debug`.
    SetDebug(bool),
    /// `EventLoop::set_slow_callback_duration`, in milliseconds.
    SetSlowCallbackDuration(u64),
    /// Lets this much time pass, as a long computation would.
    Elapse(Duration),
    /// `EventLoop::set_exception_handler` and `EventLoop::set_slow_callback_handler`.
    ReplaceHandlers,
    /// Makes every query.
    Look,
}

/// What a callback or a task does when it runs, and when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Callback {
    /// The commands that it executes, in order.
    pub script: Vec<Command>,
    /// Whether it ends with a panic.
    pub panics: bool,
    /// What its destructor does.
    pub destructor: Destructor,
}

impl Callback {
    /// A callback that does nothing.
    pub const NOTHING: Callback = Callback {
        script: Vec::new(),
        panics: false,
        destructor: Destructor::Quiet,
    };
}

/// Shows only what differs from [`Callback::NOTHING`], so that a history stays readable.
impl fmt::Debug for Callback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for command in &self.script {
            write!(f, " {command:?};")?;
        }
        if self.panics {
            f.write_str(" panic;")?;
        }
        if self.destructor != Destructor::Quiet {
            write!(f, " destructor {:?};", self.destructor)?;
        }
        f.write_str(" }")
    }
}

/// Any command for the top level of a history, with nested callbacks. Includes a run only if
/// `run_returns`.
pub(crate) fn top_level(run_returns: bool) -> BoxedStrategy<Command> {
    let run = match run_returns {
        true => Command::Run,
        false => Command::Stop(StopCall::Local),
    };
    prop_oneof![
        60 => anywhere(2),
        25 => Just(run),
        5 => task(2).prop_map(Command::RunUntilComplete),
        1 => Just(Command::Close),
        1 => Just(Command::DropLoop),
    ]
    .boxed()
}

/// Any command that makes sense both inside and outside callbacks, with callbacks nested at most `depth`
/// deep.
fn anywhere(depth: u32) -> BoxedStrategy<Command> {
    let caller = || prop_oneof![3 => Just(Caller::Owner), 1 => Just(Caller::Foreign)];
    let through = prop_oneof![
        2 => Just(SubmitCall::CallSoon),
        2 => caller().prop_map(SubmitCall::Threadsafe),
        2 => caller().prop_map(SubmitCall::Hazard),
        2 => due().prop_map(SubmitCall::Timer),
        2 => (due(), caller()).prop_map(|(due, caller)| SubmitCall::TimerThreadsafe(due, caller)),
    ];
    let spawn_through = prop_oneof![
        Just(SpawnCall::Local),
        caller().prop_map(SpawnCall::Threadsafe),
    ];
    let set_through = prop_oneof![Just(SetCall::Event), caller().prop_map(SetCall::Threadsafe),];
    let stop_through = prop_oneof![
        Just(StopCall::Loop),
        Just(StopCall::Local),
        caller().prop_map(StopCall::Handle),
    ];
    prop_oneof![
        8 => (through, callback(depth)).prop_map(|(through, callback)| Command::Submit(through, callback)),
        3 => (0..8_usize, caller()).prop_map(|(pick, caller)| Command::Cancel(pick, caller)),
        1 => (0..8_usize).prop_map(Command::Forget),
        5 => (spawn_through, task(depth)).prop_map(|(through, task)| Command::Spawn(through, task)),
        2 => (0..4_usize, caller()).prop_map(|(pick, caller)| Command::CancelTask(pick, caller)),
        1 => (0..4_usize).prop_map(Command::Detach),
        2 => (0..4_usize, caller()).prop_map(|(pick, caller)| Command::Wake(pick, caller)),
        4 => (set_through, 0..EVENTS).prop_map(|(through, event)| Command::SetEvent(through, event)),
        3 => (0..EVENTS).prop_map(Command::ClearEvent),
        3 => stop_through.prop_map(Command::Stop),
        1 => any::<bool>().prop_map(Command::SetDebug),
        1 => (0..3_u64).prop_map(Command::SetSlowCallbackDuration),
        2 => elapsed().prop_map(Command::Elapse),
        1 => Just(Command::ReplaceHandlers),
        1 => Just(Command::Look),
    ]
    .boxed()
}

/// Anything that a task can await.
fn awaits() -> impl Strategy<Value = Await> {
    prop_oneof![
        1 => Just(Await::Turn),
        1 => due().prop_map(Await::Sleep),
        2 => (0..EVENTS).prop_map(Await::Event),
        1 => (0..4_usize).prop_map(Await::Task),
        1 => (0..4_u64, 0..4_u64).prop_map(|(limit, delay)| Await::Timeout(limit, TimedWait::Sleep(delay))),
        1 => (0..4_u64, 0..EVENTS).prop_map(|(limit, event)| Await::Timeout(limit, TimedWait::Event(event))),
    ]
}

/// A few milliseconds, or a nanosecond less: then the clock stops one tick short of a timer's deadline,
/// since deadlines are whole milliseconds.
fn elapsed() -> impl Strategy<Value = Duration> {
    (1..4_u64, any::<bool>()).prop_map(|(milliseconds, one_short)| {
        Duration::from_millis(milliseconds) - Duration::from_nanos(one_short.into())
    })
}

/// Any deadline. Most are close together, so that they coincide; some are hours or centuries away.
fn due() -> impl Strategy<Value = Due> {
    const HOUR: u64 = 3_600_000;
    prop_oneof![
        8 => (0..5_u64).prop_map(Due::Later),
        4 => (-4..5_i64).prop_map(Due::At),
        2 => (1..4_u64).prop_map(|hours| Due::Later(hours * HOUR)),
        1 => Just(Due::Never),
    ]
}

/// Any callback, with others nested in it at most `depth` deep.
fn callback(depth: u32) -> BoxedStrategy<Callback> {
    match depth {
        0 => with_script(Just(Vec::new())),
        _ => with_script(vec(in_script(depth), 0..4)),
    }
}

/// Any task, with others nested in it at most `depth` deep.
fn task(depth: u32) -> BoxedStrategy<Callback> {
    let awaits = prop_oneof![
        6 => awaits().prop_map(Command::Await),
        1 => Just(Command::KeepWaker),
    ];
    match depth {
        0 => with_script(vec(awaits, 0..3)),
        _ => with_script(vec(prop_oneof![awaits, in_script(depth)], 0..5)),
    }
}

/// Any command for a script. A running loop refuses to be run or closed, and that must be harmless.
fn in_script(depth: u32) -> impl Strategy<Value = Command> {
    prop_oneof![
        12 => anywhere(depth - 1),
        1 => Just(Command::Run),
        1 => task(0).prop_map(Command::RunUntilComplete),
        1 => Just(Command::Close),
    ]
}

fn with_script(script: impl Strategy<Value = Vec<Command>> + 'static) -> BoxedStrategy<Callback> {
    let destructor = prop_oneof![
        6 => Just(Destructor::Quiet),
        1 => Just(Destructor::Panics),
        1 => Just(Destructor::Submits),
        1 => Just(Destructor::Stops),
    ];
    (script, prop::bool::weighted(0.15), destructor)
        .prop_map(|(script, panics, destructor)| Callback {
            script,
            panics,
            destructor,
        })
        .boxed()
}

/// The n-th entry, wrapping around.
pub(crate) fn nth<T: Clone>(map: &BTreeMap<Id, T>, n: usize) -> Option<(Id, T)> {
    let (id, value) = map.iter().nth(n.checked_rem(map.len())?)?;
    Some((*id, value.clone()))
}
