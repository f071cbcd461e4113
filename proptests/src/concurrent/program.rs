//! Programs for several threads: as values, as text, and random ones.

use std::fmt;
use std::str::FromStr;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::Union;

/// What each thread does.
///
/// As text, a program begins with the number of spurious wakeups. Then come the threads, each after a
/// `|`, the loop's thread first. Parentheses hold what a callback or a task does:
/// `0 | run close | submit(stop panic) spawn(yield wait) await0`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// At most this many wakeups are spurious.
    pub spurious_wakeups: usize,
    /// The loop's thread. At its end, it runs the loop until the other threads have ended.
    pub owner: Vec<Instruction>,
    /// The other threads. At its end, each waits until its own callbacks have run or been dropped, and
    /// every task has ended or waits for the event without having been woken.
    pub others: Vec<Vec<Instruction>>,
}

/// One instruction of a thread, a callback or a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Instruction {
    /// `Handle::call_soon_threadsafe`, with what the callback does.
    Submit(Vec<Instruction>),
    /// `Local::call_soon`, with what the callback does. On the loop's thread only.
    CallSoon(Vec<Instruction>),
    /// `Handle::call_later_threadsafe`, with the delay in milliseconds and what the callback does.
    SubmitLater(u64, Vec<Instruction>),
    /// `Local::call_later`, the same way. On the loop's thread only.
    CallLater(u64, Vec<Instruction>),
    /// `Handle::spawn_threadsafe`, with what the task does.
    Spawn(Vec<Instruction>),
    /// `Local::spawn`, with what the task does. On the loop's thread only.
    SpawnLocal(Vec<Instruction>),
    /// Yields to the other tasks. Does nothing outside tasks.
    Yield,
    /// Waits for the program's event. Does nothing outside tasks.
    Wait,
    /// Keeps a waker. Does nothing outside tasks.
    KeepWaker,
    /// Uses the n-th waker that was kept, wrapping around.
    Wake(usize),
    /// `Event::set`, on the program's event. On the loop's thread only.
    Set,
    /// `EventHandle::set_threadsafe`.
    SetThreadsafe,
    /// `hazard::set_event_without_wakeup`. Not in random programs: the reference cannot explain its effect.
    SetWithoutWakeup,
    /// `Event::clear`. On the loop's thread only.
    Clear,
    /// `SharedTask::cancel`, on the n-th task that has a handle, wrapping around. On the loop's thread,
    /// also `Task::cancel`.
    CancelTask(usize),
    /// `SharedTask::result`, on the n-th task that has such a handle, wrapping around. Cancels the task
    /// first if it might wait for the event for ever.
    Result(usize),
    /// Cancels the n-th callback that has a handle, wrapping around.
    Cancel(usize),
    /// `Handle::stop`.
    Stop,
    /// `Handle::stop`, and then waits until a run has returned.
    StopAndWait,
    /// Waits until the n-th of all submissions has run or been dropped, wrapping around. For a task, waiting
    /// for the event without having been woken is enough.
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

impl Instruction {
    /// What the callback or the task does.
    #[must_use]
    pub fn callback(&self) -> Option<&Vec<Instruction>> {
        match self {
            Instruction::Submit(callback)
            | Instruction::CallSoon(callback)
            | Instruction::SubmitLater(_, callback)
            | Instruction::CallLater(_, callback)
            | Instruction::Spawn(callback)
            | Instruction::SpawnLocal(callback) => Some(callback),
            _ => None,
        }
    }

    /// The same instruction with another callback.
    fn with(&self, callback: Vec<Instruction>) -> Instruction {
        match self {
            Instruction::Submit(_) => Instruction::Submit(callback),
            Instruction::CallSoon(_) => Instruction::CallSoon(callback),
            Instruction::SubmitLater(delay, _) => Instruction::SubmitLater(*delay, callback),
            Instruction::CallLater(delay, _) => Instruction::CallLater(*delay, callback),
            Instruction::Spawn(_) => Instruction::Spawn(callback),
            Instruction::SpawnLocal(_) => Instruction::SpawnLocal(callback),
            other => other.clone(),
        }
    }

    /// A simpler instruction: a callback instead of a task.
    fn simpler(&self) -> Option<Instruction> {
        match self {
            Instruction::Spawn(task) => Some(Instruction::Submit(task.clone())),
            Instruction::SpawnLocal(task) => Some(Instruction::CallSoon(task.clone())),
            _ => None,
        }
    }

    /// Whether this is that instruction, or contains it.
    fn contains(&self, instruction: &Instruction) -> bool {
        let mut inner = self.callback().into_iter().flatten();
        self == instruction || inner.any(|inner| inner.contains(instruction))
    }

    /// How many timers it sets, including those set by the callbacks in it.
    fn timers(&self) -> usize {
        let own = matches!(
            self,
            Instruction::SubmitLater(..) | Instruction::CallLater(..)
        );
        let inner = self
            .callback()
            .into_iter()
            .flatten()
            .map(Instruction::timers);
        usize::from(own) + inner.sum::<usize>()
    }
}

/// Any program: with callbacks only, or also with tasks and the event.
pub fn programs(tasks: bool) -> impl Strategy<Value = Program> {
    let pick = || 0..4_usize;
    let delay = || 1..4_u64;
    let one_of = |instructions: Vec<(u32, BoxedStrategy<Instruction>)>, of_tasks: Vec<_>| {
        let of_tasks = of_tasks.into_iter().filter(|_| tasks);
        Union::new_weighted(instructions.into_iter().chain(of_tasks).collect())
    };
    // For callbacks and tasks, which run on the loop's thread.
    let inside = one_of(
        vec![
            (2, Just(Instruction::Submit(Vec::new())).boxed()),
            (2, Just(Instruction::CallSoon(Vec::new())).boxed()),
            (
                1,
                delay()
                    .prop_map(|delay| Instruction::SubmitLater(delay, Vec::new()))
                    .boxed(),
            ),
            (
                1,
                delay()
                    .prop_map(|delay| Instruction::CallLater(delay, Vec::new()))
                    .boxed(),
            ),
            (2, pick().prop_map(Instruction::Cancel).boxed()),
            (2, Just(Instruction::Stop).boxed()),
            (1, Just(Instruction::Look).boxed()),
            (1, Just(Instruction::Panic).boxed()),
        ],
        vec![
            (1, Just(Instruction::Spawn(vec![Instruction::Wait])).boxed()),
            (1, Just(Instruction::SpawnLocal(Vec::new())).boxed()),
            (3, Just(Instruction::Set).boxed()),
            (2, Just(Instruction::Clear).boxed()),
            (1, Just(Instruction::SetThreadsafe).boxed()),
            (1, pick().prop_map(Instruction::Wake).boxed()),
            (1, pick().prop_map(Instruction::CancelTask).boxed()),
            (1, pick().prop_map(Instruction::Result).boxed()),
        ],
    );
    let callback = prop_oneof![2 => Just(Vec::new()), 1 => vec(inside.clone(), 1..3)].boxed();
    let timer = || (delay(), callback.clone());
    let task = vec(
        prop_oneof![
            4 => Just(Instruction::Wait),
            2 => Just(Instruction::Yield),
            2 => Just(Instruction::KeepWaker),
            1 => Just(Instruction::Panic),
            3 => inside,
        ],
        0..4,
    )
    .boxed();
    let owner = one_of(
        vec![
            (4, Just(Instruction::Run).boxed()),
            (2, callback.clone().prop_map(Instruction::CallSoon).boxed()),
            (1, callback.clone().prop_map(Instruction::Submit).boxed()),
            (
                2,
                timer()
                    .prop_map(|(delay, callback)| Instruction::CallLater(delay, callback))
                    .boxed(),
            ),
            (1, pick().prop_map(Instruction::Cancel).boxed()),
            (1, Just(Instruction::Stop).boxed()),
            (1, Just(Instruction::Close).boxed()),
        ],
        vec![
            (2, task.clone().prop_map(Instruction::SpawnLocal).boxed()),
            (1, task.clone().prop_map(Instruction::Spawn).boxed()),
            (1, Just(Instruction::Set).boxed()),
            (1, Just(Instruction::Clear).boxed()),
            (1, pick().prop_map(Instruction::CancelTask).boxed()),
        ],
    );
    let other = one_of(
        vec![
            (6, callback.clone().prop_map(Instruction::Submit).boxed()),
            (
                3,
                timer()
                    .prop_map(|(delay, callback)| Instruction::SubmitLater(delay, callback))
                    .boxed(),
            ),
            (2, pick().prop_map(Instruction::Await).boxed()),
            (2, pick().prop_map(Instruction::Cancel).boxed()),
            (2, Just(Instruction::Doze).boxed()),
            (1, Just(Instruction::Stop).boxed()),
            (2, Just(Instruction::StopAndWait).boxed()),
            (1, Just(Instruction::Look).boxed()),
        ],
        vec![
            (6, task.prop_map(Instruction::Spawn).boxed()),
            (4, Just(Instruction::SetThreadsafe).boxed()),
            (2, pick().prop_map(Instruction::Wake).boxed()),
            (2, pick().prop_map(Instruction::CancelTask).boxed()),
            (2, pick().prop_map(Instruction::Result).boxed()),
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

/// Removes instructions and threads from a failing program as long as it still fails.
pub fn shortest(mut program: Program, fails: impl Fn(&Program) -> bool) -> Program {
    while let Some(simpler) = simpler(&program).into_iter().find(|simpler| fails(simpler)) {
        program = simpler;
    }
    program
}

/// The programs that are one step simpler.
pub(super) fn simpler(program: &Program) -> Vec<Program> {
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
        for instructions in shorter(thread) {
            let mut changed = program.clone();
            changed.others[at] = instructions;
            programs.push(changed);
        }
    }
    programs
}

fn shorter(instructions: &[Instruction]) -> Vec<Vec<Instruction>> {
    let mut shorter_steps = Vec::new();
    for (at, instruction) in instructions.iter().enumerate() {
        let mut without = instructions.to_vec();
        without.remove(at);
        shorter_steps.push(without);
        if let Some(simpler) = instruction.simpler() {
            let mut changed = instructions.to_vec();
            changed[at] = simpler;
            shorter_steps.push(changed);
        }
        for callback in instruction
            .callback()
            .iter()
            .flat_map(|instructions| shorter(instructions))
        {
            let mut changed = instructions.to_vec();
            changed[at] = instruction.with(callback);
            shorter_steps.push(changed);
        }
    }
    shorter_steps
}

impl Program {
    fn instructions(&self) -> impl Iterator<Item = &Instruction> {
        self.owner.iter().chain(self.others.iter().flatten())
    }

    /// The most timers that the program can set, and so the most deadlines that can pass.
    #[must_use]
    pub fn timers(&self) -> usize {
        self.instructions().map(Instruction::timers).sum()
    }

    /// Whether the program may reset the event after it was set.
    #[must_use]
    pub fn clears(&self) -> bool {
        self.instructions()
            .any(|instruction| instruction.contains(&Instruction::Clear))
    }

    /// Writes one line for each thread.
    ///
    /// # Errors
    ///
    /// Those of the formatter.
    pub fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = |name: &str, instructions: &[Instruction]| match instructions {
            [] => writeln!(f, "    {name}: nothing of its own"),
            instructions => writeln!(f, "    {name}: {}", Instructions(instructions)),
        };
        line("the loop's thread", &self.owner)?;
        for (at, thread) in self.others.iter().enumerate() {
            line(&format!("thread {}", at + 1), thread)?;
        }
        match self.spurious_wakeups {
            0 => Ok(()),
            number => writeln!(f, "    spurious wakeups: at most {number}"),
        }
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} | {}",
            self.spurious_wakeups,
            Instructions(&self.owner)
        )?;
        for thread in &self.others {
            write!(f, " | {}", Instructions(thread))?;
        }
        Ok(())
    }
}

struct Instructions<'a>(&'a [Instruction]);

impl fmt::Display for Instructions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, instruction) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str(" ")?;
            }
            match instruction {
                Instruction::Submit(_) => f.write_str("submit")?,
                Instruction::CallSoon(_) => f.write_str("call_soon")?,
                Instruction::SubmitLater(delay, _) => write!(f, "submit_later{delay}")?,
                Instruction::CallLater(delay, _) => write!(f, "call_later{delay}")?,
                Instruction::Spawn(_) => f.write_str("spawn")?,
                Instruction::SpawnLocal(_) => f.write_str("spawn_local")?,
                Instruction::Yield => f.write_str("yield")?,
                Instruction::Wait => f.write_str("wait")?,
                Instruction::KeepWaker => f.write_str("keep_waker")?,
                Instruction::Wake(n) => write!(f, "wake{n}")?,
                Instruction::Set => f.write_str("set")?,
                Instruction::SetThreadsafe => f.write_str("set_threadsafe")?,
                Instruction::SetWithoutWakeup => f.write_str("set_without_wakeup")?,
                Instruction::Clear => f.write_str("clear")?,
                Instruction::CancelTask(n) => write!(f, "cancel_task{n}")?,
                Instruction::Result(n) => write!(f, "result{n}")?,
                Instruction::Cancel(n) => write!(f, "cancel{n}")?,
                Instruction::Stop => f.write_str("stop")?,
                Instruction::StopAndWait => f.write_str("stop_and_wait")?,
                Instruction::Await(n) => write!(f, "await{n}")?,
                Instruction::Doze => f.write_str("doze")?,
                Instruction::Look => f.write_str("look")?,
                Instruction::Run => f.write_str("run")?,
                Instruction::Close => f.write_str("close")?,
                Instruction::Panic => f.write_str("panic")?,
            }
            if let Some(callback) = instruction
                .callback()
                .filter(|callback| !callback.is_empty())
            {
                write!(f, "({})", Instructions(callback))?;
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
            .map_err(|_| format!("{spurious_wakeups:?} is not a number of spurious wakeups"))?;
        let mut threads = parts
            .map(|mut thread| {
                let instructions = parse(&mut thread)?;
                match thread {
                    "" => Ok(instructions),
                    rest => Err(format!("unexpected {rest:?}")),
                }
            })
            .collect::<Result<Vec<_>, _>>()?;
        if threads.is_empty() {
            return Err("the loop's thread is missing".to_owned());
        }
        Ok(Program {
            spurious_wakeups,
            owner: threads.remove(0),
            others: threads,
        })
    }
}

/// Parses instructions up to a closing parenthesis or the end of the text.
fn parse(text: &mut &str) -> Result<Vec<Instruction>, String> {
    let mut instructions = Vec::new();
    loop {
        *text = text.trim_start();
        if text.is_empty() || text.starts_with(')') {
            return Ok(instructions);
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
                let instructions = parse(text)?;
                *text = text
                    .strip_prefix(')')
                    .ok_or("a closing parenthesis is missing")?;
                Ok::<_, String>(instructions)
            }
        };
        instructions.push(match name {
            "submit" => Instruction::Submit(callback()?),
            "call_soon" => Instruction::CallSoon(callback()?),
            "submit_later" => Instruction::SubmitLater(milliseconds()?, callback()?),
            "call_later" => Instruction::CallLater(milliseconds()?, callback()?),
            "spawn" => Instruction::Spawn(callback()?),
            "spawn_local" => Instruction::SpawnLocal(callback()?),
            "yield" => Instruction::Yield,
            "wait" => Instruction::Wait,
            "keep_waker" => Instruction::KeepWaker,
            "wake" => Instruction::Wake(number()?),
            "set" => Instruction::Set,
            "set_threadsafe" => Instruction::SetThreadsafe,
            "set_without_wakeup" => Instruction::SetWithoutWakeup,
            "clear" => Instruction::Clear,
            "cancel_task" => Instruction::CancelTask(number()?),
            "result" => Instruction::Result(number()?),
            "cancel" => Instruction::Cancel(number()?),
            "stop" => Instruction::Stop,
            "stop_and_wait" => Instruction::StopAndWait,
            "await" => Instruction::Await(number()?),
            "doze" => Instruction::Doze,
            "look" => Instruction::Look,
            "run" => Instruction::Run,
            "close" => Instruction::Close,
            "panic" => Instruction::Panic,
            other => return Err(format!("{other:?} is not an instruction")),
        });
    }
}
