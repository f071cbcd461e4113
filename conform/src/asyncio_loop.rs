//! Follows the second loop through `AsyncioLoop.tla`, step by step, in both directions.

use std::cell::RefCell;
use std::fmt;
use std::mem;
use std::path::Path;

use anyhow::Context;
use tla_checker::ast::{Expr, State, Value};
use wakeproof::platform::Platform;
use wakeproof_explore::Limits;
use wakeproof_explore::journal::{self, Journal, What};
use wakeproof_explore::platform::{ModelPlatform, Shuttle};
use wakeproof_model_tests::asyncio::{Cpython, Observed, Protocol, Status, Step};
use wakeproof_model_tests::design::{AsyncioLoop, Design, Loop, LoopHandle};
use wakeproof_model_tests::faults::asyncio::{
    ByteFirst, NoByte, ReadAfterLook, SilentStop, TornAppend,
};

use crate::comparison::{Compared, Explorer};
use crate::faults::FaultComparison;
use crate::module::Module;
use crate::relation::LOOP;
use crate::spec::read;
use crate::whole_graph::{Steps, WholeGraph, follow};

/// The specification to compare with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Specified {
    /// `AsyncioLoop` itself.
    Correct,
    /// The unsafe variant: no byte follows an append.
    NoByte,
    /// The faulty design of `AsyncioLoopFaults` in which the byte comes first.
    ByteFirst,
}

/// How much happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bounds {
    /// How many callbacks a thread submits, if there is such a thread.
    callbacks: usize,
    /// Whether another thread stops the loop.
    stops: bool,
}

/// A model, in which code and specification are compared.
#[derive(Debug, Clone, Copy)]
pub struct Model {
    /// Its name.
    pub name: &'static str,
    /// What happens in it.
    pub about: &'static str,
    /// How much happens.
    bounds: Bounds,
}

impl Bounds {
    /// Every schedule, or some if there are hundreds of thousands.
    fn explorer(self) -> Explorer {
        if self.callbacks + usize::from(self.stops) > 1 {
            Explorer::ShuttleRandom(2_000)
        } else {
            Explorer::ShuttleDepthFirst
        }
    }
}

const ONCE: Bounds = Bounds {
    callbacks: 1,
    stops: false,
};
const STOP: Bounds = Bounds {
    callbacks: 0,
    stops: true,
};
const TWICE: Bounds = Bounds {
    callbacks: 2,
    stops: false,
};
const SUBMIT_AND_STOP: Bounds = Bounds {
    callbacks: 1,
    stops: true,
};

/// Every model, the smallest first.
pub const ALL: [Model; 4] = [
    Model {
        name: "asyncio once",
        about: "a thread submits",
        bounds: ONCE,
    },
    Model {
        name: "asyncio stop",
        about: "a thread stops the loop",
        bounds: STOP,
    },
    Model {
        name: "asyncio twice",
        about: "a thread submits twice, and finds the pipe full",
        bounds: TWICE,
    },
    Model {
        name: "asyncio submit",
        about: "a thread submits, another stops the loop",
        bounds: SUBMIT_AND_STOP,
    },
];

/// A fault of the second loop, and the specification that has the same fault, if there is one.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    /// Its name in the catalogue.
    pub name: &'static str,
    /// The specification that accepts it.
    specified: Option<Specified>,
    bounds: Bounds,
    compare: fn(&Path, Specified, Bounds, &Limits) -> anyhow::Result<Compared>,
}

/// The faults that `AsyncioLoop` refuses.
pub const FAULTS: [Fault; 5] = [
    Fault {
        name: "asyncio-no-byte",
        specified: Some(Specified::NoByte),
        bounds: ONCE,
        compare: compare::<NoByte>,
    },
    Fault {
        name: "asyncio-byte-first",
        specified: Some(Specified::ByteFirst),
        bounds: ONCE,
        compare: compare::<ByteFirst>,
    },
    Fault {
        name: "asyncio-read-after-look",
        specified: None,
        bounds: ONCE,
        compare: compare::<ReadAfterLook>,
    },
    Fault {
        name: "asyncio-torn-append",
        specified: None,
        bounds: SUBMIT_AND_STOP,
        compare: compare::<TornAppend>,
    },
    Fault {
        name: "asyncio-silent-stop",
        specified: None,
        bounds: STOP,
        compare: compare::<SilentStop>,
    },
];

impl Fault {
    /// Compares the correct code and the faulty code.
    ///
    /// # Errors
    ///
    /// If the specification cannot be read or evaluated.
    pub fn try_it(&self, folder: &Path, limits: &Limits) -> anyhow::Result<FaultComparison> {
        let faulty = |specified| (self.compare)(folder, specified, self.bounds, limits);
        Ok(FaultComparison {
            fault: self.name,
            correct: compare::<Cpython>(folder, Specified::Correct, self.bounds, limits)?,
            refused: faulty(Specified::Correct)?,
            accepted: self.specified.map(faulty).transpose()?,
        })
    }
}

impl Model {
    /// How the code is explored.
    #[must_use]
    pub fn explorer(&self) -> Explorer {
        self.bounds.explorer()
    }

    /// Follows the correct code.
    ///
    /// # Errors
    ///
    /// If the specification cannot be read or evaluated.
    pub fn compare(&self, folder: &Path, limits: &Limits) -> anyhow::Result<Compared> {
        compare::<Cpython>(folder, Specified::Correct, self.bounds, limits)
    }
}

const SUBMITTER: &str = "s1";
const STOPPER: &str = "stopper";
/// The threads, as an index in [`Seen`].
const THREADS: [&str; 3] = [LOOP, SUBMITTER, STOPPER];

/// A step of a thread, and what was observed after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Seen {
    thread: usize,
    observed: Observed,
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", THREADS[self.thread], self.observed)
    }
}

/// The loop's actions.
const OF_THE_LOOP: [(&str, Step); 12] = [
    ("Start", Step::Start),
    ("AsyncioLook", Step::Look),
    ("AsyncioSelect", Step::Select),
    ("Report", Step::Report),
    ("Take", Step::Take),
    ("AsyncioRun", Step::Run),
    ("ReadFromSelf", Step::ReadFromSelf),
    ("Stop", Step::Stop),
    ("CallSoon", Step::Enqueue),
    ("Continue", Step::Continue),
    ("Return", Step::Return),
    ("Close", Step::Close),
];

/// The other threads' actions.
const OF_OTHERS: [(&str, Step); 3] = [
    ("Check", Step::Check),
    ("Enqueue", Step::Enqueue),
    ("Write", Step::Write),
];

fn graph(folder: &Path, specified: Specified, bounds: Bounds) -> anyhow::Result<WholeGraph<Seen>> {
    let file = match specified {
        Specified::Correct | Specified::NoByte => "AsyncioLoop.tla",
        Specified::ByteFirst => "AsyncioLoopFaults.tla",
    };
    let path = folder.join(file);
    let module = Module::load(&path, &read(&path)?, &model(specified, bounds), &[])
        .with_context(|| path.display().to_string())?;
    let column = |name: &str| {
        let mut vars = module.vars.iter();
        vars.position(|var| &**var == name)
            .with_context(|| format!("{}: no variable {name}", path.display()))
    };
    let columns = Columns {
        ready: column("ready")?,
        pipe: column("pipe")?,
        stopping: column("stopping")?,
        closed: column("closed")?,
    };
    let mut actions = Vec::new();
    for (name, step) in OF_THE_LOOP {
        actions.push(((0, step), Expr::Var(name.into())));
    }
    for (thread, name) in THREADS.iter().enumerate().skip(1) {
        if (*name == SUBMITTER && bounds.callbacks == 0) || (*name == STOPPER && !bounds.stops) {
            continue;
        }
        for (action, step) in OF_OTHERS {
            let name = Expr::Lit(Value::Model((*name).into()));
            actions.push(((thread, step), Expr::FnCall(action.into(), vec![name])));
        }
    }
    let terminating = "Terminating";
    WholeGraph::load(
        &module,
        &actions,
        terminating,
        |&(thread, step), from, to| {
            // The faulty action that writes before it appends is both steps.
            let appends = columns.ready_without_reader(to) > columns.ready_without_reader(from);
            let step = match step {
                Step::Enqueue if !appends => Step::Write,
                step => step,
            };
            let observed = columns.observe(step, to);
            Some(Seen { thread, observed })
        },
    )
}

/// The model's text.
fn model(specified: Specified, Bounds { callbacks, stops }: Bounds) -> String {
    let submitters = if callbacks > 0 { SUBMITTER } else { "" };
    let stoppers = if stops { STOPPER } else { "" };
    let wakes = if specified == Specified::NoByte {
        "FALSE"
    } else {
        "TRUE"
    };
    let instead = if specified == Specified::ByteFirst {
        "    Enqueue <- WriteFirst\n"
    } else {
        ""
    };
    format!(
        "\
INIT Init
NEXT AsyncioNext
INVARIANT AsyncioTypeOK
CONSTANTS
    Loop = {LOOP}
    Submitters = {{{submitters}}}
    Stoppers = {{{stoppers}}}
    CallbacksEach = {}
    LocalCallbacks = 0
    PipeCapacity = 1
    TimedWaits = FALSE
    CloseEarly = FALSE
    Coalesces = FALSE
    PollsOnStop = FALSE
    OwnWrites = FALSE
    Wakes = {wakes}
    EarlyStop = FALSE
{instead}",
        callbacks.max(1)
    )
}

/// The indices of the variables that are observed.
#[derive(Debug, Clone, Copy)]
struct Columns {
    ready: usize,
    pipe: usize,
    stopping: usize,
    closed: usize,
}

impl Columns {
    /// How many callbacks are ready. The pipe's reader is `<<Loop, 0>>`.
    fn ready_without_reader(self, state: &State) -> usize {
        let Value::Tuple(entries) = &state.values[self.ready] else {
            return 0;
        };
        let is_callback = |entry: &&Value| match entry {
            Value::Tuple(callback) => callback.last() != Some(&Value::Int(0)),
            _ => true,
        };
        entries.iter().filter(is_callback).count()
    }

    /// What the code would observe of a step that leads to this state.
    fn observe(self, step: Step, state: &State) -> Observed {
        let flag = |column: usize| state.values[column] == Value::Bool(true);
        let bytes = match state.values[self.pipe] {
            Value::Int(bytes) => usize::try_from(bytes).ok(),
            _ => None,
        };
        let status = Status {
            ready: self.ready_without_reader(state),
            stopping: flag(self.stopping),
            closed: flag(self.closed),
        };
        let of_the_pipe = matches!(step, Step::Write | Step::Select | Step::ReadFromSelf);
        Observed {
            step,
            status: (!of_the_pipe && step != Step::Start).then_some(status),
            bytes: bytes.filter(|_| of_the_pipe),
        }
    }
}

thread_local! {
    // shuttle runs all threads of an execution on one thread of the operating system.
    /// The numbers of the submitter's callbacks, in the order in which they have run.
    static RAN: RefCell<Vec<i64>> = const { RefCell::new(Vec::new()) };
}

/// The threads submit and stop. The loop runs that often. If it is to return each time, it is closed when
/// the others are done; otherwise it runs for ever.
fn run<S: Protocol>(Bounds { callbacks, stops }: Bounds, runs: usize) {
    drop(RAN.take());
    journal::name_this_thread::<Shuttle>(LOOP);
    let event_loop = <AsyncioLoop<S> as Design>::Loop::<Shuttle>::new();
    let mut others = Vec::new();
    if callbacks > 0 {
        let handle = event_loop.handle();
        others.push(Shuttle::spawn(SUBMITTER, move || {
            for nth in (1..).take(callbacks) {
                let callback = move || RAN.with_borrow_mut(|ran| ran.push(nth));
                // Nothing is closed before this thread is done.
                handle.call_soon_threadsafe(callback).expect("it is open");
            }
        }));
    }
    if stops {
        let handle = event_loop.handle();
        others.push(Shuttle::spawn(STOPPER, move || handle.stop_threadsafe()));
    }
    let turn = Shuttle::mutex(());
    for _ in 0..runs {
        // The others may go first: to begin a run is a step, and no lock goes with it.
        drop(Shuttle::lock(&turn));
        event_loop.run();
    }
    others.into_iter().for_each(Shuttle::join);
    event_loop.close();
}

/// Follows executions of the code, with this protocol, through a specification.
fn compare<S: Protocol>(
    folder: &Path,
    specified: Specified,
    bounds: Bounds,
    limits: &Limits,
) -> anyhow::Result<Compared> {
    let graph = graph(folder, specified, bounds)?;
    // One run more than there are stops never returns.
    let most_runs = usize::from(bounds.stops) + 1;
    let programs = (0..=most_runs).map(|runs| {
        let program: Box<dyn Fn() + Send + Sync> = Box::new(move || run::<S>(bounds, runs));
        program
    });
    follow(
        graph,
        programs.collect(),
        bounds.explorer(),
        limits,
        execution,
    )
}

/// What an execution did, as its journal says.
fn execution(journal: &Journal) -> Steps<Seen> {
    let steps = journal.entries.iter().filter_map(|entry| {
        let What::Note(note) = &entry.what else {
            return None;
        };
        let observed: Observed = note.parse().ok()?;
        let name = &journal.threads[entry.thread];
        let thread = THREADS.iter().position(|known| known == name);
        let thread = thread.expect("only these threads take steps");
        (observed.step != Step::Wait).then_some(Seen { thread, observed })
    });
    let steps: Vec<Seen> = steps.collect();
    let of_the_loop = steps.iter().filter(|seen| seen.thread == 0);
    let of_the_loop: Vec<Step> = of_the_loop.map(|seen| seen.observed.step).collect();
    let mut submitted = RAN.with_borrow_mut(mem::take).into_iter();
    // The stopper's callback is the one that stops.
    let mut ran = Vec::new();
    for (place, step) in of_the_loop.iter().enumerate() {
        if *step == Step::Run {
            let (thread, nth) = match of_the_loop.get(place + 1) {
                Some(Step::Stop) => (STOPPER, 1),
                _ => (SUBMITTER, submitted.next().unwrap_or_default()),
            };
            ran.push(Value::tuple(vec![
                Value::Model(thread.into()),
                Value::Int(nth),
            ]));
        }
    }
    Steps {
        steps,
        ran: Some(Value::tuple(ran)),
    }
}
