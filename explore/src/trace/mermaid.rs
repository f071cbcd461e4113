//! A sequence diagram in mermaid's language.

use std::fmt::Write;

use super::{Notified, Trace};

pub(super) fn draw(trace: &Trace) -> String {
    let mut out = String::from("sequenceDiagram\n");
    // Writing to a string does not fail.
    for (index, thread) in trace.threads.iter().enumerate() {
        let _ = writeln!(out, "    participant T{index} as {}", escape(thread));
    }
    for step in &trace.steps {
        let (thread, what) = (step.thread, escape(&step.what));
        let _ = match step.notifies {
            Some(Notified::Thread(woken)) if woken != thread => {
                writeln!(out, "    T{thread}->>T{woken}: {what}")
            }
            Some(Notified::Nobody) => writeln!(out, "    T{thread}--xT{thread}: {what}"),
            _ => writeln!(out, "    Note over T{thread}: {what}"),
        };
    }
    for (index, end) in trace.ends.iter().enumerate() {
        let _ = writeln!(out, "    Note over T{index}: {}", escape(end));
    }
    let last = trace.threads.len().saturating_sub(1);
    let over = if last == 0 {
        "T0".into()
    } else {
        format!("T0,T{last}")
    };
    let _ = writeln!(out, "    Note over {over}: {}", escape(&trace.end));
    out
}

/// Semicolons and hashes mean something to mermaid.
fn escape(text: &str) -> String {
    text.replace('#', "#35;").replace(';', ",")
}
