//! Lanes of characters.

use std::fmt::Write;

use super::Trace;

const LANE: usize = 34;
/// What fits on a terminal.
const WIDTH: usize = 80;

pub(super) fn draw(trace: &Trace) -> String {
    let mut out = String::new();
    let Trace {
        fault,
        wrong,
        found,
        ..
    } = trace;
    // Writing to a string does not fail.
    for text in format!("{fault}: {wrong}\n{found}").lines() {
        let _ = writeln!(out, "{}", wrap(text, WIDTH).join("\n"));
    }
    out.push('\n');
    line(
        &mut out,
        "",
        &trace
            .threads
            .iter()
            .map(String::as_str)
            .enumerate()
            .collect::<Vec<_>>(),
    );
    let rules: Vec<String> = trace
        .threads
        .iter()
        .map(|thread| "─".repeat(thread.chars().count()))
        .collect();
    line(
        &mut out,
        "",
        &rules
            .iter()
            .map(String::as_str)
            .enumerate()
            .collect::<Vec<_>>(),
    );
    for (number, step) in trace.steps.iter().enumerate() {
        for (part, text) in wrap(&step.what, LANE - 2).iter().enumerate() {
            let number = if part == 0 {
                (number + 1).to_string()
            } else {
                String::new()
            };
            line(&mut out, &number, &[(step.thread, text)]);
        }
    }
    let ends: Vec<Vec<String>> = trace.ends.iter().map(|end| wrap(end, LANE - 2)).collect();
    for row in 0..ends.iter().map(Vec::len).max().unwrap_or(0) {
        let cells: Vec<(usize, &str)> = ends
            .iter()
            .enumerate()
            .filter_map(|(lane, end)| Some((lane, end.get(row)?.as_str())))
            .collect();
        line(&mut out, if row == 0 { "end" } else { "" }, &cells);
    }
    let _ = writeln!(out, "\n=> {}", wrap(&trace.end, WIDTH - 4).join("\n   "));
    out
}

/// One line, with text in some of its lanes.
fn line(out: &mut String, label: &str, cells: &[(usize, &str)]) {
    let mut text = format!("{label:>4}  ");
    for (lane, cell) in cells {
        let column = 6 + lane * LANE;
        let width = text.chars().count();
        text.extend(std::iter::repeat_n(' ', column.saturating_sub(width)));
        text.push_str(cell);
    }
    out.push_str(text.trim_end());
    out.push('\n');
}

/// Breaks a text between words, so that it fits into that many columns.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let last = lines.last_mut().expect("there is always a last line");
        if !last.is_empty() && last.chars().count() + 1 + word.chars().count() > width {
            lines.push(word.to_owned());
        } else {
            if !last.is_empty() {
                last.push(' ');
            }
            last.push_str(word);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_caption_is_broken_between_words() {
        let trace = Trace {
            fault: "EveryCallbackIsSettled".into(),
            wrong: "a callback that was accepted by a call that wakes the loop runs; ".repeat(2),
            found: "the fewest lines that lead to it "
                .repeat(3)
                .trim_end()
                .into(),
            schedule: None,
            threads: vec!["loop".into()],
            steps: Vec::new(),
            ends: vec!["sleeps".into()],
            end: "everybody was asleep, and callback 1 was still to run".into(),
        };
        let text = draw(&trace);
        let longest = text.lines().map(|line| line.chars().count()).max();
        assert!(longest <= Some(WIDTH), "{text}");
        // Nothing is lost.
        let words = |text: &str| {
            text.split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        let caption = text.split("\n\n").next().expect("a caption");
        let expected = format!("{}: {} {}", trace.fault, trace.wrong, trace.found);
        assert_eq!(words(caption), words(&expected));
    }
}
