//! A history in which a loop differs from the reference: as lines to follow, and as a program that shows
//! it without us.

use std::collections::BTreeMap;
use std::fmt::Write;

use wakeproof_proptests::command::{Due, Id, SubmitCall};
use wakeproof_proptests::history::{Difference, Refutation, predict_records};
use wakeproof_proptests::record::{Call, Event, Record, ReturnValue};

use super::words::{number, scripts, whens, word};
use crate::probe::adapter::Hello;

/// A history, and what its callbacks do.
pub(crate) struct Story<'a> {
    hello: &'a Hello,
    difference: &'a Difference,
    /// What the reference predicts for each command, up to the one that differs.
    plan: Vec<Vec<Record>>,
    scripts: BTreeMap<Id, (Vec<Call>, bool)>,
}

impl<'a> Story<'a> {
    pub(crate) fn new(hello: &'a Hello, refutation: &'a Refutation) -> Self {
        let difference = &refutation.difference;
        let mut plan = predict_records(&refutation.commands);
        plan.truncate(difference.command + 1);
        let scripts = scripts(&plan.concat());
        Story {
            hello,
            difference,
            plan,
            scripts,
        }
    }

    /// The calls of the top level.
    fn calls(&self) -> impl Iterator<Item = Call> {
        self.plan.iter().filter_map(|records| first_call(records))
    }

    /// The history, what was expected and what came instead.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (id, (calls, fails)) in &self.scripts {
            let mut does: Vec<String> = calls.iter().map(|call| self.call(call)).collect();
            if *fails {
                does.push("fail".into());
            }
            if !does.is_empty() {
                lines.push(format!(
                    "callback {} will: {}",
                    number(*id),
                    does.join("; ")
                ));
            }
        }
        lines.extend(self.calls().map(|call| self.call(&call)));
        let place = self.difference.place();
        let happened = self.difference.got[..place]
            .iter()
            .filter(|record| matches!(record.event, Event::Began(..)));
        lines.extend(happened.map(|record| format!("  {}", self.event(Some(record)))));
        let expected = self.event(self.difference.expected.get(place));
        let got = self.event(self.difference.got.get(place));
        lines.push(format!("  expected: {expected}"));
        lines.push(format!("  but:      {got}"));
        lines
    }

    fn call(&self, call: &Call) -> String {
        call_in_words(self.hello, call)
    }

    fn event(&self, record: Option<&Record>) -> String {
        let Some(record) = record else {
            return "nothing more".into();
        };
        let text = match &record.event {
            Event::Began(id, _) => format!("callback {} runs", number(*id)),
            Event::Call(call) => format!("{} is called", self.call(call)),
            Event::Return(ReturnValue::Ran(Ok(()))) => "the run returns".into(),
            Event::Return(ReturnValue::Submitted(Ok(_))) => "the callback is accepted".into(),
            Event::Return(
                ReturnValue::Submitted(Err(_))
                | ReturnValue::Ran(Err(_))
                | ReturnValue::Closed(Err(_)),
            ) => "the call is refused".into(),
            Event::Return(_) => "the call returns".into(),
            Event::SleepsForEver => "the loop sleeps for ever".into(),
            other => format!("{other:?}"),
        };
        if record.thread == 0 {
            text
        } else {
            format!("{text}, on another thread")
        }
    }

    /// A program that shows the difference without us. One in Python for loops with asyncio's interface,
    /// and otherwise one that only needs the adapter.
    pub(crate) fn program(&self, command: &[String]) -> String {
        if self.hello.make.is_empty() {
            self.shell(command)
        } else {
            self.python()
        }
    }

    fn shell(&self, command: &[String]) -> String {
        let words = self
            .calls()
            .filter_map(|call| Some(word(&call, self.hello)?.0));
        let plan = self.plan.concat();
        let mut script = String::from("(");
        for words in whens(&plan, self.hello).into_iter().chain(words) {
            // A run goes on beside the words that follow.
            let pause = if words == "run" { " sleep 1;" } else { "" };
            let _ = write!(script, "echo '{words}';{pause} ");
        }
        let command: Vec<String> = command.iter().map(|word| quoted(word)).collect();
        let _ = writeln!(script, "echo quit) | {}", command.join(" "));
        script
    }

    fn python(&self) -> String {
        let mut text = prelude(self.hello, &[]);
        let plan = self.plan.concat();
        let mut submitted: Vec<Id> = plan
            .iter()
            .filter_map(|record| match record.event {
                Event::Call(Call::Submit(id, _)) => Some(id),
                _ => None,
            })
            .collect();
        submitted.sort_unstable();
        for id in submitted {
            let n = number(id);
            let _ = write!(
                text,
                "\n\ndef callback_{n}():\n    print(\"callback {n} runs\")\n"
            );
            if let Some((calls, fails)) = self.scripts.get(&id) {
                for call in calls {
                    let _ = writeln!(text, "    {}", statement(call));
                }
                if *fails {
                    text.push_str("    raise Exception(\"on purpose\")\n");
                }
            }
        }
        text.push_str("\n\n");
        for call in self.calls() {
            let _ = writeln!(text, "{}", statement(&call));
            if call == Call::Run {
                text.push_str("print(\"the run has returned\")\n");
            }
        }
        text
    }
}

/// A call, as it is called in this loop.
pub(crate) fn call_in_words(hello: &Hello, call: &Call) -> String {
    let calls = &hello.calls;
    let called = |word: &'static str| {
        let name = ["plain", "safe"]
            .iter()
            .find_map(|how| calls.get(&format!("{word} {how}")));
        name.map_or(word, String::as_str)
    };
    match call {
        Call::Submit(id, SubmitCall::Timer(due)) => {
            let delay = match due {
                Due::Later(delay) => *delay,
                _ => 0,
            };
            format!(
                "{}: callback {}, in {delay} ms",
                called("timer"),
                number(*id)
            )
        }
        Call::Submit(id, through) => {
            let how = if *through == SubmitCall::CallSoon {
                "plain"
            } else {
                "safe"
            };
            let name = calls
                .get(&format!("submit {how}"))
                .map_or("submit", String::as_str);
            format!("{name}: callback {}", number(*id))
        }
        Call::Cancel(id) => format!(
            "{}: callback {}",
            calls.get("cancel").map_or("cancel", String::as_str),
            number(*id)
        ),
        Call::Stop => called("stop").to_owned(),
        Call::Run => "run".to_owned(),
        Call::Close => "close".to_owned(),
        other => format!("{other:?}"),
    }
}

fn first_call(records: &[Record]) -> Option<Call> {
    records.iter().find_map(|record| match &record.event {
        Event::Call(call) => Some(*call),
        _ => None,
    })
}

/// How a program in Python begins: with its imports, the loop, and a function for calls that may be refused.
pub(super) fn prelude(hello: &Hello, more: &[&str]) -> String {
    let module = hello.make.rsplit_once('.');
    let module = module.map_or("asyncio", |(module, _)| module);
    let mut modules = vec![module];
    modules.extend(more);
    let mut text: String = modules
        .iter()
        .map(|name| format!("import {name}\n"))
        .collect();
    let _ = writeln!(text, "\nloop, handles = {}, {{}}", hello.make);
    text.push_str(
        "\n\ndef attempt(call, *arguments):\n    try:\n        return call(*arguments)\n",
    );
    text.push_str("    except RuntimeError as error:\n        print(\"refused:\", error)\n");
    text
}

/// A call in Python, on the loop's own thread or before it runs.
pub(super) fn statement(call: &Call) -> String {
    match call {
        Call::Submit(id, SubmitCall::Timer(due)) => {
            let delay = match due {
                Due::Later(delay) => *delay,
                _ => 0,
            };
            // Real time is not as exact as virtual time.
            let seconds = delay as f64 / 50.0;
            let n = number(*id);
            format!("handles[{n}] = attempt(loop.call_later, {seconds}, callback_{n})")
        }
        Call::Submit(id, through) => {
            let n = number(*id);
            let name = match through {
                SubmitCall::Threadsafe(_) => "call_soon_threadsafe",
                _ => "call_soon",
            };
            format!("handles[{n}] = attempt(loop.{name}, callback_{n})")
        }
        Call::Cancel(id) => format!("handles[{}].cancel()", number(*id)),
        Call::Stop => "loop.stop()".into(),
        Call::Run => "attempt(loop.run_forever)".into(),
        Call::Close => "attempt(loop.close)".into(),
        other => format!("# {other:?}"),
    }
}

/// A word for a shell.
pub(crate) fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-=:".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
