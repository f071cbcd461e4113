//! The same verdict by trying every order, for recordings of a few lines.
//!
//! This says what the verdict *is*. It keeps complete states of `EventLoop.tla`, lets each call take effect at
//! any moment between its two lines, and lets the loop take unseen steps wherever the specification allows
//! them. Its cost grows with the number of possible orders. So it only serves to check the judge that does
//! not try them all: see [`late`](super::late).

use std::collections::{BTreeMap, HashSet};

use anyhow::bail;
use tla_checker::ast::State;

use super::contract::{Action, Contract, Phase, value};
use super::events::{Call, CallId, Callback, Event, Outcome, What};
use super::recording::{Header, Order};

/// How many ways are tried at most.
const MOST_WAYS: usize = 200_000;

/// One way in which the execution can have gone.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Way {
    state: State,
    /// The call that the loop runs in.
    run: Option<CallId>,
    /// What the open calls have done.
    done: BTreeMap<CallId, Did>,
    /// Whether the loop must wake to stop.
    must_stop: bool,
    /// An iteration has been announced, and has not begun.
    due: bool,
}

/// What an open call has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Did {
    Accept,
    Refuse,
    Cancel,
    Stop,
    Start,
    Return,
    Close,
    /// There was nothing to do.
    Nothing,
}

#[derive(Debug, Clone)]
struct Submission {
    call: Call,
    end: Option<u64>,
}

/// Judges a recording, line by line, by trying every order.
#[derive(Debug, Clone)]
pub(super) struct Plain<'a> {
    contract: &'a Contract,
    order: Order,
    iterations: bool,
    open: BTreeMap<CallId, Call>,
    submissions: BTreeMap<Callback, Submission>,
    ways: HashSet<Way>,
}

impl<'a> Plain<'a> {
    pub(super) fn new(contract: &'a Contract, header: &Header) -> Self {
        let first = Way {
            state: contract.initial().clone(),
            run: None,
            done: BTreeMap::new(),
            must_stop: false,
            due: false,
        };
        Plain {
            contract,
            order: header.order,
            iterations: header.iterations,
            open: BTreeMap::new(),
            submissions: BTreeMap::new(),
            ways: HashSet::from([first]),
        }
    }

    /// Takes note of an event. Returns whether the contract allows it.
    pub(super) fn event(&mut self, line: u64, event: &Event) -> anyhow::Result<bool> {
        self.unseen()?;
        let mut ways = HashSet::new();
        for way in std::mem::take(&mut self.ways) {
            let run = way.run.and_then(|run| self.open.get(&run));
            let by_the_loop = run.is_some_and(|run| event.thread() == Some(&run.thread));
            if way.due && by_the_loop {
                continue;
            }
            ways.extend(self.after(event, way)?);
        }
        self.ways = ways;
        match event {
            Event::Begins(call) => {
                self.open.insert(line, call.clone());
                if let What::Submit { callback, .. } = call.what {
                    let call = call.clone();
                    let submission = Submission { call, end: None };
                    self.submissions.insert(callback, submission);
                }
            }
            Event::Ends { id, call, .. } => {
                self.open.remove(id);
                if let What::Submit { callback, .. } = call.what
                    && let Some(submission) = self.submissions.get_mut(&callback)
                {
                    submission.end = Some(line);
                }
            }
            _ => {}
        }
        Ok(!self.ways.is_empty())
    }

    /// Everything that may happen unseen.
    fn unseen(&mut self) -> anyhow::Result<()> {
        let mut new: Vec<Way> = self.ways.iter().cloned().collect();
        while let Some(way) = new.pop() {
            for next in self.unseen_steps(&way)? {
                if self.ways.insert(next.clone()) {
                    new.push(next);
                }
            }
            if self.ways.len() > MOST_WAYS {
                bail!("more than {MOST_WAYS} ways to order what was recorded");
            }
        }
        Ok(())
    }

    fn unseen_steps(&self, way: &Way) -> anyhow::Result<Vec<Way>> {
        let contract = self.contract;
        let mut next = Vec::new();
        let step = |action, callback: Option<Callback>, did: Option<(CallId, Did)>| {
            let stepped = contract.next(&way.state, action, callback.map(value))?;
            let way = stepped.map(|state| {
                let mut next = way.clone();
                next.state = state;
                next.done.extend(did);
                next
            });
            anyhow::Ok(way)
        };
        if way.due || !self.iterations {
            next.extend(step(Action::Iterate, None, None)?.map(|way| Way { due: false, ..way }));
        }
        for (&id, call) in &self.open {
            if way.run == Some(id) {
                let did = Some((id, Did::Return));
                next.extend(step(Action::Return, None, did)?.map(|way| Way {
                    run: None,
                    must_stop: false,
                    due: false,
                    ..way
                }));
            }
            if way.done.contains_key(&id) {
                continue;
            }
            match call.what {
                What::Submit { callback, .. } => {
                    let callback = Some(callback);
                    next.extend(step(Action::Submit, callback, Some((id, Did::Accept)))?);
                    next.extend(step(Action::Refuse, callback, Some((id, Did::Refuse)))?);
                }
                What::Cancel { callback } => {
                    if contract.is_pending(&way.state, &value(callback)) {
                        let did = Some((id, Did::Cancel));
                        next.extend(step(Action::Cancel, Some(callback), did)?);
                    } else {
                        let mut way = way.clone();
                        way.done.insert(id, Did::Nothing);
                        next.push(way);
                    }
                }
                What::Stop { wakes } => {
                    let must_stop = wakes
                        || way.must_stop
                        || way
                            .run
                            .is_some_and(|run| self.open[&run].thread == call.thread);
                    let stopped = step(Action::Stop, None, Some((id, Did::Stop)))?;
                    next.extend(stopped.map(|way| Way { must_stop, ..way }));
                }
                What::Start => {
                    let started = step(Action::Start, None, Some((id, Did::Start)))?;
                    let must_stop = contract.stopping(&way.state);
                    next.extend(started.map(|way| Way {
                        run: Some(id),
                        must_stop,
                        ..way
                    }));
                }
                What::Close => {
                    next.extend(step(Action::Close, None, Some((id, Did::Close)))?);
                    if contract.phase(&way.state)? == Phase::Closed {
                        let mut way = way.clone();
                        way.done.insert(id, Did::Nothing);
                        next.push(way);
                    }
                }
            }
        }
        Ok(next)
    }

    fn after(&self, event: &Event, mut way: Way) -> anyhow::Result<Option<Way>> {
        let run = way.run.and_then(|run| self.open.get(&run));
        match event {
            Event::Begins(_) | Event::Enters { .. } | Event::Leaves { .. } => Ok(Some(way)),
            Event::Ends { id, outcome, .. } => {
                let did = way.done.remove(id);
                let fits = match outcome {
                    Outcome::Accepted => did == Some(Did::Accept),
                    Outcome::RefusedAsClosed => did == Some(Did::Refuse),
                    Outcome::Refused => did.is_none(),
                    Outcome::Cancelled => did == Some(Did::Cancel),
                    Outcome::TooLate => did == Some(Did::Nothing),
                    Outcome::Returned => did.is_some() && did != Some(Did::Start),
                };
                Ok(fits.then_some(way))
            }
            Event::Runs { thread, callback } => {
                if run.is_none_or(|run| run.thread != *thread) {
                    return Ok(None);
                }
                way.state = match self.run(&way.state, *callback)? {
                    Some(state) => state,
                    None => return Ok(None),
                };
                Ok(Some(way))
            }
            Event::Iterates { thread } => {
                if run.is_none_or(|run| run.thread != *thread) {
                    return Ok(None);
                }
                way.due = true;
                Ok(Some(way))
            }
            Event::Asleep => {
                let is_demanded = self.is_demanded(&way)?;
                Ok((!is_demanded).then_some(way))
            }
        }
    }

    /// Runs a callback, if it is the first of its kind.
    fn run(&self, state: &State, callback: Callback) -> anyhow::Result<Option<State>> {
        let contract = self.contract;
        let Some(submission) = self.submissions.get(&callback) else {
            return Ok(None);
        };
        let kind = submission.call.kind(self.order);
        let others = self.submissions.iter();
        let others = others.filter(|(_, other)| other.call.kind(self.order) != kind);
        let others: Vec<_> = others.map(|(&other, _)| value(other)).collect();
        let alone = contract.without(state, &others, contract.stopping(state));
        let callback = value(callback);
        let next = contract.next(&alone, Action::Run, None)?;
        let is_it = next.is_some_and(|next| contract.ran(&next).last() == Some(&callback));
        Ok(is_it.then(|| contract.with_ran(state, &callback)))
    }

    /// Whether a thread that waits for nothing has to go on.
    fn is_demanded(&self, way: &Way) -> anyhow::Result<bool> {
        let contract = self.contract;
        if self.open.keys().any(|call| way.run != Some(*call)) {
            return Ok(true);
        }
        let Some(run) = way.run else {
            return Ok(false);
        };
        let accepted = contract.accepted(&way.state);
        let beyond = &accepted[contract.snapshot(&way.state)..];
        let may_sleep = |submission: &&Submission| {
            let wakes = matches!(submission.call.what, What::Submit { wakes: true, .. });
            let by_the_loop = submission.call.thread == self.open[&run].thread;
            let before = submission.end.is_some_and(|end| end < run);
            !wakes && !by_the_loop && !before
        };
        let silent: Vec<_> = self
            .submissions
            .iter()
            .filter(|(_, submission)| may_sleep(submission))
            .map(|(&callback, _)| value(callback))
            .filter(|callback| beyond.contains(callback))
            .collect();
        let state = contract.without(&way.state, &silent, way.must_stop);
        contract.is_demanded(&state)
    }
}
