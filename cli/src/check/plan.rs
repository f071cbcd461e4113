//! A program of several threads, as an adapter's words.

use std::collections::BTreeMap;

use wakeproof_conform::judge::recording::{CallName, Line};
use wakeproof_proptests::command::{Caller, Id, SubmitCall};
use wakeproof_proptests::concurrent::program::{Instruction, Program};
use wakeproof_proptests::record::Call;

use super::explain::{call_in_words, prelude, quoted, statement};
use super::words::{number, word};
use crate::probe::adapter::Hello;

/// The thread that reads the words.
pub(crate) const MAIN: &str = "main";

/// How another thread stops the loop, in Python.
const STOP: &str = "attempt(loop.call_soon_threadsafe, loop.stop)";

/// What each thread is told. The callbacks have numbers.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    hello: &'a Hello,
    /// What is said before the loop runs.
    pub(crate) before: Vec<Call>,
    /// Whether the loop runs, and sleeps, before the threads begin. Otherwise they race with its start.
    pub(crate) sleeps_first: bool,
    /// The threads, each with its calls.
    pub(crate) threads: Vec<Vec<Call>>,
    /// What the callbacks do.
    pub(crate) scripts: BTreeMap<Id, Vec<Call>>,
}

/// How far a program has come.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// How many runs have begun.
    pub(crate) runs: usize,
    /// The last one has not returned.
    pub(crate) is_running: bool,
    /// How many accepted callbacks have not run.
    pub(crate) pending: usize,
    /// Each call of the threads has ended.
    pub(crate) has_called: bool,
    /// Each callback that began has made its calls.
    has_obeyed: bool,
}

impl<'a> Plan<'a> {
    pub(crate) fn new(hello: &'a Hello, program: &Program) -> Self {
        let mut plan = Plan {
            hello,
            before: Vec::new(),
            sleeps_first: program.owner.contains(&Instruction::Run),
            threads: Vec::new(),
            scripts: BTreeMap::new(),
        };
        let mut next = 0;
        plan.before = plan.calls(&program.owner, Caller::Owner, &mut next);
        for thread in &program.others {
            let calls = plan.calls(thread, Caller::Foreign, &mut next);
            plan.threads.push(calls);
        }
        plan
    }

    fn calls(&mut self, instructions: &[Instruction], caller: Caller, next: &mut Id) -> Vec<Call> {
        let mut calls = Vec::new();
        for instruction in instructions {
            let through = match instruction {
                Instruction::CallSoon(_) => SubmitCall::CallSoon,
                Instruction::Submit(_) => SubmitCall::Threadsafe(caller),
                Instruction::Stop => {
                    calls.push(Call::Stop);
                    continue;
                }
                _ => continue,
            };
            let id = *next;
            *next += 1;
            calls.push(Call::Submit(id, through));
            let callback = instruction.callback().map_or(&[][..], Vec::as_slice);
            let script = self.calls(callback, Caller::Owner, next);
            self.scripts.insert(id, script);
        }
        calls
    }

    /// Everything that is said up to the moment when the threads begin.
    pub(crate) fn words(&self) -> Vec<String> {
        let mut words = Vec::new();
        for (id, script) in &self.scripts {
            if !script.is_empty() {
                let script = self.obeyed(script, "stop plain");
                words.push(format!("when {} then {script}", number(*id)));
            }
        }
        for call in &self.before {
            words.extend(word(call, self.hello).map(|(words, _)| words));
        }
        let threads = self.threads.iter();
        let threads: Vec<String> = threads
            .map(|calls| self.obeyed(calls, "stop safe"))
            .collect();
        let threads = format!("threads {}", threads.join(" | "));
        words.extend(match self.sleeps_first {
            true => ["run".to_owned(), threads],
            false => [threads, "run".to_owned()],
        });
        words
    }

    fn obeyed(&self, calls: &[Call], stop: &str) -> String {
        let words = calls.iter().filter_map(|call| match call {
            Call::Stop if self.hello.has(stop) => Some(stop.to_owned()),
            call => Some(word(call, self.hello)?.0),
        });
        words.collect::<Vec<_>>().join(" ; ")
    }

    /// How far the program has come, by what was recorded.
    pub(crate) fn progress(&self, lines: &[Line]) -> Progress {
        let mut progress = Progress::default();
        let (mut accepted, mut ran) = (0_usize, 0_usize);
        let (mut of_threads, mut of_loop, mut obeyed) = (0_usize, 0_usize, 0_usize);
        for line in lines {
            match line {
                Line::Begins {
                    begins: CallName::Start,
                    ..
                } => {
                    progress.runs += 1;
                    progress.is_running = true;
                }
                Line::Ends {
                    ends: CallName::Start,
                    ..
                } => progress.is_running = false,
                Line::Ends { thread, result, .. } => {
                    accepted += usize::from(result.to_string() == "accepted");
                    if self.is_thread(thread).is_some() {
                        of_threads += 1;
                    } else if thread != MAIN {
                        of_loop += 1;
                    }
                }
                Line::Runs { runs, .. } => {
                    ran += 1;
                    let script = id(*runs).and_then(|id| self.scripts.get(&id));
                    obeyed += script.map_or(0, Vec::len);
                }
                _ => {}
            }
        }
        progress.pending = accepted.saturating_sub(ran);
        let told: usize = self.threads.iter().map(Vec::len).sum();
        progress.has_called = of_threads >= told;
        progress.has_obeyed = of_loop >= obeyed;
        progress
    }

    /// The thread with this name.
    pub(crate) fn is_thread(&self, name: &str) -> Option<usize> {
        let number: usize = name.strip_prefix('w')?.parse().ok()?;
        (1..=self.threads.len())
            .contains(&number)
            .then(|| number - 1)
    }

    /// What the adapter has written that it was not told to do.
    pub(crate) fn unasked<'l>(&self, lines: &'l [Line]) -> Option<&'l Line> {
        let mut places = vec![0; self.threads.len()];
        lines.iter().find(|line| match line {
            Line::Begins {
                thread,
                begins,
                callback,
                ..
            } => {
                let is_known = callback.is_none_or(|number| {
                    id(number).is_some_and(|id| self.scripts.contains_key(&id))
                });
                let Some(thread) = self.is_thread(thread) else {
                    return !is_known;
                };
                let told = self.threads[thread].get(places[thread]);
                places[thread] += 1;
                let is_told = match told {
                    Some(Call::Submit(id, _)) => {
                        *begins == CallName::Submit && *callback == Some(number(*id))
                    }
                    Some(Call::Stop) => *begins == CallName::Stop,
                    _ => false,
                };
                !is_told
            }
            Line::Runs { runs, .. } => !id(*runs).is_some_and(|id| self.scripts.contains_key(&id)),
            _ => false,
        })
    }

    /// The program, a line for each thread and for each callback that does something.
    pub(crate) fn lines(&self) -> Vec<String> {
        let named = |calls: &[Call]| {
            let calls = calls.iter().map(|call| call_in_words(self.hello, call));
            calls.collect::<Vec<_>>().join("; ")
        };
        let mut lines = Vec::new();
        for (id, script) in &self.scripts {
            if !script.is_empty() {
                lines.push(format!("callback {} will: {}", number(*id), named(script)));
            }
        }
        let before = named(&self.before);
        lines.push(match (self.before.is_empty(), self.sleeps_first) {
            (true, true) => format!("{MAIN}: run, until the loop sleeps"),
            (false, true) => format!("{MAIN}: {before}; run, until the loop sleeps"),
            (true, false) => format!("{MAIN}: run, at the same time as the threads"),
            (false, false) => format!("{MAIN}: {before}; run, at the same time as the threads"),
        });
        for (at, calls) in self.threads.iter().enumerate() {
            lines.push(format!("w{}: {}", at + 1, named(calls)));
        }
        lines
    }

    /// A program that does the same without us: in Python for loops with asyncio's interface, and otherwise
    /// one that only needs the adapter.
    pub(crate) fn script(&self, command: &[String]) -> String {
        match self.hello.make.is_empty() {
            true => self.shell(command),
            false => self.python(),
        }
    }

    fn python(&self) -> String {
        let mut text = prelude(self.hello, &["threading", "time"]);
        for (id, script) in &self.scripts {
            let n = number(*id);
            text.push_str(&format!(
                "\n\ndef callback_{n}():\n    print(\"callback {n} runs\")\n"
            ));
            for call in script {
                text.push_str(&format!("    {}\n", statement(call)));
            }
        }
        let count = self.threads.len();
        text.push_str(&format!("\n\nat_once = threading.Barrier({count})\n"));
        for (at, calls) in self.threads.iter().enumerate() {
            text.push_str(&format!("\n\ndef w{}():\n    at_once.wait()\n", at + 1));
            for call in calls {
                let line = match call {
                    Call::Stop => STOP.to_owned(),
                    call => statement(call),
                };
                text.push_str(&format!("    {line}\n"));
            }
        }
        text.push_str(
            "\n\nrunner = threading.Thread(target=attempt, args=[loop.run_forever], daemon=True)\n",
        );
        for call in &self.before {
            text.push_str(&format!("{}\n", statement(call)));
        }
        // A second is enough for it to fall asleep.
        text.push_str(match self.sleeps_first {
            true => "runner.start()\ntime.sleep(1)\n",
            false => "",
        });
        let names: Vec<String> = (1..=count).map(|at| format!("w{at}")).collect();
        let names = names.join(", ");
        text.push_str(&format!(
            "for thread in [{names}]:\n    threading.Thread(target=thread).start()\n"
        ));
        if !self.sleeps_first {
            text.push_str("runner.start()\n");
        }
        text.push_str("time.sleep(1)\nprint(\"a second later, with a stop:\")\n");
        text.push_str(&format!("{STOP}\nrunner.join(1)\n"));
        text.push_str("print(\"it runs on\" if runner.is_alive() else \"the run has returned\")\n");
        text
    }

    /// A command for a shell that lets the adapter do the same.
    fn shell(&self, command: &[String]) -> String {
        let mut script = String::from("(");
        for words in self.words() {
            // A run goes on beside the words that follow, and so do threads.
            let goes_on = words == "run" || words.starts_with("threads ");
            let pause = if goes_on { " sleep 1;" } else { "" };
            script.push_str(&format!("echo '{words}';{pause} "));
        }
        let command: Vec<String> = command.iter().map(|word| quoted(word)).collect();
        script.push_str(&format!("echo quit) | {}\n", command.join(" ")));
        script
    }
}

impl Progress {
    /// Nothing more is to come of what was said, if the loop is right.
    pub(crate) fn is_quiet(&self) -> bool {
        let has_run = !self.is_running || self.pending == 0;
        self.has_called && self.has_obeyed && has_run
    }
}

fn id(callback: u64) -> Option<Id> {
    usize::try_from(callback).ok()?.checked_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In Python, each thread calls in the way that is meant for it, and the threads begin at once.
    #[test]
    fn a_program_in_python_makes_the_same_calls() {
        let calls = [
            ("submit plain", "call_soon"),
            ("submit safe", "call_soon_threadsafe"),
            ("stop plain", "stop"),
        ];
        let mut hello = Hello::of("test", "1", &calls);
        hello.make = "module.new()".into();
        let program = Program {
            spurious_wakeups: 0,
            owner: vec![
                Instruction::CallSoon(vec![Instruction::Stop]),
                Instruction::Run,
            ],
            others: vec![
                vec![
                    Instruction::Submit(vec![Instruction::CallSoon(Vec::new())]),
                    Instruction::Stop,
                ],
                vec![Instruction::Submit(Vec::new())],
            ],
        };
        let text = Plan::new(&hello, &program).script(&[]);
        let bodies = [
            "import module\nimport threading\nimport time\n\nloop, handles = module.new(), {}\n",
            "def callback_1():\n    print(\"callback 1 runs\")\n    loop.stop()\n",
            "def callback_2():\n    print(\"callback 2 runs\")\n    handles[3] = attempt(loop.call_soon, callback_3)\n",
            "def w1():\n    at_once.wait()\n    handles[2] = attempt(loop.call_soon_threadsafe, callback_2)\n    \
             attempt(loop.call_soon_threadsafe, loop.stop)\n",
            "def w2():\n    at_once.wait()\n    handles[4] = attempt(loop.call_soon_threadsafe, callback_4)\n",
            "handles[1] = attempt(loop.call_soon, callback_1)\nrunner.start()\ntime.sleep(1)\nfor thread in [w1, w2]:\n",
        ];
        let mut rest = text.as_str();
        for body in bodies {
            let (_, behind) = rest
                .split_once(body)
                .unwrap_or_else(|| panic!("{body}: {text}"));
            rest = behind;
        }
        assert!(text.contains("at_once = threading.Barrier(2)\n"), "{text}");
    }
}
