//! What is done with a loop to find out about each clause. Each scenario has a process of its own, and
//! leaves a recording, which the judge holds against the contract.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use wakeproof_asleep::{Activity, Report, Target, Time, Wait, look};
use wakeproof_conform::judge::recording::{
    BLACK_BOX, CallName, CallResult, Constant, Design as Shown, Header, Line, Order,
};
use wakeproof_conform::judge::{Clause as Broken, Refusal};

use crate::report::grouped;
use crate::specification;

use super::adapter::{Adapter, Limits, Problem, Waited};
use super::cell::{Cell, Clause, Grounds, Level};
use super::loops::Design;

/// How long a loop that does not come to rest may take to run a callback.
const UNSETTLED: Duration = Duration::from_secs(1);
/// How many safe calls are timed.
const TIMED: u64 = 9;
/// How many threads submit at once, and how many callbacks each.
const BURST: (u64, u64) = (4, 75);
/// How many callbacks submit the next one: enough to take longer than the millisecond to which some loops
/// round their timers.
const CHAIN: u64 = 2_000;
/// How often close races with submissions.
const RACES: u64 = 20;
/// The same where the order is held against a design. The ways to order what nobody sees multiply.
const FEW: (u64, u64) = (2, 2);
/// How long an idle loop is watched.
const IDLE: Duration = Duration::from_secs(1);

/// One process's worth of questions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Scenario {
    Wake,
    Burst,
    StopPlain,
    StopSafe,
    Timer,
    EventPlain,
    EventSafe,
    Chain,
    AfterStop,
    StopFirst,
    Cancel,
    Exception,
    Close,
    Race,
    Debug,
    Unchanged,
    Idle,
    Design,
}

impl Scenario {
    /// All of them; the first one tells what the others need to know.
    pub(crate) const ALL: [Scenario; 18] = [
        Scenario::Wake,
        Scenario::Burst,
        Scenario::StopPlain,
        Scenario::StopSafe,
        Scenario::Timer,
        Scenario::EventPlain,
        Scenario::EventSafe,
        Scenario::Chain,
        Scenario::AfterStop,
        Scenario::StopFirst,
        Scenario::Cancel,
        Scenario::Exception,
        Scenario::Close,
        Scenario::Race,
        Scenario::Debug,
        Scenario::Unchanged,
        Scenario::Idle,
        Scenario::Design,
    ];

    /// Its name, and that of its recording.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Scenario::Wake => "wake",
            Scenario::Burst => "burst",
            Scenario::StopPlain => "stop-plain",
            Scenario::StopSafe => "stop-safe",
            Scenario::Timer => "timer",
            Scenario::EventPlain => "event-plain",
            Scenario::EventSafe => "event-safe",
            Scenario::Chain => "chain",
            Scenario::AfterStop => "after-stop",
            Scenario::StopFirst => "stop-first",
            Scenario::Cancel => "cancel",
            Scenario::Exception => "exception",
            Scenario::Close => "close",
            Scenario::Race => "race",
            Scenario::Debug => "debug",
            Scenario::Unchanged => "unchanged",
            Scenario::Idle => "idle",
            Scenario::Design => "design",
        }
    }

    /// Whether an adapter with these words can do it.
    pub(crate) fn suits(self, has: impl Fn(&str) -> bool) -> bool {
        let stops = has("stop plain") || has("stop safe");
        match self {
            Scenario::Wake | Scenario::Idle => true,
            Scenario::Burst | Scenario::Design => has("submit safe"),
            Scenario::StopPlain => has("stop plain"),
            Scenario::StopSafe => has("stop safe"),
            Scenario::Timer => has("timer plain") || has("timer safe"),
            Scenario::EventPlain => has("set plain"),
            Scenario::EventSafe => has("set safe"),
            Scenario::Chain => has("timer plain") || has("timer safe"),
            Scenario::AfterStop | Scenario::StopFirst => stops,
            Scenario::Cancel => has("cancel"),
            Scenario::Exception => has("fail"),
            Scenario::Close => has("close") && stops && has("submit safe"),
            Scenario::Race => has("race") && stops && has("submit safe"),
            Scenario::Debug => has("debug") && has("submit plain"),
            Scenario::Unchanged => has("debug") && has("set plain") && has("set safe"),
        }
    }
}

/// What a scenario has found, and what it was drawn from.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) cells: Vec<Cell>,
    /// The recording, whole.
    pub(crate) recording: String,
    /// Whether the loop never came to rest.
    pub(crate) restless: bool,
    /// Why nobody can see whether the process is asleep, if that is so.
    pub(crate) unseen: Option<String>,
}

/// Puts a scenario's questions to a loop.
pub(crate) fn play(
    scenario: Scenario,
    command: &[String],
    design: Option<Design>,
    restless: bool,
    limits: Limits<'_>,
) -> Result<Found, Problem> {
    let mut adapter = Adapter::start(command, limits)?;
    if restless {
        adapter.expect_restless();
    }
    let design = design.or_else(|| Design::named(&adapter.hello().design));
    let mut stage = Stage {
        scenario,
        adapter,
        design,
        cells: Vec::new(),
        grounds: None,
        restless,
    };
    match scenario {
        Scenario::Wake => stage.wake()?,
        Scenario::Burst => stage.burst()?,
        Scenario::StopPlain => stage.stop("plain", Clause::StopPlain)?,
        Scenario::StopSafe => stage.stop("safe", Clause::StopSafe)?,
        Scenario::Timer => stage.timer()?,
        Scenario::EventPlain => stage.event("plain", Clause::EventPlain)?,
        Scenario::EventSafe => stage.event("safe", Clause::EventSafe)?,
        Scenario::Chain => stage.chain()?,
        Scenario::AfterStop => stage.after_stop()?,
        Scenario::StopFirst => stage.stop_first()?,
        Scenario::Cancel => stage.cancel()?,
        Scenario::Exception => stage.exception()?,
        Scenario::Close => stage.close()?,
        Scenario::Race => stage.race()?,
        Scenario::Debug => stage.debug()?,
        Scenario::Unchanged => stage.unchanged()?,
        Scenario::Idle => stage.idle()?,
        Scenario::Design => stage.design()?,
    }
    stage.finish()
}

struct Stage<'a> {
    scenario: Scenario,
    adapter: Adapter<'a>,
    design: Option<Design>,
    cells: Vec<Cell>,
    grounds: Option<Grounds>,
    restless: bool,
}

/// The words in which a cell tells what became of a call.
const STRANDED: &str = "stranded";
const RAN: &str = "ran";

fn runs(lines: &[Line], callback: u64) -> bool {
    place(lines, callback).is_some()
}

fn place(lines: &[Line], callback: u64) -> Option<usize> {
    lines
        .iter()
        .position(|line| matches!(line, Line::Runs { runs, .. } if *runs == callback))
}

/// How often a call has ended.
fn ends(lines: &[Line], name: CallName) -> usize {
    let is_end = |line: &&Line| matches!(line, Line::Ends { ends, .. } if *ends == name);
    lines.iter().filter(is_end).count()
}

impl Stage<'_> {
    fn has(&self, word: &str) -> bool {
        self.adapter.hello().has(word)
    }

    /// The way in which the loop's own thread submits: the plain one, where there is one.
    fn own(&self, word: &str) -> &'static str {
        if self.has(&format!("{word} plain")) {
            "plain"
        } else {
            "safe"
        }
    }

    /// The way in which other threads do.
    fn others(&self, word: &str) -> &'static str {
        if self.has(&format!("{word} safe")) {
            "safe"
        } else {
            "plain"
        }
    }

    /// Runs the loop, with the self-test's callback in its queue, and lets it fall asleep.
    fn run(&mut self) -> Result<(), Problem> {
        self.start("", "")
    }

    /// The same in debug mode.
    fn run_in_debug_mode(&mut self) -> Result<(), Problem> {
        self.start("", "debug")
    }

    /// The same, and the self-test's callback obeys these words.
    fn run_and(&mut self, then: &str) -> Result<(), Problem> {
        self.start(&format!(" then {then}"), "")
    }

    fn start(&mut self, then: &str, before: &str) -> Result<(), Problem> {
        let own = self.own("submit");
        self.adapter
            .call(&format!("submit {own} 1{then}"), CallName::Submit)?;
        if !before.is_empty() {
            self.adapter.say(before)?;
        }
        self.adapter.say("run")?;
        let limit = self.adapter.patience();
        if self.adapter.until(limit, |lines| runs(lines, 1))? != Waited::Happened {
            return Err(Problem::FailsItsSelfTest);
        }
        self.settle()
    }

    fn settle(&mut self) -> Result<(), Problem> {
        if let Waited::Restless = self.adapter.settle()? {
            self.restless = true;
            self.adapter.expect_restless();
        }
        Ok(())
    }

    /// Waits until something has happened, and says in a word how that ended.
    fn fate(
        &mut self,
        done: &'static str,
        happened: impl Fn(&[Line]) -> bool,
    ) -> Result<&'static str, Problem> {
        Ok(match self.adapter.until(UNSETTLED, happened)? {
            Waited::Happened => done,
            Waited::Asleep => {
                self.grounds = Some(Grounds::Look);
                STRANDED
            }
            Waited::Silent => {
                self.grounds = Some(Grounds::TimeLimit);
                STRANDED
            }
            Waited::Restless => "not within 1 s",
        })
    }

    /// Submits a callback from another thread, and says in a word what became of it.
    fn submit(&mut self, word: &str, how: &str, callback: u64) -> Result<&'static str, Problem> {
        let words = format!("{word} {how} {callback}");
        if self.adapter.call(&words, CallName::Submit)? == CallResult::Refused {
            self.settle()?;
            return Ok("refused");
        }
        self.fate(RAN, |lines| runs(lines, callback))
    }

    fn cell(&mut self, clause: Clause, outcome: impl Into<String>, fine: bool) -> &mut Cell {
        let level = clause.level(self.adapter.hello().interface == "asyncio");
        let file = self.scenario.name();
        self.cells.push(Cell {
            clause,
            level,
            outcome: outcome.into(),
            detail: None,
            fine: fine || level == Level::Observation,
            sentence: None,
            grounds: self.grounds.take(),
            recording: format!("{file}.jsonl"),
            lines: Vec::new(),
        });
        let last = self.cells.len() - 1;
        &mut self.cells[last]
    }

    /// What a call is called in this loop.
    fn called(&self, word: &str) -> String {
        let calls = &self.adapter.hello().calls;
        calls.get(word).cloned().unwrap_or_else(|| word.to_owned())
    }

    fn wake(&mut self) -> Result<(), Problem> {
        // Before the run there are fewer threads: the loop's is new.
        self.settle()?;
        let before = threads(self.adapter.seen.as_ref());
        self.run()?;
        let seen = self.adapter.seen.as_ref();
        let sleeps_in = match seen.filter(|_| !self.restless) {
            Some(report) => where_it_sleeps(report, &before),
            None if self.restless => "does not sleep".to_owned(),
            None => "cannot be seen".to_owned(),
        };
        self.cell(Clause::SleepsIn, sleeps_in, true);

        let mut safe = None;
        let mut times = Vec::new();
        if self.has("submit safe") {
            for callback in 2..2 + TIMED {
                let start = Instant::now();
                let fate = self.submit("submit", "safe", callback)?;
                times.push(start.elapsed());
                safe = Some(fate);
                if fate != RAN {
                    break;
                }
                self.settle()?;
            }
        }
        let mut plain = None;
        if self.has("submit plain") {
            plain = Some(self.submit("submit", "plain", 50)?);
            self.cell(Clause::Plain, plain.unwrap_or_default(), true);
        }
        let is_safe = safe == Some(RAN);
        if is_safe && plain.is_some() {
            self.submit("submit", "safe", 52)?;
            self.settle()?;
        }
        let (name, refusal) = (self.called("submit safe"), self.refusal(Order::Call)?);
        if let Some(safe) = safe {
            let sentence =
                format!("{name} from another thread: the loop sleeps on beside the callback.");
            times.sort_unstable();
            let median = Time(times[times.len() / 2]);
            let cell = self.cell(Clause::Safe, safe, is_safe);
            if is_safe {
                cell.detail = Some(median.to_string());
            } else {
                cell.sentence = Some(sentence);
            }
        }
        let slept_on = is_safe && !runs(self.adapter.lines(), 50);
        if plain == Some(STRANDED) && is_safe {
            let lines = self.adapter.lines();
            let outcome = match [50, 52].map(|callback| place(lines, callback)) {
                [Some(plain), Some(safe)] if plain < safe => "ran, before it",
                [Some(_), Some(_)] => "ran, after it",
                _ => "slept on",
            };
            let cell = self.cell(Clause::Then, outcome, true);
            if slept_on {
                // It belongs to a task of its own, and whether that is woken is nobody's promise.
                cell.level = Level::Observation;
            } else {
                let is_kept = self.refusal(Order::All)?.is_none();
                let outcome = if is_kept { "kept" } else { "not kept" };
                self.cell(Clause::AcrossKinds, outcome, true);
            }
        }
        match refusal {
            // The plain way is a queue whose task nobody has woken: the loop does not know of it.
            Some(refusal) if refusal.clause == Broken::EveryCallbackIsSettled && slept_on => {}
            Some(refusal) => {
                let blamed = match refusal.clause {
                    Broken::EveryCallbackIsSettled => Clause::Safe,
                    _ => Clause::Then,
                };
                self.blame(blamed, &refusal);
            }
            None => {}
        }
        Ok(())
    }

    fn burst(&mut self) -> Result<(), Problem> {
        self.run()?;
        let (threads, each) = BURST;
        let all = (threads * each) as usize;
        self.adapter
            .say(&format!("burst safe 100 {each} {threads}"))?;
        let done = |lines: &[Line]| {
            let ran = lines
                .iter()
                .filter(|line| matches!(line, Line::Runs { runs, .. } if *runs >= 100));
            ran.count() >= all && ends(lines, CallName::Submit) > all
        };
        let limit = self.adapter.patience();
        let fate = self.adapter.until(limit, done)?;
        self.settle()?;
        let is_done = fate == Waited::Happened;
        let outcome = if is_done { "kept" } else { "lost some" };
        let cell = self.cell(Clause::Order, outcome, is_done);
        if is_done {
            cell.detail = Some(format!("{all} ran"));
        }
        self.judged(Clause::Order)
    }

    fn stop(&mut self, how: &str, clause: Clause) -> Result<(), Problem> {
        self.run()?;
        let outcome = self.stops(how)?;
        let is_done = outcome == "returned";
        let name = self.called(&format!("stop {how}"));
        let cell = self.cell(clause, outcome, is_done);
        if !cell.fine {
            cell.sentence = Some(format!(
                "{name} from another thread does not end the run: {outcome}."
            ));
        }
        self.judged(clause)
    }

    /// Asks for a stop from another thread, and says in a word what became of it.
    fn stops(&mut self, how: &str) -> Result<&'static str, Problem> {
        let before = ends(self.adapter.lines(), CallName::Start);
        let result = self.adapter.call(&format!("stop {how}"), CallName::Stop)?;
        if result == CallResult::Refused {
            return Ok("refused");
        }
        self.fate("returned", |lines| ends(lines, CallName::Start) > before)
    }

    fn timer(&mut self) -> Result<(), Problem> {
        self.run()?;
        for (how, callback, clause) in [
            ("plain", 5, Clause::TimerPlain),
            ("safe", 6, Clause::TimerSafe),
        ] {
            if self.has(&format!("timer {how}")) {
                let outcome = self.submit("timer", how, callback)?;
                let name = self.called(&format!("timer {how}"));
                let cell = self.cell(clause, outcome, outcome == RAN);
                if !cell.fine {
                    cell.sentence = Some(format!("{name} from another thread: {outcome}."));
                }
                self.judged(clause)?;
            }
        }
        Ok(())
    }

    fn event(&mut self, how: &str, clause: Clause) -> Result<(), Problem> {
        self.run()?;
        self.adapter.say("wait")?;
        self.settle()?;
        let outcome = self.submit("set", how, 5)?;
        let name = self.called(&format!("set {how}"));
        let cell = self.cell(clause, outcome, outcome == RAN);
        if !cell.fine {
            cell.sentence = Some(format!(
                "{name} from another thread: the waiter is {outcome}."
            ));
        }
        self.judged(clause)
    }

    fn chain(&mut self) -> Result<(), Problem> {
        let (submit, timer) = (self.own("submit"), self.own("timer"));
        let last = 99 + CHAIN;
        self.run_and(&format!("timer {timer} 99 ; chain {submit} 100 {last}"))?;
        self.fate(RAN, |lines| runs(lines, 99) && runs(lines, last))?;
        let lines = self.adapter.lines();
        let is_ahead = |callback: &u64| match (place(lines, *callback), place(lines, 99)) {
            (Some(callback), Some(timer)) => callback < timer,
            (Some(_), None) => true,
            _ => false,
        };
        let ahead = (100..=last).filter(is_ahead).count() as u64;
        let outcome = match place(lines, 99) {
            Some(_) if ahead < CHAIN => "kept",
            Some(_) => "starved",
            None => "timer did not run",
        };
        self.grounds = None;
        // A timer is none of the contract's callbacks, so the judge is not asked.
        let cell = self.cell(Clause::Snapshot, outcome, outcome == "kept");
        cell.detail = Some(format!("{} of {} first", grouped(ahead), grouped(CHAIN)));
        if !cell.fine {
            cell.sentence = Some(format!(
                "A timer of no delay waits until a chain of {CHAIN} callbacks, each of which submits the \
                 next, has come to its end: a callback that submits itself starves the timers."
            ));
        }
        Ok(())
    }

    fn after_stop(&mut self) -> Result<(), Problem> {
        let (submit, stop) = (self.own("submit"), self.own("stop"));
        let words = format!("submit {submit} 1 then stop {stop} ; submit {submit} 3");
        self.adapter.call(&words, CallName::Submit)?;
        self.adapter.say("run")?;
        let fate = self.fate("returned", |lines| ends(lines, CallName::Start) == 1)?;
        let outcome = if fate != "returned" {
            "does not return"
        } else if runs(self.adapter.lines(), 3) {
            "this run"
        } else {
            self.adapter.say("run")?;
            match self.fate(RAN, |lines| runs(lines, 3))? {
                RAN => "next run",
                _ => "never",
            }
        };
        self.cell(Clause::AfterStop, outcome, true);
        self.judged(Clause::AfterStop)
    }

    fn stop_first(&mut self) -> Result<(), Problem> {
        let (submit, stop) = (self.own("submit"), self.own("stop"));
        self.adapter
            .call(&format!("submit {submit} 1"), CallName::Submit)?;
        self.adapter.call(&format!("stop {stop}"), CallName::Stop)?;
        self.adapter.say("run")?;
        let fate = self.fate("returned", |lines| ends(lines, CallName::Start) == 1)?;
        let outcome = match (fate, runs(self.adapter.lines(), 1)) {
            ("returned", true) => "one iteration",
            ("returned", false) => "no iteration",
            _ => "forgotten",
        };
        self.grounds = None;
        let cell = self.cell(Clause::StopFirst, outcome, outcome == "one iteration");
        if !cell.fine {
            cell.sentence = Some(format!(
                "A stop before the run: {outcome}, where asyncio's documentation promises to run what is \
                 scheduled already, and then to return."
            ));
            return self.judged(Clause::StopFirst);
        }
        Ok(())
    }

    fn cancel(&mut self) -> Result<(), Problem> {
        let submit = self.own("submit");
        self.run_and(&format!("submit {submit} 3 ; cancel 3 ; submit {submit} 4"))?;
        self.fate(RAN, |lines| runs(lines, 4))?;
        self.settle()?;
        let is_kept = !runs(self.adapter.lines(), 3);
        let cell = self.cell(
            Clause::Cancel,
            if is_kept { "kept" } else { "ran all the same" },
            is_kept,
        );
        if !is_kept {
            cell.sentence = Some("A callback that was cancelled ran.".into());
        }
        self.judged(Clause::Cancel)
    }

    fn exception(&mut self) -> Result<(), Problem> {
        self.run()?;
        let submit = self.others("submit");
        let words = format!("submit {submit} 2 then submit {submit} 3 ; fail");
        self.adapter.say(&words)?;
        let returns = |lines: &[Line]| runs(lines, 3) || ends(lines, CallName::Start) > 0;
        let outcome = match self.fate("", returns) {
            Ok("") if runs(self.adapter.lines(), 3) => "goes on",
            Ok("") => "ends the run",
            Ok(_) => "loses the next",
            Err(Problem::Ended(..)) => "ends the process",
            Err(problem) => return Err(problem),
        };
        self.grounds = None;
        let cell = self.cell(Clause::Exception, outcome, outcome == "goes on");
        if !cell.fine {
            cell.sentence = Some(format!("An exception in a callback {outcome}."));
        }
        Ok(())
    }

    fn close(&mut self) -> Result<(), Problem> {
        self.run()?;
        let stop = self.others("stop");
        self.stops(stop)?;
        self.adapter.call("close", CallName::Close)?;
        let result = self.adapter.call("submit safe 5", CallName::Submit)?;
        self.settle()?;
        let is_refused = result == CallResult::Refused;
        let outcome = if is_refused { "refused" } else { "accepted" };
        self.grounds = None;
        self.cell(Clause::Closed, outcome, is_refused);
        self.judged(Clause::Closed)
    }

    fn race(&mut self) -> Result<(), Problem> {
        let rounds = if self.has("open") { RACES } else { 1 };
        let (threads, each) = BURST;
        let (mut accepted, mut lost) = (0, 0);
        let mut refusal = None;
        for round in 0..rounds {
            if round > 0 {
                self.adapter.forget();
                self.adapter.say("open")?;
            }
            self.run()?;
            let stop = self.others("stop");
            self.stops(stop)?;
            self.adapter.say(&format!("race 100 {each} {threads}"))?;
            let all = (threads * each) as usize;
            let done = |lines: &[Line]| {
                ends(lines, CallName::Submit) > all && ends(lines, CallName::Close) == 1
            };
            let limit = self.adapter.patience();
            if self.adapter.until(limit, done)? != Waited::Happened {
                return Err(Problem::Hangs(
                    "submissions beside close did not return".into(),
                ));
            }
            self.settle()?;
            let lines = self.adapter.lines();
            let taken = |line: &&Line| {
                matches!(
                    line,
                    Line::Ends {
                        result: CallResult::Accepted,
                        ..
                    }
                )
            };
            let taken = lines.iter().filter(taken).count() - 1;
            let ran = lines
                .iter()
                .filter(|line| matches!(line, Line::Runs { runs, .. } if *runs > 1));
            let left = taken - ran.count();
            accepted += taken;
            lost += left;
            refusal = self.refusal(Order::Call)?;
            if refusal.is_some() {
                break;
            }
        }
        self.grounds = None;
        let cell = self.cell(Clause::Race, "kept", true);
        cell.detail = Some(format!("{accepted} accepted, {lost} never ran"));
        if let Some(refusal) = &refusal {
            self.blame(Clause::Race, refusal);
        }
        Ok(())
    }

    fn debug(&mut self) -> Result<(), Problem> {
        self.run_in_debug_mode()?;
        let submit = self.submit("submit", "plain", 5)?;
        self.grounds = None;
        let mut outcome = submit.to_owned();
        if submit == "refused" && self.has("submit safe") {
            // What was refused must not run with the next one.
            self.submit("submit", "safe", 6)?;
            self.settle()?;
        }
        if self.has("stop plain") {
            let stop = self.stops("plain")?;
            outcome = format!("{submit}, stop {stop}");
        }
        self.cell(Clause::Debug, outcome, true);
        self.judged(Clause::Debug)
    }

    fn unchanged(&mut self) -> Result<(), Problem> {
        self.run_in_debug_mode()?;
        self.adapter.say("wait")?;
        self.settle()?;
        if self.submit("set", "plain", 5)? != "refused" {
            return Ok(());
        }
        let fate = self.submit("set", "safe", 6)?;
        let is_kept = fate == RAN;
        let name = self.called("set plain");
        let cell = self.cell(
            Clause::Unchanged,
            if is_kept { "kept" } else { "waiter lost" },
            is_kept,
        );
        if !is_kept {
            cell.sentence = Some(format!(
                "In debug mode, {name} from another thread raises, and changes the state all the same: a \
                 proper call afterwards does not wake the waiter any more."
            ));
        }
        self.judged(Clause::Unchanged)
    }

    fn idle(&mut self) -> Result<(), Problem> {
        self.run()?;
        let pid = self.adapter.pid();
        let before = (times_run(pid), processor_time(pid));
        let start = Instant::now();
        while start.elapsed() < IDLE {
            // Nothing happens in here but Ctrl-C.
            thread::sleep(Duration::from_millis(20));
            self.adapter.pump(Duration::ZERO)?;
        }
        let after = (times_run(pid), processor_time(pid));
        let wakeups = after
            .0
            .zip(before.0)
            .map(|(after, before)| after.saturating_sub(before));
        let time = after
            .1
            .zip(before.1)
            .map(|(after, before)| after.saturating_sub(before));
        let time = match time {
            None => "time unknown".to_owned(),
            Some(0) => "0 µs".to_owned(),
            Some(nanoseconds) => Time(Duration::from_nanos(nanoseconds)).to_string(),
        };
        let (outcome, counted) = match wakeups {
            None => ("cannot be seen", String::new()),
            Some(0) => ("asleep", "0 wakeups, ".to_owned()),
            Some(wakeups) => ("wakes up", format!("{wakeups} wakeups, ")),
        };
        let cell = self.cell(Clause::Idle, outcome, outcome != "wakes up");
        cell.detail = Some(format!("{counted}{time}"));
        if !cell.fine {
            cell.sentence = Some(format!(
                "With nothing to do, there are {counted}in a second."
            ));
        }
        Ok(())
    }

    /// Safe calls alone, one by one to a loop that is asleep and then from threads at once: held against
    /// the module of the loop's design.
    fn design(&mut self) -> Result<(), Problem> {
        let Some(design) = self.design.clone() else {
            return Ok(());
        };
        self.run()?;
        for callback in 2..4 {
            self.submit("submit", "safe", callback)?;
            self.settle()?;
        }
        let (threads, each) = FEW;
        let all = (threads * each) as usize;
        self.adapter
            .say(&format!("burst safe 100 {each} {threads}"))?;
        let done = |lines: &[Line]| {
            (100..100 + threads * each).all(|callback| runs(lines, callback))
                && ends(lines, CallName::Submit) == 3 + all
        };
        self.fate("", done)?;
        self.settle()?;
        self.grounds = None;
        let module = &design.module;
        let cannot_tell = if !design.shows_outside() {
            Some(format!(
                "{module} decides under a mutex, and no line of a recording made from outside says when \
                 that is held; wakeproof conform follows its steps instead."
            ))
        } else {
            match self.against_design(self.adapter.lines()) {
                Err(error) => Some(format!("{module}: {error:#}.")),
                Ok(Some(refusal)) => {
                    self.cell(Clause::Design, "broken", true).detail =
                        Some(module.clone().into_owned());
                    self.blame(Clause::Design, &refusal);
                    None
                }
                Ok(None) => match self.against_design(&without_last_run(self.adapter.lines())) {
                    Ok(Some(_)) => {
                        self.cell(Clause::Design, format!("as {module}"), true);
                        None
                    }
                    _ => Some(format!(
                        "{module} allows the recording, but that says nothing: nobody could see the loop \
                         asleep, so it would also allow a loop that leaves its last callback lying there."
                    )),
                },
            }
        };
        if let Some(why) = cannot_tell {
            self.cell(Clause::Design, "cannot tell", true).sentence = Some(why);
        }
        Ok(())
    }

    /// Whether the module of the loop's design refuses these lines.
    fn against_design(&self, lines: &[Line]) -> anyhow::Result<Option<Refusal>> {
        let text = self.text_of(Order::All, lines);
        let verdict = specification::judge_of_designs()?.judge_again(|| Ok(text.as_bytes()))?;
        Ok(verdict.refusal)
    }

    /// Asks the judge, and marks the cell if the contract is broken.
    fn judged(&mut self, clause: Clause) -> Result<(), Problem> {
        if let Some(refusal) = self.refusal(Order::Call)? {
            self.blame(clause, &refusal);
        }
        Ok(())
    }

    fn blame(&mut self, clause: Clause, refusal: &Refusal) {
        let lines = self.text(Order::Call);
        let lines: Vec<&str> = lines.lines().collect();
        let shown = refusal.history.iter().filter_map(|moment| {
            let line = usize::try_from(moment.line).ok()?.checked_sub(1)?;
            lines
                .get(line)
                .map(|text| format!("{}: {text}", moment.line))
        });
        let shown: Vec<String> = shown.collect();
        let said = format!(
            "{}; but {} ({}).",
            refusal.did, refusal.promise, refusal.clause
        );
        let index = self.cells.iter().position(|cell| cell.clause == clause);
        let cell = match index {
            Some(index) => &mut self.cells[index],
            None => self.cell(clause, "broken", false),
        };
        if std::mem::replace(&mut cell.fine, false) {
            cell.outcome = "broken".into();
        }
        cell.sentence = Some(match cell.sentence.take() {
            Some(sentence) => format!("{sentence} The judge: {said}"),
            None => format!("The judge: {said}"),
        });
        let skipped = shown.len().saturating_sub(8);
        cell.lines = shown.into_iter().skip(skipped).collect();
    }

    fn text(&self, order: Order) -> String {
        self.text_of(order, self.adapter.lines())
    }

    /// These lines as a recording. One of a design is held against its module.
    fn text_of(&self, order: Order, lines: &[Line]) -> String {
        let (hello, scenario) = (self.adapter.hello(), self.scenario);
        let mut header = Header::new(BLACK_BOX);
        header.made = Some(format!(
            "{} {}, by wakeproof probe: {}",
            hello.name,
            hello.version,
            scenario.name()
        ));
        header.order = order;
        let design = self.design.as_ref().filter(|design| design.shows_outside());
        if let (Scenario::Design, Some(design)) = (scenario, design) {
            header.against = design.module.clone().into_owned();
            header.design = Some(shown(design, lines));
        }
        text(&header, lines)
    }

    fn refusal(&self, order: Order) -> Result<Option<Refusal>, Problem> {
        let text = self.text(order);
        match specification::judge().judge_again(|| Ok(text.as_bytes())) {
            Ok(verdict) => Ok(verdict.refusal),
            Err(error) => Err(Problem::Writes(format!("{error:#}"))),
        }
    }

    fn finish(self) -> Result<Found, Problem> {
        let recording = self.text(Order::Call);
        let unseen = self.adapter.unseen.clone();
        // An adapter whose loop raised an exception may be gone.
        if self.scenario != Scenario::Exception {
            self.adapter.quit()?;
        }
        Ok(Found {
            cells: self.cells,
            recording,
            restless: self.restless,
            unseen,
        })
    }
}

/// What a recording made from outside shows of a design with a selector: which callback runs, and no step
/// before that.
fn shown(design: &Design, lines: &[Line]) -> Shown {
    let run = match &*design.module {
        "AsyncioLoop" => "AsyncioRun",
        _ => "Run",
    };
    let submitter = |line: &Line| match line {
        Line::Begins {
            thread,
            begins: CallName::Submit,
            ..
        } => Some(thread.clone()),
        _ => None,
    };
    let submitters: BTreeSet<String> = lines.iter().filter_map(submitter).collect();
    let coalesces = design
        .coalesces
        .map(|flag| ("Coalesces".to_owned(), Constant::Flag(flag)));
    Shown {
        steps: BTreeMap::from([("run".to_owned(), vec![run.to_owned()])]),
        submitters: submitters.into_iter().collect(),
        stoppers: 0,
        constants: [("TimedWaits".to_owned(), Constant::Flag(false))]
            .into_iter()
            .chain(coalesces)
            .collect(),
    }
}

/// The same recording of a loop that sleeps on beside its last callback.
fn without_last_run(lines: &[Line]) -> Vec<Line> {
    let is_run = |line: &Line| matches!(line, Line::Runs { .. });
    let mut lines = lines.to_vec();
    if let Some(last) = lines.iter().rposition(is_run) {
        lines.remove(last);
    }
    lines
}

/// A recording, whole.
fn text(header: &Header, lines: &[Line]) -> String {
    let mut text = format!("{header}\n");
    for line in lines {
        text.push_str(&format!("{line}\n"));
    }
    let end = lines.len() as u64;
    text.push_str(&format!("{}\n", Line::End { end }));
    text
}

fn threads(report: Option<&Report>) -> Vec<i32> {
    let threads = report.map_or(&[][..], |report| &report.threads);
    threads.iter().map(|thread| thread.tid).collect()
}

/// The system call in which the loop's thread sleeps: the thread that the adapter has named so, or the first
/// that has begun with the run, or the process's first.
fn where_it_sleeps(report: &Report, before: &[i32]) -> String {
    let threads = || report.threads.iter().filter(|thread| !thread.service);
    let is_new = |tid: &i32| !before.contains(tid);
    let thread = threads()
        .find(|thread| thread.name == "loop")
        .or_else(|| threads().find(|thread| is_new(&thread.tid)))
        .or_else(|| threads().next());
    match thread.map(|thread| &thread.activity) {
        Some(Activity::Asleep(Wait {
            syscall, target, ..
        })) => match target {
            Target::Futex { .. } | Target::Futexes { .. } => "futex".into(),
            _ => syscall.clone(),
        },
        _ => "cannot be seen".into(),
    }
}

/// How often the threads of a process have been let run, those of a runtime aside. `None` where that cannot
/// be seen.
fn times_run(pid: i32) -> Option<u64> {
    let report = look(pid).ok()?;
    let threads = report.threads.iter().filter(|thread| !thread.service);
    Some(threads.map(|thread| thread.times_run).sum())
}

/// How long all threads of a process have run, in nanoseconds. `None` where that cannot be seen.
fn processor_time(pid: i32) -> Option<u64> {
    let mut all = 0;
    for entry in fs::read_dir(format!("/proc/{pid}/task")).ok()? {
        let text = fs::read_to_string(entry.ok()?.path().join("schedstat")).ok()?;
        all += text.split_whitespace().next()?.parse::<u64>().ok()?;
    }
    Some(all)
}
