//! The programs that are compared with the specification: a loop's thread and other threads, within bounds.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use wakeproof::inbox::{Inbox, Next, Step};
use wakeproof::platform::{Deliberate, Platform};
use wakeproof_explore::journal;
use wakeproof_explore::observe::{self, Watch};
use wakeproof_explore::platform::{ModelPlatform, Shuttle};

use crate::fates::{CallbackFates, CallbackId};
use crate::relation::{self, Bounds};
use wakeproof_model_tests::models::{Callback, RunBatch};

/// One way in which the loop's thread can behave. Together, the programs cover everything that the
/// specification leaves open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Program {
    /// What the other threads and the environment do.
    pub bounds: Bounds,
    /// How often it runs the loop before it closes it. `None`: it runs the loop for ever.
    pub runs: Option<usize>,
    /// The moment at which the loop's own thread begins to submit. From then on, it submits at each moment,
    /// up to the bound. A moment is a callback, or the time before a run or before the close.
    pub submits_at: usize,
    /// The moments at which the loop's own thread requests a stop: one bit for each.
    pub stops_at: u32,
    /// How many stops it requests at such a moment.
    pub stops: usize,
    /// Whether callbacks panic.
    pub panics: bool,
}

impl Program {
    /// Every program within the bounds.
    #[must_use]
    pub fn all(bounds: Bounds, panics: bool) -> Vec<Program> {
        let callbacks = bounds.submitters * bounds.callbacks_each + bounds.local_callbacks;
        let most_runs = bounds.stoppers + 2 * usize::from(bounds.local_stops);
        let mut programs = Vec::new();
        for runs in (0..=most_runs).map(Some).chain([None]) {
            let moments = callbacks + runs.unwrap_or(most_runs) + 1;
            let submits = if bounds.local_callbacks > 0 {
                moments
            } else {
                1
            };
            let stops = if bounds.local_stops { 1 << moments } else { 1 };
            for submits_at in 0..submits {
                let quiet = Program {
                    bounds,
                    runs,
                    submits_at,
                    stops_at: 0,
                    stops: 0,
                    panics,
                };
                programs.push(quiet);
                programs.extend((1..stops).flat_map(|stops_at| {
                    [1, 2].map(|stops| Program {
                        stops_at,
                        stops,
                        ..quiet
                    })
                }));
            }
        }
        programs
    }

    /// Whether each of its executions ends: the loop does not run for ever, and no run can use up the stop
    /// that another run waits for.
    #[must_use]
    pub fn ends(&self) -> bool {
        match self.runs {
            Some(0) => true,
            Some(1) => self.bounds.stoppers > 0 || self.stops_at & 1 == 1,
            Some(_) => false,
            None => false,
        }
    }

    /// Runs one execution. After that, [`take_fates`] returns what happened to the callbacks.
    pub fn run<P: ModelPlatform, R: RunBatch>(&self) {
        let bounds = self.bounds;
        let cast = bounds.cast();
        let inbox = Arc::new(Inbox::<P, CallbackId>::new());
        drop(take_fates());
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
            moments: Arc::new(AtomicUsize::new(0)),
            looks: 0,
        };
        let mut left = self.runs;
        loop {
            moment(*self, &owner.inbox, &owner.moments);
            if left == Some(0) {
                break;
            }
            owner.run_forever::<R>();
            left = left.map(|left| left - 1);
        }
        let dropped = owner.inbox.close();
        FATES.with_borrow_mut(|fates| fates.dropped.extend(dropped));
        for thread in threads {
            P::join(thread);
        }
    }
}

/// Notes that a callback runs.
pub(super) fn note_run(callback: CallbackId) {
    FATES.with_borrow_mut(|fates| fates.ran.push(callback));
}

/// Notes the result of a submission.
pub(super) fn note(callback: CallbackId, accepted: Result<(), CallbackId>) {
    FATES.with_borrow_mut(|fates| match accepted {
        Ok(()) => fates.accepted.insert(callback),
        Err(refused) => fates.refused.insert(refused),
    });
}

/// Takes what was noted about the callbacks of the execution.
#[must_use]
pub fn take_fates() -> CallbackFates {
    FATES.take()
}

thread_local! {
    // loom and shuttle run all threads of an execution on one thread of the operating system.
    static FATES: RefCell<CallbackFates> = RefCell::default();
    /// How many callbacks the loop has taken but not yet run.
    static PENDING: Cell<usize> = const { Cell::new(0) };
    /// The loop's thread under shuttle.
    static LOOP: Cell<Option<shuttle::thread::ThreadId>> = const { Cell::new(None) };
}

/// The loop's thread.
struct Owner<P: ModelPlatform> {
    program: Program,
    inbox: Arc<Inbox<P, CallbackId>>,
    batch: VecDeque<CallbackId>,
    /// How many moments have passed.
    moments: Arc<AtomicUsize>,
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

    /// The deadline of the next wait. Each is later than the one before, as time passes between two looks.
    fn deadline(&mut self) -> Option<Duration> {
        self.looks += 1;
        let is_timed = self.program.bounds.timeouts > 0;
        is_timed.then_some(Duration::from_secs(self.looks))
    }

    fn callbacks(&mut self) -> VecDeque<Callback> {
        let (program, inbox, moments) = (self.program, &self.inbox, &self.moments);
        let batch = self.batch.drain(..);
        batch
            .map(|id| callback(id, program, inbox.clone(), moments.clone()))
            .collect()
    }
}

fn callback<P: ModelPlatform>(
    id: CallbackId,
    program: Program,
    inbox: Arc<Inbox<P, CallbackId>>,
    moments: Arc<AtomicUsize>,
) -> Callback {
    Box::new(move || {
        P::step(Step::Run, None);
        PENDING.set(PENDING.get() - 1);
        note_run(id);
        moment(program, &inbox, &moments);
        if program.panics {
            std::panic::panic_any(Deliberate);
        }
    })
}

/// What the loop's thread itself does at a moment, in a callback or between runs.
fn moment<P: ModelPlatform>(program: Program, inbox: &Inbox<P, CallbackId>, moments: &AtomicUsize) {
    let moment = moments.fetch_add(1, Ordering::Relaxed);
    let own = moment.checked_sub(program.submits_at);
    if let Some(own) = own.filter(|&own| own < program.bounds.local_callbacks) {
        let number = u8::try_from(own + 1).expect("few callbacks");
        note((0, number), inbox.call_soon((0, number)));
    }
    let bit = u32::try_from(moment)
        .ok()
        .and_then(|moment| 1_u32.checked_shl(moment));
    if bit.is_some_and(|bit| program.stops_at & bit != 0) {
        for _ in 0..program.stops {
            inbox.stop();
        }
    }
}

/// Records the steps under shuttle, and adds the scheduling points that the platform lacks: in the
/// specification, the loop can run a callback while another thread holds the mutex.
///
/// Nothing else that a thread does can come between the steps of a thread that holds the mutex. Call it on
/// the loop's thread.
pub(super) fn interleaved() {
    LOOP.set(Some(Shuttle::current_thread()));
    journal::name_this_thread::<Shuttle>(relation::LOOP);
    observe::watch(Watch {
        step: |step, status| {
            let by_the_loop = LOOP.get() == Some(Shuttle::current_thread());
            if step == Step::Run || (PENDING.get() > 0 && !by_the_loop) {
                shuttle::thread::yield_now();
            }
            (journal::recorder::<Shuttle>().step)(step, status);
        },
        ..journal::recorder::<Shuttle>()
    });
}
