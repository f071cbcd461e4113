//! The judge: finds out whether there are moments at which the contract allows what was recorded.
//!
//! It does not try every order. What the recording does not show is decided as late as possible:
//!
//! * **Submissions** take effect when it matters whether they have: when the loop begins an iteration.
//!   Of two callbacks in the same iteration, the one that ran first was submitted first, unless the
//!   submission of the other had ended before its own began.
//! * **Iterations** begin at some moment after the one before was over. For each way in which the
//!   execution can have gone, the judge remembers the moments at which the last iteration can have begun:
//!   a few ranges of line numbers. Everything else about an iteration follows from that moment.
//! * **Stops** take effect when their call ends, or when the loop returns, which needs one.
//! * **What is settled** is forgotten. The specification does not look at it again.
//!
//! So there are only a handful of ways at any time, however long the recording and however many the
//! threads. The judge remembers the calls that are open and the callbacks that wait to run.
//! Whether the contract allows a step in a [`Window`] is asked of `EventLoop.tla` itself.

use std::collections::{BTreeMap, HashMap, VecDeque};

use super::clause::Clause;
use super::contract::{Action, Phase, Step, Window, Windows};
use super::events::{Call, CallId, Callback, Event, Kind, Outcome, Thread, What};
use super::moments::Moments;
use super::numbers::Numbers;
use super::recording::{Header, Order};

/// How many callbacks are remembered after they have been settled, to say what became of them.
const REMEMBERED: usize = 1024;

/// What has become of a callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Ran,
    Refused,
    Cancelled,
    Dropped,
}

/// One way in which the execution can have gone, as far as it differs from others.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mode {
    phase: Phase,
    stopping: Stopping,
    /// The call that the loop runs in.
    run: Option<CallId>,
    /// The calls whose run is over, and which have not returned yet.
    returned: Vec<CallId>,
    /// Open calls that have stopped a run.
    spent: Vec<CallId>,
    /// Open calls that may have come just before a run that stopped anyway returned.
    perhaps_spent: Vec<CallId>,
    /// The call that has closed the loop, while it is open.
    closed_by: Option<CallId>,
    /// What has been cancelled, and by which call.
    cancelled: Vec<(Callback, CallId)>,
    /// An iteration has been announced, and has not begun.
    due: bool,
}

/// Whether the loop has been asked to stop, and whether it must wake for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stopping {
    No,
    /// By a call that does not claim to wake it.
    Silently,
    Yes,
}

impl Mode {
    const FIRST: Mode = Mode {
        phase: Phase::Idle,
        stopping: Stopping::No,
        run: None,
        returned: Vec::new(),
        spent: Vec::new(),
        perhaps_spent: Vec::new(),
        closed_by: None,
        cancelled: Vec::new(),
        due: false,
    };

    fn has_cancelled(&self, callback: Callback) -> bool {
        self.cancelled.iter().any(|&(known, _)| known == callback)
    }
}

/// A callback that is being submitted, or waits to run.
#[derive(Debug)]
pub(super) struct Submitted {
    pub(super) begin: u64,
    /// `None` while the call is open.
    pub(super) end: Option<u64>,
    pub(super) call: Call,
    kind: Kind,
}

impl Submitted {
    fn wakes(&self) -> bool {
        matches!(self.call.what, What::Submit { wakes: true, .. })
    }
}

/// The callbacks that are being submitted, or wait to run.
#[derive(Debug, Default)]
pub(super) struct Pending {
    all: HashMap<Callback, Submitted>,
    /// Those whose submission has ended, by the line that says so.
    ended: HashMap<Kind, BTreeMap<u64, Callback>>,
    /// How many of them were submitted by a call that wakes.
    waking: usize,
    /// The others, by the line, and by their thread.
    silent: BTreeMap<u64, Thread>,
    silent_of: HashMap<Thread, usize>,
}

impl Pending {
    pub(super) fn get(&self, callback: Callback) -> Option<&Submitted> {
        self.all.get(&callback)
    }

    fn contains(&self, callback: Callback) -> bool {
        self.all.contains_key(&callback)
    }

    fn end(&mut self, callback: Callback, line: u64) {
        let Some(submitted) = self.all.get_mut(&callback) else {
            return;
        };
        submitted.end = Some(line);
        let ended = self.ended.entry(submitted.kind.clone()).or_default();
        ended.insert(line, callback);
        if submitted.wakes() {
            self.waking += 1;
        } else {
            let thread = &submitted.call.thread;
            self.silent.insert(line, thread.clone());
            *self.silent_of.entry(thread.clone()).or_default() += 1;
        }
    }

    fn remove(&mut self, callback: Callback) {
        let Some(submitted) = self.all.remove(&callback) else {
            return;
        };
        let Some(line) = submitted.end else {
            return;
        };
        if let Some(ended) = self.ended.get_mut(&submitted.kind) {
            ended.remove(&line);
            if ended.is_empty() {
                self.ended.remove(&submitted.kind);
            }
        }
        if submitted.wakes() {
            self.waking -= 1;
        } else {
            self.silent.remove(&line);
            let thread = &submitted.call.thread;
            if let Some(count) = self.silent_of.get_mut(thread) {
                *count -= 1;
                if *count == 0 {
                    self.silent_of.remove(thread);
                }
            }
        }
    }

    /// The line in which the first submission of these callbacks ended.
    fn first_end(&self, kind: Option<&Kind>, mode: &Mode) -> Option<u64> {
        let first = |ended: &BTreeMap<u64, Callback>| {
            let mut ended = ended.iter();
            let left = ended.find(|&(_, &callback)| !mode.has_cancelled(callback));
            left.map(|(&line, _)| line)
        };
        match kind {
            Some(kind) => self.ended.get(kind).and_then(first),
            None => self.ended.values().filter_map(first).min(),
        }
    }

    /// How many callbacks wait to run.
    pub(super) fn accepted(&self) -> usize {
        self.waking + self.silent.len()
    }

    /// Those whose submission ended first.
    pub(super) fn oldest(&self, at_most: usize) -> Vec<Callback> {
        let mut oldest: Vec<(u64, Callback)> = Vec::new();
        for ended in self.ended.values() {
            let first = ended.iter().take(at_most);
            oldest.extend(first.map(|(&line, &callback)| (line, callback)));
        }
        oldest.sort_unstable();
        oldest.truncate(at_most);
        oldest.into_iter().map(|(_, callback)| callback).collect()
    }
}

/// Judges a recording, line by line.
#[derive(Debug)]
pub(super) struct Late<'w> {
    windows: &'w mut Windows,
    order: Order,
    iterations: bool,
    prompt_stop: bool,
    open: BTreeMap<CallId, Call>,
    pending: Pending,
    submitted: Numbers,
    /// The ways in which it can have gone. Each has the moments at which the last iteration can have begun,
    /// or the loop can have been closed.
    modes: Vec<(Mode, Moments)>,
    fates: VecDeque<(Callback, Fate)>,
    /// A callback whose fate is remembered, however long ago it was settled.
    watched: Option<Callback>,
    fate_of_watched: Option<Fate>,
    is_unasked: bool,
}

/// Whether a mode goes on.
type Survival = Result<(), Clause>;

impl<'w> Late<'w> {
    pub(super) fn new(windows: &'w mut Windows, header: &Header) -> Self {
        Late {
            windows,
            order: header.order,
            iterations: header.iterations,
            prompt_stop: header.prompt_stop,
            open: BTreeMap::new(),
            pending: Pending::default(),
            submitted: Numbers::default(),
            modes: vec![(Mode::FIRST, Moments::default())],
            fates: VecDeque::new(),
            watched: None,
            fate_of_watched: None,
            is_unasked: true,
        }
    }

    /// Remembers what becomes of this callback, however long ago that is.
    pub(super) fn watch(&mut self, callback: Callback) {
        self.watched = Some(callback);
    }

    pub(super) fn into_windows(self) -> &'w mut Windows {
        self.windows
    }

    pub(super) fn open(&self) -> &BTreeMap<CallId, Call> {
        &self.open
    }

    pub(super) fn pending(&self) -> &Pending {
        &self.pending
    }

    /// What has become of a callback that is no longer pending, if that is remembered.
    pub(super) fn fate(&self, callback: Callback) -> Option<Fate> {
        if self.watched == Some(callback) {
            return self.fate_of_watched;
        }
        let mut fates = self.fates.iter();
        let known = fates.find(|(known, _)| *known == callback);
        known.map(|&(_, fate)| fate)
    }

    /// The callback that has to run before this one.
    pub(super) fn overtaken(&self, callback: Callback) -> Option<Callback> {
        let submitted = self.pending.get(callback)?;
        let ended = self.pending.ended.get(&submitted.kind)?;
        let (_, &first) = ended.first_key_value()?;
        (first != callback).then_some(first)
    }

    /// The thread that has started the loop, and has not come back.
    pub(super) fn runner(&self) -> Option<&str> {
        let mut open = self.open.values();
        let start = open.find(|call| call.what == What::Start);
        start.map(|call| &*call.thread)
    }

    /// Whether nobody can have asked the loop to stop before the line that was refused.
    pub(super) fn is_unasked(&self) -> bool {
        self.is_unasked
    }

    /// Takes note of an event.
    ///
    /// # Errors
    ///
    /// The outer error if the specification cannot be evaluated; the inner one if it does not allow
    /// what has happened, however the recording can have gone.
    pub(super) fn event(&mut self, line: u64, event: &Event) -> anyhow::Result<Survival> {
        self.unseen(line)?;
        let is_stop = |call: &Call| matches!(call.what, What::Stop { .. });
        self.is_unasked = self.open_calls(is_stop).next().is_none()
            && self
                .modes
                .iter()
                .all(|(mode, _)| mode.stopping == Stopping::No);
        let mut refused = None;
        for (mode, moments) in std::mem::take(&mut self.modes) {
            let survival = match self.is_late(&mode, event) {
                Some(clause) => Err(clause),
                None => self.after(line, event, mode, moments)?,
            };
            refused = refused.max(survival.err());
        }
        if let (true, Some(clause)) = (self.modes.is_empty(), refused) {
            return Ok(Err(clause));
        }
        self.commit(line, event);
        Ok(Ok(()))
    }

    /// Does everything that may happen unseen between the previous line and this one.
    fn unseen(&mut self, now: u64) -> anyhow::Result<()> {
        let mut place = 0;
        while place < self.modes.len() {
            let (mode, moments) = &self.modes[place];
            match mode.phase {
                Phase::Idle => {
                    let mode = mode.clone();
                    self.unseen_between_runs(&mode, now)?;
                }
                Phase::Started | Phase::Running => {
                    let is_over = self.is_over(mode, moments);
                    self.unseen_in_a_run(place, is_over, now)?;
                }
                Phase::Closed => {}
            }
            self.unseen_cancels(place)?;
            place += 1;
        }
        Ok(())
    }

    fn unseen_between_runs(&mut self, mode: &Mode, now: u64) -> anyhow::Result<()> {
        let window = self.window(mode, 0);
        let is_start = |call: &Call| call.what == What::Start;
        let starts: Vec<CallId> = self.open_calls(is_start).collect();
        for call in starts {
            if mode.returned.contains(&call) {
                continue;
            }
            if let Some(step) = self.windows.step(window, Action::Start)? {
                let mut started = mode.clone();
                started.phase = step.phase;
                started.run = Some(call);
                if started.stopping != Stopping::No {
                    started.stopping = Stopping::Yes;
                }
                self.insert(started, Moments::default());
            }
        }
        let is_close = |call: &Call| call.what == What::Close;
        let closes: Vec<CallId> = self.open_calls(is_close).collect();
        for call in closes {
            if let Some(step) = self.windows.step(window, Action::Close)? {
                let mut closed = mode.clone();
                closed.phase = step.phase;
                closed.closed_by = Some(call);
                self.insert(closed, Moments::only(now));
            }
        }
        Ok(())
    }

    fn unseen_in_a_run(&mut self, place: usize, is_over: bool, now: u64) -> anyhow::Result<()> {
        let mode = &self.modes[place].0;
        let window = self.window(mode, u8::from(!is_over));
        let may_iterate = mode.due || !self.iterations;
        if may_iterate && let Some(step) = self.windows.step(window, Action::Iterate)? {
            let (mode, moments) = &mut self.modes[place];
            if mode.phase == step.phase && !mode.due {
                moments.add(now);
            } else {
                let mut iterating = mode.clone();
                iterating.phase = step.phase;
                iterating.due = false;
                self.insert(iterating, Moments::only(now));
            }
        }
        let mode = &self.modes[place].0;
        if mode.stopping != Stopping::No {
            return self.unseen_return(place, window, None);
        }
        let unspent = |call: &Call| matches!(call.what, What::Stop { .. });
        let stops: Vec<CallId> = self.open_calls(unspent).collect();
        for stop in stops {
            let mode = &self.modes[place].0;
            if !mode.spent.contains(&stop) {
                self.unseen_return(place, window, Some(stop))?;
            }
        }
        Ok(())
    }

    /// The run returns, because of this call if nobody has asked it to stop before.
    fn unseen_return(
        &mut self,
        place: usize,
        mut window: Window,
        stop: Option<CallId>,
    ) -> anyhow::Result<()> {
        if stop.is_some() {
            let Some(step) = self.windows.step(window, Action::Stop)? else {
                return Ok(());
            };
            window.stopping = step.stopping;
        }
        let Some(step) = self.windows.step(window, Action::Return)? else {
            return Ok(());
        };
        let mut returned = self.modes[place].0.clone();
        returned.phase = step.phase;
        returned.stopping = if step.stopping {
            returned.stopping
        } else {
            Stopping::No
        };
        returned.returned.extend(returned.run.take());
        returned.spent.extend(stop);
        returned.due = false;
        let is_stop = |call: &Call| matches!(call.what, What::Stop { .. });
        returned.perhaps_spent = self
            .open_calls(is_stop)
            .filter(|call| !returned.spent.contains(call))
            .collect();
        self.insert(returned, Moments::default());
        Ok(())
    }

    fn unseen_cancels(&mut self, place: usize) -> anyhow::Result<()> {
        let is_cancel = |call: &Call| matches!(call.what, What::Cancel { .. });
        let cancels: Vec<CallId> = self.open_calls(is_cancel).collect();
        for call in cancels {
            let What::Cancel { callback } = self.open[&call].what else {
                continue;
            };
            let (mode, moments) = &self.modes[place];
            if !self.is_pending(mode, callback) {
                continue;
            }
            let window = Window {
                beyond: 1,
                ..self.window(mode, 0)
            };
            let (mut mode, moments) = (mode.clone(), moments.clone());
            if self.windows.step(window, Action::Cancel)?.is_some() {
                mode.cancelled.push((callback, call));
                mode.cancelled.sort_unstable();
                self.insert(mode, moments);
            }
        }
        Ok(())
    }

    /// An iteration that has been announced must have begun before the loop's thread does anything
    /// else.
    fn is_late(&self, mode: &Mode, event: &Event) -> Option<Clause> {
        let run = mode.run.and_then(|run| self.open.get(&run))?;
        let is_a_step = matches!(event, Event::Enters { .. } | Event::Leaves { .. });
        let by_the_loop = !is_a_step && event.thread() == Some(&run.thread);
        let clause = if self.prompt_stop && mode.stopping != Stopping::No {
            Clause::PromptStop
        } else {
            Clause::IterationIsOver
        };
        (mode.due && by_the_loop).then_some(clause)
    }

    /// Where an event leads from one mode.
    fn after(
        &mut self,
        line: u64,
        event: &Event,
        mode: Mode,
        moments: Moments,
    ) -> anyhow::Result<Survival> {
        match event {
            Event::Begins(_) | Event::Enters { .. } | Event::Leaves { .. } => {
                self.insert(mode, moments);
                Ok(Ok(()))
            }
            Event::Ends {
                id, call, outcome, ..
            } => match call.what {
                What::Submit { callback, .. } => {
                    self.after_submit(callback, *id, *outcome, mode, moments)
                }
                What::Cancel { callback } => {
                    Ok(self.after_cancel(callback, *id, *outcome, mode, moments))
                }
                What::Stop { wakes } => {
                    let thread = &call.thread;
                    self.after_stop(*id, thread, wakes, *outcome, mode, moments)
                }
                What::Start => Ok(self.after_start(*id, *outcome, mode, moments)),
                What::Close => Ok(self.after_close(*id, *outcome, mode, moments)),
            },
            Event::Runs { thread, callback } => {
                self.after_run(thread, *callback, line, mode, moments)
            }
            Event::Iterates { thread } => Ok(self.after_iterates(thread, mode, moments)),
            Event::Asleep => self.after_asleep(mode, moments),
        }
    }

    fn after_submit(
        &mut self,
        callback: Callback,
        begin: u64,
        outcome: Outcome,
        mode: Mode,
        mut moments: Moments,
    ) -> anyhow::Result<Survival> {
        let has_run = !self.pending.contains(callback);
        let window = self.window(&mode, 0);
        if outcome == Outcome::Accepted {
            if self.windows.step(window, Action::Submit)?.is_none() {
                // It was accepted before the loop was closed, and dropped.
                moments.keep_after(begin);
                if moments.is_empty() {
                    return Ok(Err(Clause::NothingAcceptedAfterClose));
                }
            }
        } else if has_run {
            return Ok(Err(Clause::OneFateEach));
        } else if outcome == Outcome::RefusedAsClosed
            && self.windows.step(window, Action::Refuse)?.is_none()
        {
            return Ok(Err(Clause::Refuse));
        }
        self.insert(mode, moments);
        Ok(Ok(()))
    }

    fn after_cancel(
        &mut self,
        callback: Callback,
        id: CallId,
        outcome: Outcome,
        mut mode: Mode,
        moments: Moments,
    ) -> Survival {
        let has_cancelled = mode.cancelled.contains(&(callback, id));
        let is_right = match outcome {
            Outcome::Cancelled => has_cancelled,
            Outcome::Returned => has_cancelled || !self.is_pending(&mode, callback),
            Outcome::TooLate => !has_cancelled && !self.is_pending(&mode, callback),
            _ => !has_cancelled,
        };
        if !is_right {
            return Err(Clause::Cancel);
        }
        for cancelled in &mut mode.cancelled {
            if cancelled.1 == id {
                cancelled.1 = 0;
            }
        }
        self.insert(mode, moments);
        Ok(())
    }

    fn after_stop(
        &mut self,
        id: CallId,
        thread: &Thread,
        wakes: bool,
        outcome: Outcome,
        mut mode: Mode,
        moments: Moments,
    ) -> anyhow::Result<Survival> {
        let was_spent = remove(&mut mode.spent, id);
        let was_perhaps_spent = remove(&mut mode.perhaps_spent, id);
        if outcome != Outcome::Returned {
            if was_spent {
                return Ok(Err(Clause::Return));
            }
            self.insert(mode, moments);
            return Ok(Ok(()));
        }
        if was_spent || was_perhaps_spent {
            self.insert(mode.clone(), moments.clone());
        }
        if !was_spent {
            let by_the_loop = mode
                .run
                .is_some_and(|run| self.open[&run].thread == *thread);
            let request = if wakes || by_the_loop {
                Stopping::Yes
            } else {
                Stopping::Silently
            };
            let window = self.window(&mode, 0);
            match self.windows.step(window, Action::Stop)? {
                Some(Step { stopping: true, .. }) => {
                    mode.stopping = mode.stopping.max(request);
                    self.insert(mode, moments);
                }
                _ => return Ok(Err(Clause::StopIsHonoured)),
            }
        }
        Ok(Ok(()))
    }

    fn after_start(
        &mut self,
        id: CallId,
        outcome: Outcome,
        mut mode: Mode,
        moments: Moments,
    ) -> Survival {
        let has_returned = remove(&mut mode.returned, id);
        let is_in_its_run = mode.run == Some(id);
        match outcome {
            Outcome::Returned if has_returned => {}
            Outcome::Returned if is_in_its_run => return Err(Clause::Return),
            Outcome::Returned => return Err(Clause::Start),
            _ if has_returned || is_in_its_run => return Err(Clause::Start),
            _ => {}
        }
        self.insert(mode, moments);
        Ok(())
    }

    fn after_close(
        &mut self,
        id: CallId,
        outcome: Outcome,
        mut mode: Mode,
        moments: Moments,
    ) -> Survival {
        let has_closed = mode.closed_by == Some(id);
        let is_right = match outcome {
            Outcome::Returned => mode.phase == Phase::Closed,
            _ => !has_closed,
        };
        if !is_right {
            return Err(Clause::Close);
        }
        if has_closed {
            mode.closed_by = None;
        }
        self.insert(mode, moments);
        Ok(())
    }

    fn after_run(
        &mut self,
        thread: &Thread,
        callback: Callback,
        line: u64,
        mode: Mode,
        moments: Moments,
    ) -> anyhow::Result<Survival> {
        if !self.submitted.contains(callback) {
            return Ok(Err(Clause::Submit));
        }
        let Some(submitted) = self.pending.get(callback) else {
            return Ok(Err(match self.fate(callback) {
                Some(Fate::Ran) => Clause::NothingRunsTwice,
                _ => Clause::OneFateEach,
            }));
        };
        if mode.has_cancelled(callback) || mode.phase == Phase::Closed {
            return Ok(Err(Clause::OneFateEach));
        }
        let run = mode.run.and_then(|run| self.open.get(&run));
        if run.is_none_or(|run| run.thread != *thread) {
            return Ok(Err(Clause::Run));
        }
        let begin = submitted.begin;
        let first_end = self.pending.first_end(Some(&submitted.kind), &mode);
        let is_overtaking = first_end.is_some_and(|end| end < begin);
        let others = u8::from(self.pending.all.len() > 1);

        // Where the last iteration covers the callback, with another before it, or behind it.
        let place = usize::from(is_overtaking);
        let covering = Window {
            covered: 1 + (others | u8::from(is_overtaking)),
            ..self.window(&mode, 0)
        };
        let step = self.windows.step(covering, Action::Run)?;
        let runs_if_covered = step.is_some_and(|step| step.runs == Some(place));
        // Where the last iteration began before the callback was submitted.
        let not_covering = Window {
            covered: others,
            beyond: 1,
            ..self.window(&mode, 0)
        };
        let place = usize::from(others);
        let step = self.windows.step(not_covering, Action::Run)?;
        let runs_if_not_covered = step.is_some_and(|step| step.runs == Some(place));

        let mut later = moments.clone();
        later.keep_after(begin);
        let survives = match (runs_if_covered, runs_if_not_covered) {
            (true, true) => moments,
            (true, false) => later,
            (false, true) => {
                let mut earlier = moments;
                earlier.keep_before(begin);
                earlier
            }
            (false, false) => Moments::default(),
        };
        if mode.phase != Phase::Running || survives.is_empty() {
            return Ok(Err(if is_overtaking {
                Clause::FirstInFirstOut
            } else if mode.phase == Phase::Running || self.iterations {
                Clause::Iterate
            } else {
                Clause::Run
            }));
        }
        debug_assert!(survives.first() <= Some(line));
        self.insert(mode, survives);
        Ok(Ok(()))
    }

    fn after_iterates(&mut self, thread: &Thread, mut mode: Mode, moments: Moments) -> Survival {
        let run = mode.run.and_then(|run| self.open.get(&run));
        if run.is_none_or(|run| run.thread != *thread) {
            return Err(Clause::Run);
        }
        mode.due = true;
        self.insert(mode, moments);
        Ok(())
    }

    /// Liveness, made finite: no thread goes on by itself, so nothing may be demanded of the loop's.
    fn after_asleep(&mut self, mode: Mode, moments: Moments) -> anyhow::Result<Survival> {
        let mut open = self.open.keys();
        if open.any(|call| mode.run != Some(*call)) {
            return Ok(Err(Clause::EveryCallReturns));
        }
        let Some(run) = mode.run.and_then(|run| Some((run, self.open.get(&run)?))) else {
            self.insert(mode, moments);
            return Ok(Ok(()));
        };
        let must_wake = self.must_wake(run);
        let window = |covered| Window {
            phase: mode.phase,
            stopping: mode.stopping == Stopping::Yes,
            covered,
            beyond: u8::from(must_wake),
        };
        let first_end = self.pending.first_end(None, &mode);
        let (mut done, mut undone) = (moments.clone(), Moments::default());
        if let (Phase::Running, Some(end)) = (mode.phase, first_end) {
            undone = moments;
            undone.keep_after(end);
            done.keep_before(end);
        }
        let is_done_at_all = mode.phase == Phase::Started || !done.is_empty();
        let mut survives = Moments::default();
        let mut survives_at_all = false;
        if is_done_at_all && !self.windows.is_demanded(window(0))? {
            survives = done;
            survives_at_all = true;
        }
        if !undone.is_empty() && !self.windows.is_demanded(window(1))? {
            survives.union(undone);
            survives_at_all = true;
        }
        if !survives_at_all {
            let beside_a_callback = must_wake || !is_done_at_all;
            return Ok(Err(if beside_a_callback {
                Clause::EveryCallbackIsSettled
            } else {
                Clause::StopIsHonoured
            }));
        }
        self.insert(mode, survives);
        Ok(Ok(()))
    }

    /// Whether the loop must wake for one of the callbacks that are pending: it was submitted by a
    /// call that wakes, or by the loop's own thread, or before the run began.
    fn must_wake(&self, (run, start): (CallId, &Call)) -> bool {
        let pending = &self.pending;
        let first_silent = pending.silent.first_key_value();
        pending.waking > 0
            || pending.silent_of.contains_key(&start.thread)
            || first_silent.is_some_and(|(&end, _)| end < run)
    }

    /// What the event changes for all modes alike.
    fn commit(&mut self, line: u64, event: &Event) {
        match event {
            Event::Begins(call) => {
                self.open.insert(line, call.clone());
                if let What::Submit { callback, .. } = call.what {
                    self.submitted.insert(callback);
                    let submitted = Submitted {
                        begin: line,
                        end: None,
                        kind: call.kind(self.order),
                        call: call.clone(),
                    };
                    self.pending.all.insert(callback, submitted);
                }
            }
            Event::Ends {
                id, call, outcome, ..
            } => {
                self.open.remove(id);
                match call.what {
                    What::Submit { callback, .. } if *outcome == Outcome::Accepted => {
                        self.pending.end(callback, line);
                    }
                    What::Submit { callback, .. } => self.settle(callback, Fate::Refused),
                    _ => {}
                }
            }
            Event::Runs { callback, .. } => self.settle(*callback, Fate::Ran),
            _ => {}
        }
        self.settle_what_is_certain();
    }

    fn settle(&mut self, callback: Callback, fate: Fate) {
        if !self.pending.contains(callback) {
            return;
        }
        self.pending.remove(callback);
        if self.watched == Some(callback) {
            self.fate_of_watched = Some(fate);
        }
        if self.fates.len() == REMEMBERED {
            self.fates.pop_front();
        }
        self.fates.push_back((callback, fate));
    }

    /// Forgets what is cancelled, or dropped, in each mode.
    fn settle_what_is_certain(&mut self) {
        if self
            .modes
            .iter()
            .all(|(mode, _)| mode.phase == Phase::Closed)
        {
            let kinds: Vec<_> = self.pending.ended.values().collect();
            let dropped: Vec<Callback> = kinds
                .into_iter()
                .flat_map(BTreeMap::values)
                .copied()
                .collect();
            for callback in dropped {
                self.settle(callback, Fate::Dropped);
            }
        }
        let Some((first, _)) = self.modes.first() else {
            return;
        };
        if first.cancelled.is_empty() && self.modes.len() == 1 {
            return;
        }
        let candidates: Vec<Callback> = first
            .cancelled
            .iter()
            .filter(|(_, call)| *call == 0)
            .map(|&(callback, _)| callback)
            .collect();
        for callback in candidates {
            let mut modes = self.modes.iter();
            if modes.all(|(mode, _)| mode.cancelled.contains(&(callback, 0))) {
                self.settle(callback, Fate::Cancelled);
            }
        }
        let pending = &self.pending;
        for (mode, _) in &mut self.modes {
            mode.cancelled
                .retain(|&(callback, call)| call != 0 || pending.contains(callback));
        }
        self.merge();
    }

    /// Merges modes that have become the same.
    fn merge(&mut self) {
        if self.modes.len() > 1 {
            for (mode, moments) in std::mem::take(&mut self.modes) {
                self.insert(mode, moments);
            }
        }
    }

    fn insert(&mut self, mode: Mode, moments: Moments) {
        match self.modes.iter_mut().find(|(known, _)| *known == mode) {
            Some((_, known)) => known.union(moments),
            None => self.modes.push((mode, moments)),
        }
    }

    fn open_calls(&self, of_kind: impl Fn(&Call) -> bool) -> impl Iterator<Item = CallId> {
        let open = self.open.iter();
        open.filter(move |(_, call)| of_kind(call))
            .map(|(&id, _)| id)
    }

    /// Whether everything that the last iteration covers has been settled, for the earliest moment at
    /// which it can have begun. An earlier moment covers less, so it is over for some moment or for
    /// none.
    fn is_over(&self, mode: &Mode, moments: &Moments) -> bool {
        if mode.phase != Phase::Running {
            return true;
        }
        let first_end = self.pending.first_end(None, mode);
        match (moments.first(), first_end) {
            (Some(moment), Some(end)) => moment <= end,
            _ => true,
        }
    }

    fn is_pending(&self, mode: &Mode, callback: Callback) -> bool {
        mode.phase != Phase::Closed
            && self.pending.contains(callback)
            && !mode.has_cancelled(callback)
    }

    fn window(&self, mode: &Mode, covered: u8) -> Window {
        let beyond = self.pending.all.len() > usize::from(covered);
        Window {
            phase: mode.phase,
            stopping: mode.stopping != Stopping::No,
            covered,
            beyond: u8::from(beyond),
        }
    }
}

fn remove(calls: &mut Vec<CallId>, call: CallId) -> bool {
    let before = calls.len();
    calls.retain(|known| *known != call);
    calls.len() < before
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::contract::TEXT;
    use crate::judge::recording::BLACK_BOX;

    #[test]
    fn what_is_settled_is_forgotten() {
        let header = Header::new(BLACK_BOX);
        let mut windows = Windows::new(TEXT, false).unwrap();
        let mut late = Late::new(&mut windows, &header);
        let mut line = 1;
        let mut happens = |late: &mut Late<'_>, event: Event| {
            line += 1;
            assert_eq!(late.event(line, &event).unwrap(), Ok(()));
            line
        };
        let call = |thread: &str, what| Call {
            thread: thread.into(),
            what,
            by: None,
            stops: false,
        };
        let start = call("main", What::Start);
        happens(&mut late, Event::Begins(start));
        for callback in 0..20_000 {
            // Two threads take turns, and the loop is always a callback behind.
            let thread = if callback % 2 == 0 { "a" } else { "b" };
            let wakes = callback % 3 == 0;
            let submit = call(thread, What::Submit { callback, wakes });
            let id = happens(&mut late, Event::Begins(submit.clone()));
            if let Some(callback) = callback.checked_sub(1) {
                let thread = "main".into();
                happens(&mut late, Event::Runs { thread, callback });
            }
            let ends = Event::Ends {
                id,
                call: submit,
                outcome: Outcome::Accepted,
                why: None,
            };
            happens(&mut late, ends);
            let remembered = late.pending.all.len()
                + late.pending.silent.len()
                + late.open.len()
                + late.modes.len();
            assert!(remembered < 12, "{late:?}");
            let ranges = late.modes.iter().map(|(_, moments)| moments.ranges());
            assert!(ranges.sum::<usize>() < 4, "{late:?}");
        }
        assert!(late.fates.len() <= REMEMBERED);
        assert_eq!(late.submitted.ranges(), 1);
    }
}
