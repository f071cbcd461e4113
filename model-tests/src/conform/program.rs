//! The code that is compared with the specification: a loop's thread and others, within bounds.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use wakeproof::inbox::{Inbox, Next, Status, Step};
use wakeproof::platform::{Deliberate, Loom, Observer, Platform, Shuttle, Variant};

use crate::conform::outcome::{CallbackId, Outcome};
use crate::conform::relation::Bounds;
use crate::journal::Recorder;
use crate::models::{Callback, RunBatch};
use crate::platform::ModelPlatform;

/// One of the ways for the loop's thread to go about its work. Together, they are all that the
/// specification leaves to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Program {
    /// Who does what beside it.
    pub bounds: Bounds,
    /// How often it runs the loop before it closes it; if nothing is said, it runs it for ever.
    pub runs: Option<usize>,
    /// How many callbacks run before one submits. From then on each does, up to the bound.
    pub silent_callbacks: usize,
    /// Whether callbacks panic.
    pub panics: bool,
}

impl Program {
    /// Every program within the bounds.
    #[must_use]
    pub fn all(bounds: Bounds, panics: bool) -> Vec<Program> {
        let callbacks = bounds.submitters * bounds.callbacks_each + bounds.local_callbacks;
        let silent = if bounds.local_callbacks == 0 {
            1
        } else {
            callbacks
        };
        let runs = (0..=bounds.stoppers).map(Some).chain([None]);
        runs.flat_map(|runs| {
            (0..silent).map(move |silent_callbacks| Program {
                bounds,
                runs,
                silent_callbacks,
                panics,
            })
        })
        .collect()
    }

    /// Whether each of its executions comes to an end: the loop does not run for ever, and no run
    /// can have used up the stop that another waits for.
    #[must_use]
    pub fn ends(&self) -> bool {
        match self.runs {
            Some(runs) => runs == 0 || (runs == 1 && self.bounds.stoppers > 0),
            None => false,
        }
    }

    /// One execution. [`take_outcome`] tells what became of the callbacks.
    pub fn run<P: ModelPlatform, R: RunBatch>(&self) {
        let bounds = self.bounds;
        let cast = bounds.cast();
        let inbox = Arc::new(Inbox::<P, CallbackId>::new());
        drop(take_outcome());
        PENDING.set(0);
        let mut threads = Vec::new();
        for (thread, name) in (1..).zip(&cast.submitters) {
            let inbox = inbox.clone();
            threads.push(P::spawn(name, move || {
                for number in (1..).take(bounds.callbacks_each) {
                    let callback = (thread, number);
                    note(callback, inbox.call_soon_threadsafe(callback));
                }
            }));
        }
        for name in &cast.stoppers {
            let inbox = inbox.clone();
            threads.push(P::spawn(name, move || inbox.stop()));
        }

        let mut owner = Owner::<P> {
            program: *self,
            inbox,
            batch: VecDeque::new(),
            ran: Arc::new(AtomicUsize::new(0)),
            looks: 0,
        };
        match self.runs {
            Some(runs) => {
                for _ in 0..runs {
                    owner.run_forever::<R>();
                }
                let dropped = owner.inbox.close();
                OUTCOME.with_borrow_mut(|outcome| outcome.dropped.extend(dropped));
            }
            None => loop {
                owner.run_forever::<R>();
            },
        }
        for thread in threads {
            P::join(thread);
        }
    }
}

/// What came back from a submission.
fn note(callback: CallbackId, accepted: Result<(), CallbackId>) {
    OUTCOME.with_borrow_mut(|outcome| match accepted {
        Ok(()) => outcome.accepted.insert(callback),
        Err(refused) => outcome.refused.insert(refused),
    });
}

/// What has become of the callbacks of the execution that ends.
#[must_use]
pub fn take_outcome() -> Outcome {
    OUTCOME.take()
}

thread_local! {
    // loom and shuttle run all threads of an execution on one of the operating system's.
    static OUTCOME: RefCell<Outcome> = RefCell::default();
    /// How many callbacks the loop has taken and not run yet.
    static PENDING: Cell<usize> = const { Cell::new(0) };
    /// The loop's thread under shuttle.
    static LOOP: Cell<Option<shuttle::thread::ThreadId>> = const { Cell::new(None) };
}

/// The loop's thread.
struct Owner<P: ModelPlatform> {
    program: Program,
    inbox: Arc<Inbox<P, CallbackId>>,
    batch: VecDeque<CallbackId>,
    /// How many callbacks have run.
    ran: Arc<AtomicUsize>,
    /// How often it has looked into the inbox.
    looks: u64,
}

impl<P: ModelPlatform> Owner<P> {
    fn run_forever<R: RunBatch>(&mut self) {
        let deadline = self.deadline();
        self.inbox.first_batch(&mut self.batch, deadline);
        loop {
            PENDING.set(self.batch.len());
            let mut callbacks = self.callbacks();
            R::run::<P>(&mut callbacks);
            let deadline = self.deadline();
            if self.inbox.next_batch(&mut self.batch, deadline) == Next::Stop {
                return;
            }
        }
    }

    /// A later one each time, since time does not stand still between two looks.
    fn deadline(&mut self) -> Option<Duration> {
        self.looks += 1;
        let is_timed = self.program.bounds.timeouts > 0;
        is_timed.then_some(Duration::from_secs(self.looks))
    }

    fn callbacks(&mut self) -> VecDeque<Callback> {
        let (program, inbox, ran) = (self.program, &self.inbox, &self.ran);
        let batch = self.batch.drain(..);
        batch
            .map(|id| callback(id, program, inbox.clone(), ran.clone()))
            .collect()
    }
}

fn callback<P: ModelPlatform>(
    id: CallbackId,
    program: Program,
    inbox: Arc<Inbox<P, CallbackId>>,
    ran: Arc<AtomicUsize>,
) -> Callback {
    Box::new(move || {
        P::step(Step::Run, None);
        PENDING.set(PENDING.get() - 1);
        OUTCOME.with_borrow_mut(|outcome| outcome.ran.push(id));
        let ran = ran.fetch_add(1, Ordering::Relaxed);
        let own = ran.checked_sub(program.silent_callbacks);
        if let Some(own) = own.filter(|&own| own < program.bounds.local_callbacks) {
            let number = u8::try_from(own + 1).expect("few callbacks");
            note((0, number), inbox.call_soon((0, number)));
        }
        if program.panics {
            std::panic::panic_any(Deliberate);
        }
    })
}

/// Writes shuttle's steps down, and lets it switch threads where one step of the specification can
/// come between two others and the platform itself has no scheduling point: the loop runs a callback
/// while another thread is in the mutex.
///
/// Nothing else that a thread does can come between the steps of one that holds the mutex.
#[derive(Debug)]
pub struct Interleaved;

impl Interleaved {
    /// The calling thread is the loop's.
    pub(crate) fn begin() {
        LOOP.set(Some(Shuttle::current_thread()));
    }
}

impl Observer for Interleaved {
    fn step(step: Step, status: Option<Status>) {
        let by_the_loop = LOOP.get() == Some(Shuttle::current_thread());
        if step == Step::Run || (PENDING.get() > 0 && !by_the_loop) {
            shuttle::thread::yield_now();
        }
        Recorder::<Shuttle>::step(step, status);
    }
}

/// shuttle, with the protocol `V`, watched.
pub type UnderShuttle<V> = Variant<Shuttle, V, Interleaved>;

/// loom, with the protocol `V`, watched.
pub type UnderLoom<V> = Variant<Loom, V, Recorder<Loom>>;
