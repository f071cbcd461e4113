//! Programs for several threads, as text and at random.

use std::fmt;
use std::str::FromStr;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::Union;

/// What each thread does, one step after the other.
///
/// As text, the threads are separated by `|`, the loop's thread first; before it stands how many
/// spurious wakeups there may be. What a callback or a task does is in parentheses:
/// `0 | run close | submit(stop panic) spawn(yield wait) await0`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// How many spurious wakeups there may be.
    pub spurious_wakeups: usize,
    /// The loop's thread. When it has come to its end, it runs the loop until the others have too.
    pub owner: Vec<Step>,
    /// The other threads. At its end, each waits until its own callbacks have run or been dropped, and
    /// until every task has ended or waits for the event, and nobody has woken it from that.
    pub others: Vec<Vec<Step>>,
}

/// One step of a thread, of a callback or of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// `Handle::call_soon_threadsafe`, with what the callback does.
    Submit(Vec<Step>),
    /// `Local::call_soon`, with what the callback does. On the loop's thread only.
    CallSoon(Vec<Step>),
    /// `Handle::call_later_threadsafe` with so many milliseconds, and with what the callback does.
    SubmitLater(u64, Vec<Step>),
    /// `Local::call_later`, the same way. On the loop's thread only.
    CallLater(u64, Vec<Step>),
    /// `Handle::spawn_threadsafe`, with what the task does.
    Spawn(Vec<Step>),
    /// `Local::spawn`, with what the task does. On the loop's thread only.
    SpawnLocal(Vec<Step>),
    /// Lets the others have their turn. In tasks; elsewhere, it is nothing.
    Yield,
    /// Waits for the program's event. In tasks; elsewhere, it is nothing.
    Wait,
    /// Keeps a waker. In tasks; elsewhere, it is nothing.
    KeepWaker,
    /// Uses the n-th waker that was kept, counted in a circle.
    Wake(usize),
    /// `Event::set`, of the program's event. On the loop's thread only.
    Set,
    /// `EventHandle::set_threadsafe`.
    SetThreadsafe,
    /// `hazard::set_event_without_wakeup`. In no random program: what it leads to cannot be explained.
    SetWithoutWakeup,
    /// `Event::clear`. On the loop's thread only.
    Clear,
    /// `SharedTask::cancel`, of the n-th task that has a handle, counted in a circle; on the loop's
    /// thread, also `Task::cancel`.
    CancelTask(usize),
    /// `SharedTask::result`, of the n-th task that has such a handle, counted in a circle. Cancels the
    /// task first if it might wait for the event for ever.
    Result(usize),
    /// Cancels the n-th callback that has a handle, counted in a circle.
    Cancel(usize),
    /// `Handle::stop`.
    Stop,
    /// `Handle::stop`, and then waits until a run has returned.
    StopAndWait,
    /// Waits until the n-th submission of all has run or been dropped, counted in a circle; of a task,
    /// until it has come as far as at the end of a thread.
    Await(usize),
    /// Gives the loop a few opportunities to fall asleep.
    Doze,
    /// `Handle::status`.
    Look,
    /// `EventLoop::run_forever`. On the loop's thread, outside of callbacks.
    Run,
    /// `EventLoop::close`. On the loop's thread, outside of callbacks.
    Close,
    /// Panics. In callbacks and tasks.
    Panic,
}

impl Step {
    /// What the callback or the task does.
    fn callback(&self) -> Option<&Vec<Step>> {
        match self {
            Step::Submit(callback)
            | Step::CallSoon(callback)
            | Step::SubmitLater(_, callback)
            | Step::CallLater(_, callback)
            | Step::Spawn(callback)
            | Step::SpawnLocal(callback) => Some(callback),
            _ => None,
        }
    }

    /// The same step with another callback.
    fn with(&self, callback: Vec<Step>) -> Step {
        match self {
            Step::Submit(_) => Step::Submit(callback),
            Step::CallSoon(_) => Step::CallSoon(callback),
            Step::SubmitLater(delay, _) => Step::SubmitLater(*delay, callback),
            Step::CallLater(delay, _) => Step::CallLater(*delay, callback),
            Step::Spawn(_) => Step::Spawn(callback),
            Step::SpawnLocal(_) => Step::SpawnLocal(callback),
            other => other.clone(),
        }
    }

    /// A step that does less: instead of a task, a callback.
    fn simpler(&self) -> Option<Step> {
        match self {
            Step::Spawn(task) => Some(Step::Submit(task.clone())),
            Step::SpawnLocal(task) => Some(Step::CallSoon(task.clone())),
            _ => None,
        }
    }

    /// Whether it is this step, or contains it.
    fn contains(&self, step: &Step) -> bool {
        let mut inner = self.callback().into_iter().flatten();
        self == step || inner.any(|inner| inner.contains(step))
    }

    /// How many timers it sets, and the callbacks in it.
    fn timers(&self) -> usize {
        let own = matches!(self, Step::SubmitLater(..) | Step::CallLater(..));
        let inner = self.callback().into_iter().flatten().map(Step::timers);
        usize::from(own) + inner.sum::<usize>()
    }
}

/// Any program; of callbacks alone, or with tasks and the event.
pub fn programs(tasks: bool) -> impl Strategy<Value = Program> {
    let pick = || 0..4_usize;
    let delay = || 1..4_u64;
    let one_of = |steps: Vec<(u32, BoxedStrategy<Step>)>, of_tasks: Vec<_>| {
        let of_tasks = of_tasks.into_iter().filter(|_| tasks);
        Union::new_weighted(steps.into_iter().chain(of_tasks).collect())
    };
    // On the loop's thread, in callbacks and tasks.
    let inside = one_of(
        vec![
            (2, Just(Step::Submit(Vec::new())).boxed()),
            (2, Just(Step::CallSoon(Vec::new())).boxed()),
            (
                1,
                delay()
                    .prop_map(|delay| Step::SubmitLater(delay, Vec::new()))
                    .boxed(),
            ),
            (
                1,
                delay()
                    .prop_map(|delay| Step::CallLater(delay, Vec::new()))
                    .boxed(),
            ),
            (2, pick().prop_map(Step::Cancel).boxed()),
            (2, Just(Step::Stop).boxed()),
            (1, Just(Step::Look).boxed()),
            (1, Just(Step::Panic).boxed()),
        ],
        vec![
            (1, Just(Step::Spawn(vec![Step::Wait])).boxed()),
            (1, Just(Step::SpawnLocal(Vec::new())).boxed()),
            (3, Just(Step::Set).boxed()),
            (2, Just(Step::Clear).boxed()),
            (1, Just(Step::SetThreadsafe).boxed()),
            (1, pick().prop_map(Step::Wake).boxed()),
            (1, pick().prop_map(Step::CancelTask).boxed()),
            (1, pick().prop_map(Step::Result).boxed()),
        ],
    );
    let callback = prop_oneof![2 => Just(Vec::new()), 1 => vec(inside.clone(), 1..3)].boxed();
    let timer = || (delay(), callback.clone());
    let task = vec(
        prop_oneof![
            4 => Just(Step::Wait),
            2 => Just(Step::Yield),
            2 => Just(Step::KeepWaker),
            1 => Just(Step::Panic),
            3 => inside,
        ],
        0..4,
    )
    .boxed();
    let owner = one_of(
        vec![
            (4, Just(Step::Run).boxed()),
            (2, callback.clone().prop_map(Step::CallSoon).boxed()),
            (1, callback.clone().prop_map(Step::Submit).boxed()),
            (
                2,
                timer()
                    .prop_map(|(delay, callback)| Step::CallLater(delay, callback))
                    .boxed(),
            ),
            (1, pick().prop_map(Step::Cancel).boxed()),
            (1, Just(Step::Stop).boxed()),
            (1, Just(Step::Close).boxed()),
        ],
        vec![
            (2, task.clone().prop_map(Step::SpawnLocal).boxed()),
            (1, task.clone().prop_map(Step::Spawn).boxed()),
            (1, Just(Step::Set).boxed()),
            (1, Just(Step::Clear).boxed()),
            (1, pick().prop_map(Step::CancelTask).boxed()),
        ],
    );
    let other = one_of(
        vec![
            (6, callback.clone().prop_map(Step::Submit).boxed()),
            (
                3,
                timer()
                    .prop_map(|(delay, callback)| Step::SubmitLater(delay, callback))
                    .boxed(),
            ),
            (2, pick().prop_map(Step::Await).boxed()),
            (2, pick().prop_map(Step::Cancel).boxed()),
            (2, Just(Step::Doze).boxed()),
            (1, Just(Step::Stop).boxed()),
            (2, Just(Step::StopAndWait).boxed()),
            (1, Just(Step::Look).boxed()),
        ],
        vec![
            (6, task.prop_map(Step::Spawn).boxed()),
            (4, Just(Step::SetThreadsafe).boxed()),
            (2, pick().prop_map(Step::Wake).boxed()),
            (2, pick().prop_map(Step::CancelTask).boxed()),
            (2, pick().prop_map(Step::Result).boxed()),
        ],
    );
    let spurious_wakeups = prop_oneof![2 => Just(0), 1 => 1..3_usize];
    (
        spurious_wakeups,
        vec(owner, 0..4),
        vec(vec(other, 1..5), 1..4),
    )
        .prop_map(|(spurious_wakeups, owner, others)| Program {
            spurious_wakeups,
            owner,
            others,
        })
}

/// Takes one step or one thread after the other out of a program that fails, as long as it fails.
pub fn shortest(mut program: Program, fails: impl Fn(&Program) -> bool) -> Program {
    while let Some(simpler) = simpler(&program).into_iter().find(|simpler| fails(simpler)) {
        program = simpler;
    }
    program
}

fn simpler(program: &Program) -> Vec<Program> {
    let mut programs = Vec::new();
    if program.spurious_wakeups > 0 {
        programs.push(Program {
            spurious_wakeups: program.spurious_wakeups - 1,
            ..program.clone()
        });
    }
    for owner in shorter(&program.owner) {
        programs.push(Program {
            owner,
            ..program.clone()
        });
    }
    for (at, thread) in program.others.iter().enumerate() {
        if program.others.len() > 1 {
            let mut without = program.clone();
            without.others.remove(at);
            programs.push(without);
        }
        for steps in shorter(thread) {
            let mut changed = program.clone();
            changed.others[at] = steps;
            programs.push(changed);
        }
    }
    programs
}

fn shorter(steps: &[Step]) -> Vec<Vec<Step>> {
    let mut shorter_steps = Vec::new();
    for (at, step) in steps.iter().enumerate() {
        let mut without = steps.to_vec();
        without.remove(at);
        shorter_steps.push(without);
        if let Some(simpler) = step.simpler() {
            let mut changed = steps.to_vec();
            changed[at] = simpler;
            shorter_steps.push(changed);
        }
        for callback in step.callback().iter().flat_map(|steps| shorter(steps)) {
            let mut changed = steps.to_vec();
            changed[at] = step.with(callback);
            shorter_steps.push(changed);
        }
    }
    shorter_steps
}

impl Program {
    fn steps(&self) -> impl Iterator<Item = &Step> {
        self.owner.iter().chain(self.others.iter().flatten())
    }

    /// How many timers the program sets at most, and so how many deadlines can pass.
    #[must_use]
    pub fn timers(&self) -> usize {
        self.steps().map(Step::timers).sum()
    }

    /// Whether the event, once it is set, may be reset.
    #[must_use]
    pub fn clears(&self) -> bool {
        self.steps().any(|step| step.contains(&Step::Clear))
    }

    /// One line for each thread.
    ///
    /// # Errors
    ///
    /// Those of the formatter.
    pub fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = |name: &str, steps: &[Step]| match steps {
            [] => writeln!(f, "    {name}: nothing of its own"),
            steps => writeln!(f, "    {name}: {}", Steps(steps)),
        };
        line("the loop's thread", &self.owner)?;
        for (at, thread) in self.others.iter().enumerate() {
            line(&format!("thread {}", at + 1), thread)?;
        }
        match self.spurious_wakeups {
            0 => Ok(()),
            number => writeln!(f, "    spurious wakeups: {number} at most"),
        }
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} | {}", self.spurious_wakeups, Steps(&self.owner))?;
        for thread in &self.others {
            write!(f, " | {}", Steps(thread))?;
        }
        Ok(())
    }
}

struct Steps<'a>(&'a [Step]);

impl fmt::Display for Steps<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, step) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str(" ")?;
            }
            match step {
                Step::Submit(_) => f.write_str("submit")?,
                Step::CallSoon(_) => f.write_str("call_soon")?,
                Step::SubmitLater(delay, _) => write!(f, "submit_later{delay}")?,
                Step::CallLater(delay, _) => write!(f, "call_later{delay}")?,
                Step::Spawn(_) => f.write_str("spawn")?,
                Step::SpawnLocal(_) => f.write_str("spawn_local")?,
                Step::Yield => f.write_str("yield")?,
                Step::Wait => f.write_str("wait")?,
                Step::KeepWaker => f.write_str("keep_waker")?,
                Step::Wake(n) => write!(f, "wake{n}")?,
                Step::Set => f.write_str("set")?,
                Step::SetThreadsafe => f.write_str("set_threadsafe")?,
                Step::SetWithoutWakeup => f.write_str("set_without_wakeup")?,
                Step::Clear => f.write_str("clear")?,
                Step::CancelTask(n) => write!(f, "cancel_task{n}")?,
                Step::Result(n) => write!(f, "result{n}")?,
                Step::Cancel(n) => write!(f, "cancel{n}")?,
                Step::Stop => f.write_str("stop")?,
                Step::StopAndWait => f.write_str("stop_and_wait")?,
                Step::Await(n) => write!(f, "await{n}")?,
                Step::Doze => f.write_str("doze")?,
                Step::Look => f.write_str("look")?,
                Step::Run => f.write_str("run")?,
                Step::Close => f.write_str("close")?,
                Step::Panic => f.write_str("panic")?,
            }
            if let Some(callback) = step.callback().filter(|callback| !callback.is_empty()) {
                write!(f, "({})", Steps(callback))?;
            }
        }
        Ok(())
    }
}

impl FromStr for Program {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.split('|').map(str::trim);
        let spurious_wakeups = parts.next().unwrap_or_default();
        let spurious_wakeups = spurious_wakeups
            .parse()
            .map_err(|_| format!("{spurious_wakeups:?} is no number of spurious wakeups"))?;
        let mut threads = parts
            .map(|mut thread| {
                let steps = parse(&mut thread)?;
                match thread {
                    "" => Ok(steps),
                    rest => Err(format!("{rest:?} is too much")),
                }
            })
            .collect::<Result<Vec<_>, _>>()?;
        if threads.is_empty() {
            return Err("there is no thread for the loop".to_owned());
        }
        Ok(Program {
            spurious_wakeups,
            owner: threads.remove(0),
            others: threads,
        })
    }
}

/// Reads steps up to the end of the text or to a closing parenthesis.
fn parse(text: &mut &str) -> Result<Vec<Step>, String> {
    let mut steps = Vec::new();
    loop {
        *text = text.trim_start();
        if text.is_empty() || text.starts_with(')') {
            return Ok(steps);
        }
        let end = text.find([' ', '(', ')']).unwrap_or(text.len());
        let (word, rest) = text.split_at(end);
        *text = rest;
        let name = word.trim_end_matches(|c: char| c.is_ascii_digit());
        let number = || {
            let digits = &word[name.len()..];
            digits
                .parse()
                .map_err(|_| format!("{word:?} needs a number"))
        };
        let milliseconds = || number().map(|number: usize| number as u64);
        let mut callback = || match text.strip_prefix('(') {
            None => Ok(Vec::new()),
            Some(inside) => {
                *text = inside;
                let steps = parse(text)?;
                *text = text.strip_prefix(')').ok_or("a parenthesis is open")?;
                Ok::<_, String>(steps)
            }
        };
        steps.push(match name {
            "submit" => Step::Submit(callback()?),
            "call_soon" => Step::CallSoon(callback()?),
            "submit_later" => Step::SubmitLater(milliseconds()?, callback()?),
            "call_later" => Step::CallLater(milliseconds()?, callback()?),
            "spawn" => Step::Spawn(callback()?),
            "spawn_local" => Step::SpawnLocal(callback()?),
            "yield" => Step::Yield,
            "wait" => Step::Wait,
            "keep_waker" => Step::KeepWaker,
            "wake" => Step::Wake(number()?),
            "set" => Step::Set,
            "set_threadsafe" => Step::SetThreadsafe,
            "set_without_wakeup" => Step::SetWithoutWakeup,
            "clear" => Step::Clear,
            "cancel_task" => Step::CancelTask(number()?),
            "result" => Step::Result(number()?),
            "cancel" => Step::Cancel(number()?),
            "stop" => Step::Stop,
            "stop_and_wait" => Step::StopAndWait,
            "await" => Step::Await(number()?),
            "doze" => Step::Doze,
            "look" => Step::Look,
            "run" => Step::Run,
            "close" => Step::Close,
            "panic" => Step::Panic,
            other => return Err(format!("{other:?} is no step")),
        });
    }
}
