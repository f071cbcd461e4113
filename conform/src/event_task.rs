//! A task that waits for an event, followed through `EventTask.tla`.
//!
//! What is followed is how the task's waker and the event work together. The loop below them, which
//! runs what is submitted, keeps its contract: `EventTask` is written on top of that, and its own
//! steps, which are followed through `CondvarLoop`, are not looked at here.

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

/// Which specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Design {
    /// `EventTask` itself.
    Correct,
    /// A waker that forgets after the poll that its task was submitted: the fault of
    /// `EventTaskFaults`.
    ClearAfterPoll,
}

/// An action of `EventTask.tla` that is seen when the code does it, under its name there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Action {
    SetFlag,
    Schedule,
    SubmitPoll,
    BeginPoll,
    Look,
    Finish,
}

/// Who does it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Actor {
    /// Who sets the event, by a callback on the loop's thread.
    Setter,
    /// A thread that wakes the task for no reason.
    Waker,
    /// The task.
    Task,
}

/// A step of the code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Seen {
    actor: Actor,
    action: Action,
}

impl fmt::Display for Seen {
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
/// What the loop does according to its contract. It is not seen.
const UNSEEN: [&str; 2] = ["Turn", "RunPoll"];
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

/// The specification, whole.
struct Graph {
    initial: BTreeSet<usize>,
    nodes: Vec<Node>,
}

struct Node {
    /// By what, or by nothing that is seen, and where to.
    successors: Vec<(Option<Seen>, usize)>,
    /// Nobody has anything more to do.
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
        let mut actions: Vec<(Option<Seen>, Expr)> = Vec::new();
        for action in TASK {
            let actor = Actor::Task;
            let expression = Expr::Var(format!("{action:?}").into());
            actions.push((Some(Seen { actor, action }), expression));
        }
        for (actor, name) in [(Actor::Setter, "setter"), (Actor::Waker, "waker")] {
            for action in OTHERS {
                let thread = Expr::Lit(Value::Model(name.into()));
                let expression = Expr::FnCall(format!("{action:?}").into(), vec![thread]);
                actions.push((Some(Seen { actor, action }), expression));
            }
        }
        actions.extend(UNSEEN.map(|name| (None, Expr::Var(name.into()))));

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

    /// The states, and those that unseen steps lead to from there.
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
    fn follow(&self, steps: &[Seen]) -> Result<(), Refused> {
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

    fn refuse(&self, before: &[Seen], what: String, states: &BTreeSet<usize>) -> Refused {
        let mut report = String::from("the execution up to there:\n");
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

/// What the task's waker and the event have done.
#[derive(Default)]
struct Seeing {
    steps: Vec<Seen>,
    /// Who has woken the task and may be about to enqueue it.
    scheduling: BTreeSet<Actor>,
}

thread_local! {
    // shuttle runs all threads of an execution on one of the operating system's.
    static LOOP: Cell<Option<<Shuttle as Platform>::ThreadId>> = const { Cell::new(None) };
    static SEEING: RefCell<Seeing> = RefCell::default();
}

/// Who acts, if it is not the task.
fn other() -> Actor {
    if LOOP.get() == Some(Shuttle::current_thread()) {
        Actor::Setter
    } else {
        Actor::Waker
    }
}

fn saw(step: Step) {
    if step == Step::Enqueue {
        SEEING.with_borrow_mut(|seeing| {
            let actor = other();
            if seeing.scheduling.remove(&actor) {
                let action = Action::SubmitPoll;
                seeing.steps.push(Seen { actor, action });
            }
        });
    }
}

fn saw_of_task(step: TaskStep) {
    let (actor, action) = match step {
        TaskStep::SetFlag => (other(), Action::SetFlag),
        TaskStep::Schedule => (other(), Action::Schedule),
        TaskStep::BeginPoll => (Actor::Task, Action::BeginPoll),
        TaskStep::Look => (Actor::Task, Action::Look),
        TaskStep::Finish => (Actor::Task, Action::Finish),
        other => panic!("{other:?} is no action of EventTask.tla"),
    };
    SEEING.with_borrow_mut(|seeing| {
        if action == Action::Schedule {
            seeing.scheduling.insert(actor);
        }
        seeing.steps.push(Seen { actor, action });
    });
}

/// A task waits for an event. A thread sets it, and another, which the task has given its waker, wakes
/// the task. The loop runs for ever.
fn body() {
    LOOP.set(Some(Shuttle::current_thread()));
    drop(SEEING.take());
    observe::watch(Watch {
        step: |step, _status| saw(step),
        task_step: saw_of_task,
        ..Watch::NOBODY
    });
    // It is never closed: an execution ends when there is nothing left to do.
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

/// Follows every schedule of shuttle's.
///
/// What of the specification is shown is not counted: there, any thread may set the event, and here
/// the loop's does, between two polls.
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
        /// What has been followed already: many schedules differ in nothing that is seen here.
        accepted: HashSet<Vec<Seen>>,
    }
    let started = Instant::now();
    let graph = Graph::load(folder, design)?;
    let count = Arc::new(Mutex::new(Count::default()));
    let counted = count.clone();
    let judge = move |_: &_, _| {
        let started = Instant::now();
        let steps = SEEING.with_borrow_mut(|seeing| mem::take(&mut seeing.steps));
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
