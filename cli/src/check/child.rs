//! A loop in a child process, as a loop under test.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::rc::Rc;
use std::time::{Duration, Instant};

use wakeproof_conform::judge::recording::{CallName, Line};
use wakeproof_proptests::command::Command;
use wakeproof_proptests::record::{Event, OWNER, Record};
use wakeproof_proptests::under_test::{Claims, LoopUnderTest, Maker};

use super::words::{Ways, record, ways, whens, word};
use crate::probe::adapter::{Adapter, Hello, Limits, Problem, Waited};

/// After this much silence, somebody looks whether the process sleeps.
const QUIET: Duration = Duration::from_millis(50);
/// How long a process that is not seen asleep may go on before it is looked at again.
pub(super) const RESTLESS: Duration = Duration::from_secs(1);

/// Makes loops in child processes: one process for all where the adapter can open another loop, and
/// otherwise one for each. Then the next process begins and the last one ends while a loop is tested.
#[derive(Debug)]
pub(crate) struct Children {
    command: Vec<String>,
    limits: Limits<'static>,
    hello: Rc<Hello>,
    claims: Claims,
    idle: Rc<RefCell<Option<Adapter<'static>>>>,
    /// A process that begins.
    next: RefCell<Option<Adapter<'static>>>,
    leaving: Leaving,
}

/// Processes that have been told to end. The second value is what came of telling them.
type Leaving = Rc<RefCell<VecDeque<(Adapter<'static>, Result<(), Problem>)>>>;

/// How many processes may be ending.
const MOST_LEAVING: usize = 2;

/// What prevents an answer: which words were said, and what came of them.
#[derive(Debug)]
pub(crate) struct Trouble {
    pub(crate) words: String,
    pub(crate) problem: Problem,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "told {:?}: {}", self.words, self.problem)
    }
}

impl Children {
    /// `first` is the first process, which has said its first line.
    pub(crate) fn new(
        first: Adapter<'static>,
        command: Vec<String>,
        limits: Limits<'static>,
        claims: Claims,
    ) -> Self {
        Children {
            command,
            limits,
            hello: Rc::new(first.hello().clone()),
            claims,
            idle: Rc::new(RefCell::new(Some(first))),
            next: RefCell::default(),
            leaving: Leaving::default(),
        }
    }

    /// Ends the processes that are left.
    pub(crate) fn quit(&self) -> Result<(), Trouble> {
        // Nothing was said to it yet.
        self.next.take();
        let quit = self.idle.take().map_or(Ok(()), Adapter::quit);
        quit.map_err(|problem| told("quit", problem))?;
        self.await_leaving(0)
    }

    /// Waits until no more than `left` of the processes that were told to end are still there.
    fn await_leaving(&self, left: usize) -> Result<(), Trouble> {
        loop {
            let first = {
                let mut leaving = self.leaving.borrow_mut();
                if leaving.len() <= left {
                    return Ok(());
                }
                leaving.pop_front()
            };
            if let Some((adapter, said)) = first {
                let left = said.and_then(|()| adapter.leave());
                left.map_err(|problem| told("quit", problem))?;
            }
        }
    }

    /// A process of its own, which has said its first line.
    fn start(&self) -> Result<Adapter<'static>, Problem> {
        let begin = || Adapter::begin(&self.command, self.limits);
        let mut adapter = match self.next.take() {
            Some(adapter) => adapter,
            None => begin()?,
        };
        self.next.replace(Some(begin()?));
        adapter.greet()?;
        Ok(adapter)
    }
}

fn told(words: &str, problem: Problem) -> Trouble {
    let words = words.to_owned();
    Trouble { words, problem }
}

impl Maker for Children {
    type Loop = Child;

    fn claims(&self) -> &Claims {
        &self.claims
    }

    fn make(&self, plan: &[Record]) -> Result<Child, Trouble> {
        let mut child = self.child(ways(plan))?;
        for words in whens(plan, &self.hello) {
            child.say(&words)?;
        }
        Ok(child)
    }
}

impl Children {
    pub(super) fn hello(&self) -> Rc<Hello> {
        self.hello.clone()
    }

    /// A loop. `ways` is how its callbacks are going to be submitted.
    pub(super) fn child(&self, ways: Ways) -> Result<Child, Trouble> {
        let adapter = match self.idle.take() {
            Some(adapter) => adapter,
            None => self
                .start()
                .map_err(|problem| told("nothing yet", problem))?,
        };
        self.await_leaving(MOST_LEAVING)?;
        Ok(Child {
            adapter: Some(adapter),
            idle: self.idle.clone(),
            leaving: self.leaving.clone(),
            is_in_trouble: false,
            hello: self.hello.clone(),
            ways,
            last: "nothing yet".into(),
            is_used: false,
        })
    }
}

/// A loop in a child process.
#[derive(Debug)]
pub(crate) struct Child {
    /// There is one until this is dropped.
    adapter: Option<Adapter<'static>>,
    idle: Rc<RefCell<Option<Adapter<'static>>>>,
    leaving: Leaving,
    hello: Rc<Hello>,
    ways: Ways,
    last: String,
    /// Whether the process is of no use for another loop.
    pub(super) is_used: bool,
    /// Something is wrong with the process, and has been told.
    is_in_trouble: bool,
}

impl Child {
    pub(super) fn adapter(&mut self) -> &mut Adapter<'static> {
        self.adapter
            .as_mut()
            .expect("it is there until this is dropped")
    }

    pub(super) fn trouble(&mut self, problem: Problem) -> Trouble {
        self.is_in_trouble = true;
        told(&self.last, problem)
    }

    pub(super) fn say(&mut self, words: &str) -> Result<(), Trouble> {
        words.clone_into(&mut self.last);
        let said = self.adapter().say(words);
        said.map_err(|problem| self.trouble(problem))
    }

    /// Whatever has been written since the last answer is no answer to what is said now.
    pub(super) fn nothing_is_late(&mut self) -> Result<(), Trouble> {
        let pumped = self.adapter().pump(Duration::ZERO);
        pumped.map_err(|problem| self.trouble(problem))?;
        match self.adapter().forget().first() {
            None => Ok(()),
            Some(late) => {
                let problem = Problem::Writes(format!("it wrote {late} after its answer"));
                Err(self.trouble(problem))
            }
        }
    }

    /// Waits until a call has ended. Returns false if the loop sleeps for ever inside it.
    fn wait(&mut self, name: CallName) -> Result<bool, Problem> {
        let is_end = |line: &Line| matches!(line, Line::Ends { ends, .. } if *ends == name);
        let start = Instant::now();
        let mut news = start;
        let adapter = self.adapter();
        while !adapter.lines().iter().any(is_end) {
            if adapter.pump(QUIET)? {
                news = Instant::now();
            }
            if start.elapsed() > adapter.patience() {
                return Err(Problem::Hangs("there was no answer".into()));
            }
            if news.elapsed() >= QUIET {
                let waited = adapter.until(RESTLESS, |lines| lines.iter().any(is_end))?;
                if matches!(waited, Waited::Asleep | Waited::Silent) {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }
}

impl LoopUnderTest for Child {
    type Trouble = Trouble;

    fn execute(&mut self, _: &Command, expected: &[Record]) -> Result<Vec<Record>, Trouble> {
        let call = expected.iter().find_map(|record| match &record.event {
            Event::Call(call) => Some(*call),
            _ => None,
        });
        let Some((words, name)) = call.and_then(|call| word(&call, &self.hello)) else {
            return Ok(Vec::new());
        };
        self.nothing_is_late()?;
        self.say(&words)?;
        let has_ended = self.wait(name);
        let has_ended = has_ended.map_err(|problem| self.trouble(problem))?;
        let lines = self.adapter().forget();
        let begin = lines
            .iter()
            .find(|line| matches!(line, Line::Begins { .. }));
        let is_answer = begin
            .and_then(|line| record(line, &self.ways))
            .is_some_and(|record| Some(record.event) == call.map(Event::Call));
        if let (false, Some(line)) = (is_answer, begin) {
            let problem = Problem::Writes(format!("it answered {line}"));
            return Err(self.trouble(problem));
        }
        let is_end = |line: &&Line| matches!(line, Line::Ends { ends, .. } if *ends == name);
        let after = lines.iter().skip_while(|line| !is_end(line)).skip(1);
        let mut calls = after.filter(|line| !matches!(line, Line::Runs { .. }));
        if let Some(late) = calls.next() {
            let problem = Problem::Writes(format!("it wrote {late} after its answer"));
            return Err(self.trouble(problem));
        }
        if !has_ended && name != CallName::Start {
            let problem = Problem::Hangs("everybody is asleep, and there was no answer".into());
            return Err(self.trouble(problem));
        }
        let mut records: Vec<Record> = lines
            .iter()
            .filter_map(|line| record(line, &self.ways))
            .collect();
        if !has_ended {
            self.is_used = true;
            let (thread, event) = (OWNER, Event::SleepsForEver);
            records.push(Record { thread, event });
        }
        Ok(records)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let Some(mut adapter) = self.adapter.take() else {
            return;
        };
        if self.is_in_trouble {
            return;
        }
        let can_open = !self.is_used && adapter.hello().has("open");
        if can_open && adapter.say("open").is_ok() {
            self.idle.replace(Some(adapter));
            return;
        }
        let said = adapter.say_quit();
        self.leaving.borrow_mut().push_back((adapter, said));
    }
}
