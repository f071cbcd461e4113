//! A sequence diagram in mermaid's language.

use std::fmt::Write;

use super::section::{Line, Lock, Section};
use super::{Notified, Trace};

pub(super) fn draw(trace: &Trace) -> String {
    let mut out = String::from("sequenceDiagram\n");
    // Writing to a string does not fail.
    for (index, thread) in trace.threads.iter().enumerate() {
        let _ = writeln!(out, "    participant T{index} as {}", escape(thread));
    }
    let last = trace.threads.len().saturating_sub(1);
    let all = if last == 0 {
        "T0".to_owned()
    } else {
        format!("T0,T{last}")
    };
    let mut before = None;
    for (index, section) in trace.sections().iter().enumerate() {
        let text = text(index + 1, section);
        let over = section
            .thread
            .map_or_else(|| all.clone(), |thread| format!("T{thread}"));
        if section.is_wrong {
            let _ = writeln!(out, "    rect rgb(255, 205, 205)");
        }
        let _ = writeln!(out, "    Note over {over}: {text}");
        for Line { what, notifies, .. } in &section.lines {
            let Some(thread) = section.thread else {
                continue;
            };
            let line = escape(what);
            let _ = match notifies {
                Some(Notified::Thread(woken)) if *woken != thread => {
                    writeln!(out, "    T{thread}->>T{woken}: {line}")
                }
                Some(Notified::Nobody) => writeln!(out, "    T{thread}--xT{thread}: {line}"),
                _ => Ok(()),
            };
        }
        if section.is_wrong {
            let _ = writeln!(out, "    end");
        }
        let shared = shared(section);
        if !shared.is_empty() && before.as_ref() != Some(&shared) {
            let _ = writeln!(out, "    Note over {all}: {shared}");
        }
        before = Some(shared);
    }
    for (index, end) in trace.ends.iter().enumerate() {
        let _ = writeln!(out, "    Note over T{index}: {}", escape(end));
    }
    let _ = writeln!(out, "    Note over {all}: {}", escape(&trace.end));
    out
}

/// What a box says: all but the notifications, which are arrows.
fn text(number: usize, section: &Section) -> String {
    let lock = match section.lock {
        Lock::None => String::new(),
        lock => format!(" ({})", lock.in_words()),
    };
    let lines = section
        .lines
        .iter()
        .filter(|line| !matches!(line.notifies, Some(Notified::Thread(_) | Notified::Nobody)));
    let lines: Vec<String> = lines.map(|line| escape(&line.what)).collect();
    if lines.is_empty() {
        return format!("{number}{lock}");
    }
    format!("{number}{lock}: {}", lines.join("<br/>"))
}

/// What the threads share after it.
fn shared(section: &Section) -> String {
    let shared = &section.shared;
    let queue = shared.queue.as_ref().map(|queue| format!("queue {queue}"));
    let flags = (!shared.flags.is_empty()).then(|| shared.flags.join(", "));
    let held = shared
        .mutex
        .as_ref()
        .filter(|mutex| *mutex != super::shared::FREE);
    let mutex = held.map(|holder| format!("mutex: {holder}"));
    let clock = shared.clock.as_ref().map(|clock| format!("clock {clock}"));
    let known: Vec<String> = [queue, flags, mutex, clock].into_iter().flatten().collect();
    escape(&known.join(" · "))
}

/// Some characters mean something to mermaid, or to what draws it.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        match letter {
            '#' => escaped.push_str("#35;"),
            ';' => escaped.push_str("#59;"),
            '<' => escaped.push_str("#lt;"),
            '>' => escaped.push_str("#gt;"),
            letter if letter.is_control() => escaped.push(' '),
            letter => escaped.push(letter),
        }
    }
    escaped
}
