//! A loop in a child process, as a loop under test.

use std::cell::RefCell;
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
const RESTLESS: Duration = Duration::from_secs(1);

/// Makes loops in child processes: one process for all where the adapter can open another loop, and
/// otherwise one for each.
#[derive(Debug)]
pub(crate) struct Children {
    command: Vec<String>,
    limits: Limits<'static>,
    hello: Rc<Hello>,
    claims: Claims,
    idle: Rc<RefCell<Option<Adapter<'static>>>>,
}

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
        }
    }

    /// Ends the process that is left.
    pub(crate) fn quit(&self) -> Result<(), Trouble> {
        let quit = self.idle.take().map_or(Ok(()), Adapter::quit);
        quit.map_err(|problem| told("quit", problem))
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
        let adapter = match self.idle.take() {
            Some(adapter) => adapter,
            None => Adapter::start(&self.command, self.limits)
                .map_err(|problem| told("nothing yet", problem))?,
        };
        let mut child = Child {
            adapter: Some(adapter),
            idle: self.idle.clone(),
            hello: self.hello.clone(),
            ways: ways(plan),
            last: "nothing yet".into(),
            is_used: false,
        };
        for words in whens(plan, &self.hello) {
            child.say(&words)?;
        }
        Ok(child)
    }
}

/// A loop in a child process.
#[derive(Debug)]
pub(crate) struct Child {
    /// There is one until this is dropped.
    adapter: Option<Adapter<'static>>,
    idle: Rc<RefCell<Option<Adapter<'static>>>>,
    hello: Rc<Hello>,
    ways: Ways,
    last: String,
    /// Whether the process is of no use for another loop.
    is_used: bool,
}

impl Child {
    fn adapter(&mut self) -> &mut Adapter<'static> {
        self.adapter
            .as_mut()
            .expect("it is there until this is dropped")
    }

    fn trouble(&mut self, problem: Problem) -> Trouble {
        self.is_used = true;
        told(&self.last, problem)
    }

    fn say(&mut self, words: &str) -> Result<(), Trouble> {
        words.clone_into(&mut self.last);
        let said = self.adapter().say(words);
        said.map_err(|problem| self.trouble(problem))
    }

    /// Whatever has been written since the last answer is no answer to what is said now.
    fn nothing_is_late(&mut self) -> Result<(), Trouble> {
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
        let adapter = self.adapter.take();
        let usable = adapter.filter(|adapter| !self.is_used && adapter.hello().has("open"));
        if let Some(mut adapter) = usable
            && adapter.say("open").is_ok()
        {
            self.idle.replace(Some(adapter));
        }
    }
}
