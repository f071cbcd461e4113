//! Follows a task that waits for an event through `EventTask.tla`.
//!
//! This checks how the task's waker and the event work together. `EventTask` builds on the contract of the
//! loop, so the loop's own steps are not followed here. They are followed through `CondvarLoop`.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt::{self, Write};
use std::mem::{self, ManuallyDrop};
use std::path::Path;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use anyhow::Context;
use tla_checker::ast::{Expr, State, Value};
use tla_checker::checker::format_value;
use wakeproof::inbox::Step;
use wakeproof::platform::{Platform, TaskStep};
use wakeproof::{Event, EventLoop};
use wakeproof_explore::observe::{self, Watch};
use wakeproof_explore::platform::{ModelPlatform, Shuttle};
use wakeproof_explore::{Environment, Limits, Search, Verdict, judged};

use crate::comparison::{Compared, Refused, lock};
use crate::module::Module;
use crate::spec::read;

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
struct Graph {
    initial: BTreeSet<usize>,
    nodes: Vec<Node>,
}

struct Node {
    /// The observed action, if it is observed, and the node that it leads to.
    successors: Vec<(Option<ObservedAction>, usize)>,
    /// Whether nobody has anything left to do.
    at_rest: bool,
    words: String,
}

impl Graph {
    fn load(folder: &Path, design: Design) -> anyhow::Result<Self> {
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

        let mut ids: HashMap<Vec<Value>, usize> = HashMap::new();
        let mut states: Vec<State> = Vec::new();
        let mut id = |state: State, states: &mut Vec<State>| {
            *ids.entry(state.values.to_vec()).or_insert_with(|| {
                states.push(state);
                states.len() - 1
            })
        };
        let initial = module.initial.iter();
        let initial = initial
            .map(|state| id(state.clone(), &mut states))
            .collect();
        let mut nodes = Vec::new();
        while let Some(state) = states.get(nodes.len()).cloned() {
            let mut successors = Vec::new();
            for (seen, action) in &actions {
                for next in module.next(&state, action)? {
                    successors.push((*seen, id(next, &mut states)));
                }
            }
            let values = module.vars.iter().zip(state.values.iter());
            let words = values.map(|(var, value)| format!("{var} = {}", format_value(value)));
            nodes.push(Node {
                successors,
                at_rest: !module.next(&state, &Expr::Var(AT_REST.into()))?.is_empty(),
                words: words.collect::<Vec<_>>().join(", "),
            });
        }
        Ok(Graph { initial, nodes })
    }

    /// These states, and those that unobserved steps lead to.
    fn closure(&self, mut states: BTreeSet<usize>) -> BTreeSet<usize> {
        let mut new: Vec<usize> = states.iter().copied().collect();
        while let Some(state) = new.pop() {
            for &(seen, next) in &self.nodes[state].successors {
                if seen.is_none() && states.insert(next) {
                    new.push(next);
                }
            }
        }
        states
    }

    /// Follows an execution to its end.
    fn follow(&self, steps: &[ObservedAction]) -> Result<(), Refused> {
        let mut states = self.closure(self.initial.clone());
        for (number, &step) in steps.iter().enumerate() {
            let next = states.iter().flat_map(|&state| {
                let fitting = self.nodes[state].successors.iter();
                fitting.filter_map(move |&(seen, next)| (seen == Some(step)).then_some(next))
            });
            let next: BTreeSet<usize> = next.collect();
            if next.is_empty() {
                return Err(self.refuse(&steps[..number], step.to_string(), &states));
            }
            states = self.closure(next);
        }
        if states.iter().any(|&state| self.nodes[state].at_rest) {
            return Ok(());
        }
        Err(self.refuse(steps, "the end".into(), &states))
    }

    fn refuse(&self, before: &[ObservedAction], what: String, states: &BTreeSet<usize>) -> Refused {
        let mut report = String::from("the execution so far:\n");
        for (number, step) in (1..).zip(before) {
            let _ = writeln!(report, "  {number:2}. {step}");
        }
        report.push_str("where it could have been:");
        for &state in states {
            let _ = write!(report, "\n  {}", self.nodes[state].words);
        }
        Refused {
            after_steps: before.len(),
            what,
            report,
        }
    }
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
    #[derive(Default)]
    struct Count {
        executions: u64,
        steps: u64,
        refused: Option<Refused>,
        seconds_following: f64,
        /// The executions that were accepted. Many schedules lead to the same one.
        accepted: HashSet<Vec<ObservedAction>>,
    }
    let started = Instant::now();
    let graph = Graph::load(folder, design)?;
    let count = Arc::new(Mutex::new(Count::default()));
    let counted = count.clone();
    let judge = move |_: &_, _| {
        let started = Instant::now();
        let steps = OBSERVED.with_borrow_mut(|observed| mem::take(&mut observed.steps));
        let mut count = lock(&counted);
        count.executions += 1;
        count.steps += steps.len() as u64;
        let followed = if count.accepted.contains(&steps) {
            Ok(())
        } else {
            graph.follow(&steps)
        };
        count.seconds_following += started.elapsed().as_secs_f64();
        match followed {
            Ok(()) => {
                count.accepted.insert(steps);
                Ok(())
            }
            Err(refused) => {
                let report = refused.report.clone();
                count.refused = Some(refused);
                Err(report)
            }
        }
    };
    let explored = judged(
        Environment::QUIET,
        Search::Exhaustive,
        limits,
        body,
        Box::new(judge),
    );
    let count = mem::take(&mut *lock(&count));
    let cut_short = match explored.verdict {
        Verdict::NotProved(not_proved) => Some(not_proved.stopped_by.to_string()),
        Verdict::Found(found) if count.refused.is_none() => {
            anyhow::bail!(found.message)
        }
        Verdict::CannotJudge(cannot) => anyhow::bail!(cannot.why),
        Verdict::Proved(_) | Verdict::Found(_) => None,
    };
    Ok(Compared {
        executions: count.executions,
        steps: count.steps,
        refused: count.refused,
        cut_short,
        covered: None,
        seconds: started.elapsed().as_secs_f64(),
        seconds_following: count.seconds_following,
    })
}
