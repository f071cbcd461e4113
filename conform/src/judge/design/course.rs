//! What a recording shows, followed through the steps of a design.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use anyhow::bail;
use tla_checker::ast::{State, Value};

use super::super::events::{Call, CallId, Callback, Event, Outcome, Thread, What};
use super::super::recording::Design;
use super::foresight::Foresight;
use super::steps::{Decision, LOOP, Part, Progress, Step, Steps, stopper};

/// How many ways to order what was recorded are followed at most.
const MOST_WAYS: usize = 200_000;

/// The step that `runs` shows.
const RUN: &str = "run";

/// One way in which the recording can have gone.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Way {
    state: State,
    /// What the open calls have done so far.
    calls: BTreeMap<CallId, Progress>,
    /// The threads whose open step has been taken.
    taken: BTreeSet<Thread>,
    /// How many of the callbacks that will run have been accepted.
    accepted: usize,
}

/// What a thread of the module does.
#[derive(Debug, Clone)]
struct Doing {
    call: CallId,
    /// What it submits: the callback's name in the module, and its place in the order in which
    /// callbacks will run. Nothing if it stops the loop.
    callback: Option<(Value, Option<usize>)>,
}

/// What the design would have allowed where a recording is refused.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::judge) struct Allowed {
    /// The thread's name in the module.
    pub(in crate::judge) mover: Arc<str>,
    pub(in crate::judge) action: Arc<str>,
    /// The callback that it runs.
    pub(in crate::judge) runs: Option<Callback>,
}

/// How the ways are searched.
#[derive(Debug, Clone)]
pub(super) enum Search {
    /// Nothing unseen is tried before a line asks for it, callbacks are accepted in the order in which
    /// they will run, and those that will not run have no order.
    Late(Foresight),
    /// The same, but those that will not run have an order, too.
    InOrder(Foresight),
    /// Everything is tried, in every order.
    #[cfg(test)]
    Plain,
}

/// Follows a recording through a design.
#[derive(Debug, Clone)]
pub(super) struct Course {
    search: Search,
    /// The actions that are seen, each with the steps that show it.
    seen: HashMap<String, BTreeSet<String>>,
    threads: Vec<String>,
    stoppers: u64,
    stopper: u64,
    open: BTreeMap<CallId, Call>,
    /// What threads do, by their names in the module.
    doing: BTreeMap<Arc<str>, Doing>,
    /// The names of callbacks that are to be run, or are being submitted.
    callbacks: HashMap<Callback, (Arc<str>, i64)>,
    /// Those of them that will not run, by their names in the module.
    never: BTreeSet<Value>,
    /// The step that each thread is in.
    entered: HashMap<Thread, Arc<str>>,
    ways: HashSet<Way>,
}

impl Course {
    pub(super) fn new(steps: &Steps, design: &Design, search: Search) -> Self {
        let mut seen: HashMap<String, BTreeSet<String>> = HashMap::new();
        for (step, actions) in &design.steps {
            for action in actions {
                let steps = seen.entry(action.clone()).or_default();
                steps.insert(step.clone());
            }
        }
        let ways = steps.initial().iter().map(|state| Way {
            state: state.clone(),
            calls: BTreeMap::new(),
            taken: BTreeSet::new(),
            accepted: 0,
        });
        Course {
            search,
            seen,
            threads: design.submitters.clone(),
            stoppers: design.stoppers,
            stopper: 0,
            open: BTreeMap::new(),
            doing: BTreeMap::new(),
            callbacks: HashMap::new(),
            never: BTreeSet::new(),
            entered: HashMap::new(),
            ways: ways.collect(),
        }
    }

    /// Something has happened.
    ///
    /// # Errors
    ///
    /// The outer error if the module cannot be evaluated, or knows nothing of what has happened; the
    /// inner one if it does not allow it: what it would have allowed.
    pub(super) fn event(
        &mut self,
        steps: &mut Steps,
        line: u64,
        event: &Event,
    ) -> anyhow::Result<Result<(), Vec<Allowed>>> {
        match event {
            Event::Begins(call) => {
                self.begin(steps, line, call)?;
                return Ok(Ok(()));
            }
            // The module has iterations of its own.
            Event::Iterates { .. } => return Ok(Ok(())),
            _ => {}
        }
        let before = std::mem::take(&mut self.ways);
        let (reached, after) = self.search(steps, event, before)?;
        if after.is_empty() {
            return Ok(Err(self.allowed(steps, &reached)?));
        }
        self.ways = after;
        self.commit(event);
        Ok(Ok(()))
    }

    fn begin(&mut self, steps: &Steps, line: u64, call: &Call) -> anyhow::Result<()> {
        let name = match call.what {
            What::Cancel { .. } => bail!("nobody cancels in this design"),
            What::Start | What::Close => None,
            What::Submit { .. } => Some(self.submitter(call)?),
            What::Stop { .. } if !steps.any_thread_stops() => None,
            What::Stop { .. } if self.is_the_loops(&call.thread) => Some(LOOP.into()),
            What::Stop { .. } => Some(self.next_stopper()?),
        };
        let mut submitted = None;
        if let Some(name) = name {
            let callback = call.what.submits().map(|callback| {
                let number = self.number(&name);
                submitted = Some((name.clone(), number - 1));
                self.callbacks.insert(callback, (name.clone(), number));
                let value = value(&name, number);
                let foresight = self.foresight();
                let place = foresight.and_then(|foresight| foresight.place(callback));
                if place.is_none() && matches!(self.search, Search::Late(_)) {
                    self.never.insert(value.clone());
                }
                (value, place)
            });
            let doing = Doing {
                call: line,
                callback,
            };
            if self.doing.insert(name, doing).is_some() {
                bail!("a call inside another");
            }
        }
        self.open.insert(line, call.clone());
        for mut way in std::mem::take(&mut self.ways) {
            way.calls.insert(line, Progress::Begun);
            if let Some((name, number)) = &submitted {
                way.state = steps.with_submitted(&way.state, name, *number);
            }
            self.ways.insert(way);
        }
        Ok(())
    }

    fn foresight(&self) -> Option<&Foresight> {
        match &self.search {
            Search::Late(foresight) | Search::InOrder(foresight) => Some(foresight),
            #[cfg(test)]
            Search::Plain => None,
        }
    }

    fn is_late(&self) -> bool {
        self.foresight().is_some()
    }

    /// The name of whoever submits, in the module.
    fn submitter(&mut self, call: &Call) -> anyhow::Result<Arc<str>> {
        if call.stops {
            self.next_stopper()
        } else if self.is_the_loops(&call.thread) {
            Ok(LOOP.into())
        } else if self.threads.iter().any(|name| **name == *call.thread) {
            Ok(call.thread.clone())
        } else {
            bail!(
                "{} submits, and is not in the first line's \"submitters\"",
                call.thread
            );
        }
    }

    fn next_stopper(&mut self) -> anyhow::Result<Arc<str>> {
        self.stopper += 1;
        if self.stopper > self.stoppers {
            bail!("the loop is asked to stop more often than the first line's \"stoppers\"");
        }
        Ok(stopper(self.stopper).into())
    }

    /// A number for the next callback of a thread. Those of callbacks that are settled are used again, so
    /// that the same states come back, and their steps are known.
    fn number(&self, name: &Arc<str>) -> i64 {
        let used = self.callbacks.values().filter(|(of, _)| of == name);
        let used: BTreeSet<i64> = used.map(|&(_, number)| number).collect();
        (1..).find(|number| !used.contains(number)).unwrap_or(1)
    }

    /// Whether this is the thread that runs the loop.
    fn is_the_loops(&self, thread: &Thread) -> bool {
        let mut open = self.open.values();
        open.any(|call| call.what == What::Start && call.thread == *thread)
    }

    /// All ways after an event, and all that were looked at for it.
    fn search(
        &self,
        steps: &mut Steps,
        event: &Event,
        before: HashSet<Way>,
    ) -> anyhow::Result<(HashSet<Way>, HashSet<Way>)> {
        let mut new: Vec<Way> = before.iter().cloned().collect();
        let (mut reached, mut after) = (before, HashSet::new());
        while let Some(way) = new.pop() {
            let possible = steps.of(&way.state)?;
            if let Some(next) = self.after(event, &way, &possible) {
                after.insert(next);
                // What else may have happened before this line may as well have happened after it.
                if self.is_late() && !self.has_more_before(steps, event, &way, &possible) {
                    continue;
                }
            }
            // A thread that finds the loop open changes nothing, and only closing it could make a
            // difference to that: it may as well look at once, unless it will be refused.
            let mut checks = possible.iter().filter(|step| self.may_check_at_once(step));
            if let Some(next) = checks.find_map(|step| self.take(steps, &way, step)) {
                if reached.insert(next.clone()) {
                    new.push(next);
                }
                continue;
            }
            for step in possible.iter().filter(|step| !self.is_run(step)) {
                if let Some(next) = self.take(steps, &way, step)
                    && reached.insert(next.clone())
                {
                    new.push(next);
                }
            }
            if reached.len() > MOST_WAYS {
                bail!("more than {MOST_WAYS} ways to order what was recorded");
            }
        }
        Ok((reached, after))
    }

    fn may_check_at_once(&self, step: &Step) -> bool {
        let (Some(foresight), Some(doing)) = (self.foresight(), self.doing.get(&step.mover)) else {
            return false;
        };
        step.only_checks && !foresight.is_refused(doing.call)
    }

    /// Whether the loop may have to do more before a line about it, though the line fits: it can take an
    /// unseen step, which it could not take later, or it waits for something to happen before the step.
    fn has_more_before(&self, steps: &Steps, event: &Event, way: &Way, possible: &[Step]) -> bool {
        let Some(thread) = event.thread().filter(|thread| self.is_the_loops(thread)) else {
            return false;
        };
        let waits = match event {
            Event::Enters { step, .. } => !self.is_possible(thread, step, possible),
            Event::Runs { .. } => false,
            _ => return false,
        };
        let mut own = possible
            .iter()
            .filter(|step| *step.mover == *LOOP && !self.is_run(step));
        waits || own.any(|step| self.take(steps, way, step).is_some())
    }

    fn is_run(&self, step: &Step) -> bool {
        let shown = self.seen.get(&*step.action);
        shown.is_some_and(|steps| steps.contains(RUN))
    }

    /// The way after a step that is not shown by a line of its own, if the recording has room for it.
    fn take(&self, steps: &Steps, way: &Way, step: &Step) -> Option<Way> {
        let mut next = way.clone();
        if !matches!(step.part, Part::Environment) {
            let thread = self.thread_of(&step.mover)?;
            match (self.entered.get(&thread), self.seen.get(&*step.action)) {
                (None, None) => {}
                // Inside a step that is shown, a thread takes this step and no other.
                (Some(entered), Some(steps)) if steps.contains(&**entered) => {
                    if !next.taken.insert(thread) {
                        return None;
                    }
                }
                _ => return None,
            }
            self.advance(&mut next, step)?;
            if self.comes_to_nothing(step) {
                return None;
            }
        }
        next.state = step.to.clone();
        if step.accepts {
            self.accept(&mut next, step)?;
            steps.sort(&mut next.state, &self.never);
        }
        Some(next)
    }

    /// Whether it belongs to a call that will be refused, and so takes no steps.
    fn comes_to_nothing(&self, step: &Step) -> bool {
        let (Some(foresight), Some(doing)) = (self.foresight(), self.doing.get(&step.mover)) else {
            return false;
        };
        matches!(step.part, Part::Own { .. }) && foresight.is_idle(doing.call)
    }

    /// Callbacks are accepted in the order in which they will run. Those that will not are the last.
    fn accept(&self, way: &mut Way, step: &Step) -> Option<()> {
        let Some(foresight) = self.foresight() else {
            return Some(());
        };
        let (_, place) = self.doing.get(&step.mover)?.callback.as_ref()?;
        let is_next = way.accepted == place.unwrap_or(foresight.len());
        way.accepted += usize::from(place.is_some());
        is_next.then_some(())
    }

    /// Who in the recording is the thread of this name in the module.
    fn thread_of(&self, mover: &Arc<str>) -> Option<Thread> {
        if **mover != *LOOP {
            let doing = self.doing.get(mover)?;
            return Some(self.open[&doing.call].thread.clone());
        }
        let mut open = self.open.values();
        let owner = open.find(|call| matches!(call.what, What::Start | What::Close))?;
        Some(owner.thread.clone())
    }

    /// The call that a step belongs to goes on by it.
    fn advance(&self, way: &mut Way, step: &Step) -> Option<()> {
        match step.part {
            Part::Environment => Some(()),
            Part::Own {
                takes_effect,
                refuses,
                ends,
            } => {
                let doing = self.doing.get(&step.mover)?;
                let submits = doing.callback.is_some();
                if step
                    .decides
                    .is_some_and(|decides| submits != (decides == Decision::Submit))
                {
                    return None;
                }
                let progress = way.calls.get_mut(&doing.call)?;
                if matches!(progress, Progress::Done | Progress::Refused) {
                    return None;
                }
                if takes_effect {
                    *progress = Progress::Effective;
                } else if refuses {
                    *progress = Progress::Refusing;
                } else if *progress == Progress::Begun {
                    *progress = Progress::UnderWay;
                }
                if ends {
                    *progress = match progress {
                        Progress::Effective => Progress::Done,
                        Progress::Refusing => Progress::Refused,
                        _ => return None,
                    };
                }
                Some(())
            }
            Part::Stop => {
                let mut open = self.open.iter().rev();
                let (id, _) = open.find(|(_, call)| matches!(call.what, What::Stop { .. }))?;
                let progress = way.calls.get_mut(id)?;
                let is_new = *progress == Progress::Begun;
                *progress = Progress::Done;
                is_new.then_some(())
            }
            Part::Loop { what, from, to } => {
                let mut open = self.open.iter();
                let (id, _) =
                    open.find(|(id, call)| call.what == what && way.calls.get(id) == Some(&from))?;
                way.calls.insert(*id, to);
                Some(())
            }
        }
    }

    fn after(&self, event: &Event, way: &Way, possible: &[Step]) -> Option<Way> {
        let mut way = way.clone();
        let fits = match event {
            Event::Begins(_) | Event::Iterates { .. } => true,
            Event::Enters { thread, step } => self.is_at(thread, step, &way, possible),
            Event::Leaves { thread, .. } => way.taken.remove(thread),
            Event::Ends { id, outcome, .. } => {
                let progress = way.calls.remove(id);
                match outcome {
                    Outcome::Accepted | Outcome::Returned => progress == Some(Progress::Done),
                    Outcome::RefusedAsClosed => progress == Some(Progress::Refused),
                    _ => progress == Some(Progress::Begun),
                }
            }
            Event::Runs { thread, callback } => {
                return self.after_run(thread, *callback, way, possible);
            }
            Event::Asleep => {
                // The only call that may be open is the one whose run is going on.
                let mut calls = way.calls.iter();
                calls.all(|(call, progress)| {
                    self.open[call].what == What::Start && *progress == Progress::Effective
                }) && !possible.iter().any(|step| self.goes_on(&way, step))
            }
        };
        fits.then_some(way)
    }

    /// Whether a thread can be about to take a step that is shown: it can take it now, or it can take
    /// none now, since it waits. Only the loop waits.
    fn is_at(&self, thread: &Thread, step: &Arc<str>, way: &Way, possible: &[Step]) -> bool {
        let mut own = possible
            .iter()
            .filter(|possible| self.thread_of(&possible.mover).as_ref() == Some(thread));
        let is_in_a_run = self.open.iter().any(|(id, call)| {
            let is_running = way.calls.get(id) == Some(&Progress::Effective);
            call.what == What::Start && call.thread == *thread && is_running
        });
        self.is_possible(thread, step, possible)
            || (is_in_a_run && !own.any(|possible| self.goes_on(way, possible)))
    }

    /// Whether a thread can take a step that is shown.
    fn is_possible(&self, thread: &Thread, step: &Arc<str>, possible: &[Step]) -> bool {
        possible.iter().any(|possible| {
            let seen = self.seen.get(&*possible.action);
            seen.is_some_and(|steps| steps.contains(&**step))
                && self.thread_of(&possible.mover).as_ref() == Some(thread)
        })
    }

    fn after_run(
        &self,
        thread: &Thread,
        callback: Callback,
        mut way: Way,
        possible: &[Step],
    ) -> Option<Way> {
        let (name, number) = self.callbacks.get(&callback)?;
        // Inside a step that is shown, it takes that step and no other.
        if !self.is_the_loops(thread) || self.entered.contains_key(thread) {
            return None;
        }
        let callback = value(name, *number);
        let mut possible = possible.iter();
        let run =
            possible.find(|step| self.is_run(step) && step.runs.as_ref() == Some(&callback))?;
        self.advance(&mut way, run)?;
        way.state = run.to.clone();
        Some(way)
    }

    /// Whether somebody takes this step by himself: it is no timeout and no spurious wakeup, and the
    /// recording has room for it.
    fn goes_on(&self, way: &Way, step: &Step) -> bool {
        if &*step.action == "Timeout" || matches!(step.part, Part::Environment) {
            return false;
        }
        if self.is_run(step) {
            return true;
        }
        let Some(thread) = self.thread_of(&step.mover) else {
            return false;
        };
        let has_room = match (self.entered.get(&thread), self.seen.get(&*step.action)) {
            (None, _) => true,
            (Some(entered), Some(steps)) => {
                steps.contains(&**entered) && !way.taken.contains(&thread)
            }
            (Some(_), None) => false,
        };
        has_room && self.advance(&mut way.clone(), step).is_some()
    }

    fn commit(&mut self, event: &Event) {
        match event {
            Event::Enters { thread, step } => {
                self.entered.insert(thread.clone(), step.clone());
            }
            Event::Leaves { thread, .. } => {
                self.entered.remove(thread);
            }
            Event::Ends {
                id, call, outcome, ..
            } => {
                self.open.remove(id);
                self.doing.retain(|_, doing| doing.call != *id);
                if let What::Submit { callback, .. } = call.what
                    && *outcome != Outcome::Accepted
                {
                    self.forget(callback);
                }
            }
            Event::Runs { callback, .. } => self.forget(*callback),
            _ => {}
        }
    }

    /// The callback is settled.
    fn forget(&mut self, callback: Callback) {
        if let Some((name, number)) = self.callbacks.remove(&callback) {
            self.never.remove(&value(&name, number));
        }
    }

    /// What the design would have allowed: steps that are shown, and others only if there are none.
    fn allowed(&self, steps: &mut Steps, ways: &HashSet<Way>) -> anyhow::Result<Vec<Allowed>> {
        let (mut shown, mut unseen) = (BTreeSet::new(), BTreeSet::new());
        for way in ways {
            for step in &*steps.of(&way.state)? {
                if !self.goes_on(way, step) {
                    continue;
                }
                let run = step.runs.as_ref();
                let runs = run.and_then(|run| {
                    let mut callbacks = self.callbacks.iter();
                    let known = callbacks.find(|(_, (name, number))| value(name, *number) == *run);
                    known.map(|(&callback, _)| callback)
                });
                let is_shown = self.seen.contains_key(&*step.action);
                let allowed = if is_shown { &mut shown } else { &mut unseen };
                allowed.insert(Allowed {
                    mover: step.mover.clone(),
                    action: step.action.clone(),
                    runs,
                });
            }
        }
        let allowed = if shown.is_empty() { unseen } else { shown };
        Ok(allowed.into_iter().collect())
    }
}

/// A callback's name in the module.
fn value(name: &Arc<str>, number: i64) -> Value {
    Value::tuple(vec![Value::Model(name.clone()), Value::Int(number)])
}
