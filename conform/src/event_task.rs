//! Follows a task that waits for an event through `EventTask.tla`.
//!
//! This checks how the task's waker and the event work together. `EventTask` builds on the contract of the
//! loop, so the loop's own steps are not followed here. They are followed through `CondvarLoop`.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::fmt;
use std::mem::{self, ManuallyDrop};
use std::path::Path;
use std::pin::pin;

use anyhow::Context;
use tla_checker::ast::{Expr, Value};
use wakeproof::inbox::Step;
use wakeproof::platform::{Platform, TaskStep};
use wakeproof::{Event, EventLoop};
use wakeproof_explore::Limits;
use wakeproof_explore::journal::Journal;
use wakeproof_explore::observe::{self, Watch};
use wakeproof_explore::platform::{ModelPlatform, Shuttle};

use crate::comparison::{Compared, Explorer};
use crate::module::Module;
use crate::spec::read;
use crate::whole_graph::{Steps, WholeGraph, follow};

/// The specification to compare with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Design {
    /// `EventTask` itself.
    Correct,
    /// The faulty design of `EventTaskFaults`: the mark that the task is in the queue is cleared after the
    /// poll.
    ClearAfterPoll,
}

/// An action of `EventTask.tla` that is observed when the code takes it, with the name that it has there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Action {
    SetFlag,
    Schedule,
    SubmitPoll,
    BeginPoll,
    Look,
    Finish,
}

/// Who takes an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Actor {
    /// The callback that sets the event, on the loop's thread.
    Setter,
    /// A thread that wakes the task without a reason.
    Waker,
    /// The task.
    Task,
}

/// A step of the code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct ObservedAction {
    actor: Actor,
    action: Action,
}

impl fmt::Display for ObservedAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let actor = match self.actor {
            Actor::Setter => "the setter",
            Actor::Waker => "the waker",
            Actor::Task => "the task",
        };
        write!(f, "{actor}: {:?}", self.action)
    }
}

const TASK: [Action; 3] = [Action::BeginPoll, Action::Look, Action::Finish];
const OTHERS: [Action; 3] = [Action::SetFlag, Action::Schedule, Action::SubmitPoll];
/// The loop's actions according to its contract. They are not observed.
const UNOBSERVED: [&str; 2] = ["Turn", "RunPoll"];
const AT_REST: &str = "EventTaskTerminating";

const MODEL: &str = "\
INIT EventTaskInit
NEXT EventTaskNext
INVARIANT EventTaskTypeOK
CONSTANTS
    Callbacks = {a, b, c}
    Wakes = TRUE
    PromptStop = FALSE
    Setters = {setter}
    Wakers = {waker}
";

/// The whole graph of the specification.
fn graph(folder: &Path, design: Design) -> anyhow::Result<WholeGraph<ObservedAction>> {
    let (file, model) = match design {
        Design::Correct => ("EventTask.tla", MODEL.to_owned()),
        Design::ClearAfterPoll => (
            "EventTaskFaults.tla",
            format!("{MODEL}    BeginPoll <- BeginPollAtOnce\n    Look <- LookAndClear\n"),
        ),
    };
    let path = folder.join(file);
    let module = Module::load(&path, &read(&path)?, &model, &[])
        .with_context(|| path.display().to_string())?;
    let mut actions: Vec<(Option<ObservedAction>, Expr)> = Vec::new();
    for action in TASK {
        let actor = Actor::Task;
        let expression = Expr::Var(format!("{action:?}").into());
        actions.push((Some(ObservedAction { actor, action }), expression));
    }
    for (actor, name) in [(Actor::Setter, "setter"), (Actor::Waker, "waker")] {
        for action in OTHERS {
            let thread = Expr::Lit(Value::Model(name.into()));
            let expression = Expr::FnCall(format!("{action:?}").into(), vec![thread]);
            actions.push((Some(ObservedAction { actor, action }), expression));
        }
    }
    actions.extend(UNOBSERVED.map(|name| (None, Expr::Var(name.into()))));
    WholeGraph::load(&module, &actions, AT_REST, |seen, _, _| *seen)
}

/// What the task's waker and the event did in this execution.
#[derive(Default)]
struct Observed {
    steps: Vec<ObservedAction>,
    /// The actors that have woken the task and may be about to enqueue it.
    scheduling: BTreeSet<Actor>,
}

thread_local! {
    // shuttle runs all threads of an execution on one thread of the operating system.
    static LOOP: Cell<Option<<Shuttle as Platform>::ThreadId>> = const { Cell::new(None) };
    static OBSERVED: RefCell<Observed> = RefCell::default();
}

/// The actor on this thread, for an action that is not the task's.
fn other() -> Actor {
    if LOOP.get() == Some(Shuttle::current_thread()) {
        Actor::Setter
    } else {
        Actor::Waker
    }
}

fn observe_step(step: Step) {
    if step == Step::Enqueue {
        OBSERVED.with_borrow_mut(|observed| {
            let actor = other();
            if observed.scheduling.remove(&actor) {
                let action = Action::SubmitPoll;
                observed.steps.push(ObservedAction { actor, action });
            }
        });
    }
}

fn observe_task(step: TaskStep) {
    let (actor, action) = match step {
        TaskStep::SetFlag => (other(), Action::SetFlag),
        TaskStep::Schedule => (other(), Action::Schedule),
        TaskStep::BeginPoll => (Actor::Task, Action::BeginPoll),
        TaskStep::Look => (Actor::Task, Action::Look),
        TaskStep::Finish => (Actor::Task, Action::Finish),
        other => panic!("{other:?} is not an action of EventTask.tla"),
    };
    OBSERVED.with_borrow_mut(|observed| {
        if action == Action::Schedule {
            observed.scheduling.insert(actor);
        }
        observed.steps.push(ObservedAction { actor, action });
    });
}

/// A task waits for an event. One thread sets the event. The task gives its waker to another thread, which
/// wakes the task. The loop runs for ever.
fn body() {
    LOOP.set(Some(Shuttle::current_thread()));
    drop(OBSERVED.take());
    observe::watch(Watch {
        step: |step, _status| observe_step(step),
        task_step: observe_task,
        ..Watch::NOBODY
    });
    // The loop is never closed: an execution ends when there is nothing left to do.
    let event_loop = ManuallyDrop::new(EventLoop::<Shuttle>::on_platform());
    let event = Event::new(&event_loop.local());
    let (setter, wait) = (event.handle(), event.wait());
    let task = event_loop.local().spawn(async move {
        let mut wait = pin!(wait);
        let mut has_begun = false;
        std::future::poll_fn(|context| {
            if !mem::replace(&mut has_begun, true) {
                let waker = context.waker().clone();
                drop(Shuttle::spawn("waker", move || waker.wake()));
            }
            wait.as_mut().poll(context)
        })
        .await;
    });
    drop(task.expect("it is open"));
    let setter = Shuttle::spawn("setter", move || drop(setter.set_threadsafe()));
    event_loop.run_forever().expect("it is open");
    Shuttle::join(setter);
}

/// Follows the execution of every schedule under shuttle.
///
/// This does not count which part of the specification is shown: there, any thread may set the event, but
/// here only the loop's thread does, between two polls.
///
/// # Errors
///
/// If the specification cannot be read or evaluated.
pub fn compare(folder: &Path, design: Design, limits: &Limits) -> anyhow::Result<Compared> {
    let execution = |_: &Journal| Steps {
        steps: OBSERVED.with_borrow_mut(|observed| mem::take(&mut observed.steps)),
        ran: None,
    };
    let graph = graph(folder, design)?;
    let every_schedule = Explorer::ShuttleDepthFirst;
    let compared = follow(
        graph,
        vec![Box::new(body)],
        every_schedule,
        limits,
        execution,
    )?;
    Ok(Compared {
        covered: None,
        ..compared
    })
}
