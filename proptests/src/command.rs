//! The language of histories: every public call as a value.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;

/// The number of a submission, counted from 0 in the order in which the submissions began.
pub type Id = usize;

/// Who makes a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Caller {
    /// The loop's own thread.
    Owner,
    /// Another thread, which is started for the call and joined behind it.
    Foreign,
}

/// By which call a callback is submitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Through {
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

impl Through {
    /// Who submits.
    #[must_use]
    pub fn caller(self) -> Caller {
        match self {
            Through::CallSoon | Through::Timer(_) => Caller::Owner,
            Through::Threadsafe(caller)
            | Through::Hazard(caller)
            | Through::TimerThreadsafe(_, caller) => caller,
        }
    }

    /// Whether what is submitted may be cancelled on the loop's thread only.
    #[must_use]
    pub fn is_local(self) -> bool {
        matches!(self, Through::CallSoon | Through::Timer(_))
    }

    /// When a timer is due that is set now.
    #[must_use]
    pub fn deadline(self, now: Duration) -> Option<Duration> {
        match self {
            Through::Timer(due) | Through::TimerThreadsafe(due, _) => Some(due.deadline(now)),
            Through::CallSoon | Through::Threadsafe(_) | Through::Hazard(_) => None,
        }
    }
}

/// When a timer is due, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Due {
    /// `call_later` with this delay.
    Later(u64),
    /// `call_at` so long after the present, or before it.
    At(i64),
    /// `call_later` with a delay that is too long for the clock.
    Never,
}

impl Due {
    /// The delay, unless it is the deadline that is given.
    #[must_use]
    pub fn delay(self) -> Option<Duration> {
        match self {
            Due::Later(delay) => Some(Duration::from_millis(delay)),
            Due::At(_) => None,
            Due::Never => Some(Duration::MAX),
        }
    }

    /// The deadline, if the clock shows this.
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

/// By which call a task is spawned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SpawnThrough {
    /// `Local::spawn`.
    Local,
    /// `Handle::spawn_threadsafe`.
    Threadsafe(Caller),
}

/// The number of an event. There are [`EVENTS`].
pub type Event = usize;

/// How many events there are.
pub const EVENTS: usize = 2;

/// By which call an event is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SetThrough {
    /// `Event::set`.
    Event,
    /// `EventHandle::set_threadsafe`.
    Threadsafe(Caller),
}

/// What a task awaits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Await {
    /// Its next turn.
    Turn,
    /// A deadline, by `sleep` or `sleep_until`.
    Sleep(Due),
    /// An event.
    Event(Event),
    /// The end of one of the tasks whose handle is still there: the n-th, counted in a circle. The
    /// handle is gone after that.
    Task(usize),
    /// A time or an event, by `timeout` for no longer than so many milliseconds.
    Timeout(u64, Brief),
}

/// What a task awaits by `timeout`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Brief {
    /// That so many milliseconds pass, by `sleep`.
    Sleep(u64),
    /// An event.
    Event(Event),
}

/// By which of the three calls a loop is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StopThrough {
    /// `EventLoop::stop`; as `Local::stop` once the loop is gone.
    Loop,
    /// `Local::stop`.
    Local,
    /// `Handle::stop`.
    Handle(Caller),
}

/// What the destructor of a callback does. It is what shows that a callback which did not run was
/// dropped, where, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Destructor {
    /// Nothing.
    Quiet,
    /// It panics, unless the callback does so already.
    Panics,
    /// It submits a callback that does nothing, by `Handle::call_soon_threadsafe`.
    Submits,
    /// It calls `Handle::stop`.
    Stops,
}

/// One step of a history: one public call, or two that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Submits a callback.
    Submit(Through, Callback),
    /// Cancels one of the callbacks whose handle is still there: the n-th, counted in a circle.
    Cancel(usize, Caller),
    /// Drops the handle of one of the callbacks, which must change nothing.
    Forget(usize),
    /// Spawns a task, whose script is the callback's.
    Spawn(SpawnThrough, Callback),
    /// Awaits something, in the script of a task. Elsewhere, it is nothing.
    Await(Await),
    /// Keeps a waker, in the script of a task. Elsewhere, it is nothing.
    KeepWaker,
    /// Uses one of the wakers that were kept: the n-th, counted in a circle.
    Wake(usize, Caller),
    /// Cancels one of the tasks whose handle is still there: the n-th, counted in a circle.
    CancelTask(usize, Caller),
    /// Drops the handle of one of the tasks, which then runs by itself.
    Detach(usize),
    /// Sets an event.
    SetEvent(SetThrough, Event),
    /// Resets an event.
    ClearEvent(Event),
    /// Asks the loop to stop.
    Stop(StopThrough),
    /// `EventLoop::run_forever`.
    Run,
    /// `EventLoop::run_until_complete`, with a future that follows this script as a task does.
    RunUntilComplete(Callback),
    /// `EventLoop::close`.
    Close,
    /// Drops the `EventLoop`; its `Local` and its `Handle` survive.
    DropLoop,
    /// `EventLoop::set_debug`.
    SetDebug(bool),
    /// `EventLoop::set_slow_callback_duration`, in milliseconds.
    SetSlowCallbackDuration(u64),
    /// Computes for so many milliseconds.
    Elapse(u64),
    /// `EventLoop::set_exception_handler` and `EventLoop::set_slow_callback_handler`.
    ReplaceHandlers,
    /// Asks for everything that can be asked for.
    Look,
}

/// What a callback or a task does when it runs, and when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Callback {
    /// What it calls, one after the other.
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

/// Only what is not as in [`Callback::NOTHING`], so that a history stays readable.
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

/// Any command for the top level of a history, with callbacks that submit callbacks, and so on; a
/// run only where it returns.
pub(crate) fn top_level(run_returns: bool) -> BoxedStrategy<Command> {
    let run = match run_returns {
        true => Command::Run,
        false => Command::Stop(StopThrough::Local),
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

/// Any command that makes sense outside of callbacks and inside, where callbacks are nested `depth`
/// deep at most.
fn anywhere(depth: u32) -> BoxedStrategy<Command> {
    let caller = || prop_oneof![3 => Just(Caller::Owner), 1 => Just(Caller::Foreign)];
    let through = prop_oneof![
        2 => Just(Through::CallSoon),
        2 => caller().prop_map(Through::Threadsafe),
        2 => caller().prop_map(Through::Hazard),
        2 => due().prop_map(Through::Timer),
        2 => (due(), caller()).prop_map(|(due, caller)| Through::TimerThreadsafe(due, caller)),
    ];
    let spawn_through = prop_oneof![
        Just(SpawnThrough::Local),
        caller().prop_map(SpawnThrough::Threadsafe),
    ];
    let set_through = prop_oneof![
        Just(SetThrough::Event),
        caller().prop_map(SetThrough::Threadsafe),
    ];
    let stop_through = prop_oneof![
        Just(StopThrough::Loop),
        Just(StopThrough::Local),
        caller().prop_map(StopThrough::Handle),
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
        2 => (1..4_u64).prop_map(Command::Elapse),
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
        1 => (0..4_u64, 0..4_u64).prop_map(|(limit, delay)| Await::Timeout(limit, Brief::Sleep(delay))),
        1 => (0..4_u64, 0..EVENTS).prop_map(|(limit, event)| Await::Timeout(limit, Brief::Event(event))),
    ]
}

/// Any deadline: most of them close together, so that they meet, and some hours or centuries away.
fn due() -> impl Strategy<Value = Due> {
    const HOUR: u64 = 3_600_000;
    prop_oneof![
        8 => (0..5_u64).prop_map(Due::Later),
        4 => (-4..5_i64).prop_map(Due::At),
        2 => (1..4_u64).prop_map(|hours| Due::Later(hours * HOUR)),
        1 => Just(Due::Never),
    ]
}

/// Any callback that submits others no more than `depth` deep.
fn callback(depth: u32) -> BoxedStrategy<Callback> {
    match depth {
        0 => with_script(Just(Vec::new())),
        _ => with_script(vec(in_script(depth), 0..4)),
    }
}

/// Any task that submits others no more than `depth` deep.
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

/// Any command for a script. Running and closing a running loop is refused, and has to be harmless.
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

/// The n-th entry, counted in a circle.
pub(crate) fn nth<T: Clone>(map: &BTreeMap<Id, T>, n: usize) -> Option<(Id, T)> {
    let (id, value) = map.iter().nth(n.checked_rem(map.len())?)?;
    Some((*id, value.clone()))
}
